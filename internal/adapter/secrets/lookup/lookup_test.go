package lookup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// hidden stands in every value that an error must not tell.
const hidden = "s3cret"

func wantValue(t *testing.T, r *Resolver, ref string, want string) {
	t.Helper()
	got, err := r.Resolve(t.Context(), ref)
	if err != nil || got != want {
		t.Errorf("%s gives %q, want %q (error: %v)", ref, got, want, err)
	}
}

func wantError(t *testing.T, r *Resolver, ref string, says string) {
	t.Helper()
	got, err := r.Resolve(t.Context(), ref)
	if err == nil || got != "" {
		t.Fatalf("%s gives %q and the error %v", ref, got, err)
	}
	if !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), hidden) {
		t.Errorf("error of %s is %v", ref, err)
	}
}

func TestAnEnvironmentVariableIsRead(t *testing.T) {
	r := New(load)
	t.Setenv("GUARDIAN_TEST", "one\n")
	wantValue(t, r, "env:GUARDIAN_TEST", "one")
	t.Setenv("GUARDIAN_TEST", "two")
	wantValue(t, r, "env:GUARDIAN_TEST", "two")
	t.Setenv("GUARDIAN_TEST", " \n")
	wantError(t, r, "env:GUARDIAN_TEST", "look up env:GUARDIAN_TEST: it is empty")
	wantError(t, r, "env:GUARDIAN_TEST_MISSING", "look up env:GUARDIAN_TEST_MISSING: there is no such environment variable")
}

func TestAFileIsReadAnewByEveryCall(t *testing.T) {
	r := New(load)
	path := filepath.Join(t.TempDir(), "token")
	ref := "file:" + path
	wantError(t, r, ref, "no such file")
	for text, want := range map[string]string{"one": "one", "two\n": "two", "three\r\n": "three", " a:b ": " a:b "} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		wantValue(t, r, ref, want)
	}
	for text, says := range map[string]string{"\n": "it is empty", hidden + strings.Repeat("x", maxFile): "larger than 65536 bytes"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		wantError(t, r, ref, says)
	}
	wantError(t, r, "file:"+filepath.Dir(path), "is a directory")
}

func TestWhatIsNoReferenceIsNotTold(t *testing.T) {
	for _, ref := range []string{"", hidden, "env:", "secret:", "https://hooks.example/" + hidden, ":" + hidden, "ENV:" + hidden} {
		wantError(t, New(load), ref, "write env:NAME, file:PATH or secret:NAME")
	}
}
