# Two commands do everything: `make repro` runs the pipeline, `make test` checks it. `make help` prints the lines
# that begin with two #.
.DELETE_ON_ERROR:
.PHONY: help setup repro predict demo demo-setup reproduce-check lock-check why verify gate check-cache every-failure
.PHONY: repository writable metrics compare repeat exercise check distributed-setup test test-all lint bench readme lock

# DVC's notes on outputs are pickled: here, not in a folder where every user of the machine may write.
export DVC_SITE_CACHE_DIR ?= $(CURDIR)/.dvc/tmp/site

# DVC asks for the user's name, and a container's user may have none.
export USER ?= $(firstword $(shell id -un 2>/dev/null || id -u))

# What is set for another Python, or by git for the hook that calls make, leads no command astray.
unexport PYTHONPATH PYTHONHOME PYTHONPLATLIBDIR PYTHONSAFEPATH PYTHONOPTIMIZE
unexport GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_PREFIX GIT_OBJECT_DIRECTORY GIT_COMMON_DIR

# exec: a SIGTERM that make passes on reaches the program and not a shell around it.
RUN := PATH="$(CURDIR)/.venv/bin:$$PATH" exec
SHOW_METRICS := $(RUN) sh -c 'python -m dvc metrics show --json | python -m tools.experiments.metrics_table'

##@ Run

## The whole pipeline, then every metric; PULL=1: what the remote holds is fetched.
repro: repository writable setup
	$(if $(PULL),@$(RUN) python -m tools.pipeline.check_remote)
	@$(RUN) python -m tools.pipeline.repro $(if $(PULL),--pull)
	@$(SHOW_METRICS)

## Every metric of the last run.
metrics: repository writable setup
	@$(SHOW_METRICS)

## Answers of the trained models; ARGS='celsius 20'; ARGS=--help says what else.
predict: setup
	@$(RUN) python -m ladder.predict $(ARGS)

## A page on this machine to try the models on; PORT=7861: at that port.
demo: demo-setup
	@$(RUN) python -m tools.demo $(if $(PORT),--port "$(PORT)")

##@ Learn

## N=3: lays out the third exercise, a function for you to write; without N, lists all.
exercise: setup
	@$(RUN) python -m tools.learn.exercises $(if $(N),"$(N)")

## N=3: the real function's tests judge what you wrote.
check: setup
	@$(RUN) python -m tools.learn.check_exercise $(if $(N),"$(N)")

##@ Understand a change

## What has changed since the stages ran; STAGE=train-mnist: of this one and its needs.
why: repository writable setup
	@$(RUN) python -m tools.pipeline.why $(if $(STAGE),"$(STAGE)")

## REV=main: which differences from the models of that revision exceed the noise.
compare: repository setup
	@$(RUN) python -m tools.experiments.compare "$(REV)"

## STAGE=train-mnist N=5: one stage under several seeds, on the same inputs.
repeat: setup
	@$(RUN) python -m tools.experiments.repeat "$(STAGE)" $(if $(N),--runs "$(N)")

## BASE=main: what a branch changes; fails where a model got worse.
gate: repository writable setup
	@$(RUN) python -m tools.experiments.gate "$(BASE)"

##@ Trust the results

## Is dvc.lock of the committed code, data and parameters? Nothing runs.
lock-check: repository writable setup
	@$(RUN) python -m tools.pipeline.lock_check

## Are the committed metrics what this machine computes? HERE=1: in this clone.
# Within tolerances.yaml; with HERE=1, what DVC's cache holds is not computed.
verify: repository setup
	@$(RUN) python -m tools.pipeline.verify $(if $(HERE),--here)

## Do two fresh clones write the same bytes? PRECISION=float32; TINY=1.
# TINY=1: with tiny parameters, in every precision.
reproduce-check: repository setup
	@$(RUN) python -m tools.pipeline.reproduce_check $(if $(TINY),--tiny) $(if $(PRECISION),--precision "$(PRECISION)")

## Every object in DVC's cache, hashed anew.
check-cache: repository writable setup
	@$(RUN) python -m tools.pipeline.check_cache

## STAGE=train-moons: each call that writes or reads fails once, and nothing is lost.
# With tiny parameters, on Linux with a C compiler. Without STAGE: all stages, which takes hours.
every-failure: setup
	@$(RUN) python -m tests.pipeline.every_failure $(if $(STAGE),--stage "$(STAGE)")

##@ Work on the code

## What a change has to pass before it is pushed: lint and tests, in some minutes.
PYTEST := python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder -m
test: lint
	@$(RUN) $(PYTEST) "not campaign"

## What `make test` leaves out: kills, browsers, full disks, whole pipelines.
# And clusters of processes. With `make test` these are all tests.
test-all: lint
	@$(RUN) $(PYTEST) campaign

## Style, format and types.
lint: setup
	@$(RUN) python -m ruff check .
	@$(RUN) python -m ruff format --check .
	@$(RUN) python -m ty check --output-format concise

## How fast it is; IDX=FOLDER measures on MNIST's IDX files instead of random images.
bench: setup
	@$(RUN) python -m benchmarks $(if $(IDX),--idx "$(IDX)" --accuracy)

## Put the measured tables and the pictures into README.md and docs/.
readme: setup
	@$(RUN) python -m tools.project.readme

##@ Set up

## This list.
help:
	@awk '/^##@ / { printf "\n%s\n", substr($$0, 5) } /^## / { line = substr($$0, 4) } \
	    /^[a-z-]+:/ && line { printf "  make %-19s%s\n", substr($$1, 1, length($$1) - 1), line; line = "" }' Makefile

## .venv with the locked packages; GPU=1: with the TensorFlow for NVIDIA's GPUs (Linux).
# That TensorFlow stays in this .venv from then on.
setup:
	@sh tools/project/setup.sh $(if $(GPU),requirements/gpu.lock)

## Gradio, for `make demo`.
demo-setup: setup
	@sh tools/project/setup.sh requirements/demo.lock

## JAX, for stages that share their work with other processes.
distributed-setup: setup
	@sh tools/project/setup.sh requirements/distributed.lock

# These two first of all: they take a moment, and set-up minutes.
repository:
	@sh tools/project/check_git.sh

writable:
	@sh tools/project/check_writable.sh

# The locks that are installed beside another name no TensorFlow: which one it is, the other says.
COMPILE := PATH="$(CURDIR)/.venv/bin:$$PATH" uv pip compile --universal --generate-hashes --python-version 3.11 \
    --no-emit-index-url --no-annotate --no-header --quiet --upgrade
PROJECT := $(COMPILE) pyproject.toml --extra test
BESIDE := $(PROJECT) --constraints requirements/pipeline.lock --no-emit-package tensorflow-cpu
## New versions of every package, written with their hashes for every platform.
lock: setup
	$(PROJECT) --output-file requirements/pipeline.lock
	$(BESIDE) --extra gpu --output-file requirements/gpu.lock
	$(BESIDE) --no-emit-package tensorflow --extra demo --extra demo-test --output-file requirements/demo.lock
	$(BESIDE) --no-emit-package tensorflow --extra distributed --output-file requirements/distributed.lock
	echo uv | $(COMPILE) - --output-file requirements/installer.lock
