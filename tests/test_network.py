"""The full network is eq. 2-3; and it can be an induction head."""

import math

import numpy as np
import pytest
import torch
from admissible import full_models, parameters, tasks
from hypothesis import given, settings
from hypothesis import strategies as st

from icl import fast, measures, network
from icl.induction import SHARPNESS, induction_head
from icl.legible import LegibleEngine
from icl.model import Model
from icl.settings import InputError
from icl.task import Task, World

EXACT = {"rtol": 1e-12, "atol": 1e-12}


def brute_force(theta, u, cut1=(), cut2=()):
    """Eq. 2-3 and the classifier for one sequence, term by term; of attention some is cut."""
    T = len(u)

    def attention(Q, K, x, cut):
        p = np.zeros((T, T))
        for i in range(T):
            seen = [j for j in range(i + 1) if (i, j) not in cut]
            e = {j: math.exp((K @ x[j]) @ (Q @ x[i])) for j in seen}
            for j in seen:
                p[i, j] = e[j] / sum(e.values())
        return p

    p1 = attention(theta["Q1"], theta["K1"], u, cut1)
    v = [u[i] + theta["V1"] @ sum(p1[i, j] * u[j] for j in range(i + 1)) for i in range(T)]
    p2 = attention(theta["Q2"], theta["K2"], v, cut2)
    w = [v[i] + theta["V2"] @ sum(p2[i, j] * v[j] for j in range(i + 1)) for i in range(T)]
    return brute_force_classifier(theta, w[-1]), p1, p2


def brute_force_classifier(theta, w):
    h = w
    for layer in (1, 2, 3, 4):
        if f"W{layer}" in theta:
            h = [max(x, 0.0) for x in theta[f"W{layer}"] @ h + theta[f"b{layer}"]]
    return theta["R"] @ np.array(h)


def tensors(theta):
    return {name: torch.tensor(value) for name, value in theta.items()}


def example(task, model, seed, S):
    world = World(task, seed, "float64")
    theta = parameters(model, task, seed)
    return tensors(theta), torch.tensor(world.tokens(world.batch(0, S)))


@settings(max_examples=30)
@given(task=tasks(), model=full_models(), seed=st.integers(0, 9))
def test_forward_is_equations_2_and_3(task, model, seed):
    world = World(task, seed, "float64")
    theta = parameters(model, task, seed)
    u = world.tokens(world.batch(0, 3))
    output = network.forward(tensors(theta), torch.tensor(u))
    for s in range(3):
        logits, p1, p2 = brute_force(theta, u[s])
        np.testing.assert_allclose(output.logits[s], logits, **EXACT)
        np.testing.assert_allclose(output.p1[s], p1, **EXACT)
        np.testing.assert_allclose(output.p2[s], p2, **EXACT)


def test_gradients_are_those_of_finite_differences():
    theta, u = example(Task(K=4, L=2, N=2, D=3, P=5), Model(hidden=2), 0, S=2)
    names = list(theta)

    def function(*values):
        return network.forward(dict(zip(names, values, strict=True)), u)

    values = [theta[name].requires_grad_() for name in names]
    assert torch.autograd.gradcheck(function, values)


@pytest.mark.parametrize("changed", range(1, 9))
def test_a_token_changes_nothing_before_it(changed):
    task = Task(K=8, L=4, N=4, D=5, P=12)
    theta, u = example(task, Model(), 0, S=3)
    other = u.clone()
    other[:, changed] += 1.0
    before, after = network.forward(theta, u), network.forward(theta, other)
    for a, b in ((before.p1, after.p1), (before.p2, after.p2)):
        assert torch.equal(a[:, :changed], b[:, :changed])
        assert not torch.isclose(a[:, changed], b[:, changed]).all()
        assert (a.triu(1) == 0).all()
        assert torch.allclose(a.sum(-1), torch.ones(3, 9, dtype=a.dtype))
    # What is read off a shorter sequence is what the long one's earlier tokens hold.
    short = network.forward(theta, u[:, :changed])
    assert torch.allclose(short.logits, network.forward(theta, other[:, :changed]).logits)
    assert torch.allclose(short.p2, before.p2[:, :changed, :changed])
    assert not torch.isclose(before.logits, after.logits).all()


