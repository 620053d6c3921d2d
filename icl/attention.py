"""What is read off attention maps: how much of an induction head is there.

A map is the mean over test sequences that a run keeps: ``map1`` of layer 1, of shape (T, T), and
``row2``, the target's row of layer 2 by the place of the target's pair, of shape (N, T). Tokens
alternate, item and label; the label of pair ``j`` is token ``2j + 1`` (section 3, Figure 3b).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr
from jaxtyping import Float

from icl.task import Array


def read(
    ds: xr.Dataset, name: str, when: xr.DataArray, measure: Callable[[Array], float]
) -> xr.DataArray:
    """A number read off a map, by ``seed``: at the record nearest to a step of each seed's own.

    NaN at NaN.
    """
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
