package policy

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxShown is how many characters of a line are shown.
const maxShown = 400

// source is a policy file's text as it is shown beside mistakes: without the secrets that
// somebody wrote where a reference belongs.
type source struct {
	file  string
	lines []string
	stars map[int][]hidden // by line, what is starred out
}

// hidden is a text that is starred out where it stands, and if it is not found there, anywhere in
// its line.
type hidden struct {
	column int
	text   string
}

func (h hidden) in(line string) string {
	stars := strings.Repeat("*", utf8.RuneCountInString(h.text))
	if runes := []rune(line); h.column >= 1 && h.column <= len(runes) {
		if rest, ok := strings.CutPrefix(string(runes[h.column-1:]), h.text); ok {
			return string(runes[:h.column-1]) + stars + rest
		}
	}
	return strings.ReplaceAll(line, h.text, stars)
}

func newSource(file, text string) *source {
	return &source{file: file, lines: strings.Split(text, "\n"), stars: map[int][]hidden{}}
}

// hide stars out a text that stands in a line. Of one over several lines, all are hidden whole, and
// as many before: the parser gives the first or the last of them as its place.
func (s *source) hide(at spot, text string) {
	text = strings.TrimSpace(text)
	more := strings.Count(text, "\n")
	if more == 0 {
		s.stars[at.line] = append(s.stars[at.line], hidden{at.column, text})
		return
	}
	for i := at.line - more; i <= at.line+more; i++ {
		s.hideLine(i)
	}
}

func (s *source) hideLine(line int) {
	if line >= 1 && line <= len(s.lines) {
		s.stars[line] = append(s.stars[line], hidden{0, strings.TrimSpace(s.lines[line-1])})
	}
}

// hideUnread stars out what follows a word like token, in a file that could not be read as YAML
// and of which therefore nobody knows what its values are.
func (s *source) hideUnread(line int) {
	if line < 1 || line > len(s.lines) {
		return
	}
	text := s.lines[line-1]
	if secretKey.MatchString(s.enclosing(line)) {
		s.hideLine(line)
	}
	for _, at := range secretKey.FindAllStringIndex(text, -1) {
		rest := strings.TrimLeft(text[at[1]:], " \t\"'[{")
		if !strings.HasPrefix(rest, "env:") && !strings.HasPrefix(rest, "file:") && !strings.HasPrefix(rest, "secret:") {
			s.stars[line] = append(s.stars[line], hidden{0, rest})
		}
	}
}

var secretKey = regexp.MustCompile(`(?i)(token|secret|passw|slack|credential|auth|operators)[\w-]*["']?\s*[:=]`)

// enclosing gives the nearest line above that is indented less.
func (s *source) enclosing(line int) string {
	own := indent(s.lines[line-1])
	item := strings.HasPrefix(strings.TrimSpace(s.lines[line-1]), "-")
	for i := line - 2; i >= 0; i-- {
		text := strings.TrimSpace(s.lines[i])
		if text == "" || item && strings.HasPrefix(text, "-") {
			continue
		}
		if above := indent(s.lines[i]); above < own || item && above == own {
			return text
		}
	}
	return ""
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }

// show gives a line as it is shown beside a mistake in the column.
func (s *source) show(at spot) string {
	if at.line < 1 || at.line > len(s.lines) || at.column > maxShown {
		return ""
	}
	line := s.lines[at.line-1]
	for _, h := range s.stars[at.line] {
		if h.text != "" {
			line = h.in(line)
		}
	}
	shown := []rune(strings.Map(printable, line))
	if len(shown) > maxShown {
		shown = append(shown[:maxShown], '…')
	}
	return strings.TrimRight(string(shown), " \t")
}

// printable keeps terminal control sequences of a hostile file off the terminal.
func printable(r rune) rune {
	if r == '\t' || unicode.IsPrint(r) {
		return r
	}
	return unicode.ReplacementChar
}
