package deploy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
)

// Identity names the content of a release: its source(s) with Helm parameters and the resolved
// revision(s). Two history entries with the same Identity deploy the same manifests, so a bad
// release keeps its name however often it comes back. Revisions alone would not do: releases by
// Helm parameter share one revision. Sixteen hex digits of SHA-256 over canonical JSON.
func Identity(sources json.RawMessage, revisions []string) string {
	h := sha256.New()
	h.Write(canonical(sources))
	for _, r := range revisions {
		h.Write([]byte{0})
		h.Write([]byte(r))
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// Identity of the entry's content.
func (e Entry) Identity() string { return Identity(e.Sources, e.Revisions) }

// canonical re-encodes JSON with sorted keys; what is not JSON stands as it is.
func canonical(raw json.RawMessage) []byte {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return raw
	}
	out, err := json.Marshal(v)
	if err != nil {
		return raw
	}
	return out
}

// SameSources compares two source documents by content.
func SameSources(a, b json.RawMessage) bool {
	return string(canonical(a)) == string(canonical(b))
}

// Label is a short name of a release for people: a Helm parameter that looks like an image tag,
// else the shortened revision(s).
func Label(sources json.RawMessage, revisions []string) string {
	if tag := imageTag(sources); tag != "" {
		return tag
	}
	short := make([]string, 0, len(revisions))
	for _, r := range revisions {
		short = append(short, shorten(r))
	}
	if len(short) == 0 {
		return "unknown"
	}
	return strings.Join(short, "+")
}

// Label of the entry.
func (e Entry) Label() string { return Label(e.Sources, e.Revisions) }

func shorten(revision string) string {
	if len(revision) == 40 && !strings.ContainsAny(revision, ".-_/") {
		return revision[:7]
	}
	return revision
}

type sourceDoc struct {
	Helm struct {
		Parameters []struct{ Name, Value string } `json:"parameters"`
	} `json:"helm"`
}

func imageTag(sources json.RawMessage) string {
	var many []sourceDoc
	if json.Unmarshal(sources, &many) != nil {
		var one sourceDoc
		if json.Unmarshal(sources, &one) != nil {
			return ""
		}
		many = []sourceDoc{one}
	}
	for _, s := range many {
		for _, p := range s.Helm.Parameters {
			if p.Name == "tag" || strings.HasSuffix(p.Name, ".tag") {
				return p.Name + "=" + p.Value
			}
		}
	}
	return ""
}
