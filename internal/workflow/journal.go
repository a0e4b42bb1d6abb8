package workflow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/cinegit/guardian/internal/ledger"
)

// errLost means that somebody else writes the same execution: this process lets go of it.
var errLost = errors.New("the execution is carried on by another process")

// journal writes executions of one machine.
type journal struct {
	store   ledger.Store
	machine string
	keep    time.Duration // of an execution that has ended
}

func (j journal) executions() string { return "workflow/" + j.machine + "/executions" }
func (j journal) running() string    { return "workflow/" + j.machine + "/running" }

func (j journal) key(name string) ledger.Key {
	return ledger.Key{Partition: j.executions(), Sort: name}
}

// ops gives the batch that writes a record over the version given.
func (j journal) ops(r *record, version int64) ([]ledger.Op, error) {
	raw, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode execution %s: %w", r.Name, err)
	}
	put := ledger.Op{Kind: ledger.OpPut, Key: j.key(r.Name), Version: version, Value: raw}
	index := ledger.Key{Partition: j.running(), Sort: r.Name}
	switch {
	case r.Status != Running:
		put.Expires = r.EndedAt.Add(j.keep)
		return []ledger.Op{put, {Kind: ledger.OpDelete, Key: index, Version: ledger.AnyVersion}}, nil
	case version == 0:
		return []ledger.Op{put, {Kind: ledger.OpPut, Key: index, Version: ledger.AnyVersion}}, nil
	}
	return []ledger.Op{put}, nil
}

// read reads a record; ErrNoExecution if there is none.
func (j journal) read(ctx context.Context, name string) (*record, int64, error) {
	stored, err := j.store.Get(ctx, j.key(name))
	if errors.Is(err, ledger.ErrNotFound) {
		return nil, 0, fmt.Errorf("execution %q: %w", name, ErrNoExecution)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read execution %q: %w", name, err)
	}
	r, err := decodeRecord(stored.Value)
	return r, stored.Version, err
}

// names lists the sort keys of a partition.
func (j journal) names(ctx context.Context, partition string) ([]string, error) {
	var out []string
	q := ledger.Query{Partition: partition, Limit: 200}
	for {
		records, err := j.store.List(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("list executions: %w", err)
		}
		for _, r := range records {
			out = append(out, r.Key.Sort)
		}
		if len(records) < q.Limit {
			return out, nil
		}
		q.After = records[len(records)-1].Key.Sort
	}
}

// write writes a batch of ops; errLost if somebody else wrote the record meanwhile. After the first
// try a conflict may be with ourselves: an earlier try that failed may have landed.
func (j journal) write(ctx context.Context, ops []ledger.Op, firstTry bool) error {
	err := j.store.Write(ctx, ops...)
	if err == nil {
		return nil
	}
	if firstTry && errors.Is(err, ledger.ErrConflict) {
		return errLost
	}
	put := ops[0]
	stored, getErr := j.store.Get(ctx, put.Key)
	switch {
	case errors.Is(getErr, ledger.ErrNotFound):
		return errLost
	case getErr != nil:
		return errors.Join(err, getErr)
	case stored.Version == put.Version+1 && bytes.Equal(stored.Value, put.Value):
		return nil
	case stored.Version != put.Version:
		return errLost
	}
	return err
}

// save writes the execution as it stands now, and tries until it stands or ctx ends. Saves of one
// execution follow each other; its steps may go on meanwhile.
func (x *execution) save(ctx context.Context) error {
	select {
	case x.saving <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-x.saving }()
	var ops []ledger.Op
	var err error
	x.locked(func() {
		ops, err = x.r.journal.ops(x.rec, x.version)
		x.unsaved = false
	})
	if err != nil {
		return err
	}
	for wait := firstSaveWait; ; wait = min(2*wait, maxSaveWait) {
		err := x.r.journal.write(ctx, ops, wait == firstSaveWait)
		if err == nil {
			x.version++
		}
		if err == nil || errors.Is(err, errLost) {
			return err
		}
		x.r.options.Log.Warn("execution not written, trying again", trouble(x.rec.Name, err)...)
		if err := x.r.sleep(ctx, wait); err != nil {
			return err
		}
	}
}

const (
	firstSaveWait = 100 * time.Millisecond
	maxSaveWait   = 5 * time.Second
)
