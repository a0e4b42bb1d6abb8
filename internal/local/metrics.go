package local

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/cinegit/guardian/internal/remedy"
)

// metrics are what Guardian says of itself on /metrics.
type metrics struct {
	registry  *prometheus.Registry
	webhooks  *prometheus.CounterVec
	alerts    *prometheus.CounterVec
	incidents *prometheus.CounterVec
	messages  *prometheus.CounterVec
	reloads   *prometheus.CounterVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		webhooks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "guardian_webhooks_total", Help: "Webhooks by sender and HTTP status."}, []string{"sender", "status"}),
		alerts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "guardian_alerts_total", Help: "Alerts by what became of them."}, []string{"outcome"}),
		incidents: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "guardian_incidents_total", Help: "Incidents that ended, by end state."}, []string{"end"}),
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "guardian_messages_total", Help: "Messages to people by channel and outcome."}, []string{"channel", "outcome"}),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "guardian_policy_reloads_total", Help: "Policy files that were read after a change, by outcome."}, []string{"outcome"}),
	}
	m.registry.MustRegister(m.webhooks, m.alerts, m.incidents, m.messages, m.reloads,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// gauge adds a gauge that is asked when it is scraped.
func (m *metrics) gauge(name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
}

func (m *metrics) dispatched(d remedy.Dispatched) {
	m.alerts.WithLabelValues("opened").Add(float64(len(d.Opened)))
	m.alerts.WithLabelValues("joined").Add(float64(d.Joined))
	m.alerts.WithLabelValues("duplicate").Add(float64(d.Duplicates))
	m.alerts.WithLabelValues("resolved").Add(float64(d.Resolved))
	for why, n := range d.Ignored {
		m.alerts.WithLabelValues("ignored: " + why).Add(float64(n))
	}
}

// ended counts an incident if the answer is its end.
func (m *metrics) ended(a remedy.Answer) {
	if a.End != "" {
		m.incidents.WithLabelValues(string(a.End)).Inc()
	}
}
