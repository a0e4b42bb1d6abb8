// Command bench measures Guardian: its own cost between a webhook and the rollback that it leads to, a
// storm of alerts, and what starting it costs. It prints machine and inputs with each result. The
// figures are ratios to a peer in the same run where there is a peer; nothing here is a test.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"time"
)

func main() {
	only := flag.String("only", "overhead,storm,start", "which measurements, by name")
	binary := flag.String("guardian", "dist/guardian", "the program to measure")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, strings.Split(*only, ","), *binary); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, names []string, binary string) error {
	fmt.Fprintf(os.Stdout, "machine: %s\n", machine())
	benches := []struct {
		name string
		do   func(context.Context) error
	}{
		{"overhead", overhead},
		{"storm", func(ctx context.Context) error { return storm(ctx, binary) }},
		{"start", func(ctx context.Context) error { return start(ctx, binary) }},
	}
	for _, b := range benches {
		if !slices.Contains(names, b.name) {
			continue
		}
		if err := b.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
	}
	return nil
}

func machine() string {
	model := runtime.GOARCH
	if raw, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(raw)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%s, %d cores, %s/%s, %s", model, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
}

// times are durations with their quantiles.
type times []time.Duration

func (t times) at(q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(t))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func (t times) String() string {
	return fmt.Sprintf("min %s  median %s  p95 %s  p99 %s  max %s", round(t.at(0)), round(t.at(0.5)), round(t.at(0.95)), round(t.at(0.99)), round(t.at(1)))
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }
