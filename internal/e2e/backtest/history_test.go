//go:build e2e

package backtest_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"gonum.org/v1/gonum/stat/distuv"
)

// The history: one release a service and day, each with new pods. One in twenty is bad for a while.
const (
	days     = 90
	services = 20
	pods     = 2
	scrape   = 15 * time.Second
	perBlock = 6 * 24 * time.Hour
	oneInBad = 20
	illness  = 20 * time.Minute
	worse    = 5.0
)

func begin() time.Time { return time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC) }

// shipped is one release with what it does.
type shipped struct {
	service, name string
	at            time.Time
	ill           time.Time // from when it is bad; zero is never
	slow          bool      // it is bad by its latency, not by its errors
}

// ships are all releases of the history, by service in the order of time.
func ships() [][]shipped {
	random := rand.New(rand.NewPCG(1, 2))
	all := make([][]shipped, services)
	n := 0
	for s := range all {
		for d := range days {
			at := begin().AddDate(0, 0, d).Add(9*time.Hour + time.Duration(random.IntN(8*3600))*time.Second)
			one := shipped{service: fmt.Sprintf("service-%02d", s), name: fmt.Sprintf("v1.%d.0", d), at: at}
			if n++; n%oneInBad == 0 {
				one.ill = at.Add(time.Duration(random.IntN(3)) * 2 * time.Minute)
				one.slow = n%(3*oneInBad) == 0
			}
			all[s] = append(all[s], one)
		}
	}
	return all
}

// lists are the releases and incidents as --releases and --incidents want them.
func lists() (releases, incidents string, bad int) {
	var r, i strings.Builder
	for _, service := range ships() {
		for _, one := range service {
			fmt.Fprintf(&r, "- {service: %s, stage: prod, release: %s, at: %s}\n", one.service, one.name, one.at.Format(time.RFC3339))
			if !one.ill.IsZero() {
				bad++
				fmt.Fprintf(&i, "- {service: %s, stage: prod, from: %s, to: %s}\n", one.service, one.ill.Format(time.RFC3339), one.ill.Add(illness).Format(time.RFC3339))
			}
		}
	}
	return r.String(), i.String(), bad
}

// service is one of the services as it runs.
type service struct {
	name   string
	rps    float64 // on average over the day
	ratio  float64 // of its requests that fail
	ships  []shipped
	runs   *shipped // nil before the first release
	random *rand.Rand
	series []series // of what runs

}

type series struct {
	labels labels.Labels
	name   string
	value  float64
}

func bounds() []string { return []string{"0.1", "0.25", "0.5", "1", "+Inf"} }

func newServices() []*service {
	all := make([]*service, services)
	for i, ships := range ships() {
		all[i] = &service{
			name: ships[0].service, rps: 20 * math.Pow(10, float64(i)/(services-1)), ratio: 0.002 + 0.0004*float64(i),
			ships: ships, random: rand.New(rand.NewPCG(3, uint64(i))),
		}
		all[i].start("v0.0.0")
	}
	return all
}

// start replaces the pods by new ones.
func (s *service) start(version string) {
	s.series = nil
	for pod := range pods {
		for _, code := range []string{"200", "500"} {
			s.add("http_requests_total", version, pod, "code", code)
		}
		for _, le := range bounds() {
			s.add("http_request_duration_seconds_bucket", version, pod, "le", le)
		}
	}
}

func (s *service) add(name, version string, pod int, key, value string) {
	l := labels.FromStrings("__name__", name, "service", s.name, "env", "prod", "pod", fmt.Sprintf("%s-%s-%d", s.name, version, pod), key, value)
	s.series = append(s.series, series{labels: l, name: l.String()})
}

// step serves until a moment since the scrape before it.
func (s *service) step(at time.Time) {
	if len(s.ships) > 0 && !s.ships[0].at.After(at) {
		s.runs, s.ships = &s.ships[0], s.ships[1:]
		s.start(s.runs.name)
	}
	ill := s.runs != nil && !s.runs.ill.IsZero() && !at.Before(s.runs.ill) && at.Before(s.runs.ill.Add(illness))
	ratio, within := s.ratio, []float64{0.7, 0.95, 0.995, 0.9995, 1}
	switch {
	case ill && s.runs.slow:
		within = []float64{0.4, 0.7, 0.85, 0.93, 1}
	case ill:
		ratio *= worse
	}
	hours := at.Sub(begin()).Hours()
	rate := s.rps * (1 + 0.3*math.Sin(2*math.Pi*hours/24)) * scrape.Seconds() / pods
	each := len(s.series) / pods
	for pod := range pods {
		requests := distuv.Poisson{Lambda: rate, Src: s.random}.Rand()
		bad := 0.0
		if requests > 0 {
			bad = distuv.Binomial{N: requests, P: ratio, Src: s.random}.Rand()
		}
		own := s.series[pod*each:]
		own[0].value += requests - bad
		own[1].value += bad
		for i, share := range within {
			own[2+i].value += math.Round(requests * share)
		}
	}
}

// write makes the history as blocks of a TSDB, and gives the number of series and of samples.
func write(t *testing.T, dir string) (series, samples int) {
	t.Helper()
	all := newServices()
	end := begin().AddDate(0, 0, days)
	names := map[string]bool{}
	for n := 0; begin().Add(time.Duration(n) * perBlock).Before(end); n++ {
		b := newBlock()
		from := begin().Add(time.Duration(n) * perBlock)
		for at := from; at.Before(from.Add(perBlock)); at = at.Add(scrape) {
			for _, s := range all {
				s.step(at)
				for i := range s.series {
					b.add(t, &s.series[i], at)
				}
			}
		}
		for name := range b.series {
			names[name] = true
		}
		samples += b.samples
		b.write(t, dir, n, from)
	}
	return len(names), samples
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
