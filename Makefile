# Everything here works with Python >= 3.11, make and the package index, and nothing else.
# `make` lists the targets.

# Which Airflow, of those in constraints/, as in: make test AIRFLOW=3.4. Each has its own environment.
AIRFLOW := 3.3
VENV := .venv$(if $(filter-out 3.3,$(AIRFLOW)),-$(AIRFLOW))
# The Python to make it with. If empty, the first suitable one on the PATH is used.
PYTHON ?=
# More arguments, as in: make test ARGS="-k sensor -x"
ARGS ?=
# What `make test-matrix` runs: versions of Airflow and Python, lowest or newest, suites. Empty: everything.
ONLY ?=
# How many calls `make fuzz` makes.
CALLS ?= 10000
# How often `make kill-rounds` kills the sandbox.
ROUNDS ?= 100
# How often `make test-airflow` kills and clears. The seed decides when; without one, each run has a new one.
KILLS ?= 220
CLEARS ?= 50
SEED ?=
# One of them, or both: local,celery
EXECUTORS ?= local,celery

BIN := $(VENV)/bin

# Compiled modules make every later start of Airflow about twice as fast.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo demo-campaign test test-matrix test-airflow test-airflow-campaign
.PHONY: test-crash test-crash-campaign test-mutations test-browser test-journey screenshots docs
.PHONY: coverage lint types format sandbox bench bench-write kill-rounds compare fuzz clean venv

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-21s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: venv ## Send texts from a real Airflow to the sandbox, and show what the phones received
	@$(BIN)/python scripts/demo.py

demo-campaign: venv ## Send a campaign to a dirty table of 5,000 rows, and show what came of it
	@$(BIN)/python -m scripts.demo_campaign

test: venv ## Run all tests (browser tests only if there is a Chromium); ARGS="-k sensor" selects some
	@$(BIN)/python -m pytest $(ARGS)

test-matrix: ## Run the tests on every Airflow and Python; ONLY="2.11.2 3.12 integration" selects some
	@$(or $(PYTHON),python3) scripts/matrix.py $(ONLY)

test-crash: venv ## Crash sends at every point, and in 10,000 random schedules; takes about half an hour
	@$(BIN)/python -m tests.crash $(ARGS)

test-crash-campaign: venv ## Crash campaigns at every point, and in 10,000 random schedules; takes about half an hour
	@$(BIN)/python -m tests.crash.campaign $(ARGS)

test-mutations: venv ## Switch off one safeguard after the other, and check that the crash tests notice each
	@$(BIN)/python -m tests.crash.mutations
	@$(BIN)/python -m tests.crash.campaign.mutations

test-browser: venv ## Test the sandbox's inbox in Chromium, which is installed if there is none
	@sh scripts/chromium.sh
	@$(BIN)/python -m pytest tests/browser $(ARGS)

test-airflow: venv ## Kill and clear a real Airflow while it sends; installs Redis and Postgres; 25 minutes
	@$(BIN)/python -m pip --disable-pip-version-check install -qq --no-build-isolation \
		--constraint constraints/$(AIRFLOW).txt --editable ./sandbox --editable '.[dev,system]'
	@$(BIN)/python -m tests.system --kills $(KILLS) --clears $(CLEARS) --executors $(EXECUTORS) $(if $(SEED),--seed $(SEED))

test-airflow-campaign: venv ## Kill a real Airflow 30 times while it sends a campaign to 100,000 people; half an hour
	@$(BIN)/python -m pip --disable-pip-version-check install -qq --no-build-isolation \
		--constraint constraints/$(AIRFLOW).txt --editable ./sandbox --editable '.[dev,system]'
	@$(BIN)/python -m tests.system.campaign $(if $(SEED),--seed $(SEED)) $(ARGS)

test-journey: venv ## Use a real Airflow in Chromium, from the connection to alerts; takes a few minutes
	@sh scripts/chromium.sh
	@$(BIN)/python -m tests.journey $(ARGS)

screenshots: venv ## Take the pictures of Airflow and of the inbox for the docs again
	@sh scripts/chromium.sh
	@$(BIN)/python scripts/screenshots.py

docs: venv ## Build the documentation into docs/_build; a warning is an error
	@$(BIN)/python -m pip --disable-pip-version-check install -qq --no-build-isolation \
		--constraint constraints/$(AIRFLOW).txt --editable ./sandbox --editable '.[dev,docs]'
	@$(BIN)/python -m sphinx -W --keep-going -n -q -b html -d docs/_build/doctrees docs docs/_build/html
	@echo "Open docs/_build/html/index.html"

coverage: venv ## Run all tests and show the lines and branches they miss
	@$(BIN)/python -m pytest --cov --cov-report=term-missing:skip-covered $(ARGS)

lint: venv ## Check style, formatting and spelling
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/codespell

types: venv ## Check the types of code, tests and examples
	@$(BIN)/mypy

format: venv ## Format the code, and correct what ruff can correct
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

sandbox: venv ## Run the sandbox on its usual port
	@$(BIN)/sinch-sandbox

bench: venv ## Measure everything beside its peers, and compare with docs/benchmarks.md
	@sh scripts/chromium.sh
	@$(BIN)/python -m pip --disable-pip-version-check install -qq --no-build-isolation \
		--constraint constraints/$(AIRFLOW).txt --editable ./sandbox --editable '.[dev,bench]'
	@$(BIN)/python benchmarks/bench.py $(ARGS)

bench-write: ## Measure everything, and write it into docs/benchmarks.md
	@$(MAKE) bench ARGS="--write $(ARGS)"

kill-rounds: venv ## Kill the sandbox under load ROUNDS times, and look for what it lost
	@$(BIN)/python benchmarks/kill_rounds.py --rounds $(ROUNDS)

# It has its own environment: some of these packages do not work with the versions that the tests run with.
compare: ## Lose replies for this provider and for other libraries, and compare them
	@AIRFLOW=$(AIRFLOW) sh scripts/setup.sh $(VENV)-compare $(PYTHON)
	@$(VENV)-compare/bin/python -m pip --disable-pip-version-check install -qq -r benchmarks/requirements.txt
	@$(VENV)-compare/bin/python benchmarks/lost_reply.py

fuzz: venv ## Make CALLS generated calls to the sandbox, valid and invalid, and look for a 5xx
	@$(BIN)/python -m tests.contract $(CALLS)

venv:
	@AIRFLOW=$(AIRFLOW) sh scripts/setup.sh $(VENV) $(PYTHON)

clean: ## Remove everything that make and the tools made
	rm -rf .venv .venv-* .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage build dist docs/_build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
