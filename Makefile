# Two commands: `make demo` does the main job, `make test` runs every test this machine can. Both set up what they need.
VERSION ?= v2.6.0
PYTHON := .venv/bin/python
# Many tests wait for something most of the time: two processes for each core.
WORKERS := $(shell echo $$((2 * $$(nproc))))

.PHONY: help demo test fast unit check format defects thorough setup
.DEFAULT_GOAL := help

help: ## list the commands
	@sed -nE 's/^([a-z]+):.*## (.*)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: setup ## the main job: build, validate, scan and promote base, cv, nlp and rl of v2.6.0, and write the report
	@$(PYTHON) release.py release $(VERSION) || { code=$$?; [ $$code = 4 ] && \
	  echo "demo: done; inconclusive (exit code 4) means: not everything could be proven on this machine" >&2 || exit $$code; }

# Tests of the engine take turns: it is one, and their programs use every core.
test: setup ## every test that this machine can run, but those of `make thorough`
	@code=0; $(PYTHON) -m pytest -n $(WORKERS) -m "not docker and not slow and not gpu" || code=$$?; \
	  $(PYTHON) -m pytest -m "docker or slow or gpu" || code=$$?; exit $$code

unit: ## the quick tests: no engine, no registry, no scanner, no long computation (55 s on two cores)
	@runner/setup.sh --harness
	@$(PYTHON) -m pytest -q -n $(WORKERS) -m "not docker and not slow and not gpu and not long"

fast: ## all tests that need no engine, on every core
	@runner/setup.sh --harness
	@$(PYTHON) -m pytest -n $(WORKERS) -m "not docker and not slow and not gpu"

check: ## formatter, linter and type checker; they change nothing
	@runner/setup.sh --harness
	@$(PYTHON) -m ruff format --check . && $(PYTHON) -m ruff check . && $(PYTHON) -m mypy

format: ## format the code, and mend what the linter can mend
	@runner/setup.sh --harness
	@$(PYTHON) -m ruff check --fix --quiet . ; $(PYTHON) -m ruff format .

defects: setup ## plant every defect, and write docs/defects.md
	@$(PYTHON) -m tests.defects.table

thorough: setup ## the long tests that `make test` leaves out: every layer of every lock made again, mirrors, fuzzing
	@$(PYTHON) -m pytest --thorough -m thorough

setup: ## the virtual environment, the engine and the registry, without running anything
	@runner/setup.sh
