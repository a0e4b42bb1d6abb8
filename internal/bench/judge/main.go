// Command judge lets rules that tell bad releases from good ones judge the same simulated bakes:
// Guardian's gates of counts, as the product has them, and what others use. It prints how often
// each calls a healthy release bad, and how soon a bad one, and holds Guardian against its
// targets. Nothing here is a test; the outcome depends on seed and runs alone.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/term"
)

type options struct {
	Runs     int    `json:"runs"`
	Seed     uint64 `json:"seed"`
	json     string
	markdown bool
	choose   bool
}

func main() {
	var o options
	flag.IntVar(&o.Runs, "runs", 500, "bakes of each row")
	flag.Uint64Var(&o.Seed, "seed", 1, "of all random numbers")
	flag.StringVar(&o.json, "json", "", "also write every tally to this file")
	flag.BoolVar(&o.choose, "choose", false, "instead line up tolerances and alphas of Guardian's gate")
	flag.BoolVar(&o.markdown, "markdown", false, "print tables as Markdown")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "judge:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, out io.Writer) error {
	if o.Runs < 1 {
		return fmt.Errorf("-runs is %d: give 1 or more", o.Runs)
	}
	if o.choose {
		return choose(ctx, o, out)
	}
	begin := time.Now()
	rows, err := play(ctx, worlds(), contenders(), o.Seed, o.Runs, progress(os.Stderr, len(worlds())))
	if err != nil {
		return err
	}
	r := report{Machine: machine(), Options: o, Rows: rows}
	r.print(out)
	fmt.Fprintf(out, "\nDone in %s.\n", time.Since(begin).Round(time.Second))
	if o.json == "" {
		return nil
	}
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(o.json, append(raw, '\n'), 0o644) //nolint:gosec // a result for everybody to read
}

// progress counts the rows that are done, where somebody watches.
func progress(out *os.File, rows int) func() {
	if !term.IsTerminal(int(out.Fd())) {
		return func() {}
	}
	var finished atomic.Int32
	return func() {
		n := finished.Add(1)
		fmt.Fprintf(out, "\r%d of %d rows", n, rows)
		if int(n) == rows {
			fmt.Fprint(out, "\r\033[K")
		}
	}
}

// machine names what the rows were played on. They do not depend on it; the time does.
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
