// Package config holds what the cluster of an end-to-end test is made of.
package config

import "embed"

// Files are the YAML documents.
//
//go:embed *.yaml
var Files embed.FS
