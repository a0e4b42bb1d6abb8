package policy

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
)

// TestTheReferenceOfThePolicyIsCurrent keeps docs/policy.md as the types say; -update rewrites it.
func TestTheReferenceOfThePolicyIsCurrent(t *testing.T) {
	const path = "../../docs/policy.md"
	want := fieldTables()
	if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" {
		if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not current: make golden", path)
	}
}

const preface = `# The policy: guardian.yaml

One file says what Guardian watches, what it may do there, and within which limits. ` + "`guardian check FILE`" + ` finds every mistake in it, with file:line:column, the line and the fix; ` + "`--probe`" + ` also tries the connections. A running Guardian takes a changed file up within seconds; one with a mistake stays out, the loaded one stays in force, and ` + "`guardian status`" + ` says so. For editors there is guardian.schema.json beside this page; testdata/policies/cinegit.yaml is a whole example.

Secrets never stand in the file: they are references, ` + "`env:NAME`, `file:PATH` or `secret:NAME[#KEY]`" + ` (AWS Secrets Manager). Durations have a unit (30s, 5m, 1h30m, 7d). After each field's meaning stands the value that holds where it is left out.
`

// fieldTables renders the types, each struct a table, in the order in which they are met.
func fieldTables() string {
	var b strings.Builder
	b.WriteString(preface)
	seen := map[reflect.Type]bool{}
	queue := []reflect.Type{reflect.TypeFor[Policy]()}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		if seen[at] {
			continue
		}
		seen[at] = true
		fmt.Fprintf(&b, "\n## %s\n| field | is | means |\n|---|---|---|\n", at.Name())
		for i := range at.NumField() {
			field := at.Field(i)
			kind, inner := describeType(field.Type)
			fmt.Fprintf(&b, "| %s | %s | %s |\n", field.Tag.Get("yaml"), kind, strings.ReplaceAll(field.Tag.Get("jsonschema"), "|", "\\|"))
			if inner != nil {
				queue = append(queue, inner)
			}
		}
	}
	return b.String()
}

// describeType names a field's type for a reader, and gives the struct that it leads to.
func describeType(t reflect.Type) (kind string, inner reflect.Type) {
	switch t.Kind() {
	case reflect.Pointer:
		return describeType(t.Elem())
	case reflect.Slice:
		kind, inner = describeType(t.Elem())
		return "list of " + kind, inner
	case reflect.Map:
		kind, inner = describeType(t.Elem())
		return "name: " + kind, inner
	case reflect.Struct:
		if t == reflect.TypeFor[Rate]() || t == reflect.TypeFor[Matchers]() {
			return strings.ToLower(t.Name()), nil
		}
		return fmt.Sprintf("[%s](#%s)", t.Name(), strings.ToLower(t.Name())), t
	case reflect.Bool:
		return "true or false", nil
	case reflect.Int:
		return "number", nil
	case reflect.String:
		if t.Name() == "string" {
			return "text", nil
		}
	}
	return strings.ToLower(t.Name()), nil
}
