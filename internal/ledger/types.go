package ledger

import (
	"encoding/json"
	"time"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/health"
	"github.com/cinegit/guardian/internal/policy"
)

// Target is one service in one stage: what Guardian judges, changes and holds a lease on.
type Target struct {
	Service string `json:"service"`
	Stage   string `json:"stage"`
}

// String gives service/stage.
func (t Target) String() string { return t.Service + "/" + t.Stage }

// Release is one release as it ran at a target.
type Release struct {
	Target     Target       `json:"target"`
	ID         string       `json:"id"` // deploy.Identity: the same content has the same ID
	Label      string       `json:"label"`
	Entry      deploy.Entry `json:"entry"` // the newest history entry of this content
	Images     []string     `json:"images,omitempty"`
	From       time.Time    `json:"from"`
	To         time.Time    `json:"to,omitzero"` // zero while it runs
	ProvenAt   time.Time    `json:"provenAt,omitzero"`
	Proof      string       `json:"proof,omitempty"`     // the finding that proved it, or why it has not proved good
	DegradedAt time.Time    `json:"degradedAt,omitzero"` // when Argo CD first called it Degraded in this run
}

// Proven tells whether the release was healthy through its stage's bake.
func (r Release) Proven() bool { return !r.ProvenAt.IsZero() }

// FlagChange is a change of a flag that Guardian saw.
type FlagChange struct {
	Flag string    `json:"flag"`
	At   time.Time `json:"at"`   // not later than
	From string    `json:"from"` // the variant served, or what changed, in a few words
	To   string    `json:"to"`
	By   string    `json:"by,omitempty"` // the incident, when Guardian did it
}

// Alert is one alert of an incident: one episode of it, from its start until it is resolved.
type Alert struct {
	Name        string    `json:"name"`
	Fingerprint string    `json:"fingerprint"`
	StartsAt    time.Time `json:"startsAt"`
	ResolvedAt  time.Time `json:"resolvedAt,omitzero"`
	Summary     string    `json:"summary,omitempty"`
	Link        string    `json:"link,omitempty"` // generatorURL
	Runbook     string    `json:"runbook,omitempty"`
}

// Step is a step of the remediation; the words are those of the state machine.
type Step string

// The steps in their order.
const (
	StepConfirm Step = "confirm"
	StepBlame   Step = "blame"
	StepChoose  Step = "choose"
	StepApprove Step = "approve"
	StepAct     Step = "act"
	StepSettle  Step = "settle"
	StepVerify  Step = "verify"
	StepEnd     Step = "end"
)

// End is an end state: it says what the world looks like.
type End string

// The end states.
const (
	Healed      End = "Healed"      // a remedy was carried out and the gates say it helped
	StoodDown   End = "StoodDown"   // Guardian chose to do nothing: not bad, not its turn, or only observing
	FailedClean End = "FailedClean" // it is bad and Guardian could not help; the world is as it was
	FailedDirty End = "FailedDirty" // Guardian changed something and it did not help: a person must look
)

// SuspectKind says what kind of change is suspected.
type SuspectKind string

// The kinds of suspects.
const (
	SuspectRelease   SuspectKind = "release"   // a new revision
	SuspectParameter SuspectKind = "parameter" // the same revision with other Helm parameters
	SuspectFlag      SuspectKind = "flag"
)

// Suspect is a change that may have caused the alert.
type Suspect struct {
	Kind   SuspectKind `json:"kind"`
	Name   string      `json:"name"` // release label or flag key
	ID     string      `json:"id"`   // release identity or flag key
	From   string      `json:"from,omitempty"`
	At     time.Time   `json:"at"`
	Score  float64     `json:"score"`  // 0..1
	Reason string      `json:"reason"` // a sentence
}

// Remedy is one step of a plan, with the reason where it was refused.
type Remedy struct {
	Kind      policy.RemedyKind `json:"kind"`
	Flag      string            `json:"flag,omitempty"`
	Safe      string            `json:"safe,omitempty"`
	Bad       string            `json:"bad,omitempty"`       // release identity that is left
	BadName   string            `json:"badName,omitempty"`   // its label
	BadImages []string          `json:"badImages,omitempty"` // what it ran and To did not, where known
	To        *deploy.Entry     `json:"to,omitempty"`        // history entry that is gone back to
	ToName    string            `json:"toName,omitempty"`    // its label
	Images    []string          `json:"images,omitempty"`    // what To ran, where known
	Refused   string            `json:"refused,omitempty"`   // why a guard refused it; empty if it did not
	Ask       string            `json:"ask,omitempty"`       // why a person must approve it; empty if nobody must
	Tried     bool              `json:"tried,omitempty"`     // it was carried out, or attempted
	Outcome   string            `json:"outcome,omitempty"`   // what came of it
	Overtaken string            `json:"overtaken,omitempty"` // who deployed what while it was verified, so that it is left to them
}

