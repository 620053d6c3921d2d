"""The fast engine equals the legible networks and autograd, for every admissible setting."""

import tracemalloc

import numpy as np
import pytest
import torch
from admissible import full_models, held, minimal_models, parameters, tasks
from hypothesis import given, settings
from hypothesis import strategies as st

from icl import fast, legible
from icl.legible import LegibleEngine
from icl.model import Model, fixed_part, initial
from icl.settings import InputError
from icl.task import Task, World
from icl.training import Recorder, Training

EQUAL = {"rtol": 1e-10, "atol": 1e-10}
MODELS = {"full": Model(), "minimal": Model(kind="minimal"), "two": None}
MODELS["two"] = Model(kind="minimal", train_beta2=False)
MODELS["unbiased"] = Model(bias=False)

any_setting = given(
    task=tasks(),
    model=st.one_of(full_models(), minimal_models()),
    seed=st.integers(0, 99),
    batch=st.integers(1, 9),
)


def both(task, model, seed, batch, theta):
    engines = [
        fast.engine(World(task, seed, "float64"), model, batch),
        LegibleEngine([World(task, seed, "float64")], model, batch),
    ]
    for engine in engines:
        engine.load([theta])
    return engines


@settings(max_examples=50)
@any_setting
def test_logits_and_attention(task, model, seed, batch):
    quick, oracle = both(task, model, seed, batch, parameters(model, task, seed))
    world = World(task, seed, "float64")
    for s in (world.batch(3, batch), world.probe("icl", 2 * batch + 1), world.probe("swapped", 1)):
        a, b = quick.forward(place=0, sequences=s), oracle.forward(place=0, sequences=s)
        np.testing.assert_allclose(a.logits, b.logits, **EQUAL)
        np.testing.assert_allclose(a.p1, b.p1, **EQUAL)
        np.testing.assert_allclose(a.p2, b.p2, **EQUAL)


@settings(max_examples=50)
@any_setting
def test_loss_and_gradients(task, model, seed, batch):
    theta = parameters(model, task, seed)
    quick = fast.engine(World(task, seed, "float64"), model, batch)
    quick.load([theta])
    leaves = {name: torch.tensor(value, requires_grad=True) for name, value in theta.items()}
    world = World(task, seed, "float64")
    for step in (0, 1, 40):  # work space is reused, and must hold nothing of the last batch
        s = world.batch(step, batch)
        tokens = torch.tensor(world.tokens(s))
        fixed = torch.tensor(fixed_part(model, world.label_contents))
        logits = legible.forward(model, leaves, tokens, task.P, fixed).logits
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor(s.target))
        gradients = torch.autograd.grad(loss, list(leaves.values()))
        np.testing.assert_allclose(quick.loss_and_grad(s), loss.item(), **EQUAL)
        for name, gradient in zip(leaves, gradients, strict=True):
            expected = torch.zeros(()) if name in held(model) else gradient
            np.testing.assert_allclose(quick.grad[name], expected, **EQUAL, err_msg=name)


@settings(max_examples=20)
@any_setting
def test_parameters_after_50_steps(task, model, seed, batch):
    theta = parameters(model, task, seed)
    engines = both(task, model, seed, batch, theta)
    for step in range(50):
        losses = [engine.step(step, 0.02, 1e-3) for engine in engines]
        np.testing.assert_allclose(*losses, **EQUAL)
    ([quick], [oracle]) = (engine.parameters() for engine in engines)
    assert list(quick) == list(oracle) == list(theta)
    for name in theta:
        np.testing.assert_allclose(quick[name], oracle[name], **EQUAL, err_msg=name)
        moved = (quick[name] != theta[name]).any()
        assert name == "beta2" or moved == (name not in held(model))


