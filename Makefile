# make help lists the targets. Nothing but Go and make is needed for most of
# them; those that need more say so.

GO ?= go

# The packages that everything else stands on.
CORE     := ./shm ./ring ./codec ./bus ./events
PORTABLE := ./codec ./ring ./bus ./bus/conformance ./shm ./events

# Bounds of the longer targets; override on the command line.
FUZZTIME  ?= 20s
FUZZ      ?= .
FUZZFLAGS ?=
BENCHTIME ?= 1s
DURATION  ?= 2s
COUNT     ?= 5
SEED      ?= 0
MODEL     ?= short
STRESS    ?= short

# Pinned, so that a new release of the linter cannot break an old commit.
GOLANGCI_VERSION := v2.15.0
GOLANGCI         := bin/golangci-lint-$(GOLANGCI_VERSION)
VULN_VERSION     := v1.1.4

# Everything must build without cgo; only the race detector asks for it.
export CGO_ENABLED = 0

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  %-12s  %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: demo
demo: ## real SIP calls and their RTP through three processes (KILL=mediad, CALLER=own)
	@KILL='$(KILL)' CALLER='$(CALLER)' scripts/demo.sh $(DEMOFLAGS)

.PHONY: test
test: ## every test, a minute of torture among them, then kill and freeze at each step of the protocol
	$(GO) test ./...
	$(GO) test -tags failpoint ./ring ./bus

.PHONY: mutants
mutants: ## seeded bugs, each of which must be caught by the test that it names
	@GO='$(GO)' scripts/mutants.sh $(MUTANTS)

.PHONY: race
race: ## the core's tests under the race detector (needs a C compiler; STRESS=long for all of each test)
	@command -v "$${CC:-gcc}" >/dev/null || { \
		echo "make race: the race detector needs cgo, and cgo a C compiler; install gcc and libc6-dev, or name yours in CC" >&2; exit 1; }
	CGO_ENABLED=1 $(GO) test -race $(if $(filter long,$(STRESS)),-timeout=60m,-short) $(CORE) ./bus/conformance

.PHONY: torture
torture: DURATION = 10m
torture: ## kill and freeze processes at random, and account for every event (DURATION=10m SEED=n)
	$(GO) build -o bin/shmtorture ./cmd/shmtorture
	bin/shmtorture -duration $(DURATION) -seed $(SEED)

.PHONY: soak
soak: DURATION = 1h
soak: ## a steady rate with restarts, for an hour: nothing grows; a chart goes to docs
	$(GO) build -o bin/shmtorture ./cmd/shmtorture
	bin/shmtorture soak -duration $(DURATION) -seed $(SEED) -csv docs/soak.csv
	$(GO) run ./internal/torture/chart docs/soak.csv docs/soak.svg

.PHONY: stress
stress: ## the failpoint suites and the stress tests, COUNT times over, on one core and on all
	$(GO) test -tags failpoint -count=$(COUNT) -timeout=60m ./ring ./bus
	$(GO) test -count=$(COUNT) -shuffle=on -timeout=60m $(CORE)
	GOMAXPROCS=1 $(GO) test -count=1 -shuffle=on -timeout=60m $(CORE)

.PHONY: model
model: ## the checked models of the protocol (MODEL=long for wider bounds; needs spin and gcc)
	@scripts/model.sh $(MODEL)

.PHONY: fuzz
fuzz: ## every fuzz target, each for FUZZTIME (FUZZ=pattern for some, JOBS=n at once)
	@GO='$(GO)' FUZZFLAGS='$(FUZZFLAGS)' scripts/fuzz.sh $(FUZZTIME) '$(FUZZ)'

.PHONY: bench
bench: ## benchmarks of the core, then of whole processes
	$(GO) test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) $(CORE)
	$(GO) build -o bin/shmbench ./cmd/shmbench
	bin/shmbench seed -duration $(DURATION)
	bin/shmbench fanout -duration $(DURATION)
	bin/shmbench pingpong -duration $(DURATION) -wait spin
	bin/shmbench pingpong -duration $(DURATION) -wait park

.PHONY: report
report: ## every workload, and one page of all: out/report.html, out/report.png; some ten minutes
	@scripts/report.sh

.PHONY: bench-check
bench-check: ## ratios of a short list of workloads beside stored ones, by hand, on a quiet machine
	$(GO) build -o bin/shmbench ./cmd/shmbench
	bin/shmbench check

.PHONY: bench-ratios
bench-ratios: ## stores the ratios that bench-check compares with
	$(GO) build -o bin/shmbench ./cmd/shmbench
	@mkdir -p bench
	bin/shmbench check -store

.PHONY: bench-peers
bench-peers: ## the bus beside what one could use in its place; 12 minutes; see bench/peers
	@scripts/bench-peers.sh

.PHONY: vet
vet: ## go vet, also of what other builds see
	$(GO) vet ./...
	$(GO) vet -tags failpoint $(CORE)
	GOARCH=arm64 $(GO) vet ./...
	GOOS=darwin $(GO) vet $(PORTABLE)
	GOOS=windows $(GO) vet $(PORTABLE)

.PHONY: lint
lint: $(GOLANGCI) vet ## gofmt, go vet and golangci-lint
	@unformatted="$$("$$($(GO) env GOROOT)/bin/gofmt" -l .)"; if [ -n "$$unformatted" ]; then \
		echo "not formatted (run gofmt -w):" >&2; echo "$$unformatted" >&2; exit 1; fi
	$(GOLANGCI) run ./...

$(GOLANGCI):
	@echo "building golangci-lint $(GOLANGCI_VERSION), once; it takes some minutes"
	@mkdir -p bin
	GOBIN="$(CURDIR)/bin" $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	@mv bin/golangci-lint $@

.PHONY: vuln
vuln: ## known vulnerabilities in what the code calls (needs the vulnerability database)
	@GO='$(GO)' scripts/vuln.sh $(VULN_VERSION)

.PHONY: cross
cross: ## builds without cgo for linux/amd64 and linux/arm64; vet for darwin and windows
	GOOS=linux GOARCH=amd64 $(GO) build ./...
	GOOS=linux GOARCH=arm64 $(GO) build ./...
	GOOS=darwin $(GO) vet $(PORTABLE)
	GOOS=windows $(GO) vet $(PORTABLE)

.PHONY: ci
ci: ## what a build server runs
	@.ci/run

.PHONY: clean
clean: ## remove what the other targets leave behind
	rm -rf bin/shmbench bin/shmtop bin/shmtorture out model/work
