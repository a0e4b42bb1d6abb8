package remedy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/cinegit/guardian/internal/ledger"
)

// besides says what is no suspect and yet must be known before anybody believes that nothing else changed.
func (s scene) besides() []string {
	var out []string
	live, ok := s.app.Live()
	switch {
	case !ok && s.app.Ref.Name != "":
		out = append(out, "Argo CD keeps no history of the application, so that no release is known")
	case ok && live.StartedAt.After(s.startsAt.Add(slack)):
		out = append(out, fmt.Sprintf("%s deployed %s %s after the alert began, and what ran before is gone",
			deployer(live), live.Label(), live.StartedAt.Sub(s.startsAt).Round(time.Second)))
	}
	for _, key := range slices.Sorted(maps.Keys(s.flags)) {
		i := slices.IndexFunc(s.flags[key], func(c ledger.FlagChange) bool { return s.inWindow(c.At) })
		if i >= 0 && s.flags[key][i].By != "" && s.flags[key][i].By != s.incident {
			c := s.flags[key][i]
			out = append(out, fmt.Sprintf("Guardian took flag %s from %s to %s in incident %s, %s", key, c.From, c.To, c.By, s.ago(c.At)))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.unread)) {
		out = append(out, fmt.Sprintf("flag %s could not be read, so that a change of it would not be known: %s", key, s.unread[key]))
	}
	return out
}

// unread gives the flags of the service that could not be read when they were last looked at, and why.
func (f *Flow) unread(ctx context.Context, c *course) (map[string]string, error) {
	out := map[string]string{}
	for key := range c.service.Flags {
		seen, _, err := f.Ledger.FlagSeen(ctx, key)
		if err != nil {
			return nil, err
		}
		if seen.Trouble != "" {
			out[key] = seen.Trouble
		}
	}
	return out, nil
}
