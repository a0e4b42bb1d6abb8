package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTheSameProgramGivesTheSameBytesWheneverItIsPacked(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "bootstrap")
	var sums [][sha256.Size]byte
	for i, day := range []int{1, 20} {
		if err := os.WriteFile(program, bytes.Repeat([]byte("program"), 10_000), []os.FileMode{0o700, 0o755}[i]); err != nil {
			t.Fatal(err)
		}
		at := time.Date(2026, 11, day, 12, 0, 0, 0, time.UTC)
		if err := os.Chtimes(program, at, at); err != nil {
			t.Fatal(err)
		}
		archive := filepath.Join(dir, "a.zip")
		size, err := pack(program, archive)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(archive)
		if err != nil || int64(len(raw)) != size {
			t.Fatalf("%d bytes, said %d, %v", len(raw), size, err)
		}
		sums = append(sums, sha256.Sum256(raw))
	}
	if sums[0] != sums[1] {
		t.Error("the bytes differ")
	}
}

func TestLambdaFindsAProgramThatItMayStart(t *testing.T) {
	var archive bytes.Buffer
	if err := write(&archive, strings.NewReader("program")); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(archive.Bytes()), int64(archive.Len()))
	if err != nil || len(z.File) != 1 || z.File[0].Name != "bootstrap" || z.File[0].Mode().Perm() != 0o755 {
		t.Fatalf("%+v, %v", z.File, err)
	}
	file, err := z.File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(file); err != nil || string(text) != "program" {
		t.Errorf("it holds %q, %v", text, err)
	}
}

func TestAFunctionThatIsNoneIsRefusedBeforeAnythingIsBuilt(t *testing.T) {
	if err := run(t.Context(), []string{"alert"}, io.Discard); err == nil || !strings.Contains(err.Error(), "alert") {
		t.Errorf("got %v", err)
	}
	if _, err := pack(filepath.Join(t.TempDir(), "none"), filepath.Join(t.TempDir(), "a.zip")); err == nil {
		t.Error("nothing was packed")
	}
}
