// Package names is the one list of the functions that run on AWS and of the environment variables that
// each reads: what is deployed is written from it (cdk), and what runs reads by it (internal/lambdakit).
// It imports the standard library only.
package names

import (
	"slices"
	"time"
)

// Environment variables. None holds a secret: tokens are references that are looked up when needed.
const (
	Table        = "GUARDIAN_TABLE"             // DynamoDB table of the ledger
	Evidence     = "GUARDIAN_EVIDENCE_BUCKET"   // S3 bucket of the ledger's values that are too large for the table
	Policy       = "GUARDIAN_POLICY"            // s3://bucket/key of guardian.yaml, in a versioned bucket
	QueueURL     = "GUARDIAN_QUEUE_URL"         // URL of intake.fifo
	DeadLetters  = "GUARDIAN_DEAD_LETTERS_URL"  // URL of the FIFO queue of what can never be handled, with the reason
	StateMachine = "GUARDIAN_STATE_MACHINE_ARN" // ARN of the remediation
	JudgeName    = "GUARDIAN_JUDGE_FUNCTION"    // name or ARN, as are those below
	ArgoCDHand   = "GUARDIAN_ARGOCD_HAND_FUNCTION"
	FlagHand     = "GUARDIAN_FLAG_HAND_FUNCTION"
	NotifyName   = "GUARDIAN_NOTIFY_FUNCTION"
	Bus          = "GUARDIAN_BUS"            // name or ARN of Guardian's own event bus
	Tokens       = "GUARDIAN_WEBHOOK_TOKENS" // #nosec G101 -- references as the policy writes them, comma separated
	LogLevel     = "GUARDIAN_LOG_LEVEL"      // debug, info, warn or error; info if empty
)

// MaxReceives is how often a message of the intake queue is handled before dispatch puts it among the dead
// letters with the reason. The queue's own redrive policy comes after that, for what kills dispatch.
const MaxReceives = 10

// Namespace and names of the metrics that the functions write, each with the dimension Function and
// those given beside it.
const (
	Namespace = "Guardian"
	Webhooks  = "Webhooks"      // Sender, Status
	Refused   = "Refused"       // webhooks answered 4xx, which their sender sends never again
	Alerts    = "Alerts"        // Outcome
	Incidents = "Incidents"     // End
	Messages  = "Messages"      // Channel, Outcome
	Untold    = "Untold"        // 1 for each try at which a channel failed or refused, so that people were not told
	Buried    = "Buried"        // Source: put among the dead letters
	Reloads   = "PolicyReloads" // Outcome: taken, refused
	Problem   = "PolicyProblem" // 1 while a newer policy is not taken, seen at each look at it
	Heartbeat = "Heartbeat"     // 1 for each run of the reconciler that came to its end
	Troubles  = "Troubles"      // of the reconciler: what it could not do in this run
	Unready   = "Unready"       // 1 for each event that came while the function could not start
)

// Function is one Lambda.
type Function struct {
	Name     string        // of functions/NAME and dist/NAME.zip
	Env      []string      // the variables it reads, sorted; the stack sets these and no other
	Optional []string      // those of Env that may be empty
	Memory   int           // MiB
	Timeout  time.Duration // after which Lambda ends it
	Reserved int           // reserved concurrency; 0 leaves the account's
	Does     string        // for the description of the function
}

// Functions are all functions, by name. Every call gives a list of its own.
func Functions() []Function {
	all := []Function{
		{Name: "alerts", Env: []string{QueueURL, DeadLetters, Tokens}, Memory: 256, Timeout: 10 * time.Second, Reserved: 20,
			Does: "takes alerts in: token, size, form, then the queue, then 202"},
		{Name: "deployments", Env: []string{QueueURL, DeadLetters, Tokens}, Memory: 256, Timeout: 10 * time.Second, Reserved: 10,
			Does: "takes Argo CD's notifications in: token, size, form, then the queue, then 202"},
		{Name: "dispatch", Env: []string{Table, Evidence, Policy, DeadLetters, StateMachine, ArgoCDHand}, Memory: 512, Timeout: time.Minute,
			Does: "joins what is queued to its incident and starts the state machine"},
		{Name: "judge", Env: []string{Table, Evidence, Policy}, Memory: 512, Timeout: time.Minute,
			Does: "asks the metrics: confirm, verify, prove"},
		{Name: "decide", Env: []string{Table, Evidence, Policy, FlagHand}, Memory: 512, Timeout: time.Minute,
			Does: "decides from the ledger: blame, choose, approve, give up; asks the flag hand for Guardian's own switch"},
		{Name: "argocdhand", Env: []string{Table, Evidence, Policy}, Memory: 1024, Timeout: time.Minute,
			Does: "the only one that reaches Argo CD: look, act, settle, undo, release"},
		{Name: "flaghand", Env: []string{Table, Evidence, Policy}, Memory: 512, Timeout: time.Minute,
			Does: "the only one that may write flags: look, act, settle, undo"},
		{Name: "notify", Env: []string{Table, Evidence, Policy, Bus}, Memory: 512, Timeout: time.Minute, Reserved: 1,
			Does: "delivers the outbox to people and to the event bus"},
		{Name: "reconcile", Env: []string{Table, Evidence, Policy, StateMachine, JudgeName, ArgoCDHand, FlagHand, NotifyName}, Memory: 512, Timeout: time.Minute, Reserved: 1,
			Does: "looks by itself every minute, so that a lost event costs time and never truth"},
		{Name: "operator", Env: []string{Table, Evidence, Policy, QueueURL, DeadLetters, JudgeName, ArgoCDHand, FlagHand}, Memory: 512, Timeout: 30 * time.Second, Reserved: 5,
			Does: "answers the guardian program: status, approve, freeze, undo"},
	}
	for i := range all {
		all[i].Env = append(all[i].Env, LogLevel)
		slices.Sort(all[i].Env)
		all[i].Optional = []string{LogLevel}
	}
	slices.SortFunc(all, func(a, b Function) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return all
}

// Of gives the function of that name; ok is false if there is none.
func Of(name string) (f Function, ok bool) {
	for _, f := range Functions() {
		if f.Name == name {
			return f, true
		}
	}
	return Function{}, false
}
