# Two commands are enough: `make run` serves, `make test` checks everything.
PYTHON ?= python3
export PYTHON
export ORT_DISABLE_TELEMETRY = 1
# glibc keeps memory for each thread; with two pools it stays flat (docs/performance.md).
export MALLOC_ARENA_MAX = 2
SERVE_BIN := .venv/bin
TRAIN_BIN := .venv-train/bin
SERVE_TESTS := tests/knowledge tests/service $(wildcard tests/test_*.py)
# In processes of their own: the browser's event loop must not meet those of other tests.
PAGE_TESTS := tests/page tests/deploy

.PHONY: install run web check serving-types training-types test image-test faults load bench pipeline-tiny train-env clean

# The serving install: no torch, no developer tools.
install: .venv/.installed

run: .venv/.installed service/web/built/page.js
	$(SERVE_BIN)/saclip serve --host 127.0.0.1 --port 8000

# The page in the browser; Node comes from PyPI where the machine has none.
web: service/web/built/page.js

service/web/built/page.js: .venv/.installed web/build.sh web/package-lock.json $(wildcard web/src/*)
	PYTHON=$(abspath $(SERVE_BIN))/python web/build.sh

# Both environments at once: one is unpacked while the other is loaded.
check:
	$(MAKE) --jobs=2 .venv/.dev .venv-train/.installed service/web/built/page.js
	PYTHON=$(abspath $(SERVE_BIN))/python web/build.sh check
	$(SERVE_BIN)/ruff format --check .
	$(SERVE_BIN)/ruff check .
	$(MAKE) --jobs=2 serving-types training-types
	$(SERVE_BIN)/lint-imports --no-logo

serving-types:
	$(SERVE_BIN)/mypy --cache-dir .mypy_cache/serving service knowledge $(SERVE_TESTS) $(PAGE_TESTS) tests/faults tests/hostile

training-types:
	$(TRAIN_BIN)/mypy --cache-dir .mypy_cache/training model tests/model benchmarks

test: check
	deploy/system-packages.sh tests
	$(SERVE_BIN)/python -m pytest -n 2 --dist loadfile $(SERVE_TESTS)
	$(SERVE_BIN)/python -m pytest -n 2 --dist loadfile $(PAGE_TESTS)
	OMP_NUM_THREADS=1 $(TRAIN_BIN)/python -m pytest -n auto --maxprocesses=4 --dist worksteal tests/model

# The real Dockerfile, built, run read-only, asked and stopped; as root, without a Docker daemon.
image-test:
	deploy/system-packages.sh image
	deploy/test-image.sh

# What is killed, full, slow or gone: nothing is lost, and each test prints the time to recover.
faults: .venv/.dev
	deploy/system-packages.sh tests
	$(SERVE_BIN)/python -m pytest tests/faults tests/hostile
	$(SERVE_BIN)/python -m pytest tests/service/api/test_fuzz.py --hypothesis-profile=long

# Ten minutes of pictures from 64 clients, then twenty clips at once.
load: .venv/.installed
	$(SERVE_BIN)/python benchmarks/load.py

# Ratios between ways to do the same, measured in one run.
bench: .venv/.installed
	$(SERVE_BIN)/python benchmarks/frames.py

# Captions to a served answer, through every stage's own command.
pipeline-tiny: .venv-train/.installed
	$(TRAIN_BIN)/python benchmarks/pipeline_tiny.py

train-env: .venv-train/.installed

.venv/.made:
	deploy/system-packages.sh venv
	$(PYTHON) -m venv .venv
	touch $@

.venv/.installed: .venv/.made pyproject.toml constraints/serving.txt
	$(SERVE_BIN)/python -m pip install --quiet -c constraints/serving.txt -e ".[cpu]"
	touch $@

.venv/.dev: .venv/.installed
	$(SERVE_BIN)/python -m pip install --quiet -c constraints/serving.txt -e ".[cpu,dev,s3]"
	touch $@

.venv-train/.installed: pyproject.toml constraints/train.txt
	deploy/system-packages.sh train
	test -d .venv-train || $(PYTHON) -m venv .venv-train
	$(TRAIN_BIN)/python -m pip install --quiet -c constraints/train.txt -e ".[train,cluster,dev]"
	touch $@

clean:
	rm -rf web/node_modules service/web/built .venv .venv-train *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
