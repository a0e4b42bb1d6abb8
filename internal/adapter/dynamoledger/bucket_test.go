package dynamoledger

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// fault is how the bucket answers one request of a method.
type fault struct {
	status int
	code   string // of S3's error
	landed bool   // what was asked is done all the same
	lost   bool   // the connection is cut instead of an answer
}

// bucket is an S3 with one bucket, whose objects can be altered and whose requests can fail.
type bucket struct {
	mu       sync.Mutex
	objects  map[string]string  // by key
	faults   map[string][]fault // by method, the first for the next request; the last of them for ever
	requests map[string]int     // by method

	gets func() // called in a request that gets, if it is there
}

func newBucket() *bucket {
	return &bucket{objects: map[string]string{}, faults: map[string][]fault{}, requests: map[string]int{}}
}

// ServeHTTP puts and gets objects of paths like /guardian-evidence/key.
func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	key, ours := strings.CutPrefix(r.URL.Path, "/guardian-evidence/")
	if err != nil || !ours {
		http.Error(w, "not a request of the store", http.StatusTeapot)
		return
	}
	if b.gets != nil && r.Method == http.MethodGet {
		b.gets()
	}
	f := b.next(r.Method)
	if f == (fault{}) || f.landed {
		f = b.do(r, key, string(body), f)
	}
	switch {
	case f.lost:
		panic(http.ErrAbortHandler)
	case f.status != 0:
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(f.status)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>said %s</Message></Error>", f.code, f.code)
	case r.Method == http.MethodGet:
		_, _ = io.WriteString(w, b.object(key))
	}
}

// do does what was asked and gives what goes wrong, which is f if nothing else does.
func (b *bucket) do(r *http.Request, key, body string, f fault) fault {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.Method == http.MethodPut {
		sum := sha256.Sum256([]byte(body))
		if r.Header.Get("X-Amz-Checksum-Sha256") != base64.StdEncoding.EncodeToString(sum[:]) {
			return fault{status: http.StatusBadRequest, code: "BadDigest"}
		}
		b.objects[key] = body
		return f
	}
	if _, ok := b.objects[key]; !ok {
		return fault{status: http.StatusNotFound, code: "NoSuchKey"}
	}
	return f
}

func (b *bucket) next(method string) fault {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.requests[method]++
	planned := b.faults[method]
	if len(planned) == 0 {
		return fault{}
	}
	if len(planned) > 1 {
		b.faults[method] = planned[1:]
	}
	return planned[0]
}

func (b *bucket) object(key string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.objects[key]
}

func (b *bucket) asked(method string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.requests[method]
}
