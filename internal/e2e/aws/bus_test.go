//go:build e2e

package aws_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cinegit/guardian/events/outcome"
	"github.com/cinegit/guardian/internal/e2e/aws/cloud"
	"github.com/cinegit/guardian/internal/e2e/aws/sources"
	"github.com/cinegit/guardian/internal/e2e/aws/template"
	"github.com/cinegit/guardian/internal/ledger"
)

// outcomes is a queue that gets all events of Guardian's own bus, and alarms one that is subscribed to the
// topics of its rules, as a person is.
const outcomes, alarms = "e2e-outcomes", "e2e-alarms"

func arnOfQueue(name string) string {
	return "arn:aws:sqs:" + template.Region + ":" + template.Account + ":" + name
}

func (w *world) deployBus() {
	ctx := w.t.Context()
	for _, queue := range []string{outcomes, alarms} {
		must(w.t, w.admin.Call(ctx, "AmazonSQS.CreateQueue", map[string]any{"QueueName": queue}, nil))
	}
	for _, r := range w.of("AWS::Events::EventBus") {
		must(w.t, w.admin.Call(ctx, "AWSEvents.CreateEventBus", map[string]string{"Name": r.Text("Name")}, nil))
		w.ruleTo(outcomes, r.Text("Name"), `{"source": [{"prefix": ""}]}`, outcomes)
	}
	for _, r := range w.of("AWS::Events::Archive") {
		pattern, err := json.Marshal(r.Value("EventPattern"))
		must(w.t, err)
		must(w.t, w.admin.Call(ctx, "AWSEvents.CreateArchive", map[string]any{
			"ArchiveName": r.Text("ArchiveName"), "EventSourceArn": r.Text("SourceArn"),
			"EventPattern": string(pattern), "RetentionDays": r.Number("RetentionDays"),
		}, nil))
	}
	for _, r := range w.busRules() {
		w.deployRule(r)
	}
}

// deployRule makes a rule of Guardian's own bus with its targets, which are topics.
func (w *world) deployRule(r template.Resource) {
	name, bus := r.Text("Name"), r.Text("EventBusName")
	pattern, err := json.Marshal(r.Value("EventPattern"))
	must(w.t, err)
	must(w.t, w.admin.Call(w.t.Context(), "AmazonSQS.CreateQueue", map[string]any{"QueueName": between(r)}, nil))
	w.ruleTo(name, bus, string(pattern), between(r))
	rule := cloud.ServiceOf("events.amazonaws.com", "arn:aws:events:"+template.Region+":"+template.Account+":rule/"+bus+"/"+name)
	for _, target := range r.List("Targets") {
		topic := fmt.Sprint(lookup(target, "Arn", "arn"))
		w.sns(url.Values{
			"Action": {"Subscribe"}, "TopicArn": {topic}, "Protocol": {"sqs"}, "Endpoint": {arnOfQueue(alarms)},
			"Attributes.entry.1.key": {"RawMessageDelivery"}, "Attributes.entry.1.value": {"true"},
		})
		w.background(sources.Rule{
			Client: w.admin, Queue: queueURL(arnOfQueue(between(r))), Topic: topic,
			Admit: func() error { return w.gateway.Admit(rule, topic, "sns:Publish") },
		}.Run)
	}
}

// ruleTo has moto send what a pattern lets through to a queue.
func (w *world) ruleTo(name, bus, pattern, queue string) {
	ctx := w.t.Context()
	must(w.t, w.admin.Call(ctx, "AWSEvents.PutRule", map[string]string{"Name": name, "EventBusName": bus, "EventPattern": pattern}, nil))
	must(w.t, w.admin.Call(ctx, "AWSEvents.PutTargets", map[string]any{"Rule": name, "EventBusName": bus, "Targets": []any{
		map[string]string{"Id": queue, "Arn": arnOfQueue(queue)},
	}}, nil))
}

// published is an event as a rule's target gets it.
type published struct {
	Source string
	Type   string `json:"detail-type"`
	Replay string `json:"replay-name"`
	Detail outcome.Detail
}

// heardAt takes the events that lie in a queue.
func (w *world) heardAt(queue string) []published {
	w.t.Helper()
	var out []published
	for {
		some := w.letters(queueURL(arnOfQueue(queue)))
		if len(some) == 0 {
			return out
		}
		for _, l := range some {
			var p published
			must(w.t, json.Unmarshal([]byte(l.Body), &p))
			out = append(out, p)
		}
	}
}

// impatient makes verification give up after some looks.
func impatient(policy string) string {
	return strings.Replace(policy, "failureLimit: 30", "failureLimit: 3", 1)
}

