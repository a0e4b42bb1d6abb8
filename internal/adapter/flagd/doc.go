// Package flagd keeps feature flags in a flagd definition document
// (https://flagd.dev/reference/flag-definitions/): one on disk, or one that another Source keeps.
//
// Only the members of the one flag that is changed are touched; everything else of the document
// stays byte for byte. A document is replaced only if it is then still what the change was computed
// from; else the change is computed anew.
//
// On disk a document is changed by writing a new file beside it and renaming it into place, under a
// lock that every Guardian takes. Writers that do not take the lock are therefore safe up to the
// moment of the rename: only what one writes in the microseconds between the last comparison and
// the rename is replaced, as no portable call compares and renames in one (Linux' RENAME_EXCHANGE
// would tell, but flagd's file watcher does not notice it). A writer that replaces our change in its
// turn is found by reading the document back.
package flagd
