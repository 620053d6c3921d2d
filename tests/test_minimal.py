"""The minimal model is eq. 4-6; and with large parameters it is an induction head."""

import math

import numpy as np
import pytest
import torch
from admissible import minimal_models, parameters, tasks
from hypothesis import given, settings
from hypothesis import strategies as st
from test_network import EXACT, brute_force_classifier, tensors

from icl import fast, measures, minimal
from icl.legible import LegibleEngine
from icl.model import Model, fixed_part, initial, shapes
from icl.task import Task, World

MINIMAL = Model(kind="minimal")
ONE_LAYER = Model(kind="minimal", hidden=1)


def brute_force(theta, c, xi0=0.0, labels=()):
    """Eq. 4-6 and the classifier for one sequence of contents, term by term."""
    T = len(c)

    def normalised(logit):
        q = np.zeros((T, T))
        for i in range(T):
            e = [math.exp(logit(i, j)) for j in range(i + 1)]
            q[i, : i + 1] = np.array(e) / sum(e)
        return q

    q1 = normalised(lambda i, j: theta["beta1"] * (j == i - 1))
    v_b = [sum(q1[i, j] * c[j] for j in range(i + 1)) for i in range(T)]
    q2 = normalised(
        lambda i, j: theta["alpha"] * (v_b[j] @ c[i]) + theta["beta2"] * ((i - j) % 2 == 1)
    )
    w_b = sum(q2[T - 1, j] * c[j] for j in range(T))
    logits = brute_force_classifier(theta, np.concatenate([c[-1], w_b]))
    return logits + xi0 * np.array([label @ w_b for label in labels] or 0.0), q1, q2


def contents(world, sequences):
    return world.tokens(sequences)[..., world.task.P :]


@settings(max_examples=30)
@given(task=tasks(), model=minimal_models(), seed=st.integers(0, 9))
def test_forward_is_equations_4_to_6(task, model, seed):
    world = World(task, seed, "float64")
    theta = parameters(model, task, seed)
    c = contents(world, world.batch(0, 3))
    fixed = torch.tensor(fixed_part(model, world.label_contents))
    output = minimal.forward(tensors(theta), torch.tensor(c), fixed)
    for s in range(3):
        logits, q1, q2 = brute_force(theta, c[s], model.xi0, world.label_contents)
        np.testing.assert_allclose(output.logits[s], logits, **EXACT)
        np.testing.assert_allclose(output.p1[s], q1, **EXACT)
        np.testing.assert_allclose(output.p2[s], q2, **EXACT)


def test_at_zero_attention_is_uniform():
    task = Task(K=8, L=4, N=4, D=6, P=12)
    world = World(task, 0, "float64")
    theta = initial(MINIMAL, task, 0, "float64")
    output = minimal.forward(tensors(theta), torch.tensor(contents(world, world.batch(0, 3))))
    for attention in (output.p1, output.p2):
        for i in range(9):
            np.testing.assert_allclose(attention[:, i, : i + 1], 1 / (i + 1), rtol=1e-14)
            assert (attention[:, i, i + 1 :] == 0).all()


def test_gradients_are_those_of_finite_differences():
    task = Task(K=4, L=2, N=2, D=3, P=5)
    world = World(task, 0, "float64")
    theta = parameters(Model(kind="minimal", hidden=2), task, 0)
    c = torch.tensor(contents(world, world.batch(0, 2)))
    names = list(theta)

    def function(*values):
        return minimal.forward(dict(zip(names, values, strict=True)), c)

    values = [value.requires_grad_() for value in tensors(theta).values()]
    assert torch.autograd.gradcheck(function, values)


def test_seeds_side_by_side_are_seeds_alone():
    task = Task(K=8, L=4, N=4, D=5, P=12)
    alone = []
    for seed in range(4):
        world = World(task, seed, "float64")
        theta = parameters(MINIMAL, task, seed)
        alone.append((tensors(theta), torch.tensor(contents(world, world.batch(0, 3)))))
    theta = {name: torch.stack([t[name] for t, _ in alone]) for name in alone[0][0]}
    together = minimal.forward(theta, torch.stack([c for _, c in alone]))
    for seed, (t, c) in enumerate(alone):
        for a, b in zip(together, minimal.forward(t, c), strict=True):
            np.testing.assert_allclose(a[seed], b, **EXACT)


def induction_head(world, alpha, beta1, beta2):
    """Large parameters, and a classifier that compares w^b with every label's content."""
    L, D = world.task.L, world.task.D
    theta = {name: np.zeros(shape) for name, shape in shapes(ONE_LAYER, world.task).items()}
    theta["W1"][:L, D:] = world.label_contents
    theta["R"][:, :L] = np.eye(L)
    attention = {"alpha": alpha, "beta1": beta1, "beta2": beta2}
    return theta | {name: np.array(value) for name, value in attention.items()}


