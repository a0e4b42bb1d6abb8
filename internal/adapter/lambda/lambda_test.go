package lambda_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cinegit/guardian/internal/adapter/awstest"
	"github.com/cinegit/guardian/internal/adapter/lambda"
)

// service is a Lambda whose function answers with what it got, unless that says otherwise.
type service struct{ invoked atomic.Int32 }

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.invoked.Add(1)
	body, _ := io.ReadAll(r.Body) // a broken request is answered as an empty one
	switch {
	case r.URL.Path != "/2015-03-31/functions/hand/invocations":
		w.WriteHeader(http.StatusNotFound)
	case r.Header.Get("X-Amz-Invocation-Type") == "Event":
		w.WriteHeader(http.StatusAccepted)
	case strings.Contains(string(body), "conflict"):
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		_, _ = io.WriteString(w, `{"errorType":"Conflict","errorMessage":"somebody wrote first"}`)
	case strings.Contains(string(body), "killed"):
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
	case strings.Contains(string(body), "broken"):
		w.WriteHeader(http.StatusInternalServerError)
	default:
		_, _ = w.Write(body)
	}
}

func TestAFunctionIsInvokedAndItsAnswerOrErrorComesBack(t *testing.T) {
	s := &service{}
	f := lambda.New(awstest.Handle(t, s), "hand")
	if got, err := f.Call(t.Context(), []byte(`{"id":"i"}`)); err != nil || string(got) != `{"id":"i"}` {
		t.Errorf("%s, %v", got, err)
	}
	if err := f.Send(t.Context(), []byte(`{}`)); err != nil {
		t.Error(err)
	}
	for payload, want := range map[string]string{`{"be":"conflict"}`: "Conflict", `{"be":"killed"}`: "Unknown"} {
		_, err := f.Call(t.Context(), []byte(payload))
		var failed *lambda.Error
		if !errors.As(err, &failed) || failed.Type != want || failed.ErrorName() != want {
			t.Errorf("%s: %v", payload, err)
		}
	}
}

func TestOnceIsNeverSentTwice(t *testing.T) {
	s := &service{}
	f := lambda.New(awstest.Handle(t, s), "hand")
	if _, err := f.Once(t.Context(), []byte(`{"be":"broken"}`)); err == nil || s.invoked.Load() != 1 {
		t.Errorf("invoked %d times, %v", s.invoked.Load(), err)
	}
	if _, err := f.Call(t.Context(), []byte(`{"be":"broken"}`)); err == nil || s.invoked.Load() < 3 {
		t.Errorf("a call that may be done again was invoked %d times in all, %v", s.invoked.Load(), err)
	}
}
