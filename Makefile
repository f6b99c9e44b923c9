# Everything runs in .venv; `make demo` and `make test` need nothing but Python 3.11 or newer.
PYTHON ?= python3
RUN := .venv/bin/python -m

.PHONY: demo test test-slow check format clean

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(RUN) pip install --quiet --upgrade pip
	$(RUN) pip install --quiet --editable '.[dev]'
	touch $@

demo: .venv/ready        ## run a whole sweep on embedded real data, and show its report
	.venv/bin/stillhouse run quickstart --out runs/quickstart-$$(date +%Y%m%d-%H%M%S)

test: .venv/ready        ## the tests that take less than ten minutes on two cores
	$(RUN) pytest -m "not slow" -n 2 --dist loadfile

test-slow: .venv/ready   ## the others
	$(RUN) pytest -m slow

check: .venv/ready       ## lint, format, types
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) mypy

format: .venv/ready      ## mend what lint and format can mend
	$(RUN) ruff check --fix
	$(RUN) ruff format

clean:
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
