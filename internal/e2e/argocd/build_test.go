package argocd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAFolderOfProgramsIsTakenAsItIs(t *testing.T) {
	bin := t.TempDir()
	for _, s := range sources() {
		for _, p := range s.programs {
			if err := os.WriteFile(filepath.Join(bin, p), nil, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Setenv("GUARDIAN_E2E_BIN", bin)
	if got, err := Programs(t.Context(), t.Logf); err != nil || got != bin {
		t.Errorf("Programs is %q, %v; want %q", got, err, bin)
	}
}

func TestAFolderThatLacksAProgramIsRefusedByName(t *testing.T) {
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "argocd"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GUARDIAN_E2E_BIN", bin)
	_, err := Programs(t.Context(), t.Logf)
	if err == nil || !strings.Contains(err.Error(), "has no kube-apiserver, kube-controller-manager, kube-scheduler") {
		t.Errorf("error %v, want the programs that are missing", err)
	}
}

func TestTheCacheFollowsXDG(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", "/somewhere")
	if got, err := CacheDir(); err != nil || got != "/somewhere/guardian-e2e" {
		t.Errorf("CacheDir is %q, %v", got, err)
	}
}

func TestModulesOfTheKubernetesRepositoryTakeTheirPublishedVersions(t *testing.T) {
	modfile := filepath.Join(t.TempDir(), "go.mod")
	before := `module k8s.io/kubernetes

go 1.22.0

replace (
	example.com/fork => example.com/other v1.2.3
	k8s.io/api => ./staging/src/k8s.io/api
)
`
	if err := os.WriteFile(modfile, []byte(before), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := unstage(t.Context(), modfile); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(modfile)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(before, "./staging/src/k8s.io/api", "k8s.io/api v0.31.0", 1)
	if diff := cmp.Diff(want, string(after)); diff != "" {
		t.Error(diff)
	}
}
