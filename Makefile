# Two commands: `make demo` and `make test`. Both set up what they need, say so, and are quick the second time.
PYTHON ?= python3
VENV := .sandbox/venv
STAMP := $(VENV)/.stamp-$(shell cat sandbox/requirements.txt sandbox/setup.sh | sha256sum | cut -c1-16)
PORT ?= 4566
TURNS ?= 1000
KILLS ?= 20
SEED ?= 1

# What runs in tenants' containers needs no shared libraries of theirs.
STATIC := $(shell uname -m)-unknown-linux-gnu

.PHONY: help setup static sandbox test-sandbox demo test bench soak kills pictures lint conformance conformance-clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

setup: $(STAMP) static ## what the sandbox needs: Debian packages that are missing, Python packages in .sandbox/venv, the static programs

static: # the wrapper and the stand-in application, in the target folder under $(STATIC)
	@RUSTFLAGS="-C target-feature=+crt-static" cargo build --locked --quiet --release --target $(STATIC) -p reeve-hold -p reeve-standin

$(STAMP): sandbox/requirements.txt sandbox/setup.sh
	@PYTHON="$(PYTHON)" sh sandbox/setup.sh "$(VENV)"
	@rm -f $(VENV)/.stamp-*
	@touch $@

sandbox: setup ## the emulated AWS on port $(PORT) and the local parts, until Ctrl-C
	cargo run --quiet -- sandbox --port $(PORT)

test-sandbox: setup ## each action that the sandbox adds to moto, with boto3
	cd sandbox && ../$(VENV)/bin/python -m pytest -q tests

demo: setup ## the main job, from nothing to tenants served by their names: AWS emulated, the rest real
	cargo build --locked
	@./demo/run.sh

test: setup ## every test
	@./tests/all.sh
	$(MAKE) --no-print-directory test-sandbox

conformance: ## a whole estate lives and goes on the account of your credentials: says what it costs and asks (YES=1: agreed)
	@REEVE_CONFORMANCE=1 ./tests/conformance/run.sh

conformance-clean: ## destroys what such a run could not: RUN=conformance-...
	@REEVE_CONFORMANCE=clean RUN="$(RUN)" ./tests/conformance/run.sh

bench: setup ## calls, time and memory as an estate grows; writes the tables of the README
	cargo bench --locked --bench scale -- --write
	cargo bench --locked --bench proxy -- --write
	cargo bench --locked --bench fleet -- --write
	cargo bench --locked --bench days -- --write
	cargo build --locked --profile dist --bin reeve
	REEVE_PROGRAM=$${CARGO_TARGET_DIR:-$(CURDIR)/target}/dist/reeve cargo bench --locked --bench edge -- --write

soak: setup ## sleeps and wakes tenants $(TURNS) times while clients come at random moments; nobody may see it
	REEVE_TURNS=$(TURNS) cargo test --locked --test edge turns_are_seen_by_nobody -- --nocapture

kills: setup ## kills reeve, HAProxy, Docker and the database $(KILLS) times while clients talk; SEED=N draws other moments
	REEVE_KILLS=$(KILLS) REEVE_SEED=$(SEED) cargo test --locked --test edge killed:: -- --nocapture

pictures: setup ## what people see of a tenant that wakes, taken anew in Chromium: docs/pictures
	REEVE_PICTURES=write cargo test --locked --test edge seen::
	REEVE_PICTURES=write cargo test --locked --test browser picture

lint: ## format, clippy, docs, licences
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --document-private-items
