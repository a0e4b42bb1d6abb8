package jsonbody_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cinegit/guardian/events/internal/jsonbody"
)

// Data is embedded as template.Data is in a message.
type Data struct {
	Alerts []struct {
		Labels   map[string]string `json:"labels"`
		StartsAt time.Time         `json:"startsAt"`
	} `json:"alerts"`
}

type body struct {
	Data
	Text  string  `json:"text"`
	Count uint64  `json:"count"`
	Ratio float64 `json:"ratio"`
	Maybe *string `json:"maybe"`
}

func TestABodyIsReadWithSpaceAroundItAndFieldsThatNobodyKnows(t *testing.T) {
	var got body
	err := jsonbody.Decode([]byte(" \n"+`{"text":"é","count":3,"new":[{}],"alerts":[{"labels":{"a":"b"}}]}`+"\r\n\t "), &got)
	if err != nil || got.Text != "é" || got.Count != 3 || len(got.Alerts) != 1 || got.Alerts[0].Labels["a"] != "b" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestWhatIsWrongIsNamedWithItsPlaceAndWithoutWhatStandsThere(t *testing.T) {
	for in, want := range map[string]string{
		"": "body is empty", " \n\t": "body is empty",
		"{\"text\":\"\xff\"}":                "body is not valid UTF-8",
		`{"text":"hidden`:                    "body is cut off at byte 15",
		`{"text":"x"} {"hidden":1}`:          "body goes on after the message, at byte 14",
		`{"text":"x"}hidden`:                 "body goes on after the message, at byte 12",
		`hidden`:                             "body is not JSON: byte 1: invalid character 'h' looking for beginning of value",
		`["hidden"]`:                         `body is an array where an object is expected, at byte 1`,
		`{"text":{"hidden":1}}`:              `field "text" is an object where a string is expected, at byte 9`,
		`{"text":["hidden"]}`:                `field "text" is an array where a string is expected, at byte 9`,
		`{"text":true}`:                      `field "text" is true or false where a string is expected, at byte 12`,
		`{"text":424242}`:                    `field "text" is a number where a string is expected, at byte 14`,
		`{"count":"hidden"}`:                 `field "count" is a string where a whole number from 0 is expected, at byte 17`,
		`{"count":-424242}`:                  `field "count" is a number where a whole number from 0 is expected, at byte 16`,
		`{"count":1e99}`:                     `field "count" is a number where a whole number from 0 is expected, at byte 13`,
		`{"ratio":"hidden"}`:                 `field "ratio" is a string where another type is expected, at byte 17`,
		`{"maybe":7}`:                        `field "maybe" is a number where a string is expected, at byte 10`,
		`{"alerts":"hidden"}`:                `field "alerts" is a string where an array is expected, at byte 18`,
		`{"alerts":[{"labels":["hidden"]}]}`: `field "alerts.labels" is an array where an object is expected, at byte 22`,
		`{"alerts":[{"startsAt":"hidden"}]}`: "a time is not in RFC 3339 form, as 2026-11-23T12:00:00Z",
	} {
		err := jsonbody.Decode([]byte(in), new(body))
		if err == nil || err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", in, err, want)
		}
	}
}

func TestBodiesNestedTooDeepOrVeryLongAreRefusedWithoutHarm(t *testing.T) {
	for name, in := range map[string]string{
		"arrays":      strings.Repeat("[", 1<<20),
		"objects":     strings.Repeat(`{"alerts":`, 1<<17),
		"unknown":     `{"new":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + "}",
		"a long word": `{"text":` + strings.Repeat("x", 1<<20),
	} {
		if err := jsonbody.Decode([]byte(in), new(body)); err == nil || len(err.Error()) > 200 {
			t.Errorf("%s: %.300v", name, err)
		}
	}
}

func TestABodyIsReadAsTheStandardLibraryDoesOrRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.OneOf(
			rapid.SliceOf(rapid.Byte()),
			rapid.Map(rapid.StringMatching(`[ \n]?[{\["]*(text|count)?["]?:?[0-9a-z"]*[}\]]*[ \n]?`), func(s string) []byte { return []byte(s) }),
		).Draw(t, "body")
		var got, want any
		err, strict := jsonbody.Decode(in, &got), json.Unmarshal(in, &want)
		if err == nil && (strict != nil || !reflect.DeepEqual(got, want)) {
			t.Errorf("%q is read as %v; the standard library says %v, %v", in, got, want, strict)
		}
		if err != nil && strict == nil && !strings.Contains(err.Error(), "UTF-8") {
			t.Errorf("%q is refused: %v", in, err)
		}
	})
}
