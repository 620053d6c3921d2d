"""Settings refuse what they cannot use, in one line that says what would do."""

import math
from typing import Literal, Self

import pytest
from pydantic import Field, model_validator

from icl.settings import LONGEST_VALUE, InputError, Settings, at_least


class Inner(Settings):
    K: int = Field(256, ge=1)
    L: int = 32
    eps: float = Field(0.1, ge=0)
    biased: bool = True
    widths: tuple[int, ...] = (128,)
    model: Literal["full", "minimal"] = "full"

    @model_validator(mode="after")
    def labels_divide_classes(self) -> Self:
        if self.K % self.L:
            raise InputError(f"K={self.K} must be a multiple of L={self.L}")
        return self


class Outer(Settings):
    inner: Inner = Inner()
    seed: int


REFUSALS = {
    "K=100 must be a multiple of L=32": {"K": 100},
    "K=0 must be greater than or equal to 1": {"K": 0},
    "K='abc' must be an integer": {"K": "abc"},
    "K='64' must be an integer": {"K": "64"},
    "K=64.0 must be an integer": {"K": 64.0},
    "K=True must be an integer": {"K": True},
    "eps=-1 must be greater than or equal to 0": {"eps": -1},
    "eps=nan must be a finite number": {"eps": math.nan},
    "eps=inf must be a finite number": {"eps": math.inf},
    "biased='false' must be a boolean": {"biased": "false"},
    "widths=[1] must be a tuple": {"widths": [1]},
    "model='mini' must be 'full' or 'minimal'": {"model": "mini"},
    "unknown parameter 'foo'; known: K, L, eps, biased, widths, model": {"foo": 1},
    "unknown parameters 'foo', 'bar'; known: K, L, eps, biased, widths, model": {
        "foo": 1,
        "bar": 2,
    },
    "K='a' must be an integer; L='b' must be an integer": {"K": "a", "L": "b"},
}


@pytest.mark.parametrize(("message", "values"), REFUSALS.items(), ids=REFUSALS.keys())
def test_refusal(message, values):
    with pytest.raises(InputError) as refusal:
        Inner(**values)
    assert str(refusal.value) == message
    with pytest.raises(InputError) as refusal:
        Inner.model_validate(values)
    assert str(refusal.value) == message
    with pytest.raises(InputError) as refusal:
        Inner().replace(**values)
    assert str(refusal.value) == message


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("unknown parameter 'inner.k'; known: K, L, eps, biased, widths, model",
         '{"seed": 1, "inner": {"k": 3}}'),
        ("inner.K='3' must be an integer", '{"seed": 1, "inner": {"K": "3"}}'),
        ("K=3 must be a multiple of L=32", '{"seed": 1, "inner": {"K": 3}}'),
        ("missing parameter 'seed'", "{}"),
        ("unknown parameter 'sead'; known: inner, seed", '{"sead": 1}'),
        ("inner=3 must be an object", '{"seed": 1, "inner": 3}'),
        ("settings=[] must be an object", "[]"),
    ],
)  # fmt: skip
def test_refusal_of_json(message, text):
    with pytest.raises(InputError) as refusal:
        Outer.model_validate_json(text)
    assert str(refusal.value) == message


def test_refusal_of_text_that_is_no_json():
    with pytest.raises(InputError, match=r"^Invalid JSON: [^\n]*$"):
        Outer.model_validate_json('{"seed": ')


def test_a_long_value_is_cut():
    with pytest.raises(InputError) as refusal:
        Inner(K="x\n" * 1000)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < LONGEST_VALUE + 40


def test_settings_are_equal_hashable_and_frozen():
    assert Inner(K=64) == Inner(K=64) != Inner()
    assert hash(Inner(K=64)) == hash(Inner(K=64))
    with pytest.raises(ValueError, match="frozen"):
        Inner().K = 64


def test_replace_validates_and_leaves_the_original():
    original = Inner()
    assert original.replace(K=64) == Inner(K=64)
    assert original == Inner()


def test_json_there_and_back():
    settings = Outer(seed=3, inner=Inner(K=64, widths=(1, 2), eps=1))
    assert Outer.model_validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"seeds": 1, "seeds_1d": 0}, "seeds_1d=0 must be at least 1"),
        ({"classes": [128, 0]}, "classes=[128, 0] must be at least 1"),
        ({"classes": []}, "classes=[] must hold a number"),
        ({"shift": math.nan}, "shift=nan must be at least 1"),
    ],
)
def test_numbers_of_no_group_are_checked_under_their_names(values, message):
    at_least(1, seeds=1, shares=[1.0, 2])
    with pytest.raises(InputError) as error:
        at_least(1, **values)
    assert str(error.value) == message