// EffectKind is one kind of change that Guardian makes in the world.
type EffectKind string

// The kinds of effects.
const (
	EffectFlag      EffectKind = "flag"      // flag put to its safe variant
	EffectAutoSync  EffectKind = "autosync"  // auto-sync switched off
	EffectTerminate EffectKind = "terminate" // operation in progress terminated
	EffectRollback  EffectKind = "rollback"  // Argo CD rolled back
	EffectPin       EffectKind = "pin"       // spec.source put to what was rolled back to
)

// Effect is one change in the world. It is written with its before-image before it is made;
// DoneAt is set after. An Effect without DoneAt may or may not have landed.
type Effect struct {
	Kind      EffectKind      `json:"kind"`
	DecidedAt time.Time       `json:"decidedAt"`
	DoneAt    time.Time       `json:"doneAt,omitzero"`
	What      string          `json:"what"` // a sentence
	Before    json.RawMessage `json:"before,omitempty"`
	After     json.RawMessage `json:"after,omitempty"`
	Mark      deploy.Mark     `json:"mark,omitzero"`     // where the application stood (rollback, terminate)
	Refused   bool            `json:"refused,omitempty"` // it was asked for and certainly did not land
	UndoneAt  time.Time       `json:"undoneAt,omitzero"`
	UndoneBy  string          `json:"undoneBy,omitempty"`
}

// FlagBefore reads the before-image of an EffectFlag.
func (e Effect) FlagBefore() (flag.Definition, error) { return decode[flag.Definition](e.Before) }

// FlagAfter reads the after-image of an EffectFlag.
func (e Effect) FlagAfter() (flag.Definition, error) { return decode[flag.Definition](e.After) }

func decode[T any](raw json.RawMessage) (v T, err error) {
	err = json.Unmarshal(raw, &v)
	return v, err
}

// Incident is one remediation from its first alert to its end. The record is the state that a
// step loads and saves; Events tell the same as a story.
type Incident struct {
	ID         string      `json:"id"`
	Target     Target      `json:"target"`
	Rule       string      `json:"rule"`
	Match      string      `json:"match,omitempty"` // of the rule, as the policy wrote it
	Mode       policy.Mode `json:"mode"`
	OpenedAt   time.Time   `json:"openedAt"`
	StartsAt   time.Time   `json:"startsAt"`            // of the first alert
	YoungSince time.Time   `json:"youngSince,omitzero"` // when the alert began whose rule took the incident over; zero where none did
	Alerts     []Alert     `json:"alerts"`

	Step      Step      `json:"step"`
	Suspects  []Suspect `json:"suspects,omitempty"`
	Blind     bool      `json:"blind,omitempty"` // Suspects were ranked while Argo CD could not be read
	Plan      []Remedy  `json:"plan,omitempty"`
	Current   int       `json:"current"` // index into Plan of the remedy in hand; -1 is none
	Effects   []Effect  `json:"effects,omitempty"`
	ActedAt   time.Time `json:"actedAt,omitzero"`   // when the current remedy's first effect was decided
	SettledAt time.Time `json:"settledAt,omitzero"` // when the current remedy was live
	HeldSince time.Time `json:"heldSince,omitzero"` // since when confirm is waiting for metrics
	AskedAt   time.Time `json:"askedAt,omitzero"`   // since when a person is asked
	Token     string    `json:"token,omitempty"`    // of the state machine that waits for the answer
	Approval  *Approval `json:"approval,omitempty"`

	Judgement health.Judgement `json:"judgement,omitzero"`  // of the step in hand (confirm or verify)
	Confirmed []health.Finding `json:"confirmed,omitempty"` // what confirmed the alert
	Verified  []health.Finding `json:"verified,omitempty"`  // the last look of the last verify

	End      End       `json:"end,omitempty"`
	EndedAt  time.Time `json:"endedAt,omitzero"`
	Reason   string    `json:"reason,omitempty"` // of the end, a sentence
	UndoneAt time.Time `json:"undoneAt,omitzero"`
	UndoneBy string    `json:"undoneBy,omitempty"`

	NextSeq int   `json:"nextSeq"` // of the timeline
	Version int64 `json:"-"`       // of the record, for compare-and-set
}

