package eventpattern_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"testing"

	"pgregory.net/rapid"

	"github.com/cinegit/guardian/internal/eventpattern"
)

// Small alphabets, so that patterns and events meet. 0 and 1 are left out: in Python they equal false and true.
func names() *rapid.Generator[string] { return rapid.SampledFrom([]string{"a", "b", "c"}) }

func texts() *rapid.Generator[any] {
	return rapid.Map(rapid.SampledFrom([]string{"", "x", "y", "xy", "xyx", "X", "x*y", "yx", `x\y`}), func(s string) any { return s })
}

func values() *rapid.Generator[any] {
	return rapid.OneOf(texts(), rapid.SampledFrom([]any{2.0, 3.5, -4.0, true, false, nil}))
}

func events(depth int) *rapid.Generator[map[string]any] {
	value := rapid.OneOf(values(), rapid.Map(rapid.SliceOfN(values(), 1, 3), func(list []any) any { return list }))
	if depth > 0 {
		value = rapid.OneOf(value, rapid.Map(events(depth-1), func(m map[string]any) any { return m }))
	}
	return rapid.MapOfN(names(), value, 1, 3)
}

func named(name string, operand *rapid.Generator[any]) *rapid.Generator[any] {
	return rapid.Map(operand, func(v any) any { return map[string]any{name: v} })
}

func filters() *rapid.Generator[any] {
	folded := named("equals-ignore-case", texts())
	edge := rapid.OneOf(named("prefix", texts()), named("suffix", texts()))
	wild := named("wildcard", rapid.SampledFrom([]any{"*", "x*", "*y", "x*x", `x\*y`, "x**", `x\\y`}))
	return rapid.OneOf(
		values(), edge, folded, wild,
		named("prefix", folded), named("suffix", folded),
		named("exists", rapid.SampledFrom([]any{true, false})),
		named("numeric", rapid.SampledFrom([]any{[]any{">", 1.0}, []any{"=", 2.0}, []any{"<", -2.0}, []any{">=", 2.0, "<", 3.5}, []any{"<=", -4.0}})),
		named("anything-but", rapid.OneOf(texts(), edge, folded, wild, rapid.SampledFrom([]any{2.0, []any{"x", "y"}, []any{2.0, 3.5}}))),
	)
}

func patterns(depth int) *rapid.Generator[map[string]any] {
	return rapid.Custom(func(t *rapid.T) map[string]any {
		field := rapid.Map(rapid.SliceOfN(filters(), 1, 3), func(list []any) any { return list })
		if depth > 0 {
			field = rapid.OneOf(field, rapid.Map(patterns(depth-1), func(m map[string]any) any { return m }))
		}
		out := rapid.MapOfN(names(), field, 1, 2).Draw(t, "fields")
		if depth > 0 && rapid.IntRange(0, 3).Draw(t, "or") == 0 {
			out["$or"] = rapid.SliceOfN(patterns(depth-1), 2, 3).Draw(t, "alternatives")
		}
		return out
	})
}

func encode(t interface{ Fatal(...any) }, v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func match(t interface{ Fatal(...any) }, pattern, event any) bool {
	p, err := eventpattern.Parse(encode(t, pattern))
	if err != nil {
		t.Fatal(err)
	}
	ok, err := p.Match(encode(t, event))
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

func TestAPatternMadeOfAnEventLetsItThrough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		event := events(2).Draw(t, "event")
		if pattern := asPattern(event); !match(t, pattern, event) {
			t.Fatalf("%s is not let through by itself", encode(t, event))
		}
	})
}

func asPattern(event map[string]any) map[string]any {
	out := map[string]any{}
	for name, value := range event {
		switch v := value.(type) {
		case map[string]any:
			out[name] = asPattern(v)
		case []any:
			out[name] = v
		default:
			out[name] = []any{v}
		}
	}
	return out
}

func TestMoreFieldsLetLessThroughAndMoreFiltersMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		event, one, two := events(2).Draw(t, "event"), patterns(1).Draw(t, "one"), patterns(1).Draw(t, "two")
		first, second := match(t, one, event), match(t, two, event)
		if both := match(t, map[string]any{"$or": []any{one, two}}, event); both != (first || second) {
			t.Fatalf("either %t or %t is %t", first, second, both)
		}
		narrowed := map[string]any{"zzz": []any{map[string]any{"exists": true}}}
		for name, f := range one {
			narrowed[name] = f
		}
		if match(t, narrowed, event) {
			t.Fatal("a field that is not there was let through")
		}
	})
}

// motoScript reads pattern and event by line and writes what moto says of each.
const motoScript = `
import json, sys
from moto.events.models import EventPattern
for line in sys.stdin:
    pattern, event = json.loads(line)
    print(json.dumps(bool(EventPattern.load(json.dumps(pattern)).matches_event(event))))
`

func TestMotoLetsTheSameEventsThrough(t *testing.T) {
	if err := exec.CommandContext(t.Context(), "python3", "-c", "from moto.events.models import EventPattern").Run(); err != nil {
		t.Skip("moto is not installed: pip install moto==5.2.1")
	}
	const cases = 1000
	pair := rapid.Custom(func(t *rapid.T) []any {
		return []any{patterns(2).Draw(t, "pattern"), events(2).Draw(t, "event")}
	})
	var in bytes.Buffer
	var pairs [][]any
	for seed := range cases {
		p := pair.Example(seed)
		pairs = append(pairs, p)
		in.Write(append(encode(t, p), '\n'))
	}
	cmd := exec.CommandContext(t.Context(), "python3", "-c", motoScript)
	cmd.Stdin = &in
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	let, decoder := 0, json.NewDecoder(bytes.NewReader(out))
	for _, p := range pairs {
		var want bool
		if err := decoder.Decode(&want); err != nil {
			t.Fatal(err)
		}
		if want {
			let++
		}
		if got := match(t, p[0], p[1]); got != want {
			t.Errorf("pattern %s, event %s: let through %t, by moto %t", encode(t, p[0]), encode(t, p[1]), got, want)
		}
	}
	if let < cases/20 || let > cases/2 {
		t.Errorf("%d of %d events are let through, which tells too little", let, cases)
	}
}
