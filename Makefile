# `make test` and `make demo` install what is missing and say so. Builds go to one directory shared by all of them
# (see scripts/prepare), because RocksDB takes minutes to compile.

SHELL := /bin/bash
PREPARED := source scripts/prepare &&

# Where the demo puts its store.
DIR ?= asof-demo
# Seconds of fuzzing a target.
SECONDS_EACH ?= 60

.PHONY: demo test torture loom miri wheel fuzz bench scoreboard audit fmt

demo: ## real flights from files to a correct training set
	@$(PREPARED) build_asof && "$$CARGO_TARGET_DIR/debug/asof" demo $(DIR)

test: ## everything that CI checks
	@bash .ci/run

torture: ## the long runs of the tests of faults, with a table at the end; TORTURE_ARGS go to the program: parts, --seed N
	@$(PREPARED) build_asof --bin torture && "$$CARGO_TARGET_DIR/debug/torture" $(TORTURE_ARGS)

loom: ## every order of the steps of what is synchronised by hand
	@bash scripts/loom

miri: ## undefined behaviour in the unsafe code that Miri can run; needs a nightly toolchain with miri
	@bash scripts/miri

wheel: ## the Python package, in release, with RocksDB as the tests have built it
	@bash scripts/wheel

fuzz: ## with cargo-fuzz where it is installed; otherwise the same bodies with random input
	@bash scripts/fuzz $(SECONDS_EACH)

bench: ## in release; BENCH_ARGS go to cargo bench
	@bash scripts/bench $(BENCH_ARGS)

scoreboard: ## asofdb beside its peers; SCOREBOARD_ARGS go to scripts/scoreboard: --quick, --full, --docs
	@bash scripts/scoreboard $(SCOREBOARD_ARGS)

audit: ## advisories, licences, crates and sources
	@$(PREPARED) { command -v cargo-deny >/dev/null || { say "installing cargo-deny" && cargo install -q cargo-deny --locked; }; } \
		&& cargo deny check advisories bans licenses sources

fmt:
	@$(PREPARED) cargo fmt --all
