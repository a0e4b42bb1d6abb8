package backtest

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/cinegit/guardian/internal/policy"
)

// progressFile is where judged releases are kept, one a line, so that a run goes on where another
// ended.
const progressFile = "progress.jsonl"

// format changes whenever what is kept, or what it means, does.
const format = 1

// progress keeps what was judged. Its zero value keeps nothing.
type progress struct {
	known map[string]judged

	mu   sync.Mutex
	file *os.File
}

// line is one line of the file.
type line struct {
	Key    string `json:"key"`
	Judged judged `json:"judged"`
}

// openProgress reads what is kept in a directory, which is made if it is not there, and goes on
// with it. Lines that cannot be read, as the last one of a run that was killed, are left out.
func openProgress(dir string) (*progress, error) {
	p := &progress{known: map[string]judged{}}
	if dir == "" {
		return p, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("open progress: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, progressFile), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open progress: %w", err)
	}
	p.file = file
	if err := p.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("open progress: %w", err), file.Close())
	}
	return p, nil
}

func (p *progress) load() error {
	reader := bufio.NewReaderSize(p.file, 1<<20)
	for {
		raw, err := reader.ReadBytes('\n')
		var l line
		if json.Unmarshal(raw, &l) == nil && l.Key != "" && len(l.Judged.Outcomes) > 0 {
			p.known[l.Key] = l.Judged
		}
		switch {
		case errors.Is(err, io.EOF) && len(raw) == 0:
			return nil
		case errors.Is(err, io.EOF): // torn: what comes next begins a line of its own
			_, err = p.file.WriteString("\n")
			return err
		case err != nil:
			return err
		}
	}
}

// keep writes one judged bake, at once and in one piece.
func (p *progress) keep(key string, j judged) error {
	if p.file == nil {
		return nil
	}
	var text bytes.Buffer
	if err := json.NewEncoder(&text).Encode(line{key, j}); err != nil {
		return fmt.Errorf("keep progress: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := p.file.Write(text.Bytes()); err != nil {
		return fmt.Errorf("keep progress: %w", err)
	}
	return nil
}

func (p *progress) close() error {
	if p.file == nil {
		return nil
	}
	return p.file.Close()
}

// asked is all that an answer depends on: who was asked, by what program, about which release, and
// how it is judged.
type asked struct {
	Format   int
	Version  string
	Source   string
	Release  Release
	End      time.Time
	Settings []string
	Gates    []map[string]policy.Gate // by setting
	Together []string                 // the service's gates, judged together
	Rules    []askedRule
}

type askedRule struct {
	Name, Match, Service, Stage string
	Gates                       []string
	Recorded                    bool
}

// key names what is asked about a bake: another answer could only come of another key.
func (c court) key(b bake, version, source string) (string, error) {
	a := asked{Format: format, Version: version, Source: source, Release: b.Release, End: b.end, Together: b.service.Gates}
	for _, s := range c.settings {
		gates := map[string]policy.Gate{}
		for _, name := range b.gates() {
			gates[name] = s.policy.Gates[name]
		}
		a.Settings, a.Gates = append(a.Settings, s.Name), append(a.Gates, gates)
	}
	for _, r := range b.rules {
		a.Rules = append(a.Rules, askedRule{
			r.Name, r.Match.Text, string(r.Target.Service), string(r.Target.Stage), r.ConfirmGates(b.service), c.recorded[r.Name],
		})
	}
	raw, err := json.Marshal(a)
	if err != nil {
		return "", fmt.Errorf("name the question: %w", err)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:]), nil
}
