package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/alertmanager/template"

	"github.com/cinegit/guardian/events/alertmanager"
	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/ledger"
)

// The storm: 50,000 alerts in 1,000 webhooks over 20 targets and a minute.
const (
	stormTargets  = 20
	stormWebhooks = 1000
	stormAlerts   = 50
	stormTime     = time.Minute
)

// storm sends the storm to a `guardian serve` of its own: every fifth webhook is an earlier one again, and
// neighbours are swapped.
func storm(ctx context.Context, binary string) error {
	w, err := newWorld(stormTargets, nil, "limits: {fleet: 1000 in 15m, share: 100%}")
	if err != nil {
		return err
	}
	defer w.close()
	if err := w.deploy(ctx); err != nil {
		return err
	}
	if err := w.sample(30, time.Now()); err != nil {
		return err
	}
	server, err := launch(ctx, binary, w)
	if err != nil {
		return err
	}
	defer server.end()
	if err := server.ready(ctx, "/healthz"); err != nil {
		return err
	}
	took, refused := blow(ctx, server.url, w.stormBodies(time.Now()))
	client, err := api.New(api.ClientConfig{URL: server.url, Token: userToken})
	if err != nil {
		return err
	}
	remedies, err := settleStorm(ctx, client)
	if err != nil {
		return err
	}
	most, targets := 0, len(remedies)
	for _, n := range remedies {
		most = max(most, n)
	}
	fmt.Fprintf(os.Stdout, `
Storm: %d alerts in %d webhooks over %d targets and %s, a fifth of them sent again, neighbours swapped
  answered 202    %d of %d; %s   (target: p99 under 50ms)
  remediations    %d targets changed, at most %d remediation each   (target: %d, 1)
  peak memory     %s   (target: under 256 MB)
`, stormWebhooks*stormAlerts, stormWebhooks, stormTargets, stormTime, stormWebhooks-refused, stormWebhooks, took,
		targets, most, stormTargets, server.peak())
	return nil
}

// stormBodies are the webhooks in the order of their sending. Each alert is a pod's, so that nearly all
// are episodes of their own.
func (w *world) stormBodies(now time.Time) [][]byte {
	random := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // a bench wants the same storm every time
	var bodies [][]byte
	for i := range stormWebhooks {
		if i%5 == 4 {
			bodies = append(bodies, bodies[random.IntN(len(bodies))])
			continue
		}
		m := alertmanager.Message{Version: "4", GroupKey: strconv.Itoa(i % 40), Data: template.Data{Status: "firing"}}
		for j := range stormAlerts {
			m.Alerts = append(m.Alerts, template.Alert{
				Status: "firing", StartsAt: now.Add(-time.Duration(random.IntN(60)) * time.Second),
				Labels: template.KV{"alertname": "Bench", "service": w.services[random.IntN(stormTargets)], "pod": fmt.Sprintf("p%d-%d", i, j)},
			})
		}
		body, _ := json.Marshal(m) // strings and times always encode
		bodies = append(bodies, body)
	}
	for i := 1; i < len(bodies); i += 3 {
		bodies[i-1], bodies[i] = bodies[i], bodies[i-1]
	}
	return bodies
}

// blow sends the bodies evenly over the storm's time, whether or not earlier ones are answered.
func blow(ctx context.Context, url string, bodies [][]byte) (took times, refused int) {
	var mu sync.Mutex
	var all sync.WaitGroup
	tick := time.NewTicker(stormTime / time.Duration(len(bodies)))
	defer tick.Stop()
	for _, body := range bodies {
		all.Go(func() {
			began := time.Now()
			err := post(ctx, url, body)
			mu.Lock()
			defer mu.Unlock()
			took = append(took, time.Since(began))
			if err != nil {
				refused++
			}
		})
		<-tick.C
	}
	all.Wait()
	return took, refused
}

// settleStorm waits until the queue is empty and counts the remediations by target.
func settleStorm(ctx context.Context, client *api.Client) (map[ledger.Target]int, error) {
	for {
		s, err := client.Status(ctx)
		if err != nil {
			return nil, err
		}
		if s.Queue.Dead > 0 {
			return nil, fmt.Errorf("%d webhooks were given up", s.Queue.Dead)
		}
		if s.Queue.Depth == 0 {
			break
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
	incidents, err := client.Incidents(ctx, 1000)
	if err != nil {
		return nil, err
	}
	acted := map[ledger.Target]int{}
	for _, inc := range incidents {
		if inc.Acted() {
			acted[inc.Target]++
		}
	}
	return acted, nil
}

// server is a `guardian serve` in a process of its own.
type server struct {
	cmd *exec.Cmd
	url string
	log string
}

func launch(ctx context.Context, binary string, w *world) (*server, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := listener.Addr().String()
	if err := listener.Close(); err != nil { // its port is free for the program now
		return nil, err
	}
	s := &server{url: "http://" + addr, log: filepath.Join(w.dir, "serve.log")}
	out, err := os.Create(s.log)
	if err != nil {
		return nil, err
	}
	s.cmd = exec.CommandContext(ctx, binary, "serve", "--config", w.config, "--data", filepath.Join(w.dir, "data"), "--listen", addr)
	s.cmd.Stdout, s.cmd.Stderr = out, out
	return s, s.cmd.Start()
}

// ready waits until a path answers 200.
func (s *server) ready(ctx context.Context, path string) error {
	for range 2000 {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
	text, _ := os.ReadFile(s.log)
	return errors.New("guardian serve did not get ready: " + string(text))
}

// peak is the greatest resident memory so far, as Linux tells it.
func (s *server) peak() string {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return "not known on this system"
	}
	for line := range strings.Lines(string(raw)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			return strings.TrimSpace(value)
		}
	}
	return "not known on this system"
}

func (s *server) end() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	_ = s.cmd.Wait()
}
