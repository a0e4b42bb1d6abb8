package policy

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/matcher/parse"
	"github.com/prometheus/common/model"
)

// hint is an error that also says what to do.
type hint struct{ problem, fix string }

func (h hint) Error() string { return h.problem + ": " + h.fix }

// Duration is a time with its unit, as Prometheus writes it: 90s, 5m, 1h30m, 7d.
type Duration time.Duration

// D is the duration as Go's.
func (d Duration) D() time.Duration { return time.Duration(d) }

// String writes it as Prometheus does.
func (d Duration) String() string { return model.Duration(d).String() }

// UnmarshalText reads it; a number without a unit is refused.
func (d *Duration) UnmarshalText(text []byte) error {
	s := string(text)
	if _, err := strconv.ParseFloat(s, 64); err == nil && s != "0" {
		return hint{fmt.Sprintf("duration %q has no unit", s), fmt.Sprintf("write %ss, %sm or %sh", s, s, s)}
	}
	v, err := model.ParseDuration(s)
	if err != nil {
		return hint{fmt.Sprintf("duration %q is not understood", s), "write one like 30s, 5m or 1h30m"}
	}
	*d = Duration(v)
	return nil
}

// MarshalText writes it as UnmarshalText reads it.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// Percent is a share, 1 being the whole, written as 25%.
type Percent float64

// String writes it with its sign.
func (p Percent) String() string {
	return strconv.FormatFloat(float64(p)*100, 'g', 6, 64) + "%"
}

// UnmarshalText reads 25% or 0.5%.
func (p *Percent) UnmarshalText(text []byte) error {
	number, ok := strings.CutSuffix(strings.TrimSpace(string(text)), "%")
	if !ok {
		return hint{fmt.Sprintf("%q has no percent sign", text), "write it like 25%"}
	}
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || v < 0 || v > 10000 {
		return hint{fmt.Sprintf("%q is not a percentage", text), "write it like 25%"}
	}
	*p = Percent(v / 100)
	return nil
}

// MarshalText writes it as UnmarshalText reads it.
func (p Percent) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// Rate is a number of events within a time, written as "3 in 15m".
type Rate struct {
	Count int
	In    Duration
}

// String writes it as UnmarshalText reads it.
func (r Rate) String() string { return fmt.Sprintf("%d in %s", r.Count, r.In) }

// UnmarshalText reads "3 in 15m".
func (r *Rate) UnmarshalText(text []byte) error {
	count, in, ok := strings.Cut(string(text), " in ")
	n, err := strconv.Atoi(strings.TrimSpace(count))
	if !ok || err != nil || n < 0 {
		return hint{fmt.Sprintf("%q is not a rate", text), "write it like 3 in 15m"}
	}
	var d Duration
	if err := d.UnmarshalText([]byte(strings.TrimSpace(in))); err != nil {
		return err
	}
	if d <= 0 {
		return hint{fmt.Sprintf("%q is a rate over no time", text), "write it like 3 in 15m"}
	}
	*r = Rate{Count: n, In: d}
	return nil
}

// MarshalText writes it as UnmarshalText reads it.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText parses matchers with Alertmanager's UTF-8 parser. An empty list, which would
// match every alert, is refused.
func (m *Matchers) UnmarshalText(text []byte) error {
	list, err := parse.Matchers(string(text))
	if err != nil {
		return hint{fmt.Sprintf("matchers are not understood: %v", err), "write them as Alertmanager does, as {alertname=\"HighErrors\", severity=\"critical\"}"}
	}
	if len(list) == 0 {
		return hint{"matchers are empty and would match every alert", `name at least one label, as {severity="critical"}`}
	}
	*m = Matchers{Text: string(text), list: list}
	return nil
}

// MarshalText gives the matchers as they were written.
func (m Matchers) MarshalText() ([]byte, error) { return []byte(m.Text), nil }
