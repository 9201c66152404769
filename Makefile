# Every target has a `##` text that `make help` prints (a test compares them).
# The work is in scripts/, so that it reads and tests as shell.

PYTHON ?=
ARGS ?=
BIN = .venv/bin
# Tools load the settings too; their data folder must not be the one of `make run`.
TOOL_ENV = HOMEPOT_DATA_DIR=.build/data DJANGO_SETTINGS_MODULE=homepot.settings.testing
export PYTHON

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

.PHONY: run
run: ## Start Homepot here: set-up, database, server, demo devices (Ctrl-C stops it)
	@exec sh scripts/run.sh $(ARGS)

.PHONY: setup
setup: ## Make .venv and install the pinned development requirements
	@sh scripts/setup.sh dev

.PHONY: test
test: ## Run all tests; ARGS="-k relays" narrows them
	@sh scripts/test.sh $(ARGS)

.PHONY: races
races: ## Run the tests of races as often as promised: 500 rounds of 50 refreshes, 200 of each race of devices
	@HOMEPOT_TEST_ROUNDS=full sh scripts/test.sh -k "races or rotation or returning or round_after or compiled_queries" $(ARGS)

.PHONY: ledger-chaos
ledger-chaos: ## Kill every part under 20,000 commands of all kinds on three wires (half an hour)
	@HOMEPOT_TEST_ROUNDS=full HOMEPOT_TEST_WORKERS=0 sh scripts/test.sh -s -k ledger_chaos $(ARGS)

.PHONY: loss
loss: ## Kill, pause and restart every part under 200,000 readings on three wires (ten minutes)
	@HOMEPOT_TEST_ROUNDS=full HOMEPOT_TEST_WORKERS=0 sh scripts/test.sh -s -k telemetry_loss $(ARGS)

.PHONY: lint
lint: setup ## Check style and format (ruff)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

.PHONY: fix
fix: setup ## Repair style and format where ruff can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: types
types: setup ## Check types (mypy)
	@$(TOOL_ENV) $(BIN)/mypy

.PHONY: contracts
contracts: setup ## Check who imports whom (import-linter)
	@$(BIN)/lint-imports --no-cache

.PHONY: migrations
migrations: setup ## Check that no model change lacks its migration
	@mkdir -p .build/data
	@$(TOOL_ENV) $(BIN)/python manage.py makemigrations --check --dry-run

.PHONY: check
check: lint types contracts migrations test ## Everything that must hold before a merge

.PHONY: bench
bench: setup ## Run the benchmarks; ARGS names them, `make bench ARGS=--help` lists them
	@$(BIN)/python -m benchmarks $(ARGS)

.PHONY: lock
lock: setup ## Pin requirements.in and requirements-dev.in with hashes
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
		--custom-compile-command "make lock" -o requirements.txt requirements.in
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
		--custom-compile-command "make lock" -c requirements.txt -o requirements-dev.txt requirements-dev.in

.PHONY: schema
schema: setup ## Write docs/openapi.yaml anew
	@mkdir -p .build/data
	@$(TOOL_ENV) $(BIN)/python manage.py spectacular --validate --fail-on-warn --file docs/openapi.yaml

.PHONY: guide
guide: setup ## Take the pictures of docs/guide anew, by the journeys in Chromium
	@rm -rf docs/guide/images
	@HOMEPOT_TEST_GUIDE=1 $(BIN)/python -m pytest -q tests/browser/journeys --deselect tests/browser/journeys/test_guide.py
	@$(BIN)/python -m pytest -q tests/browser/journeys/test_guide.py

.PHONY: permissions
permissions: setup ## Write docs/permissions.md anew
	@$(BIN)/python -m tests.architecture.permissions_document

.PHONY: clean
clean: ## Remove .venv and caches; data/ stays
	@rm -rf .venv .build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache staticfiles
