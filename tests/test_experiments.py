"""The stored runs of an experiment."""

import json

import pytest

from icl import runs
from icl.experiments import EXPERIMENTS, Experiment, load_stored
from icl.settings import InputError
from icl.store import CorruptFile
from icl.task import Task
from icl.training import Training


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """An experiment of two configurations, of which one has two of its three seeds stored."""
    training = Training(steps=4, every=2, test=8, batch=4)
    task = Task(K=8, L=4, N=2, D=5, P=9, novel=8)
    configs = {f"K={K}": runs.RunConfig(task=task.replace(K=K), training=training) for K in (8, 12)}
    monkeypatch.setitem(EXPERIMENTS, "tiny", Experiment("tiny", "", configs, seeds=(0, 1, 2)))
    store = runs.Store(tmp_path)
    runs.train(configs["K=12"], [0, 2], store)
    return store, configs


def test_stored_seeds_are_read_and_none_is_trained(tiny):
    store, _ = tiny
    before = sorted(store.root.rglob("*.nc"))
    ((label, ds),) = load_stored("tiny", store.root).items()
    assert label == "K=12"
    assert ds.seed.values.tolist() == [0, 2]
    assert json.loads(ds.attrs["config"])["task"]["K"] == 12
    assert sorted(store.root.rglob("*.nc")) == before


def test_the_first_seeds_alone_can_be_asked_for(tiny):
    store, _ = tiny
    assert load_stored("tiny", store.root, seeds=1)["K=12"].seed.values.tolist() == [0]


@pytest.mark.parametrize("seeds", [0, -1])
def test_no_seeds_are_refused(tiny, seeds):
    with pytest.raises(InputError, match=rf"^seeds={seeds} must be at least 1$"):
        load_stored("tiny", tiny[0].root, seeds)


def test_an_unknown_experiment_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"^unknown experiment 'nope'; known: 3, "):
        load_stored("nope", tmp_path)


def test_a_corrupt_run_is_told_of(tiny):
    store, configs = tiny
    store.path(configs["K=12"], 2).write_bytes(b"no run")
    with pytest.raises(CorruptFile):
        load_stored("tiny", store.root)