// Acted tells whether Guardian changed anything in this incident.
func (i Incident) Acted() bool { return len(i.Effects) > 0 }

// Approval is a person's answer to a suggestion.
type Approval struct {
	Granted bool      `json:"granted"`
	Change  string    `json:"change,omitempty"` // what it was asked about, as Override names it
	By      string    `json:"by"`
	At      time.Time `json:"at"`
	Why     string    `json:"why,omitempty"`
}

// EventKind is one kind of entry in an incident's timeline.
type EventKind string

// The kinds of events.
const (
	EventAlert    EventKind = "alert"    // an alert came in or was resolved
	EventEvidence EventKind = "evidence" // the metrics were asked
	EventDecision EventKind = "decision" // Guardian decided, also to do nothing
	EventEffect   EventKind = "effect"   // something was changed in the world
	EventRefusal  EventKind = "refusal"  // a guard refused a remedy
	EventTrouble  EventKind = "trouble"  // a call failed
	EventPerson   EventKind = "person"   // a person approved, rejected, undid
	EventEnd      EventKind = "end"
)

// Event is one entry of an incident's timeline.
type Event struct {
	Incident string           `json:"incident,omitempty"` // empty for what led to no incident
	Seq      int              `json:"seq"`
	At       time.Time        `json:"at"`
	Kind     EventKind        `json:"kind"`
	Step     Step             `json:"step,omitempty"`
	Target   Target           `json:"target,omitzero"`
	Text     string           `json:"text"` // a sentence
	Findings []health.Finding `json:"findings,omitempty"`
	Suspects []Suspect        `json:"suspects,omitempty"`
	Plan     []Remedy         `json:"plan,omitempty"`
	By       string           `json:"by,omitempty"`
	End      End              `json:"end,omitempty"`
}

// Message is something to tell people; it waits in the outbox until every channel has it.
type Message struct {
	ID       string           `json:"id"` // incident and kind: told once
	Incident string           `json:"incident,omitempty"`
	Target   Target           `json:"target,omitzero"`
	At       time.Time        `json:"at"`
	Urgency  policy.Urgency   `json:"urgency"`
	Title    string           `json:"title"`
	Text     []string         `json:"text"`               // sentences: what happened, why, what was done
	Findings []health.Finding `json:"findings,omitempty"` // the evidence
	Undo     string           `json:"undo,omitempty"`     // the command that undoes it
	Links    []string         `json:"links,omitempty"`
	End      End              `json:"end,omitempty"`
	SentTo   []string         `json:"sentTo,omitempty"` // channels that have it, or refused it for good
	Tries    int              `json:"tries"`
	NextTry  time.Time        `json:"nextTry,omitzero"`
	Version  int64            `json:"-"`
}

// Freeze stops promotions, never a revert. An empty Service is all services, an empty Stage all
// stages.
type Freeze struct {
	Service string    `json:"service,omitempty"`
	Stage   string    `json:"stage,omitempty"`
	Until   time.Time `json:"until"`
	Why     string    `json:"why"`
	By      string    `json:"by"`
	At      time.Time `json:"at"`
}

// Quarantine keeps a bad release from being shipped again until a person lifts it.
type Quarantine struct {
	Target    Target    `json:"target"`
	Release   string    `json:"release"` // deploy.Identity
	Label     string    `json:"label"`
	Revisions []string  `json:"revisions,omitempty"`
	Images    []string  `json:"images,omitempty"` // that it ran and the release gone back to did not
	Incident  string    `json:"incident"`
	Why       string    `json:"why"`
	At        time.Time `json:"at"`
	LiftedAt  time.Time `json:"liftedAt,omitzero"`
	LiftedBy  string    `json:"liftedBy,omitempty"`
}

// Revert is the last revert that Guardian carried out at a target.
type Revert struct {
	Target   Target    `json:"target"`
	To       string    `json:"to"` // deploy.Identity
	Incident string    `json:"incident"`
	At       time.Time `json:"at"`
}

// Hold is a target whose auto-sync Guardian has switched off, with what to give back.
type Hold struct {
	Target   Target          `json:"target"`
	Incident string          `json:"incident"`
	AutoSync json.RawMessage `json:"autoSync"` // spec.syncPolicy.automated as it was
	At       time.Time       `json:"at"`
}
