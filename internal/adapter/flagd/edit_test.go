package flagd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// space draws whitespace as JSON allows it between any two tokens.
func space(t *rapid.T) string {
	return rapid.StringOfN(rapid.RuneFrom([]rune(" \t\n\r")), 0, 3, -1).Draw(t, "space")
}

// drawObject writes an object of the members, with a layout of its own.
func drawObject(t *rapid.T, members []string) string {
	var b strings.Builder
	b.WriteString("{" + space(t))
	for i, m := range members {
		if i > 0 {
			b.WriteString("," + space(t))
		}
		b.WriteString(m + space(t))
	}
	return b.String() + "}"
}

func drawMember(t *rapid.T, name, value string) string {
	return fmt.Sprintf("%q%s:%s%s", name, space(t), space(t), value)
}

// drawFlag writes a flag with the variants on and off, and whatever else a flag may have.
func drawFlag(t *rapid.T) string {
	parts := []string{drawMember(t, "variants", drawObject(t, []string{drawMember(t, "on", "1e2"), drawMember(t, "off", "0.0")}))}
	optional := map[string][]string{
		"state":          {`"ENABLED"`, `"DISABLED"`},
		"defaultVariant": {`"on"`, `"off"`, "null"},
		"targeting":      {"{}", "null", `{"if": [true, "on"]}`, "{ }"},
		"metadata":       {`{"n": 1.10, "s": "}\"{,"}`},
		"x-note":         {`"é, {\"state\": \"DISABLED\"}"`, "[1, 2]", "-0"},
	}
	for _, name := range []string{"state", "defaultVariant", "targeting", "metadata", "x-note"} {
		if rapid.Bool().Draw(t, name) {
			parts = append(parts, drawMember(t, name, rapid.SampledFrom(optional[name]).Draw(t, name+" value")))
		}
	}
	return drawObject(t, rapid.Permutation(parts).Draw(t, "order"))
}

func decode(t *rapid.T, text []byte) map[string]any {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var out map[string]any
	if err := dec.Decode(&out); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return out
}

func TestAnyKillIsSafeAndTouchesNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := drawFlag(t)
		got, err := killed("f", []byte(raw), "off")
		if err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		d, err := parse("flags.json", []byte(`{"flags":{"f":`+string(got)+`}}`), time.Time{})
		if err != nil {
			t.Fatalf("%s became %s: %v", raw, got, err)
		}
		if def, err := d.definition(d.flags[0]); err != nil || !def.Safe("off") {
			t.Fatalf("%s became %s, which is not safe: %v", raw, got, err)
		}
		was, is := decode(t, []byte(raw)), decode(t, got)
		for _, doc := range []map[string]any{was, is} {
			delete(doc, "state")
			delete(doc, "defaultVariant")
			delete(doc, "targeting")
		}
		if diff := cmp.Diff(was, is); diff != "" {
			t.Fatalf("%s became %s: %s", raw, got, diff)
		}
		again, err := killed("f", got, "off")
		if err != nil || string(again) != string(got) {
			t.Fatalf("a second kill of %s gives %s: %v", got, again, err)
		}
	})
}

func TestMembersGivesEveryNameAndValueByItsPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := []byte(drawFlag(t))
		list, err := members(raw)
		if err != nil {
			t.Fatal(err)
		}
		want := decode(t, raw)
		if len(list) != len(want) {
			t.Fatalf("%s has %d members, not %d", raw, len(want), len(list))
		}
		for _, m := range list {
			var name string
			if err := json.Unmarshal(raw[m.start:m.nameEnd], &name); err != nil || name != m.name {
				t.Fatalf("the name of %s is at %q: %v", m.name, raw[m.start:m.nameEnd], err)
			}
			got := decode(t, []byte(`{"v":`+string(raw[m.value:m.end])+`}`))["v"]
			if diff := cmp.Diff(want[m.name], got); diff != "" {
				t.Fatalf("the value of %s: %s", m.name, diff)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(two))
	f.Add([]byte(`{"flags": {"a": {"targeting": {"if": [{"$ref": "x"}]}}}, "$evaluators": {"x": {}}}`))
	f.Add([]byte("{\"flags\": {\"a\": \xff}}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := parse("flags.json", text, time.Time{})
		if err != nil {
			return
		}
		for _, m := range d.flags {
			if def, err := d.definition(m); err == nil && !json.Valid(def.Raw) {
				t.Errorf("flag %q is %s", m.name, def.Raw)
			}
		}
	})
}
