package live

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"

	"github.com/cinegit/guardian/internal/lambdakit"
	"github.com/cinegit/guardian/internal/lambdakit/kittest"
	"github.com/cinegit/guardian/internal/policy"
)

// follower is a function's engines, with a clock that the test moves.
type follower struct {
	*Engines[string]
	now      time.Time
	closed   []string
	unfit    string // a mode that cannot be connected
	log, emf bytes.Buffer
}

func follow(t *testing.T) *follower {
	t.Helper()
	cfg, err := config.LoadDefaultConfig(t.Context(), config.WithLogger(logging.Nop{}))
	if err != nil {
		t.Fatal(err)
	}
	o, err := newObject(cfg, "s3://policies/guardian.yaml")
	if err != nil {
		t.Fatal(err)
	}
	f := &follower{now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	f.Engines = &Engines[string]{
		object: o, now: func() time.Time { return f.now }, within: time.Minute, log: slog.New(slog.NewTextHandler(&f.log, nil)),
		metrics: lambdakit.NewMetrics(&f.emf, "judge", time.Now),
		connect: func(p *policy.Policy) (string, func() error, error) {
			mode := string(p.Mode)
			if mode == f.unfit {
				return "", nil, errors.New("ca.pem: no such file")
			}
			return "connected to " + mode, func() error { f.closed = append(f.closed, mode); return nil }, nil
		},
	}
	return f
}

func mode(m string) string { return strings.Replace(kittest.Policy, "mode: act", "mode: "+m, 1) }

// wants looks after some seconds and checks what is in force.
func (f *follower) wants(t *testing.T, after time.Duration, m, version, problem string) {
	t.Helper()
	f.now = f.now.Add(after)
	e, err := f.Current(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if string(e.Policy.Mode) != m || e.Parts != "connected to "+m || e.Version != version || !strings.Contains(e.Problem, problem) || (problem == "") != (e.Problem == "") {
		t.Errorf("in force are %s and %q, version %s, problem %q; want %s, version %s, problem %q", e.Policy.Mode, e.Parts, e.Version, e.Problem, m, version, problem)
	}
}

func TestAChangedPolicyIsTakenWithinTenSecondsAndItsForerunnersConnectionsAreClosed(t *testing.T) {
	cloud := kittest.New(t, mode("act"), nil)
	f := follow(t)
	f.wants(t, 0, "act", "1", "")
	cloud.Put(mode("observe"))
	f.wants(t, lookAfter-time.Nanosecond, "act", "1", "")
	f.wants(t, time.Nanosecond, "observe", "2", "")
	f.wants(t, lookAfter, "observe", "2", "")
	if got := strings.Join(f.closed, " "); got != "act" {
		t.Errorf("closed %q", got)
	}
	if reads := len(cloud.Calls("S3 /policies/guardian.yaml")); reads != 3 {
		t.Errorf("S3 was asked %d times", reads)
	}
}

// silent is an S3 that takes a request and never answers.
type silent struct{}

func (silent) Do(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestAnS3ThatNeverAnswersHoldsNoStepUp(t *testing.T) {
	kittest.New(t, mode("act"), nil)
	f := follow(t)
	f.wants(t, 0, "act", "1", "")
	answering := f.object
	cfg, err := config.LoadDefaultConfig(t.Context(), config.WithLogger(logging.Nop{}))
	if err != nil {
		t.Fatal(err)
	}
	cfg.HTTPClient = silent{}
	if f.object, err = newObject(cfg, "s3://policies/guardian.yaml"); err != nil {
		t.Fatal(err)
	}
	f.within = time.Millisecond
	f.wants(t, lookAfter, "act", "1", "deadline exceeded")
	f.object, f.within = answering, time.Minute
	f.wants(t, lookAfter, "act", "1", "")
}

func TestAPolicyWithAMistakeStaysOutAndSaysSoOnce(t *testing.T) {
	cloud := kittest.New(t, mode("act"), nil)
	f := follow(t)
	f.wants(t, 0, "act", "1", "")
	cloud.Put(mode("atc"))
	f.wants(t, lookAfter, "act", "1", "guardian.yaml:2:7")
	f.wants(t, lookAfter, "act", "1", "guardian.yaml:2:7")
	if n := strings.Count(f.log.String(), "policy not taken"); n != 1 {
		t.Errorf("told %d times: %s", n, &f.log)
	}
	cloud.Put(mode("suggest"))
	f.wants(t, lookAfter, "suggest", "3", "")
}

func TestAFunctionThatStartsUnderAPolicyWithAMistakeTakesTheLatestWithoutOne(t *testing.T) {
	cloud := kittest.New(t, mode("observe"), nil)
	cloud.Put(mode("suggest"))
	cloud.Put(mode("atc"))
	cloud.Put("{")
	f := follow(t)
	f.wants(t, 0, "suggest", "2", "guardian.yaml")
	cloud.Put(mode("act"))
	f.wants(t, lookAfter, "act", "5", "")
}

func TestWithoutAnyVersionThatCanBeTakenTheReasonIsTold(t *testing.T) {
	cloud := kittest.New(t, mode("atc"), nil)
	_, err := follow(t).Current(t.Context())
	if err == nil || !strings.Contains(err.Error(), "guardian.yaml:2:7") || !strings.Contains(err.Error(), "no earlier version") {
		t.Errorf("got %v", err)
	}
	cloud.Down("S3 /policies/guardian.yaml", true)
	if _, err = follow(t).Current(t.Context()); err == nil || !strings.Contains(err.Error(), "s3://policies/guardian.yaml") {
		t.Errorf("got %v", err)
	}
}

func TestWhileS3IsDownThePolicyInForceStays(t *testing.T) {
	cloud := kittest.New(t, mode("act"), nil)
	f := follow(t)
	f.wants(t, 0, "act", "1", "")
	cloud.Down("S3 /policies/guardian.yaml", true)
	f.wants(t, lookAfter, "act", "1", "read policy s3://policies/guardian.yaml")
	cloud.Down("S3 /policies/guardian.yaml", false)
	f.wants(t, lookAfter, "act", "1", "")
}

func TestAPolicyThatCannotBeConnectedStaysOutUntilItCan(t *testing.T) {
	cloud := kittest.New(t, mode("act"), nil)
	f := follow(t)
	f.unfit = "observe"
	f.wants(t, 0, "act", "1", "")
	cloud.Put(mode("observe"))
	f.wants(t, lookAfter, "act", "1", "ca.pem")
	f.unfit = ""
	f.wants(t, lookAfter, "observe", "2", "")
}
