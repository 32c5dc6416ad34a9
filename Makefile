# Everything a contributor runs. It needs Python 3.11 or newer, git and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK := requirements/dev.txt
# The extras that tests and types need.
EXTRAS := --extra arrow --extra local

# What is in the container image, and what builds it there.
IMAGE := requirements/runtime.txt
IMAGE_BUILD := requirements/packaging.txt
INSTALLED := $(VENV)/.installed
PLOTTING := requirements/benchmarks.txt
SITE := requirements/docs.txt
SPARK := requirements/spark.txt

# What checks the types of the local Amplitude's page.
PAGE := requirements/page
TSC := $(VENV)/page/node_modules/.bin/tsc

DOCKERFILES := Dockerfile examples/kubernetes/Dockerfile

# Each tap has an environment of its own, as in Meltano: their dependencies are old, and
# no two agree. Some end with Python 3.11.
TAPS_PYTHON ?= python3.11
TAPS_BUILD := requirements/build
TAPS := $(patsubst requirements/taps/%.in,%,$(wildcard requirements/taps/*.in))

.DEFAULT_GOAL := help
.PHONY: help quickstart test test-all test-slow test-spark test-lowest test-next taps lint \
	format coverage benchmarks floors lock upgrade settings sbom site clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

# Without what Meltano and the tap's SDK log beside it, the table at the end stands out.
quickstart: export MELTANO_CLI_LOG_FORMAT ?= plain
quickstart: export TAP_NAMI_LOGLEVEL ?= WARNING
quickstart: $(INSTALLED) ## Send the sample data to the local Amplitude, through Meltano
	@echo "The sample has $$(grep -c . examples/data/bad-records.jsonl) bad records," \
		'planted to show what becomes of them: they will be rejected.'
	PATH="$(CURDIR)/$(BIN):$$PATH" meltano run tap-nami target-amplitude-nami

test: lint ## Check style and types, and run the tests
	@printf '\n== pytest\n'
	$(BIN)/pytest -n auto --dist worksteal

test-all: ## The same, then the tests that take longer: everything that CI checks
	$(MAKE) test
	$(MAKE) test-slow

# What `test` leaves out: long tests, real taps on real databases, and Spark.
test-slow: $(INSTALLED) taps .dagster/.installed
	@printf '\n== pytest: what takes longer\n'
	$(BIN)/pytest -n auto --dist loadfile -m 'taps or slow'
	$(MAKE) test-spark

# One test at a time: Spark uses all processors.
test-spark: .spark/.installed ## The tests of Spark, which needs Java 17 or newer
	@printf '\n== pytest: Spark\n'
	.spark/bin/pytest -m spark --timeout 600 tests/spark tests/docs/test_backfill_recipe.py \
		$(PYTEST_FLAGS)

test-lowest: .lowest/.installed ## The tests, with the oldest versions that are allowed
	.lowest/bin/pytest -n auto --dist worksteal $(PYTEST_FLAGS)

test-next: .next/.installed ## The tests, with the newest pre-release of the SDK
	.next/bin/pytest -n auto --dist worksteal $(PYTEST_FLAGS)

taps: $(TAPS:%=.taps/%/.installed)

lint: $(INSTALLED) ## Check style, types and the import rules
	@printf '\n== ruff\n'
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	@printf '\n== mypy\n'
	$(BIN)/mypy
	@printf '\n== import-linter\n'
	$(BIN)/lint-imports --no-logo
	@printf '\n== zizmor\n'
	$(BIN)/zizmor --offline --quiet .github
	@printf '\n== hadolint\n'
	@if [ -x $(BIN)/hadolint ]; then $(BIN)/hadolint $(DOCKERFILES); \
		else echo 'There is no hadolint for this machine; CI runs it.'; fi
	@printf '\n== tsc\n'
	@if ! command -v npm >/dev/null; then \
		echo 'There is no npm on this machine; CI checks the types of the page.'; \
		elif $(MAKE) --no-print-directory $(TSC); then $(TSC) --project jsconfig.json; \
		elif [ -n "$$CI" ]; then exit 1; \
		else echo 'npm could not install TypeScript; CI checks the types of the page.'; fi
	@printf '\n== what the documents say of settings and commands\n'
	$(BIN)/python -m scripts.write_settings --check

format: $(INSTALLED) ## Format the code and fix what ruff can fix
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

coverage: $(INSTALLED) ## Show which lines and branches no test reaches
	$(BIN)/pytest -n auto --dist worksteal --cov

benchmarks: $(INSTALLED) $(VENV)/plotting ## Measure everything: about half an hour
	$(BIN)/python -m benchmarks $(BENCHMARKS)

floors: $(INSTALLED) ## See that it is as fast as it was, but for a fifth
	$(BIN)/python -m benchmarks.floors

LOCKING = $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --quiet \
	--custom-compile-command 'make lock' $(LOCK_FLAGS)

lock: $(INSTALLED) ## Bring the locks in line with pyproject.toml
	$(LOCKING) pyproject.toml $(EXTRAS) --group dev --output-file $(LOCK)
	$(LOCKING) pyproject.toml --constraint $(LOCK) --output-file $(IMAGE)
	$(LOCKING) --group build --constraint $(LOCK) --output-file $(IMAGE_BUILD)
	$(LOCKING) --group benchmarks --constraint $(LOCK) --output-file $(PLOTTING)
	$(LOCKING) --group docs --output-file $(SITE)
	$(LOCKING) pyproject.toml --extra arrow requirements/dagster.in --group build \
		--constraint $(LOCK) --output-file requirements/dagster.txt
	$(LOCKING) pyproject.toml --extra local --extra spark \
		--group build --group test-spark --constraint $(LOCK) \
		--output-file $(SPARK)
	for lock in requirements/sbom $(TAPS_BUILD) $(TAPS:%=requirements/taps/%); do \
		$(LOCKING) $$lock.in --output-file $$lock.txt || exit 1; done

upgrade: LOCK_FLAGS = --upgrade
upgrade: lock ## Lock the newest versions that pyproject.toml allows

site: $(VENV)/site/.installed ## Build the documentation as a site, in output/site
	$(VENV)/site/bin/sphinx-build -q -W --keep-going docs output/site

settings: $(INSTALLED) ## Write what the target declares into the documents
	$(BIN)/python -m scripts.write_settings

sbom: $(INSTALLED) ## Write the bill of materials of the wheel in dist/ and its locked versions
	rm -rf .sbom
	$(PYTHON) -m venv .sbom/writer
	.sbom/writer/bin/pip install --quiet --require-hashes \
		--requirement requirements/sbom.txt
	$(PYTHON) -m venv --without-pip .sbom/written
	$(BIN)/pip --python .sbom/written/bin/python install --quiet --require-hashes \
		--requirement $(IMAGE)
	$(BIN)/pip --python .sbom/written/bin/python install --quiet --no-deps dist/*.whl
	.sbom/writer/bin/cyclonedx-py environment --pyproject pyproject.toml \
		--mc-type library --output-reproducible --output-file dist/sbom.cdx.json \
		.sbom/written/bin/python

clean: ## Remove everything that the other commands made
	rm -rf $(VENV) .dagster .lowest .next .sbom .spark .taps .meltano output dist build
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -f .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pip brings in the uv of the lock, which installs the rest ten times as fast. Where uv
# does not get through (it does not read pip's configuration), pip does it all; the lock
# is complete, and an older pip looks for a newer `coverage[toml]` than it names.
$(VENV)/.locked: $(LOCK)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo 'Python 3.11 or newer is needed: make PYTHON=/path/to/python3'; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo 'pip and venv are needed (Debian, Ubuntu: apt install python3-venv)'; \
		exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	awk '/^[^ #]/ { found = /^uv==/ } found' $(LOCK) > $(VENV)/uv.txt
	$(BIN)/pip install --quiet --require-hashes --requirement $(VENV)/uv.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes \
		--requirement $(LOCK) || \
		$(BIN)/pip install --quiet --no-deps --require-hashes --requirement $(LOCK)
	@touch $@

$(INSTALLED): $(VENV)/.locked pyproject.toml
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(TSC): $(PAGE)/package.json $(PAGE)/package-lock.json | $(INSTALLED)
	@rm -rf $(VENV)/page && mkdir -p $(VENV)/page && cp $^ $(VENV)/page
	@npm ci --prefix $(VENV)/page --ignore-scripts --no-audit --no-fund --silent
	@touch $@

# Apart from what is measured: the SDK's joblib would import NumPy where it finds it.
$(VENV)/plotting: $(PLOTTING) $(INSTALLED)
	rm -rf $@
	$(BIN)/pip install --quiet --require-hashes --target $@ --requirement $(PLOTTING)
	@touch $@

$(VENV)/site/.installed: $(SITE) $(INSTALLED)
	$(PYTHON) -m venv --clear $(VENV)/site
	$(VENV)/site/bin/pip install --quiet --require-hashes --requirement $(SITE)
	@touch $@

# uv or else pip, as above. Neither is in a tap's environment.
TAP_INSTALL = install --quiet --require-hashes --build-constraint $(TAPS_BUILD).txt

.taps/%/.installed: requirements/taps/%.txt $(TAPS_BUILD).txt | $(INSTALLED)
	@$(TAPS_PYTHON) -c '' || \
		{ echo 'The taps need Python 3.11: make TAPS_PYTHON=/path/to/python3.11'; exit 1; }
	$(TAPS_PYTHON) -m venv --clear --without-pip .taps/$*
	$(BIN)/uv pip $(TAP_INSTALL) --python .taps/$*/bin/python --requirement $< || \
		$(BIN)/pip --python .taps/$*/bin/python $(TAP_INSTALL) --no-deps --requirement $<
	@touch $@

# Spark, which is large, has an environment of its own, with what its tests need. It is
# a source package, so that what builds it is locked, too.
.spark/.installed: $(SPARK) $(TAPS_BUILD).txt pyproject.toml | $(INSTALLED)
	$(PYTHON) -m venv --clear --without-pip .spark
	$(BIN)/uv pip $(TAP_INSTALL) --python .spark/bin/python --requirement $(SPARK) || \
		$(BIN)/pip --python .spark/bin/python $(TAP_INSTALL) --no-deps \
		--requirement $(SPARK)
	$(BIN)/pip --python .spark/bin/python install --quiet --no-deps \
		--no-build-isolation --editable .
	@touch $@

# Dagster has an environment of its own, too, with the library in it for one recipe; to
# the other one the target is a command.
.dagster/.installed: requirements/dagster.txt | $(INSTALLED)
	$(PYTHON) -m venv --clear --without-pip .dagster
	$(BIN)/uv pip install --quiet --require-hashes --python .dagster/bin/python \
		--requirement $< || \
		$(BIN)/pip --python .dagster/bin/python install --quiet --require-hashes \
		--no-deps --requirement $<
	$(BIN)/pip --python .dagster/bin/python install --quiet --no-deps \
		--no-build-isolation --editable .
	@touch $@

# The lock, and over it what is tried instead of it.
.lowest/.installed: pyproject.toml $(LOCK) | $(INSTALLED)
	$(PYTHON) -m venv --clear --without-pip .lowest
	$(BIN)/uv pip compile --quiet --resolution lowest-direct --python-version 3.11 \
		$(EXTRAS) --output-file .lowest/requirements.txt pyproject.toml
	$(OVER_THE_LOCK) --requirement .lowest/requirements.txt
	@touch $@

.next/.installed: pyproject.toml $(LOCK) | $(INSTALLED)
	$(PYTHON) -m venv --clear --without-pip .next
	$(OVER_THE_LOCK) 'singer-sdk[msgspec,testing]>=0.55.0a0'
	@touch $@

OVER_THE_LOCK = set -e; install="$(BIN)/uv pip install --quiet --python $(@D)/bin/python"; \
	$$install --require-hashes --requirement $(LOCK); \
	$$install --no-deps --no-build-isolation --editable .; $$install
