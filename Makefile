# hashgate: the commands of the house. `make` alone lists them.
#
# One profile, release, serves them all, so that RocksDB's C++ is compiled once; only `make quick`, which
# needs no RocksDB, has one of its own. No compiler variable is changed: `cargo build --release` by hand
# shares the build.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Debian's compiler wrappers, where ccache is installed.
export PATH := $(if $(wildcard /usr/lib/ccache),/usr/lib/ccache:)$(PATH)
export CARGO_TARGET_DIR ?= $(CURDIR)/target
# Real test data, where it is at hand.
export HASHGATE_TEST_DATA ?= $(CURDIR)/../shared/data

CARGO_FLAGS := --release --locked
# Everything: the full command, with the store and its C++.
ALL := $(CARGO_FLAGS) --all-features
# The small command: no store, no C++.
SMALL := $(CARGO_FLAGS) --no-default-features --features cli
# Both commands are built to this file: the last one built is the one there.
PROGRAM := $(CARGO_TARGET_DIR)/release/hashgate

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Check what the small command needs, a linker; install it where that can be done
	@tools/setup

.PHONY: setup-full
setup-full: ## Check what the full command needs, C++ and libclang; install it where that can be done
	@tools/setup --full

.PHONY: build
build: setup-full ## Build the full command, with banks and their store
	cargo build $(ALL)

.PHONY: build-small
build-small: setup ## Build the small command in its place: no store, no C++
	cargo build $(SMALL)

.PHONY: demo
demo: build-small ## The main job on the pictures in examples/, with the small command
	@tools/demo

.PHONY: demo-banks
demo-banks: build ## What the store adds: a bank, published, and the same pictures
	@tools/demo-banks

.PHONY: quick
quick: setup ## Unit tests of the library, default features, in seconds after a change
	cargo test --profile quick --locked --lib

.PHONY: test
test: setup-full ## All tests of all features, documentation examples included
	cargo test $(ALL)

.PHONY: bench
bench: setup-full ## All benchmarks; each asserts its answers
	cargo bench --profile release --locked --all-features --bench '*'

.PHONY: bench-once
bench-once: setup-full ## Each benchmark once, for its assertions only
	cargo bench --profile release --locked --all-features --bench '*' -- --test

.PHONY: man
man: build ## Manual pages of the full command, one for each subcommand: target/man
	@rm -rf $(CARGO_TARGET_DIR)/man
	@$(PROGRAM) man $(CARGO_TARGET_DIR)/man
	@echo "man: $$(ls $(CARGO_TARGET_DIR)/man | wc -l) pages in $(CARGO_TARGET_DIR)/man: man -l $(CARGO_TARGET_DIR)/man/hashgate.1"

SHELLS := bash elvish fish powershell zsh

.PHONY: completions
completions: build ## What shells need to complete the full command's words: target/completions
	@mkdir -p $(CARGO_TARGET_DIR)/completions
	@for shell in $(SHELLS); do \
		$(PROGRAM) completions $$shell > $(CARGO_TARGET_DIR)/completions/hashgate.$$shell; \
	done
	@echo "completions: hashgate.{$(SHELLS)} in $(CARGO_TARGET_DIR)/completions; 'hashgate completions --help' says where they go"

# The corpus of the book's table (docs/src/recall.md), and the list that wrong flags are counted against.
CORPUS ?= $(HASHGATE_TEST_DATA)/photos
BENIGN ?= $(HASHGATE_TEST_DATA)/benign_pdq.tsv
# What people saw who looked at pairs of them.
LOOKED_AT ?= benches/robustness/looked_at.tsv

.PHONY: robustness
robustness: build ## The book's table of what is found: CORPUS=folder BENIGN=list
	@$(PROGRAM) evaluate --corpus $(CORPUS) --benign $(BENIGN) \
		--looked-at $(LOOKED_AT) --modifications quick \
		--variants none --variants standard --variants thorough --format markdown

.PHONY: peers
peers: build ## The whole pipeline beside the same job in Python, in one run
	@benches/peers/run

.PHONY: peers-gate
peers-gate: build ## The gate with its guesses beside Pillow, pdqhash and faiss, by the size of the list
	@benches/peers/gate

.PHONY: peers-search
peers-search: build ## Searching beside faiss, usearch and python-threatexchange, in one run
	@benches/peers/search

.PHONY: peers-service
peers-service: build ## The service beside a Flask service that does as HMA does
	@benches/peers/service

.PHONY: peers-import
peers-import: build ## Importing and publishing a list beside python-threatexchange
	@benches/peers/import

.PHONY: wheel
wheel: setup ## The wheel for Python, and where it lies
	@tools/python wheel

.PHONY: test-python
test-python: build ## The wheel's own tests, in an environment outside the project
	@tools/python test

.PHONY: test-fleet
test-fleet: build ## Its jobs on Spark and Ray, while parts of them are killed; needs Java
	@tools/python fleet

.PHONY: test-objects
test-objects: setup-full ## Publishing to a real object store, which it starts, and following it
	@tools/object-store

.PHONY: check
check: setup-full ## Format, lints, documentation, licences and advisories
	cargo fmt --all --check
	cargo clippy $(ALL) --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc $(ALL) --no-deps
	@if command -v cargo-deny >/dev/null; then \
		cargo deny --locked --workspace --all-features check --hide-inclusion-graph; \
	else \
		echo "check: cargo-deny is not installed: 'cargo install --locked cargo-deny'" >&2; exit 1; \
	fi

# `none` is the library with no feature at all.
FEATURES := none decode jxl heic isolated avif scan evaluate policy store curation cli exchange service otlp tls fleet full

EACH := $(addprefix feature-,$(FEATURES))

.PHONY: features $(EACH)
features: $(EACH) ## Each feature alone builds, without a warning

$(EACH): feature-%: setup-full
	cargo clippy $(CARGO_FLAGS) --no-default-features --features '$(filter-out none,$*)' -- -D warnings

.PHONY: fmt
fmt: ## Format all code
	cargo fmt --all

.PHONY: clean
clean: ## Remove what was built for this crate; RocksDB's build stays
	cargo clean --release -p hashgate
	cargo clean --profile quick -p hashgate

.PHONY: clean-all
clean-all: ## Remove all that was built, RocksDB too
	cargo clean
