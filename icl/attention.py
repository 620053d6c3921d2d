"""What is read off attention maps: how much of an induction head is there.

A map is the mean over test sequences that a run keeps: ``map1`` of layer 1, of shape (T, T), and
``row2``, the target's row of layer 2 by the place of the target's pair, of shape (N, T). Tokens
alternate, item and label; the label of pair ``j`` is token ``2j + 1`` (section 3, Figure 3b).

With B above 1 the target's class has more than one pair, and ``row2`` goes by the first: where the
other right labels stand it does not tell.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr
from jaxtyping import Float

from icl.runs import config_of
from icl.settings import InputError
from icl.task import Array


def check_maps(ds: xr.Dataset) -> None:
    """Raise :class:`icl.settings.InputError`, one line, for runs that have no maps."""
    if "map1" not in ds:
        raise InputError("runs hold no attention maps: train with maps=True")


def read(
    ds: xr.Dataset, name: str, when: xr.DataArray, measure: Callable[[Array], float]
) -> xr.DataArray:
    """A number read off a map, by ``seed``: at the record nearest to a step of each seed's own.

    ``name`` is ``map1`` or ``row2``, of runs trained with ``maps=True``, and ``when`` has a step
    for each seed; NaN at NaN. Raises :class:`icl.settings.InputError` for runs without maps, and
    for ``row2`` where B is above 1.
    """
    check_maps(ds)
    B = config_of(ds).task.B
    if name == "row2" and B > 1:
        raise InputError(f"B={B} must be at most 1: row2 goes by one pair of the target's class")
    read_off = [
        measure(ds[name].sel(seed=seed).sel(step=step, method="nearest").values)
        if np.isfinite(step)
        else np.nan
        for seed, step in zip(ds.seed.values, when.values, strict=True)
    ]
    return xr.DataArray(read_off, coords={"seed": ds.seed}, dims="seed")


def previous(map1: Float[Array, "T T"]) -> float:
    """Mean attention of tokens, but the first, to the one before."""
    return float(np.diagonal(map1, -1).mean())


def off_uniform(map1: Float[Array, "T T"]) -> float:
    """Share of attention that is not where uniform has it, mean over tokens but the first.

    From 0 to 1: half the sum of absolute differences, which is what would have to move.
    """
    T = len(map1)
    uniform = np.tril(np.ones((T, T))) / np.arange(1, T + 1)[:, None]
    return float(0.5 * np.abs(map1 - uniform)[1:].sum(1).mean())


def right(row2: Float[Array, "N T"]) -> float:
    """The target's attention to the right label, mean over the places of its pair."""
    return float(np.nanmean(np.diagonal(row2[:, 1::2])))


def right_less_others(row2: Float[Array, "N T"]) -> float:
    """The same, less that to the mean other label of the context."""
    labels = row2[:, 1::2]
    N = len(labels)
    own = np.diagonal(labels)
    return float(np.nanmean(own - (labels.sum(1) - own) / (N - 1)))
