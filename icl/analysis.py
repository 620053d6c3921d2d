"""What is read off stored curves: when a transition happened, aligned curves, final values."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import xarray as xr
from jaxtyping import Float, Real

from icl.runs import config_of
from icl.task import Array, Task

LAST_STEPS = 10_000  # of a run: a gain in them means that the run ended too early
LEARNED = 0.5  # accuracy from which a solution counts as learned: the paper's for the transition

#: A measure that rises by less has no half-way, since noise alone makes it rise as much.
LEAST_RISE = 0.05


def crossing(
    ds: xr.Dataset, level: float | xr.DataArray = LEARNED, measure: str = "icl_accuracy"
) -> xr.DataArray:
    """Step at which a measure first reaches a level, by ``seed``; NaN where it never does.

    Between two records the measure is taken to be straight. The level may differ by ``seed``.
    """
    steps: xr.DataArray = xr.apply_ufunc(
        _first_crossing,
        ds[measure],
        level,
        input_core_dims=[["step"], []],
        kwargs={"step": ds.step.values},
        vectorize=True,
        output_dtypes=[float],
    )
    return steps


def _first_crossing(y: Float[Array, "step"], level: float, step: Real[Array, "step"]) -> float:
    above = np.flatnonzero(y >= level)
    if not len(above):
        return float("nan")
    i = above[0]
    if i == 0:
        return float(step[0])
    return float(np.interp(level, y[i - 1 : i + 1], step[i - 1 : i + 1]))


def crossing_or_end(ds: xr.Dataset) -> xr.DataArray:
    """Step at which ICL accuracy passes 50%, by ``seed``: with seeds that never do counted as late.

    They get the last step of any seed, so a median has them in it and a ratio is a bound.
    """
    return crossing(ds).fillna(float(ds.step.max()))


def wait_over_level(task: Task) -> float:
    """ICL accuracy half-way from 1/L, a random label, to 1/N, a random label of the context."""
    return (1 / task.L + 1 / task.classes_in_context) / 2


def wait_over(ds: xr.Dataset) -> xr.DataArray:
    """Step at which the wait at 1/L is over, by ``seed``: see :func:`wait_over_level`. NaN where it
    never is.
    """
    return crossing(ds, wait_over_level(config_of(ds).task))


def halfway(ds: xr.Dataset, measure: str) -> xr.DataArray:
    """Step at which a measure is half-way from its first value to its final one, by ``seed``.

    NaN where it does not rise by :data:`LEAST_RISE`.
    """
    first, last = ds[measure].isel(step=0), final(ds, measure)
    return crossing(ds, (first + last) / 2, measure).where(last - first >= LEAST_RISE)


def lead(ds: xr.Dataset, measure: str) -> xr.DataArray:
    """Steps from a seed's transition (ICL accuracy of 50%) to the measure's half-way, by ``seed``.

    Negative: the measure comes before. NaN without a transition or a rise.
    """
    return halfway(ds, measure) - crossing(ds)


def relative_lead(ds: xr.Dataset, measure: str) -> xr.DataArray:
    """The same as a share of the time until the transition, by ``seed``."""
    return lead(ds, measure) / crossing(ds)


def risen(ds: xr.Dataset, measure: str, before: float = 0.0) -> xr.DataArray:
    """Share of a measure's rise, first to final value, made ``before`` steps ahead of a transition.

    By ``seed``; NaN without a transition, and where it lies less than ``before`` steps from 0.
    """
    return share_of_change(ds, measure, ahead_of_transition(ds, before))


def at_transition(ds: xr.Dataset, measure: str, before: float = 0.0) -> xr.DataArray:
    """A measure ``before`` steps ahead of each seed's transition, by ``seed``; NaN without one."""
    return value_at(ds, measure, ahead_of_transition(ds, before))


def ahead_of_transition(ds: xr.Dataset, before: float) -> xr.DataArray:
    """Steps ``before`` each seed's transition; NaN without one, and where a run has none."""
    when = crossing(ds) - before
    return when.where(when >= 0)


def share_of_change(ds: xr.Dataset, measure: str, when: xr.DataArray) -> xr.DataArray:
    """Share of a measure's change, first to final value, made by a step of each seed's own.

    By ``seed``; NaN at NaN, and where nothing changes.
    """
    first, last = ds[measure].isel(step=0), final(ds, measure)
    change = (last - first).where(last != first)
    share: xr.DataArray = (value_at(ds, measure, when) - first) / change
    return share


