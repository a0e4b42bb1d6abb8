package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
)

// build is which build of the program this is.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// thisBuild reads what the Go linker wrote into the program.
func thisBuild() build {
	b := build{Version: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			b.Commit = s.Value
		}
	}
	return b
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(c *console, g *globals) error {
	b := thisBuild()
	if g.JSON {
		return c.json(b)
	}
	_, err := io.WriteString(c.stdout, fmt.Sprintf("guardian %s (%s, %s)\n", b.Version, b.Go, b.Platform))
	return err
}
