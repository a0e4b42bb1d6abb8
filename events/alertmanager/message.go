// Package alertmanager reads what alert senders post: webhook messages of Alertmanager (version 4)
// and Grafana Alerting (the same shape, version 1), and the bare alert lists that Prometheus and
// vmalert send to an Alertmanager.
package alertmanager

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/alertmanager/template"
	"github.com/prometheus/common/model"

	"github.com/cinegit/guardian/events/internal/jsonbody"
)

// MaxAlerts is how many alerts one message may hold.
const MaxAlerts = 10_000

// ErrTooMany means that a message holds more than MaxAlerts alerts.
var ErrTooMany = errors.New("too many alerts in one message")

// Message is a webhook message. template.Data holds all but what is named here; fields that a newer
// sender adds are ignored.
type Message struct {
	template.Data
	Version         string `json:"version"`
	GroupKey        string `json:"groupKey"`
	TruncatedAlerts uint64 `json:"truncatedAlerts"` // alerts that max_alerts cut off
}

// Parse reads a webhook message. Every alert that it returns has a status of firing or resolved, a
// fingerprint (made from the labels where the sender gave none) and a start.
func Parse(body []byte) (Message, error) {
	var m Message
	if err := jsonbody.Decode(body, &m); err != nil {
		return Message{}, err
	}
	// Grafana Alerting says 1 of the same shape:
	// https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/
	if m.Version != "4" && m.Version != "1" {
		return Message{}, fmt.Errorf("version %.20q is not supported: send Alertmanager's webhook version 4", m.Version)
	}
	if err := check(m.Alerts); err != nil {
		return Message{}, err
	}
	if len(m.Alerts) == 0 && m.TruncatedAlerts == 0 {
		return Message{}, errors.New("alerts are missing: the message holds none")
	}
	return m, nil
}

// ParseList reads the body of a POST to Alertmanager's /api/v2/alerts, as Prometheus and vmalert
// send it: a bare list without status or fingerprint. An alert whose end is not in the future of
// now is resolved (https://github.com/prometheus/alertmanager/blob/v0.34.2/api/v2/openapi.yaml).
func ParseList(body []byte, now time.Time) (Message, error) {
	var alerts template.Alerts
	if err := jsonbody.Decode(body, &alerts); err != nil {
		return Message{}, err
	}
	if len(alerts) == 0 {
		return Message{}, errors.New("alerts are missing: the list is empty")
	}
	for i := range alerts {
		alerts[i].Status = string(model.AlertFiring)
		if end := alerts[i].EndsAt; !end.IsZero() && !end.After(now) {
			alerts[i].Status = string(model.AlertResolved)
		}
		if alerts[i].StartsAt.IsZero() {
			alerts[i].StartsAt = now
		}
	}
	if err := check(alerts); err != nil {
		return Message{}, err
	}
	return Message{Data: template.Data{Alerts: alerts}, Version: "4"}, nil
}

func check(alerts template.Alerts) error {
	if len(alerts) > MaxAlerts {
		return fmt.Errorf("%w: %d, at most %d: set max_alerts on the receiver", ErrTooMany, len(alerts), MaxAlerts)
	}
	for i := range alerts {
		if err := checkAlert(&alerts[i]); err != nil {
			return fmt.Errorf("alerts[%d]: %w", i, err)
		}
	}
	return nil
}

func checkAlert(a *template.Alert) error {
	if a.Status != string(model.AlertFiring) && a.Status != string(model.AlertResolved) {
		return fmt.Errorf("status %.20q is neither firing nor resolved", a.Status)
	}
	if len(a.Labels) == 0 {
		return errors.New("labels are missing")
	}
	if a.StartsAt.IsZero() {
		return errors.New("startsAt is missing")
	}
	if len(a.Fingerprint) > 64 {
		return errors.New("fingerprint is longer than 64 characters")
	}
	if a.Fingerprint == "" {
		a.Fingerprint = fingerprint(a.Labels)
	}
	return nil
}

// fingerprint is what Alertmanager gives an alert of these labels.
func fingerprint(labels template.KV) string {
	set := make(model.LabelSet, len(labels))
	for name, value := range labels {
		set[model.LabelName(name)] = model.LabelValue(value)
	}
	return set.Fingerprint().String()
}
