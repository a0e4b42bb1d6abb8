package flagtest

import (
	"context"
	"errors"
	"testing"

	"github.com/cinegit/guardian/internal/flag"
)

// Fault is what goes wrong with a write.
type Fault string

// The faults. After each of them the server is well again.
const (
	Lost    Fault = "the request is lost"
	Landed  Fault = "the write lands and its answer is lost"
	Broken  Fault = "the server answers 503"
	Limited Fault = "the server answers 429 with Retry-After"
	Silent  Fault = "the server never answers"
)

// Faulty is a store over a server of which writes can be made to fail.
type Faulty struct {
	Store flag.Store
	// Fail makes the next write fail. Of a Silent one, seen is called when it has come in.
	Fail func(fault Fault, seen func())
}

// RunFaults checks what is left of changes that go wrong halfway: each is told as
// flag.ErrUnavailable, or not at all where the store got over it, and can be done again.
func RunFaults(t *testing.T, factory func(t *testing.T, flags ...Flag) Faulty) {
	for _, fault := range []Fault{Lost, Landed, Broken, Limited, Silent} {
		t.Run("a kill when "+string(fault), func(t *testing.T) { faultyKill(t, factory(t, timeline(), other()), fault) })
		t.Run("a restore when "+string(fault), func(t *testing.T) { faultyRestore(t, factory(t, timeline(), other()), fault) })
	}
}

func faultyKill(t *testing.T, f Faulty, fault Fault) {
	before, beside := read(t, f.Store, "timeline"), read(t, f.Store, "other")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f.Fail(fault, cancel)
	_, err := f.Store.Kill(ctx, before, "off")
	wantBorne(t, err, fault)
	if written := kill(t, f.Store, before, "off"); !written.Safe("off") {
		t.Errorf("done again it is %+v", written)
	}
	wantAsBefore(t, f.Store, beside)
}

func faultyRestore(t *testing.T, f Faulty, fault Fault) {
	before, beside := read(t, f.Store, "timeline"), read(t, f.Store, "other")
	written := kill(t, f.Store, before, "off")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f.Fail(fault, cancel)
	wantBorne(t, f.Store.Restore(ctx, before, written), fault)
	if err := f.Store.Restore(t.Context(), before, written); err != nil {
		t.Fatal(err)
	}
	wantAsBefore(t, f.Store, before)
	wantAsBefore(t, f.Store, beside)
}

func wantBorne(t *testing.T, err error, fault Fault) {
	t.Helper()
	if err != nil && !errors.Is(err, flag.ErrUnavailable) {
		t.Errorf("error is %v", err)
	}
	if err == nil && fault == Silent {
		t.Error("silence is taken for success")
	}
}