@settings(max_examples=20)
@any_setting
def test_every_measure(task, model, seed, batch):
    theta = parameters(model, task, seed)
    training = Training(test=23, batch=batch, dtype="float64", maps=True)
    recorder = Recorder(task, training, seed)
    quick, oracle = (
        recorder.record(lambda s, engine=engine: engine.forward(0, s), theta, 1.0)
        for engine in both(task, model, seed, batch, theta)
    )
    assert list(quick) == list(oracle)
    for name in quick:
        tolerance = {"rtol": 1e-6, "atol": 1e-7} if name in ("map1", "row2") else EQUAL  # float32
        np.testing.assert_allclose(quick[name], oracle[name], **tolerance, err_msg=name)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_at_the_papers_sizes(model):
    task, batch = Task(p_C=0.8), 32
    engines = both(task, model, 0, batch, initial(model, task, 0, "float64"))
    for step in range(50):
        np.testing.assert_allclose(*(engine.step(step, 0.01, 1e-6) for engine in engines), **EQUAL)
    ([quick], [oracle]) = (engine.parameters() for engine in engines)
    for name in quick:
        np.testing.assert_allclose(quick[name], oracle[name], **EQUAL, err_msg=name)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_gradients_are_those_of_finite_differences(model):
    task = Task(K=8, L=4, N=4, D=5, P=12)
    world = World(task, 0, "float64")
    engine = fast.engine(world, model, 8)
    theta = parameters(model, task, 0)
    s, rng, h = world.batch(0, 8), np.random.default_rng(0), 1e-6
    engine.load([theta])
    engine.loss_and_grad(s)
    gradient = {name: value.copy() for name, value in engine.grad.views.items()}
    for name in theta:
        if name in held(model):
            continue
        direction = rng.normal(size=theta[name].shape)
        losses = []
        for sign in (1, -1):
            engine.load([theta | {name: np.asarray(theta[name] + sign * h * direction)}])
            losses.append(engine.loss_and_grad(s))
        slope = (losses[0] - losses[1]) / (2 * h)
        assert (gradient[name] * direction).sum() == pytest.approx(slope, rel=1e-6, abs=1e-9), name


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_in_float32_to_its_rounding(model):
    task = Task(p_C=0.8)
    theta = initial(model, task, 0, "float32")
    narrow = fast.engine(World(task, 0, "float32"), model)
    wide = fast.engine(World(task, 0, "float64"), model)
    for engine in (narrow, wide):
        engine.load([theta])
    for step in range(3):
        losses = [engine.step(step, 0.01, 1e-6) for engine in (narrow, wide)]
        np.testing.assert_allclose(*losses, rtol=1e-4)
    ([a], [b]) = narrow.parameters(), wide.parameters()
    for name in a:
        assert a[name].dtype == np.float32
        np.testing.assert_allclose(a[name], b[name], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("beta1", [-1e3, 49.0, 51.0, 100.0, 1e3])
def test_a_large_logit_of_the_minimal_model_overflows_nowhere(beta1):
    task, model = Task(K=8, L=4, N=4, D=5, P=12), MODELS["minimal"]
    theta = parameters(model, task, 0) | {"beta1": np.array(beta1)}
    theta = {name: value.astype(np.float32) for name, value in theta.items()}
    s = World(task, 0).probe("icl", 8)
    quick = fast.engine(World(task, 0), model, 8)
    oracle = LegibleEngine([World(task, 0)], model, 8)
    for engine in (quick, oracle):
        engine.load([theta])
    a, b = quick.forward(0, s), oracle.forward(0, s)
    for name in ("logits", "p1", "p2"):
        np.testing.assert_allclose(
            getattr(a, name), getattr(b, name), rtol=1e-4, atol=1e-5, err_msg=name
        )
    assert np.isfinite(quick.loss_and_grad(s))
    assert np.isfinite(quick.grad.vector).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_ordinary_logit_of_the_minimal_model_is_exponentiated_as_it_is(dtype):
    task, model = Task(K=8, L=4, N=4, D=5, P=12), MODELS["minimal"]
    engine = fast.engine(World(task, 0, dtype), model, 8)
    T, eye = task.T, np.eye(task.T, k=-1, dtype=dtype)
    for beta1 in (-30.0, 0.0, 0.3, 7.7, 49.9):
        engine.load([parameters(model, task, 0) | {"beta1": np.array(beta1)}])
        weights = np.tri(T, dtype=dtype) * np.exp(engine.theta["beta1"] * eye)
        expected = weights / weights.sum(1, keepdims=True)
        p1 = engine.forward(0, World(task, 0, dtype).probe("icl", 1)).p1[0]
        np.testing.assert_array_equal(p1, expected)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_a_step_is_sgd_with_decay(model):
    task = Task(K=8, L=4, N=4, D=5, P=12)
    engine = fast.engine(World(task, 0, "float64"), model, 8)
    before = parameters(model, task, 0)
    engine.load([before])
    engine.loss_and_grad(World(task, 0, "float64").batch(5, 8))
    gradient = {name: value.copy() for name, value in engine.grad.views.items()}
    engine.step(5, 0.1, 0.25)
    [after] = engine.parameters()
    for name in before:
        expected = before[name] * (1 - 0.25) - 0.1 * gradient[name]
        np.testing.assert_allclose(after[name], expected, rtol=1e-14, atol=1e-15)


def test_a_step_asks_for_less_memory_than_its_tokens_take():
    """The largest arrays are made once."""
    task = Task(p_C=0.8)
    world = World(task, 0)
    engine = fast.engine(world, Model(), 128)
    engine.load([initial(Model(), task, 0)])
    sequences = world.batch(0, 128)
    engine.loss_and_grad(sequences)
    tracemalloc.start()
    try:
        engine.loss_and_grad(sequences)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < world.tokens(sequences).nbytes


def test_losses_train_nothing():
    task = Task(K=8, L=4, N=4, D=5, P=12)
    for engine in both(task, Model(), 0, 8, parameters(Model(), task, 0)):
        before = engine.parameters()
        loss = engine.losses(7)
        for name, value in engine.parameters()[0].items():
            assert (value == before[0][name]).all()
        np.testing.assert_allclose(loss, engine.step(7, 0.1, 0.0), rtol=1e-14)


def test_the_batch_of_the_fast_engine_is_that_of_the_legible_one():
    task = Task(K=8, L=4, N=4, p_B=0.5, p_C=0.5, D=5, P=12)
    a, b = both(task, Model(), 3, 8, parameters(Model(), task, 3))
    for step in (0, 1, 31, 32):
        x, y = a.world.batch(step, a.batch), b.worlds[0].batch(step, b.batch)
        for name in vars(x):
            assert (getattr(x, name) == getattr(y, name)).all()


def test_seeds_train_together_as_alone():
    task, model = Task(K=8, L=4, N=4, D=5, P=12), Model()
    worlds = [World(task, seed, "float64") for seed in (4, 7, 2)]
    thetas = [initial(model, task, world.seed, "float64") for world in worlds]
    together = LegibleEngine(worlds, model, 8)
    together.load(thetas)
    losses = np.array([together.step(step, 0.02, 1e-3) for step in range(20)])
    for place, (world, theta) in enumerate(zip(worlds, thetas, strict=True)):
        alone = LegibleEngine([world], model, 8)
        alone.load([theta])
        own = np.array([alone.step(step, 0.02, 1e-3) for step in range(20)])
        np.testing.assert_allclose(losses[:, place], own[:, 0], rtol=1e-12)
        for name, value in alone.parameters()[0].items():
            np.testing.assert_allclose(together.parameters()[place][name], value, **EQUAL)
        s = world.probe("icl", 10)
        for a, b in zip(
            vars(together.forward(place, s)).values(),
            vars(alone.forward(0, s)).values(),
            strict=True,
        ):
            np.testing.assert_allclose(a, b, **EQUAL)


def test_a_device_that_is_not_there_is_refused():
    world = World(Task(), 0)
    with pytest.raises(InputError, match=r"^device='abacus' cannot be used here: [^\n]+$"):
        LegibleEngine([world], Model(), device="abacus")
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match=r"^device='cuda' cannot be used here: [^\n]+$"):
            LegibleEngine([world], Model(), device="cuda")


@pytest.mark.parametrize("model", [Model(), Model(kind="minimal")], ids=["full", "minimal"])
def test_a_large_logit_of_a_label_overflows_nowhere(model):
    task = Task(K=8, L=4, N=4, D=5, P=12)
    engine = fast.engine(World(task, 0), model, 8)
    theta = initial(model, task, 0)
    engine.load([theta | {"R": 1e4 * theta["R"]}])
    assert np.isfinite(engine.loss_and_grad(World(task, 0).batch(0, 8)))
    assert np.isfinite(engine.grad.vector).all()
