//go:build e2e

package aws_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/cinegit/guardian/internal/e2e/aws/cloud"
	"github.com/cinegit/guardian/internal/e2e/aws/runtimeapi"
	"github.com/cinegit/guardian/internal/e2e/aws/sources"
	"github.com/cinegit/guardian/internal/e2e/aws/template"
)

func (w *world) of(kind string) []template.Resource {
	w.t.Helper()
	out, err := w.template.Of(kind)
	must(w.t, err)
	return out
}

// function gives the function of a name, as package names calls it.
func (w *world) function(name string) template.Resource {
	w.t.Helper()
	for _, r := range w.of("AWS::Lambda::Function") {
		if r.Text("FunctionName") == "guardian-"+name {
			return r
		}
	}
	w.t.Fatalf("the template has no function guardian-%s", name)
	return template.Resource{}
}

// key is the access key of a function, by which the gateway knows its role.
func key(function string) string {
	return "ASIA" + strings.ToUpper(strings.TrimPrefix(function, "guardian-"))
}

func (w *world) client(function string) cloud.Client {
	return cloud.Client{URL: w.url, Key: key(function), HTTP: w.http}
}

// startFunctions makes every function of the template with the environment and the rights that it says.
func (w *world) startFunctions() {
	for _, r := range w.of("AWS::Lambda::Function") {
		name := r.Text("FunctionName")
		bootstrap, err := w.template.Bootstrap(r.ID)
		must(w.t, err)
		timeout := time.Duration(r.Number("Timeout")) * time.Second
		f := runtimeapi.New(runtimeapi.Config{
			Name: name, Bootstrap: bootstrap, Env: w.environment(r), Timeout: timeout, Memory: r.Number("MemorySize"),
			Instances: r.Number("ReservedConcurrentExecutions"), Log: w.logOf(name),
		})
		w.t.Cleanup(f.Close)
		w.functions[name] = f
	}
}

// environment is what the template sets, and what in AWS points at AWS.
func (w *world) environment(r template.Resource) map[string]string {
	env := map[string]string{"AWS_ENDPOINT_URL": w.url, "AWS_ACCESS_KEY_ID": key(r.Text("FunctionName"))}
	for name, value := range r.Map("Environment", "Variables") {
		env[name] = fmt.Sprint(value)
	}
	return env
}

// role finds a role by its ARN.
func (w *world) role(arn string) cloud.Role {
	w.t.Helper()
	r, err := w.template.Resource(arn[strings.LastIndex(arn, "/")+1:])
	must(w.t, err)
	role, err := cloud.ParseRole(r.Value("Policies"))
	must(w.t, err)
	return role
}

// startMachine makes the state machine of the template's definition.
func (w *world) startMachine() {
	for _, r := range w.of("AWS::StepFunctions::StateMachine") {
		substitutions := map[string]string{}
		for name, value := range r.Map("DefinitionSubstitutions") {
			substitutions[name] = fmt.Sprint(value)
		}
		name := r.Text("StateMachineName")
		m, err := cloud.NewMachine(name, []byte(r.Text("DefinitionString")), substitutions, w.functions, w.role(r.Text("RoleArn")))
		must(w.t, err)
		w.machine = m
		w.machines["arn:aws:states:"+template.Region+":"+template.Account+":stateMachine:"+name] = m
		w.t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			_ = m.Stop(ctx) // what it still does is of no interest
		})
	}
}

// startSources connects queues, streams, topics and URLs to functions as the template does.
func (w *world) startSources() {
	for _, r := range w.of("AWS::Lambda::EventSourceMapping") {
		source, function := r.Text("EventSourceArn"), r.Text("FunctionName")
		partial := strings.Contains(fmt.Sprint(r.List("FunctionResponseTypes")), "ReportBatchItemFailures")
		if stream, ok := w.streams[source]; ok {
			w.background((&sources.Stream{
				Client: w.client(function), ARN: stream, Table: tableOf(stream), Batch: r.Number("BatchSize"), Filters: filters(r), Single: partial,
				Retries: r.Number("MaximumRetryAttempts"), Bisect: r.Value("BisectBatchOnFunctionError") == true, Invoke: w.functions[function].Invoke,
			}).Run)
			continue
		}
		queue := sources.Queue{
			Client: w.client(function), URL: queueURL(source), Batch: r.Number("BatchSize"), Single: partial, Invoke: w.delivered(function),
		}
		for range min(2, max(1, r.Number("ScalingConfig", "MaximumConcurrency"))) {
			w.background(queue.Run)
		}
	}
	for _, r := range w.of("AWS::SNS::Subscription") {
		if r.Text("Protocol") == "lambda" {
			w.subscribe(r)
		}
	}
	for _, r := range w.of("AWS::Lambda::Url") {
		function := w.functionOf(r.Text("TargetFunctionArn"))
		server := httptest.NewServer(sources.URL{Invoke: w.functions[function].Invoke, Admit: w.signer(r.ID)})
		w.t.Cleanup(server.Close)
		w.urls[strings.TrimPrefix(function, "guardian-")] = server.URL
	}
}

