# `make bench` and `make test` create the environment that they need.
# All other commands run in the activated environment.

PYTHON ?= python3
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.PHONY: setup bench test test-slow

setup: $(VENV)/complete

$(VENV)/complete: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

bench: setup
	snakemake --cores all --resources gpu=$$(mmbench doctor --count-gpus)
	mmbench show default

test: setup
	ruff check .
	ruff format --check .
	mypy
	snakefmt --check Snakefile workflow
	lint-imports
	pytest -n 2 --dist worksteal -m 'not slow'

test-slow: setup
	pytest -n 2 --dist worksteal -m slow
