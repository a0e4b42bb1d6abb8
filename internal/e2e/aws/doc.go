// Package aws proves Guardian on AWS against programs that stand in for it. Its tests have the build tag e2e.
//
//	make e2e-ledger   the ledger's contract on moto, races on dynalite
//	make e2e-asl      the state machine, walked by package workflow, moto and aws-local-stepfunctions alike
//	make e2e-aws      the stack as it would be deployed
//
// moto (pip) has the ledger's whole contract run against it, one request at a time, since it answers
// transactions that race wrongly, and serves the policy's object. dynalite (npm) is a second opinion on
// conditional writes that race. With GUARDIAN_E2E_DYNAMODB=1 the contract also runs on DynamoDB itself, in
// the account and region of the environment, in tables guardian-e2e-… that are deleted again.
//
// For the stack the functions are compiled, and cdk synthesises its template from them (node is needed).
// Everything comes from that template: the executables, their environment, timeouts and concurrency, event
// source mappings, subscriptions, schedule, queues, table, bus with its archive and rules, state machine, and
// who may call what.
//
//	Function URLs, SNS, SQS, stream, schedule (sources)
//	    ─▶ bootstraps behind the Runtime API (runtimeapi)
//	        ─▶ one endpoint that knows roles and policies (cloud) ─▶ moto, or the workflow runner as Step Functions
//	        ─▶ sandboxes of Argo CD and Prometheus; in one test Argo CD itself
//
// Any call that a role of the template does not allow fails the test, as does a source that the policy of a
// function, queue or topic does not admit. What is not as in the template: queues show a message again after
// 2 s, the schedule ticks when a test says so, a deadline comes when a test says so, Lambda's pauses between
// asynchronous tries are none, and CPU is not shared out by memory. With GUARDIAN_E2E_STACK=FOLDER what was
// built is kept there and taken the next time; with GUARDIAN_E2E_LOGS=FOLDER so are the logs of functions in
// tests that fail.
package aws
