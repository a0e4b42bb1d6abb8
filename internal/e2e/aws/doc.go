// Package aws proves what keeps Guardian's state on AWS against programs that stand in for it. Its tests
// have the build tag e2e:
//
//	make e2e-ledger
//
// moto (pip) has the ledger's whole contract run against it, one request at a time, since it answers
// transactions that race wrongly, and serves the policy's object. dynalite (npm) is a second opinion on
// conditional writes that race. With GUARDIAN_E2E_DYNAMODB=1 the contract also runs on DynamoDB itself, in
// the account and region of the environment, in tables guardian-e2e-… that are deleted again.
package aws
