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


def test_a_map_is_read_at_the_nearest_record():
    ds = runs(TASK, map1=np.broadcast_to(np.arange(3.0)[:, None, None], (2, 3, 1, 1)))
    for step, record in ((499.0, 1), (249.0, 0), (751.0, 2)):
        when = xr.DataArray([step, step], dims="seed")
        found = attention.read(ds, "map1", when, lambda value: float(value[0, 0]))
        np.testing.assert_array_equal(found, record)


def test_what_is_off_uniform_is_what_would_have_to_move():
    uniform = np.tril(np.ones((5, 5))) / np.arange(1, 6)[:, None]
    assert attention.off_uniform(uniform) == 0
    uniform[4] = [1, 0, 0, 0, 0]  # four fifths of one of four rows
    assert attention.off_uniform(uniform) == pytest.approx(0.8 / 4)


def test_previous_is_of_items_as_of_labels():
    map1 = np.zeros((5, 5))
    map1[[1, 3], [0, 2]] = 1  # labels look back, items and the target do not
    assert attention.previous(map1) == 0.5


def test_the_right_label_of_places_that_occur():
    row2 = np.array([[0, 0.5, 0, 0.1, 0.4], [np.nan] * 5])
    assert attention.right(row2) == 0.5
    row2[1] = [0.1, 0.2, 0.3, 0.4, 0]
    assert attention.right(row2) == pytest.approx(0.45)
    assert attention.right_less_others(row2) == pytest.approx((0.4 + 0.2) / 2)
