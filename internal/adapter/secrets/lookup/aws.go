package lookup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// keep is how long a secret of Secrets Manager is used before it is looked up again.
const keep = time.Minute

type cached struct {
	value string
	at    time.Time
}

// fromSecretsManager looks up NAME or NAME#KEY. NAME may be an ARN.
func (r *Resolver) fromSecretsManager(ctx context.Context, name string) (string, error) {
	name, key, keyed := strings.Cut(name, "#")
	value, err := r.secret(ctx, name)
	if err != nil {
		return "", err
	}
	var object map[string]json.RawMessage
	isObject := json.Unmarshal([]byte(value), &object) == nil && object != nil
	switch {
	case !keyed && isObject:
		return "", errors.New("it is a JSON object: name one of its keys, as secret:NAME#KEY")
	case !keyed:
		return value, nil
	case !isObject:
		return "", errors.New("it has no keys, as it is not a JSON object")
	}
	var text string
	if json.Unmarshal(object[key], &text) != nil {
		return "", errors.New("its JSON object has no text of that key")
	}
	return text, nil
}

// secret gives the whole secret of a name, from the cache where it is young enough.
func (r *Resolver) secret(ctx context.Context, name string) (string, error) {
	r.mu.Lock()
	known, ok := r.cache[name]
	r.mu.Unlock()
	asked := r.now()
	if ok && asked.Sub(known.at) < keep {
		return known.value, nil
	}
	client, err := r.connect(ctx)
	if err != nil {
		return "", err
	}
	out, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &name})
	if err != nil {
		return "", err
	}
	if out.SecretString == nil {
		return "", errors.New("it is binary, and must be a text")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cache[name] = cached{value: *out.SecretString, at: asked}
	return *out.SecretString, nil
}

// connect makes the client at the first use, so that nobody needs AWS who keeps no secret there.
func (r *Resolver) connect(ctx context.Context) (*secretsmanager.Client, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.client != nil {
		return r.client, nil
	}
	cfg, err := r.aws(ctx)
	if err != nil {
		return nil, fmt.Errorf("load the AWS configuration: %w", err)
	}
	r.client = secretsmanager.NewFromConfig(cfg)
	return r.client, nil
}
