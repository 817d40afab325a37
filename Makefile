# `make help` lists the targets. Each sets up what it needs: Python 3.11+ with venv and pip is all that must be there.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow lint format clean

help: ## Show this help
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml constraints.txt
	@echo "Setting up $(VENV) (a few minutes the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@start=$$(date +%s); \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[offline,onnx,server,dask,dev]' && \
	echo "Set up in $$(( $$(date +%s) - start )) s"
	@touch $@

setup: $(STAMP) ## Create the virtual environment and install Reelhouse into it

demo: $(STAMP) ## Run the whole product on an invented catalogue: ingest, features, models, predictions, SQL
	@$(BIN)/reelhouse demo $(ARGS)

test: $(STAMP) ## Run the default tests (about ten minutes on two cores)
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

test-slow: $(STAMP) ## Run the slow tests
	@$(BIN)/python -m pytest -m slow -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(STAMP) ## Check style, types and the one-way imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(STAMP) ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean: ## Remove the virtual environment and the demo's data
	@test ! -e "$(VENV)" || test -f "$(VENV)/pyvenv.cfg" || { echo "$(VENV) is no virtual environment: nothing was removed" >&2; exit 1; }
	rm -rf -- "$(VENV)" reelhouse-demo
