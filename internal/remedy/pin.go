package remedy

import (
	"context"
	"encoding/json"
	"fmt"

	jsonpatch "github.com/evanphx/json-patch/v5"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/ledger"
)

// pin puts the spec's source(s) to those of what was rolled back to, since a rollback leaves the spec as
// it was and the next sync would ship the bad release again.
func (f *Flow) pin(ctx context.Context, c *course, app deploy.Application) (Answer, error) {
	r := c.current()
	patch, err := pinPatch(app.Sources, r.To.Sources)
	if err != nil {
		return Answer{}, fmt.Errorf("pin the source of %s: %w", app.Ref, err)
	}
	e := c.effect(ledger.EffectPin)
	if e == nil {
		what := fmt.Sprintf("pin the application's source to that of %s, so that the next sync keeps it", r.ToName)
		if err := f.begin(ctx, c, ledger.Effect{Kind: ledger.EffectPin, What: what, Before: app.Sources, After: r.To.Sources}); err != nil {
			return Answer{}, err
		}
		e = c.effect(ledger.EffectPin)
	}
	if err := f.Deployer.Patch(ctx, app.Ref, patch); err != nil {
		if retriable(err) && !f.overdue(c) {
			return f.retry(ctx, c, err)
		}
		// The rollback stands and may heal; what is missing is told, and does not stop it.
		e.Refused = refusedForSure(err)
		c.tell(ledger.EventTrouble, "the source could not be pinned, the next sync brings %s back: %s", r.BadName, err)
		return f.goTo(ctx, c, ledger.StepSettle, 0)
	}
	if err := c.done(e, nil); err != nil {
		return Answer{}, err
	}
	return f.goTo(ctx, c, ledger.StepSettle, 0)
}

// pinPatch is the merge patch that makes spec.source(s) what want says, whatever they are now: what
// want lacks is set to null, and an array is replaced as a whole.
func pinPatch(now, want json.RawMessage) ([]byte, error) {
	return jsonpatch.CreateMergePatch(specOf(now), specOf(want))
}

func specOf(sources json.RawMessage) []byte {
	field := "source"
	if len(sources) > 0 && sources[0] == '[' {
		field = "sources"
	}
	return fmt.Appendf(nil, `{"spec":{%q:%s}}`, field, sources)
}
