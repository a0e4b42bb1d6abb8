package lambdakit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/lambdakit"
	"github.com/cinegit/guardian/internal/lambdakit/kittest"
	"github.com/cinegit/guardian/internal/lambdakit/names"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/step"
)

// answering builds a function of alerts that handles any event in one way.
func answering(do func(ctx context.Context, event []byte) ([]byte, error)) lambdakit.Build {
	return func(_ context.Context, k *lambdakit.Kit) (lambdakit.Handler, error) {
		for _, variable := range []string{names.QueueURL, names.DeadLetters, names.Tokens} {
			k.Env(variable)
		}
		return lambdakit.Sources{Any: do}, nil
	}
}

func start(t *testing.T, build lambdakit.Build) kittest.Function {
	t.Helper()
	return kittest.Start("alerts", build, kittest.New(t, "", nil).Env("alerts"))
}

func TestAnErrorLeavesUnderTheNameThatItHasInsideHoweverDeepItIsWrapped(t *testing.T) {
	for name, err := range map[string]error{
		step.Conflict:  fmt.Errorf("a: %w", errors.Join(step.Named(step.Name(ledger.ErrHeld), ledger.ErrHeld))),
		step.Malformed: fmt.Errorf("a: %w", step.Named(step.Malformed, io.EOF)),
		step.Transient: fmt.Errorf("a: %w", io.EOF),
	} {
		_, got := start(t, answering(func(context.Context, []byte) ([]byte, error) { return nil, err })).Send(t, `{}`)
		var told messages.InvokeResponse_Error
		if !errors.As(got, &told) || told.Type != name || told.Message != err.Error() {
			t.Errorf("%v is told as %v", err, got)
		}
	}
}

func TestEverythingWrongWithTheEnvironmentIsToldInOneLineWithoutItsValues(t *testing.T) {
	env := map[string]string{
		names.Policy: "policies/hunter2", names.QueueURL: "hunter2", names.StateMachine: "hunter2", names.LogLevel: "hunter2",
		names.ArgoCDHand: " ", names.DeadLetters: "https://sqs.eu-west-1.amazonaws.com/1/dead.fifo",
	}
	f := kittest.Start("dispatch", answering(nil), env)
	said := f.Log.String()
	for _, want := range []string{
		names.Table + " is missing", names.ArgoCDHand + " is missing", names.Policy + " is not an object's address",
		names.StateMachine + " is not the ARN of a state machine", names.LogLevel,
	} {
		if strings.Count(said, "\n") != 1 || !strings.Contains(said, want) {
			t.Errorf("no %q in %s", want, said)
		}
	}
	if strings.Contains(said, "policies/hunter2") {
		t.Errorf("a value is told: %s", said)
	}
	answer, err := f.Send(t, kittest.HTTP(t, http.MethodPost, "/x", "", ""))
	if err != nil || !strings.Contains(answer, `"statusCode":503`) || !strings.Contains(f.Log.String(), `"Unready":1`) {
		t.Errorf("%s, %v", answer, err)
	}
}

func TestAVariableThatIsNotListedKeepsTheFunctionFromStarting(t *testing.T) {
	f := start(t, func(ctx context.Context, k *lambdakit.Kit) (lambdakit.Handler, error) {
		k.Env(names.Table)
		return answering(nil)(ctx, k)
	})
	if !strings.Contains(f.Log.String(), names.Table+" is read and not listed") {
		t.Errorf("it says %s", f.Log)
	}
	if f := start(t, func(context.Context, *lambdakit.Kit) (lambdakit.Handler, error) { return lambdakit.Sources{}, nil }); !strings.Contains(f.Log.String(), names.QueueURL+" is listed in package names and not read") {
		t.Errorf("it says %s", f.Log)
	}
}

func TestAFunctionThatCouldNotStartIsTriedAgainAndThenAnswers(t *testing.T) {
	env := kittest.New(t, "", nil).Env("alerts")
	synctest.Test(t, func(t *testing.T) {
		down, built := true, 0
		f := kittest.Start("alerts", func(ctx context.Context, k *lambdakit.Kit) (lambdakit.Handler, error) {
			built++
			if down {
				return nil, errors.New("the table is not there yet")
			}
			return answering(func(context.Context, []byte) ([]byte, error) { return []byte(`{}`), nil })(ctx, k)
		}, env)
		for range 3 {
			if _, err := f.Send(t, `{}`); err == nil || !strings.Contains(err.Error(), "not there yet") {
				t.Errorf("got %v", err)
			}
		}
		if built != 1 {
			t.Errorf("built %d times at once", built)
		}
		down = false
		<-time.After(5 * time.Second)
		if answer, err := f.Send(t, `{}`); err != nil || answer != `{}` || built != 2 {
			t.Errorf("%s, %v, built %d times", answer, err, built)
		}
	})
}

