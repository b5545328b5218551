# `make demo` and `make test` are all that a fresh clone needs; `make` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo test simulate soak compare e2e churn lint deploy-check deploy-rehearse bench-similarity bench-rank bench-encoder bench-gpu bench-augmentation parity onnxruntime deps

ARGS ?=
# Of the simulation; those of `make test` come before.
SEEDS ?= 1000..101000

# The library that `make onnxruntime` provides; a path of your own takes its place.
export ORT_DYLIB_PATH ?= $(CURDIR)/.cache/onnxruntime/libonnxruntime.so

CARGO_DENY_VERSION := 0.20.2
CARGO_DENY := .cache/cargo-deny-$(CARGO_DENY_VERSION)/bin/cargo-deny

# numpy and scipy for `make compare`, apart from whatever else Python has. Compiled
# packages belong to one version of Python.
PYTHON_VERSION := $(shell python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
SCIPY := .cache/scipy-python$(PYTHON_VERSION)

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: deps onnxruntime ## the whole worker on embedded servers, with a small catalogue; options in ARGS="..."
	@cargo run --quiet -- demo --out target/demo $(ARGS)

test: deps onnxruntime ## every test that needs no server
	@cargo test $(ARGS)
# Apart: together, the features they ask of common dependencies would have these built twice.
	@cargo test --package set-similarity --package list-maintenance --package pixel-resample $(ARGS)
	@python3 -m unittest discover --quiet --start-directory tools/e2e
	@python3 -m unittest discover --quiet --start-directory tools/bench_similarity
	@python3 -m unittest discover --quiet --start-directory tools/bench_rank
	@python3 -m unittest discover --quiet --start-directory tools/bench_encoder
	@python3 -m unittest discover --quiet --start-directory tools/clip
	@python3 -m unittest discover --quiet --start-directory tools/parity
	@python3 -m unittest discover --quiet --start-directory tools/deploy
# With ARGS only some tests are wanted.
ifeq ($(strip $(ARGS)),)
	@if $(MAKE) --no-print-directory $(SCIPY)/.complete; then \
		$(MAKE) --no-print-directory compare; \
	else \
		echo "left out, for want of numpy and scipy: the comparison of lookalike score with scipy" >&2; \
	fi
endif

SIMULATION := cargo test --quiet --test it simulation::every_seed_ends_with_right_lists -- --exact --nocapture

simulate: deps ## one seed of the simulation, with everything that happens in it: SEED=n
	@LOOKALIKE_SEED=$(if $(SEED),$(SEED),$(error SEED=n says which)) $(SIMULATION)

soak: deps ## many seeds of the simulation: SEEDS=from..to
	@LOOKALIKE_SEEDS=$(SEEDS) $(SIMULATION)

compare: deps $(SCIPY)/.complete ## `lookalike score` against scipy, on 10,000 random matrices
	@cargo build --quiet
	@PYTHONPATH=$(SCIPY) python3 tools/compare_assignment.py $${CARGO_TARGET_DIR:-target}/debug/lookalike

e2e: deps onnxruntime ## two replicas against a real Kafka, S3 and Qdrant; logs in target/e2e
	@tools/deps.sh e2e
	@cargo build
	@python3 tools/e2e $(ARGS)

churn: deps onnxruntime ## ten minutes of random changes and faults on real servers; options in ARGS="..."
	@tools/deps.sh e2e
	@cargo build
	@python3 tools/e2e/churn_run.py $(ARGS)

lint: deps $(CARGO_DENY) ## formatting, lints, and the licences and sources of dependencies
	@cargo fmt --check
	@cargo clippy --workspace --all-targets -- -D warnings
	@cargo check --quiet --manifest-path fuzz/Cargo.toml --no-default-features
	@$(CARGO_DENY) --log-level error check licenses bans sources

deploy-check: deps onnxruntime ## images, compose, chart, rules and dashboard, by their own tools
	@tools/deps.sh deploy
	@cargo build --quiet
	@python3 tools/deploy $(ARGS)

deploy-rehearse: deps ## the build commands of deploy/Dockerfile in a plain directory: a release build
	@python3 tools/deploy/rehearse.py $(ARGS)

bench-similarity: deps ## set similarity against NumPy, SciPy and lapx: figures into docs/performance.md
	@python3 tools/bench_similarity $(ARGS)

bench-rank: deps onnxruntime ## role rank under steady change, hot articles, fan-out: figures into docs/performance.md
	@python3 tools/bench_rank $(ARGS)

bench-encoder: deps onnxruntime ## pictures to vectors against raw ONNX Runtime and peers: figures into docs/encoders.md
	@python3 tools/bench_encoder $(ARGS)

bench-gpu: deps ## the same on a CUDA GPU; says what it needs: figures into docs/encoders.md
	@python3 tools/bench_encoder/gpu.py $(ARGS)

bench-augmentation: deps onnxruntime ## what stored variants cost: figures into docs/encoders.md
	@python3 tools/bench_encoder/augmentation.py $(ARGS)

parity: deps onnxruntime ## pixels, embeddings and ids against Pillow, Hugging Face, open_clip: into docs/encoders.md
	@python3 tools/parity $(ARGS)

onnxruntime: deps ## ONNX Runtime's library, pinned and checked, into .cache
	@python3 tools/onnxruntime.py

deps: ## the Debian packages that a build needs
	@tools/deps.sh build

$(SCIPY)/.complete: tools/requirements-similarity.txt | deps
	@rm -rf $(SCIPY)
	@PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --disable-pip-version-check \
		--only-binary=:all: --target $(SCIPY) --requirement tools/requirements-similarity.txt
	@touch $@

# Built without optimisation: a minute and a half on two cores, and it reads this tree in seconds.
$(CARGO_DENY):
	@cargo install cargo-deny --version $(CARGO_DENY_VERSION) --locked --debug --quiet --root .cache/cargo-deny-$(CARGO_DENY_VERSION)
