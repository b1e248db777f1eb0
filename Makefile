# Ceralacca: one word for each thing a developer does. `make` alone prints the list.
# Each target makes the virtual environment and finds the Debian packages that it needs.

.DEFAULT_GOAL := help
SHELL := /bin/bash
# Debian's interpreter is built with profiles and runs our steps a quarter quicker than one built without.
PYTHON ?= $(shell /usr/bin/python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo /usr/bin/python3 || echo python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
FUZZ_STAMP := $(VENV)/.fuzz-installed
# Tests of one file may go on from each other, and those in a browser come last: files stay whole and in order.
PYTEST := $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder
T ?= tests
SECONDS_EACH ?= 60
KILLS ?= 100

PORT_BASE ?= 28000
DEMO ?=

.PHONY: help demo dev check test conformance golden bench fuzz lock clean system format

help: ## print this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | awk -F'|' '{printf "  make %-12s %s\n", $$1, $$2}'

$(STAMP): requirements/dev.txt requirements/web-assets.txt pyproject.toml tools/make_environment tools/web_assets.py
	tools/make_environment "$(PYTHON)" "$(VENV)"
	@touch $@

demo: $(STAMP) ## run a PEC nation: two providers, their mailboxes, one certified message; Ctrl-C ends it
	@[ -x /usr/sbin/clamd ] && [ -x /usr/lib/dovecot/imap ] && [ -x /usr/lib/dovecot/pop3 ] && command -v openssl >/dev/null \
		|| tools/system_packages openssl dovecot-imapd dovecot-pop3d clamav-daemon
	@$(BIN)/pec demo --port-base $(PORT_BASE) $(DEMO)

system: ## install (as root) or name the Debian packages that the tests need
	@tools/system_packages

dev: $(STAMP) ## make .venv with the locked dependencies and run the quick tests; then .venv/bin/pec --help
	$(PYTEST) tests/unit -m "not slow and not system"
	@echo "Ready: $(BIN)/pec --help"

format: $(STAMP) ## rewrite the code in the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check: static ## format, lint, types, import contracts, trace, house rules, unit and property tests (a minute)
	$(PYTEST) tests/unit tests/property -m "not slow and not system"

test: system $(STAMP) ## everything: `make check` and all tests; T=path for one
	@if [ "$(T)" = tests ]; then $(MAKE) --no-print-directory static; fi
	@$(BIN)/python tools/web_assets.py --tests
	$(PYTEST) $(T)

.PHONY: static
static: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python tools/trace.py --check
	$(BIN)/python tools/house.py

.PHONY: guide
guide: system $(STAMP) ## take the pictures of the holder's guide anew, in both languages: look at them before you commit
	$(BIN)/python tools/guide_pictures.py $(PORT_BASE)

conformance: $(STAMP) ## the requirement table, clause by clause, also written to docs/reference/conformance.md
	$(BIN)/python tools/trace.py --table --write docs/reference/conformance.md

golden: $(STAMP) ## rewrite the golden files and show what changed: read it before you commit
	$(BIN)/python tools/golden.py

bench: $(STAMP) ## measure against the bound in the same run; results in bench/results; fails when a floor is missed
	@status=0; folder=$$(mktemp -d "$${TMPDIR:-/var/tmp}/pec-benchmarks-XXXXXX"); chmod 711 "$$folder"; \
	trap 'rm -rf "$$folder"' EXIT; export BENCH_FOLDER=$$folder; \
	for script in bench/[a-z]*.py; do \
	  case $$script in */measure.py) continue;; esac; echo "== $$script"; $(BIN)/python $$script || status=1; \
	done; exit $$status

.PHONY: crash
crash: system $(STAMP) ## kill a provider pair at every durable act of eight flows, on both engines; KILLS=100 more at random
	$(BIN)/python tools/crash.py --storm $(KILLS)

$(FUZZ_STAMP): $(STAMP) requirements/fuzz.txt
	$(BIN)/pip install --quiet --require-hashes -r requirements/fuzz.txt
	@touch $@

fuzz: $(FUZZ_STAMP) ## fuzz every parser, SECONDS_EACH=60 seconds each (goal before a release: 600)
	tools/fuzz "$(BIN)/python" $(SECONDS_EACH)

lock: ## resolve the dependencies anew into requirements/*.txt (needs the program uv)
	tools/lock

clean: ## remove what can be made again
	rm -rf src/ceralacca/apps/web/assets $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
