# hashgate: the commands of the house. `make` alone lists them.
#
# One profile, release, serves them all, so that RocksDB's C++ is compiled once. No compiler
# variable is changed: `cargo build --release` by hand shares the build.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Debian's compiler wrappers, where ccache is installed.
export PATH := $(if $(wildcard /usr/lib/ccache),/usr/lib/ccache:)$(PATH)
export CARGO_TARGET_DIR ?= $(CURDIR)/target
# Real test data, where it is at hand.
export HASHGATE_TEST_DATA ?= $(CURDIR)/../shared/data

CARGO_FLAGS := --release --locked
ALL := $(CARGO_FLAGS) --all-features

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Check what the build needs; install it where that can be done
	@tools/setup

.PHONY: build
build: setup ## Build the program and the library
	cargo build $(CARGO_FLAGS)

.PHONY: demo
demo: build ## The main job on the pictures in examples/
	@tools/demo

.PHONY: test
test: setup ## All tests, documentation examples included
	cargo test $(ALL)

.PHONY: bench
bench: setup ## All benchmarks; each asserts its answers
	cargo bench --profile release --locked --all-features --bench '*'

.PHONY: bench-once
bench-once: setup ## Each benchmark once, for its assertions only
	cargo bench --profile release --locked --all-features --bench '*' -- --test

# The corpus of the README's table, and the list that wrong flags are counted against.
CORPUS ?= $(HASHGATE_TEST_DATA)/photos
BENIGN ?= $(HASHGATE_TEST_DATA)/benign_pdq.tsv
# What people saw who looked at pairs of them.
LOOKED_AT ?= benches/robustness/looked_at.tsv

.PHONY: robustness
robustness: build ## The README's table of what is found: CORPUS=folder BENIGN=list
	@$(CARGO_TARGET_DIR)/release/hashgate evaluate --corpus $(CORPUS) --benign $(BENIGN) \
		--looked-at $(LOOKED_AT) --modifications quick \
		--variants none --variants standard --variants thorough --format markdown

.PHONY: peers
peers: build ## The whole pipeline beside the same job in Python, in one run
	@benches/peers/run

.PHONY: peers-search
peers-search: build ## Searching beside faiss, usearch and python-threatexchange, in one run
	@benches/peers/search

.PHONY: peers-import
peers-import: build ## Importing and publishing a list beside python-threatexchange
	@benches/peers/import

.PHONY: check
check: setup ## Format, lints, documentation, licences and advisories
	cargo fmt --check
	cargo clippy $(ALL) --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc $(ALL) --no-deps
	@if command -v cargo-deny >/dev/null; then \
		cargo deny --locked --all-features check --hide-inclusion-graph; \
	else \
		echo "check: cargo-deny is not installed: 'cargo install --locked cargo-deny'" >&2; exit 1; \
	fi

.PHONY: features
features: setup ## Each feature alone builds
	cargo check $(CARGO_FLAGS) --no-default-features
	cargo check $(CARGO_FLAGS) --no-default-features --features decode
	cargo check $(CARGO_FLAGS) --no-default-features --features evaluate
	cargo check $(CARGO_FLAGS) --no-default-features --features policy
	cargo check $(CARGO_FLAGS) --no-default-features --features store
	cargo check $(CARGO_FLAGS) --no-default-features --features cli

.PHONY: fmt
fmt: ## Format all code
	cargo fmt

.PHONY: clean
clean: ## Remove what was built for this crate; RocksDB's build stays
	cargo clean --release -p hashgate

.PHONY: clean-all
clean-all: ## Remove all that was built, RocksDB too
	cargo clean
