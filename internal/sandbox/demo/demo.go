package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cinegit/guardian/internal/api"
	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/local"
	"github.com/cinegit/guardian/internal/sandbox/alerting"
	"github.com/cinegit/guardian/internal/sandbox/argocd"
)

// patience is how long an act may take: far longer than it does.
const patience = 60 * time.Second

// Options of the demo.
type Options struct {
	Out   io.Writer
	JSON  bool // one JSON object a ledger event instead of the story
	Color bool
	Dir   string // where ledger, policy, flags and log are kept; must exist
	Build string // version of the program
}

// Run plays both acts. It returns nil only if both ended Healed and the retry of the bad release
// was refused.
func Run(ctx context.Context, o Options) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var n notifier
	w, err := newWorld(o.Dir, n.changed)
	if err != nil {
		return err
	}
	defer w.close()
	s, err := newStage(ctx, o, w, &n)
	if err != nil {
		return err
	}
	played := s.play(ctx)
	stop()
	return errors.Join(played, s.all.Wait())
}

// theatre is the sandbox with Guardian beside it and a narrator.
type theatre struct {
	world  *world
	client *api.Client
	tell   *narrator
	all    errgroup.Group
	addr   string
}

func newStage(ctx context.Context, o Options, w *world, n *notifier) (*theatre, error) {
	for _, service := range []string{flagService, releaseService} {
		w.argo.Create(argocd.App{Ref: app(service), Path: service})
		if _, err := w.ship(service, "v41"); err != nil {
			return nil, err
		}
	}
	path, webhook, operator, err := writePolicy(w)
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(o.Dir, "guardian.log"))
	if err != nil {
		return nil, err
	}
	g, err := local.New(ctx, local.Options{
		Config: path, Data: filepath.Join(o.Dir, "data"), Version: o.Build,
		Reconcile: time.Second, FlagPoll: time.Second, Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, g.Close())
	}
	t := &theatre{world: w, addr: "http://" + listener.Addr().String()}
	if t.client, err = api.New(api.ClientConfig{URL: t.addr, Token: operator}); err != nil {
		return nil, errors.Join(err, g.Close())
	}
	t.tell = newNarrator(o, t.client)
	n.to(func(a deploy.Ref) { go t.notify(ctx, a, webhook) })
	t.all.Go(func() error { return errors.Join(g.Run(ctx, listener), log.Close()) })
	t.all.Go(func() error { return w.run(ctx) })
	t.all.Go(func() error { return t.alerts(webhook).Run(ctx) })
	return t, nil
}

func (t *theatre) alerts(token string) alerting.Sender {
	sender := alerting.Sender{Metrics: t.world.metrics, URL: t.addr + "/webhooks/alertmanager", Token: token, Every: scrape}
	for _, service := range []string{flagService, releaseService} {
		ratio := fmt.Sprintf(`sum(rate(http_requests_total{service=%q,env=%q,code=~"5.."}[3s])) / sum(rate(http_requests_total{service=%q,env=%q}[3s])) > 0.05`,
			service, stage, service, stage)
		sender.Rules = append(sender.Rules, alerting.Rule{
			Name: "ErrorBudgetBurn", Expr: ratio, For: time.Second,
			Labels:      map[string]string{"severity": "critical", "service": service, "env": stage},
			Annotations: map[string]string{"summary": "more than 5% of requests to " + service + " fail"},
		})
	}
	return sender
}

// notify posts what Argo CD's notifications controller would; a lost one costs time only.
func (t *theatre) notify(ctx context.Context, a deploy.Ref, token string) {
	body, err := t.world.argo.Notification(a)
	if err != nil {
		return
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.addr+"/webhooks/argocd", bytes.NewReader(body))
	if err != nil {
		return
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if resp, err := http.DefaultClient.Do(req); err == nil {
		_ = resp.Body.Close()
	}
}

func (t *theatre) play(ctx context.Context) error {
	t.tell.say("Guardian watches %s/%s and %s/%s: v41 runs, 100 requests a second each.", flagService, stage, releaseService, stage)
	if err := t.proven(ctx); err != nil {
		return err
	}
	t.tell.say("v41 proved good: healthy through its bake.")

	t.tell.act("Act 1: a bad flag")
	t.tell.say("Somebody turns flag %s on; 30%% of requests to %s begin to fail.", flagKey, flagService)
	if err := t.world.flip(); err != nil {
		return err
	}
	first, err := t.healed(ctx, ledger.Target{Service: flagService, Stage: stage})
	if err != nil {
		return err
	}

	t.tell.act("Act 2: a bad release")
	t.tell.say("The pipeline ships %s of %s; 30%% of its requests begin to fail.", badTag, releaseService)
	revision, err := t.world.ship(releaseService, badTag)
	if err != nil {
		return err
	}
	second, err := t.healed(ctx, ledger.Target{Service: releaseService, Stage: stage})
	if err != nil {
		return err
	}
	t.tell.say("The pipeline tries %s again, and asks first: guardian admit %s %s %s", badTag, releaseService, stage, revision[:7])
	admission, err := t.client.Admit(ctx, api.Admit{Target: ledger.Target{Service: releaseService, Stage: stage}, Release: revision})
	if err != nil {
		return err
	}
	if admission.Admitted {
		return fmt.Errorf("release %s was admitted again, which it must not be", badTag)
	}
	t.tell.refused(admission.Why)
	t.tell.curtain(first, second)
	return nil
}

// proven waits until what runs has proved good everywhere.
func (t *theatre) proven(ctx context.Context) error {
	return t.until(ctx, "the first releases did not prove good", func() (bool, error) {
		s, err := t.client.Status(ctx)
		if err != nil {
			return false, err
		}
		for _, target := range s.Targets {
			if !target.Proven {
				return false, nil
			}
		}
		return len(s.Targets) > 0, nil
	})
}

// healed follows the target's incident to its end, which must be Healed.
func (t *theatre) healed(ctx context.Context, target ledger.Target) (inc ledger.Incident, err error) {
	err = t.until(ctx, "no incident of "+target.String()+" ended", func() (bool, error) {
		if err := t.tell.follow(ctx); err != nil {
			return false, err
		}
		all, err := t.client.Incidents(ctx, 10)
		if err != nil {
			return false, err
		}
		for _, one := range all {
			if one.Target == target && one.End != "" && one.End != ledger.StoodDown {
				inc = one
				return true, t.tell.follow(ctx)
			}
		}
		return false, nil
	})
	if err == nil && inc.End != ledger.Healed {
		err = fmt.Errorf("incident %s ended %s: %s", inc.ID, inc.End, inc.Reason)
	}
	return inc, err
}

func (t *theatre) until(ctx context.Context, failure string, done func() (bool, error)) error {
	deadline := time.Now().Add(patience)
	for {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s within %s: see guardian.log", failure, patience)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}
