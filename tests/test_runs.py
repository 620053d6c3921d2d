"""Runs: their names, their files, and the one way to have them."""

import hashlib
import io
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import h5py
import netCDF4
import numpy as np
import pytest
import xarray as xr

from icl import runs, training
from icl.model import Model
from icl.runs import RunConfig, Store, combine, load_or_train, seed_list, to_dataset
from icl.settings import InputError
from icl.task import Stream, Task, generator
from icl.training import Diverged, State, Training

TINY = RunConfig(
    task=Task(K=8, L=4, N=2, D=4, P=7, alpha=1.0),
    model=Model(hidden=1),
    training=Training(steps=20, every=5, test=40, batch=8, maps=True, keep_parameters=True),
)


def change(config, part, **values):
    return config.replace(**{part: getattr(config, part).replace(**values)})


def quiet(config, seeds, root, **options):
    return load_or_train(config, seeds, root, progress=False, **options)


# -- identity -----------------------------------------------------------------------------------


def test_names_of_stored_runs_never_change():
    """If this fails every stored run is lost: undo what changed a default, a name or the hash."""
    assert RunConfig().name == "full-K256-B1-dce5d8088360"
    assert TINY.name == "full-K8-B1-53095a6510cf"
    figure_3 = RunConfig(task=Task(p_C=0.8), training=Training(maps=True, keep_parameters=True))
    assert figure_3.name == "full-K256-B1-5294db03766a"
    two = RunConfig(model=Model(kind="minimal", train_beta2=False), task=Task(K=512, D=64, B=2))
    assert two.name == "minimal-K512-B2-264f9266fc80"


def test_the_hash_is_of_version_and_changed_settings():
    text = '1 {"task": {"p_C": 0.8}, "training": {"keep_parameters": true, "maps": true}}'
    digest = hashlib.sha256(text.encode()).hexdigest()
    config = RunConfig(task=Task(p_C=0.8), training=Training(maps=True, keep_parameters=True))
    assert config.hash == digest[:12]


def test_every_setting_has_a_part_in_the_name():
    changes = {
        "task": {
            "K": 64, "L": 16, "N": 4, "B": 2, "p_B": 0.5, "p_C": 0.5, "alpha": 1.0, "eps": 0.2,
            "D": 64, "P": 66, "novel": 64, "distinct": False,
        },
        "model": {"kind": "minimal", "hidden": 2, "attention_scale": 0.5, "bias": False},
        "training": {
            "steps": 1000, "batch": 64, "learning_rate": 0.1, "decay": 0.0, "dtype": "float64",
            "every": 250, "test": 100, "maps": True, "keep_parameters": True, "stop_loss": 0.1,
        },
    }  # fmt: skip
    for part, values in changes.items():
        settings = type(getattr(RunConfig(), part))
        assert set(values) | {"train_beta2", "xi0", "stop_steps"} >= set(settings.model_fields)
    configs = [RunConfig()]
    configs += [
        change(configs[0], part, **{k: v}) for part, vs in changes.items() for k, v in vs.items()
    ]
    minimal = change(configs[0], "model", kind="minimal")
    configs.append(change(minimal, "model", train_beta2=False))
    configs.append(change(minimal, "model", xi0=1.0))
    configs.append(change(configs[0], "training", stop_loss=0.1, stop_steps=1000))
    assert len({config.hash for config in configs}) == len(configs)


def test_a_default_said_aloud_is_the_same_run():
    assert RunConfig(task=Task(K=256, eps=0.1)).hash == RunConfig().hash
    assert RunConfig(task=Task(eps=1)).hash == RunConfig(task=Task(eps=1.0)).hash
    again = RunConfig.model_validate_json(TINY.model_dump_json())
    assert (again, again.hash) == (TINY, TINY.hash)


def test_the_version_has_a_part_in_the_name(monkeypatch):
    before = RunConfig().hash
    monkeypatch.setattr(runs, "VERSION", runs.VERSION + 1)
    assert RunConfig().hash != before


def test_a_configuration_can_be_changed_after_its_name_was_asked_for():
    assert TINY.name
    assert change(TINY, "task", K=16).task.K == 16


