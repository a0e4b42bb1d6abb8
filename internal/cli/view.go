// Package cli draws what the guardian program shows to people. It is pure: an answer of Guardian and
// a View in, text out.
package cli

import (
	"fmt"
	"time"

	"github.com/cinegit/guardian/internal/ledger"
)

// View is the reader's side: how wide the screen is, what time it is, and where.
type View struct {
	Width int            // columns of the terminal; 0 where there is none: tables are then not cut, and text is wrapped at 80
	Color bool           // ANSI colours
	Now   time.Time      // what "ago" counts from
	Zone  *time.Location // of every absolute time
}

// defaultWidth is how wide text is where nobody says.
const defaultWidth = 80

// minWidth is the narrowest screen that text is wrapped for.
const minWidth = 40

func (v View) columns() int {
	if v.Width <= 0 {
		return defaultWidth
	}
	return max(v.Width, minWidth)
}

// style is how a piece of text stands out.
type style int

const (
	plain style = iota
	bold
	dim
	red
	green
	yellow
	blue
	magenta
	cyan
)

// paint puts a style on text that is already as wide as it should be.
func (v View) paint(s style, text string) string {
	codes := map[style]string{
		bold: "1", dim: "2", red: "1;31", green: "32", yellow: "33", blue: "34", magenta: "35", cyan: "36",
	}
	if !v.Color || text == "" || codes[s] == "" {
		return text
	}
	return "\x1b[" + codes[s] + "m" + text + "\x1b[0m"
}

// ofEnd is the colour of an end state, or of an incident that is open.
func ofEnd(end ledger.End) style {
	switch end {
	case ledger.Healed:
		return green
	case ledger.StoodDown:
		return cyan
	case ledger.FailedClean:
		return yellow
	case ledger.FailedDirty:
		return red
	}
	return magenta
}

// state is the end state, or the step of an incident that is open.
func state(inc ledger.Incident) string {
	if inc.End != "" {
		return clean(string(inc.End))
	}
	return "open: " + clean(string(inc.Step))
}

// clock is the time of day.
func (v View) clock(t time.Time) string { return t.In(v.zone()).Format(time.TimeOnly) }

// stamp is date and time without the zone, which a page names once.
func (v View) stamp(t time.Time) string { return t.In(v.zone()).Format(time.DateTime) }

// offset names the zone at a moment, as UTC+01:00.
func (v View) offset(t time.Time) string {
	if _, seconds := t.In(v.zone()).Zone(); seconds == 0 {
		return "UTC"
	}
	return "UTC" + t.In(v.zone()).Format("-07:00")
}

func (v View) zone() *time.Location {
	if v.Zone == nil {
		return time.UTC
	}
	return v.Zone
}

// ago is how long before now something was, or will be.
func (v View) ago(t time.Time) string {
	switch d := v.Now.Sub(t); {
	case t.IsZero():
		return ""
	case d < -time.Second:
		return "in " + span(-d)
	case d < time.Second:
		return "now"
	default:
		return span(d) + " ago"
	}
}

// span is a duration in its two largest units, to the second.
func span(d time.Duration) string {
	s := int64(d.Round(time.Second) / time.Second)
	switch {
	case s < 0:
		return "-" + span(-d)
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return units(s/60, "m", s%60, "s")
	case s < 86400:
		return units(s/3600, "h", s/60%60, "m")
	}
	return units(s/86400, "d", s/3600%24, "h")
}

func units(large int64, name string, small int64, smallName string) string {
	if small == 0 {
		return fmt.Sprintf("%d%s", large, name)
	}
	return fmt.Sprintf("%d%s%02d%s", large, name, small, smallName)
}
