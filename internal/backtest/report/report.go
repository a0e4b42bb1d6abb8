// Package report draws what came of a backtest as one HTML file that needs nothing else: no script,
// no font, no other file. It can be mailed, printed, and read in the dark.
package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/cinegit/guardian/internal/backtest"
)

//go:embed report.html.tmpl
var page string

// Options are what a report shows beside what came of the backtest.
type Options struct {
	Now     time.Time // when it is written
	Version string    // of the program
}

// mostPlots is how many releases have their plots, the worst first; the others have a line each. More
// could not be mailed.
const mostPlots = 500

// Write writes the report.
func Write(w io.Writer, r backtest.Report, o Options) error {
	t, err := template.New("report").Parse(page)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := t.Execute(w, viewOf(r, o)); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// WriteFile writes the report into a file, which a reader sees either as it was or whole. Its
// directory is made if it is not there.
func WriteFile(path string, r backtest.Report, o Options) error {
	var text bytes.Buffer
	if err := Write(&text, r, o); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	next := path + ".new"
	if err := os.WriteFile(next, text.Bytes(), 0o644); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := os.Rename(next, path); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}
