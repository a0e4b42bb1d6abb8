package deploy

import "errors"

// What can go wrong with a call to Argo CD, by what the caller should do next. Adapters wrap the
// sender's words with one of these; test with errors.Is.
var (
	// ErrDenied: the token lacks the right, or the application is not there (Argo CD answers both
	// alike). Trying again does not help.
	ErrDenied = errors.New("denied by Argo CD")
	// ErrUnauthenticated: no token, or not a valid one. A rotated token may cure it.
	ErrUnauthenticated = errors.New("not authenticated at Argo CD")
	// ErrNotFound: no such application in the named project.
	ErrNotFound = errors.New("no such Argo CD application")
	// ErrBusy: another operation is in progress.
	ErrBusy = errors.New("another operation is in progress")
	// ErrAutoSync: refused because auto-sync is on.
	ErrAutoSync = errors.New("auto-sync is on")
	// ErrGone: the history no longer has the entry.
	ErrGone = errors.New("the history entry is gone")
	// ErrUnavailable: not reachable or timed out. A change may have landed all the same: look first.
	ErrUnavailable = errors.New("Argo CD is not reachable")
	// ErrRefused: Argo CD understood and said no; the wrapped text says why.
	ErrRefused = errors.New("refused by Argo CD")
)
