//go:build e2e

package aws_test

import (
	"crypto/md5" //nolint:gosec // SQS answers with it
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/cinegit/guardian/internal/e2e/aws/runtimeapi"
	"github.com/cinegit/guardian/internal/lambdakit/names"
	"github.com/cinegit/guardian/internal/ledger"
)

const (
	coldStarts      = 20
	warmInvocations = 50
	// transitionPrice is that of a state transition of a standard state machine in eu-west-1, in dollars.
	transitionPrice = 0.000025
)

// numbers are those of one function.
type numbers struct {
	zip        string
	memory     int             // KiB resident at the first call of next; the median
	init, cold []time.Duration // sorted
	own        []time.Duration // of cold, without the time of calls to what stands in for AWS; sorted
	warm       []time.Duration // sorted, without the time of such calls
}

// TestStackNumbers measures and prints; what it fails on are targets that do not depend on how busy the
// machine is.
func TestStackNumbers(t *testing.T) {
	w := newWorld(t, setup{alone: true})
	w.badRelease()
	w.fire("player")
	w.healedOnce()
	all, err := w.operator.Incidents(t.Context(), 1)
	must(t, err)

	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "function\tzip arm64\tRSS at start\tinit min\tmed\tmax\tcold min\tmed\tmax\town min\tmed\tmax\twarm min\tmed\tmax\t")
	for _, f := range names.Functions() {
		n := w.measureFunction(t, f.Name, all[0].ID)
		fmt.Fprintf(table, "%s\t%s\t%.1f MiB\t%s\t%s\t%s\t%s\t\n", f.Name, n.zip, float64(n.memory)/1024, spread(n.init), spread(n.cold), spread(n.own), spread(n.warm))
	}
	_ = table.Flush() // into memory
	transitions := w.machine.Transitions(all[0].ID)
	fmt.Fprintf(&b, "\nin ms; cold: %d starts, from the start of the process to its first answer; own: without calls to moto; warm: %d invocations, also without\n", coldStarts, warmInvocations)
	fmt.Fprintf(&b, "%s/%s, %d processors; Lambda gives a function of 256 MiB a seventh of one\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	fmt.Fprintf(&b, "a remediation by rollback: %d state transitions, $%.6f\n", transitions, float64(transitions)*transitionPrice)
	fmt.Fprintf(&b, "%s\n", w.intakeRate(t))
	t.Log("\n" + b.String())
	if transitions == 0 || all[0].End != ledger.Healed {
		t.Errorf("%d transitions of an incident that ended %s", transitions, all[0].End)
	}
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d.Microseconds())/1000) }

// spread is minimum, median and maximum of what is sorted.
func spread(d []time.Duration) string {
	return ms(d[0]) + "\t" + ms(d[len(d)/2]) + "\t" + ms(d[len(d)-1])
}

// event is a small one that the function handles to its end.
func (w *world) event(t *testing.T, function, incident string) []byte {
	t.Helper()
	var event any
	switch function {
	case "alerts", "deployments":
		event = webhook(t, "/healthz", http.MethodGet, nil)
	case "operator":
		r := webhook(t, "/healthz", http.MethodGet, nil)
		event = r
	case "dispatch":
		event = events.SQSEvent{Records: []events.SQSMessage{{MessageId: "1", EventSource: "aws:sqs", Body: `{"kind": "argocd", "body": "e30="}`}}}
	case "notify", "reconcile":
		event = map[string]string{}
	default: // an incident that has ended is answered from the ledger
		event = map[string]string{"id": incident, "step": map[string]string{"judge": "verify", "decide": "choose", "argocdhand": "act", "flaghand": "act"}[function]}
	}
	raw, err := json.Marshal(event)
	must(t, err)
	return raw
}

func webhook(t *testing.T, path, method string, body []byte) events.LambdaFunctionURLRequest {
	t.Helper()
	return events.LambdaFunctionURLRequest{
		Version: "2.0", RawPath: path, Body: string(body),
		Headers:        map[string]string{"content-type": "application/json", "authorization": "Bearer " + hookToken},
		RequestContext: events.LambdaFunctionURLRequestContext{HTTP: events.LambdaFunctionURLRequestContextHTTPDescription{Method: method, Path: path}},
	}
}

