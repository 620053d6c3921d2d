"""Settings as options of the command line: one option a field, its help the field's description."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import typer
from pydantic.fields import FieldInfo

from icl.settings import SEEDS, InputError, Settings

MOST = 10_000  # seeds at once: who names more means one of them

# Fields whose option has another name than theirs.
NAMES = {
    "kind": "--model",
    "train_beta2": "--three-parameters/--two-parameters",
    "distinct": "--distinct-labels/--labels-may-repeat",
}


def takes(*groups: type[Settings]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorate a command: it is called with one instance of each group, and typer shows their
    fields.

    No two groups may have a field of the same name.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = list(inspect.signature(command, eval_str=True).parameters.values())[len(groups) :]

        def wrapper(**values: Any) -> None:
            settings = [g(**{name: values.pop(name) for name in g.model_fields}) for g in groups]
            command(*settings, **values)

        fields = [parameter for group in groups for parameter in _options(group)]
        own = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
        wrapper.__signature__ = inspect.Signature([*fields, *own])  # type: ignore[attr-defined]
        wrapper.__name__, wrapper.__doc__ = command.__name__, command.__doc__
        return wrapper

    return decorate


def _options(group: type[Settings]) -> Iterator[inspect.Parameter]:
    for name, field in group.model_fields.items():
        option = typer.Option(
            declaration(name, field),
            help=field.description,
            rich_help_panel=group.__name__,
        )
        yield inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=Annotated[field.annotation, option],
        )


def declaration(name: str, field: FieldInfo) -> str:
    """A field's option as typer takes it: ``--decay``, or ``--bias/--no-bias`` of what is on."""
    words = name.replace("_", "-")
    off = f"/--no-{words}" if field.default is True else ""
    return NAMES.get(name, f"--{words}{off}")


def seeds(text: str) -> list[int]:
    """Seeds as one writes them: ``6`` is the first six, ``0-5`` or ``0,2,7-9`` are these.

    Raises :class:`icl.settings.InputError` for anything else, an empty range, a seed named twice,
    one of 2**32 or more, and more than :data:`MOST` of them.
    """
    ranges = [_range(part) for part in text.split(",")]
    if text.strip().isdecimal():  # a number alone is how many
        ranges = [range(ranges[0].start)]
    if sum(map(len, ranges)) > MOST:
        raise InputError(
            f"seeds={text!r} are more than {MOST:,} at once; one seed alone is written 7-7"
        )
    if all(ranges) and max(part.stop for part in ranges) <= SEEDS:
        wanted = [seed for part in ranges for seed in part]
        if len(set(wanted)) == len(wanted):
            return wanted
    raise InputError(
        f"seeds={text!r} must be a number above 0, or different seeds such as 0-5 or 0,2,7-9, "
        "all below 2**32"
    )


def _range(part: str) -> range:
    """The seeds of ``3`` or ``7-9``; empty for what is neither."""
    numbers = re.fullmatch(r"\s*(\d{1,10})(?:-(\d{1,10}))?\s*", part)
    return range(int(numbers[1]), int(numbers[2] or numbers[1]) + 1) if numbers else range(0)
