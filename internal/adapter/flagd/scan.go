package flagd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"
)

// member is one name and value of a JSON object, by offsets into the text that holds it:
// text[start:nameEnd] is the name in its quotes, text[value:end] the value.
type member struct {
	name                       string
	start, nameEnd, value, end int
}

// members lists the members of the object that text is, in their order. The text must be valid JSON.
func members(text []byte) ([]member, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil, fmt.Errorf("is not an object")
	}
	var out []member
	end := int(dec.InputOffset())
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, err
		}
		m := member{start: afterComma(text, end), nameEnd: int(dec.InputOffset())}
		m.name, _ = name.(string)
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, err
		}
		m.end = int(dec.InputOffset())
		m.value = m.end - len(value)
		end = m.end
		out = append(out, m)
	}
	return out, nil
}

func afterComma(text []byte, from int) int {
	for from < len(text) && bytes.IndexByte([]byte(" \t\r\n,"), text[from]) >= 0 {
		from++
	}
	return from
}

// find gives the member of a name.
func find(list []member, name string) (member, bool) {
	for _, m := range list {
		if m.name == name {
			return m, true
		}
	}
	return member{}, false
}

// object is one open brace or bracket on the way through a document.
type object struct {
	names   map[string]bool // nil for an array
	inValue bool            // a name was read and its value was not
}

// duplicate finds the first name that stands twice in one object, and the offset after it. Readers
// disagree on which of the two counts, so that no edit of such a document is safe.
func duplicate(text []byte) (name string, offset int, err error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var open []*object
	for {
		token, err := dec.Token()
		if err == io.EOF {
			return "", 0, nil
		}
		if err != nil {
			return "", 0, err
		}
		var top *object
		if len(open) > 0 {
			top = open[len(open)-1]
		}
		if name, ok := token.(string); ok && top.awaitsName() {
			if top.names[name] {
				return name, int(dec.InputOffset()), nil
			}
			top.names[name], top.inValue = true, true
			continue
		}
		if top != nil {
			top.inValue = false
		}
		switch token {
		case json.Delim('{'):
			open = append(open, &object{names: map[string]bool{}})
		case json.Delim('['):
			open = append(open, &object{})
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		}
	}
}

func (o *object) awaitsName() bool { return o != nil && o.names != nil && !o.inValue }

// position gives line and column of an offset, both from 1, the column in characters.
func position(text []byte, offset int) (line, column int) {
	before := text[:min(max(offset, 0), len(text))]
	line = 1 + bytes.Count(before, []byte("\n"))
	return line, 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
}
