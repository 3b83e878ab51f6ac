# The product and its checks. `make` alone explains itself.

PYTHON ?= python3
WORKERS ?= 3
UV ?= uv
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --require-hashes --requirement
CODE := engine adapters tools tests $(wildcard bench)

.DEFAULT_GOAL := help
.PHONY: help setup run demo test sim mutants unsafe shots fuzz test-long check format bench bench-quick bench-peers image wheel sbom licences lock clean
.DELETE_ON_ERROR:

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.dev ## make .venv: the tmex command with its extras, every tool (needs python3 >= 3.11 and python3-venv)

run: $(VENV)/.run ## a practice and a portal on this machine, and tmex between them
	@$(BIN)/tmex demo

demo: run

test: setup ## every test; engine/ must be covered to the last branch
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --cov --cov-report=term

sim: setup ## the simulation alone; SEEDS=5000 tells so many stories, SEED=17 tells one to a person
ifdef SEED
	@$(BIN)/python -m tests.simulation.aloud $(SEED)
else
	@$(if $(SEEDS),SEEDS=$(SEEDS)) $(BIN)/python -m pytest -n $(WORKERS) tests/simulation
endif

mutants: setup ## the table of known-wrong engines, and how soon the simulation finds each out
	@$(BIN)/python -m tests.simulation.verdicts

unsafe: setup ## unsafe minutes of the same days with tmex and with TMEX; WRITE=1 puts the table into docs/unsafe-minutes.md
	@$(if $(SEEDS),SEEDS=$(SEEDS)) $(BIN)/python -m tests.simulation.unsafe $(if $(WRITE),--write)

shots: setup ## pictures of the status page, made by a real job and a real browser (needs chromium)
	@$(BIN)/python -m tests.browser.shots

test-long: setup ## what CI does a tenth or less of: 250,000 seeds, 200 kills, 10,000 flipped bits, 20,000 bad inputs, 100,000 cycles; hours
	@KILLS=$(or $(KILLS),200) $(BIN)/python -m pytest -n 0 --capture=no tests/integration/test_kills.py
	@FLIPS=$(or $(FLIPS),10000) $(BIN)/python -m pytest -n 0 --capture=no tests/integration/test_ledger_flips.py
	@SEEDS=$(or $(SEEDS),250000) TWICE=1000 STEPS=$(or $(STEPS),5000) $(BIN)/python -m pytest -n $(WORKERS) tests/simulation
	@BAD=$(or $(BAD),20000) $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal tests/fuzz
	@CYCLES=$(or $(CYCLES),100000) $(BIN)/python -m pytest -n 0 tests/integration/test_endurance.py

fuzz: setup ## search every parser for an input that it cannot take; SECONDS=60 each, TARGET=csv for one; keeps .fuzz/
	@$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),60) $(TARGET)

check: setup ## format, lint, types, import directions, rules of the house; Dockerfile, compose.yaml, unit, shell scripts
	@$(BIN)/ruff format --check --quiet $(CODE) || { echo "not formatted: run make format"; exit 1; }
	@$(BIN)/ruff check --quiet $(CODE)
	@$(BIN)/mypy $(CODE)
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m tools.check_rules
	@$(BIN)/hadolint Dockerfile
	@$(BIN)/shellcheck .ci/run deploy/compose/*.sh
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec compose.yaml
	@$(BIN)/python -m pytest -n 0 -qq tests/integration/test_service.py -k unit

format: setup ## lay the code out, mend what ruff can mend safely, and write the tests' column of docs/faults.md
	@$(BIN)/ruff format --quiet $(CODE)
	@$(BIN)/ruff check --quiet --fix $(CODE)
	@$(BIN)/python -m tools.fault_table
	@$(BIN)/python -m tools.reference

bench: setup ## measure tmex beside a floor, twenty minutes; SCENARIO=latency a part, WRITE=1 into docs/benchmarks.md
	@$(BIN)/python -m bench $(if $(WRITE),--write) $(SCENARIO)

bench-quick: setup ## a glance at every scenario, at most a minute
	@$(BIN)/python -m bench --quick $(SCENARIO)

bench-peers: $(VENV)/.peers ## as bench, with the programs of others that do a part of it; installs them into .venv (Debezium wants a Java)
	@$(BIN)/python -m bench --peers $(if $(WRITE),--write) $(SCENARIO)

image: setup ## build the image and try it, with Docker, podman or neither; BASE=… in place of python:3.11-slim, SMOKE=0 to build it only
	@$(BIN)/python -m tools.image $(if $(BASE),--base $(BASE)) $(if $(ENGINE),--engine $(ENGINE)) $(if $(filter 0,$(SMOKE)),--no-smoke)

wheel: setup ## the wheel, in dist/; whoever builds the same source gets the same bytes
	@rm -f dist/*.whl
	@$(BIN)/python -m hatchling build --target wheel --directory dist >/dev/null
	@cd dist && sha256sum *.whl

sbom: wheel ## every Python package in the image, with its version and licence: dist/tmex.cdx.json (CycloneDX)
	@rm -rf build/sbom && $(BIN)/python -m venv --without-pip build/sbom
	@$(BIN)/python -m pip --disable-pip-version-check --python build/sbom install --quiet --require-hashes --requirement locks/image.txt
	@$(BIN)/python -m pip --disable-pip-version-check --python build/sbom install --quiet --no-deps --no-index dist/*.whl
	@$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --mc-type application --gather-license-texts \
	  --output-reproducible --output-format JSON --output-file dist/tmex.cdx.json build/sbom
	@$(BIN)/python -c 'import json; print(len(json.load(open("dist/tmex.cdx.json"))["components"]), "packages in dist/tmex.cdx.json")'

licences: setup ## every package that runs at a practice, with its licence; none may be missing on the list
	@$(BIN)/python -m tools.licences

lock: ## write locks/*.txt from pyproject.toml; make lock UPGRADE=1 takes the newest (needs uv; nothing else does)
	@for lock in "run pyproject.toml --extra ics --extra demo --group build" \
	  "dev pyproject.toml --extra ics --extra demo --group dev" "build --group build" "image pyproject.toml --extra ics" \
	  "peers pyproject.toml --extra ics --extra demo --extra peers --group dev --constraint locks/dev.txt"; do \
	  set -- $$lock; lock=$$1; shift; \
	  case $$lock in run) ;; *) set -- "$$@" --constraint locks/run.txt;; esac; \
	  $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-emit-find-links --no-strip-extras --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade) \
	    "$$@" --output-file locks/$$lock.txt || exit 1; \
	done

clean: ## remove what make made
	rm -rf $(VENV) build dist locks/wheels .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

# Each step leaves a stamp when it is done: what failed half way is made again, what is done costs nothing.
$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "tmex needs Python 3.11 or newer: install it, or name one, as in make PYTHON=python3.12."; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || \
	  { echo "Python could not make $(VENV): on Debian, apt install python3-venv."; exit 1; }
	@touch $@

$(VENV)/.run: locks/run.txt pyproject.toml $(VENV)/.made
	@echo "installing tmex into $(VENV)"
	@$(PIP) locks/run.txt
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: locks/dev.txt $(VENV)/.run
	@echo "installing the tools into $(VENV)"
	@$(PIP) locks/dev.txt
	@touch $@

$(VENV)/.peers: locks/peers.txt $(VENV)/.dev
	@echo "installing the programs of others into $(VENV)"
	@$(PIP) locks/peers.txt
	@touch $@
