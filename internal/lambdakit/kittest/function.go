package kittest

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/lambdakit"
	"github.com/cinegit/guardian/internal/lambdakit/names"
)

// Function is a function that runs in process.
type Function struct {
	lambdakit.Handler
	Log *Log
}

// Log is what a function wrote, its metrics included.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String is all that was written.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Start starts a function with an environment.
func Start(name string, build lambdakit.Build, env map[string]string) Function {
	log := &Log{}
	lookup := func(variable string) (string, bool) {
		if strings.HasPrefix(variable, "AWS_") {
			return os.LookupEnv(variable)
		}
		value, ok := env[variable]
		return value, ok
	}
	return Function{lambdakit.New(name, build, lookup, log), log}
}

// Send sends an event as Lambda does, with a deadline that the test never reaches.
func (f Function) Send(t *testing.T, event string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // dispatch has a minute, of which it waits in place for half
	defer cancel()
	answer, err := f.Invoke(ctx, []byte(event))
	return string(answer), err
}

// HTTP is the event of a request to a Function URL.
func HTTP(t *testing.T, method, path, token, body string) string {
	t.Helper()
	raw, err := json.Marshal(map[string]any{
		"version": "2.0", "rawPath": path, "headers": map[string]string{"authorization": "Bearer " + token}, "body": body,
		"requestContext": map[string]any{"domainName": "x.lambda-url.eu-west-1.on.aws", "http": map[string]string{"method": method, "path": path, "sourceIp": "192.0.2.1"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// Reads checks that a function reads exactly the variables that it is listed with: it starts with them, and
// says of each that is missing, in one line and without a panic, that it is.
func (c *Cloud) Reads(t *testing.T, name string, build lambdakit.Build) {
	t.Helper()
	whole := Start(name, build, c.Env(name))
	if strings.Contains(whole.Log.String(), "not ready") {
		t.Fatalf("%s is not ready: %s", name, whole.Log)
	}
	f, _ := names.Of(name)
	for _, variable := range f.Env {
		if slices.Contains(f.Optional, variable) {
			continue
		}
		env := maps.Clone(c.Env(name))
		delete(env, variable)
		lacking := Start(name, build, env)
		if said := lacking.Log.String(); strings.Count(said, "not ready") != 1 || !strings.Contains(said, variable+" is missing") {
			t.Errorf("%s without %s: %s", name, variable, said)
		}
		if _, err := lacking.Send(t, `{}`); err == nil || !strings.Contains(err.Error(), "Unready") {
			t.Errorf("%s without %s answers an event: %v", name, variable, err)
		}
	}
}
