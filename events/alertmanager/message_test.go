package alertmanager_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/template"

	"github.com/cinegit/guardian/events/alertmanager"
)

func noon() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

func recorded(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("../../testdata/payloads/alertmanager", name))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestRecordedMessagesAreRead(t *testing.T) {
	for name, want := range map[string]struct {
		statuses  string
		version   string
		truncated uint64
		alert     template.Alert
	}{
		"alertmanager-0.25-firing.json":   {"firing", "4", 0, template.Alert{Fingerprint: "716d6dbcc45ab3d7", StartsAt: time.Date(2026, 11, 22, 18, 59, 59, 256e6, time.UTC)}},
		"alertmanager-0.25-resolved.json": {"resolved", "4", 0, template.Alert{Fingerprint: "716d6dbcc45ab3d7", StartsAt: time.Date(2026, 11, 22, 18, 59, 59, 256e6, time.UTC)}},
		"alertmanager-0.31-firing.json":   {"firing", "4", 0, template.Alert{Fingerprint: "716d6dbcc45ab3d7", StartsAt: time.Date(2026, 11, 22, 19, 0, 17, 256e6, time.UTC)}},
		"alertmanager-0.31-resolved.json": {"resolved", "4", 0, template.Alert{Fingerprint: "716d6dbcc45ab3d7", StartsAt: time.Date(2026, 11, 22, 19, 0, 17, 256e6, time.UTC)}},
		"alertmanager-0.34-firing.json":   {"firing resolved", "4", 3, template.Alert{Fingerprint: "a1b2c3d4e5f60718", StartsAt: time.Date(2026, 11, 22, 19, 0, 17, 256e6, time.UTC)}},
		"grafana-firing.json":             {"firing", "1", 0, template.Alert{Fingerprint: "57c6d9296de2ad39", StartsAt: time.Date(2026, 11, 22, 19, 0, 20, 0, time.UTC)}},
		"utf8-labels.json":                {"firing", "4", 0, template.Alert{Fingerprint: "5d41402abc4b2a76", StartsAt: time.Date(2026, 11, 22, 19, 0, 17, 256e6, time.UTC)}},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := alertmanager.Parse(recorded(t, name))
			if err != nil {
				t.Fatal(err)
			}
			var statuses []string
			for _, a := range m.Alerts {
				statuses = append(statuses, a.Status)
			}
			if got := strings.Join(statuses, " "); got != want.statuses || m.Version != want.version || m.TruncatedAlerts != want.truncated {
				t.Errorf("read %q, version %q, truncated %d", got, m.Version, m.TruncatedAlerts)
			}
			if a := m.Alerts[0]; a.Fingerprint != want.alert.Fingerprint || !a.StartsAt.Equal(want.alert.StartsAt) || len(a.Labels) == 0 || a.Annotations["summary"] == "" {
				t.Errorf("the first alert is %+v", a)
			}
		})
	}
}

func TestFieldsOfNewerAndOtherSendersAreReadOrIgnored(t *testing.T) {
	m, err := alertmanager.Parse(recorded(t, "alertmanager-0.34-firing.json"))
	if err != nil || m.NotificationReason != "new alerts added" || m.RouteLabels["team"] != "review" || m.Receiver != `team-a\.guardian` {
		t.Errorf("read %+v, %v", m.Data, err)
	}
	m, err = alertmanager.Parse(recorded(t, "utf8-labels.json"))
	if err != nil || m.Alerts[0].Labels["deployment.environment"] != "prod" || m.Alerts[0].Labels["日本"] != "東京" {
		t.Errorf("read %+v, %v", m.Alerts, err)
	}
	if _, err := alertmanager.Parse([]byte(`{"version":"4","alerts":[{"status":"firing","labels":{"a":"b"},"startsAt":"2026-11-23T12:00:00Z","unheard":{"of":[1]}}],"new":null}`)); err != nil {
		t.Errorf("unknown fields: %v", err)
	}
}

func TestListsOfPrometheusAndVmalertAreRead(t *testing.T) {
	now := time.Date(2026, 11, 22, 19, 0, 30, 0, time.UTC)
	m, err := alertmanager.ParseList(recorded(t, "list-vmalert.json"), now)
	if err != nil || len(m.Alerts) != 1 || m.Alerts[0].Status != "firing" || len(m.Alerts[0].Fingerprint) != 16 {
		t.Errorf("vmalert's: %+v, %v", m.Alerts, err)
	}
	m, err = alertmanager.ParseList(recorded(t, "list-prometheus.json"), now)
	if err != nil || len(m.Alerts) != 2 || m.Alerts[0].Status != "firing" || m.Alerts[1].Status != "resolved" {
		t.Errorf("Prometheus': %+v, %v", m.Alerts, err)
	}
	again, err := alertmanager.ParseList(recorded(t, "list-prometheus.json"), now.Add(time.Hour))
	if err != nil || again.Alerts[0].Status != "resolved" || again.Alerts[0].Fingerprint != m.Alerts[0].Fingerprint {
		t.Errorf("an hour later: %+v, %v", again.Alerts, err)
	}
	m, err = alertmanager.ParseList([]byte(`[{"labels":{"alertname":"x"}}]`), now)
	if err != nil || !m.Alerts[0].StartsAt.Equal(now) || m.Alerts[0].Status != "firing" {
		t.Errorf("without times: %+v, %v", m.Alerts, err)
	}
}