// TestStackPublishesEveryEndAndAlarmsPeopleOfADirtyOneAlone has a release healed and another one not: search
// stays bad after it was rolled back.
func TestStackPublishesEveryEndAndAlarmsPeopleOfADirtyOneAlone(t *testing.T) {
	w := newWorld(t, setup{policy: impatient})
	w.badRelease()
	w.fire("player")
	w.healedOnce()
	w.ship("v2", "search")
	w.tick(t.Context())
	w.sicken("search")
	w.fire("search")
	if diff := cmp.Diff(map[string]ledger.End{"player": ledger.Healed, "search": ledger.FailedDirty}, w.ended(2)); diff != "" {
		t.Fatal(diff)
	}
	var all, told []published
	w.until("both ends are published and the dirty one is told", func() bool {
		all, told = append(all, w.heardAt(outcomes)...), append(told, w.heardAt(alarms)...)
		return len(ends(all)) >= 2 && len(told) >= 1
	})
	incidents, err := w.operator.Incidents(t.Context(), 10) // the newest first
	must(t, err)
	want := func(inc ledger.Incident, urgency string) published {
		return published{Source: outcome.Source, Type: outcome.Ended, Detail: outcome.Detail{
			Incident: inc.ID, Service: inc.Target.Service, Stage: "prod", Urgency: urgency, End: string(inc.End),
		}}
	}
	dirty, healed := want(incidents[0], "page"), want(incidents[1], "info")
	inWords := cmpopts.IgnoreFields(outcome.Detail{}, "ID", "At", "Title", "Text", "Undo")
	if diff := cmp.Diff([]published{healed, dirty}, ends(all), inWords); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]published{dirty}, told, inWords); diff != "" {
		t.Errorf("told to those who must look (-want +got):\n%s", diff)
	}
	w.replay(all)
}

func ends(all []published) []published {
	var out []published
	for _, p := range all {
		if p.Type == outcome.Ended {
			out = append(out, p)
		}
	}
	return out
}

// replay has the archive send again what it has kept, and checks that it is all that was published, and that
// nobody is alarmed a second time.
func (w *world) replay(all []published) {
	w.t.Helper()
	for _, r := range w.of("AWS::Events::Archive") {
		var archive struct{ ArchiveArn string }
		must(w.t, w.admin.Call(w.t.Context(), "AWSEvents.DescribeArchive", map[string]string{"ArchiveName": r.Text("ArchiveName")}, &archive))
		must(w.t, w.admin.Call(w.t.Context(), "AWSEvents.StartReplay", map[string]any{
			"ReplayName": "again", "EventSourceArn": archive.ArchiveArn, "Destination": map[string]string{"Arn": r.Text("SourceArn")},
			"EventStartTime": time.Now().Add(-time.Hour).Unix(), "EventEndTime": time.Now().Unix(),
		}, nil))
	}
	var again []published
	w.until("the archive has sent its events", func() bool {
		again = append(again, w.heardAt(outcomes)...)
		return len(again) >= len(all)
	})
	for i := range all {
		all[i].Replay = "again"
	}
	if diff := cmp.Diff(all, again); diff != "" {
		w.t.Errorf("the archive (-published +sent again):\n%s", diff)
	}
	for _, r := range w.busRules() {
		w.until("the rule has carried all that it lets through", func() bool { return w.length(between(r)) == 0 })
	}
	if told := w.heardAt(alarms); len(told) > 0 {
		w.t.Errorf("told again: %+v", told)
	}
}

// busRules are the rules of Guardian's own bus.
func (w *world) busRules() []template.Resource {
	w.t.Helper()
	return slices.DeleteFunc(w.of("AWS::Events::Rule"), func(r template.Resource) bool { return r.Text("EventBusName") == "" })
}

// between is the queue between a rule and its topic.
func between(rule template.Resource) string { return "e2e-" + rule.Text("Name") }

// length is how many messages lie in a queue, those among them that somebody has in hand.
func (w *world) length(queue string) int {
	w.t.Helper()
	var out struct{ Attributes map[string]string }
	must(w.t, w.admin.Call(w.t.Context(), "AmazonSQS.GetQueueAttributes", map[string]any{
		"QueueUrl": queueURL(arnOfQueue(queue)), "AttributeNames": []string{"All"},
	}, &out))
	visible, err := strconv.Atoi(out.Attributes["ApproximateNumberOfMessages"])
	must(w.t, err)
	inHand, err := strconv.Atoi(out.Attributes["ApproximateNumberOfMessagesNotVisible"])
	must(w.t, err)
	return visible + inHand
}
