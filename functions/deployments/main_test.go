package main

import (
	"testing"

	"github.com/cinegit/guardian/internal/lambdakit/kittest"
)

func TestItReadsExactlyTheVariablesThatItIsListedWith(t *testing.T) {
	kittest.New(t, kittest.Policy, kittest.Secrets()).Reads(t, "deployments", build)
}
