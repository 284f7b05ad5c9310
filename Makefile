# The project's commands. A fresh machine needs Python 3.11 or newer, make and pip; uv is used when it is there and works.
#
#   make demo    one text, two pictures, a sentence, a film, made on this machine; the page is demo_out/index.html
#   make test    everything that CI checks
#   make lab     JupyterLab on the tutorials

PYTHON ?= python3
VENV ?= .venv
BIN ?= $(VENV)/bin
OUT ?= demo_out
PYTEST ?= $(BIN)/python -m pytest
NOTEBOOKS ?= notebooks/tutorials notebooks/ab_tests
BENCHMARK_NOTEBOOKS ?= notebooks/benchmarks/overhead.ipynb
BENCHMARKS ?= import_time overhead stream throughput image_8mb switch

.PHONY: catalog-check help demo test lint types imports unit notebooks readme lab benchmarks clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^#   //p' Makefile

demo: $(VENV)/.demo
	$(BIN)/python -m viralai_sdk.cli demo --out $(OUT)

# Checks that take seconds come first; the README's commands come last, so that the output ends with pytest's summary.
test: lint types imports unit notebooks readme

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.test
	$(BIN)/python -m mypy

imports: $(VENV)/.test
	$(BIN)/lint-imports

unit: $(VENV)/.test
	$(PYTEST) --ignore=tests/test_readme.py --cov --cov-report=term

# Of the benchmarks one runs here with its defaults; tests/bench runs all of them through papermill with small parameters.
notebooks: $(VENV)/.test
	$(PYTEST) --nbval --nbval-current-env --nbval-sanitize-with tests/nbval_sanitize.cfg -p no:cacheprovider $(NOTEBOOKS)
	home=$$(mktemp -d) && VIRALAI_HOME=$$home $(PYTEST) --nbval --nbval-current-env -p no:cacheprovider $(BENCHMARK_NOTEBOOKS); \
	  code=$$?; rm -rf "$$home"; exit $$code

readme: $(VENV)/.test
	$(PYTEST) tests/test_readme.py

lab: $(VENV)/.lab
	$(BIN)/python -m viralai_sdk.cli lab

benchmarks: $(VENV)/.test
	for name in $(BENCHMARKS); do $(BIN)/python -m benchmarks.$$name || exit 1; done

# Defaults that end within 90 days, figures without a source, successors that do not exist. Not a part of `make test`: it depends on the day.
catalog-check: $(VENV)/.test
	$(BIN)/python -m viralai_sdk.catalog.check

clean:
	rm -rf $(VENV) $(OUT) build dist .coverage htmlcov .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the environment: made once, made again when what it is made from has changed -----------------------------------------------

define find_python
	found=; for candidate in "$(PYTHON)" python3.13 python3.12 python3.11 python; do \
	  if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found="$$candidate"; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "This project needs Python 3.11 or newer, and none was found. Install one, or say where it is: make demo PYTHON=/path/to/python3.12" >&2; \
	  exit 2; \
	fi
endef

# Debian keeps `ensurepip` in a package of its own (python3-venv); the outer pip can fill a bare environment instead.
$(VENV)/.made:
	@$(find_python); \
	rm -rf $(VENV); \
	"$$found" -m venv $(VENV) 2>/dev/null \
	  || { rm -rf $(VENV); "$$found" -m venv --without-pip $(VENV) && "$$found" -m pip --python $(VENV)/bin/python install --quiet pip; } \
	  || { echo "Cannot make a virtual environment in $(VENV): install python3-venv (Debian, Ubuntu) or pip." >&2; rm -rf $(VENV); exit 2; }
	@touch $@

define install
	@echo "Installing viralai-sdk[$(1)] into $(VENV) …"
	@if command -v uv >/dev/null 2>&1 && uv pip install --quiet --python $(VENV)/bin/python -c constraints.txt -e '.[$(1)]'; then :; else \
	  ! command -v uv >/dev/null 2>&1 || echo "uv did not manage it; trying pip." >&2; \
	  $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$(1)]'; fi
	@touch $@
endef

$(VENV)/.demo: pyproject.toml constraints.txt | $(VENV)/.made
	$(call install,demo)

$(VENV)/.lab: pyproject.toml constraints.txt | $(VENV)/.made
	$(call install,bench$(comma)compare$(comma)demo$(comma)notebook$(comma)sim$(comma)ws)

$(VENV)/.test: pyproject.toml constraints.txt | $(VENV)/.made
	$(call install,test)
	@touch $(VENV)/.demo $(VENV)/.lab

comma := ,
