# Two commands matter: `make demo` and `make test`. Each sets up what it needs.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: help demo test fuzz lint types coverage bench catalogues schema screenshots docs lock check-python system clean

help:
	@echo "make demo      a site behind the gate on http://127.0.0.1:8000"
	@echo "make test      all tests, with a real Chromium and nginx if they can be had"
	@echo "make fuzz      a long run of the generated tests"
	@echo "make lint      ruff; make types: mypy; make coverage: the report of the last make test"
	@echo "make bench     what it costs; writes docs/performance.md"
	@echo "make catalogues   the texts of the pages, after a change; make screenshots: docs/screenshots"
	@echo "make docs      the documentation, into site/; make schema: the JSON Schema of the policy file"
	@echo "make lock      pins the versions in requirements/ anew"

check-python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "consentgate needs Python 3.11 or newer; $(PYTHON) is older. Say: make PYTHON=python3.12 ..."; exit 1; }

# What the demo needs is a part of what the tests need, in the same versions.
$(VENV)/.demo: requirements/demo.txt pyproject.toml | check-python
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/demo.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.demo
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

demo: $(VENV)/.demo
	@$(BIN)/python -m examples.demo

system:
	@sh scripts/system.sh

test: $(VENV)/.dev system
	$(BIN)/python -m coverage run -m pytest

fuzz: $(VENV)/.dev
	CONSENTGATE_PROFILE=fuzz $(BIN)/python -m pytest tests/test_fuzz.py tests/test_withholding.py \
		tests/test_wire.py tests/test_policy.py tests/test_token.py tests/test_attributes.py \
		tests/test_answers.py tests/test_insertion.py tests/test_inserted_pages.py \
		tests/test_banners.py tests/test_reports.py tests/test_scripted.py tests/test_placeholders.py

coverage:
	$(BIN)/python -m coverage report

lint: $(VENV)/.dev
	$(BIN)/python -m ruff check
	$(BIN)/python -m ruff format --check

types: $(VENV)/.dev
	$(BIN)/python -m mypy

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks --markdown docs/performance.md

# After a change of words: what is to be translated goes into the .po files, and these into .mo.
catalogues: $(VENV)/.dev
	$(BIN)/python scripts/catalogues.py update
	$(BIN)/python scripts/catalogues.py compile
	$(BIN)/python scripts/catalogues.py check

# After a change of what the policy file takes.
schema: $(VENV)/.dev
	$(BIN)/python -m consentgate.configuration.schema

docs: $(VENV)/.dev
	$(BIN)/python -m mkdocs build --strict --clean

screenshots: $(VENV)/.dev system
	$(BIN)/python scripts/screenshots.py

lock: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/python -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
		--custom-compile-command "make lock" --group lint --group bench --group docs pyproject.toml -o requirements/dev.txt
	$(BIN)/python -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
		--custom-compile-command "make lock" --group examples -c requirements/dev.txt pyproject.toml -o requirements/demo.txt

clean:
	rm -rf $(VENV) site .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
