package eventbridge_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/events/outcome"
	"github.com/cinegit/guardian/internal/adapter/awstest"
	"github.com/cinegit/guardian/internal/adapter/eventbridge"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

// entry is one event as it is put.
type entry struct{ EventBusName, Source, DetailType, Detail string }

// bus gives a bus that keeps what is put, or refuses it.
func bus(t *testing.T, put *[]entry, refuse bool) *eventbridge.Bus {
	t.Helper()
	return eventbridge.New(awstest.Serve(t, map[string]awstest.Operation{"PutEvents": func(body []byte) (int, any) {
		var in struct{ Entries []entry }
		if err := json.Unmarshal(body, &in); err != nil {
			return awstest.Fault("ValidationException")
		}
		if refuse {
			return http.StatusOK, map[string]any{"FailedEntryCount": 1, "Entries": []any{map[string]string{"ErrorCode": "ThrottlingException", "ErrorMessage": "later"}}}
		}
		*put = append(*put, in.Entries...)
		return http.StatusOK, map[string]any{"FailedEntryCount": 0, "Entries": []any{map[string]string{"EventId": "e"}}}
	}}), "guardian")
}

func message() ledger.Message {
	return ledger.Message{
		ID: "i/end", Incident: "i", Target: ledger.Target{Service: "review", Stage: "prod"},
		At: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), Urgency: policy.Page, Title: "review in prod is bad",
		Text: []string{"It did not help."}, End: ledger.FailedDirty, Undo: "guardian undo i",
	}
}

func TestAnEndIsPublishedForRulesToMatch(t *testing.T) {
	var put []entry
	if err := bus(t, &put, false).Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	var detail outcome.Detail
	if len(put) != 1 || json.Unmarshal([]byte(put[0].Detail), &detail) != nil {
		t.Fatalf("put %+v", put)
	}
	want := outcome.Detail{
		ID: "i/end", Incident: "i", Service: "review", Stage: "prod", At: message().At, Urgency: "page", End: "FailedDirty",
		Title: "review in prod is bad", Text: []string{"It did not help."}, Undo: "guardian undo i",
	}
	if diff := cmp.Diff(want, detail); diff != "" {
		t.Error(diff)
	}
	put[0].Detail = ""
	if diff := cmp.Diff(entry{"guardian", "guardian", "Incident Ended", ""}, put[0]); diff != "" {
		t.Error(diff)
	}
}

func TestAnIncidentThatGoesOnIsANoticeAndALongTextIsCut(t *testing.T) {
	var put []entry
	m := message()
	m.End, m.Urgency, m.Text = "", policy.All, []string{"short", strings.Repeat("x", 64<<10), "never told"}
	if err := bus(t, &put, false).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if len(put) != 1 || put[0].DetailType != outcome.Notice || !strings.Contains(put[0].Detail, `["short","and more"]`) || !strings.Contains(put[0].Detail, `"urgency":"info"`) {
		t.Errorf("put %+v", put)
	}
	if m.Text[1] == "and more" {
		t.Error("the message itself was cut")
	}
}

func TestAnEntryThatIsRefusedIsAnErrorThoughTheCallIsNot(t *testing.T) {
	err := bus(t, nil, true).Send(t.Context(), message())
	if err == nil || !strings.Contains(err.Error(), "ThrottlingException") {
		t.Errorf("got %v", err)
	}
}
