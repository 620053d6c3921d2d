"""How much of a classifier is active, by its equation and on runs."""

import numpy as np
import xarray as xr

from icl import circuits, silence
from icl.model import Model, initial
from icl.network import residual_stream
from icl.runs import RunConfig, load_or_train
from icl.task import Task, World
from icl.trained import in_float64, tensors
from icl.training import Training

TASK = Task(K=32, L=8, N=3, D=6, P=9)


def test_active_units_are_counted_layer_by_layer():
    """The classifier by its equation, on what the network gives it; and one that has died."""
    theta = initial(Model(hidden=2), TASK, 2, "float64")
    world = World(TASK, 2, "float64")
    u = in_float64(world.tokens(world.batch(0, 5)))
    w = residual_stream(tensors(theta), u)[0][:, -1].numpy()
    theta["b1"], theta["b2"] = np.array(-0.05), np.array(0.02)
    first = np.maximum(w @ theta["W1"].T - 0.05, 0)
    second = np.maximum(first @ theta["W2"].T + 0.02, 0)
    expected = [(first > 0).mean(), (second > 0).mean()]
    assert 0 < min(expected) <= max(expected) < 1
    np.testing.assert_allclose(silence.active_units(tensors(theta), u), expected)
    theta["b2"] = np.array(-100.0)
    np.testing.assert_allclose(silence.active_units(tensors(theta), u), [expected[0], 0])


def test_active_units_of_runs_are_those_of_their_last_parameters(tmp_path):
    training = Training(steps=1, every=1, test=8, batch=4, dtype="float64", keep_parameters=True)
    config = RunConfig(task=TASK, model=Model(hidden=2), training=training)
    ds = load_or_train(config, [0, 3], tmp_path, progress=False)
    found = silence.active(ds)
    assert (found.dims, list(found.layer.values)) == (("seed", "layer"), [1, 2])
    world = World(TASK, 3, "float64")
    expected = silence.active_units(
        tensors(circuits.parameters(ds, 3)), in_float64(world.tokens(world.probe("icl", 8)))
    )
    np.testing.assert_array_equal(found.sel(seed=3), expected)


def test_the_change_of_a_bias_is_its_last_value_less_its_first():
    config = RunConfig(task=TASK, model=Model(hidden=2), training=Training(dtype="float64"))
    first = {seed: initial(config.model, TASK, seed, "float64") for seed in (0, 3)}
    moved = np.array([[-0.5, 0.25], [-2.0, 0.0]])  # seed, layer
    last = {
        f"theta_b{layer + 1}": (
            "seed",
            [first[seed][f"b{layer + 1}"] + moved[i, layer] for i, seed in enumerate(first)],
        )
        for layer in (0, 1)
    }
    ds = xr.Dataset(last, {"seed": list(first)}, {"config": config.model_dump_json()})
    found = silence.bias_change(ds)
    assert (found.dims, list(found.layer.values)) == (("seed", "layer"), [1, 2])
    np.testing.assert_allclose(found.sel(seed=[0, 3]), moved, atol=1e-12)
