"""Validated, immutable settings, and the one error that bad input raises.

Every group of parameters of the project (task, model, training, a run) is a subclass of
`Settings`. Whatever is wrong with the values given, the caller gets an `InputError` whose
message is one line that names the parameter, its value and what would do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

# Seeds are below this: NumPy splits a larger one into words, and seed 2**32 would draw one thing
# with the very numbers with which seed 0 draws another.
SEEDS = 2**32
LONGEST_VALUE = 60  # characters of a refused value that a message repeats


class InputError(ValueError):
    """Input that cannot be used; the message is one line for the person who gave it."""


class Settings(BaseModel):
    """Base of all parameter sets: frozen, strictly typed, and closed to unknown names.

    Types are not converted: `"3"` is no integer and `1` no boolean; an integer does for a float.
    NaN and infinities are refused. A rule that joins several fields is a
    `pydantic.model_validator(mode="after")` that raises ValueError with the whole line; here it
    becomes an `InputError`.

    Raises
    ------
    InputError
        From the constructor, `model_validate`, `model_validate_json` and `replace`: one line such
        as `K=100 must be a multiple of L=32`, `K='abc' must be an integer` or
        `unknown parameter 'foo'; known: K, L`.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        validate_default=True,
    )

    def __init__(self, /, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise InputError(_one_line(type(self), error)) from None

    # Without this mark pydantic would build nested settings through __init__, and so lose the name
    # of the outer field in messages and the rules for JSON (where a list stands for a tuple).
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Build from a mapping; raises `InputError`."""
        try:
            return super().model_validate(obj, **options)
        except ValidationError as error:
            raise InputError(_one_line(cls, error)) from None

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        """Build from JSON text; raises `InputError`."""
        try:
            return super().model_validate_json(json_data, **options)
        except ValidationError as error:
            raise InputError(_one_line(cls, error)) from None

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed, validated (`model_copy` validates nothing)."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self)(**values | changes)


def _one_line(model: type[BaseModel], error: ValidationError) -> str:
    """Put all that pydantic found wrong into one line, unknown names first and together."""
    details = error.errors(include_url=False)
    unknown = [item for item in details if item["type"] == "extra_forbidden"]
    others = [item for item in details if item["type"] != "extra_forbidden"]
    messages = [_unknown_names(model, unknown)] if unknown else []
    # A name that is not known often is a misspelt one that is then missed: do not say both.
    messages += [_message(item) for item in others if not (unknown and item["type"] == "missing")]
    return "; ".join(messages)


def _unknown_names(model: type[BaseModel], details: Sequence[ErrorDetails]) -> str:
    names = ", ".join(repr(_path(item["loc"])) for item in details)
    known = ", ".join(_model_at(model, details[0]["loc"][:-1]).model_fields)
    return f"unknown parameter{'s' if len(details) > 1 else ''} {names}; known: {known}"


def _model_at(model: type[BaseModel], path: Sequence[int | str]) -> type[BaseModel]:
    """Follow field names into nested settings."""
    for step in path:
        field = model.model_fields.get(str(step))
        if field is None or not (
            isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        ):
            break  # inside a list or a union: name the fields of the nearest settings around it
        model = field.annotation
    return model


def _message(detail: ErrorDetails) -> str:
    """Say what is wrong with one value."""
    own_error = detail.get("ctx", {}).get("error")
    if isinstance(own_error, Exception):
        return " ".join(str(own_error).split())  # raised by a validator of ours: says it all
    name = _path(detail["loc"])
    if detail["type"] == "missing":
        return f"missing parameter {name!r}"
    wanted = detail["msg"].replace("a valid integer", "an integer").replace("a valid ", "a ")
    if not wanted.startswith("Input should "):
        return " ".join(f"{name}: {wanted}".removeprefix(": ").split())
    given = f"{name or 'settings'}={_short(detail['input'])}"
    return f"{given} must {wanted.removeprefix('Input should ')}"


def _path(location: Sequence[int | str]) -> str:
    return ".".join(str(step) for step in location)


def _short(value: object) -> str:
    """Represent a refused value on one line of at most `LONGEST_VALUE` characters."""
    text = " ".join(repr(value).split())
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def at_least(least: float, **values: float | Sequence[float]) -> None:
    """Check numbers that no group of settings holds; of a list each, and that there is one.

    Raises :class:`InputError` for the first that is smaller, under its name.
    """
    for name, value in values.items():
        if not all(one >= least for one in ([value] if isinstance(value, (int, float)) else value)):
            raise InputError(f"{name}={value} must be at least {least:g}")
        if isinstance(value, Sequence) and not value:
            raise InputError(f"{name}={value} must hold a number")
