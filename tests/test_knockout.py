"""Attention that is cut: by the equations, on a head set by hand, and on runs."""

import numpy as np
import pytest
from test_network import EXACT, brute_force

from icl import circuits, knockout
from icl.induction import induction_head
from icl.measures import accuracy
from icl.model import Model, initial
from icl.network import forward
from icl.runs import RunConfig, load_or_train
from icl.task import Task, World
from icl.trained import in_float64, tensors
from icl.training import Training

TASK = Task(K=32, L=8, N=3, D=6, P=9)
HEAD = {  # what the answer of an induction head needs (Figure 5), and what it does not
    "nothing": True,
    "layer 1, each label to its item": False,
    "layer 1, target to items": True,
    "layer 1, target to labels": True,
    "layer 2, target to items": True,
    "layer 2, target to labels": False,
}


@pytest.mark.parametrize("name", HEAD)
def test_what_is_cut_is_missing_from_the_equations(name):
    theta, world = initial(Model(), TASK, 3, "float64"), World(TASK, 3, "float64")
    sequences, cut = world.batch(0, 2), knockout.knockouts(TASK.N)[name]
    output = knockout.without(tensors(theta), in_float64(world.tokens(sequences)), cut)
    for s, u in enumerate(world.tokens(sequences)):
        logits, p1, p2 = brute_force(theta, u, **{f"cut{cut.layer}": cut.edges})
        np.testing.assert_allclose(output.logits[s], logits, **EXACT)
        np.testing.assert_allclose(output.p1[s], p1, **EXACT)
        np.testing.assert_allclose(output.p2[s], p2, **EXACT)


def test_both_layers_can_be_cut_at_once():
    theta, world = initial(Model(), TASK, 3, "float64"), World(TASK, 3, "float64")
    one, two = (knockout.Knockout(layer, ((6, 3), (5, 2), (6, 6))) for layer in (1, 2))
    u = world.tokens(world.batch(0, 1))
    masks = {f"cut{cut.layer}": cut.mask(TASK.T) for cut in (one, two)}
    output = forward(tensors(theta), in_float64(u), **masks)
    logits, p1, p2 = brute_force(theta, u[0], one.edges, two.edges)
    np.testing.assert_allclose(output.logits[0], logits, **EXACT)
    np.testing.assert_allclose(output.p1[0], p1, **EXACT)
    np.testing.assert_allclose(output.p2[0], p2, **EXACT)


@pytest.mark.parametrize("N", [1, 2, 5])
def test_edges_join_what_their_names_say(N):
    kinds = ["item", "label"] * N + ["target"]
    expected = {"nothing": (1, set())}
    for layer in (1, 2):
        for kind in ("item", "label"):
            keys = {(2 * N, key) for key in range(2 * N) if kinds[key] == kind}
            expected[f"layer {layer}, target to {kind}s"] = (layer, keys)
    before = {(q, q - 1) for q in range(2 * N) if kinds[q] == "label"}
    expected["layer 1, each label to its item"] = (1, before)
    made = {name: (cut.layer, set(cut.edges)) for name, cut in knockout.knockouts(N).items()}
    assert made == expected


def test_a_head_set_by_hand_needs_its_two_links_and_no_other():
    task = Task(K=32, L=8, N=3, eps=0.0)  # of the usual width, where no two contents are close
    world = World(task, 0, "float64")
    theta, probe = induction_head(world), world.probe("icl")
    u = in_float64(world.tokens(probe))
    found = {
        name: accuracy(knockout.without(tensors(theta), u, cut).logits.numpy(), probe.target)
        for name, cut in knockout.knockouts(task.N).items()
    }
    assert found.keys() == HEAD.keys()
    for name, right in HEAD.items():
        assert found[name] == 1 if right else found[name] < 0.5, name


def test_accuracies_are_those_of_the_runs_own_test(tmp_path):
    """Without a cut, what the run recorded at its last step; with one, what eq. 2-3 then give."""
    training = Training(steps=20, every=20, test=40, batch=16, learning_rate=0.5,
                        dtype="float64", keep_parameters=True)  # fmt: skip
    ds = load_or_train(RunConfig(task=TASK, training=training), [0, 3], tmp_path, progress=False)
    found = knockout.accuracies(ds)
    assert found.dims == ("cut", "seed")
    np.testing.assert_array_equal(found.sel(cut="nothing"), ds.icl_accuracy[:, -1])

    name = "layer 2, target to labels"
    edges = knockout.knockouts(TASK.N)[name].edges
    theta, world = circuits.parameters(ds, 3), World(TASK, 3, "float64")
    probe = world.probe("icl", 40)
    logits = [brute_force(theta, u, cut2=edges)[0] for u in world.tokens(probe)]
    expected = np.mean(np.argmax(logits, 1) == probe.target)
    assert found.sel(cut=name, seed=3) == expected


def test_a_cut_of_the_future_shows_nothing():
    theta, world = initial(Model(), TASK, 3, "float64"), World(TASK, 3, "float64")
    u = in_float64(world.tokens(world.batch(0, 2)))
    cut = knockout.Knockout(1, ((0, 1), (2, 6)))
    whole = forward(tensors(theta), u)
    for found, expected in zip(knockout.without(tensors(theta), u, cut), whole, strict=True):
        np.testing.assert_array_equal(found, expected)
