package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cinegit/guardian/internal/adapter/boltledger"
	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/ledger"
)

// ledgerFile is the ledger's name in a data directory.
const ledgerFile = "guardian.db"

// Explain tells an incident from the data directory of a Guardian that does not run.
func Explain(ctx context.Context, data, id string) (api.Explained, error) {
	path := filepath.Join(data, ledgerFile)
	if _, err := os.Stat(path); err != nil {
		return api.Explained{}, fmt.Errorf("no ledger in %s: %w", data, err)
	}
	store, err := boltledger.Open(path)
	if err != nil {
		return api.Explained{}, err
	}
	out, err := explain(ctx, &ledger.Ledger{Store: store}, id)
	return out, errors.Join(err, store.Close())
}

func explain(ctx context.Context, l *ledger.Ledger, id string) (api.Explained, error) {
	id, err := l.Find(ctx, id)
	if err != nil {
		return api.Explained{}, err
	}
	inc, err := l.Incident(ctx, id)
	if err != nil {
		return api.Explained{}, err
	}
	events, err := l.Events(ctx, id, -1)
	return api.Explained{Incident: inc, Events: events}, err
}
