"""Checks shapes and types of every call of the modules that compute, while they are tested.

conftest.py calls :func:`install` before anything imports the package.
"""

import re
from pathlib import Path
from typing import Self

from beartype import BeartypeConf, beartype
from jaxtyping import install_import_hook

ROOT = Path(__file__).parent.parent
USES_SHAPES = re.compile(r"^from jaxtyping import ", re.MULTILINE)
WITHOUT_SHAPES = {"icl.induction", "icl.runs"}  # their types are checked all the same
MODULES = sorted(
    {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in (ROOT / "icl").rglob("*.py")
        if USES_SHAPES.search(path.read_text())
    }
    | WITHOUT_SHAPES
)


def install():
    """Have the modules' functions and dataclasses checked from their import on."""
    install_import_hook(MODULES, "typecheck.checked")


def checked(function):
    """What beartype makes of a function; it refuses "Self" outside a class, so not of those."""
    return function if Self in function.__annotations__.values() else as_mypy_does(function)


as_mypy_does = beartype(conf=BeartypeConf(is_pep484_tower=True))  # an int serves as a float
