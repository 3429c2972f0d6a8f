# make help says what there is.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help up test lint bench clean environment environment-dev environment-bench chromium

# The first Python that is new enough. Another one: make PYTHON=/path/to/python3.12 up
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	2>/dev/null && { echo $$p; break; }; done)
VENV := .venv/bin
# Processes of pytest, and seconds that each of them spends on slow tests.
TEST_PROCESSES ?= 2
SLOW_BUDGET_S ?= 150

help:
	@echo "make up      run the platform here, until Ctrl-C (HAMLET_PORT, HAMLET_DATA_DIR, HAMLET_HOST)"
	@echo "make test    linters, import contracts and all tests, as CI does"
	@echo "make lint    the linters and import contracts alone"
	@echo "make bench   every figure we quote, each beside a peer"
	@echo "make clean   remove .venv and caches; databases and models in var/ stay"

environment: FILE = requirements.txt
environment-dev: FILE = requirements-dev.txt
environment-bench: FILE = requirements-bench.txt
environment environment-dev environment-bench:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or later found. Install one, or name it: make PYTHON=/path/to/python3.11 up" >&2; exit 1; }
	@$(PYTHON) tools/environment.py $(FILE)

up: environment
	@exec $(VENV)/python manage.py up

chromium:
	@tools/chromium.sh

lint: environment-dev
	$(VENV)/ruff format --check .
	$(VENV)/ruff check .
	$(VENV)/lint-imports
	$(VENV)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run

test: lint chromium
	$(VENV)/pytest -n $(TEST_PROCESSES) --dist worksteal --slow-budget-s $(SLOW_BUDGET_S) $(PYTEST_ARGUMENTS)

bench: environment-bench
	@exec $(VENV)/python -m benchmarks

clean:
	rm -rf .venv .venv.lock .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -type d -not -path './var/*' -prune -exec rm -rf {} +
