// Package deploy proves that the stack can be deployed: the targets of the Makefile run the real CDK program
// (npm) on moto's CloudFormation, and what stands afterwards is compared with the template. Its test has
// the build tag e2e:
//
//	make e2e-deploy
//
// The CDK program and the node that it runs on come from npm the first time and are kept in the user's
// cache. moto is taught by moto/sitecustomize.py what its CloudFormation lacks. What moto 5.2.1 still does
// not do, and so is proved by the template's own tests alone: a bucket's policy and encryption, the table's backups,
// a function's architecture, log group and tracing, roles' limits, AWS::CDK::Metadata; change sets do not
// tell changes (diff compares templates) and know nothing of a parameter's previous value.
package deploy
