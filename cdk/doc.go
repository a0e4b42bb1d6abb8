// Command cdk describes Guardian on AWS: one stack for one account and region.
//
//	make synth diff deploy destroy
//
// Each concern has its file: who may do what is in rights.go and nowhere else, what a policy names and so
// which secrets and flags a function reaches in policy.go, alarms in alarms.go with a page each in
// docs/runbooks. Context (cdk.json, or -c name=value) sets what config.go reads.
package main
