// Package flagapi is what the adapters of flag services have in common: a call of a JSON API, and
// the words of package flag for what such a service and AWS answer.
package flagapi
