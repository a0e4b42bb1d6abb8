package reconcile

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/cinegit/guardian/internal/ledger"
)

// rewrite is after how long what was seen is written again though it is as before. To write it at every look,
// once a minute for each target, would be the largest part of what Guardian costs on AWS.
const rewrite = 5 * time.Minute

// save writes what was seen, with the releases that it changes, unless it says nothing new.
func (r *Reconciler) save(ctx context.Context, before, seen ledger.Seen, releases ...ledger.Release) error {
	if len(releases) == 0 && seen.At.Sub(before.At) < rewrite && same(before, seen) {
		return nil
	}
	return r.Ledger.SaveSeen(ctx, seen, r.Now(), releases...)
}

// same tells whether two looks saw the same, whenever they looked and whenever Argo CD compared last.
func same(a, b ledger.Seen) bool {
	was, err := content(a)
	if err != nil {
		return false
	}
	is, err := content(b)
	return err == nil && bytes.Equal(was, is)
}

func content(s ledger.Seen) ([]byte, error) {
	s.At, s.Application.ReconciledAt = time.Time{}, time.Time{}
	return json.Marshal(s)
}
