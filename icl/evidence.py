"""What a verdict is made of: a number with its interval over seeds, and a condition on it.

A condition holds only where the whole interval fulfils it, and does not where none of it does. In
between the matter is open, which does not count in favour of a claim. Two say less:
:func:`contains` asks that a value is not excluded, and :func:`mixed` looks at the share alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from icl.analysis import counted, interval
from icl.task import Array

Values = Float[Array, "_seed"]  # groups that are compared may differ in their number
Statistic = Callable[..., Array]  # of one array a group, over the last axis

#: Fewer seeds have no spread worth the name.
LEAST_SEEDS = 3
RESAMPLES = 10_000
RESAMPLING_SEED = 0  # the same numbers give the same interval


class Estimate(NamedTuple):
    """A number and the interval in which it lies; NaN where too few seeds have one."""

    value: float
    low: float
    high: float
    seeds: int  # behind it, in the smallest group; 0: computed without any
    left_out: int = 0  # seeds of any group that have no value

    def __str__(self) -> str:
        if math.isnan(self.value):
            return f"unknown ({self.seeds} seeds have it)"
        if not self.seeds:
            return f"{self.value:.4g}"
        some = f", {counted(self.left_out, 'seed')} left out" if self.left_out else ""
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}], n = {self.seeds}{some}"


Answer = Literal["holds", "does not hold", "open"]


class Condition(NamedTuple):
    """What an estimate must fulfil, in words and in code; and what says that it does not.

    An interval on both sides of a bound fulfils neither: it leaves the matter open.
    """

    words: str
    test: Callable[[Estimate], bool]
    fails: Callable[[Estimate], bool]

    def ask(self, estimate: Estimate) -> Answer:
        """Whether an estimate fulfils it, does not, or leaves it open."""
        if self.test(estimate):
            return "holds"
        return "does not hold" if self.fails(estimate) else "open"

    def either_way(self) -> Condition:
        """The same for a number whose interval cannot speak against it: nothing is open."""
        return self._replace(fails=lambda e: not math.isnan(e.value))


class Finding(NamedTuple):
    """A check that was made."""

    what: str
    estimate: Estimate
    condition: str
    answer: Answer

    @property
    def holds(self) -> bool:
        """Whether it counts for the claim: what is left open does not."""
        return self.answer == "holds"


class Check(NamedTuple):
    """One part of a rule: what is measured, its estimate at a level, and the condition."""

    what: str
    estimate: Callable[[float], Estimate]
    condition: Condition

    def find(self, level: float) -> Finding:
        """Make the check with intervals of this level, a share between 0 and 1."""
        estimate = self.estimate(level)
        return Finding(self.what, estimate, self.condition.words, self.condition.ask(estimate))


# Conditions; with NaN none holds


def above(bound: float) -> Condition:
    """The whole interval lies above the bound."""
    return Condition(f"above {bound:.3g}", lambda e: e.low > bound, lambda e: e.high <= bound)


def below(bound: float) -> Condition:
    """The whole interval lies below the bound."""
    return Condition(f"below {bound:.3g}", lambda e: e.high < bound, lambda e: e.low >= bound)


def within(low: float, high: float) -> Condition:
    """The whole interval lies between the bounds."""
    return Condition(
        f"between {low:.6g} and {high:.6g}",
        lambda e: low < e.low and e.high < high,
        lambda e: e.high <= low or high <= e.low,
    )


def contains(value: float) -> Condition:
    """The interval does not exclude the value."""
    return Condition(
        f"interval contains {value:.3g}",
        lambda e: e.low <= value <= e.high,
        lambda e: value < e.low or e.high < value,
    )


def mixed() -> Condition:
    """A share that is neither none nor all of what was seen."""
    return Condition("neither none nor all", lambda e: 0 < e.value < 1, lambda e: e.value in (0, 1))


# Estimates


def bootstrap(level: float, *, statistic: Statistic, groups: Sequence[Values]) -> Estimate:
    """A statistic and its percentile interval, each group's seeds drawn again by themselves.

    NaN marks a seed without a value, which is left out and counted; a group with fewer than
    :data:`LEAST_SEEDS` others has no estimate. Few seeds make these intervals too narrow: at 95%
    that of a mean of three goes from the lowest value to the highest (each of which is drawn three
    times over in one of 27 samples), and the centre of a symmetric distribution lies outside where
    all three are on one side of it, once in four times.
    """
    known = [group[np.isfinite(group)] for group in groups]
    least = min(len(group) for group in known)
    left_out = sum(map(len, groups)) - sum(map(len, known))
    if least < LEAST_SEEDS:
        return Estimate(math.nan, math.nan, math.nan, least, left_out)
    rng = np.random.default_rng(RESAMPLING_SEED)
    drawn = [group[rng.integers(len(group), size=(RESAMPLES, len(group)))] for group in known]
    tails = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(statistic(*drawn), tails, method="inverted_cdf")
    return Estimate(float(statistic(*known)), float(low), float(high), least, left_out)


def wilson(level: float, *, flags: Bool[Array, "seed"]) -> Estimate:
    """A share of seeds with Wilson's interval."""
    hits, seeds = int(flags.sum()), len(flags)
    return Estimate(hits / seeds, *interval(hits, seeds, level), seeds)


def newcombe(level: float, *, flags: Bool[Array, "seed"], other: tuple[int, int]) -> Estimate:
    """A share of seeds less another share (hits, trials), with Newcombe's interval (1998).

    Each side of it joins the distances to the two Wilson intervals.
    """
    mine = wilson(level, flags=flags)
    share = other[0] / other[1]
    low, high = interval(*other, level)
    difference = mine.value - share
    return Estimate(
        difference,
        difference - math.hypot(mine.value - mine.low, high - share),
        difference + math.hypot(mine.high - mine.value, share - low),
        min(mine.seeds, other[1]),
    )


# Checks


def mean(what: str, values: Values, condition: Condition) -> Check:
    """On the mean over seeds."""

    def average(values: Array) -> Array:
        return np.asarray(values.mean(-1))

    return Check(what, partial(bootstrap, statistic=average, groups=[values]), condition)


def worst(what: str, values: Values, condition: Condition) -> Check:
    """On the smallest value of any seed.

    That one is drawn in most samples, so the interval begins there: a bound from below asks that
    every seed that was run be above it, and says nothing of those that were not. Where one is not,
    that is so, and not open.
    """

    def smallest(values: Array) -> Array:
        return np.asarray(values.min(-1))

    estimate = partial(bootstrap, statistic=smallest, groups=[values])
    return Check(what, estimate, condition.either_way())


def contrast(
    what: str, upper: Sequence[Values], lower: Sequence[Values], condition: Condition
) -> Check:
    """On the mean of the upper groups' means less that of the lower ones'."""

    def difference(*groups: Array) -> Array:
        means = [group.mean(-1) for group in groups]
        high, low = means[: len(upper)], means[len(upper) :]
        return np.asarray(np.mean(high, axis=0) - np.mean(low, axis=0))

    groups = [*upper, *lower]
    return Check(what, partial(bootstrap, statistic=difference, groups=groups), condition)


def ratio(what: str, over: Values, under: Values, condition: Condition) -> Check:
    """On the median of one group over the median of another."""

    def quotient(a: Array, b: Array) -> Array:
        return np.asarray(np.median(a, axis=-1) / np.median(b, axis=-1))

    return Check(what, partial(bootstrap, statistic=quotient, groups=[over, under]), condition)


def exact(what: str, value: float, condition: Condition) -> Check:
    """On a number that no seed is behind."""
    return Check(what, lambda level: Estimate(value, value, value, 0), condition)
