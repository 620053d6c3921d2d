"""Training: the numbers recorded, the rule that stops it, and a state that survives."""

import gc
import io
import itertools
import tracemalloc
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from admissible import parameters

from icl import fast, measures, training
from icl.legible import LegibleEngine
from icl.model import Model, initial
from icl.settings import InputError
from icl.task import BLOCK, Task, World
from icl.training import Diverged, OtherRun, Recorder, State, Training, advance, finished, start

TASK = Task(K=8, L=4, N=2, D=4, P=7, p_B=0.5, p_C=0.3, alpha=1.0)
SHORT = Training(steps=20, every=5, test=40, batch=8, maps=True)
MODELS = {"full": Model(), "minimal": Model(kind="minimal")}
REFUSALS = {
    "steps=1001 must be a multiple of every=500": {"steps": 1001},
    "steps=100 must be a multiple of every=500": {"steps": 100},
    "steps=0 must be greater than or equal to 1": {"steps": 0},
    "batch=0 must be greater than or equal to 1": {"batch": 0},
    "learning_rate=0 must be greater than 0": {"learning_rate": 0},
    "decay=-0.1 must be greater than or equal to 0": {"decay": -0.1},
    "decay=1 must be less than 1": {"decay": 1},
    "dtype='float16' must be 'float32' or 'float64'": {"dtype": "float16"},
    "every=0 must be greater than or equal to 1": {"every": 0},
    "test=0 must be greater than or equal to 1": {"test": 0},
    "stop_loss=-1 must be greater than or equal to 0": {"stop_loss": -1},
    "stop_steps=0 must be greater than or equal to 1": {"stop_steps": 0},
    "stop_steps=30 needs stop_loss above 0: at 0 no run stops early": {"stop_steps": 30},
    "maps=1 must be a boolean": {"maps": 1},
    "steps=1.5 must be an integer": {"steps": 1.5},
}


@pytest.mark.parametrize(("message", "values"), REFUSALS.items(), ids=REFUSALS)
def test_refusal(message, values):
    with pytest.raises(InputError) as refusal:
        Training(**values)
    assert str(refusal.value) == message


def engine_of(name, model, seeds, dtype="float32"):
    worlds = [World(TASK, seed, dtype) for seed in seeds]
    return fast.engine(worlds[0], model, 8) if name == "fast" else LegibleEngine(worlds, model, 8)


def run(name, model, seeds, settings, states=None, save=None):
    """Seeds from their states, or from the start, to the end of the first; and the ticks."""
    states = states or [start(TASK, model, settings, seed) for seed in seeds]
    recorders = [Recorder(TASK, settings, seed) for seed in seeds]
    ticks = []
    engine = engine_of(name, model, seeds, settings.dtype)
    advance(engine, states, recorders, settings, save or (lambda *_: None), ticks.append)
    return states, ticks


def assert_equal_states(one, other, **tolerance):
    """Bit for bit, or to a tolerance."""
    compare = partial(np.testing.assert_allclose, **tolerance)
    compare = compare if tolerance else np.testing.assert_array_equal
    assert one.step == other.step
    assert list(one.theta) == list(other.theta)
    for name in one.theta:
        compare(one.theta[name], other.theta[name], err_msg=name)
    compare(one.loss_sum, other.loss_sum)
    assert len(one.records) == len(other.records)
    for a, b in zip(one.records, other.records, strict=True):
        assert list(a) == list(b)
        for name in a:
            compare(a[name], b[name], err_msg=name)


# -- what is recorded ---------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_losses_between_records_are_averaged(model):
    [state], ticks = run("fast", model, [3], SHORT)
    engine = engine_of("fast", model, [3])
    engine.load([start(TASK, model, SHORT, 3).theta])
    losses = [float(engine.step(t, 0.01, 1e-6)[0]) for t in range(20)]
    recorded = [float(record["train_loss"]) for record in state.records]
    assert recorded[0] == losses[0]
    np.testing.assert_allclose(recorded[1:], np.reshape(losses, (4, 5)).mean(1), rtol=1e-12)
    for name, value in engine.parameters()[0].items():
        np.testing.assert_array_equal(state.theta[name], value)
    assert sum(ticks) == 20


