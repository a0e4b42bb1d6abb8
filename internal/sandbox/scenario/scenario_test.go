package scenario_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/cinegit/guardian/internal/sandbox/scenario"
)

var update = flag.Bool("update", false, "write the ledgers that come out into the scenarios")

const folder = "../../../testdata/scenarios"

func TestEveryScenarioLeavesTheLedgerThatItWants(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.txtar"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scenarios in %s: %v", folder, err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got, err := scenario.Run(t.Context(), archive, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				rewrite(t, path, archive, got)
				return
			}
			if diff := cmp.Diff(want(archive), got); diff != "" {
				t.Errorf("the ledger is another (-want +got); go test -update writes it:\n%s", diff)
			}
		})
	}
}

func want(a *txtar.Archive) string {
	for _, f := range a.Files {
		if f.Name == "want.txt" {
			return string(f.Data)
		}
	}
	return ""
}

func rewrite(t *testing.T, path string, a *txtar.Archive, got string) {
	t.Helper()
	for i := range a.Files {
		if a.Files[i].Name == "want.txt" {
			a.Files[i].Data = []byte(got)
		}
	}
	if err := os.WriteFile(path, txtar.Format(a), 0o600); err != nil {
		t.Fatal(err)
	}
}