@pytest.mark.parametrize("engine", ["fast", "legible"])
@pytest.mark.parametrize("B", [1, 2])
def test_large_parameters_make_an_exact_induction_head(engine, B):
    # Without noise, copies of a class overlap by their norm squared, which in 1000 dimensions is
    # never below 0.7, and unlike contents by 0.03, never above 0.3: the right label's logit is at
    # least 0.4 alpha above any other label's, and beta2 keeps items out.
    task = Task(D=1000, eps=0.0, B=B)
    world = World(task, 0, "float64")
    theta = induction_head(world, alpha=200.0, beta1=100.0, beta2=200.0)
    trained = (
        fast.engine(world, ONE_LAYER) if engine == "fast" else LegibleEngine([world], ONE_LAYER)
    )
    trained.load([theta])
    for name in ("icl", "swapped"):
        s = world.probe(name, 256)
        o = trained.forward(0, s)
        assert (o.logits.argmax(1) == s.target).all()
        np.testing.assert_allclose(o.p2[:, 1::2], s.right / B, atol=1e-9)
        assert measures.item_label_association(o.p1) == pytest.approx(1, abs=1e-12)
        assert measures.target_item_label_association(o.p2, s.right) == pytest.approx(1, abs=1e-9)
        assert measures.target_labels_association(o.p2) == pytest.approx(1, abs=1e-9)
        assert measures.context_label_accuracy(o.logits, s.labels) == 1


def test_two_parameters_make_one_too():
    # With beta2 = 0 the first item, which has only itself to copy, takes half of the attention
    # where it is of the target's class; the right label's half still decides.
    world = World(Task(D=1000, eps=0.0), 0, "float64")
    engine = fast.engine(world, ONE_LAYER)
    engine.load([induction_head(world, alpha=200.0, beta1=100.0, beta2=0.0)])
    s = world.probe("icl", 256)
    o = engine.outputs(s)
    assert (o.logits.argmax(1) == s.target).all()
    first = s.right[:, 0]
    np.testing.assert_allclose(o.p2[:, 1::2][s.right], np.where(first, 0.5, 1.0), atol=1e-6)


@pytest.mark.parametrize("engine", ["fast", "legible"])
def test_a_tied_classifier_names_what_stands_in_the_buffer(engine):
    """With the attention of an induction head it has nothing left to learn."""
    world = World(Task(D=1000, eps=0.0), 0, "float64")
    theta = induction_head(world, alpha=200.0, beta1=100.0, beta2=200.0)
    theta["R"] = np.zeros_like(theta["R"])
    s = world.probe("icl", 256)
    tied = ONE_LAYER.replace(xi0=3.0)
    trained = fast.engine(world, tied) if engine == "fast" else LegibleEngine([world], tied)
    trained.load([theta])
    logits = trained.forward(0, s).logits
    assert (logits.argmax(1) == s.target).all()
    # What stands there is the right label's content alone.
    here = world.label_contents[s.target]
    np.testing.assert_allclose(logits, 3 * here @ world.label_contents.T, atol=1e-6)


@pytest.mark.parametrize("engine", ["fast", "legible"])
@pytest.mark.parametrize("kind", ["full", "minimal"])
def test_without_biases_they_stay_at_0_and_all_else_starts_as_with_them(engine, kind):
    task = Task(K=8, L=4, N=4, D=6, P=12)
    model = Model(kind=kind, bias=False)
    world = World(task, 0)
    trained = (
        fast.engine(world, model, 16) if engine == "fast" else LegibleEngine([world], model, 16)
    )
    start, usual = initial(model, task, 0), initial(model.replace(bias=True), task, 0)
    biases = {f"b{layer}" for layer in (1, 2, 3)}
    for name, value in usual.items():
        np.testing.assert_array_equal(start[name], 0 * value if name in biases else value)
        assert name not in biases or value != 0
    trained.load([start])
    for step in range(20):
        trained.step(step, 0.01, 1e-6)
    [theta] = trained.parameters()
    for name, value in start.items():
        assert (theta[name] == value).all() == (name in biases), name


@pytest.mark.parametrize("engine", ["fast", "legible"])
@pytest.mark.parametrize("train_beta2", [True, False])
def test_beta2_moves_only_when_it_is_trained(engine, train_beta2):
    task = Task(K=8, L=4, N=4, D=6, P=12)
    model = Model(kind="minimal", train_beta2=train_beta2)
    world = World(task, 0)
    trained = (
        fast.engine(world, model, 16) if engine == "fast" else LegibleEngine([world], model, 16)
    )
    trained.load([initial(model, task, 0)])
    for step in range(20):
        trained.step(step, 0.01, 1e-6)
    [theta] = trained.parameters()
    assert theta["alpha"] != 0
    assert (theta["beta2"] != 0) == train_beta2
    trained.step(20, 0.01, 1e-6)  # beta1 has no gradient while alpha is 0
    assert trained.parameters()[0]["beta1"] != 0
