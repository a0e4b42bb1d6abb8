package dynamoledger

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cinegit/guardian/internal/ledger"
)

func noon() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

// large is a value that goes to the bucket, and the name of its object.
func large(of string) (value, name string) {
	value = strings.Repeat(of, largeValue/len(of)+1)
	sum := sha256.Sum256([]byte(value))
	return value, hex.EncodeToString(sum[:])
}

// pointing is an item whose value is an object.
func pointing(sort, object string) string {
	return fmt.Sprintf(`{"partition": {"S": "p"}, "sort": {"S": %q}, "version": {"N": "3"}, "object": {"S": %q}}`, sort, object)
}

func TestALargeValueIsAnObjectThatItsItemPointsAt(t *testing.T) {
	s, fake := says(t, ok(`{}`))
	value, name := large("x")
	if err := s.Write(t.Context(), put("small", 0, value[:largeValue]), put("large", 0, value)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"kept/" + name: value}, fake.bucket.objects); diff != "" {
		t.Errorf("the bucket has %v, want the large value alone", slices.Collect(maps.Keys(fake.bucket.objects)))
	}
	small, pointer := fake.asked()[0].TransactItems[0]["Update"], fake.asked()[0].TransactItems[1]["Update"]
	if got := string(pointer.ExpressionAttributeValues[":object"]); got != `{"S":"kept/`+name+`"}` {
		t.Errorf("the item points at %s", got)
	}
	for update, want := range map[string]change{"#value = :value REMOVE #object, #expires": small, "#object = :object REMOVE #value, #expires": pointer} {
		if !strings.HasSuffix(want.UpdateExpression, update) {
			t.Errorf("an item may have both a value and an object: %s, want %s", want.UpdateExpression, update)
		}
	}

	s, fake = says(t, ok(`{"Item": `+pointing("large", "kept/"+name)+`}`))
	fake.bucket.objects["kept/"+name] = value
	got, err := s.Get(t.Context(), ledger.Key{Partition: "p", Sort: "large"})
	want := ledger.Record{Key: ledger.Key{Partition: "p", Sort: "large"}, Version: 3, Value: []byte(value)}
	if !cmp.Equal(want, got) || err != nil {
		t.Errorf("version %d of %d bytes, %v", got.Version, len(got.Value), err)
	}
}

func TestWhereAnObjectLiesSaysHowLongItIsPointedAt(t *testing.T) {
	e := evidence{now: noon}
	for name, tt := range map[string]struct {
		expires time.Time
		want    string
	}{
		"never":                   {time.Time{}, KeptPrefix},
		"later than the lifetime": {noon().AddDate(0, 0, expiresWithin).Add(time.Second), KeptPrefix},
		"just within it":          {noon().AddDate(0, 0, expiresWithin), ExpiringPrefix},
		"long ago":                {noon().AddDate(-1, 0, 0), ExpiringPrefix},
	} {
		if got := e.keyOf([]byte("x"), tt.expires); !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: %s, want it at %s", name, got, tt.want)
		}
	}
}

func TestAnObjectThatCouldNotBePutIsNotPointedAt(t *testing.T) {
	s, fake := says(t, ok(`{}`))
	fake.bucket.faults[http.MethodPut] = []fault{{status: http.StatusInternalServerError, code: "InternalError"}}
	value, name := large("x")
	err := s.Write(t.Context(), put("a", 0, value))
	wantText(t, err, "evidence bucket guardian-evidence", "put object kept/"+name+" of p/a", "InternalError")
	if len(fake.asked()) != 0 || fake.bucket.asked(http.MethodPut) != attempts {
		t.Errorf("%d writes of the table, want none; %d tries, want %d", len(fake.asked()), fake.bucket.asked(http.MethodPut), attempts)
	}
}

func TestAnObjectWhoseAnswerWasLostIsPutAgainAndIsTheSame(t *testing.T) {
	s, fake := says(t, ok(`{}`))
	fake.bucket.faults[http.MethodPut] = []fault{{landed: true, lost: true}, {landed: true, status: http.StatusServiceUnavailable, code: "SlowDown"}, {}}
	value, name := large("x")
	if err := s.Write(t.Context(), put("a", 0, value)); err != nil {
		t.Fatal(err)
	}
	if len(fake.asked()) != 1 || len(fake.bucket.objects) != 1 || fake.bucket.object("kept/"+name) != value {
		t.Errorf("%d writes of the table, %d objects; want one of each", len(fake.asked()), len(fake.bucket.objects))
	}
}

func TestARecordWhoseObjectCannotBeHadIsAnErrorAndNeverARecord(t *testing.T) {
	value, name := large("x")
	for what, tt := range map[string]struct {
		objects map[string]string
		fault   fault
		want    error
	}{
		"gone":         {nil, fault{}, ErrGone},
		"altered":      {map[string]string{"kept/" + name: value + "x"}, fault{}, ErrAltered},
		"emptied":      {map[string]string{"kept/" + name: ""}, fault{}, ErrAltered},
		"enormous":     {map[string]string{"kept/" + name: strings.Repeat("x", maxValue+2)}, fault{}, ErrAltered},
		"not allowed":  {map[string]string{"kept/" + name: value}, fault{status: http.StatusForbidden, code: "AccessDenied"}, ErrRefused},
		"in no bucket": {nil, fault{status: http.StatusNotFound, code: "NoSuchBucket"}, ErrNoBucket},
		"out of reach": {map[string]string{"kept/" + name: value}, fault{lost: true}, nil},
		"in trouble":   {map[string]string{"kept/" + name: value}, fault{status: http.StatusInternalServerError, code: "InternalError"}, nil},
	} {
		t.Run(what, func(t *testing.T) {
			pointer := pointing("a", "kept/"+name)
			for call, answer := range map[string]string{"get": `{"Item": ` + pointer + `}`, "list": `{"Items": [` + item("0") + `, ` + pointer + `]}`} {
				s, fake := says(t, ok(answer))
				maps.Copy(fake.bucket.objects, tt.objects)
				if tt.fault != (fault{}) {
					fake.bucket.faults[http.MethodGet] = []fault{tt.fault}
				}
				records, err := read(t, s, call)
				if len(records) != 0 || err == nil || tt.want != nil && !errors.Is(err, tt.want) || errors.Is(err, ledger.ErrNotFound) {
					t.Errorf("%s: %d records, error %v, want %v alone", call, len(records), err, tt.want)
				}
				wantText(t, err, "evidence bucket guardian-evidence", "get object kept/"+name+" of p/a")
			}
		})
	}
}

