package argocd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The versions that are built. Kubernetes is the one that Argo CD's own go.mod names.
const (
	Version           = "2.14.21"
	kubernetesVersion = "1.31.0"
	kwokVersion       = "0.6.1"
	helmVersion       = "3.16.3"
)

// source is a Go module and the programs that are built from it.
type source struct {
	module, version string
	packages        []string
	programs        []string // what the packages are called once built
	ldflags         string
}

func sources() []source {
	return []source{
		{
			module: "github.com/argoproj/argo-cd/v2", version: "v" + Version,
			packages: []string{"./cmd"}, programs: []string{"argocd"},
			ldflags: "-X github.com/argoproj/argo-cd/v2/common.version=" + Version,
		},
		{
			module: "k8s.io/kubernetes", version: "v" + kubernetesVersion,
			packages: []string{"./cmd/kube-apiserver", "./cmd/kube-controller-manager", "./cmd/kube-scheduler"},
			programs: []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler"},
			ldflags: "-X k8s.io/component-base/version.gitVersion=v" + kubernetesVersion +
				" -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=31",
		},
		{
			module: "sigs.k8s.io/kwok", version: "v" + kwokVersion,
			packages: []string{"./cmd/kwok"}, programs: []string{"kwok"},
		},
		{
			module: "helm.sh/helm/v3", version: "v" + helmVersion,
			packages: []string{"./cmd/helm"}, programs: []string{"helm"},
			ldflags: "-X helm.sh/helm/v3/internal/version.version=v" + helmVersion,
		},
	}
}

// CacheDir is where built programs are kept: guardian-e2e in the user's cache folder.
func CacheDir() (string, error) {
	base := os.Getenv("XDG_CACHE_HOME")
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("find the cache folder: %w", err)
		}
		base = filepath.Join(home, ".cache")
	}
	return filepath.Join(base, "guardian-e2e"), nil
}

// Programs gives the folder that holds argocd, the parts of Kubernetes, kwok and helm. What is missing
// is built from the Go module proxy, which takes two cores about a quarter of an hour once. The
// environment variable GUARDIAN_E2E_BIN names a folder that has them already.
func Programs(ctx context.Context, log func(format string, args ...any)) (string, error) {
	if bin := os.Getenv("GUARDIAN_E2E_BIN"); bin != "" {
		for _, s := range sources() {
			if missing := s.missing(bin); len(missing) > 0 {
				return "", fmt.Errorf("GUARDIAN_E2E_BIN=%s has no %s: unset it to have them built", bin, strings.Join(missing, ", "))
			}
		}
		return bin, nil
	}
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	bin := filepath.Join(cache, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return "", fmt.Errorf("make the cache folder: %w", err)
	}
	for _, s := range sources() {
		if missing := s.missing(bin); len(missing) > 0 {
			log("building %s %s, once: this takes some minutes", s.module, s.version)
			if err := s.build(ctx, bin); err != nil {
				return "", err
			}
		}
	}
	return bin, nil
}

func (s source) missing(bin string) []string {
	var missing []string
	for _, p := range s.programs {
		if info, err := os.Stat(filepath.Join(bin, p)); err != nil || info.Mode()&0o111 == 0 {
			missing = append(missing, p)
		}
	}
	return missing
}

// build compiles the module as its own main module, with a copy of its go.mod beside it: as a
// dependency its replace directives would not count.
func (s source) build(ctx context.Context, bin string) error {
	dir, err := moduleDir(ctx, s.module, s.version)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "guardian-e2e-build-")
	if err != nil {
		return fmt.Errorf("build %s: %w", s.module, err)
	}
	defer func() { _ = os.RemoveAll(work) }()
	modfile := filepath.Join(work, "go.mod")
	if err := errors.Join(
		copyFile(filepath.Join(dir, "go.mod"), modfile),
		copyFile(filepath.Join(dir, "go.sum"), filepath.Join(work, "go.sum")),
	); err != nil {
		return fmt.Errorf("build %s: %w", s.module, err)
	}
	if err := unstage(ctx, modfile); err != nil {
		return err
	}
	// Built beside the goal and moved there, so that a build that was stopped leaves no half program.
	out := filepath.Join(work, "out") + string(filepath.Separator)
	args := append([]string{
		"build", "-C", dir, "-modfile", modfile, "-mod=mod", "-trimpath", "-ldflags", "-s -w " + s.ldflags, "-o", out,
	}, s.packages...)
	if _, err := goCommand(ctx, args...); err != nil {
		return fmt.Errorf("build %s: %w", s.module, err)
	}
	for i, p := range s.packages {
		if err := install(filepath.Join(out, filepath.Base(p)), filepath.Join(bin, s.programs[i])); err != nil {
			return err
		}
	}
	return nil
}

// unstage lets a go.mod that replaces modules by folders of its repository, as Kubernetes' does,
// take their published versions: k8s.io/api v0.31.0 belongs to Kubernetes 1.31.0.
func unstage(ctx context.Context, modfile string) error {
	raw, err := goCommand(ctx, "mod", "edit", "-json", modfile)
	if err != nil {
		return err
	}
	var mod struct {
		Replace []struct{ Old, New struct{ Path string } }
	}
	if err := json.Unmarshal(raw, &mod); err != nil {
		return fmt.Errorf("read %s: %w", modfile, err)
	}
	edit := []string{"mod", "edit"}
	for _, r := range mod.Replace {
		if strings.HasPrefix(r.New.Path, "./staging/") {
			edit = append(edit, fmt.Sprintf("-replace=%s=%s@v0.%s", r.Old.Path, r.Old.Path, strings.TrimPrefix(kubernetesVersion, "1.")))
		}
	}
	if len(edit) == 2 {
		return nil
	}
	_, err = goCommand(ctx, append(edit, modfile)...)
	return err
}

// moduleDir gives the folder of a module's source, fetched where it is not there yet.
func moduleDir(ctx context.Context, module, version string) (string, error) {
	raw, err := goCommand(ctx, "mod", "download", "-json", module+"@"+version)
	if err != nil {
		return "", err
	}
	var download struct{ Dir string }
	if err := json.Unmarshal(raw, &download); err != nil {
		return "", fmt.Errorf("download %s: %w", module, err)
	}
	return download.Dir, nil
}

func goCommand(ctx context.Context, args ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, "go", args...)
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-buildvcs=false")
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", strings.Join(args[:2], " "), err, stderr.Bytes())
	}
	return out, nil
}

func copyFile(from, to string) error {
	raw, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	return os.WriteFile(to, raw, 0o644)
}

func install(from, to string) error {
	raw, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("install: %w", err)
	}
	if err := os.WriteFile(to+".new", raw, 0o755); err != nil {
		return fmt.Errorf("install: %w", err)
	}
	return os.Rename(to+".new", to)
}
