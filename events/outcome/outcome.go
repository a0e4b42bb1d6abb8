// Package outcome is what Guardian publishes of its own on its event bus: one event for each thing that it
// tells people. It is meant for rules: which incident, where, how urgent, how it ended.
package outcome

import "time"

// Source is the source of all of Guardian's events.
const Source = "guardian"

// The detail types.
const (
	Notice = "Guardian Notice" // an incident goes on: a person is asked, or people are told what is held or that a change begins
	Ended  = "Incident Ended"
)

// Detail is the detail of an event. Its fields are never renamed; new ones may come.
type Detail struct {
	ID       string    `json:"id"` // of the message: the same one sent again has the same
	Incident string    `json:"incident,omitempty"`
	Service  string    `json:"service,omitempty"`
	Stage    string    `json:"stage,omitempty"`
	At       time.Time `json:"at"`
	Urgency  string    `json:"urgency"`       // page: a person must look now; info
	End      string    `json:"end,omitempty"` // Healed, StoodDown, FailedClean or FailedDirty; of an incident that has ended
	Title    string    `json:"title"`
	Text     []string  `json:"text"` // sentences
	Undo     string    `json:"undo,omitempty"`
}

// Type is the detail type of the event.
func (d Detail) Type() string {
	if d.End != "" {
		return Ended
	}
	return Notice
}
