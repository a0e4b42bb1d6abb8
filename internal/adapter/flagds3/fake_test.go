package flagds3_test

import (
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cinegit/guardian/internal/adapter/flagapi/faulty"
	"github.com/cinegit/guardian/internal/adapter/flagd"
	"github.com/cinegit/guardian/internal/adapter/flagds3"
)

const address = "s3://flags/team/guardian.json"

// bucket is an S3 bucket of one object, with ETags and conditional writes.
type bucket struct {
	mu     sync.Mutex
	text   []byte
	header http.Header // that the object was put with
	at     time.Time
	denied bool
}

// ServeHTTP answers GetObject, HeadObject and PutObject.
func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	match := r.Header.Get("If-Match")
	switch {
	case b.denied || !strings.Contains(r.Header.Get("Authorization"), "Credential="+faulty.AccessKey+"/"):
		refuse(w, http.StatusForbidden, "AccessDenied")
	case r.URL.Path != "/flags/team/guardian.json" || b.text == nil:
		refuse(w, http.StatusNotFound, "NoSuchKey")
	case match != "" && match != b.etag():
		refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
	case r.Method == http.MethodPut:
		b.put(w, r)
	default:
		for name, values := range b.header {
			w.Header()[name] = values
		}
		w.Header().Set("ETag", b.etag())
		w.Header().Set("Last-Modified", b.at.Format(http.TimeFormat))
		_, _ = w.Write(b.text)
	}
}

func (b *bucket) put(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return // the caller went away: nothing is put
	}
	b.text, b.at, b.header = text, b.at.Add(time.Second), http.Header{}
	for name, values := range r.Header {
		if name == "Content-Type" || name == "Cache-Control" || strings.HasPrefix(name, "X-Amz-Meta-") || strings.HasPrefix(name, "X-Amz-Server-Side") {
			b.header[name] = values
		}
	}
	w.Header().Set("ETag", b.etag())
}

func (b *bucket) etag() string {
	return fmt.Sprintf("%q", fmt.Sprintf("%08x", crc32.ChecksumIEEE(b.text)))
}

// replace is another writer.
func (b *bucket) replace(old, next string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text = []byte(strings.Replace(string(b.text), old, next, 1))
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>refused</Message></Error>", code)
}

func isPut(r *http.Request) bool { return r.Method == http.MethodPut }

// newStore starts a bucket with a document.
func newStore(t *testing.T, text string) (*flagd.Store, *bucket, *faulty.Server) {
	t.Helper()
	b := &bucket{
		text: []byte(text), at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		header: http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"no-cache"}, "X-Amz-Meta-Owner": {"sre"}, "X-Amz-Server-Side-Encryption": {"aws:kms"}, "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id": {"key-1"}},
	}
	server := faulty.Serve(t, b)
	store, err := flagds3.New(faulty.AWS(server.URL), address, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return store, b, server
}
