package cli_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/cli"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares a page with its file in testdata/golden/cli.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("..", "..", "testdata", "golden", "cli", name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: make it with -update", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s has changed; look at it and run with -update (-want +got):\n%s", file, diff)
	}
}

// at is a time of the day on which everything in these tests happens.
func at(clock string) time.Time {
	t, err := time.Parse(time.DateTime, "2026-11-22 "+clock)
	if err != nil {
		panic(err)
	}
	return t
}

// view is a terminal of 80 columns without colours, east of Greenwich.
func view() cli.View {
	return cli.View{Width: 80, Now: at("17:30:00"), Zone: time.FixedZone("", 3600)}
}

// fits fails where a line is wider than the screen. Links and queries' words stay whole, so that
// they can be copied.
func fits(t *testing.T, page string, width int) {
	t.Helper()
	for line := range strings.Lines(page) {
		line = strings.TrimRight(line, "\n")
		if n := len([]rune(line)); n > width && strings.Contains(strings.TrimSpace(line), " ") && !strings.Contains(line, "://") {
			t.Errorf("%d columns: %q", n, line)
		}
	}
}