def test_unknown_settings_are_refused():
    with pytest.raises(
        InputError, match=r"^unknown parameter 'tusk'; known: task, model, training$"
    ):
        RunConfig(tusk=Task())
    with pytest.raises(InputError, match=r"^unknown parameter 'task.k'; known: K, L, N, "):
        RunConfig.model_validate_json(json.dumps({"task": {"k": 3}}))


def test_a_test_with_no_sequence_for_some_ranks_is_refused():
    skewed = Task(K=64, alpha=1.0)  # bins of ranks: 1, 2-3, 4-7, 8-15, 16-31, 32-63, 64
    short = Training(steps=1, every=1, batch=4, test=7)
    with pytest.raises(InputError) as refusal:
        RunConfig(task=skewed, training=short.replace(test=6))
    assert str(refusal.value) == (
        "test=6 must be at least 7, one sequence for each bin of class ranks, with alpha=1 and K=64"
    )
    [first, _] = trained(RunConfig(task=skewed, training=short), 0).records
    assert np.isfinite(first["rank_accuracy"]).all()
    RunConfig(task=skewed.replace(alpha=0.0), training=short.replace(test=1))  # has no such bins


def test_a_description_says_what_differs():
    text = change(RunConfig(), "training", learning_rate=0.1, steps=1000).describe()
    assert text == (
        "full model, K=256, L=32, N=8, B=1, p_B=1, p_C=0, alpha=0, eps=0.1, "
        "learning_rate=0.1, 1,000 steps"
    )


@pytest.mark.parametrize("seeds", [0, -1, [], [1, 1], [-1, 2], [0, 2**32]])
def test_seeds_that_cannot_be(seeds):
    with pytest.raises(InputError) as refusal:
        seed_list(seeds)
    assert str(refusal.value) == (
        f"seeds={seeds} must be a number above 0, or different numbers from 0 to 2**32 - 1"
    )


def test_seeds_beyond_those_allowed_would_share_their_draws():
    first = generator(2**32, Stream.WORLD).random(4)
    np.testing.assert_array_equal(first, generator(0, Stream.INIT).random(4))


def test_seeds_by_number_or_name():
    assert seed_list([2**32 - 1]) == [2**32 - 1]
    assert seed_list(3) == [0, 1, 2]
    assert seed_list(iter([4, 0])) == [4, 0]


def test_settings_that_are_changed_are_named_with_their_group():
    config = RunConfig(task=Task(K=512, P=80), training=Training(learning_rate=0.1))
    changed = [("task", "K", 512), ("task", "P", 80), ("training", "learning_rate", 0.1)]
    assert list(config.changed()) == changed


# -- files --------------------------------------------------------------------------------------


def trained(config, seed, engine="fast"):
    """A run's last state, made without a store."""
    state = training.start(config.task, config.model, config.training, seed)
    recorder = training.Recorder(config.task, config.training, seed)
    worker = runs._engine(
        engine, [runs.World(config.task, seed)], config.model, config.training.batch, "cpu"
    )
    training.advance(worker, [state], [recorder], config.training, lambda *_: None, lambda n: None)
    return state


@pytest.mark.parametrize("kind", ["full", "minimal"])
def test_a_run_there_and_back(kind, tmp_path):
    config = change(TINY, "model", kind=kind)
    state = trained(config, 3)
    store = Store(tmp_path)
    assert store.load(config, 3) is None
    assert not store.has(config, 3)
    store.save(config, 3, state, "fast")
    assert store.has(config, 3)
    loaded = store.load(config, 3)
    xr.testing.assert_identical(loaded, to_dataset(config, 3, state, "fast"))
    assert loaded.step.values.tolist() == [0, 5, 10, 15, 20]
    for i, record in enumerate(state.records):
        for name, value in record.items():
            np.testing.assert_array_equal(loaded[name].isel(step=i), value, err_msg=name)
            assert loaded[name].dtype == value.dtype
    for name, value in state.theta.items():
        np.testing.assert_array_equal(loaded[f"theta_{name}"], value)
        assert loaded[f"theta_{name}"].dtype == value.dtype
    assert len(loaded.data_vars) == len(state.records[0]) + len(state.theta)
    assert loaded.rank_accuracy.dims == ("step", "rank_bin")
    assert loaded.map1.dims == ("step", "query", "key")
    assert loaded.row2.dims == ("step", "pair", "key")
    attributes = dict(loaded.attrs)
    assert RunConfig.model_validate_json(attributes.pop("config")) == config
    assert attributes.pop("seconds") == round(state.seconds, 1)
    assert attributes == {"seed": 3, "stopped_at": 20, "engine": "fast", "version": 1}


