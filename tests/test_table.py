"""Curves as a table."""

import io

import numpy as np
import pandas as pd
import pytest

from icl import table
from icl.runs import RunConfig, Store, load_or_train, train
from icl.task import Task
from icl.training import Training


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store(tmp_path_factory.mktemp("store"))


def trained(store, **settings):
    training = Training(steps=40, every=10, test=20, batch=4, **settings)
    config = RunConfig(task=Task(K=16, L=8, N=4, alpha=1.0, D=7, P=9), training=training)
    train(config, [0, 3], store)
    return load_or_train(config, [0, 3], store.root)


def test_a_row_for_each_seed_and_step_with_the_stored_values(store):
    runs = trained(store, maps=True, keep_parameters=True)
    rows = table.curves(runs)
    assert list(rows.columns[:2]) == ["seed", "step"]
    assert list(zip(rows.seed, rows.step, strict=True)) == [
        (seed, step) for seed in (0, 3) for step in (0, 10, 20, 30, 40)
    ]
    for _, row in rows.iterrows():
        own = runs.sel(seed=int(row.seed), step=int(row.step))
        assert row.icl_accuracy == own.icl_accuracy
        for rank in range(runs.sizes["rank_bin"]):
            np.testing.assert_equal(row[f"rank_accuracy_{rank}"], float(own.rank_accuracy[rank]))
    written = pd.read_csv(io.StringIO(rows.to_csv(index=False)))
    pd.testing.assert_frame_equal(written, rows, check_dtype=False)


def test_what_was_not_measured_is_not_in_it(store):
    """A seed that stopped at once is carried forward beside one that went on."""
    runs = trained(store)
    runs["carried"].loc[{"seed": 3}] = runs.step > 10
    rows = table.curves(runs)
    assert rows.groupby("seed").step.max().to_dict() == {0: 40, 3: 10}
