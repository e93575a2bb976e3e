# `make demo` and `make test` need python3 (3.11 or later), make and g++ and set up everything else.

PYTHON ?= python3
JOBS ?= 2

VENV := .venv
BIN := $(VENV)/bin
PLUGINS := $(sort $(wildcard examples/plugins/netloom-*))

.PHONY: demo test fast plugins lint setup clean

demo: setup
	$(BIN)/python examples/jet_tagger/demo.py

test: setup $(VENV)/.stamp-tcl $(VENV)/.stamp-chromium lint
	$(BIN)/python -m pytest -q -n $(JOBS) --dist loadgroup
	$(MAKE) plugins

# Outside plugins, installed as distributions of their own.
plugins: $(VENV)/.stamp-plugins
	$(VENV)/plugins/bin/python -m pytest -q -n $(JOBS) --dist loadgroup $(PLUGINS)

fast: setup
	$(BIN)/python -m pytest -q -n $(JOBS) -m "not slow"

lint: $(VENV)/.stamp-packages
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/mypy $(wildcard examples/plugins/netloom-*/netloom_*)
	$(BIN)/lint-imports

setup: $(VENV)/.stamp-packages $(VENV)/.stamp-ghdl

# A stamp is the time a step was last done; the step is done again when what it depends on is newer.
$(VENV)/.stamp-python: scripts/setup-venv.sh
	scripts/setup-venv.sh $(PYTHON) $(VENV)
	touch $@

$(VENV)/.stamp-packages: pyproject.toml $(VENV)/.stamp-python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[test,dev,plot]"
	touch $@

$(VENV)/.stamp-ghdl: scripts/setup-ghdl.sh scripts/setup-tool.sh $(VENV)/.stamp-python
	scripts/setup-ghdl.sh
	touch $@

$(VENV)/.stamp-tcl: scripts/setup-tool.sh $(VENV)/.stamp-python
	scripts/setup-tool.sh tclsh tcl NETLOOM_TCLSH
	touch $@

$(VENV)/.stamp-chromium: scripts/setup-chromium.sh scripts/setup-tool.sh $(VENV)/.stamp-packages
	scripts/setup-chromium.sh $(VENV)
	touch $@

$(VENV)/.stamp-plugins: scripts/setup-plugins.sh $(PLUGINS:%=%/pyproject.toml) $(VENV)/.stamp-packages
	scripts/setup-plugins.sh $(VENV) $(PLUGINS)
	touch $@

clean:
	rm -rf build dist examples/*/build .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name $(VENV) -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
