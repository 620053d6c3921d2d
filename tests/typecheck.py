"""Checks shapes and types of every call of the modules that compute, while they are tested.

conftest.py calls :func:`install` before anything imports the package.
"""

from typing import Self

from beartype import BeartypeConf, beartype
from jaxtyping import install_import_hook

MODULES = (
    "task", "model", "network", "minimal", "fast", "legible", "induction", "landscape", "measures",
    "strategies", "circuits", "analysis", "training", "runs",
)  # fmt: skip


def install():
    """Have the modules' functions and dataclasses checked from their import on."""
    install_import_hook([f"icl.{module}" for module in MODULES], "typecheck.checked")


def checked(function):
    """What beartype makes of a function; it refuses "Self" outside a class, so not of those."""
    return function if Self in function.__annotations__.values() else as_mypy_does(function)


as_mypy_does = beartype(conf=BeartypeConf(is_pep484_tower=True))  # an int serves as a float
