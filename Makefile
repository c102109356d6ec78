# One word per job. `make` lists them.
PYTHON ?= python3
BIN := .venv/bin
# A stamp for each set of packages: what a reader needs, and on top of that what the tests need, the browser tests, the site.
READY := .venv/ready
READY_TEST := .venv/ready-test
READY_BROWSER := .venv/ready-browser
READY_DOCS := .venv/ready-docs
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt

.PHONY: help lab test slow browser latency notebooks html benchmark pins clean

help:  ## list what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-13s%s\n", $$1, $$2}' Makefile

lab: $(READY)  ## open the walkthrough in JupyterLab
	$(BIN)/jupyter lab --config=tools/jupyter_config.py --ip=127.0.0.1 $(if $(filter 0,$(shell id -u)),--allow-root) notebooks/00_start_here.ipynb

test: $(READY_TEST)  ## run the quick unit tests, then every notebook, comparing its outputs
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .
	$(BIN)/python -m mypy
	$(BIN)/python -m pytest --nbval --nbval-current-env --numprocesses=auto --maxprocesses=4 --dist=loadfile --ignore=tests/browser -m "not slow"

slow: $(READY_TEST)  ## run the unit tests that train for long
	$(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile $(or $(TESTS),tests) --ignore=tests/browser -m slow

browser: $(READY_BROWSER) $(READY_DOCS)  ## use the explorers and the site in a real browser (needs Chromium)
	$(BIN)/python -m pytest $(or $(TESTS),tests/browser)

latency: $(READY_BROWSER) html  ## measure how fast the explorers answer in a real browser (needs Chromium)
	$(BIN)/python -m tests.browser.latency --output results/latency.csv

notebooks: $(READY_TEST)  ## run every notebook and store its outputs
	$(BIN)/python tools/make_notebooks.py
	$(BIN)/python tools/make_overview.py

html: $(READY_DOCS)  ## make the site in build/html/: notebooks, reference, glossary; reads without a network
	$(BIN)/python -m sphinx -q -E -W --keep-going -d build/doctrees docs build/html
	@echo "Open build/html/index.html"

benchmark: $(READY)  ## measure training: one model beside the plain loop, and thousands side by side
	$(BIN)/python -m nalu_helpers.benchmark training
	$(BIN)/python -m nalu_helpers.benchmark throughput

pins: $(READY)  ## renew constraints.txt
	$(BIN)/python tools/make_pins.py

clean:  ## remove .venv and caches
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info build html screenshots

$(READY): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) was not found: install Python 3.10 to 3.13, or name one: make $(or $(MAKECMDGOALS),lab) PYTHON=…"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' || { echo "$(PYTHON) is $$($(PYTHON) -V), expected Python 3.10 to 3.13; name one: make $(or $(MAKECMDGOALS),lab) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) has no venv: sudo apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv
	$(INSTALL) -e .
	@touch $@

$(READY_TEST): $(READY)
	$(INSTALL) -e ".[test]"
	@touch $@

$(READY_BROWSER): $(READY_TEST)
	$(INSTALL) -e ".[browser]"
	@touch $@

$(READY_DOCS): $(READY)
	$(INSTALL) -e ".[docs]"
	@touch $@
