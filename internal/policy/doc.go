// Package policy reads guardian.yaml: what Guardian watches, what it may do there, and within
// which limits. Reading is strict, and every mistake is told with file:line:column, the line
// itself and the fix.
package policy
