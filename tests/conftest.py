"""How reference notebooks are compared, where tests keep their runs, and the browser they share."""

import math
import os
import re
import tempfile
from unittest import mock

import pytest
import typecheck
from nbval.plugin import IPyNbCell, IPyNbFile

typecheck.install()  # before a test imports icl: shapes are checked at run time

# One thread a process, also in the kernels of notebooks: two processes share two cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Also "0." and "-0.", as NumPy prints them.
FLOAT = re.compile(r"([-+]?(?:\d+\.\d*|\d+(?=e))(?:e[-+]?\d+)?|\bnan\b|\binf\b)")
RELATIVE, ABSOLUTE = 1e-3, 1e-12


class Output(str):
    """A cell's output: equal to another when words and integers are, and floats nearly so."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        mine, others = FLOAT.split(self), FLOAT.split(str(other))
        return len(mine) == len(others) and all(map(alike, mine, others))

    def __ne__(self, other: object) -> bool:
        return not self == other


def alike(a: str, b: str) -> bool:
    """Compare a piece of an output with the piece in its place."""
    if not (FLOAT.fullmatch(a) and FLOAT.fullmatch(b)):
        return a.split() == b.split()  # the blanks between numbers depend on their signs
    x, y = float(a), float(b)
    relative = RELATIVE if re.search(r"\.\d|e", a) else 0.0  # "1000." may be a count
    close = math.isclose(x, y, rel_tol=relative, abs_tol=ABSOLUTE)
    return close or (math.isnan(x) and math.isnan(y))


def pytest_configure():
    """Let nbval compare as `Output` does, and its kernels train what they show."""
    sanitize, set_up = IPyNbCell.sanitize, IPyNbFile.setup

    def tolerant(cell, text):
        cleaned = sanitize(cell, text)
        return Output(cleaned) if isinstance(cleaned, str) else cleaned

    def with_an_empty_store(notebook):
        notebook.store = tempfile.TemporaryDirectory()  # goes when the notebook does
        with mock.patch.dict(os.environ, ICL_STORE=notebook.store.name):
            set_up(notebook)

    IPyNbCell.sanitize, IPyNbFile.setup = tolerant, with_an_empty_store


@pytest.fixture(scope="module")
def browser():
    """A real browser; only who asks for it loads what drives it."""
    from browser import chromium

    with chromium() as running:
        yield running