def aligned(
    ds: xr.Dataset, names: list[str], before: float, after: float, points: int = 201
) -> xr.Dataset:
    """Curves on the axis ``since``: steps since each seed's own transition (ICL accuracy of 50%).

    Seeds without a transition are left out; beyond a seed's own records, before the first step and
    where the stop rule ended it, the values are NaN.
    """
    when = crossing(ds)
    since = np.linspace(-before, after, points)
    seeds = [int(s) for s in ds.seed.values[np.isfinite(when.values)]]
    columns = {
        name: (
            ("seed", "since"),
            np.array(
                [
                    np.interp(
                        since + float(when.sel(seed=seed)),
                        *_own_records(ds, name, seed),
                        left=np.nan,
                        right=np.nan,
                    )
                    for seed in seeds
                ]
            ).reshape(len(seeds), points),
        )
        for name in names
    }
    return xr.Dataset(columns, coords={"seed": seeds, "since": since})


def _own_records(
    ds: xr.Dataset, measure: str, seed: int
) -> tuple[Real[Array, "step"], Real[Array, "step"]]:
    """Steps and values of a seed, without what was carried forward."""
    run = ds.sel(seed=seed)
    own = ~run.carried.values
    return run.step.values[own], run[measure].values[own]


def value_at(ds: xr.Dataset, measure: str, when: xr.DataArray) -> xr.DataArray:
    """A measure at a step of each seed's own, by ``seed``: straight between records, NaN at NaN."""
    curves = ds[measure].transpose("seed", "step").values
    pairs = zip(curves, when.values, strict=True)
    values = [np.interp(step, ds.step.values, curve) for curve, step in pairs]
    return xr.DataArray(values, coords={"seed": ds.seed}, dims="seed")


def late_gain(
    ds: xr.Dataset, measure: str = "icl_accuracy", before: float = LAST_STEPS
) -> xr.DataArray:
    """What a measure gained in the last ``before`` steps of each seed, by ``seed``.

    They end where the stop rule ended the seed: a gain says that the rule, or the run's length, cut
    something short.
    """
    end: xr.DataArray = ds.stopped_at
    return value_at(ds, measure, end) - value_at(ds, measure, end - before)


def silent_from(ds: xr.Dataset) -> xr.DataArray:
    """Step of the first record at which all test logits are equal, by ``seed``; NaN without one.

    The loss on the test of in-context learning is ln L then, to the last digits. While any unit of
    the classifier is active it is not.
    """
    uniform = np.log(config_of(ds).task.L)
    equal = np.abs(ds.icl_loss - uniform) < 1e-12
    first: xr.DataArray = ds.step.where(equal).min("step")
    return first


def final(ds: xr.Dataset, measure: str, records: int = 10) -> xr.DataArray:
    """A measure's mean over each seed's own last records: less noisy than the last one alone.

    By ``seed``, and by what else the measure has but ``step``. What is carried forward from where
    the stop rule ended a seed does not count: it is one record, over and over.
    """
    own = ~ds.carried if "carried" in ds else xr.ones_like(ds.step, dtype=bool)
    to_come = own.sum("step") - own.cumsum("step")
    mean: xr.DataArray = ds[measure].where(own & (to_come < records)).mean("step")
    return mean


def spread(values: xr.DataArray, digits: int = 2) -> str:
    """Median and range over seeds in words; says so where a seed has no value."""
    known = values.values[np.isfinite(values.values)]
    if not len(known):
        return "no seed"
    low, mid, high = (f"{x:z,.{digits}f}" for x in (known.min(), np.median(known), known.max()))
    if values.size == 1:
        return mid
    missing = "" if len(known) == values.size else f", {len(known)} of {values.size} seeds"
    return f"{mid} ({low} to {high}{missing})"


#: How a seed may solve the task in context at the end; :func:`fates` decides.
FATES = ("induction head", "elimination", "neither")


def fates(ds: xr.Dataset) -> xr.DataArray:
    """How each seed solves the task in context at the end, one of :data:`FATES` by ``seed``.

    An induction head has the target look at its own class's label more than at the start. With
    L = N the same accuracy can be had by looking at all *other* labels and naming the one that is
    missing: elimination.
    """
    solved = final(ds, "icl_accuracy") >= LEARNED
    attention = "target_item_label_association"
    looks = final(ds, attention) > ds[attention].isel(step=0)
    head, elimination, neither = FATES
    names = np.where(solved & looks, head, np.where(solved, elimination, neither))
    return xr.DataArray(names, coords={"seed": ds.seed}, dims="seed")


def counted(number: int, noun: str) -> str:
    """``1 seed``, ``2 seeds``."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def interval(successes: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval for a share of which ``trials`` seeds, at least 1, were seen.

    ``level`` is the probability that such an interval holds the share, above 0 and below 1.
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = successes / trials
    middle = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z * np.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2)) / (1 + z**2 / trials)
    return max(middle - float(half), 0.0), min(middle + float(half), 1.0)
