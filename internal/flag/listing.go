package flag

import (
	"fmt"
	"slices"
	"strings"
)

// Listing names a few of many, for messages.
func Listing(names []string) string {
	const most = 20
	names = slices.Sorted(slices.Values(names))
	switch {
	case len(names) == 0:
		return "none"
	case len(names) > most:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
