package outcome_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/events/outcome"
)

func TestAnEventIsOfTheEndOnceItsIncidentHasOne(t *testing.T) {
	for end, want := range map[string]string{
		"": outcome.Notice, "Healed": outcome.Ended, "StoodDown": outcome.Ended, "FailedClean": outcome.Ended, "FailedDirty": outcome.Ended,
	} {
		if got := (outcome.Detail{End: end}).Type(); got != want {
			t.Errorf("with the end %q it is a %q, want %q", end, got, want)
		}
	}
}

// What rules match by is never renamed: whoever wrote one would not hear of it.
func TestTheFieldsOfAnEventKeepTheirNames(t *testing.T) {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for want, d := range map[string]outcome.Detail{
		`{"id":"a-end","incident":"a","service":"review","stage":"prod","at":"2026-11-23T12:00:00Z","urgency":"page","end":"FailedDirty","title":"t","text":["s"],"undo":"guardian undo a"}`: {
			ID: "a-end", Incident: "a", Service: "review", Stage: "prod", At: at, Urgency: "page", End: "FailedDirty", Title: "t", Text: []string{"s"}, Undo: "guardian undo a",
		},
		`{"id":"a","at":"2026-11-23T12:00:00Z","urgency":"info","title":"t","text":["s"]}`: {ID: "a", At: at, Urgency: "info", Title: "t", Text: []string{"s"}},
	} {
		got, err := json.Marshal(d)
		if diff := cmp.Diff(want, string(got)); diff != "" || err != nil {
			t.Errorf("%v %s", err, diff)
		}
	}
	if outcome.Source != "guardian" || outcome.Notice != "Guardian Notice" || outcome.Ended != "Incident Ended" {
		t.Error("source or detail type has another name")
	}
}