def test_one_look_at_a_run(tmp_path, capsys):
    store, state = Store(tmp_path), trained(TINY, 0)
    assert store.look(TINY, 0) is None
    begun = training.start(TINY.task, TINY.model, TINY.training, 0)
    begun.step, begun.seconds = 7, 1.5
    store.save_checkpoint(TINY, 0, begun)
    assert store.look(TINY, 0) == (7, 1.5, False)
    store.save(TINY, 0, state, "fast")
    assert store.look(TINY, 0) == (20, round(state.seconds, 1), True)
    assert capsys.readouterr().err == ""

    store.save_checkpoint(TINY, 0, begun)
    store.path(TINY, 0).write_bytes(b"no run")
    assert store.look(TINY, 0) == (7, 1.5, False)
    assert "0.nc.corrupt; it does not count" in capsys.readouterr().err


def test_a_checkpoint_is_made_when_it_is_due(tmp_path, monkeypatch):
    store, saved, ticks = Store(tmp_path), [], []
    monkeypatch.setattr(store, "save_checkpoint", lambda c, seed, state: saved.append(state.step))
    due = iter([False] * 7 + [True] + [False] * 99)
    runs.train(TINY, [0], store, tick=ticks.append, due=lambda: next(due))
    assert saved == [7, 20]


def test_other_programs_open_the_files(tmp_path):
    store = Store(tmp_path)
    store.save(TINY, 0, trained(TINY, 0), "fast")
    path, ours = store.path(TINY, 0), store.load(TINY, 0)
    with xr.open_dataset(path) as opened:
        xr.testing.assert_identical(opened.load(), ours)
    with netCDF4.Dataset(path) as opened:
        assert opened["icl_accuracy"].shape == (5,)


def test_a_compressed_file_is_hdf5():
    run = to_dataset(TINY, 0, trained(TINY, 0), "fast")
    run["large"] = ("step", "row", "column"), np.zeros((5, 300, 300))
    with h5py.File(io.BytesIO(runs.to_netcdf(run))) as file:  # knows HDF5 and nothing of ours
        for name, variable in run.variables.items():
            np.testing.assert_array_equal(file[name][...], variable.values)
        dimensions = [scale[0].name for scale in file["rank_accuracy"].dims]
        assert file.attrs["seed"] == 0
    assert dimensions == ["/step", "/rank_bin"]


def test_parameters_and_maps_are_kept_only_where_they_are_asked_for(tmp_path):
    config = change(TINY, "training", maps=False, keep_parameters=False)
    names = set(quiet(config, 1, tmp_path).data_vars)
    assert not [name for name in names if name.startswith(("theta_", "map", "row"))]
    assert {"icl_accuracy", "train_loss", "carried", "stopped_at"} <= names


# -- load or train ------------------------------------------------------------------------------


def test_a_stored_run_is_not_trained_again(tmp_path, monkeypatch):
    first = quiet(TINY, 2, tmp_path)
    monkeypatch.setattr(runs, "train", lambda *_: pytest.fail("trained again"))
    xr.testing.assert_identical(first, quiet(TINY, 2, tmp_path))
    xr.testing.assert_identical(first.isel(seed=[1, 0]), quiet(TINY, [1, 0], tmp_path))


def test_what_load_or_train_gives(tmp_path):
    both = quiet(TINY, [4, 1], tmp_path)
    assert dict(both.sizes).items() >= {"seed": 2, "step": 5, "rank_bin": 4, "key": 5}.items()
    assert both.seed.values.tolist() == [4, 1]
    assert both.stopped_at.values.tolist() == [20, 20]
    assert not both.carried.any()
    assert both.attrs["name"] == TINY.name
    assert RunConfig.model_validate_json(both.attrs["config"]) == TINY
    for seed in (4, 1):
        alone = trained(TINY, seed)
        for name in alone.records[0]:
            for i, record in enumerate(alone.records):
                np.testing.assert_array_equal(both[name].sel(seed=seed).isel(step=i), record[name])


