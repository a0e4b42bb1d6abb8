package flag

import "context"

// Store keeps feature flags. Its contract, which package flagtest checks on every store:
//
//   - Errors wrap one of this package's. After ErrUnavailable of a change, look whether it landed.
//   - Kill and Restore change one flag, and nothing of any other, whoever writes at the same time.
//   - Doing again what has been done is no error and writes nothing.
//   - All methods may be called at once from many goroutines.
type Store interface {
	// Flag reads one flag as it is now. ErrNotFound names some flags that there are.
	Flag(ctx context.Context, key string) (Definition, error)
	// All reads every flag.
	All(ctx context.Context) ([]Definition, error)
	// Kill makes every caller get the safe variant, if the flag is still as before says, and
	// returns it as written. ErrConflict: it is not. ErrNoVariant: it has no such variant.
	Kill(ctx context.Context, before Definition, safe string) (Definition, error)
	// Restore puts before back, if the flag is still as written says; else ErrConflict.
	Restore(ctx context.Context, before, written Definition) error
}