func TestTheFingerprintOfLabelsIsAlertmanagers(t *testing.T) {
	m, err := alertmanager.Parse(recorded(t, "alertmanager-0.31-firing.json"))
	if err != nil {
		t.Fatal(err)
	}
	body := []byte(`{"version":"4","alerts":[{"status":"firing","startsAt":"2026-11-22T19:00:17.256Z","labels":{"alertname":"CheckoutErrorBudgetBurn",` +
		`"cluster":"dev","flag":"new-checkout","guardian_action":"rollback","service":"checkout","severity":"critical","version":"v2"}}]}`)
	without, err := alertmanager.Parse(body)
	if err != nil || without.Alerts[0].Fingerprint != m.Alerts[0].Fingerprint {
		t.Errorf("made %q, recorded %q, %v", without.Alerts[0].Fingerprint, m.Alerts[0].Fingerprint, err)
	}
}

// message is a message of one alert with something replaced.
func message(old, with string) string {
	return strings.Replace(`{"version":"4","alerts":[{"status":"firing","labels":{"alertname":"x"},"startsAt":"2026-11-23T12:00:00Z","fingerprint":"ab"}]}`, old, with, 1)
}

func TestBadBodiesAreRefusedWithTheirPlaceAndWithoutTheirText(t *testing.T) {
	const secret = "hunter2-hunter2-hunter2-hunter2"
	for name, tt := range map[string]struct{ body, want string }{
		"empty":                   {"", "body is empty"},
		"white":                   {" \n\t", "body is empty"},
		"null":                    {"null", `version "" is not supported: send Alertmanager's webhook version 4`},
		"an empty object":         {"{}", `version "" is not supported: send Alertmanager's webhook version 4`},
		"a list":                  {"[]", "body is an array where an object is expected, at byte 1"},
		"a number":                {"5", "body is a number where an object is expected, at byte 1"},
		"a text":                  {`"` + secret + `"`, "body is a string where an object is expected, at byte 33"},
		"a web page":              {"<html>" + secret, "body is not JSON: byte 1: invalid character '<' looking for beginning of value"},
		"a form":                  {"payload=" + secret, "body is not JSON: byte 1: invalid character 'p' looking for beginning of value"},
		"cut off":                 {message("", "")[:60], "body is cut off at byte 60"},
		"cut off in a text":       {`{"version":"` + secret, "body is cut off at byte 43"},
		"two messages":            {message("", "") + message("", ""), "body goes on after the message, at byte 127"},
		"invalid UTF-8":           {message("x", "\xff"), "body is not valid UTF-8"},
		"nested too deep":         {strings.Repeat("[", 100_000), "body is not JSON: byte 10001: invalid character '[' exceeded max depth"},
		"nested objects":          {strings.Repeat(`{"a":`, 100_000), "body is not JSON: byte 50001: invalid character '{' exceeded max depth"},
		"version 3":               {message(`"4"`, `"3"`), `version "3" is not supported: send Alertmanager's webhook version 4`},
		"version as a number":     {message(`"4"`, `4`), `field "version" is a number where a string is expected, at byte 12`},
		"a long version":          {message(`"4"`, `"`+strings.Repeat("4", 5000)+`"`), `version "44444444444444444444" is not supported: send Alertmanager's webhook version 4`},
		"alerts as an object":     {`{"version":"4","alerts":{}}`, `field "alerts" is an object where an array is expected, at byte 25`},
		"alerts as texts":         {`{"version":"4","alerts":["` + secret + `"]}`, `field "alerts" is a string where an object is expected, at byte 58`},
		"no alerts":               {`{"version":"4","alerts":[]}`, "alerts are missing: the message holds none"},
		"a label as a number":     {message(`"x"`, "1"), `field "alerts.labels" is a number where a string is expected, at byte 67`},
		"a negative count":        {message(`"version"`, `"truncatedAlerts":-1,"version"`), `field "truncatedAlerts" is a number where a whole number from 0 is expected, at byte 21`},
		"an enormous count":       {message(`"version"`, `"truncatedAlerts":`+strings.Repeat("9", 100_000)+`,"version"`), `field "truncatedAlerts" is a number where a whole number from 0 is expected, at byte 100019`},
		"no labels":               {message(`{"alertname":"x"}`, "{}"), "alerts[0]: labels are missing"},
		"another status":          {message(`"firing"`, `"`+secret+`"`), `alerts[0]: status "hunter2-hunter2-hunt" is neither firing nor resolved`},
		"no start":                {message("2026-11-23T12:00:00Z", "0001-01-01T00:00:00Z"), "alerts[0]: startsAt is missing"},
		"a start that is no time": {message("2026-11-23T12:00:00Z", secret), "a time is not in RFC 3339 form, as 2026-11-23T12:00:00Z"},
		"a start as a number":     {message(`"2026-11-23T12:00:00Z"`, "1795374002"), "a time is not in RFC 3339 form, as 2026-11-23T12:00:00Z"},
		"a long fingerprint":      {message(`"ab"`, `"`+strings.Repeat("a", 65)+`"`), "alerts[0]: fingerprint is longer than 64 characters"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := alertmanager.Parse([]byte(tt.body))
			if err == nil || err.Error() != tt.want {
				t.Fatalf("got  %v\nwant %s", err, tt.want)
			}
			if strings.Contains(err.Error(), secret) {
				t.Error("the body's text is told")
			}
		})
	}
}

