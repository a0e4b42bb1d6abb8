package cli

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// clean makes text from outside fit for a terminal: one line, without control characters, which
// could move the cursor or recolour the screen, and without those that turn the order of writing.
func clean(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, s))
}

// columnsOf is how many columns of a terminal the text takes.
func columnsOf(s string) int {
	n := 0
	for _, r := range s {
		n += runeColumns(r)
	}
	return n
}

func runeColumns(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// pad fills the text up with spaces to so many columns.
func pad(s string, columns int) string {
	return s + strings.Repeat(" ", max(columns-columnsOf(s), 0))
}

// padLeft does the same on the left side.
func padLeft(s string, columns int) string {
	return strings.Repeat(" ", max(columns-columnsOf(s), 0)) + s
}

// cut shortens the text to so many columns, with an ellipsis where something is missing.
func cut(s string, columns int) string {
	if columnsOf(s) <= columns {
		return s
	}
	n := 0
	for i, r := range s {
		if n += runeColumns(r); n >= columns {
			return strings.TrimRight(s[:i], " ") + "…"
		}
	}
	return s
}

// wrap breaks the text at spaces into lines of at most so many columns. A word that is wider stays
// whole, so that it can be copied.
func wrap(s string, columns int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(s) {
		switch {
		case line == "":
			line = word
		case columnsOf(line)+1+columnsOf(word) <= columns:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	return append(lines, line)
}

// wrapQuery breaks PromQL at spaces, commas and opening braces, but never inside a quoted string, so that
// what is copied is still the same query.
func wrapQuery(s string, columns int) []string {
	var lines []string
	line, word := "", ""
	var quote rune
	escaped := false
	flush := func() {
		if line != "" && columnsOf(line)+columnsOf(strings.TrimRight(word, " ")) > columns {
			lines, line = append(lines, strings.TrimRight(line, " ")), ""
		}
		line, word = line+word, ""
	}
	for _, r := range s {
		word += string(r)
		switch {
		case escaped:
			escaped = false
		case quote != 0 && r == '\\' && quote != '`':
			escaped = true
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '"' || r == '\'' || r == '`':
			quote = r
		case r == ' ' || r == ',' || r == '{':
			flush()
		}
	}
	flush()
	return append(lines, strings.TrimRight(line, " "))
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
