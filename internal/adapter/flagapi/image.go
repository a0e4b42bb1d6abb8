package flagapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cinegit/guardian/internal/flag"
)

// Image writes what a store says of a flag as a before-image, the same bytes for the same content.
func Image(feature any) (json.RawMessage, error) {
	text, err := json.Marshal(feature)
	if err != nil {
		return nil, fmt.Errorf("%w: encode the flag: %w", flag.ErrInvalid, err)
	}
	return flag.Canonical(text), nil
}

// Same compares what a store says of a flag at two times by content.
func Same(a, b any) bool {
	one, errOne := Image(a)
	other, errOther := Image(b)
	return errOne == nil && errOther == nil && bytes.Equal(one, other)
}

// Restored says of which flag a restore failed. A flag that is gone was changed by somebody else.
func Restored(key string, err error) error {
	if errors.Is(err, flag.ErrNotFound) {
		err = fmt.Errorf("%w: %w", flag.ErrConflict, err)
	}
	if err != nil {
		return fmt.Errorf("restore flag %s: %w", key, err)
	}
	return nil
}
