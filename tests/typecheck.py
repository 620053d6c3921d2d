"""Checks shapes and types of every call of the package while it is tested.

conftest.py installs this as jaxtyping's import hook, before anything imports the package::

    install_import_hook("icl", "typecheck.checked")
"""

from typing import Self

from beartype import beartype


def checked(function):
    """What beartype makes of a function; it refuses "Self" outside a class, so not of those."""
    return function if Self in function.__annotations__.values() else beartype(function)