def test_a_record_holds_every_measure_of_its_moment():
    settings = SHORT.replace(dtype="float64", test=60)
    theta = parameters(Model(), TASK, 1)
    world = World(TASK, 1, "float64")
    engine = engine_of("fast", Model(), [1], "float64")
    engine.load([theta])
    record = Recorder(TASK, settings, 1).record(engine.outputs, theta, 0.25)
    out = {
        name: engine.outputs(world.probe(name, 60)) for name in ("icl", "swapped", "iwl", "rank")
    }
    out["iwl_absent"] = engine.outputs(world.probe("iwl_absent", 60))
    assert record["train_loss"] == 0.25
    for name in ("icl", "swapped", "iwl", "iwl_absent"):
        right = out[name].logits.argmax(1) == world.probe(name, 60).target
        assert record[f"{name}_accuracy"] == right.mean()
    icl, s = out["icl"], world.probe("icl", 60)
    expected = {
        "icl_loss": measures.cross_entropy(icl.logits, s.target),
        "item_label_association": measures.item_label_association(icl.p1),
        "previous_token_association": measures.previous_token_association(icl.p1),
        "target_item_label_association": measures.target_item_label_association(icl.p2, s.right),
        "target_labels_association": measures.target_labels_association(icl.p2),
        "context_label_accuracy": measures.context_label_accuracy(icl.logits, s.labels),
        "context_label_probability": measures.context_label_probability(icl.logits, s.labels),
    }
    for name, value in expected.items():
        assert record[name] == value, name
    ranked = world.probe("rank", 60)
    right = out["rank"].logits.argmax(1) == ranked.target
    for b, (first, last) in enumerate(TASK.rank_bins()):
        rank = ranked.classes[:, -1] + 1
        assert record["rank_accuracy"][b] == right[(first <= rank) & (rank <= last)].mean()
    np.testing.assert_allclose(record["map1"], icl.p1.mean(0), rtol=1e-6)
    for place in range(2):
        rows = icl.p2[s.right.argmax(1) == place]
        np.testing.assert_allclose(record["row2"][place], rows.mean(0), rtol=1e-6)


def test_what_is_recorded_only_where_it_is_asked_for_or_means_something():
    flat = Recorder(TASK.replace(alpha=0.0), SHORT.replace(maps=False), 0)
    engine = engine_of("fast", Model(), [0])
    record = flat.record(engine.outputs, start(TASK, Model(), SHORT, 0).theta, 1.0)
    assert not {"rank_accuracy", "map1", "row2", "alpha", "beta1", "beta2"} & set(record)
    theta = parameters(MODELS["minimal"], TASK, 0)
    small = engine_of("fast", MODELS["minimal"], [0])
    record = flat.record(small.outputs, theta, 1.0)
    assert all(record[name] == theta[name] for name in ("alpha", "beta1", "beta2"))


def test_a_measure_without_the_names_of_its_axes_is_refused_before_the_first_step(monkeypatch):
    monkeypatch.delitem(training.DIMENSIONS, "row2")
    monkeypatch.setattr(fast.FullEngine, "step", lambda *_: pytest.fail("trained"))
    with pytest.raises(ValueError, match=r"^row2 has shape \(2, 5\): name its axes in DIMENSIONS$"):
        run("fast", Model(), [0], SHORT)


@pytest.mark.parametrize("engine", ["fast", "legible"])
def test_a_loss_that_overflows_ends_the_run_in_one_line(engine):
    with pytest.raises(Diverged, match=r"^the training loss of seed 3 is (nan|inf) at step 5$"):
        run(engine, Model(), [3], SHORT.replace(learning_rate=1e30))


# -- together or apart, fast or legible ---------------------------------------------------------


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_seeds_together_apart_and_on_either_engine(model):
    settings = SHORT.replace(dtype="float64")
    together, ticks = run("legible", model, [5, 0, 2], settings)
    assert sum(ticks) == 3 * 20
    for seed, state in zip([5, 0, 2], together, strict=True):
        for name in ("legible", "fast"):
            [alone], _ = run(name, model, [seed], settings)
            assert_equal_states(alone, state, rtol=1e-7, atol=1e-9)  # maps are float32


# -- the stop rule ------------------------------------------------------------------------------


def state_with(*losses, every=10):
    records = [{"train_loss": np.array(loss)} for loss in losses]
    return State((len(losses) - 1) * every, {}, records=records)


@pytest.mark.parametrize(
    ("losses", "stops"),
    [
        ([3.0, 2.0, 1.0], False),
        ([3.0, 0.4, 0.4], False),  # 20 steps below
        ([3.0, 0.4, 0.4, 0.4], True),  # 30 steps below
        ([3.0, 0.4, 0.6, 0.4, 0.4], False),
        ([3.0, 0.4, 0.6, 0.4, 0.4, 0.4], True),
        ([3.0, 0.4, 0.4, 0.5], False),  # at the threshold is not below it
        ([0.4, 0.4, 0.4], False),  # the first record is of no steps
        ([0.4, 0.4, 0.4, 0.4], True),
        ([0.4, 0.4, 0.4, float("nan")], False),
    ],
)
def test_the_stop_rule(losses, stops):
    rule = Training(steps=1000, every=10, stop_loss=0.5, stop_steps=30)
    assert finished(state_with(*losses), rule) == stops
    # A number of steps that is no multiple of a record's is rounded up.
    assert finished(state_with(*losses), rule.replace(stop_steps=21)) == stops
    assert not finished(state_with(*losses), Training(steps=1000, every=10))


