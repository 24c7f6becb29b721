# What people and CI do here, a word each. `make` alone lists the words.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
MAKEFLAGS += --no-print-directory

# All tests and all checks are built with the same features, so that they share what is compiled.
FEATURES := --features kudos/failpoints
# Seconds that `make fuzz` runs, all targets together.
FUZZ_SECONDS ?= 60
export FUZZ_SECONDS

# The C code of dependencies, librdkafka above all: tests call it too little to be worth optimising,
# which would take another minute of one core.
test simulate server test-api test-web test-stack test-compose check-kubernetes check: export CFLAGS := -O0

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

.PHONY: run
run: ## Build and serve on 127.0.0.1:8080, with the data under ./kudos-data
	cargo run --release

.PHONY: build
build: ## Build the product, optimised: target/release/kudos
	cargo build --release

.PHONY: test
test: native ## Run every hermetic test: no server, no network
	cargo test --workspace $(FEATURES)

.PHONY: test-api
test-api: server ## Test the served API against its own description, and check its metrics
	tests/api/run.sh

.PHONY: test-web
test-web: server ## Test the page in a real browser
	scripts/test-web

.PHONY: fuzz
fuzz: ## Fuzz every parser of outside bytes for FUZZ_SECONDS (60)
	scripts/fuzz

# Runs that `make simulate` makes, from which seed on.
SEEDS ?= 10000
SEED ?= 0

.PHONY: simulate
simulate: native ## Run the suite under faults from SEEDS (10000) seeds, or replay SEED=n SEEDS=1
	KUDOS_SIMULATION_SEED=$(SEED) KUDOS_SIMULATION_RUNS=$(SEEDS) \
	  cargo test -p kudos-simulation every_run -- --nocapture

.PHONY: bench
bench: native ## Measure against the targets, and write docs/BENCHMARKS.md
	cargo run --release -p kudos-bench -- all

.PHONY: bench-degraded
bench-degraded: ## Measure what deadlines, breakers and the like add to a call
	cargo bench -p kudos-degraded --bench overhead

.PHONY: check
check: check-files check-deps check-stack check-alerts check-kubernetes check-code check-docs ## Check format, lints, dependencies, documents

# What compiling all of it takes beyond Rust; `make run` and `make build` take nothing.
.PHONY: native
native:
	scripts/native

# The debug server, built as `make test` builds it.
.PHONY: server
server: native
	cargo build --workspace --bins --tests $(FEATURES)

.PHONY: check-files
check-files:
	scripts/tidy
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check -- --config-path .

.PHONY: check-deps
check-deps:
	scripts/deny
	scripts/standalone

.PHONY: check-code
check-code: native
	cargo clippy --workspace --all-targets --all-features -- -D warnings

.PHONY: check-docs
check-docs: native
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --all-features --no-deps

# --- The stack -----------------------------------------------------------------------------------
# PROFILE=full (six Redis nodes, three of Cassandra), cluster (six Redis nodes, one of Cassandra) or
# small (one of each); REPLICAS=1 or 2 of each Redis master; PERSISTENCE=mix, aof or rdb is what Redis
# keeps on disk; PARTS are what `deploy/local/stack help` lists, all of them if none is named.
PROFILE ?=
REPLICAS ?=
PERSISTENCE ?=
PARTS ?=

.PHONY: stack-up
stack-up: ## Start the whole stack on this machine: PROFILE=full, cluster or small
	PROFILE=$(PROFILE) REPLICAS=$(REPLICAS) PERSISTENCE=$(PERSISTENCE) deploy/local/stack up $(PARTS)

.PHONY: stack-down
stack-down: ## Stop the stack; ARGS=--purge also removes what it kept and fetched
	deploy/local/stack down $(ARGS) $(PARTS)

.PHONY: stack-status
stack-status: ## Show what of the stack runs, where, and how it is
	deploy/local/stack status

.PHONY: stack-logs
stack-logs: ## Show the ends of the stack's logs
	deploy/local/stack logs

# Everything that needs the real engines: the adapters' suites, the services from outside, and the
# page and the API through the gateway. The engines are those of `make stack-up` if they run.
STACK_CRATES := kudos-cassandra kudos-redis kudos-kafka kudos-elastic kudos-suite

.PHONY: test-stack
test-stack: native ## Start the stack, and test everything on its real engines
	scripts/with-stack servers -- scripts/test-stack $(STACK_CRATES)

.PHONY: test-faults
test-faults: native ## Break the stack while likes arrive, and print what was seen; ROWS='05 10' for some
	scripts/test-faults $(ROWS)

.PHONY: drills
drills: native ## Have kudosctl break what it can, and write what it saw to docs/FAULTS.md
	PROFILE=$(or $(PROFILE),cluster) scripts/with-stack -- scripts/drills

.PHONY: test-backup
test-backup: native ## Save the truth while likes arrive, lose it, and bring it back
	PROFILE=small scripts/with-stack -- tests/backup/run.sh

.PHONY: test-restarts
test-restarts: native ## Restart Redis in each way, fail over, resize; write docs/OPERATIONS.md
	scripts/test-restarts

.PHONY: test-dashboard
test-dashboard: native ## Run the dashboard's queries on a Prometheus that watches the stack
	PROFILE=$(or $(PROFILE),cluster) scripts/with-stack -- scripts/with-prometheus scripts/test-dashboard

.PHONY: test-alerts
test-alerts: native ## Make every alert fire by its fault, on a Prometheus that watches the stack
	PROFILE=$(or $(PROFILE),cluster) scripts/with-stack -- scripts/with-prometheus scripts/test-alerts

.PHONY: test-opensearch
test-opensearch: native ## Run the tests of Elasticsearch's adapter on OpenSearch
	crates/elastic/tests/stack/opensearch

.PHONY: bench-stack
bench-stack: native ## Measure the suite on real engines, and write docs/BENCHMARKS-STACK.md
	scripts/bench-stack $(ARGS)

.PHONY: test-compose
test-compose: server ## Bring docker-compose.yml up with a real engine, like, break, like again
	tests/compose/run.sh

.PHONY: check-stack
check-stack:
	scripts/check-stack

.PHONY: check-alerts
check-alerts:
	scripts/check-alerts

# The programs read what Kubernetes would give them.
.PHONY: check-kubernetes
check-kubernetes: server
	scripts/check-kubernetes

.PHONY: test-kubernetes
test-kubernetes: ## Move a Redis cluster to other addresses, as Kubernetes moves pods
	tests/kubernetes/addresses.sh

.PHONY: clean
clean: ## Remove what was built and installed here; ./kudos-data stays
	cargo clean
	rm -rf fuzz/target web/test/node_modules .tools
