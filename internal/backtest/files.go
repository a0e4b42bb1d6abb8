package backtest

import (
	"fmt"
	"time"

	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

// Release is one release as it went out to a target.
type Release struct {
	ledger.Target
	Release string    `json:"release"`
	At      time.Time `json:"at"` // when its change began
}

// Incident is a time in which a target is known to have been bad.
type Incident struct {
	ledger.Target
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// ReadReleases reads a YAML list of {service, stage, release, at}. Every mistake in it comes back
// at once as policy.Mistakes: what is not a release, a target that the policy lacks, a release that
// stands twice.
func ReadReleases(file string, p *policy.Policy) ([]Release, error) {
	return readFile(file, p, Releases)
}

// ReadIncidents reads a YAML list of {service, stage, from, to}, and is as strict as ReadReleases.
// The list is never nil.
func ReadIncidents(file string, p *policy.Policy) ([]Incident, error) {
	return readFile(file, p, Incidents)
}

// Releases is ReadReleases of a text; name stands for its file in mistakes.
func Releases(name string, text []byte, p *policy.Policy) ([]Release, error) {
	entries, r := read(name, text, "service", "stage", "release", "at")
	out := make([]Release, 0, len(entries))
	seen := map[string]int{}
	for _, e := range entries {
		one := Release{Target: r.target(e, p), Release: e.text("release"), At: r.moment(e, "at")}
		r.once(seen, e, "at", one.Target, one.At)
		out = append(out, one)
	}
	return out, r.err()
}

// Incidents is ReadIncidents of a text; name stands for its file in mistakes.
func Incidents(name string, text []byte, p *policy.Policy) ([]Incident, error) {
	entries, r := read(name, text, "service", "stage", "from", "to")
	out := make([]Incident, 0, len(entries))
	seen := map[string]int{}
	for _, e := range entries {
		one := Incident{Target: r.target(e, p), From: r.moment(e, "from"), To: r.moment(e, "to")}
		if known := !one.From.IsZero() && !one.To.IsZero(); known && !one.To.After(one.From) {
			r.say(e.fields["to"].spot, "the incident ends before it begins", "write from before to")
		}
		r.once(seen, e, "from", one.Target, one.From)
		out = append(out, one)
	}
	return out, r.err()
}

// target is the service and stage of an entry, checked against the policy.
func (r *reader) target(e entry, p *policy.Policy) ledger.Target {
	t := ledger.Target{Service: e.text("service"), Stage: e.text("stage")}
	if t.Service == "" || t.Stage == "" {
		return t // told already
	}
	if _, ok := p.Services[t.Service]; !ok {
		r.say(e.fields["service"].spot, fmt.Sprintf("the policy knows no service %q", short(t.Service)), "write a name under services of the policy, or add it there")
	} else if _, _, ok := p.Stage(t.Service, t.Stage); !ok {
		r.say(e.fields["stage"].spot, fmt.Sprintf("service %s has no stage %q", t.Service, short(t.Stage)), "write the name of one of its stages in the policy")
	}
	return t
}

// moment is a time of an entry; zero where it is none, which is then told.
func (r *reader) moment(e entry, name string) time.Time {
	text := e.text(name)
	if text == "" {
		return time.Time{} // told already
	}
	at, _, err := ParseTime(text)
	if err != nil {
		r.say(e.fields[name].spot, fmt.Sprintf("%s: %v", name, err), "write it like 2026-08-01T14:30:00Z, or 2026-08-01 for midnight in UTC")
	}
	return at
}

// once tells where a target has two entries of one moment.
func (r *reader) once(seen map[string]int, e entry, name string, t ledger.Target, at time.Time) {
	if at.IsZero() {
		return
	}
	key := t.String() + " " + at.String()
	if first, twice := seen[key]; twice {
		r.say(e.spot, fmt.Sprintf("%s stands here a second time with the same %s", t, name), fmt.Sprintf("keep one of the two; the first is in line %d", first))
		return
	}
	seen[key] = e.line
}

// ParseTime reads a time as RFC 3339 has it, or a date, which is its midnight in UTC; isDate tells
// which. A time before 2000 or from 2200 is refused.
func ParseTime(text string) (at time.Time, isDate bool, err error) {
	if at, err = time.Parse(time.DateOnly, text); err == nil {
		isDate = true
	} else if at, err = time.Parse(time.RFC3339Nano, text); err != nil {
		return time.Time{}, false, fmt.Errorf("%q is neither a date nor a time with its zone", short(text))
	}
	if at.Year() < 2000 || at.Year() >= 2200 {
		return time.Time{}, false, fmt.Errorf("%q is not in this century or the next", short(text))
	}
	return at.UTC().Truncate(time.Millisecond), isDate, nil
}
