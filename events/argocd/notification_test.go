package argocd_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cinegit/guardian/events/argocd"
)

func TestRecordedNotificationsAreRead(t *testing.T) {
	at := func(minute, second int) time.Time { return time.Date(2026, 11, 22, 19, minute, second, 0, time.UTC) }
	for name, want := range map[string]argocd.Notification{
		"notification-short-1.json": {Application: "plain", Project: "default", Phase: "Succeeded", FinishedAt: at(0, 2)},
		"notification-short-2.json": {Application: "plain", Project: "default", Phase: "Succeeded", FinishedAt: at(1, 30)},
		"notification-whole-1.json": {Application: "plain", Namespace: "argocd", Project: "default", Phase: "Succeeded", FinishedAt: at(0, 2)},
		"notification-whole-2.json": {Application: "plain", Namespace: "argocd", Project: "default", Phase: "Succeeded", FinishedAt: at(1, 30)},
		"template-running.json":     {Application: "review-prod", Namespace: "argocd", Project: "default", Phase: "Running"},
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := os.ReadFile(filepath.Join("../../testdata/payloads/argocd", name))
			if err != nil {
				t.Fatal(err)
			}
			got, err := argocd.Parse(raw)
			if err != nil || got != want {
				t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
			}
		})
	}
}

func TestOnlyTheNameIsNeeded(t *testing.T) {
	for body, want := range map[string]argocd.Notification{
		`{"app":"review-prod"}`: {Application: "review-prod"},
		`{"app":"review-prod","operationPhase":null,"finishedAt":null}`:                                  {Application: "review-prod"},
		`{"app":"review-prod","finishedAt":"","new":{"field":[1]}}`:                                      {Application: "review-prod"},
		`{"app":"review-prod","finishedAt":5}`:                                                           {Application: "review-prod"},
		`{"kind":"Application","metadata":{"name":"review-prod"}}`:                                       {Application: "review-prod"},
		`{"kind":"Application","metadata":{"name":"a"},"status":{"operationState":{"phase":"Running"}}}`: {Application: "a", Phase: "Running"},
	} {
		if got, err := argocd.Parse([]byte(body)); err != nil || got != want {
			t.Errorf("%s gives %+v, %v", body, got, err)
		}
	}
}

func TestBadNotificationsAreRefusedWithTheirPlace(t *testing.T) {
	for body, want := range map[string]string{
		"":                           "body is empty",
		"{}":                         `field "app" is missing: send the application's name`,
		"null":                       `field "app" is missing: send the application's name`,
		"[]":                         "body is an array where an object is expected, at byte 1",
		`{"app":""}`:                 `field "app" is missing: send the application's name`,
		`{"app":{"metadata":{}}}`:    `field "app" is not a string: send the application's name`,
		`{"app":5}`:                  `field "app" is not a string: send the application's name`,
		`{"kind":"Application"}`:     `field "app" is missing: send the application's name`,
		`{"app":"x","project":[]}`:   `field "project" is an array where a string is expected, at byte 22`,
		`{"app":"x"`:                 "body is cut off at byte 10",
		`{"app":"x"}{}`:              "body goes on after the message, at byte 12",
		"{\"app\":\"\xff\"}":         "body is not valid UTF-8",
		strings.Repeat("[", 100_000): "body is not JSON: byte 10001: invalid character '[' exceeded max depth",
	} {
		if _, err := argocd.Parse([]byte(body)); err == nil || err.Error() != want {
			t.Errorf("%.40s gives %v, want %s", body, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	names, err := filepath.Glob("../../testdata/payloads/argocd/*.json")
	if err != nil || len(names) == 0 {
		f.Fatalf("no payloads: %v", err)
	}
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		n, err := argocd.Parse(body)
		if err == nil && n.Application == "" {
			t.Error("a notification without a name")
		}
		if err != nil && (len(err.Error()) > 300 || strings.ContainsAny(err.Error(), "\n\x00")) {
			t.Errorf("the error is no short line: %.400q", err)
		}
	})
}
