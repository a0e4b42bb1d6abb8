# Everything that is done with this repository, by name. `make` alone lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
GOLANGCI_VERSION := v2.15.0
GUARDIAN := dist/guardian
CDK_VERSION := 2.1131.0
# need-node says in one line what AWS CDK says of these versions in a dozen.
CDK := JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=18,20 npx --yes aws-cdk@$(CDK_VERSION)
# cdk links AWS CDK: minutes and a gigabyte to build, and node to run. It has targets of its own.
PACKAGES = $$(go list ./... | grep -v '/cdk$$')

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

.PHONY: need-go
need-go:
	@command -v go >/dev/null || { echo "go is missing: install Go 1.26 or newer from your distribution or go.dev/dl"; exit 1; }

.PHONY: build
build: guardian functions ## build the guardian program and the functions for AWS into dist/

.PHONY: guardian
guardian: need-go ## build the guardian program alone
	@go build -ldflags '-s -w' -o $(GUARDIAN) ./cmd/guardian

.PHONY: functions
functions: need-go ## build the functions for AWS alone: dist/NAME/bootstrap and reproducible dist/NAME.zip
	@go run ./internal/bundle

.PHONY: demo
demo: guardian ## a bad flag and a bad release, undone before your eyes
	@$(GUARDIAN) demo

.PHONY: test
test: need-go ## all tests that need no other program
	@go test $(PACKAGES)

.PHONY: race
race: need-go ## the same under the race detector
	@go test -race $(PACKAGES)

.PHONY: lint
lint: need-go ## gofmt, go vet, golangci-lint
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "not formatted: run gofmt -w on"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	@go vet $(PACKAGES)
	@go vet -tags e2e ./internal/e2e/...
	@if command -v golangci-lint >/dev/null; then golangci-lint run $$(go list -f '{{.Dir}}' $(PACKAGES)); \
	else echo "golangci-lint is missing: go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)"; exit 1; fi

.PHONY: setup
setup: need-go ## install the pinned linter
	go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)

.PHONY: fuzz
fuzz: need-go ## fuzz every parser, FUZZTIME each (30s)
	@set -e; for pkg in $(PACKAGES); do for f in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
		echo "$$pkg $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(or $(FUZZTIME),30s) $$pkg; done; done

.PHONY: golden
golden: need-go ## rewrite golden files, scenarios, schema and policy reference; look at the diff
	@go test $$(git grep -l 'flag.Bool("update"' -- '*_test.go' | xargs -n1 dirname | sort -u | grep -vx cdk | sed 's|^|./|') -update

.PHONY: bench
bench: guardian ## Guardian's own cost, a storm, start and size; printed with machine and inputs
	@go run ./internal/bench

.PHONY: bench-judge
bench-judge: need-go ## Guardian's verdicts beside other rules', over the same simulated bakes
	@go run ./internal/bench/judge

.PHONY: e2e
e2e: need-go ## the alert flow on a real Argo CD, Prometheus and Alertmanager
	@go test -tags e2e -count=1 -parallel 6 -timeout 40m -v ./internal/e2e

.PHONY: e2e-ledger
e2e-ledger: need-go ## the ledger's contract and its large values on moto, races on dynalite
	@go test -tags e2e -count=1 -timeout 10m -v -run 'Ledger|Races' ./internal/e2e/aws

.PHONY: e2e-backtest
e2e-backtest: need-go ## backtest 90 days of 20 services in a real Prometheus
	@go test -tags e2e -count=1 -timeout 20m -v ./internal/e2e/backtest

.PHONY: e2e-flags
e2e-flags: need-go ## the flag stores' contract on a real Unleash, and on moto for S3
	@go test -tags e2e -count=1 -timeout 15m -v ./internal/e2e/flags

.PHONY: need-node
need-node:
	@command -v node >/dev/null || { echo "node is missing, which AWS CDK runs on: install Node.js 22 or newer from your distribution or nodejs.org"; exit 1; }
	@test "$$(node -p 'process.versions.node.split(".")[0]')" -ge 22 || echo "node $$(node --version) is older than what AWS CDK supports, and may do: install Node.js 22 or newer"

.PHONY: need-cdk
need-cdk: need-go need-node
	@command -v npx >/dev/null || { echo "npx is missing, which gets the CDK program: install npm from your distribution"; exit 1; }

.PHONY: test-cdk
test-cdk: need-go need-node ## what would be deployed: rights, variables, alarms, events (first build: minutes)
	@go vet ./cdk
	@go test ./cdk

.PHONY: golden-cdk
golden-cdk: need-go need-node ## rewrite the table of rights and the runbooks' table of alarms; look at the diff
	@go test ./cdk -update

.PHONY: bootstrap
bootstrap: need-cdk functions ## prepare an AWS account and region for CDK, once (first build: minutes)
	@$(CDK) bootstrap $(ARGS)

.PHONY: synth
synth: need-cdk ## write the CloudFormation template into cdk.out; ARGS='-c name=value' sets context
	@$(CDK) synth --quiet $(ARGS) && echo "written to cdk.out"

.PHONY: diff
diff: need-cdk ## what a deployment would change
	@$(CDK) diff $(ARGS)

.PHONY: deploy
deploy: need-cdk ## deploy to the AWS account and region of the environment (docs/deploy.md)
	@$(CDK) deploy $(ARGS)

.PHONY: destroy
destroy: need-cdk ## remove the stack; ledger and policy stay (docs/deploy.md)
	@$(CDK) destroy $(ARGS)

.PHONY: e2e-asl
e2e-asl: need-go ## the state machine, walked by ours, moto and aws-local-stepfunctions alike
	@go test -tags e2e -count=1 -timeout 10m -v -run StateMachineOpinions ./internal/e2e/aws

.PHONY: e2e-aws
e2e-aws: need-go ## the compiled functions behind a Runtime API, wired as the synthesised template says
	@go test -tags e2e -count=1 -timeout 30m -v -run Stack ./internal/e2e/aws

.PHONY: e2e-deploy
e2e-deploy: need-go ## synth, bootstrap, deploy, diff, upgrade, destroy and deploy again, by the CDK program on moto
	@go test -tags e2e -count=1 -timeout 20m -v ./internal/e2e/deploy

.PHONY: clean
clean: ## remove what was built
	rm -rf dist cdk.out
