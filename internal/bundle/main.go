// Bundle builds the functions for AWS: dist/NAME/bootstrap for arm64 and dist/NAME.zip, the same bytes from
// the same source and toolchain wherever and whenever it runs.
//
//	go run ./internal/bundle             all of them
//	go run ./internal/bundle alerts ...  some
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"

	"github.com/cinegit/guardian/internal/lambdakit/names"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "bundle:", err) // there is no other place to say it
		stop()
		os.Exit(1)
	}
}

// run builds the functions that are named, or all, and prints their sizes in bytes.
func run(ctx context.Context, wanted []string, out io.Writer) error {
	for _, name := range wanted {
		if _, ok := names.Of(name); !ok {
			return fmt.Errorf("there is no function %q: see internal/lambdakit/names", name)
		}
	}
	for _, f := range names.Functions() {
		if len(wanted) > 0 && !slices.Contains(wanted, f.Name) {
			continue
		}
		program := filepath.Join("dist", f.Name, "bootstrap")
		if err := build(ctx, f.Name, program); err != nil {
			return err
		}
		info, err := os.Stat(program)
		if err != nil {
			return err
		}
		size, err := pack(program, filepath.Join("dist", f.Name+".zip"))
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%-12s program %10d  zip %10d\n", f.Name, info.Size(), size); err != nil {
			return err
		}
	}
	return nil
}

// build compiles one function. No path of this machine ends in it, and the commit only in the one that tells
// its version: a commit that changes nothing of a function leaves its bytes, and so its deployment, alone.
func build(ctx context.Context, name, program string) error {
	stamp := "-buildvcs=false"
	if name == "operator" {
		stamp = "-buildvcs=auto"
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", stamp, "-tags", "lambda.norpc",
		"-ldflags", "-s -w -buildid=", "-o", program, "./functions/"+name)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build %s: %w", name, err)
	}
	return nil
}
