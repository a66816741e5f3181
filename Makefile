# Everything runs in .venv, made from the pins in requirements.txt; nothing else is needed but
# Python 3.11 or newer, make and a package index.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO := experiments/2026_01_winback_incentive_mix/experiment.yaml
COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links \
	--no-emit-trusted-host --strip-extras --no-header --allow-unsafe
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

INTEGRATION := $(VENV)/integration

CATALOGUES := src/abtest/report/languages
# One line per message and no places in the code: a diff shows what was said, and nothing else.
MESSAGES := --no-default-keywords --keyword=_:1 --keyword=many:1,2 --keyword=sentence:1 \
	--keyword=plural:1,2 --keyword=joined:1 --keyword=phrase:1 --no-location --no-wrap \
	--sort-output --omit-header --mapping=$(CATALOGUES)/babel.cfg

.PHONY: help demo check test calibrate slow integration benchmark docs messages format lock clean

help: ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/stamp ## Run the main job on an example
	$(BIN)/abtest analyze $(DEMO)

check: $(VENV)/stamp ## Format, lint, types, imports, fast tests with coverage
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n 2 -m "not slow and not integration" --cov --cov-report=term

test: $(VENV)/stamp ## All tests that need nothing but Python
	$(BIN)/pytest -n 2 -m "not slow and not integration"

calibrate: $(VENV)/stamp ## Are the claims right? All simulations; writes docs/calibration.md
	PYTHONPATH=tests $(BIN)/python -m calibration

slow: $(VENV)/stamp ## Slow tests: ten million ids, every kill point and the like
	$(BIN)/pytest -m slow -rs

integration: $(VENV)/stamp $(INTEGRATION) ## Tests that build, install or start something real
	$(BIN)/pytest -m integration -rs

benchmark: $(VENV)/stamp ## Measure start-up and whole runs
	$(BIN)/python benchmarks/startup.py

docs: $(VENV)/stamp $(INTEGRATION) ## Build the site into site/, without a warning
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

messages: $(VENV)/stamp ## Bring the catalogues of languages up to the code
	$(BIN)/pybabel --quiet extract $(MESSAGES) --output-file=$(VENV)/messages.pot src/abtest
	for lang in fa ar; do $(BIN)/pybabel --quiet update --locale=$$lang --no-fuzzy-matching \
		--ignore-obsolete --no-wrap --ignore-pot-creation-date --input-file=$(VENV)/messages.pot \
		--output-file=$(CATALOGUES)/$$lang.po; done

format: $(VENV)/stamp ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(VENV)/stamp ## Pin the newest versions of all dependencies
	$(COMPILE) --upgrade --extra dev --output-file requirements.txt pyproject.toml
	$(filter-out --allow-unsafe,$(COMPILE)) --upgrade --extra integration --constraint requirements.txt \
		$$(sed -n 's/^\([a-z][^=[:space:]]*\)==.*/--unsafe-package \1/p' requirements.txt) \
		--output-file requirements-integration.txt pyproject.toml
	sed -i.bak '/^# WARNING/,$$d' requirements-integration.txt && rm requirements-integration.txt.bak

clean: ## Remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .coverage*

# Spark, ClickHouse, web frameworks and the like are large, and only their own tests need them:
# where they cannot be had, those tests skip and say so. The lock holds what requirements.txt does not.
$(INTEGRATION): requirements-integration.txt $(VENV)/stamp
	$(PIP) install --require-hashes --no-deps --requirement requirements-integration.txt && touch $@ || \
		echo "requirements-integration.txt could not be installed: its tests will skip"

$(VENV)/stamp: requirements.txt pyproject.toml Makefile
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes --requirement requirements.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	touch $@
