// Package lookup looks up what references to secrets stand for: env:NAME, file:PATH and
// secret:NAME or secret:NAME#KEY (AWS Secrets Manager). Its errors name the reference, never what
// it stands for.
package lookup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// timeout bounds one look-up, with the retries of the AWS SDK.
const timeout = 5 * time.Second

// maxFile bounds what is read of a file, in bytes; Secrets Manager has the same limit
// (https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html).
const maxFile = 64 << 10

// errEmpty says that there is nothing where a secret should be: an empty token would be worse.
var errEmpty = errors.New("it is empty")

// Resolver looks secrets up. Nothing is connected to before the first secret:NAME. Many goroutines
// may use it at once.
type Resolver struct {
	aws func(ctx context.Context) (aws.Config, error)
	now func() time.Time

	mu     sync.Mutex
	client *secretsmanager.Client // nil until the first secret:NAME
	cache  map[string]cached      // by name in Secrets Manager
}

// New makes a resolver. load is asked once, when AWS is first needed.
func New(load func(ctx context.Context) (aws.Config, error)) *Resolver {
	return &Resolver{aws: load, now: time.Now, cache: map[string]cached{}}
}

// Resolve gives what a reference stands for, without the newlines at its end. Environment and
// files are read anew by every call; a secret of Secrets Manager is kept for at most a minute, so
// that a rotation is seen by then. An empty secret is an error.
func (r *Resolver) Resolve(ctx context.Context, ref string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	kind, name, _ := strings.Cut(ref, ":")
	var value string
	var err error
	switch {
	case name == "":
		kind = ""
	case kind == "env":
		value, err = fromEnv(name)
	case kind == "file":
		value, err = fromFile(name)
	case kind == "secret":
		value, err = r.fromSecretsManager(ctx, name)
	default:
		kind = ""
	}
	if kind == "" { // it may be the secret itself, so that it is not told
		return "", errors.New("a secret is not given by a reference: write env:NAME, file:PATH or secret:NAME, never the secret itself")
	}
	value = strings.TrimRight(value, "\r\n")
	if err == nil && strings.TrimSpace(value) == "" {
		err = errEmpty
	}
	if err != nil {
		return "", fmt.Errorf("look up %s: %w", ref, err)
	}
	return value, nil
}

func fromEnv(name string) (string, error) {
	value, ok := os.LookupEnv(name)
	if !ok {
		return "", errors.New("there is no such environment variable")
	}
	return value, nil
}

func fromFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return "", err
	}
	if len(text) > maxFile {
		return "", fmt.Errorf("it is larger than %d bytes", maxFile)
	}
	return string(text), nil
}
