// Package lambdakit is what every function on AWS begins with: its environment, checked at start; a logger;
// metrics; the events that come to it; and the one place where an error gets the name by which a state
// machine knows it. It knows neither policy nor ledger: package live below it does.
package lambdakit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/cinegit/guardian/internal/lambdakit/names"
)

// Handler handles events, as package github.com/aws/aws-lambda-go/lambda has it.
type Handler = lambda.Handler

// Build makes a function's handler. It may call the outside; what it cannot do is told as the reason why
// the function is not ready, and it is called again for a later event.
type Build func(ctx context.Context, k *Kit) (Handler, error)

// Kit is what a function is built from.
type Kit struct {
	Log     *slog.Logger
	Metrics *Metrics
	AWS     aws.Config

	env    map[string]string
	unread map[string]bool
	alien  []string
}

// Env gives a variable that the function is listed with in package names. Another is a mistake that keeps
// the function from getting ready, as is one that is listed and never asked for.
func (k *Kit) Env(name string) string {
	value, listed := k.env[name]
	if !listed {
		k.alien = append(k.alien, name)
	}
	delete(k.unread, name)
	return value
}

// LoadAWS gives AWS to what loads it when it first needs it.
func (k *Kit) LoadAWS(context.Context) (aws.Config, error) { return k.AWS, nil }

// asListed tells whether exactly the listed variables were asked for.
func (k *Kit) asListed() error {
	var wrong []error
	for _, name := range k.alien {
		wrong = append(wrong, fmt.Errorf("%s is read and not listed in package names", name))
	}
	for name := range k.unread {
		wrong = append(wrong, fmt.Errorf("%s is listed in package names and not read", name))
	}
	return errors.Join(wrong...)
}

// Start runs the function of a name for as long as Lambda lets it.
func Start(name string, build Build) {
	lambda.Start(New(name, build, os.LookupEnv, os.Stdout))
}

// New makes a function as Start does, with the environment and the output that are given. It is built at
// once; one that cannot be says so in one line, is not ready, and is tried again while events come.
func New(name string, build Build, lookup func(string) (string, bool), out io.Writer) Handler {
	level, _ := lookup(names.LogLevel)
	f := &function{
		name: name, build: build, lookup: lookup, log: newLogger(out, level),
		metrics: NewMetrics(out, name, time.Now),
	}
	ctx, cancel := context.WithTimeout(context.Background(), startWithin)
	defer cancel()
	_, _ = f.ready(ctx) // what failed is logged, and told by every event until it is mended
	return f
}

// startWithin bounds the start, which Lambda ends after 10 s
// (https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html).
const startWithin = 8 * time.Second

// again is how long a function that is not ready is left so.
const again = 5 * time.Second

// function is one function from its start on.
type function struct {
	name    string
	build   Build
	lookup  func(string) (string, bool)
	log     *slog.Logger
	metrics *Metrics

	mu      sync.Mutex
	handler Handler
	problem error
	triedAt time.Time
}

// Invoke implements lambda.Handler.
func (f *function) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	ctx, cancel := before(ctx)
	defer cancel()
	handler, err := f.ready(ctx)
	if err != nil {
		f.metrics.Add(names.Unready, 1)
		return unready(payload, err)
	}
	answer, err := handler.Invoke(ctx, payload)
	if err != nil {
		f.log.ErrorContext(ctx, "event not handled", "error", err)
		return nil, named(err)
	}
	return answer, nil
}

// ready gives the handler, or why there is none.
func (f *function) ready(ctx context.Context) (Handler, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.handler != nil || f.problem != nil && time.Since(f.triedAt) < again {
		return f.handler, f.problem
	}
	f.triedAt = time.Now()
	f.handler, f.problem = f.make(ctx)
	if f.problem != nil {
		f.handler = nil
		f.log.ErrorContext(ctx, "not ready", "function", f.name, "error", f.problem)
	}
	return f.handler, f.problem
}

func (f *function) make(ctx context.Context) (Handler, error) {
	env, err := environment(f.name, f.lookup)
	if err != nil {
		return nil, err
	}
	cfg, err := awsConfig(f.lookup)
	if err != nil {
		return nil, err
	}
	k := &Kit{Log: f.log, Metrics: f.metrics, AWS: cfg, env: env, unread: map[string]bool{}}
	for name := range env {
		k.unread[name] = true
	}
	k.Env(names.LogLevel)
	handler, err := f.build(ctx, k)
	if err != nil {
		return nil, err
	}
	return handler, k.asListed()
}

// before ends a context a little before Lambda ends the function, so that what was begun can still be
// written down.
func before(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	margin := min(2*time.Second, time.Until(deadline)/10)
	return context.WithDeadline(ctx, deadline.Add(-margin))
}
