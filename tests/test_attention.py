"""Numbers read off attention maps, and runs whose maps do not hold them."""

import numpy as np
import pytest
import xarray as xr

from icl import attention
from icl.runs import RunConfig
from icl.settings import InputError
from icl.task import Task

TASK = Task(K=8, L=4, N=2, D=4, P=7)


def runs(task, **maps):
    """Two seeds of three records."""
    return xr.Dataset(
        {name: (("seed", "step", "query", "key"), values) for name, values in maps.items()},
        {"seed": [0, 4], "step": [0, 500, 1000]},
        {"config": RunConfig(task=task).model_dump_json()},
    )


def test_a_map_is_read_at_each_seeds_own_step():
    maps = np.random.default_rng(0).random((2, 3, 5, 5))
    when = xr.DataArray([np.nan, 700.0], dims="seed")
    found = attention.read(runs(TASK, map1=maps), "map1", when, attention.previous)
    np.testing.assert_array_equal(found, [np.nan, np.diagonal(maps[1, 1], -1).mean()])


def test_runs_without_maps_are_refused():
    when = xr.DataArray([0.0, 0.0], dims="seed")
    with pytest.raises(InputError, match=r"^runs hold no attention maps: train with maps=True$"):
        attention.read(runs(TASK), "map1", when, attention.previous)


@pytest.mark.parametrize("measure", [attention.right, attention.right_less_others])
def test_the_right_labels_share_is_refused_where_there_are_several(measure):
    """Half of the attention to each of two right labels would read as a half that is right."""
    row = np.zeros((2, 5))
    row[0, [1, 3]] = 0.5
    row[1] = np.nan  # a second pair is never the first
    several = runs(TASK.replace(B=2), map1=np.zeros((2, 3, 5, 5)))
    several["row2"] = (("seed", "step", "pair", "token"), np.broadcast_to(row, (2, 3, 2, 5)))
    when = xr.DataArray([0.0, 0.0], dims="seed")
    with pytest.raises(InputError, match=r"^B=2 must be at most 1: row2 goes by one pair of the"):
        attention.read(several, "row2", when, measure)
