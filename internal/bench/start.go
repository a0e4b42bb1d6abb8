package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// starts is how often the program is started.
const starts = 20

// start measures `guardian serve` from its start to alive and to ready, its size, and what of both is the
// Argo CD client's.
func start(ctx context.Context, binary string) error {
	var alive, ready times
	for range starts {
		w, err := newWorld(2, nil, "")
		if err != nil {
			return err
		}
		a, r, err := startOnce(ctx, binary, w)
		w.close()
		if err != nil {
			return err
		}
		alive, ready = append(alive, a), append(ready, r)
	}
	with, err := program(ctx, "github.com/cinegit/guardian/internal/adapter/argocd")
	if err != nil {
		return err
	}
	without, err := program(ctx, "net/http")
	if err != nil {
		return err
	}
	info, err := os.Stat(binary)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stdout, `
Start of guardian serve, %d times, two services, empty ledger, sandbox on loopback
  process start -> alive (/healthz)  %s
  process start -> ready (/readyz)   %s
  program %.1f MB; an empty program with the Argo CD client %.1f MB, with net/http only %.1f MB
  package init: with the Argo CD client %.1f ms, with net/http only %.1f ms
`, starts, alive, ready, mb(info.Size()), mb(with.size), mb(without.size), with.init, without.init)
	return nil
}

func startOnce(ctx context.Context, binary string, w *world) (alive, ready time.Duration, err error) {
	began := time.Now()
	s, err := launch(ctx, binary, w)
	if err != nil {
		return 0, 0, err
	}
	defer s.end()
	if err := s.ready(ctx, "/healthz"); err != nil {
		return 0, 0, err
	}
	alive = time.Since(began)
	err = s.ready(ctx, "/readyz")
	return alive, time.Since(began), err
}

type cost struct {
	size int64
	init float64 // milliseconds
}

// program builds an empty program that links a package, and measures it.
func program(ctx context.Context, pkg string) (cost, error) {
	dir, err := os.MkdirTemp("internal/bench", "program-")
	if err != nil {
		return cost{}, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	source := fmt.Sprintf("package main\n\nimport _ %q\n\nfunc main() {}\n", pkg)
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(source), 0o600); err != nil {
		return cost{}, err
	}
	out := filepath.Join(dir, "program")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", out, "./"+dir)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		return cost{}, fmt.Errorf("build: %w: %s", err, text)
	}
	info, err := os.Stat(out)
	if err != nil {
		return cost{}, err
	}
	trace := exec.CommandContext(ctx, out)
	trace.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	var said bytes.Buffer
	trace.Stderr = &said
	if err := trace.Run(); err != nil {
		return cost{}, err
	}
	return cost{size: info.Size(), init: initTime(said.String())}, nil
}

// initTime adds up lines like "init net/http @1.2 ms, 0.05 ms clock, …".
func initTime(trace string) float64 {
	var sum float64
	for line := range strings.Lines(trace) {
		fields := strings.Fields(line)
		for i, f := range fields {
			if f == "clock," && i >= 2 {
				ms, err := strconv.ParseFloat(fields[i-2], 64)
				if err == nil {
					sum += ms
				}
			}
		}
	}
	return sum
}

func mb(bytes int64) float64 { return float64(bytes) / 1e6 }
