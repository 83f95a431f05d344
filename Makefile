# habitat: type `make` to see what there is. Every recipe is one command.
.DEFAULT_GOAL := help
.PHONY: help setup demo test month plan product list doctor check lint style types floors spelling test-all bench lock hooks clean remake

bin := .venv/bin
pytest := $(bin)/python -m pytest -n 2 --dist loadfile
run := monthly
what := --area "$(AREA)" --period "$(MONTH)" $(OPTIONS)
# An environment that was copied from elsewhere, or whose Python is gone, does not run: it is made anew.
usable := $(shell test -x $(bin)/python && grep -sF -- "$(CURDIR)/.venv" .venv/pyvenv.cfg)

wants = $(if $($1),,$(error $1 is missing. Write: make $(firstword $(MAKECMDGOALS)) $2))
ifneq (,$(filter month plan product,$(MAKECMDGOALS)))
$(call wants,AREA,AREA=transboundary MONTH=2025-05 (`make list` tells the areas))
$(call wants,MONTH,AREA=$(AREA) MONTH=2025-05 (a month 2025-05, a quarter 2025-Q2 or a year 2025))
endif
ifneq (,$(filter product,$(MAKECMDGOALS)))
$(call wants,NAME,NAME=indices AREA=$(AREA) MONTH=$(MONTH) (`.venv/bin/habitat list --products` tells the names))
endif

help: ## Show this list
	@awk -F ':.*## ' '/^##@/ {print "\n" substr($$0, 5)} /^[a-z-]+:.*## / {printf "  %-9s %s\n", $$1, $$2}' Makefile

##@ To begin
setup: .venv/.ready ## Make the environment in .venv (once, a quarter of a minute)
.venv/.ready: requirements.lock pyproject.toml .ci/setup $(if $(usable),,remake)
	@.ci/setup

demo: .venv/.ready ## Run a month over a small made-up landscape, offline
	@$(bin)/habitat demo

test: check ## Lint, types, floors, spelling and all quick tests
	@$(pytest) -m "not slow and not network"

##@ To make maps (OPTIONS="--set composite.max_cloud_cover=60" adds options)
month: .venv/.ready ## All products of a month: AREA=transboundary MONTH=2025-05
	@$(bin)/habitat run $(run) $(what)

plan: .venv/.ready ## What `make month` would build, and why: AREA=… MONTH=…
	@$(bin)/habitat plan $(run) $(what)

product: .venv/.ready ## One product and what it needs: NAME=indices AREA=… MONTH=…
	@$(bin)/habitat product "$(NAME)" $(what)

list: .venv/.ready ## Named areas
	@$(bin)/habitat list --areas

doctor: .venv/.ready ## Whether this machine can do the work
	@$(bin)/habitat doctor

##@ To change the code
check: lint style types floors spelling ## What `make test` does before the tests

lint: .venv/.ready
	@$(bin)/ruff check --quiet
style: .venv/.ready
	@$(bin)/ruff format --quiet --check
types: .venv/.ready
	@$(bin)/mypy
floors: .venv/.ready
	@$(bin)/lint-imports --no-logo
spelling: .venv/.ready
	@$(bin)/codespell

test-all: check ## The slow tests too
	@$(pytest) -m "not network"

bench: .venv/.ready ## Measure compositing against its peers (long)
	@$(bin)/python -m benchmarks.compositing --all

lock: .venv/.ready ## Fit requirements.lock to pyproject.toml; OPTIONS=--upgrade takes the newest of all
	@$(bin)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --quiet $(OPTIONS) -o requirements.lock

hooks: .venv/.ready ## Check at each commit what is committed
	@$(bin)/pre-commit install

clean: ## Remove caches; environment, products and data stay
	@find . \( -path ./.venv -o -path ./.git -o -path ./data \) -prune -o -type d \( -name __pycache__ -o -name '.*_cache' -o -name .hypothesis -o -name '*.egg-info' \) -prune -exec rm -rf {} +
