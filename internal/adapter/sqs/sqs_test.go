package sqs_test

import (
	"crypto/md5" //nolint:gosec // SQS answers with it
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/adapter/awstest"
	"github.com/cinegit/guardian/internal/adapter/sqs"
	"github.com/cinegit/guardian/internal/intake"
)

const (
	url  = "https://sqs.eu-west-1.amazonaws.com/123456789012/intake.fifo"
	dead = "https://sqs.eu-west-1.amazonaws.com/123456789012/dead.fifo"
)

// message is what stands in a queue.
type message struct {
	QueueUrl, MessageBody, MessageGroupId, MessageDeduplicationId string
	MessageAttributes                                             map[string]struct{ DataType, StringValue string }
}

// service is an SQS with FIFO queues that knows what it was sent.
type service struct {
	mu   sync.Mutex
	sent []message
	down bool
}

func (s *service) queue(t *testing.T) *sqs.Queue {
	t.Helper()
	return sqs.New(awstest.Serve(t, map[string]awstest.Operation{"SendMessage": s.send, "GetQueueAttributes": s.attributes}), url, dead)
}

func (s *service) send(body []byte) (int, any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return http.StatusServiceUnavailable, map[string]string{}
	}
	var m message
	if err := json.Unmarshal(body, &m); err != nil || m.MessageGroupId == "" || len(m.MessageDeduplicationId) > 128 {
		return awstest.Fault("InvalidParameterValue")
	}
	for name, a := range m.MessageAttributes {
		if a.StringValue == "" || !utf8.ValidString(a.StringValue) || strings.ContainsAny(a.StringValue, "\x00\x1b") {
			return awstest.Fault("InvalidParameterValue: " + name)
		}
	}
	known := false
	for _, before := range s.sent {
		known = known || before.QueueUrl == m.QueueUrl && before.MessageDeduplicationId == m.MessageDeduplicationId
	}
	if !known {
		s.sent = append(s.sent, m)
	}
	sum := md5.Sum([]byte(m.MessageBody)) //nolint:gosec // as above
	return http.StatusOK, map[string]string{"MD5OfMessageBody": hex.EncodeToString(sum[:]), "MessageId": "m"}
}

func (s *service) attributes(body []byte) (int, any) {
	var in struct{ QueueUrl string }
	if err := json.Unmarshal(body, &in); err != nil {
		return awstest.Fault("InvalidParameterValue")
	}
	n := 0
	for _, m := range s.sent {
		if m.QueueUrl == in.QueueUrl {
			n++
		}
	}
	return http.StatusOK, map[string]any{"Attributes": map[string]string{
		"ApproximateNumberOfMessages": strconv.Itoa(n), "ApproximateNumberOfMessagesNotVisible": "1",
	}}
}

func TestAMessageIsSentOnceInItsGroup(t *testing.T) {
	s := &service{}
	q := s.queue(t)
	for range 2 {
		if err := q.Send(t.Context(), intake.Message{Group: "g", ID: "one", Body: []byte(`{"a":"<ü>"}`)}); err != nil {
			t.Fatal(err)
		}
	}
	want := []message{{QueueUrl: url, MessageBody: `{"a":"<ü>"}`, MessageGroupId: "g", MessageDeduplicationId: "one"}}
	if diff := cmp.Diff(want, s.sent); diff != "" {
		t.Error(diff)
	}
}

func TestAMessageThatTheQueueCanNeverHoldIsToldApartFromOneThatItCannotTakeNow(t *testing.T) {
	s := &service{}
	q := s.queue(t)
	err := q.Send(t.Context(), intake.Message{Group: "g", ID: "one", Body: make([]byte, sqs.MaxBody+1)})
	if !errors.Is(err, intake.ErrTooLarge) || len(s.sent) > 0 {
		t.Errorf("too large: %v", err)
	}
	s.down = true
	err = q.Send(t.Context(), intake.Message{Group: "g", ID: "one", Body: []byte("{}")})
	if err == nil || errors.Is(err, intake.ErrTooLarge) {
		t.Errorf("down: %v", err)
	}
}

func TestADeadLetterHasItsReasonWhateverIsInIt(t *testing.T) {
	s := &service{}
	q := s.queue(t)
	for _, l := range []sqs.Letter{
		{ID: "one", Source: "alerts", Reason: "body is cut off at byte 7", Body: `{"alert`},
		{ID: "two"},
		{ID: "three", Source: "alerts", Reason: "\x00\x1b[31m" + strings.Repeat("ü", 2000) + "\xff", Body: "x"},
	} {
		if err := q.Bury(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.sent) != 3 || s.sent[0].QueueUrl != dead || s.sent[0].MessageBody != `{"alert` {
		t.Fatalf("sent %+v", s.sent)
	}
	if got := s.sent[0].MessageAttributes; got["reason"].StringValue != "body is cut off at byte 7" || got["source"].StringValue != "alerts" {
		t.Errorf("attributes %+v", got)
	}
	waiting, buried, err := q.Depth(t.Context())
	if err != nil || waiting != 1 || buried != 4 {
		t.Errorf("%d wait, %d are dead, %v", waiting, buried, err)
	}
}
