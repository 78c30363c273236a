# SPDX-FileCopyrightText: dirql contributors
# SPDX-License-Identifier: Apache-2.0
#
# A target's sentence after `##` is what `make help` prints.

VENV   := .venv
PY     := $(VENV)/bin/python
ARGS   ?=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## list these targets
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name what; \
	do printf '  make %-14s %s\n' "$$name" "$$what"; done
	@echo '  Options go through ARGS: make run ARGS="--mode dma", make test ARGS="-k dpc".'

# The environment, with what `run` needs and with what everything needs; redone when pyproject.toml changes, and when the
# environment is not one of this folder because the folder was renamed or copied.
BROKEN := $(shell sh host/bootstrap.sh --fits 2>/dev/null || echo .broken)

$(VENV)/.installed-%: pyproject.toml host/bootstrap.sh $(BROKEN)
	@sh host/bootstrap.sh $*

.PHONY: .broken
.broken:

.PHONY: run
run: $(VENV)/.installed-run ## run the store driver against the simulated machine in every mode and print its latencies
	@$(PY) -m dirql run $(ARGS)

.PHONY: doctor
doctor: $(VENV)/.installed-run ## check the set-up, with one line on how to mend each problem
	@$(PY) -m dirql doctor $(ARGS)

# The order of tests is shuffled, and yet the same each time; ARGS="--randomly-seed=N" tries another. The files of tests are
# shared among the processors, in the order in which tests/conftest.py puts them; WORKERS=0 runs them one after another in one
# process, as a debugger needs it.
WORKERS ?= auto
PYTEST := -m pytest --randomly-seed=14 --numprocesses $(WORKERS) --maxprocesses 8 --dist loadfile --no-loadscope-reorder
.PHONY: test
test: lint ## lint, then all tests
	@$(PY) $(PYTEST) $(ARGS)

# The compiled kernel is a copy of the package in a folder of its own, which goes before the checkout on Python's path.
COMPILED := build/compiled
COMPILED_TESTS ?= tests/unit tests/machine
$(COMPILED)/.made: $(VENV)/.installed-dev pyproject.toml host/hatch_build.py $(shell find host/dirql hdl sim -type f -not -name '*.pyc')
	@echo 'dirql: compiling the kernel (two to three minutes)' >&2
	@rm -rf $(COMPILED)
	@HATCH_BUILD_HOOKS_ENABLE=1 $(PY) -m pip install -qq --disable-pip-version-check --no-deps --target $(COMPILED) .
	@touch $@

.PHONY: compiled
compiled: $(COMPILED)/.made ## compile the kernel with mypyc, and run the unit tests and those of the machine with it
	@PYTHONPATH=$(COMPILED) $(PY) $(PYTEST) $(COMPILED_TESTS) $(ARGS)

# All at once, since each is one process; what each has to say stays together.
LINTS := lint-shell lint-python lint-registers lint-machines lint-wdk lint-hdl
.PHONY: lint
lint: $(VENV)/.installed-dev ## everything that can be checked without running dirql
	@$(MAKE) --no-print-directory --jobs --output-sync=target $(LINTS)

.PHONY: lint-shell
lint-shell:
	@sh -n host/bootstrap.sh
	@bash -n .ci/run

.PHONY: lint-python
lint-python: $(VENV)/.installed-dev
	@$(VENV)/bin/ruff check --quiet --output-format concise .
	@$(VENV)/bin/ruff format --check --quiet .
	@$(VENV)/bin/mypy --no-error-summary

.PHONY: lint-registers
lint-registers: $(VENV)/.installed-dev
	@$(PY) hdl/regs/generate.py --check
	@$(PY) hdl/link/usb_descriptors.py --check

.PHONY: lint-machines
lint-machines: $(VENV)/.installed-dev
	@$(PY) hdl/machines/generate.py --check

.PHONY: lint-wdk
lint-wdk: $(VENV)/.installed-dev
	@$(PY) -m wdk --check

.PHONY: lint-hdl
lint-hdl: $(VENV)/.installed-dev
	@$(PY) hdl/lint/lint.py

.PHONY: registers
registers: $(VENV)/.installed-dev ## write everything that is generated from the register maps under hdl/regs
	@$(PY) hdl/regs/generate.py
	@$(PY) hdl/link/usb_descriptors.py

