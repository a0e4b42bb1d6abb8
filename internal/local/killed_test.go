package local

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/sandbox/argocd"
)

// killed copies the ledger as kill -9 would leave it now, and makes the next Guardian of the world begin
// with the copy. Nothing may be about to write.
func (w *world) killed() {
	w.t.Helper()
	raw, err := os.ReadFile(filepath.Join(w.dir, w.data, ledgerFile))
	must(w.t, err)
	w.data += "-after"
	must(w.t, os.Mkdir(filepath.Join(w.dir, w.data), 0o700))
	w.write(filepath.Join(w.data, ledgerFile), string(raw))
}

func TestAKillAroundTheRollbackLeadsToOneRollback(t *testing.T) {
	t.Parallel()
	for name, landed := range map[string]bool{"between decision and effect": false, "between effect and record": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			w.write("guardian.yaml", strings.Replace(w.policy(), "plainText: true, timeout: 5s", "plainText: true, timeout: 2s", 1))
			w.badRelease()
			w.argo.Fail(argocd.Fault{Method: "Rollback", Landed: landed, Hang: true})
			first := w.serve()
			send(first.Handler(), http.MethodPost, "/webhooks/alertmanager", hookToken, message(t, time.Now(), bad("review")))
			until(t, "the rollback hangs", func() bool {
				open, err := first.ledger.OpenIncidents(t.Context())
				must(t, err)
				return len(open) == 1 && undone(open[0]) == 1 && (!landed || w.history("review") == 3)
			})
			w.killed()
			must(t, first.stop())
			if diff := cmp.Diff(healedOnce(), w.comesOut(w.serve().Guardian)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// undone counts the effects that were decided and are not known to be done.
func undone(inc ledger.Incident) (n int) {
	for _, e := range inc.Effects {
		if e.DoneAt.IsZero() {
			n++
		}
	}
	return n
}
