# The parts of this project that are not Rust. `make setup` once, then `make sandbox`.
PYTHON ?= python3
VENV := .sandbox/venv
STAMP := $(VENV)/.stamp-$(shell cat sandbox/requirements.txt sandbox/setup.sh | sha256sum | cut -c1-16)
PORT ?= 4566

.PHONY: help setup sandbox test-sandbox

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

setup: $(STAMP) ## what the sandbox needs: Debian packages that are missing, Python packages in .sandbox/venv

$(STAMP): sandbox/requirements.txt sandbox/setup.sh
	@PYTHON="$(PYTHON)" sh sandbox/setup.sh "$(VENV)"
	@rm -f $(VENV)/.stamp-*
	@touch $@

sandbox: setup ## the emulated AWS on port $(PORT), until Ctrl-C
	cargo run --quiet -- sandbox --port $(PORT)

test-sandbox: setup ## each action that the sandbox adds to moto, with boto3
	cd sandbox && ../$(VENV)/bin/python -m pytest -q tests