func TestAHandlerIsStoppedBeforeLambdaEndsIt(t *testing.T) {
	env := kittest.New(t, "", nil).Env("alerts")
	synctest.Test(t, func(t *testing.T) {
		var left time.Duration
		f := kittest.Start("alerts", answering(func(ctx context.Context, _ []byte) ([]byte, error) {
			deadline, _ := ctx.Deadline()
			left = time.Until(deadline)
			<-ctx.Done()
			return nil, ctx.Err()
		}), env)
		for timeout, want := range map[time.Duration]time.Duration{time.Minute: 58 * time.Second, 5 * time.Second: 4500 * time.Millisecond} {
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			_, err := f.Invoke(ctx, []byte(`{}`))
			if left != want || ctx.Err() != nil || err == nil {
				t.Errorf("of %v it had %v, %v", timeout, left, err)
			}
			cancel()
		}
	})
}

func TestALineOfTheLogHasTheRequestsID(t *testing.T) {
	f := start(t, answering(func(context.Context, []byte) ([]byte, error) { return nil, io.EOF }))
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "request-1"})
	_, _ = f.Invoke(ctx, []byte(`{}`))
	if !strings.Contains(f.Log.String(), `"requestId":"request-1"`) {
		t.Errorf("it says %s", f.Log)
	}
}

func TestAMetricIsALineThatCloudWatchReads(t *testing.T) {
	var out bytes.Buffer
	m := lambdakit.NewMetrics(&out, "alerts", func() time.Time { return time.UnixMilli(1795374002123) })
	m.Add(names.Webhooks, 1, "Sender", "argocd", "Status", "202")
	var got any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || strings.Count(out.String(), "\n") != 1 {
		t.Fatalf("%s: %v", &out, err)
	}
	want := map[string]any{
		"Function": "alerts", "Sender": "argocd", "Status": "202", "Webhooks": 1.0,
		"_aws": map[string]any{"Timestamp": 1795374002123.0, "CloudWatchMetrics": []any{map[string]any{
			"Namespace": "Guardian", "Dimensions": []any{[]any{"Function"}, []any{"Function", "Sender", "Status"}},
			"Metrics": []any{map[string]any{"Name": "Webhooks", "Unit": "Count"}},
		}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAnHTTPRequestArrivesAsItWasSentAndItsAnswerToo(t *testing.T) {
	var got []string
	h := lambdakit.Sources{HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		got = []string{r.Method, r.URL.Path, r.URL.Query().Get("a"), r.Header.Get("Authorization"), string(body), lambdakit.Caller(r.Context()), fmt.Sprint(err)}
		w.Header().Add("X-Many", "1")
		w.Header().Add("X-Many", "2")
		w.WriteHeader(http.StatusTeapot)
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write([]byte("\xff\xfe"))
	})}
	raw, err := h.Invoke(t.Context(), []byte(`{"version":"2.0","rawPath":"/a b/ü","rawQueryString":"a=%26","headers":{"authorization":"Bearer x"},
		"body":"aMO8","isBase64Encoded":true,"requestContext":{"http":{"method":"PUT"},"authorizer":{"iam":{"userArn":"arn:aws:iam::1:user/anna"}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"PUT", "/a b/ü", "&", "Bearer x", "hü", "arn:aws:iam::1:user/anna", "<nil>"}, got); diff != "" {
		t.Error(diff)
	}
	var answer events.LambdaFunctionURLResponse
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusTeapot || answer.Headers["X-Many"] != "1, 2" || answer.Body != "//4=" || !answer.IsBase64Encoded {
		t.Errorf("answered %+v", answer)
	}
}

// An error would be one of the function, which an alarm tells of, and anybody can write to a URL.
func TestARequestThatCannotBeReadIsRefusedAndIsNoFaultOfTheFunction(t *testing.T) {
	h := lambdakit.Sources{HTTP: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it is taken") })}
	for _, event := range []string{
		`{"requestContext":{"http":{"method":"PUT"}},"body":"?","isBase64Encoded":true}`,
		`{"requestContext":{"http":{"method":"GET"}},"rawPath":"/%zz"}`,
		`{"requestContext":{"http":{"method":"GET"}},"rawPath":"/\u007f"}`,
	} {
		raw, err := h.Invoke(t.Context(), []byte(event))
		var answer events.LambdaFunctionURLResponse
		if err != nil || json.Unmarshal(raw, &answer) != nil || answer.StatusCode != http.StatusBadRequest {
			t.Errorf("%s is answered with %s, %v", event, raw, err)
		}
	}
}

func TestAnAnswerThatLambdaWouldNotCarryIsAProblemThatSaysSo(t *testing.T) {
	for size, want := range map[int]int{5_900_000: http.StatusOK, 6_100_000: http.StatusInternalServerError} {
		h := lambdakit.Sources{HTTP: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(bytes.Repeat([]byte("a"), size))
		})}
		raw, err := h.Invoke(t.Context(), []byte(`{"requestContext":{"http":{"method":"GET"}},"rawPath":"/"}`))
		var answer events.LambdaFunctionURLResponse
		if err != nil || json.Unmarshal(raw, &answer) != nil || answer.StatusCode != want || len(raw) > 6_000_000 {
			t.Errorf("%d bytes are answered with %d: %.100s, %v", size, answer.StatusCode, answer.Body, err)
		}
	}
}
