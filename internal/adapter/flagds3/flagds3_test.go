package flagds3_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/adapter/flagapi/faulty"
	"github.com/cinegit/guardian/internal/adapter/flagds3"
	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/flag/flagtest"
)

const two = `{"flags": {"a": {"state": "DISABLED", "variants": {"off": 0}, "defaultVariant": "off"}, "b": {"n": 1}}}`

func TestStoreKeepsTheContractOfFlagStores(t *testing.T) {
	flagtest.Run(t, func(t *testing.T, flags ...flagtest.Flag) flag.Store {
		store, _, _ := newStore(t, flagtest.FlagdDocument(t, flags...))
		return store
	})
}

func TestStoreBearsWhatGoesWrongWithAWrite(t *testing.T) {
	flagtest.RunFaults(t, func(t *testing.T, flags ...flagtest.Flag) flagtest.Faulty {
		store, _, server := newStore(t, flagtest.FlagdDocument(t, flags...))
		return flagtest.Faulty{Store: store, Fail: func(fault flagtest.Fault, seen func()) { server.Fail(fault, seen, isPut) }}
	})
}

func TestAWriterOfAnotherFlagInBetweenIsNotOverwritten(t *testing.T) {
	store, b, server := newStore(t, two)
	before := read(t, store, "a")
	server.Before(isPut, func() { b.replace(`"n": 1`, `"n": 2`) })
	written, err := store.Kill(t.Context(), before, "off")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer(`DISABLED`, `ENABLED`, `"n": 1`, `"n": 2`).Replace(two)
	if diff := cmp.Diff(want, string(b.text)); diff != "" || !written.Safe("off") {
		t.Errorf("written %+v, document %s", written, diff)
	}
}

func TestAWriterOfTheSameFlagInBetweenWins(t *testing.T) {
	store, b, server := newStore(t, two)
	before := read(t, store, "a")
	server.Before(isPut, func() { b.replace(`"off": 0`, `"off": 7`) })
	_, err := store.Kill(t.Context(), before, "off")
	if !errors.Is(err, flag.ErrConflict) {
		t.Errorf("error is %v", err)
	}
	if want := strings.Replace(two, `"off": 0`, `"off": 7`, 1); string(b.text) != want {
		t.Errorf("the document is %s", b.text)
	}
}

func TestAnObjectStaysServedAndEncryptedAsItWas(t *testing.T) {
	store, b, _ := newStore(t, two)
	header := b.header.Clone()
	if _, err := store.Kill(t.Context(), read(t, store, "a"), "off"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(header, b.header); diff != "" {
		t.Error(diff)
	}
}

func TestAChangeIsDatedByTheObject(t *testing.T) {
	store, b, _ := newStore(t, two)
	if got := read(t, store, "b").Modified; !got.Equal(b.at) {
		t.Errorf("modified %v, want %v", got, b.at)
	}
}

func TestWhatS3RefusesIsTold(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil func(*bucket)
		err   error
		says  string
	}{
		"no right":     {func(b *bucket) { b.denied = true }, flag.ErrDenied, "get s3://flags/team/guardian.json: denied by the flag store: AccessDenied"},
		"no object":    {func(b *bucket) { b.text = nil }, flag.ErrUnavailable, "there is no s3://flags/team/guardian.json"},
		"no JSON":      {func(b *bucket) { b.text = []byte("flags: {}") }, flag.ErrInvalid, "s3://flags/team/guardian.json:1:2: this is not JSON"},
		"no flag":      {func(*bucket) {}, flag.ErrNotFound, `"c" is not in s3://flags/team/guardian.json, which has a, b`},
		"not readable": {func(b *bucket) { b.header = http.Header{"Content-Length": {"7000"}} }, flag.ErrUnavailable, "s3://flags/team/guardian.json"},
	} {
		t.Run(name, func(t *testing.T) {
			store, b, _ := newStore(t, two)
			tt.spoil(b)
			_, err := store.Flag(t.Context(), "c")
			if !errors.Is(err, tt.err) || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("error is %v", err)
			}
		})
	}
}

func TestASilentBucketRunsIntoTheTimeout(t *testing.T) {
	b := &bucket{}
	server := faulty.Serve(t, b)
	server.Fail(flagtest.Silent, func() {}, func(*http.Request) bool { return true })
	store, err := flagds3.New(faulty.AWS(server.URL), address, time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Flag(t.Context(), "a"); !errors.Is(err, flag.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error is %v", err)
	}
}

func TestAnAddressHasABucketAndAKey(t *testing.T) {
	for _, bad := range []string{"", "s3://", "s3://bucket", "s3://bucket/", "s3:///key", "bucket/key", "https://bucket/key"} {
		if _, err := flagds3.New(aws.Config{}, bad, 0); err == nil || !strings.Contains(err.Error(), "write s3://bucket/key") {
			t.Errorf("error for %q is %v", bad, err)
		}
	}
}

func read(t *testing.T, s flag.Store, key string) flag.Definition {
	t.Helper()
	d, err := s.Flag(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