def test_seeds_side_by_side_are_seeds_alone():
    task, model = Task(K=8, L=4, N=4, D=5, P=12), Model()
    alone = [example(task, model, seed, S=3) for seed in range(4)]
    theta = {name: torch.stack([t[name] for t, _ in alone]) for name in alone[0][0]}
    together = network.forward(theta, torch.stack([u for _, u in alone]))
    for seed, (t, u) in enumerate(alone):
        for a, b in zip(together, network.forward(t, u), strict=True):
            np.testing.assert_allclose(a[seed], b, **EXACT)


# -- the induction head of Figure 5 -------------------------------------------------------------

HEADS = {
    "default": Task(),
    "eps=0": Task(eps=0.0),
    "B=2": Task(B=2),
    "D=64": Task(K=512, D=64, B=4),
    "N=4": Task(N=4, P=64),
}


@pytest.mark.parametrize("task", HEADS.values(), ids=HEADS)
@pytest.mark.parametrize("engine", ["fast", "legible"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_induction_head_needs_no_training(task, engine, dtype):
    world = World(task, 0, dtype)
    head = induction_head(world)
    trained = fast.engine(world, Model()) if engine == "fast" else LegibleEngine([world], Model())
    trained.load([head])
    for name in ("icl", "swapped"):
        s = world.probe(name, 500)
        o = trained.forward(0, s)
        assert measures.accuracy(o.logits, s.target) >= 0.99
        for measured in (
            measures.item_label_association(o.p1),
            measures.previous_token_association(o.p1),
            measures.target_item_label_association(o.p2, s.right),
            measures.target_labels_association(o.p2),
            measures.context_label_accuracy(o.logits, s.labels),
            measures.context_label_probability(o.logits, s.labels),
        ):
            assert measured == pytest.approx(1, abs=1e-3)
    absent = world.probe("iwl_absent", 500)
    chance = measures.accuracy(trained.forward(0, absent).logits, absent.target)
    assert chance < 0.1  # it knows no class


def test_an_induction_head_of_any_depth_reads_its_label():
    task = Task()
    world = World(task, 0)
    s = world.probe("icl", 500)
    for hidden in (1, 2, 4):
        engine = fast.engine(world, Model(hidden=hidden))
        engine.load([induction_head(world, hidden)])
        assert measures.accuracy(engine.outputs(s).logits, s.target) >= 0.99


@pytest.mark.parametrize("broken", ["Q1", "V1", "Q2", "V2"])
def test_each_operation_of_the_head_is_needed(broken):
    task = Task()
    world = World(task, 0)
    head = induction_head(world)
    head[broken] = np.zeros_like(head[broken])
    engine = fast.engine(world, Model())
    engine.load([head])
    s = world.probe("icl", 500)
    assert measures.accuracy(engine.outputs(s).logits, s.target) < 0.5


def test_a_task_without_room_for_the_buffer_is_refused():
    task = Task(D=65)
    with pytest.raises(InputError, match=r"^P=65 must be above D=65: "):
        induction_head(World(task, 0))
    task = Task(K=32, D=4, P=17)
    with pytest.raises(InputError, match=r"^L=32 must be at most P\+D=21, "):
        induction_head(World(task, 0))


def test_a_head_may_have_as_many_labels_as_its_classifier_is_wide():
    task = Task(K=21, L=21, D=4, P=17)
    assert induction_head(World(task, 0))["R"].shape == (21, 21)


def test_the_buffer_holds_the_item_before_and_nothing_of_the_position():
    """Eq. 2 for a label that attends to its item alone; what a target's query then meets."""
    task = Task(K=32, L=8, N=3, D=6, P=9)
    world = World(task, 0, "float64")
    theta, sequences = induction_head(world), world.batch(0, 4)
    u = world.tokens(sequences)
    v = u[:, 1::2] + u[:, 0:-1:2] @ theta["V1"].T
    met = v @ theta["K2"][: task.D].T
    np.testing.assert_allclose(met, SHARPNESS * sequences.items[:, :-1], atol=1e-9)
