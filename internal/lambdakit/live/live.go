// Package live is what functions work with that know the policy and the ledger: the ledger's table and bucket,
// the policy in force, its secrets, and the steps of the flow on them.
package live

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cinegit/guardian/internal/adapter/dynamoledger"
	"github.com/cinegit/guardian/internal/adapter/secrets"
	"github.com/cinegit/guardian/internal/lambdakit"
	"github.com/cinegit/guardian/internal/lambdakit/names"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

// Base is what such a function begins with.
type Base struct {
	*lambdakit.Kit
	Ledger  *ledger.Ledger
	Secrets *secrets.Resolver

	store  *dynamoledger.Store
	policy object
}

// Open finds the ledger's table and the policy's object. It fails where the table is not there or may not
// be read. The bucket is not asked, which a function seldom needs: ProbeLedger does.
func Open(ctx context.Context, k *lambdakit.Kit) (*Base, error) {
	store := dynamoledger.New(k.AWS, k.Env(names.Table), k.Env(names.Evidence))
	_, err := store.Get(ctx, ledger.Key{Partition: "start", Sort: "start"})
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return nil, fmt.Errorf("%s: %w", names.Table, err)
	}
	o, err := newObject(k.AWS, k.Env(names.Policy))
	if err != nil {
		return nil, err
	}
	return &Base{Kit: k, Ledger: &ledger.Ledger{Store: store}, Secrets: secrets.With(k.LoadAWS), store: store, policy: o}, nil
}

// ProbeLedger tells whether the ledger's table and bucket are fit, and what is open can be read.
func (b *Base) ProbeLedger(ctx context.Context) error {
	if err := b.store.Probe(ctx); err != nil {
		return err
	}
	_, err := b.Ledger.OpenIncidents(ctx)
	return err
}

// Follow connects what a function needs of the policy, now and whenever the policy changes. It fails where
// no version of the policy can be taken.
func Follow[T any](ctx context.Context, b *Base, connect func(p *policy.Policy) (parts T, closes func() error, err error)) (*Engines[T], error) {
	e := &Engines[T]{object: b.policy, connect: connect, now: time.Now, within: lookWithin, log: b.Log, metrics: b.Metrics}
	if _, err := e.Current(ctx); err != nil {
		return nil, err
	}
	return e, nil
}
