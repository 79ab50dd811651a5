# Two commands: `make demo` does the main job, `make test` runs every test this machine can. Both set up what they need.
VERSION ?= v2.6.0
PYTHON := .venv/bin/python

.PHONY: demo test fast check defects setup

demo: setup
	@$(PYTHON) release.py release $(VERSION) || { code=$$?; [ $$code = 4 ] && \
	  echo "demo: done; inconclusive (exit code 4) means: not everything could be proven on this machine" >&2 || exit $$code; }

test: setup
	@$(PYTHON) -m pytest

fast:
	@runner/setup.sh --harness
	@$(PYTHON) -m pytest -n auto -m "not docker and not slow and not gpu"

check:
	@runner/setup.sh --harness
	@$(PYTHON) -m ruff format --check . && $(PYTHON) -m ruff check . && $(PYTHON) -m mypy

defects: setup
	@$(PYTHON) -m tests.defects.table

setup:
	@runner/setup.sh
