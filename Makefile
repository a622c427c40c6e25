# The one task runner. `make run` and `make test` need nothing but Python 3.11, pip and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PLUGINS := $(wildcard contrib/*/pyproject.toml plugins/*/*/pyproject.toml)
LOCKS := requirements.lock $(wildcard plugins/*/*/requirements.lock)
INSTALLED := $(VENV)/.installed
WITHOUT_ADDRESSES := --no-emit-index-url --no-emit-trusted-host --no-emit-find-links
.DEFAULT_GOAL := help
.PHONY: help install run chromium test soak bench check fix walls types lint coverage docs plugin migration lock changelog clean

help: ## what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

$(INSTALLED): $(LOCKS) pyproject.toml $(PLUGINS)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) 2>/dev/null || { rm -rf $(VENV); \
		$(PYTHON) -m pip install --quiet --target $(VENV).bootstrap virtualenv && \
		PYTHONPATH=$(VENV).bootstrap $(PYTHON) -m virtualenv --quiet $(VENV) && rm -rf $(VENV).bootstrap; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes $(foreach lock,$(LOCKS),-r $(lock))
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		-e . $(foreach plugin,$(PLUGINS),-e $(dir $(plugin)))
	@$(BIN)/python -m pip check
	@touch $@

install: $(INSTALLED) ## everything, from the lock with hashes

run: export LEASEHUB_CONFIG ?= examples/hub.toml
run: export LEASEHUB_LOG_LEVEL ?= WARNING
run: $(INSTALLED) ## the demo company, then the API; Ctrl-C stops all of it
	@$(BIN)/hub up --demo examples/applications.csv

chromium: ## the browser that the console is tried in, where the system's package manager may be asked
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || { \
		command -v apt-get >/dev/null && test "$$(id -u)" = 0 && apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-noto-cjk >/dev/null; } || \
		echo "no Chromium on this machine, and it may not be installed: tests/browser will be left out"

test: $(INSTALLED) chromium ## every test, on a real PostgreSQL, on both cores
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

soak: $(INSTALLED) ## the long runs that `make test` leaves out; SEEDS=2000000-2999999 for these seeds alone
	$(if $(SEEDS),$(BIN)/python -m tests.faults.simulation $(SEEDS),$(BIN)/python -m pytest -m soak)

bench: $(INSTALLED) ## how fast it is, as ratios; `make bench W="w1 w5"` for some, SMALL=1 to see that they run
	$(BIN)/python -m bench $(W) $(if $(SMALL),--small)

check: lint types walls ## lint, types, walls

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/mypy

walls: $(INSTALLED)
	$(BIN)/python -m pytest -q tests/architecture

fix: $(INSTALLED) ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

coverage: $(INSTALLED) ## how much of the hub the tests run through
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder --cov --cov-report=term

docs: $(INSTALLED) ## write the generated pages for plugin authors anew
	$(BIN)/python -m hub.testing.pages docs/plugin-authors
	$(BIN)/python -m hub.testing.matrix docs/plugin-authors/providers.md

plugin: $(INSTALLED) ## make plugin NAME=acme CAPABILITY=payments
	$(BIN)/hub plugins new "$(NAME)" --capability "$(CAPABILITY)" --into "plugins/$(CAPABILITY)/$(NAME)"

migration: $(INSTALLED) ## make migration M="add late fee"
	$(BIN)/hub migrate --draft "$(M)"

lock: ## pin every dependency again, with hashes and without addresses
	$(PYTHON) -m pip install --quiet pip-tools
	$(PYTHON) -m piptools compile --quiet --generate-hashes --extra dev --extra telemetry --strip-extras --allow-unsafe --no-header \
		$(WITHOUT_ADDRESSES) --upgrade -o requirements.lock pyproject.toml
	for asked in plugins/*/*/requirements.in; do \
		$(PYTHON) -m piptools compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-header \
		$(WITHOUT_ADDRESSES) --upgrade -c requirements.lock -o "$${asked%.in}.lock" "$$asked" || exit 1; done

changelog: $(INSTALLED) ## what the fragments in changelog/ will say
	$(BIN)/towncrier build --draft --version "$$($(BIN)/python -c 'import hub; print(hub.__version__)')"

clean: ## the environment and the caches; the data in var/ stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
