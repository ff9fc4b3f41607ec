# Two commands do everything: `make repro` runs the pipeline, `make test` checks it.
.DELETE_ON_ERROR:
.PHONY: setup repro metrics test lint lock

RUN := PATH="$(CURDIR)/.venv/bin:$$PATH"
SHOW_METRICS := $(RUN) sh -c 'dvc metrics show --json | python -m tools.metrics_table'

repro: setup
	@$(RUN) dvc repro
	@$(SHOW_METRICS)

metrics: setup
	@$(SHOW_METRICS)

test: lint
	@$(RUN) python -m pytest

lint: setup
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .

setup:
	@sh tools/setup.sh

# Choose new versions for every platform and write them with their hashes; needs uv (pip install uv).
lock:
	uv pip compile pyproject.toml --extra test --universal --generate-hashes --python-version 3.11 \
	    --no-emit-index-url --no-annotate --no-header --quiet --upgrade --output-file requirements.lock
