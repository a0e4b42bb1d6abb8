package local

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cinegit/guardian/cdk/asl"
	"github.com/cinegit/guardian/internal/adapter/boltledger"
	"github.com/cinegit/guardian/internal/adapter/secrets"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/queue"
	"github.com/cinegit/guardian/internal/workflow"
)

// workers is how many messages are dispatched, and how many targets are read, at the same time.
const workers = 8

// handling is how long dispatching a message may take, and so how long an end may have to wait for it.
const handling = 15 * time.Second

// Options of a Guardian; a zero duration has the value given beside it.
type Options struct {
	Config    string // policy file
	Data      string // directory of the ledger
	Version   string
	Reconcile time.Duration // between two readings of Argo CD; 1m
	FlagPoll  time.Duration // between two readings of the flags; 5s
	Outbox    time.Duration // between two looks into the outbox; 500ms
	Reload    time.Duration // between two looks at the policy file; 2s
	Log       *slog.Logger
}

// Guardian is the whole of it in one process.
type Guardian struct {
	options Options
	log     *slog.Logger
	store   *boltledger.Store
	ledger  *ledger.Ledger
	queue   *queue.Queue
	runner  *workflow.Runner
	secrets *secrets.Resolver
	metrics *metrics
	started time.Time
	current atomic.Pointer[engine]

	lastRead [sha256.Size]byte // of the policy file; only reload touches it

	mu      sync.Mutex
	problem string // why a newer policy is not taken
}

// New opens the ledger and reads the policy. It calls no outside system. Close it in the end.
func New(ctx context.Context, o Options) (*Guardian, error) {
	o.Reconcile = cmp.Or(o.Reconcile, time.Minute)
	o.FlagPoll = cmp.Or(o.FlagPoll, 5*time.Second)
	o.Outbox = cmp.Or(o.Outbox, 500*time.Millisecond)
	o.Reload = cmp.Or(o.Reload, 2*time.Second)
	g := &Guardian{options: o, log: o.Log, metrics: newMetrics(), started: time.Now(), secrets: secrets.New()}
	if err := os.MkdirAll(o.Data, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	store, err := boltledger.Open(filepath.Join(o.Data, ledgerFile))
	if err != nil {
		return nil, err
	}
	g.store, g.ledger = store, &ledger.Ledger{Store: store}
	if err := g.open(ctx); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return g, nil
}

func (g *Guardian) open(ctx context.Context) error {
	raw, err := os.ReadFile(g.options.Config)
	if err == nil {
		g.lastRead = sha256.Sum256(raw)
	}
	e, err := g.load()
	if err != nil {
		return err
	}
	g.current.Store(e)
	if g.queue, err = queue.Open(ctx, g.store, "intake", queue.Options{VisibilityTimeout: handling, Log: g.log}); err != nil {
		return err
	}
	machine, err := workflow.Load(asl.Remediation)
	if err != nil {
		return fmt.Errorf("remediation.asl.json: %w", err)
	}
	if g.runner, err = workflow.New("remediation", machine, g.store, g.functions(), workflow.Options{Log: g.log}); err != nil {
		return err
	}
	g.metrics.gauge("guardian_queue_depth", "Messages that wait to be dispatched.", func() float64 {
		depth, _ := g.queue.Depth(context.Background())
		return float64(depth)
	})
	g.metrics.gauge("guardian_policy_problem", "1 while a newer policy file is not taken.", func() float64 {
		if g.policyProblem() != "" {
			return 1
		}
		return 0
	})
	return nil
}

// Run serves on the listener until ctx ends, then ends cleanly: no new requests, what is in hand is
// finished or stays in the ledger, and the next start goes on with it.
func (g *Guardian) Run(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler: g.Handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(g.log.Handler(), slog.LevelWarn),
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	// A record that cannot be read holds back neither the others nor what comes in.
	if err := errors.Join(g.runner.Resume(running), g.upkeep().StartOpen(running)); err != nil {
		g.log.ErrorContext(ctx, "not everything that was open goes on", "error", err)
	}
	var all errgroup.Group
	all.Go(func() error { return g.loops(running) })
	all.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			stop()
			return err
		}
		return nil
	})
	<-running.Done()
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := errors.Join(server.Shutdown(closing), all.Wait(), g.runner.Stop(closing))
	return errors.Join(err, g.Close())
}

// Close closes the ledger and the connections.
func (g *Guardian) Close() error {
	return errors.Join(g.engine().close(), g.store.Close())
}

func (g *Guardian) engine() *engine { return g.current.Load() }
