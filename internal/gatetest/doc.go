// Package gatetest answers whether a gate can fail: imaginary releases are spread over the recent
// traffic of a service, as it was and with a regression put in, and judged as real ones would be.
// Asking apart, everything here is pure, and chance comes from a seed.
package gatetest
