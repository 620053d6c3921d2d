"""Curves as a table, for programs that do not read NetCDF."""

from __future__ import annotations

from typing import TYPE_CHECKING

import xarray as xr

if TYPE_CHECKING:
    import pandas as pd

KEYS = ("seed", "step")


def curves(ds: xr.Dataset) -> pd.DataFrame:
    """Everything that is recorded along a run, a row for each seed and step.

    Columns are ``seed``, ``step``, and the stored variables under their names;
    ``rank_accuracy_0``, ``rank_accuracy_1``, ... are of the bins of
    :meth:`icl.task.Task.rank_bins`. Steps after the end of a run that stopped early are left out,
    since nothing was measured there. Attention maps and parameters are in the NetCDF files alone.

    Parameters
    ----------
    ds
        As :func:`icl.runs.load_or_train` gives it.
    """
    columns = {name: ds[name] for name in ds if ds[name].dims == KEYS and name != "carried"}
    for rank in range(ds.sizes.get("rank_bin", 0)):
        columns[f"rank_accuracy_{rank}"] = ds.rank_accuracy.isel(rank_bin=rank, drop=True)
    # A new data set, since what has other dimensions than these would multiply the rows.
    rows = xr.Dataset(columns).to_dataframe(dim_order=list(KEYS))
    return rows[~ds.carried.to_series()].reset_index()
