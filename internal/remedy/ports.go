package remedy

import (
	"context"

	"github.com/cinegit/guardian/internal/deploy"
	"github.com/cinegit/guardian/internal/flag"
	"github.com/cinegit/guardian/internal/ledger"
)

// Deployer is Argo CD. Every method returns within its connection's timeout and wraps one of
// package deploy's errors. ErrUnavailable after a change says nothing of whether it landed.
type Deployer interface {
	// Application reads the application as it is now, with its project filled in.
	Application(ctx context.Context, ref deploy.Ref) (deploy.Application, error)
	// SyncAllowed tells whether sync windows let an operation run now, and if not, why.
	SyncAllowed(ctx context.Context, ref deploy.Ref) (allowed bool, why string, err error)
	// Rollback asks for history entry id. It returns once Argo CD has taken the operation.
	Rollback(ctx context.Context, ref deploy.Ref, id int64, prune bool) error
	// Terminate asks Argo CD to end the operation in progress; none in progress is no error.
	Terminate(ctx context.Context, ref deploy.Ref) error
	// Patch applies an RFC 7386 merge patch to the Application resource.
	Patch(ctx context.Context, ref deploy.Ref, mergePatch []byte) error
}

// Flags is the store of feature flags. Methods wrap one of package flag's errors.
type Flags interface {
	// Flag reads one flag as it is now.
	Flag(ctx context.Context, key string) (flag.Definition, error)
	// Kill makes every caller get the safe variant, if the flag is still as before says, and
	// returns it as written. flag.ErrConflict: it is not, and nothing was written.
	Kill(ctx context.Context, before flag.Definition, safe string) (flag.Definition, error)
	// Restore puts before back, if the flag is still as written says; else flag.ErrConflict.
	Restore(ctx context.Context, before, written flag.Definition) error
	// Serving evaluates the flag as an application would, with no targeting context.
	Serving(ctx context.Context, key string) (variant string, err error)
}

// Switch is Guardian's own switch, itself a feature flag: may it act on this target at all?
type Switch interface {
	MayAct(ctx context.Context, target ledger.Target) (may bool, why string)
}
