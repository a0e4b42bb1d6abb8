package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/cinegit/guardian/internal/adapter/flagd"
	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/ledger"
	"github.com/cinegit/guardian/internal/policy"
)

// Flags is a flagd document on disk and what applications get from it.
type Flags struct {
	*flagd.Store
	Lag   time.Duration // until applications see a change
	Fails []error       // of the next calls of Kill, one each, before they write; nil is none
	Lands []error       // of the next calls of Kill, one each, after they have written
	Kills int           // calls of Kill that wrote
	Down  bool          // the store is out of reach

	path string
	now  func() time.Time
}

func newFlags(path string, now func() time.Time) *Flags {
	f := &Flags{Store: flagd.New(path), path: path, now: now}
	f.stamp()
	return f
}

// stamp gives the document the world's time.
func (f *Flags) stamp() { _ = os.Chtimes(f.path, f.now(), f.now()) }

// Flag implements remedy.Flags.
func (f *Flags) Flag(ctx context.Context, key string) (flag.Definition, error) {
	if f.Down {
		return flag.Definition{}, fmt.Errorf("connection refused: %w", flag.ErrUnavailable)
	}
	return f.Store.Flag(ctx, key)
}

// Kill implements remedy.Flags.
func (f *Flags) Kill(ctx context.Context, before flag.Definition, safe string) (flag.Definition, error) {
	if f.Down {
		return flag.Definition{}, fmt.Errorf("connection refused: %w", flag.ErrUnavailable)
	}
	if err := pop(&f.Fails); err != nil {
		return flag.Definition{}, err
	}
	after, err := f.Store.Kill(ctx, before, safe)
	if err != nil {
		return after, err
	}
	if !after.Same(before) {
		f.Kills++
	}
	f.stamp()
	return after, pop(&f.Lands)
}

// Restore implements remedy.Flags.
func (f *Flags) Restore(ctx context.Context, before, written flag.Definition) error {
	defer f.stamp()
	return f.Store.Restore(ctx, before, written)
}

// Serving implements remedy.Flags.
func (f *Flags) Serving(ctx context.Context, key string) (string, error) {
	d, err := f.Store.Flag(ctx, key)
	if err != nil {
		return "", err
	}
	if f.now().Sub(d.Modified) < f.Lag {
		return "not yet", nil
	}
	return d.Serving, nil
}

// Set makes a flag's variant its default, as a person does who edits the document.
func (f *Flags) Set(key, variant string) error {
	raw, err := os.ReadFile(f.path)
	if err != nil {
		return fmt.Errorf("flag document: %w", err)
	}
	var doc map[string]map[string]map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		return fmt.Errorf("flag document: %w", err)
	}
	doc["flags"][key]["defaultVariant"] = variant
	if raw, err = json.MarshalIndent(doc, "", "  "); err != nil {
		return fmt.Errorf("flag document: %w", err)
	}
	if err := os.WriteFile(f.path, raw, 0o600); err != nil {
		return fmt.Errorf("flag document: %w", err)
	}
	f.stamp()
	return nil
}

func (f *Flags) variant(key string) string {
	d, err := f.Store.Flag(context.Background(), key)
	if err != nil {
		return ""
	}
	return d.Serving
}

// document holds every flag of a policy, with the variants on and off, all off.
func document(p *policy.Policy) []byte {
	flags := map[string]any{}
	for _, s := range p.Services {
		for key := range s.Flags {
			flags[key] = map[string]any{
				"state": "ENABLED", "defaultVariant": "off", "variants": map[string]bool{"on": true, "off": false},
			}
		}
	}
	raw, err := json.MarshalIndent(map[string]any{"flags": flags}, "", "  ")
	if err != nil {
		return nil
	}
	return raw
}

func pop(errs *[]error) error {
	if len(*errs) == 0 {
		return nil
	}
	err := (*errs)[0]
	*errs = (*errs)[1:]
	return err
}

// Switch is Guardian's own switch.
type Switch struct {
	May bool
	Why string
}

// MayAct implements remedy.Switch.
func (s *Switch) MayAct(context.Context, ledger.Target) (may bool, why string) { return s.May, s.Why }
