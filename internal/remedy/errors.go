package remedy

import "errors"

// ErrNotAsking means that an incident waits for no approval (any more).
var ErrNotAsking = errors.New("waits for no approval")

// ErrCannotUndo means that what Guardian changed is not as it left it, or not its to undo.
var ErrCannotUndo = errors.New("cannot be undone by Guardian")
