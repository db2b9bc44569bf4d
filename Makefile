# `make demo` and `make test` work first thing after a clone: Python 3.11, make and a package registry are enough.
# UV_TORCH_BACKEND=cpu takes PyTorch's small CPU build; it comes from PyTorch's own index, so its hashes are not in the lock.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
# --compile-bytecode: where PYTHONDONTWRITEBYTECODE is set, each process would compile every library again
UV := .venv/bin/uv pip install --quiet --compile-bytecode --python .venv

demo: .venv/installed
	.venv/bin/kaleidoscope run demo

test: .venv/installed
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/python -m pytest --numprocesses 2 --dist loadfile

# what faults leave behind: processes killed, disks full, servers stopped; slower than the tests of `make test`
test-faults: .venv/installed
	.venv/bin/python -m pytest -m faults --numprocesses 2 --dist loadfile

# geometry and extraction of more than 200 architectures, with random weights
test-networks: .venv/installed
	.venv/bin/python -m pytest -m networks --numprocesses 2

bench: .venv/installed
	@for file in tests/benchmarks/bench_*.py; do .venv/bin/python -m tests.benchmarks.$$(basename $$file .py) || exit 1; done

up: .venv/installed
	@.venv/bin/kaleidoscope up

# newer versions of everything, within pyproject.toml
lock: .venv/installed
	.venv/bin/uv pip compile --quiet --upgrade --python-version 3.11 --extra test --generate-hashes \
	    --no-emit-index-url --no-header --no-annotate pyproject.toml --output-file requirements.lock

# what make can make again; data/ is yours
clean:
	rm -rf .venv build *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet uv
ifdef UV_TORCH_BACKEND
	$(UV) --no-verify-hashes --constraint requirements.lock --editable '.[test]'
else
	$(UV) --require-hashes --requirement requirements.lock
	$(UV) --no-deps --editable .
endif
	# numba compiles UMAP here, once, and not in the first run that looks for families
	.venv/bin/python -c "import numpy; from tasks.families.grouping import *; \
	    embed(*nearest(1 - numpy.eye(50, dtype='float32'), 15), MAP_DIMENSIONS, FamiliesConfig())"
	touch $@

.PHONY: demo test test-faults test-networks bench up lock clean
