package flagd_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/cinegit/guardian/internal/adapter/flagd"
	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/flag/flagtest"
)

func TestStoreKeepsTheContractOfFlagStores(t *testing.T) {
	flagtest.Run(t, func(t *testing.T, flags ...flagtest.Flag) flag.Store {
		return flagd.New(write(t, flagtest.FlagdDocument(t, flags...)))
	})
}

// write makes a flag document of its own for a test.
func write(t *testing.T, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "flags.json")
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
	return path
}
