package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cinegit/guardian/internal/adapter/boltledger"
	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/operator"
	"github.com/cinegit/guardian/internal/policy"
)

// ledgerFile is the ledger's name in a data directory.
const ledgerFile = "guardian.db"

// Explain tells an incident from the data directory of a Guardian that does not run.
func Explain(ctx context.Context, data, id string) (api.Explained, error) {
	return offline(data, func(l *ledger.Ledger) (api.Explained, error) { return operator.Explain(ctx, l, id) })
}

// Releases gives what ran at a policy's targets since a moment, from the data directory of a Guardian
// that does not run.
func Releases(ctx context.Context, data string, p *policy.Policy, since time.Time) ([]ledger.Release, error) {
	return offline(data, func(l *ledger.Ledger) (all []ledger.Release, err error) {
		for _, t := range ledger.Targets(p) {
			some, err := l.ReleasesSince(ctx, t, since)
			if err != nil {
				return nil, err
			}
			all = append(all, some...)
		}
		return all, nil
	})
}

// Incidents gives all incidents, the newest first, from the data directory of a Guardian that does not
// run.
func Incidents(ctx context.Context, data string) ([]ledger.Incident, error) {
	return offline(data, func(l *ledger.Ledger) ([]ledger.Incident, error) { return l.Incidents(ctx, 0) })
}

// offline reads a ledger that no Guardian has open.
func offline[T any](data string, read func(l *ledger.Ledger) (T, error)) (out T, err error) {
	path := filepath.Join(data, ledgerFile)
	if _, err := os.Stat(path); err != nil {
		return out, fmt.Errorf("no ledger in %s: %w", data, err)
	}
	store, err := boltledger.Open(path)
	if err != nil {
		return out, err
	}
	out, err = read(&ledger.Ledger{Store: store})
	return out, errors.Join(err, store.Close())
}
