# `make demo` and `make test` are all that a fresh clone needs; `make` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo test e2e lint onnxruntime deps

ARGS ?=

# The library that `make onnxruntime` provides; a path of your own takes its place.
export ORT_DYLIB_PATH ?= $(CURDIR)/.cache/onnxruntime/libonnxruntime.so

CARGO_DENY_VERSION := 0.20.2
CARGO_DENY := .cache/cargo-deny-$(CARGO_DENY_VERSION)/bin/cargo-deny

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: deps onnxruntime ## the whole worker on embedded servers, with a small catalogue; options in ARGS="..."
	@cargo run --quiet -- demo --out target/demo $(ARGS)

test: deps onnxruntime ## every test that needs no server
	@cargo test $(ARGS)
	@python3 -m unittest discover --quiet --start-directory tools/e2e

e2e: deps onnxruntime ## two replicas against a real Kafka, S3 and Qdrant; logs in target/e2e
	@tools/deps.sh e2e
	@cargo build
	@python3 tools/e2e $(ARGS)

lint: deps $(CARGO_DENY) ## formatting, lints, and the licences and sources of dependencies
	@cargo fmt --check
	@cargo clippy --all-targets -- -D warnings
	@$(CARGO_DENY) --log-level error check licenses bans sources

onnxruntime: deps ## ONNX Runtime's library, pinned and checked, into .cache
	@python3 tools/onnxruntime.py

deps: ## the Debian packages that a build needs
	@tools/deps.sh build

# Built without optimisation: a minute and a half on two cores, and it reads this tree in seconds.
$(CARGO_DENY):
	@cargo install cargo-deny --version $(CARGO_DENY_VERSION) --locked --debug --quiet --root .cache/cargo-deny-$(CARGO_DENY_VERSION)
