package flagapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/cinegit/guardian/internal/adapter/flagapi"
	"github.com/cinegit/guardian/internal/flag"
)

// inMemory carries calls to a handler without a network, so that time can be virtual.
type inMemory struct{ handler http.HandlerFunc }

// RoundTrip implements http.RoundTripper.
func (c inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	c.handler(w, r)
	return w.Result(), nil
}

func newClient(handler http.HandlerFunc) *flagapi.Client {
	return &flagapi.Client{
		URL: "http://flags.example/base", HTTP: &http.Client{Transport: inMemory{handler}}, Timeout: 10 * time.Second,
		Token: func(context.Context) (string, error) { return "s3cret", nil },
	}
}

func TestACallIsMadeAsItIsDescribed(t *testing.T) {
	client := newClient(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Method + " " + r.URL.String(); got != "POST http://flags.example/base/a%2Fb/c?q=1" {
			t.Errorf("call is %s", got)
		}
		if r.Header.Get("Authorization") != "s3cret" || r.Header.Get("Content-Type") != "application/x" {
			t.Errorf("header is %v", r.Header)
		}
		fmt.Fprint(w, `{"answer": 42}`)
	})
	var out struct{ Answer int }
	err := client.Do(t.Context(), flagapi.Call{
		Method: http.MethodPost, Path: []string{"a/b", "c"}, Query: url.Values{"q": {"1"}},
		ContentType: "application/x", In: map[string]int{}, Out: &out,
	})
	if err != nil || out.Answer != 42 {
		t.Errorf("answer %d, %v", out.Answer, err)
	}
}

func TestAnAnswerThatIsNoSuccessIsPutIntoWords(t *testing.T) {
	for status, want := range map[int]error{
		400: flag.ErrInvalid, 401: flag.ErrDenied, 403: flag.ErrDenied, 404: flag.ErrNotFound, 405: flag.ErrDenied,
		409: flag.ErrConflict, 412: flag.ErrConflict, 413: flag.ErrInvalid, 422: flag.ErrInvalid,
		302: flag.ErrUnavailable, 418: flag.ErrUnavailable, 500: flag.ErrUnavailable, 503: flag.ErrUnavailable,
	} {
		client := newClient(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, `{"message": "no, not\nwith s3cret", "details": [{"message": "because"}]}`)
		})
		err := client.Do(t.Context(), flagapi.Call{Method: http.MethodGet})
		if !errors.Is(err, want) || !strings.Contains(err.Error(), ": no, not with ***; because") {
			t.Errorf("error for %d is %v", status, err)
		}
	}
}

func TestAnAnswerThatIsNotUnderstoodIsNoAnswer(t *testing.T) {
	for name, body := range map[string]string{
		"HTML": "<html>", "cut short": `{"answer": `, "another type": `{"answer": "x"}`, "too large": strings.Repeat(" ", 17<<20) + "{}",
	} {
		client := newClient(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) })
		var out struct{ Answer int }
		if err := client.Do(t.Context(), flagapi.Call{Method: http.MethodGet, Out: &out}); !errors.Is(err, flag.ErrUnavailable) {
			t.Errorf("error for %s is %v", name, err)
		}
	}
}

func TestALongReasonIsCutAndNoReasonIsNone(t *testing.T) {
	for body, want := range map[string]string{
		`{"message": "` + strings.Repeat("a", 1000) + `"}`: ": " + strings.Repeat("a", 300) + "...",
		`a page of HTML`: "denied by the flag store: 403 Forbidden",
	} {
		client := newClient(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403); fmt.Fprint(w, body) })
		if err := client.Do(t.Context(), flagapi.Call{Method: http.MethodGet}); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("error is %v", err)
		}
	}
}

func TestARateLimitIsWaitedOutWithinTheTimeout(t *testing.T) {
	for name, tt := range map[string]struct {
		after string
		took  time.Duration
		calls int
		want  error
	}{
		"as it asks":        {"3", 3 * time.Second, 2, nil},
		"a second without":  {"", time.Second, 2, nil},
		"never beyond":      {"60", 0, 1, flag.ErrUnavailable},
		"dates are not for": {"Mon, 23 Nov 2026 16:06:05 GMT", time.Second, 2, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls, begun := 0, time.Now()
				client := newClient(func(w http.ResponseWriter, _ *http.Request) {
					if calls++; calls == 1 {
						w.Header().Set("Retry-After", tt.after)
						w.WriteHeader(http.StatusTooManyRequests)
					}
				})
				err := client.Do(t.Context(), flagapi.Call{Method: http.MethodGet})
				if !errors.Is(err, tt.want) || calls != tt.calls || time.Since(begun) != tt.took {
					t.Errorf("%d calls in %v, %v", calls, time.Since(begun), err)
				}
			})
		})
	}
}

func TestALimitThatDoesNotEndIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := newClient(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) })
		err := client.Do(t.Context(), flagapi.Call{Method: http.MethodGet})
		if !errors.Is(err, flag.ErrUnavailable) || !strings.Contains(err.Error(), "429") {
			t.Errorf("error is %v", err)
		}
	})
}

func TestATokenThatIsNotThereIsTold(t *testing.T) {
	client := newClient(func(http.ResponseWriter, *http.Request) { t.Error("the call was made") })
	gone := errors.New("no such secret")
	client.Token = func(context.Context) (string, error) { return "", gone }
	if err := client.Do(t.Context(), flagapi.Call{Method: http.MethodGet}); !errors.Is(err, gone) || !errors.Is(err, flag.ErrUnavailable) {
		t.Errorf("error is %v", err)
	}
}

func TestAnAddressThatIsNoneIsNotRepeated(t *testing.T) {
	client := newClient(func(http.ResponseWriter, *http.Request) {})
	client.URL = "http://user:s3cret@[bad"
	if err := client.Do(t.Context(), flagapi.Call{Method: http.MethodGet}); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("error is %v", err)
	}
}

func TestWhatAWSAnswersIsPutIntoWords(t *testing.T) {
	answered := func(status int, code string) error {
		return &smithy.OperationError{ServiceID: "S3", OperationName: "PutObject", Err: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}},
			Err:      &smithy.GenericAPIError{Code: code, Message: "it says"},
		}}
	}
	for _, tt := range []struct {
		err  error
		want error
		says string
	}{
		{answered(403, "AccessDenied"), flag.ErrDenied, "denied by the flag store: AccessDenied: it says"},
		{answered(403, "ExpiredTokenException"), flag.ErrUnavailable, "ExpiredTokenException"},
		{answered(404, "NoSuchBucket"), flag.ErrUnavailable, "NoSuchBucket"},
		{answered(409, "ConflictException"), flag.ErrConflict, "ConflictException"},
		{answered(400, "ThrottlingException"), flag.ErrUnavailable, "ThrottlingException"},
		{answered(400, "BadRequestException"), flag.ErrInvalid, "BadRequestException"},
		{context.Canceled, context.Canceled, "not reachable"},
		{errors.New("no credentials"), flag.ErrUnavailable, "no credentials"},
	} {
		if err := flagapi.FromAWS(tt.err); !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%v becomes %v", tt.err, err)
		}
	}
	if err := flagapi.FromAWS(nil); err != nil {
		t.Errorf("nothing becomes %v", err)
	}
}
