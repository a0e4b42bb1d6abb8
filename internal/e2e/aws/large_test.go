//go:build e2e

package aws_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/lambdakit/names"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/sandbox/argocd"
)

// maxItem is what DynamoDB takes of one item, in bytes.
const maxItem = 400 << 10

// TestStackKeepsAnIncidentThatNoItemCanHold reverts an application that has its configuration inline, 150 KB
// in Helm parameters. Argo CD writes that into each entry of its history, and Guardian into the plan and the
// before-images of an incident.
func TestStackKeepsAnIncidentThatNoItemCanHold(t *testing.T) {
	w := newWorld(t, setup{})
	any(w.argo).(interface{ Create(of argocd.App) }).Create(argocd.App{Ref: deploy.Ref{Name: "player"}, Path: "player", Parameters: map[string]string{
		"config.a": strings.Repeat("key: value\n", 7000), "config.b": strings.Repeat("key: value\n", 7000),
	}})
	w.badRelease()
	w.fire("player")
	w.healedOnce()

	all, err := w.operator.Incidents(t.Context(), 1)
	must(t, err)
	if to := all[0].Plan[0].To; to == nil || !strings.Contains(string(to.Sources), "config.b") {
		t.Error("the list of incidents does not say what was reverted to")
	}
	explained, err := w.operator.Explain(t.Context(), all[0].ID) // which leaves no before-image out
	must(t, err)
	raw, err := json.Marshal(explained.Incident)
	must(t, err)
	if len(raw) <= maxItem || explained.Incident.End != ledger.Healed {
		t.Errorf("explained is %s, in %d bytes, which an item can hold", explained.Incident.End, len(raw))
	}
	if !slices.ContainsFunc(w.evidence(), func(value string) bool { return strings.Contains(value, `"id":"`+all[0].ID+`"`) }) {
		t.Error("the incident is not in the bucket")
	}
}

// evidence gives all values in the bucket of the ledger.
func (w *world) evidence() (values []string) {
	w.t.Helper()
	bucket := w.function("operator").Text("Environment", "Variables", names.Evidence)
	list, err := w.objects.ListObjectsV2(w.t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
	must(w.t, err)
	for _, o := range list.Contents {
		out, err := w.objects.GetObject(w.t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: o.Key})
		must(w.t, err)
		values = append(values, readAll(out.Body))
		must(w.t, out.Body.Close())
	}
	return values
}