def test_engines_and_company_make_the_same_curves(tmp_path):
    config = change(TINY, "training", dtype="float64")
    fast = quiet(config, 3, tmp_path / "fast")
    legible = quiet(config, 3, tmp_path / "legible", engine="legible")
    runs.train(config, [0, 1, 2], Store(tmp_path / "together"), engine="legible")
    together = quiet(config, 3, tmp_path / "together")
    for other in (legible, together):
        assert list(other) == list(fast)
        for name in fast:
            np.testing.assert_allclose(other[name], fast[name], rtol=1e-5, atol=1e-8, err_msg=name)


@pytest.mark.parametrize("seeds", [(0, 1), (1, 0)])
def test_a_seed_that_was_stopped_before_its_first_step_trains_with_one_that_was_not(
    seeds, tmp_path
):
    """Its checkpoint holds the record of step 0 already."""
    to = Store(tmp_path / "stopped")
    stop = pytest.raises(KeyboardInterrupt)
    with pytest.MonkeyPatch.context() as patch, stop:
        patch.setattr(to, "save_checkpoint", save_and_stop(to))
        runs.train(TINY, [0], to, engine="legible", due=lambda: True)
    assert (to.checkpoint(TINY, 0).step, len(to.checkpoint(TINY, 0).records)) == (0, 1)

    found = quiet(TINY, seeds, to.root, engine="legible")
    expected = quiet(TINY, seeds, tmp_path / "fresh", engine="legible")
    xr.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("engine", ["fast", "legible"])
def test_a_seed_that_diverges_stops_no_other(engine, tmp_path):
    to = Store(tmp_path / "some")
    broken = training.start(TINY.task, TINY.model, TINY.training, 1)
    broken.theta = {name: np.nan * value for name, value in broken.theta.items()}
    to.save_checkpoint(TINY, 1, broken)
    with pytest.raises(Diverged, match=r"^the training loss of seed 1 is nan at step 0$") as error:
        quiet(TINY, [0, 1, 2], to.root, engine=engine)
    assert error.value.seeds == [1]
    assert [seed for seed in range(3) if to.has(TINY, seed)] == [0, 2]
    found, expected = (quiet(TINY, [0, 2], root) for root in (to.root, tmp_path / "all"))
    xr.testing.assert_allclose(found, expected, rtol=1e-5)


def test_seeds_that_were_stored_before_another_diverged_are_not_trained_again(
    tmp_path, monkeypatch
):
    to, stored = Store(tmp_path), []
    broken = training.start(TINY.task, TINY.model, TINY.training, 1)
    broken.theta = {name: np.nan * value for name, value in broken.theta.items()}
    broken.step = TINY.training.steps // 2  # so the others, who are behind, train first
    to.save_checkpoint(TINY, 1, broken)
    save = to.save
    monkeypatch.setattr(
        to, "save", lambda config, seed, *rest: (stored.append(seed), save(config, seed, *rest))
    )
    with pytest.raises(Diverged, match=r"^the training loss of seed 1 is nan "):
        runs.train(TINY, [0, 1, 2], to, engine="legible")
    assert stored == [0, 2]


def test_progress_adds_up_when_a_seed_diverges(tmp_path):
    to, half = Store(tmp_path), TINY.training.steps // 2
    for seed in range(3):
        ticks = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(to, "save_checkpoint", save_and_stop(to))
            due = lambda made=ticks: sum(made) == half  # noqa: E731
            with pytest.raises(KeyboardInterrupt):
                runs.train(TINY, [seed], to, tick=ticks.append, due=due)
    broken = to.checkpoint(TINY, 1)
    broken.theta = {name: np.nan * value for name, value in broken.theta.items()}
    to.save_checkpoint(TINY, 1, broken)

    ticks = []
    with pytest.raises(Diverged):
        runs.train(TINY, [0, 1, 2], to, engine="legible", tick=ticks.append)
    assert sum(ticks) == 3 * TINY.training.steps - half