func TestBadListsAreRefused(t *testing.T) {
	for body, want := range map[string]string{
		"":                          "body is empty",
		"null":                      "alerts are missing: the list is empty",
		"[]":                        "alerts are missing: the list is empty",
		"{}":                        "body is an object where an array is expected, at byte 1",
		"[{}]":                      "alerts[0]: labels are missing",
		`[{"labels":{"a":"b"}},{}]`: "alerts[1]: labels are missing",
	} {
		if _, err := alertmanager.ParseList([]byte(body), noon()); err == nil || err.Error() != want {
			t.Errorf("%s gives %v, want %s", body, err, want)
		}
	}
}

func TestTooManyAlertsAreRefusedWithWhatToDo(t *testing.T) {
	one := `{"status":"firing","labels":{"a":"b"},"startsAt":"2026-11-23T12:00:00Z"}`
	many := func(n int) []byte {
		return []byte(`{"version":"4","alerts":[` + strings.Repeat(one+",", n-1) + one + `]}`)
	}
	if m, err := alertmanager.Parse(many(alertmanager.MaxAlerts)); err != nil || len(m.Alerts) != alertmanager.MaxAlerts {
		t.Errorf("at the limit: %v", err)
	}
	_, err := alertmanager.Parse(many(alertmanager.MaxAlerts + 1))
	if !errors.Is(err, alertmanager.ErrTooMany) || err.Error() != "too many alerts in one message: 10001, at most 10000: set max_alerts on the receiver" {
		t.Errorf("got %v", err)
	}
	if _, err := alertmanager.Parse([]byte(`{"version":"4","alerts":[` + strings.Repeat("{},", 300_000) + `{}]}`)); !errors.Is(err, alertmanager.ErrTooMany) {
		t.Errorf("as many as fit into a body: %v", err)
	}
}

func TestLabelsThatLookLikeTemplatesOrPathsAreOnlyText(t *testing.T) {
	for _, text := range []string{"{{ .Values }}", "$(reboot)", "../../etc/passwd", "%s%n", "\u0000", "'; DROP TABLE", strings.Repeat("x", 100_000)} {
		m, err := alertmanager.Parse(fmt.Appendf(nil, `{"version":"4","alerts":[{"status":"firing","labels":{"service":%q},"startsAt":"9999-12-31T23:59:59Z"}]}`, strings.ReplaceAll(text, "\u0000", "")))
		if err != nil || m.Alerts[0].Labels["service"] != strings.ReplaceAll(text, "\u0000", "") {
			t.Errorf("%.20q is read as %v, %v", text, m.Alerts, err)
		}
	}
}

// sound checks what Parse and ParseList promise of every alert.
func sound(t *testing.T, m alertmanager.Message, err error) {
	t.Helper()
	if err != nil {
		if len(err.Error()) > 300 || strings.ContainsAny(err.Error(), "\n\x00") {
			t.Errorf("the error is no short line: %.400q", err)
		}
		return
	}
	for i, a := range m.Alerts {
		if a.Status != "firing" && a.Status != "resolved" || a.Fingerprint == "" || len(a.Fingerprint) > 64 || a.StartsAt.IsZero() || len(a.Labels) == 0 {
			t.Errorf("alert %d is %+v", i, a)
		}
	}
	if len(m.Alerts) > alertmanager.MaxAlerts {
		t.Errorf("%d alerts", len(m.Alerts))
	}
}

func seed(f *testing.F) {
	f.Helper()
	names, err := filepath.Glob("../../testdata/payloads/*/*.json")
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
	f.Add([]byte(`{"version":"4","truncatedAlerts":9}`))
}

func FuzzParse(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := alertmanager.Parse(body)
		sound(t, m, err)
	})
}

func FuzzParseList(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := alertmanager.ParseList(body, noon())
		sound(t, m, err)
	})
}
