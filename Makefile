# make book   install what is needed into .venv and build the book: _build/html/index.html
# make test   install what is needed into .venv and run everything that checks the project
# make references   write the notebooks that the tests compare with anew (read the difference!)
# make clean  remove the built book; make distclean also .venv
#
# PYTHON names another interpreter than python3: make book PYTHON=python3.12

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

# At the sizes of this book a second thread of linear algebra only gets in the way.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

.PHONY: book test references clean distclean
.DELETE_ON_ERROR:

# A build that failed leaves pages which the next one would take for good ones: forget them.
book: $(VENV)/book-installed
	$(BIN)/jupyter-book build -W -n --keep-going . || { rm -rf _build/.doctrees; exit 1; }

test: $(VENV)/test-installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(MAKE) --no-print-directory book
	$(BIN)/pytest

references: $(VENV)/test-installed
	$(BIN)/python tests/reference/make.py

clean:
	rm -rf _build .mypy_cache .pytest_cache .ruff_cache .hypothesis

distclean: clean
	rm -rf $(VENV) *.egg-info

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ": make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/book-installed: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install --quiet -c constraints.txt -e '.[book]'
	@touch $@

$(VENV)/test-installed: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install --quiet -c constraints.txt -e '.[book,test,sweep]'
	@touch $(VENV)/book-installed $@
