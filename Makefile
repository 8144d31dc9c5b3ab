# Every target sets up .venv by itself; it needs Python >= 3.11 with its headers and a C compiler.

PYTHON ?= python3
WORKERS ?= 2
FUZZ_SECONDS ?= 60
FUZZ_ARTIFACTS ?= 5000
FUZZ_STATES ?= 1000
TABLE_SECONDS ?= 30
DECIMAL_STRIDE ?= 101
DEMO_OUT ?= demo
LOCK ?= device.txt
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
BUILT := $(VENV)/.built
C_SOURCES := $(wildcard runtime/core/src/*/* runtime/core/include/* runtime/binding/*.[ch] runtime/binding/text/*.[ch]) \
	runtime/binding/CMakeLists.txt CMakeLists.txt
BUILD_WHEEL = $(BIN)/python -m build --wheel --no-isolation --outdir build/wheel
FINISH_WHEEL = $(BIN)/python scripts/finish_wheel.py build/wheel/*.whl dist
PIP_INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt

.PHONY: decimals demo test bare bench docs lint format wheel wheels pins locks check-locks clean exhaustive \
	vec-report fuzz fuzz-core fuzz-files fuzz-long fuzz-tables kills soak fresh

demo: $(BUILT)
	$(BIN)/rnnedge demo --out $(DEMO_OUT)

test: $(BUILT)
	@$(BIN)/python -c 'import rnnedge_runtime._native' 2>/dev/null || { echo \
		"make: the C engine is not built, the tests need it. Install a C compiler and Python's headers" \
		"(Debian: gcc, python3-dev), then: rm $(BUILT) and make test"; exit 1; }
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS)

# What calls programs, as on a machine that has Python, make and gcc alone; nothing may fail.
bare: $(BUILT)
	OMP_NUM_THREADS=1 PYTHONPATH=tests $(BIN)/python -m support.bare_machine -n $(WORKERS)

# Ratios beside ONNX Runtime, into docs/benchmarks.md; wants a quiet machine.
bench: $(BUILT)
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks

# The site, into site/: its pages, references from the source; any warning is an error.
docs: $(INSTALLED)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet

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
		$(filter-out %/time.c,$(wildcard runtime/core/src/*/*.c)) -lm -o build/exhaustive
	build/exhaustive

# Packed multiplications and fused multiply-adds in every kernel, for x86 and aarch64.
vec-report:
	$(PYTHON) scripts/vec_report.py

# Networks as PyTorch draws them, to every format: none is refused, every file verifies.
fresh: $(BUILT)
	OMP_NUM_THREADS=1 $(BIN)/python scripts/fresh_networks.py $(FRESH)

fuzz: fuzz-core fuzz-files

# The C core under libFuzzer.
fuzz-core:
	runtime/core/fuzz/run.sh $(FUZZ_SECONDS)

# Changed artifacts and saved states, signed again, against every reader.
fuzz-files: $(BUILT)
	OMP_NUM_THREADS=1 PYTHONPATH=tests $(BIN)/python -W ignore -m support.studies.fuzz_files $(FUZZ_ARTIFACTS) $(FUZZ_STATES)

# The same at length.
fuzz-long: $(BUILT)
	OMP_NUM_THREADS=1 PYTHONPATH=tests $(BIN)/python -W ignore -m support.studies.fuzz_files 240000 20000

# The table reader against polars on drawn tables, and on changed ones.
fuzz-tables: $(BUILT)
	PYTHONPATH=tests $(BIN)/python -m support.studies.fuzz_tables $(TABLE_SECONDS)

# `rnnedge run` killed 222 times at drawn moments, and continued, and 200 times live; half an hour.
kills: $(BUILT)
	OMP_NUM_THREADS=1 PYTHONPATH=tests $(BIN)/python -m support.studies.kill_study
	OMP_NUM_THREADS=1 PYTHONPATH=tests $(BIN)/python -m support.studies.live_kill_study

# Decimals of forecasts as NumPy writes them, of every 101st float32; DECIMAL_STRIDE=1 takes an hour.
decimals: $(BUILT)
	PYTHONPATH=tests $(BIN)/python -m support.studies.shortest $(DECIMAL_STRIDE)

# 200 sensors through mosquitto, restarted and killed ten times each: all arrives; latency, memory.
soak: $(BUILT)
	OMP_NUM_THREADS=1 PYTHONPATH=tests $(BIN)/python -m support.studies.mqtt_soak $(SOAK)

# For this machine, with its bill of materials.
wheel: $(INSTALLED)
	rm -rf build/wheel
	$(BUILD_WHEEL)
	$(FINISH_WHEEL)

# For Linux on x86_64 and aarch64, and for the rest of the world; all give the same bytes.
wheels: $(INSTALLED)
	rm -rf build/wheel dist
	$(BUILD_WHEEL)
	$(FINISH_WHEEL)
	rm -rf build/wheel
	$(BUILD_WHEEL) -C cmake.define.CMAKE_SYSTEM_NAME=Linux \
		-C cmake.define.CMAKE_SYSTEM_PROCESSOR=aarch64 \
		-C cmake.define.CMAKE_C_COMPILER=aarch64-linux-gnu-gcc
	$(FINISH_WHEEL)
	rm -rf build/wheel
	$(BUILD_WHEEL) -C wheel.cmake=false -C wheel.py-api=py3
	$(FINISH_WHEEL)
	test -x build/aarch64/python || PYTHON=$(BIN)/python scripts/aarch64_userland.sh build/aarch64
	$(BIN)/python scripts/check_wheels.py dist build/aarch64

# The files that pip may install, by SHA-256; wants pip 23.3, which asks for metadata alone.
locks: $(INSTALLED)
	$(BIN)/python scripts/pin_hashes.py

check-locks: $(INSTALLED)
	rm -rf build/locked
	$(BIN)/python -m pip download --disable-pip-version-check --quiet --no-deps --require-hashes \
		--only-binary :all: --dest build/locked -r locks/$(LOCK)

pins: $(INSTALLED)
	$(BIN)/python scripts/pin_constraints.py > constraints.txt.new
	mv constraints.txt.new constraints.txt

clean:
	cd runtime && rm -rf rnnedge_runtime/_native.*.so binding/CMake[CFI]* binding/.cmake binding/.ninja* \
		binding/.skbuild-info.json binding/build.ninja binding/cmake_install.cmake
	rm -rf $(VENV) build dist demo site .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

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
