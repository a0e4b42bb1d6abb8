// Package jsonbody reads the JSON bodies that senders post, and tells what is wrong with one without
// repeating what it says: bodies may hold secrets, and may be large.
package jsonbody

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"
)

// Decode reads a body that is one JSON value.
func Decode(body []byte, into any) error {
	switch {
	case len(bytes.TrimSpace(body)) == 0:
		return errors.New("body is empty")
	case !utf8.Valid(body):
		return errors.New("body is not valid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(into); err != nil {
		return describe(err, len(body))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("body goes on after the message, at byte %d", d.InputOffset())
	}
	return nil
}

func describe(err error, size int) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("body is cut off at byte %d", size)
	case errors.As(err, &syntax):
		return fmt.Errorf("body is not JSON: byte %d: %w", syntax.Offset, syntax)
	case errors.As(err, &kind):
		return fmt.Errorf("%s is %s where %s is expected, at byte %d", place(kind.Field), found(kind.Value), wanted(kind.Type), kind.Offset)
	}
	return errors.New("a time is not in RFC 3339 form, as 2026-11-23T12:00:00Z") // nothing else reads itself
}

// place names a field as the sender does: without the Go struct that it is embedded in.
func place(field string) string {
	field = strings.TrimPrefix(field, "Data.")
	if field == "" {
		return "body"
	}
	return fmt.Sprintf("field %q", field)
}

// found is what stands there; a number comes with its digits, which are left out.
func found(value string) string {
	word, _, _ := strings.Cut(value, " ")
	switch word {
	case "array", "object":
		return "an " + word
	case "bool":
		return "true or false"
	}
	return "a " + word
}

func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.String:
		return "a string"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number from 0"
	case reflect.Pointer:
		return wanted(t.Elem())
	}
	return "another type"
}
