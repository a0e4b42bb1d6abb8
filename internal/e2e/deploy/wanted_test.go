//go:build e2e

package deploy_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cinegit/guardian/internal/e2e/aws/template"
)

// wanted is what a template says, in the words in which an account tells what stands.
type wanted struct {
	t        *testing.T
	template *template.Template
	stream   string // of the ledger, whose ARN ends with the time of its making
}

func (w wanted) of(kind string) []template.Resource {
	w.t.Helper()
	out, err := w.template.Of(kind)
	must(w.t, err)
	return out
}

// resources are the logical IDs of the stack, but for the one that only tells AWS of CDK.
func (w wanted) resources() []string {
	all := w.template.Types()
	maps.DeleteFunc(all, func(_, kind string) bool { return kind == "AWS::CDK::Metadata" })
	return slices.Sorted(maps.Keys(all))
}

type function struct {
	Variables         map[string]string
	Memory, Timeout   int
	Reserved, Retries int // zero where none are said
	OnFailure         string
	Role              string // how its name begins
	Invoked           int    // how many permissions it has
}

func (w wanted) functions() map[string]function {
	permissions := map[string]int{}
	for _, p := range w.of("AWS::Lambda::Permission") {
		permissions[last(p.Text("FunctionName"))]++
	}
	out := map[string]function{}
	for _, r := range w.of("AWS::Lambda::Function") {
		f := function{Variables: map[string]string{}, Memory: r.Number("MemorySize"), Timeout: r.Number("Timeout"), Reserved: r.Number("ReservedConcurrentExecutions")}
		for name, value := range r.Map("Environment", "Variables") {
			f.Variables[name] = fmt.Sprint(value)
		}
		f.Role = "guardian-" + last(r.Text("Role"))
		f.Invoked = permissions[r.Text("FunctionName")]
		out[r.Text("FunctionName")] = f
	}
	for _, c := range w.of("AWS::Lambda::EventInvokeConfig") {
		f := out[c.Text("FunctionName")]
		f.Retries, f.OnFailure = c.Number("MaximumRetryAttempts"), c.Text("DestinationConfig", "OnFailure", "Destination")
		out[c.Text("FunctionName")] = f
	}
	return out
}

type source struct {
	From, To     string
	Batch, AtMax int
	Answers      string
	Filters      string
}

func (w wanted) sources() []source {
	var out []source
	for _, r := range w.of("AWS::Lambda::EventSourceMapping") {
		s := source{From: r.Text("EventSourceArn"), To: last(r.Text("FunctionName")), Batch: r.Number("BatchSize"), AtMax: r.Number("ScalingConfig", "MaximumConcurrency")}
		if strings.Contains(s.From, ":dynamodb:") {
			s.From = w.stream
		}
		for _, name := range r.List("FunctionResponseTypes") {
			s.Answers += fmt.Sprint(name)
		}
		for _, filter := range r.List("FilterCriteria", "Filters") {
			s.Filters += fmt.Sprint(filter.(map[string]any)["Pattern"])
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b source) int { return strings.Compare(a.From, b.From) })
	return out
}

// attributes of a queue that the template says.
func attributes() []string {
	return []string{"FifoQueue", "DeduplicationScope", "FifoThroughputLimit", "MessageRetentionPeriod", "VisibilityTimeout", "SqsManagedSseEnabled"}
}

func (w wanted) queues() map[string]map[string]string {
	out := map[string]map[string]string{}
	for _, r := range w.of("AWS::SQS::Queue") {
		q := map[string]string{"policy": "yes"}
		for _, name := range attributes() {
			if r.Value(name) != nil {
				q[name] = plain(r.Value(name))
			}
		}
		if arn := r.Text("RedrivePolicy", "deadLetterTargetArn"); arn != "" {
			q["redrive"] = fmt.Sprintf("%s after %d", arn, r.Number("RedrivePolicy", "maxReceiveCount"))
		}
		out[r.Text("QueueName")] = q
	}
	return out
}

func (w wanted) logs() map[string]int {
	out := map[string]int{}
	for _, r := range w.of("AWS::Logs::LogGroup") {
		out[r.Text("LogGroupName")] = r.Number("RetentionInDays")
	}
	return out
}

type alarm struct {
	Compares  string
	Threshold float64
	Minutes   int
	Silence   string
	Tells     string
}

func (w wanted) alarms() map[string]alarm {
	out := map[string]alarm{}
	for _, r := range w.of("AWS::CloudWatch::Alarm") {
		threshold, _ := r.Value("Threshold").(float64)
		out[r.Text("AlarmName")] = alarm{
			Compares: r.Text("ComparisonOperator"), Threshold: threshold, Minutes: r.Number("EvaluationPeriods"),
			Silence: r.Text("TreatMissingData"), Tells: fmt.Sprint(r.List("AlarmActions")...),
		}
	}
	return out
}

type rule struct{ Schedule, Pattern, Target string }

func (w wanted) rules() map[string]rule {
	out := map[string]rule{}
	for _, r := range w.of("AWS::Events::Rule") {
		made := rule{Schedule: r.Text("ScheduleExpression"), Pattern: "null"}
		if pattern := r.Value("EventPattern"); pattern != nil {
			made.Pattern = plain(pattern)
		}
		for _, target := range r.List("Targets") {
			made.Target += fmt.Sprint(target.(map[string]any)["Arn"])
		}
		out[r.Text("Name")] = made
	}
	return out
}

type table struct {
	Keys, Billing, Stream, TTL string
	Protected                  bool
}

func (w wanted) table() table {
	r := w.of("AWS::DynamoDB::Table")[0]
	out := table{Billing: r.Text("BillingMode"), Stream: r.Text("StreamSpecification", "StreamViewType"), TTL: r.Text("TimeToLiveSpecification", "AttributeName")}
	for _, key := range r.List("KeySchema") {
		k := key.(map[string]any)
		out.Keys += fmt.Sprint(k["KeyType"], " ", k["AttributeName"], ";")
	}
	out.Protected, _ = r.Value("DeletionProtectionEnabled").(bool)
	return out
}

func (w wanted) buckets() map[string]string {
	out := map[string]string{}
	for _, r := range w.of("AWS::S3::Bucket") {
		out[r.Text("BucketName")] = r.Text("VersioningConfiguration", "Status")
	}
	return out
}

// tasks are the functions that the state machine invokes; what stands has no substitution left.
func (w wanted) tasks() []string {
	r := w.of("AWS::StepFunctions::StateMachine")[0]
	var out []string
	for _, arn := range r.Map("DefinitionSubstitutions") {
		out = append(out, fmt.Sprint(arn))
	}
	slices.Sort(out)
	return out
}

// arnsOf gives the ARNs of functions in a definition; what was not substituted stands out.
func arnsOf(definition string) []string {
	out := regexp.MustCompile(`arn:aws:lambda:[^"]+|\$\{[^}]*\}`).FindAllString(definition, -1)
	slices.Sort(out)
	return slices.Compact(out)
}

// plain writes a value as an attribute has it.
func plain(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return strings.Trim(string(raw), `"`)
}

// last is the name at the end of an ARN, or the name itself.
func last(arn string) string {
	return arn[strings.LastIndexAny(arn, ":/")+1:]
}
