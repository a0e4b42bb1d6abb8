// Package asl holds the state machines: the same files run on AWS Step Functions and in process.
package asl

import _ "embed"

// Remediation is the state machine of the alert flow.
//
//go:embed remediation.asl.json
var Remediation []byte