def test_who_waits_for_another_process_is_told_so(tmp_path, capsys):
    to, begun = Store(tmp_path), threading.Event()

    def hold():
        with to.lock(TINY, 0):
            begun.set()
            time.sleep(0.5)

    other = threading.Thread(target=hold)
    other.start()
    begun.wait()
    quiet(TINY, 1, tmp_path)
    other.join()
    told = capsys.readouterr()
    assert told.err == "seed 0 is being trained by another process; waiting for it\n"
    assert told.out == ""


def save_and_stop(to):
    def save(config, seed, state):
        Store.save_checkpoint(to, config, seed, state)
        raise KeyboardInterrupt

    return save


def test_the_legible_engine_has_one_thread_also_in_a_process_that_had_not_loaded_pytorch(tmp_path):
    """More of them only get in each other's way."""
    code = f"""
import sys
from icl.runs import RunConfig, Store, train

assert "torch" not in sys.modules
config = RunConfig.model_validate_json({TINY.model_dump_json()!r})
threads = set()

def tick(n):
    import torch

    if n:
        threads.add(torch.get_num_threads())

train(config, [0], Store({str(tmp_path)!r}), engine="legible", tick=tick)
print(threads)
"""
    free = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    run = subprocess.run(
        [sys.executable, "-c", code], env=free, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "{1}"


ENGINES = [
    ("fast", "cuda", "device='cuda' needs engine='legible': the fast engine is the CPU's"),
    ("legible", "abacus", "device='abacus' cannot be used here"),
    ("legible", "meta", "device='meta' cannot be used here"),
]


@pytest.mark.parametrize(("engine", "device", "message"), ENGINES)
def test_an_engine_or_device_that_will_not_do_is_refused_before_any_work(
    engine, device, message, tmp_path
):
    """Also where the runs are stored."""
    for call in (
        lambda: quiet(TINY, 1, tmp_path / "none", engine=engine, device=device),
        lambda: runs.train(TINY, [0], Store(tmp_path / "none"), engine, device),
    ):
        with pytest.raises(InputError) as refusal:
            call()
        assert str(refusal.value).startswith(message)
    assert not (tmp_path / "none").exists()
    quiet(TINY, 1, tmp_path)
    with pytest.raises(InputError):
        quiet(TINY, 1, tmp_path, engine=engine, device=device)


def test_an_unknown_engine_is_refused_where_types_are_not_checked(tmp_path):
    code = f"""
from icl import runs
from icl.settings import InputError

config = runs.RunConfig.model_validate_json({TINY.model_dump_json()!r})
for call in (
    lambda: runs.load_or_train(config, 1, {str(tmp_path)!r}, engine="Fast", progress=False),
    lambda: runs.train(config, [0], runs.Store({str(tmp_path)!r}), engine="Fast"),
):
    try:
        call()
    except InputError as error:
        print(error)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == ["engine='Fast' must be 'fast' or 'legible'"] * 2
    assert not list(tmp_path.iterdir())


def test_the_store_is_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("ICL_STORE", str(tmp_path / "here"))
    assert Store().root == tmp_path / "here"
    assert Store(tmp_path).root == tmp_path
    monkeypatch.setenv("ICL_STORE", "~/runs")
    assert Store().root == Path.home() / "runs"
    monkeypatch.setenv("ICL_STORE", "  ")
    assert Store().root == Path(runs.__file__).parents[1] / "results"
    monkeypatch.setenv("ICL_STORE", "")  # a variable of a script that was not set
    assert (Store().root.parent / "icl" / "runs.py").exists()
    monkeypatch.delenv("ICL_STORE")
    assert Store().root.name == "results"
    assert (Store().root.parent / "icl" / "runs.py").exists()


@pytest.mark.parametrize("killed_at", [0, 3, 5, 19])
def test_progress_adds_up_to_the_steps(killed_at, tmp_path, monkeypatch):
    store, ticks = Store(tmp_path), []
    state = training.start(TINY.task, TINY.model, TINY.training, 0)
    if killed_at:
        monkeypatch.setattr(training, "CHECKPOINT_SECONDS", -1.0)

        def save(config, seed, state):
            Store.save_checkpoint(store, config, seed, state)
            if state.step == killed_at:
                raise KeyboardInterrupt

        monkeypatch.setattr(store, "save_checkpoint", save)
        with pytest.raises(KeyboardInterrupt):
            runs.train(TINY, [0], store)
        state = Store(tmp_path).checkpoint(TINY, 0)
        monkeypatch.undo()
    assert state.step == killed_at
    runs.train(TINY, [0], store, tick=ticks.append)
    assert sum(ticks) == 20
    assert not store.checkpoint_path(TINY, 0).exists()


# -- runs that stop early -----------------------------------------------------------------------

# Two labels, and the target's class always in the context: learned in some hundreds of steps.
EASY = RunConfig(
    task=Task(K=2, L=2, N=1, D=8, P=3, eps=0.5),
    model=Model(kind="minimal", hidden=1),
    training=Training(
        steps=2000, every=20, test=20, batch=8, learning_rate=0.1, stop_loss=0.05, stop_steps=100
    ),
)


def test_runs_that_stop_early_are_carried_forward_with_a_mark(tmp_path):
    curves = quiet(EASY, 4, tmp_path)
    store = Store(tmp_path)
    stops = curves.stopped_at.values
    assert len(set(stops)) > 1
    assert stops.max() < 2000
    assert curves.step.values.tolist() == list(range(0, stops.max() + 20, 20))
    for seed in range(4):
        own, stop = store.load(EASY, seed), stops[seed]
        assert own.attrs["stopped_at"] == own.step.values[-1] == stop
        low = own.train_loss.values < 0.05
        assert low[-5:].all()  # 100 steps below the threshold, and never before
        assert not any(low[i : i + 5].all() for i in range(1, len(low) - 5))
        mine = curves.sel(seed=seed)
        assert (mine.carried == (curves.step > stop)).all()
        for name in own:
            np.testing.assert_array_equal(mine[name].sel(step=slice(0, stop)), own[name])
            assert (mine[name].sel(step=slice(stop, None)) == own[name].values[-1]).all()


def test_carrying_forward_keeps_types_and_gaps():
    def made(seed, length):
        records = [
            {"train_loss": np.array(i + seed), "map1": np.full((2, 2), np.nan if seed else i, "f4")}
            for i in range(length)
        ]
        return to_dataset(EASY, seed, State((length - 1) * 20, {}, records=records), "fast")

    both = combine(EASY, [made(0, 4), made(1, 2)])
    assert both.train_loss.values.tolist() == [[0, 1, 2, 3], [1, 2, 2, 2]]
    assert both.carried.values.tolist() == [[False] * 4, [False, False, True, True]]
    assert both.stopped_at.values.tolist() == [60, 20]
    assert both.map1.dtype == np.float32
    assert both.map1.sel(seed=1).isnull().all()
    assert both.map1.sel(seed=0).values[:, 0, 0].tolist() == [0, 1, 2, 3]


def test_another_seed_or_setting_is_another_run(tmp_path):
    store = Store(tmp_path)
    store.save(TINY, 0, trained(TINY, 0), "fast")
    assert store.load(TINY, 1) is None
    assert store.load(change(TINY, "task", eps=0.2), 0) is None


def test_seeds_that_stop_at_different_steps_train_together_as_alone(tmp_path):
    """The legible engine trains seeds together, and one that has ended must not move the others."""
    config = change(EASY, "training", dtype="float64")
    alone = quiet(config, 4, tmp_path / "alone")
    assert len(set(alone.stopped_at.values)) > 1
    runs.train(config, range(4), Store(tmp_path / "together"), engine="legible")
    together = quiet(config, 4, tmp_path / "together")
    np.testing.assert_array_equal(together.stopped_at, alone.stopped_at)
    for name in alone:
        np.testing.assert_allclose(together[name], alone[name], rtol=1e-5, atol=1e-8, err_msg=name)


def test_what_another_process_has_trained_meanwhile_is_not_trained_again(tmp_path, monkeypatch):
    to, state, begun = Store(tmp_path), trained(TINY, 0), threading.Event()

    def another():
        with to.lock(TINY, 0):
            begun.set()
            time.sleep(0.5)
            to.save(TINY, 0, state, "fast")

    monkeypatch.setattr(runs, "train", lambda *_: pytest.fail("trained again"))
    other = threading.Thread(target=another)
    other.start()
    begun.wait()
    quiet(TINY, 1, tmp_path)
    other.join()