// delivered invokes a function with a batch of a queue.
func (w *world) delivered(function string) sources.Invoke {
	invoke := w.functions[function].Invoke
	if !w.set.twice {
		return invoke
	}
	return func(ctx context.Context, payload []byte) (runtimeapi.Result, error) {
		other := make(chan struct{})
		go func() {
			defer close(other)
			_, _ = invoke(ctx, payload) // what comes of the second is not heeded, as SQS does not know of it
		}()
		defer func() { <-other }()
		return invoke(ctx, payload)
	}
}

func filters(r template.Resource) []string {
	var out []string
	for _, f := range r.List("FilterCriteria", "Filters") {
		out = append(out, fmt.Sprint(f.(map[string]any)["Pattern"]))
	}
	return out
}

// queueURL is the URL of a queue by its ARN.
func queueURL(arn string) string {
	return "https://sqs." + template.Region + ".amazonaws.com/" + template.Account + "/" + arn[strings.LastIndex(arn, ":")+1:]
}

// tableOf is the table whose stream has an ARN.
func tableOf(stream string) string {
	table, _, _ := strings.Cut(stream, "/stream/")
	return table[strings.LastIndex(table, "/")+1:]
}

func (w *world) functionOf(arn string) string { return arn[strings.LastIndex(arn, ":")+1:] }

// subscribe has SNS post to us what it would hand to the function.
func (w *world) subscribe(r template.Resource) {
	function := w.functionOf(r.Text("Endpoint"))
	sns := cloud.ServiceOf("sns.amazonaws.com", r.Text("TopicArn"))
	async := sources.Async{Client: w.client(function), Function: function, Retries: 2, Invoke: w.admitted(sns, function)}
	for _, c := range w.of("AWS::Lambda::EventInvokeConfig") {
		if c.Text("FunctionName") == function {
			async.Retries = c.Number("MaximumRetryAttempts")
			async.Failed = queueURL(c.Text("DestinationConfig", "OnFailure", "Destination"))
		}
	}
	server := httptest.NewServer(sources.Topic{Async: async, Aside: w.aside(sns, r.Text("RedrivePolicy", "deadLetterTargetArn"))})
	w.t.Cleanup(server.Close)
	w.topic = r.Text("TopicArn")
	w.sns(url.Values{"Action": {"Subscribe"}, "TopicArn": {w.topic}, "Protocol": {"http"}, "Endpoint": {server.URL}})
}

// tick wakes the reconciler as its schedule does.
func (w *world) tick(ctx context.Context) {
	for _, r := range w.of("AWS::Events::Rule") {
		if r.Text("ScheduleExpression") == "" {
			continue
		}
		rule, err := w.template.ARN(r.ID)
		must(w.t, err)
		for _, target := range r.List("Targets") {
			payload, err := sources.Tick(rule, time.Now())
			must(w.t, err)
			function := w.functionOf(fmt.Sprint(lookup(target, "Arn", "arn")))
			result, err := w.admitted(cloud.ServiceOf("events.amazonaws.com", rule), function)(ctx, payload)
			if err == nil && result.Error != "" {
				err = fmt.Errorf("%s: %s", result.Error, result.Message)
			}
			if err != nil && ctx.Err() == nil {
				w.t.Logf("tick: %v", err)
			}
		}
	}
}

func lookup(v any, names ...string) any {
	m, _ := v.(map[string]any)
	for _, name := range names {
		if m[name] != nil {
			return m[name]
		}
	}
	return nil
}

// background runs until the test ends.
func (w *world) background(run func(ctx context.Context)) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		run(ctx)
	}()
	w.t.Cleanup(func() {
		cancel()
		<-ended
	})
}

// lines keeps what a function writes, in memory and beside it in a file for whoever looks afterwards.
type lines struct {
	mu   sync.Mutex
	b    bytes.Buffer
	file io.Writer
}

// Write implements io.Writer.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.Write(p)
	return l.file.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (w *world) logOf(function string) *lines {
	if l := w.logs[function]; l != nil {
		return l
	}
	file, err := os.Create(filepath.Join(w.dir, function+".log"))
	must(w.t, err)
	w.t.Cleanup(func() { _ = file.Close() })
	w.logs[function] = &lines{file: file}
	return w.logs[function]
}

// httpClient has connections enough that a poller does not wait for another.
func httpClient() *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
}
