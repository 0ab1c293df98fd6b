# make demo    environment, data, training, figures, then the server with its pages on one port
# make test    the whole test suite
# make bench   every benchmark, beside what a user would pick instead
# make lint    formatter, linter, type checker, import rule
# make setup   the environment alone, for development

PYTHON ?= python3
PORT   ?= 8000
VENV   := .venv
# Nothing is written outside this folder but the data cache: pip keeps no cache here. Python compiles what it imports
# when it imports it: of 15,000 files that is a fraction, and installing takes half of the time.
PIP    := $(VENV)/bin/python -m pip --disable-pip-version-check --no-cache-dir
BIN    := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help setup demo test bench lint format clean

help:
	@sed -n 's/^# make/make/p' Makefile

setup: $(VENV)/dev.stamp

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Shortlist needs Python 3.11 or newer; name one with PYTHON=python3.12 make ...")'
	$(PYTHON) -m venv $(VENV)

# With the environment in place no target calls pip, so both commands work without a network.
$(VENV)/train.stamp: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) install --quiet --no-compile -c constraints.txt -e '.[train]'
	@touch $@

$(VENV)/dev.stamp: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) install --quiet --no-compile -c constraints.txt -e '.[train,dev]'
	@touch $@ $(VENV)/train.stamp

demo: $(VENV)/train.stamp
	$(BIN)/shortlist demo --port $(PORT)

test: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -n 2

bench: $(VENV)/dev.stamp
	@set -e; for name in $$($(BIN)/python -m benchmarks --list); do $(BIN)/python -m benchmarks $$name; done

lint: $(VENV)/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/dev.stamp
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) state .mypy_cache .ruff_cache .hypothesis .import_linter_cache