def test_no_step_is_no_reason_to_stop():
    rule = Training(steps=1000, every=10, stop_loss=0.5, stop_steps=1)
    assert not finished(state_with(0.1), rule)
    assert finished(state_with(0.1, 0.1), rule)


def test_the_last_step_ends_a_run():
    rule = Training(steps=20, every=10)
    assert not finished(state_with(3.0, 3.0), rule)
    assert finished(state_with(3.0, 3.0, 3.0), rule)


def test_a_run_that_stops_early_has_made_the_same_steps():
    [whole], _ = run("fast", Model(), [0], SHORT)
    [early], _ = run("fast", Model(), [0], SHORT.replace(stop_loss=100.0, stop_steps=10))
    assert early.step == 10
    for a, b in zip(early.records, whole.records[:3], strict=True):
        for name in a:
            np.testing.assert_array_equal(a[name], b[name])


# -- a state that survives ----------------------------------------------------------------------


class Killed(Exception):
    """Stands for whatever ends a process."""


@pytest.mark.parametrize("engine", ["fast", "legible"])
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_a_resumed_run_has_the_bits_of_one_that_was_not_interrupted(engine, model, monkeypatch):
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", -1.0)  # a checkpoint at every step
    seeds = [1] if engine == "fast" else [1, 6]
    whole, _ = run(engine, model, seeds, SHORT)
    checkpoints = {}

    def keep(state, place):
        checkpoints[place] = state.dump(f"run {place}")
        if place == len(seeds) - 1 and state.step in (0, 3, 5, 6, 10, 19) and state.step > last:
            raise Killed

    states, last, lives = None, -1, 0
    while states is None or not finished(states[0], SHORT):
        lives += 1
        try:
            states, _ = run(engine, model, seeds, SHORT, states, keep)
        except Killed:
            states = [State.parse(checkpoints[i], f"run {i}") for i in range(len(seeds))]
            last = states[0].step
    assert lives == 7
    for a, b in zip(states, whole, strict=True):
        assert_equal_states(a, b)


def example_state():
    rng = np.random.default_rng(0)
    records = [
        {"train_loss": np.array(0.1 * i), "row2": np.array([[0.5, np.nan]], np.float32) * i}
        for i in range(3)
    ]
    theta = {"Q1": rng.normal(size=(3, 3)).astype(np.float32), "b1": np.array(0.1)}
    return State(17, theta, loss_sum=0.1 + 0.2, seconds=3.25, records=records)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_memory_does_not_grow_with_the_steps(model):
    """Objects of Python and arrays of NumPy; 150,000 steps of 32 bytes each would be 5 MB."""
    steps = 4 * BLOCK
    trained = engine_of("fast", model, [0])
    trained.load([initial(model, TASK, 0)])

    def size_after(first):
        for step in range(first, first + steps):
            trained.step(step, 0.01, 1e-6)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        sizes = [size_after(first) for first in range(0, 3 * steps, steps)]
    finally:
        tracemalloc.stop()
    assert min(np.diff(sizes)) < 32 * steps


@pytest.mark.parametrize("records", [0, 3])
def test_a_state_there_and_back(records):
    state = example_state()
    del state.records[records:]
    again = State.parse(state.dump("a run"), "a run")
    assert_equal_states(again, state)
    assert (again.loss_sum, again.seconds) == (0.1 + 0.2, 3.25)
    for name, value in state.theta.items():
        assert again.theta[name].dtype == value.dtype
        assert again.theta[name].shape == value.shape
    for record in again.records:
        assert record["row2"].dtype == np.float32
        assert record["train_loss"].shape == ()


def test_a_state_of_another_run_is_refused():
    with pytest.raises(OtherRun, match=r"^it holds another run, one/0$"):
        State.parse(example_state().dump("one/0"), "one/1")


def test_a_state_runs_no_code():
    buffer = io.BytesIO()
    np.savez(buffer, scalars=np.array([SimpleNamespace()], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        State.parse(buffer.getvalue(), "a run")


def test_processor_time_is_shared_by_seeds_and_counted_once(monkeypatch):
    """By a clock that goes on by a second at each look; a checkpoint at every step."""
    clock = itertools.count()
    monkeypatch.setattr(
        training,
        "time",
        SimpleNamespace(process_time=lambda: float(next(clock)), monotonic=lambda: 0.0),
    )
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", -1.0)
    states, _ = run("legible", Model(), [0, 1], SHORT)
    assert [state.seconds for state in states] == [(SHORT.steps + 1) / 2] * 2


def test_an_infinite_loss_ends_the_run(monkeypatch):
    engine = fast.engine(World(TASK, 3), Model(), 8)
    monkeypatch.setattr(engine, "losses", lambda step: np.array([np.inf]))
    state, recorder = start(TASK, Model(), SHORT, 3), Recorder(TASK, SHORT, 3)
    with pytest.raises(Diverged, match=r"^the training loss of seed 3 is inf at step 0$"):
        advance(engine, [state], [recorder], SHORT, lambda *_: None, lambda n: None)
