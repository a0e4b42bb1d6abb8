package cli

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestWrappedTextFitsAndLosesNoWord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOf(rapid.StringMatching(`[a-z映é]{1,12}`)).Draw(t, "words")
		columns := rapid.IntRange(24, 90).Draw(t, "columns")
		lines := wrap(strings.Join(words, " "), columns)
		if got, want := strings.Join(lines, " "), strings.Join(words, " "); got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
		for _, line := range lines {
			if columnsOf(line) > columns {
				t.Fatalf("%q has %d columns of %d", line, columnsOf(line), columns)
			}
		}
	})
}

func TestCutTextFitsAndBeginsAsTheWholeDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[a-z映 é]{0,40}`).Draw(t, "text")
		columns := rapid.IntRange(2, 40).Draw(t, "columns")
		got := cut(s, columns)
		if columnsOf(got) > columns {
			t.Fatalf("%q has %d columns of %d", got, columnsOf(got), columns)
		}
		if start, shortened := strings.CutSuffix(got, "…"); !strings.HasPrefix(s, start) || !shortened && got != s {
			t.Fatalf("%q became %q", s, got)
		}
	})
}

func TestAQueryIsNeverBrokenInsideItsStrings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.StringMatching(`[a-z ,{\\]{0,60}`).Draw(t, "value")
		quoted := `"` + strings.NewReplacer(`\`, `\\`).Replace(value) + `"`
		query := `sum by (le) (rate(http_requests_total{service="review",path=` + quoted + `,raw=` + "`a, b\\`" + `}[1m])) > 0.5`
		lines := wrapQuery(query, rapid.IntRange(20, 90).Draw(t, "columns"))
		if joined := strings.Join(lines, " "); strings.ReplaceAll(joined, " ", "") != strings.ReplaceAll(query, " ", "") {
			t.Fatalf("%q became %q", query, joined)
		}
		if n := strings.Count(strings.Join(lines, "\n"), quoted); n != 1 {
			t.Fatalf("%s stands %d times whole in %q", quoted, n, lines)
		}
	})
}

func TestWideAndCombiningLettersAreCountedInColumns(t *testing.T) {
	for text, want := range map[string]int{"": 0, "abc": 3, "映画": 4, "ｆｕ": 4, "e\u0301": 1, "👍": 2, "a\u200db": 2, "é": 1} {
		if got := columnsOf(text); got != want {
			t.Errorf("%q: %d columns, want %d", text, got, want)
		}
	}
}

func TestSpansAreShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 499 * time.Millisecond: "0s", 59 * time.Second: "59s", time.Minute: "1m", 161 * time.Second: "2m41s", 62 * time.Second: "1m02s",
		time.Hour: "1h", 3*time.Hour + 5*time.Minute + 7*time.Second: "3h05m", 52 * time.Hour: "2d04h", -5 * time.Second: "-5s",
	} {
		if got := span(d); got != want {
			t.Errorf("%s: %s, want %s", d, got, want)
		}
	}
}