// read gets p/a, or lists p.
func read(t *testing.T, s *Store, call string) ([]ledger.Record, error) {
	t.Helper()
	if call == "list" {
		return s.List(t.Context(), ledger.Query{Partition: "p", Limit: 10})
	}
	r, err := s.Get(t.Context(), ledger.Key{Partition: "p", Sort: "a"})
	if cmp.Equal(r, ledger.Record{}) {
		return nil, err
	}
	return []ledger.Record{r}, err
}

func TestAListFetchesAFewObjectsAtOnceAndKeepsTheOrder(t *testing.T) {
	const records = 3 * atOnce
	var items, want []string
	objects := map[string]string{}
	for i := range records {
		value, name := large(fmt.Sprintf("%02d", i))
		objects["kept/"+name] = value
		items, want = append(items, pointing(fmt.Sprintf("%02d", i), "kept/"+name)), append(want, value[:2])
	}
	s, fake := says(t, ok(`{"Items": [`+strings.Join(items, ",")+`]}`))
	fake.bucket.objects = objects
	// The first requests wait for each other: they are as many as are ever sent at once.
	var together sync.WaitGroup
	together.Add(atOnce)
	var began, running, most atomic.Int64
	fake.bucket.gets = func() {
		now := running.Add(1)
		defer running.Add(-1)
		for was := most.Load(); now > was && !most.CompareAndSwap(was, now); was = most.Load() {
		}
		if began.Add(1) <= atOnce {
			together.Done()
			together.Wait()
		}
	}
	got, err := s.List(t.Context(), ledger.Query{Partition: "p", Limit: records})
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for _, r := range got {
		values = append(values, string(r.Value[:2]))
	}
	if diff := cmp.Diff(want, values); diff != "" || most.Load() != atOnce {
		t.Errorf("%d objects at once, want %d (-want +got):\n%s", most.Load(), atOnce, diff)
	}
}

func TestTheProbeSaysInOneLineWhatIsWrongWithTheBucket(t *testing.T) {
	forbidden := fault{status: http.StatusForbidden, code: "AccessDenied"}
	for name, tt := range map[string]struct {
		method string
		fault  fault
		want   error
	}{
		"no bucket":      {http.MethodPut, fault{status: http.StatusNotFound, code: "NoSuchBucket"}, ErrNoBucket},
		"may not put":    {http.MethodPut, forbidden, ErrRefused},
		"may not get":    {http.MethodGet, forbidden, ErrRefused},
		"keeps nothing":  {http.MethodGet, fault{status: http.StatusNotFound, code: "NoSuchKey"}, ErrGone},
		"another region": {http.MethodPut, fault{status: http.StatusMovedPermanently, code: "PermanentRedirect"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s, fake := says(t, ok(goodTable), ok(goodTTL))
			fake.bucket.faults[tt.method] = []fault{tt.fault}
			err := s.Probe(t.Context())
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want %v in one line", err, tt.want)
			}
			wantText(t, err, "evidence bucket guardian-evidence", tt.fault.code)
		})
	}
}

func TestTheProbesObjectIsOneThatExpires(t *testing.T) {
	s, fake := says(t, ok(goodTable), ok(goodTTL))
	if err := s.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	for key := range fake.bucket.objects {
		if !strings.HasPrefix(key, ExpiringPrefix) {
			t.Errorf("the probe leaves %s for ever", key)
		}
	}
	if len(fake.bucket.objects) != 1 {
		t.Errorf("%d objects, want the probe's", len(fake.bucket.objects))
	}
}

// TestOnlyWhatExpiresSoonLiesWhereAgeRemoves is the safety of the lifecycle, over what a record may be.
func TestOnlyWhatExpiresSoonLiesWhereAgeRemoves(t *testing.T) {
	const day = 24 * time.Hour
	e := evidence{now: noon}
	for days := -400; days <= 4000; days++ {
		expires := noon().Add(time.Duration(days) * day)
		removed := noon().Add(ExpiringDays * day)
		// A table that was put back shows a record that long after it was dropped.
		pointedAt := expires.Add((ttlLate + restorable) * day)
		if strings.HasPrefix(e.keyOf([]byte("x"), expires), ExpiringPrefix) && removed.Before(pointedAt) {
			t.Fatalf("a record that expires after %d days points at an object that is removed after %d", days, ExpiringDays)
		}
	}
}

func TestAnItemOfBeforeTheBucketIsReadAsEver(t *testing.T) {
	s, fake := says(t, ok(`{"Item": `+item("a")+`}`))
	if r, err := s.Get(t.Context(), ledger.Key{Partition: "p", Sort: "a"}); err != nil || string(r.Value) != "v" || fake.bucket.asked(http.MethodGet) != 0 {
		t.Errorf("%q, %v", r.Value, err)
	}
}
