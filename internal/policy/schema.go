package policy

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"github.com/google/jsonschema-go/jsonschema"
)

// Schema gives the JSON Schema of a policy, for editors. It is made from the types; what Parse
// checks beyond shape and words it does not know.
func Schema() ([]byte, error) {
	s, err := jsonschema.For[Policy](&jsonschema.ForOptions{TypeSchemas: textSchemas()})
	if err != nil {
		return nil, fmt.Errorf("make the schema of policies: %w", err)
	}
	s.Schema = "https://json-schema.org/draft/2020-12/schema"
	s.Title = "Guardian policy"
	s.Properties["apiVersion"].Enum = []any{Version}
	for _, name := range []string{"services", "gates"} {
		s.Properties[name].PropertyNames = &jsonschema.Schema{Pattern: nameShape.String()}
	}
	strict(s)
	out, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the schema of policies: %w", err)
	}
	return append(out, '\n'), nil
}

// textSchemas are the schemas of the types that are written as a text of some form.
func textSchemas() map[reflect.Type]*jsonschema.Schema {
	schemas := map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[Duration](): text(`^(0|([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?)$`, 1),
		reflect.TypeFor[Percent]():  text(`^[0-9]+([.][0-9]+)?\s*%$`, 2),
		reflect.TypeFor[Rate]():     text(`^[0-9]+ in [0-9a-z]+$`, 6),
		reflect.TypeFor[Matchers](): text("", 1),
		reflect.TypeFor[Secret]():   text(reference.String(), 5),
	}
	for _, t := range []reflect.Type{
		reflect.TypeFor[Mode](), reflect.TypeFor[Urgency](), reflect.TypeFor[Unproven](),
		reflect.TypeFor[Deploy](), reflect.TypeFor[NoDataHow](), reflect.TypeFor[RemedyKind](),
		reflect.TypeFor[Direction](), reflect.TypeFor[NaNStrategy](),
	} {
		s := &jsonschema.Schema{Type: "string"}
		for _, word := range wordsOf(t) {
			s.Enum = append(s.Enum, word)
		}
		schemas[t] = s
	}
	return schemas
}

func text(pattern string, shortest int) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: pattern, MinLength: &shortest}
}

// strict takes back the null that Go's zero values allow and a policy does not, and lets nothing
// that is required be empty.
func strict(s *jsonschema.Schema) {
	if s == nil {
		return
	}
	if rest := slices.DeleteFunc(slices.Clone(s.Types), func(t string) bool { return t == "null" }); len(rest) == 1 {
		s.Type, s.Types = rest[0], nil
	}
	for name, property := range s.Properties {
		strict(property)
		if slices.Contains(s.Required, name) {
			notEmpty(property)
		}
	}
	strict(s.Items)
	strict(s.AdditionalProperties)
}

func notEmpty(s *jsonschema.Schema) {
	switch s.Type {
	case "string":
		if len(s.Enum) == 0 {
			s.MinLength = new(max(1, deref(s.MinLength)))
		}
	case "array":
		s.MinItems = new(1)
	case "object":
		if s.Properties == nil {
			s.MinProperties = new(1)
		}
	}
}

func deref(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}
