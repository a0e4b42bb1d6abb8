package dynamoledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"golang.org/x/sync/errgroup"

	"github.com/cinegit/guardian/internal/ledger"
)

// How large a value is, in bytes, that goes to the bucket, and how large one may be at all.
//
// DynamoDB would take 400 KB, but counts every KB of a transaction twice: 400 KB are 800 of the 1,000 units
// that a partition writes in a second, and a step writes its incident several times. At 64 KiB a write is
// 128 units and costs as much as 16 objects; what is smaller, which nearly everything is, stays one round
// trip away. What grows is what came from Argo CD, whose application etcd holds at 1.5 MiB at most; an
// incident has parts of it a few times over, and the operators' function can answer 6 MB.
const (
	largeValue = 64 << 10
	maxValue   = 4 << 20
)

// Where an object lies, which decides how long S3 keeps it: the stack writes the lifecycle from these.
//
// A value's key is its SHA-256, so that an object never changes, and one that a lost or conflicting write
// left behind harms nothing. Nothing is deleted from here: another record may have the same value, and a
// table put back to an earlier moment points at what has been replaced since. Age alone removes, and only
// what cannot be pointed at any more. Every write of a value puts its object again, which makes it young. So
// an object at ExpiringPrefix is at least as young as every record that points at it: these expire within
// expiresWithin, DynamoDB drops them some days later (ttlLate), and for 35 days more the table can be put
// back to when they were there (restorable). What expires later or never is at KeptPrefix, and is kept for as
// long as the ledger: no age is safe for it. Values that were replaced stay there too, a few
// dozen for a large incident; what is replaced every minute (ledger.Seen) expires.
const (
	KeptPrefix     = "kept/"
	ExpiringPrefix = "expiring/"
	ExpiringDays   = expiresWithin + ttlLate + restorable

	expiresWithin = 45
	ttlLate       = 10
	restorable    = 35
)

// Errors of the bucket, to be told by errors.Is. None of them is ledger.ErrNotFound: the record is there.
var (
	// ErrNoBucket means that there is no such bucket where the store looks.
	ErrNoBucket = errors.New("there is no such bucket: deploy the stack, or correct the bucket's name or the region")

	// ErrRefused means that the caller's role may not do it, or that an object is gone: S3 answers both
	// alike to whoever may not list the bucket.
	ErrRefused = errors.New("S3 refuses: the role lacks s3:GetObject, s3:PutObject or the key of the bucket, or the object is gone")

	// ErrGone means that the object of a record is not in the bucket.
	ErrGone = errors.New("the object is gone: bring back its last version")

	// ErrAltered means that an object is not what the record was written with.
	ErrAltered = errors.New("the object was altered: bring back the version before")
)

// atOnce is how many objects of a batch or a list are sent or fetched at the same time.
const atOnce = 8

// evidence is the bucket of the values that are too large for an item.
type evidence struct {
	client *s3.Client
	bucket string
	now    func() time.Time
}

// keyOf is where a value that is written now lies.
func (e evidence) keyOf(value []byte, expires time.Time) string {
	sum := sha256.Sum256(value)
	name := hex.EncodeToString(sum[:])
	if expires.IsZero() || expires.After(e.now().AddDate(0, 0, expiresWithin)) {
		return KeptPrefix + name
	}
	return ExpiringPrefix + name
}

// putAll puts the values that items only point at.
func (e evidence) putAll(ctx context.Context, writes []write) error {
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(atOnce)
	for _, w := range writes {
		if w.object != "" {
			all.Go(func() error { return e.put(ctx, w.Key, w.object, w.Value) })
		}
	}
	return all.Wait()
}

func (e evidence) put(ctx context.Context, of ledger.Key, object string, value []byte) error {
	sum := sha256.Sum256(value)
	_, err := e.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &e.bucket, Key: &object, Body: bytes.NewReader(value),
		ChecksumSHA256: aws.String(base64.StdEncoding.EncodeToString(sum[:])), // S3 takes nothing else for it
	})
	return e.explain("put", of, object, err)
}

// fill fetches the values of records that only point at them.
func (e evidence) fill(ctx context.Context, found []found) error {
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(atOnce)
	for i := range found {
		if f := &found[i]; f.object != "" {
			all.Go(func() (err error) {
				f.Value, err = e.get(ctx, f.Key, f.object)
				return err
			})
		}
	}
	return all.Wait()
}

func (e evidence) get(ctx context.Context, of ledger.Key, object string) ([]byte, error) {
	out, err := e.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &e.bucket, Key: &object})
	if err != nil {
		return nil, e.explain("get", of, object, err)
	}
	defer func() { _ = out.Body.Close() }() // it was only read
	value, err := io.ReadAll(io.LimitReader(out.Body, maxValue+1))
	if err != nil {
		return nil, e.explain("get", of, object, err)
	}
	if sum := sha256.Sum256(value); hex.EncodeToString(sum[:]) != path.Base(object) {
		return nil, e.explain("get", of, object, ErrAltered)
	}
	return value, nil
}

// probe puts and gets an object as the large value of a record that expires.
func (e evidence) probe(ctx context.Context) error {
	value, of := []byte("guardian was here"), ledger.Key{Partition: "probe", Sort: "probe"}
	object := e.keyOf(value, e.now())
	if err := e.put(ctx, of, object, value); err != nil {
		return err
	}
	_, err := e.get(ctx, of, object)
	return err
}

// explain names bucket, record and object and, where the cause is one that a person can remove, says so.
func (e evidence) explain(what string, of ledger.Key, object string, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%s object %s of %s/%s: %w", what, object, of.Partition, of.Sort, err)
	var said smithy.APIError
	var answered *smithyhttp.ResponseError
	kind := error(nil)
	switch {
	case errors.As(err, &said) && said.ErrorCode() == "NoSuchBucket":
		kind = ErrNoBucket
	case errors.As(err, &said) && said.ErrorCode() == "NoSuchKey":
		kind = ErrGone
	case errors.As(err, &answered) && answered.HTTPStatusCode() == http.StatusForbidden:
		kind = ErrRefused
	}
	if kind == nil {
		return fmt.Errorf("evidence bucket %s: %w", e.bucket, err)
	}
	return fmt.Errorf("evidence bucket %s: %w (%w)", e.bucket, kind, err)
}
