# Everything a contributor or CI runs. Bare `make` prints the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

PYTHON ?= $(firstword $(foreach p,python3.13 python3.12 python3.11 python3,$(shell \
	$(p) -c 'import sys; sys.version_info >= (3, 11) and print("$(p)")' 2>/dev/null)))
BIN := .venv/bin
FAST := tests/unit tests/integration tests/rules
# Side by side, each worker with servers of its own; one where the server is given.
WORKERS ?= $(if $(MONITOR_TEST_DSN),0,2)
SLOW := fault or acceptance
unexport PGHOST PGPORT PGUSER PGPASSWORD PGDATABASE PGSERVICE PGOPTIONS

.PHONY: help demo test test-all bench check lint format types layers unit \
	dashboards documents servers packages clean

help: ## Print this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/demo ## Watch a flawed database with real traffic until Ctrl-C
	@$(BIN)/pgvigil demo

test: .venv/dev servers packages check ## Install what is needed, then run all but the slow tests
	$(BIN)/pytest $(FAST) -m "not ($(SLOW))" -n $(WORKERS) --dist loadfile $(PYTEST_ARGS)

test-all: test ## The above, then faults and acceptance on real companions
	$(BIN)/pytest tests -m "$(SLOW)" --ignore=tests/benchmarks -p no:randomly $(PYTEST_ARGS)

bench: .venv/dev servers packages ## Print the benchmarks: ratios taken in one run
	$(BIN)/pytest tests/benchmarks -m benchmark -s -p no:randomly --timeout=3600 $(PYTEST_ARGS)

check: .venv/dev format-check lint types layers ## Format, lint, types and layers

.PHONY: format-check
format-check:
	$(BIN)/ruff format --check .

lint:
	$(BIN)/ruff check .

types:
	$(BIN)/pyright

layers:
	$(BIN)/lint-imports

format: .venv/dev ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

unit: .venv/dev ## Only the tests without I/O; seconds
	$(BIN)/pytest tests/unit -q

documents: .venv/dev ## Write the tables in README and docs that are made from the code
	$(BIN)/python -m tests.documents

dashboards: .venv/dev ## Write dashboards/json anew
	$(BIN)/python -m dashboards

servers: .venv/dev ## Fetch PostgreSQL 13 to 17 for the tests, where npm is there
	$(BIN)/python -m tests.install_servers

packages: ## Install Debian's companions, where root and apt are there
	@tests/install_packages.sh

clean: ## Remove what the targets above made
	rm -rf .venv .cache .ruff_cache .pytest_cache .hypothesis dist

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "error: Python 3.11 or newer was not found"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'

.venv/demo: .venv/bin/python pyproject.toml
	@echo "installing pgvigil and PostgreSQL 18 into .venv ..."
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[demo]'
	@touch $@

.venv/dev: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[demo]' --group dev
	@touch $@ .venv/demo
