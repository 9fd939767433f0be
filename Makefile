# The environment is made once, from the locks in requirements/, and again when they change.
.DEFAULT_GOAL := help
.PHONY: help demo test chaos fuzz lint format bench bench-handbook bench-life docs lock clean

# The first interpreter that is new enough; name another with make PYTHON=...
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
	$$python -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
READY := .venv/.ready
PEERS := .venv-bench
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
LOCK := $(BIN)/pip-compile --quiet pyproject.toml

help:  ## Say what each target does
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' Makefile | while IFS='|' read -r name text; do \
		printf '%-16s %s\n' "$$name" "$$text"; done

demo: $(READY)  ## Run Weir on a real Kafka with seeded traffic; ARGS="--events 5000 --workers 2"
	@$(BIN)/weir demo $(ARGS)

# The files with the long tests first, so that no core is left with one of them at the end.
CORES := 2
ALL := tests/system tests/chaos tests/broker tests/cli tests app tools \
	--numprocesses $(CORES) --dist loadfile --no-loadscope-reorder
test: $(READY)  ## Run all tests, on CORES=2; ARGS="tests/streams/fraud -k rules" picks some
	@$(BIN)/pytest $(or $(ARGS),$(ALL))

SEED := 1
MINUTES := 30
chaos: $(READY)  ## Inject faults into workers and brokers; SEED=1 MINUTES=30 ARGS="--runs 3"
	@$(BIN)/python -m tests.chaos --seed $(SEED) --minutes $(MINUTES) $(ARGS)

# Values that nobody gave on the command line are those of chaos: a new seed and ten minutes then.
given = $(filter-out file,$(origin $(1)))
fuzz: $(READY)  ## Feed changed inputs to everything that reads from outside; MINUTES=10 SEED=1
	@$(BIN)/python -m tests.fuzz run --minutes $(if $(call given,MINUTES),$(MINUTES),10) \
		$(if $(call given,SEED),--seed $(SEED)) $(ARGS)

lint: $(READY)  ## Check style, format, types and the direction of imports
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet || { echo "run make format"; exit 1; }
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: $(READY)  ## Fix style and format of the code
	@$(BIN)/ruff check --quiet --fix-only
	@$(BIN)/ruff format --quiet

bench-handbook: $(READY)  ## Compare Weir's models with XGBoost; ARGS="--data DIR --weeks test"
	@$(BIN)/python -m benchmarks.handbook $(ARGS)

bench-life: $(READY)  ## Measure learning from few frauds and late labels; ARGS="--data DIR --part few"
	@$(BIN)/python -m benchmarks.life $(ARGS)

# Without the peers the benchmarks run all the same, and say who is missing.
bench: $(READY)  ## Run the benchmarks, also against other engines; ARGS="history" picks some
	@$(MAKE) --no-print-directory $(PEERS)/.ready || echo "The peers could not be installed."
	@bin=$(PEERS)/bin; test -e $(PEERS)/.ready || bin=$(BIN); $$bin/python -m benchmarks $(ARGS)

docs: $(READY)  ## Write all generated pages of docs/
	@$(BIN)/python -m tools.docs

# Versions that are locked and still fit stay. pip-compile warns that weir is not pinned: rightly,
# the project itself is installed beside its locked dependencies.
lock: $(READY)  ## Lock the dependencies of pyproject.toml; ARGS=--upgrade takes newer versions
	@$(LOCK) $(ARGS) --allow-unsafe -o requirements/base.txt
	@$(LOCK) $(ARGS) --unsafe-package weir --extra dev -c requirements/base.txt -o requirements/dev.txt
	@$(LOCK) --only-build-deps --build-deps-for wheel -c requirements/dev.txt -o requirements/build.txt

clean:  ## Remove the environment and everything that the tools leave behind
	rm -rf .venv $(PEERS) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml requirements/dev.txt
	@$(BIN)/python -c 'import pip; $(NEW_ENOUGH)' 2>/dev/null || $(MAKE) --no-print-directory .venv
	@echo "Installing the locked dependencies into .venv (once; a minute or two) ..."
	@$(PIP) install --require-hashes --no-deps -r requirements/dev.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(PEERS)/.ready: pyproject.toml
	@echo "Installing the peers of the benchmarks into $(PEERS) (once; a minute or two) ..."
	@$(PYTHON) -m venv --clear $(PEERS)
	@$(PEERS)/bin/python -m pip --quiet --disable-pip-version-check install --editable '.[bench]'
	@touch $@

.PHONY: .venv
.venv:
	@$(or $(PYTHON),false) -c '$(NEW_ENOUGH)' 2>/dev/null || { \
		echo "Weir needs Python 3.11 or later; name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv --clear .venv