.PHONY: machines
machines: $(VENV)/.installed-dev ## write everything that is generated from the machine files under hdl/machines
	@$(PY) hdl/machines/generate.py

.PHONY: wdk
wdk: $(VENV)/.installed-dev ## write everything that is generated from the description of the WDK under host/wdk
	@$(PY) -m wdk

.PHONY: docs
docs: registers machines wdk ## write the generated pages of docs/ and check that all links and commands in the documents exist
	@PYTHONPATH=tests $(PY) -m rows --write
	@$(PY) tests/walkthrough.py
	@$(PY) -m pytest -q tests/unit/test_docs.py tests/unit/test_rows.py tests/unit/test_walkthrough.py tests/unit/test_dependencies.py

.PHONY: formal
formal: $(VENV)/.installed-formal ## prove properties of the hardware; ARGS="--quick" proves those that take less than a minute
	@$(PY) hdl/formal/prove.py $(ARGS)

.PHONY: coverage
coverage: $(VENV)/.installed-dev ## run the tests of the bus and print which kinds of transactions they have had
	@$(PY) -m pytest -q -s tests/hdl/test_bus.py $(ARGS)

.PHONY: mutate
mutate: $(VENV)/.installed-dev $(VENV)/.installed-formal ## change the hardware in small ways and count what proofs and tests find; ARGS="--sample 20 bus_target"
	@PYTHONPATH=hdl/formal $(PY) hdl/mutation/mutate.py $(ARGS)

.PHONY: area
area: $(VENV)/.installed-synthesis ## measure the machines on parts of FPGAs; ARGS="--write" writes docs/area.md
	@$(PY) hdl/synthesis/area.py $(ARGS)

.PHONY: bitstream
bitstream: $(VENV)/.installed-boards ## make the bitstream of a board: make bitstream BOARD=hx8k
	@$(PY) -m dirql build $(BOARD) $(ARGS)

# The tests of bitstreams need bitstreams, which are built if they are not current, and the unpacker of Debian's package
# fpga-icestorm. They take up to an hour after a change of the hardware, and some minutes after others. The proofs come last.
.PHONY: nightly
nightly: $(VENV)/.installed-dev $(VENV)/.installed-boards ## bitstreams against the RTL, the store driver on a twin, the machine pio, a million random accesses, all proofs
	@DIRQL_BITSTREAMS=required $(PY) -m pytest --randomly-seed=14 tests/bitstream $(ARGS)
	@$(PY) -m pytest --randomly-seed=14 tests/machine/test_store_driver.py --dirql-target 'twin:tiny?silence=20' $(ARGS)
	@DIRQL_MACHINES=all $(PY) -m pytest --randomly-seed=14 tests/machine/test_machines.py tests/machine/test_lspci.py -k pio $(ARGS)
	@PYTHONPATH=tests $(PY) -m hdl.random_accesses at tiny bridged
	@$(MAKE) --no-print-directory formal ARGS=

# What a script measures stands at its top; it is printed above the numbers.
PURPOSE := import ast, sys; print(ast.get_docstring(ast.parse(open(sys.argv[1]).read())), end='\n\n')

.PHONY: bench
bench: $(VENV)/.installed-dev ## measure against peers and floors, in ratios of one run, and say what each number is
	@set -e; for script in bench/*.py; do echo "== $$script"; $(PY) -c "$(PURPOSE)" $$script; $(PY) $$script $(ARGS); done

.PHONY: rows
rows: $(VENV)/.installed-dev ## list the rows of docs/rules with the tests that show them, and those without
	@PYTHONPATH=tests $(PY) -m rows $(ARGS)

.PHONY: rules-of-wdm
rules-of-wdm: $(VENV)/.installed-dev ## run a driver that breaks each rule of Static Driver Verifier, and write docs/driver-verifier.md
	@PYTHONPATH=tests $(PY) -m wdm_rules

.PHONY: mistakes
mistakes: $(VENV)/.installed-dev ## run a driver with each of the usual mistakes, and write docs/mistakes.md with the messages
	@PYTHONPATH=tests $(PY) -m mistakes

.PHONY: clean
clean: ## remove what runs, tests and tools left in this folder
	@rm -rf build dist obj_dir sim_build .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -path ./$(VENV) -prune -o -name __pycache__ -type d -exec rm -rf {} +

.PHONY: clean-all
clean-all: clean ## the same, and the Python environment
	@rm -rf $(VENV)
