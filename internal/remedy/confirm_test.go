package remedy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/sandbox/scenario"
)

// quiet gives a world in which nothing is bad and an alert of review/prod fires all the same.
func quiet(t *testing.T) *scenario.World {
	t.Helper()
	w := newWorld(t, rules{})
	w.Argo.Ship(app(), "v41", "ci")
	w.Until(t.Context(), minutes(8))
	fire(w)
	return w
}

func TestAnAlertThatIsOverAndNotBadIsFalseAtTheFirstLook(t *testing.T) {
	w := quiet(t)
	w.Receive(scenario.Alert("ManyErrors", "review", "prod", w.Now(), "resolved"))
	w.Until(t.Context(), minutes(8)+time.Second)
	wantEnd(t, w, ledger.StoodDown, "it is not bad now")
}

func TestAnAlertThatFiresIsFalseOnlyAfterAsManyGoodLooksAsTheGatesWant(t *testing.T) {
	w := quiet(t)
	w.Until(t.Context(), minutes(8)+14*time.Second)
	inc := latest(t, w)
	if story := timeline(t, w, inc.ID); inc.End != "" || !strings.Contains(story, "not bad at the first look, while the alert fires") {
		t.Errorf("after one look it ended %q:\n%s", inc.End, story)
	}
	w.Until(t.Context(), minutes(8)+15*time.Second)
	wantEnd(t, w, ledger.StoodDown, "it is not bad now")
}

func TestAMetricsOutageBetweenTwoGoodLooksHoldsAndDecidesNothing(t *testing.T) {
	w := quiet(t)
	w.Until(t.Context(), minutes(8)+time.Second)
	w.Metrics.Down = true
	w.Until(t.Context(), minutes(10))
	if inc := latest(t, w); inc.End != "" || inc.HeldSince.IsZero() {
		t.Errorf("it ended %q, held since %s", inc.End, inc.HeldSince)
	}
	w.Metrics.Down = false
	w.Until(t.Context(), minutes(11))
	wantEnd(t, w, ledger.StoodDown, "it is not bad now")
}
