// Package remedytest is an Argo CD in memory that tests of the alert flow can run on without linking
// Argo CD's client. It keeps what the flow must cope with: operations that take time, health that is
// stale after them, history, auto-sync, sync windows, rights, owners, and calls that fail before or
// after they landed.
package remedytest