func (w *world) measureFunction(t *testing.T, function, incident string) numbers {
	t.Helper()
	r := w.function(function)
	bootstrap, err := w.template.Bootstrap(r.ID)
	must(t, err)
	payload := w.event(t, function, incident)
	env := w.environment(r)
	alone := "ASIAMEASURED" + strings.ToUpper(function) // the pollers have the function's own
	env["AWS_ACCESS_KEY_ID"] = alone
	w.gateway.Let(alone, w.role(r.Text("Role")))
	start := func() *runtimeapi.Function {
		return runtimeapi.New(runtimeapi.Config{
			Name: r.Text("FunctionName"), Bootstrap: bootstrap, Env: env, Timeout: time.Minute, Memory: r.Number("MemorySize"), Log: w.logOf(r.Text("FunctionName")),
		})
	}
	invoke := func(f *runtimeapi.Function) (runtimeapi.Result, time.Duration) {
		before := len(w.gateway.Calls())
		result, err := f.Invoke(t.Context(), payload)
		must(t, err)
		if result.Error != "" {
			t.Fatalf("%s: %s: %s", function, result.Error, result.Message)
		}
		var calls time.Duration
		for _, c := range w.gateway.Calls()[before:] {
			if c.Caller == alone {
				calls += c.Took
			}
		}
		return result, calls
	}
	n := numbers{zip: zipSize(function)}
	var memory []int
	for range coldStarts {
		f := start()
		result, took := invoke(f)
		f.Close()
		n.init, n.cold = append(n.init, result.Start.Init), append(n.cold, result.Start.Cold)
		n.own = append(n.own, max(0, result.Start.Cold-took))
		memory = append(memory, result.Start.Memory.Resident)
	}
	f := start()
	defer f.Close()
	invoke(f)
	for range warmInvocations {
		result, took := invoke(f)
		n.warm = append(n.warm, max(0, result.Took-took))
	}
	for _, d := range [][]time.Duration{n.init, n.cold, n.own, n.warm} {
		slices.Sort(d)
	}
	slices.Sort(memory)
	n.memory = memory[len(memory)/2]
	return n
}

// zipSize is that of what would be deployed, where `make functions` has built it.
func zipSize(function string) string {
	info, err := os.Stat(filepath.Join(root, "dist", function+".zip"))
	if err != nil {
		return "not built"
	}
	return fmt.Sprintf("%.2f MB", float64(info.Size())/1e6)
}

// intakeRate posts alerts to one instance, one after the other, before a queue that answers at once.
func (w *world) intakeRate(t *testing.T) string {
	t.Helper()
	var kept atomic.Int64
	queue := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.") {
			w.gateway.ServeHTTP(rw, r)
			return
		}
		var in struct{ MessageBody string }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			rw.WriteHeader(http.StatusBadRequest)
			return
		}
		sum := md5.Sum([]byte(in.MessageBody)) //nolint:gosec // as above
		kept.Add(1)
		rw.Header().Set("Content-Type", "application/x-amz-json-1.0")
		fmt.Fprintf(rw, `{"MessageId": "1", "MD5OfMessageBody": %q, "SequenceNumber": "1"}`, hex.EncodeToString(sum[:]))
	}))
	defer queue.Close()
	r := w.function("alerts")
	bootstrap, err := w.template.Bootstrap(r.ID)
	must(t, err)
	env := w.environment(r)
	env["AWS_ENDPOINT_URL"] = queue.URL
	f := runtimeapi.New(runtimeapi.Config{Name: "guardian-alerts", Bootstrap: bootstrap, Env: env, Timeout: time.Minute, Instances: 1, Log: w.logOf("guardian-alerts")})
	defer f.Close()
	const requests = 2000
	began := time.Now()
	for i := range requests + 1 {
		if i == 1 { // the first one starts it
			began = time.Now()
		}
		raw, err := json.Marshal(webhook(t, alertPath, http.MethodPost, alert(t, began.Add(time.Duration(i)), "player")))
		must(t, err)
		result, err := f.Invoke(t.Context(), raw)
		must(t, err)
		var answer events.LambdaFunctionURLResponse
		must(t, json.Unmarshal(result.Payload, &answer))
		if answer.StatusCode != http.StatusAccepted || kept.Load() != int64(i+1) {
			t.Fatalf("request %d: answered %d (%s) with %d in the queue", i, answer.StatusCode, answer.Body, kept.Load())
		}
	}
	return fmt.Sprintf("intake: %.0f requests a second and instance, each acknowledged after the queue had it", requests/time.Since(began).Seconds())
}
