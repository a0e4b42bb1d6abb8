package launchdarkly

import (
	"strings"
)

const (
	semanticType = "application/json; domain-model=launchdarkly.semanticpatch"
	comment      = "by Guardian"
)

// semantic is a semantic patch of one environment.
type semantic struct {
	Comment      string        `json:"comment"`
	Environment  string        `json:"environmentKey"`
	Instructions []instruction `json:"instructions"`
}

type instruction struct {
	Kind string `json:"kind"`
}

// tested is a JSON patch (RFC 6902) that begins with a test.
type tested struct {
	Comment string      `json:"comment"`
	Patch   []operation `json:"patch"`
}

type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// turn is the patch that turns targeting on or off, and nothing else.
func turn(on bool, environment string) semantic {
	kind := "turnFlagOff"
	if on {
		kind = "turnFlagOn"
	}
	return semantic{Comment: comment, Environment: environment, Instructions: []instruction{{Kind: kind}}}
}

// rewrite is the patch that makes targeting and off variation of one version those of another.
func rewrite(from found, to feature, environment string) tested {
	at := "/environments/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(environment)
	patch := []operation{
		{Op: "test", Path: at + "/version", Value: from.version},
		{Op: "replace", Path: at + "/on", Value: to.On},
	}
	switch {
	case to.OffVariation != nil: // add replaces what is there
		patch = append(patch, operation{Op: "add", Path: at + "/offVariation", Value: *to.OffVariation})
	case from.OffVariation != nil:
		patch = append(patch, operation{Op: "remove", Path: at + "/offVariation"})
	}
	return tested{Comment: comment, Patch: patch}
}

// sameOff tells whether two features serve the same when off.
func sameOff(a, b feature) bool {
	if a.OffVariation == nil || b.OffVariation == nil {
		return a.OffVariation == b.OffVariation
	}
	return *a.OffVariation == *b.OffVariation
}
