package eventpattern_test

import (
	"strings"
	"testing"

	"github.com/cinegit/guardian/internal/eventpattern"
)

func TestAnEventIsLetThroughByItsFields(t *testing.T) {
	event := `{"source": "guardian", "detail": {"end": "FailedDirty", "target": {"service": "review"}, "n": 3,
		"who": null, "tags": ["a", "b"], "steps": [{"kind": "act", "ok": true}, {"kind": "settle", "ok": false}]}}`
	for name, c := range map[string]struct {
		pattern string
		want    bool
	}{
		"nothing asked":                        {`{}`, true},
		"an exact value":                       {`{"source": ["guardian"]}`, true},
		"one of several":                       {`{"source": ["aws.s3", "guardian"]}`, true},
		"another value":                        {`{"source": ["aws.s3"]}`, false},
		"a part of the value":                  {`{"source": ["guard"]}`, false},
		"two fields, one wrong":                {`{"source": ["guardian"], "detail": {"end": ["Healed"]}}`, false},
		"a nested field":                       {`{"detail": {"target": {"service": ["review"]}}}`, true},
		"a field that is not there":            {`{"detail": {"stage": ["prod"]}}`, false},
		"null":                                 {`{"detail": {"who": [null]}}`, true},
		"null asked, and nothing there":        {`{"detail": {"stage": [null]}}`, false},
		"one of the event's list":              {`{"detail": {"tags": ["b"]}}`, true},
		"none of the event's list":             {`{"detail": {"tags": ["c"]}}`, false},
		"one object of a list":                 {`{"detail": {"steps": {"kind": ["settle"], "ok": [false]}}}`, true},
		"two objects of a list do not add up":  {`{"detail": {"steps": {"kind": ["settle"], "ok": [true]}}}`, false},
		"it exists":                            {`{"detail": {"end": [{"exists": true}]}}`, true},
		"it does not exist":                    {`{"detail": {"stage": [{"exists": false}]}}`, true},
		"it should not exist":                  {`{"detail": {"end": [{"exists": false}]}}`, false},
		"an object has no value":               {`{"detail": {"target": [{"exists": true}]}}`, false},
		"absent below what is not there":       {`{"detail": {"x": {"y": [{"exists": false}]}}}`, true},
		"a prefix":                             {`{"detail": {"end": [{"prefix": "Failed"}]}}`, true},
		"a prefix in another case":             {`{"detail": {"end": [{"prefix": "failed"}]}}`, false},
		"a prefix in any case":                 {`{"detail": {"end": [{"prefix": {"equals-ignore-case": "failed"}}]}}`, true},
		"a suffix":                             {`{"detail": {"end": [{"suffix": "Dirty"}]}}`, true},
		"a prefix of a number":                 {`{"detail": {"n": [{"prefix": "3"}]}}`, false},
		"equal but for the case":               {`{"detail": {"end": [{"equals-ignore-case": "faileddirty"}]}}`, true},
		"anything but one":                     {`{"detail": {"end": [{"anything-but": "Healed"}]}}`, true},
		"anything but this":                    {`{"detail": {"end": [{"anything-but": ["Healed", "FailedDirty"]}]}}`, false},
		"anything but a prefix":                {`{"detail": {"end": [{"anything-but": {"prefix": "Failed"}}]}}`, false},
		"anything but, of what is not there":   {`{"detail": {"stage": [{"anything-but": "prod"}]}}`, false},
		"within numbers":                       {`{"detail": {"n": [{"numeric": [">", 0, "<=", 3]}]}}`, true},
		"outside of numbers":                   {`{"detail": {"n": [{"numeric": [">", 3]}]}}`, false},
		"a number asked of a text":             {`{"detail": {"end": [{"numeric": [">", 3]}]}}`, false},
		"a wildcard":                           {`{"detail": {"end": [{"wildcard": "F*D*y"}]}}`, true},
		"a wildcard that does not end":         {`{"detail": {"end": [{"wildcard": "F*D"}]}}`, false},
		"one alternative":                      {`{"$or": [{"source": ["x"]}, {"detail": {"end": ["FailedDirty"]}}]}`, true},
		"no alternative":                       {`{"$or": [{"source": ["x"]}, {"detail": {"end": ["Healed"]}}]}`, false},
		"an alternative, and another is wrong": {`{"source": ["x"], "$or": [{"source": ["guardian"]}, {"source": ["y"]}]}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := eventpattern.Parse([]byte(c.pattern))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := p.Match([]byte(event)); err != nil || got != c.want {
				t.Errorf("%s: let through %t, %v; want %t", c.pattern, got, err, c.want)
			}
		})
	}
}

func TestAMistakeInAPatternIsNamedByItsPlace(t *testing.T) {
	for pattern, want := range map[string]string{
		`[]`:                                          "cannot unmarshal",
		`{"source": "guardian"}`:                      "source must be an object or a list",
		`{"detail": {"end": []}}`:                     "detail.end is an empty list",
		`{"detail": {"end": [["x"]]}}`:                "a list in a list",
		`{"detail": {"end": [{"ends": "x"}]}}`:        `detail.end: unknown filter "ends"`,
		`{"a": [{"prefix": 1}]}`:                      "prefix takes a text",
		`{"a": [{"prefix": "x", "suffix": "y"}]}`:     "one name",
		`{"a": [{"exists": "yes"}]}`:                  "true or false",
		`{"a": [{"numeric": [">"]}]}`:                 "one or two comparisons",
		`{"a": [{"numeric": ["~", 1]}]}`:              "does not know",
		`{"a": [{"anything-but": {"exists": true}}]}`: "takes no filter",
		`{"a": [{"anything-but": [[1]]}]}`:            "list of texts or numbers",
		`{"$or": [{"a": ["x"]}]}`:                     "two alternatives",
	} {
		_, err := eventpattern.Parse([]byte(pattern))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q in it", pattern, err, want)
		}
	}
}

func TestAnEventThatIsNoObjectIsAnError(t *testing.T) {
	p, err := eventpattern.Parse([]byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Match([]byte(`"x"`)); err == nil {
		t.Error("a text was taken for an event")
	}
}
