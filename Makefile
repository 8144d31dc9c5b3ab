# Every target sets up .venv by itself; it needs Python >= 3.11 with its headers and a C compiler.

PYTHON ?= python3
WORKERS ?= 2
FUZZ_SECONDS ?= 60
TABLE_SECONDS ?= 30
DEMO_OUT ?= demo
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
BUILT := $(VENV)/.built
C_SOURCES := $(wildcard runtime/core/src/* runtime/core/include/* runtime/binding/*.[ch]) \
	runtime/binding/CMakeLists.txt CMakeLists.txt
PIP_INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt

.PHONY: demo test bare bench lint format wheel pins clean exhaustive vec-report fuzz fuzz-tables kills

demo: $(BUILT)
	$(BIN)/rnnedge demo --out $(DEMO_OUT)

test: $(BUILT)
	@$(BIN)/python -c 'import rnnedge_runtime._native' 2>/dev/null || { echo \
		"make: the C engine is not built, the tests need it. Install a C compiler and Python's headers" \
		"(Debian: gcc, python3-dev), then: rm $(BUILT) and make test"; exit 1; }
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS)

# What calls programs, as on a machine that has Python, make and gcc alone; nothing may fail.
bare: $(BUILT)
	OMP_NUM_THREADS=1 $(BIN)/python tests/bare_machine.py -n $(WORKERS)

# Ratios beside ONNX Runtime, into docs/benchmarks.md; wants a quiet machine.
bench: $(BUILT)
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	scripts/format_c.sh check

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	scripts/format_c.sh apply

# Every function of f32.v1 over all floats; the figures of docs/numerics.md.
exhaustive:
	mkdir -p build
	$(CC) -std=c99 -O2 -Iruntime/core/include tests/c/exhaustive.c \
		$(filter-out %/time.c,$(wildcard runtime/core/src/*.c)) -lm -o build/exhaustive
	build/exhaustive

# Packed multiplications and fused multiply-adds in every kernel, for x86 and aarch64.
vec-report:
	$(PYTHON) scripts/vec_report.py

fuzz:
	runtime/core/fuzz/run.sh $(FUZZ_SECONDS)

# The table reader against polars on drawn tables, and on changed ones.
fuzz-tables: $(BUILT)
	$(BIN)/python tests/fuzz_tables.py $(TABLE_SECONDS)

# `rnnedge run` killed 222 times at drawn moments, and continued; a quarter of an hour.
kills: $(BUILT)
	OMP_NUM_THREADS=1 $(BIN)/python tests/kill_study.py

wheel: $(INSTALLED)
	$(BIN)/python -m build --wheel --no-isolation --outdir dist

pins: $(INSTALLED)
	$(BIN)/python scripts/pin_constraints.py > constraints.txt.new
	mv constraints.txt.new constraints.txt

clean:
	cd runtime && rm -rf rnnedge_runtime/_native.*.so binding/CMake[CFI]* binding/.cmake binding/.ninja* \
		binding/.skbuild-info.json binding/build.ninja binding/cmake_install.cmake
	rm -rf $(VENV) build dist demo .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and f"make: $(PYTHON) is Python {v.major}.{v.minor}, rnnedge needs 3.11 or newer. Choose another one: make PYTHON=python3.12")'
	@echo "setting up $(VENV), a minute or two; again only when the dependencies change"
	$(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) scikit-build-core $(foreach tool,cmake ninja,$(if $(shell command -v $(tool)),,$(tool)))
	$(PIP_INSTALL) --no-build-isolation --editable '.[dev]'
	@touch $@

$(BUILT): $(C_SOURCES) | $(INSTALLED)
	$(PIP_INSTALL) --no-build-isolation --no-deps --editable .
	@touch $@
