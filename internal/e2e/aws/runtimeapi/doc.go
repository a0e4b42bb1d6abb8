// Package runtimeapi runs compiled bootstraps as Lambda runs them: as processes with exactly the
// environment that a function is given, behind the Runtime API on loopback
// (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html). An instance handles one invocation at
// a time and is frozen between two; one that is still busy at its deadline is killed; one that ended is
// replaced at the next invocation. So a bootstrap that works here relies on nothing that Lambda does not
// give it.
package runtimeapi
