"""What is trained: settings, shapes and first values."""

import math

import numpy as np
import pytest
import torch
from admissible import full_models, held, minimal_models, tasks
from chance import assert_normal
from hypothesis import given
from hypothesis import strategies as st

from icl import bench, fast, legible, provenance
from icl.experiments import Experiment
from icl.model import Flat, Model, initial, parameter_table, shapes
from icl.runs import RunConfig
from icl.settings import InputError
from icl.task import Task, World

REFUSALS = {
    "train_beta2=False needs kind='minimal': the full network has no beta2": {"train_beta2": False},
    "attention_scale=2.0 needs kind='full': the minimal model's attention starts at 0": {
        "kind": "minimal",
        "attention_scale": 2.0,
    },
    "attention_scale=1e+200 must be less than or equal to 1000": {"attention_scale": 1e200},
    "attention_scale=0 must be greater than 0": {"attention_scale": 0},
    "hidden=0 must be greater than or equal to 1": {"hidden": 0},
    "hidden=9 must be less than or equal to 8": {"hidden": 9},
    "kind='small' must be 'full' or 'minimal'": {"kind": "small"},
    "train_beta2=1 must be a boolean": {"train_beta2": 1},
    "xi0=1.0 needs kind='minimal': its buffer holds labels": {"xi0": 1.0},
    "xi0=-1 must be greater than or equal to 0": {"kind": "minimal", "xi0": -1},
    "unknown parameter 'layers'; known: kind, hidden, attention_scale, train_beta2, bias, xi0": {
        "layers": 3
    },
}


@pytest.mark.parametrize(("message", "values"), REFUSALS.items(), ids=REFUSALS)
def test_refusal(message, values):
    with pytest.raises(InputError) as refusal:
        Model(**values)
    assert str(refusal.value) == message


@given(task=tasks(), model=full_models())
def test_shapes_of_the_full_network(task, model):
    E = task.P + task.D
    expected = dict.fromkeys(("Q1", "K1", "V1", "Q2", "K2", "V2"), (E, E))
    for layer in range(1, model.hidden + 1):
        expected |= {f"W{layer}": (E, E), f"b{layer}": ()}
    assert shapes(model, task) == expected | {"R": (task.L, E)}


@given(task=tasks(), model=minimal_models())
def test_shapes_of_the_minimal_model(task, model):
    E = 2 * task.D
    expected = dict.fromkeys(("alpha", "beta1", "beta2"), ())
    for layer in range(1, model.hidden + 1):
        expected |= {f"W{layer}": (E, E), f"b{layer}": ()}
    assert shapes(model, task) == expected | {"R": (task.L, E)}


def test_first_values_and_what_is_trained_stand_beside_the_shapes():
    task, model = Task(K=2, L=2, N=1, P=3, D=2), Model(kind="minimal", hidden=1, train_beta2=False)
    assert parameter_table(model.replace(bias=False), task) == {
        "alpha": ((), None, True),
        "beta1": ((), None, True),
        "beta2": ((), None, False),
        "W1": ((4, 4), 1 / 2, True),
        "b1": ((), 1 / 4, False),
        "R": ((2, 4), 1 / 4, True),
    }


@pytest.mark.parametrize("scale", [1.0, 0.1])
def test_first_values_of_the_full_network(scale):
    task = Task()
    theta = initial(Model(attention_scale=scale), task, 0, "float64")
    for name, value in theta.items():
        variance = {"W": 2 / 128, "b": 1 / 128, "R": 1 / 128}.get(name[0], scale**2 / 63)
        if value.ndim:
            assert_normal(value / math.sqrt(variance))


def test_first_values_of_the_minimal_model():
    theta = initial(Model(kind="minimal"), Task(), 0, "float64")
    assert theta["alpha"] == theta["beta1"] == theta["beta2"] == 0
    for name in ("W1", "W2", "W3"):
        assert_normal(theta[name] / math.sqrt(2 / 126))
    assert_normal(theta["R"] * math.sqrt(126))


def test_biases_are_scalars_of_the_readouts_variance():
    thetas = [initial(Model(hidden=8), Task(K=2, L=2, N=1, P=3, D=2), s) for s in range(200)]
    biases = [theta[f"b{layer}"] for theta in thetas for layer in range(1, 9)]
    assert_normal(np.array(biases) * math.sqrt(5))


@given(task=tasks(), model=st.one_of(full_models(), minimal_models()), seed=st.integers(0, 9))
def test_first_values_follow_from_the_seed(task, model, seed):
    one, again, other = (initial(model, task, s) for s in (seed, seed, seed + 1))
    wide = initial(model, task, seed, "float64")
    assert list(one) == list(shapes(model, task))
    for name, value in one.items():
        assert value.shape == shapes(model, task)[name]
        assert value.dtype == np.float32
        assert (value == again[name]).all()
        assert (value == wide[name].astype(np.float32)).all()
        if name not in ("alpha", "beta1", "beta2", *held(model)):
            assert (value != other[name]).all()


WORLD = World(Task(), 0)
OF_A_KIND = {
    "width": lambda model: model.width(Task()),
    "parameters": lambda model: parameter_table(model, Task()),
    "the legible network": lambda model: legible.forward(model, {}, torch.zeros(1), 65),
    "the fast engine": lambda model: fast.engine(WORLD, model),
    "operations": lambda model: bench.flops(Task(), model),
    "words": lambda model: provenance.experiment_line(
        Experiment("new", "", {"": RunConfig().model_copy(update={"model": model})}), {}
    ),
}


@pytest.mark.parametrize("use", OF_A_KIND.values(), ids=OF_A_KIND)
def test_a_kind_that_is_new_is_never_taken_for_another(use):
    with pytest.raises(AssertionError, match="unreachable"):
        use(Model.model_construct(kind="new"))


def test_parameters_are_views_of_one_vector():
    flat = Flat({"a": (2, 3), "b": (), "c": (4,)}, "float32")
    values = {"a": np.arange(6.0).reshape(2, 3), "b": np.array(6.0), "c": np.arange(7.0, 11)}
    flat.load(values)
    kept = flat.copy()
    flat.vector *= 2
    for name, value in values.items():
        assert (kept[name] == value).all()
        assert (flat[name] == 2 * value).all()


def test_first_values_of_the_minimal_model_have_the_variance_of_its_own_width():
    for task in (Task(K=32, L=32, N=1, D=200, P=3), Task(D=60, P=300)):
        theta = initial(Model(kind="minimal"), task, 0, "float64")
        assert theta["W1"].std() == pytest.approx((2 / (2 * task.D)) ** 0.5, rel=0.03)
