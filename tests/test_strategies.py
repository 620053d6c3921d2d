"""The two solutions of the task, done perfectly, on sequences whose answer is known."""

import itertools

import numpy as np
import pytest

from icl.strategies import (
    class_in_context,
    from_context,
    from_weights,
    nearest_item,
    some_context_label,
)
from icl.task import Task, World


@pytest.fixture(scope="module")
def world():
    return World(Task(K=64, L=16, N=4, eps=0.1), seed=3)


def accuracy(answer, batch):
    return float((answer == batch.target).mean())


@pytest.mark.parametrize("probe", ["icl", "swapped"])
def test_the_context_answers_what_is_in_it(world, probe):
    batch = world.probe(probe)
    assert accuracy(from_context(batch), batch) > 0.995


@pytest.mark.parametrize("probe", ["iwl", "iwl_absent"])
def test_the_weights_answer_for_trained_classes(world, probe):
    batch = world.probe(probe)
    assert accuracy(from_weights(world, batch), batch) == 1


def test_each_fails_where_only_the_other_can_know(world):
    swapped, absent, novel = (world.probe(p) for p in ("swapped", "iwl_absent", "icl"))
    assert accuracy(from_weights(world, swapped), swapped) == 0
    assert accuracy(from_weights(world, novel), novel) == pytest.approx(1 / 16, abs=0.04)
    # Another class's label is the target's with probability (K/L - 1)/(K - 1).
    assert accuracy(from_context(absent), absent) == pytest.approx(3 / 63, abs=0.03)


def test_the_weights_give_the_likeliest_class_where_classes_vary_a_lot():
    """By eq. 1 an item of class k is mu_k / r + eps eta / r, with r = sqrt(1 + eps^2)."""
    task = Task(K=64, L=64, eps=2.0)
    world = World(task, 0, "float64")
    batch = world.probe("iwl_absent", 500)
    r = (1 + task.eps**2) ** 0.5

    def noise(x, k):  # squared length of the eta that makes x of class k: the least is likeliest
        return sum((r * a - b) ** 2 for a, b in zip(x, world.means[k], strict=True))

    likeliest = [min(range(task.K), key=lambda k, x=x: noise(x, k)) for x in batch.items[:, -1]]
    np.testing.assert_array_equal(from_weights(world, batch), likeliest)


def test_some_label_of_the_context_is_right_once_in_N(world):
    batch = world.probe("icl", 4000)
    guess = some_context_label(batch)
    assert (guess[:, None] == batch.labels).any(1).all()
    assert accuracy(guess, batch) == pytest.approx(1 / 4, abs=0.03)
    assert not np.array_equal(guess, some_context_label(batch, seed=1))


def test_class_in_context_against_all_contexts():
    task = Task(K=4, L=2, N=2, B=2, alpha=1.3)
    f = task.rank_frequency()
    exact = sum(
        f[target] * f[a] * f[b]
        for target, a, b in itertools.product(range(4), repeat=3)
        if target in (a, b)
    )
    assert class_in_context(task) == pytest.approx(exact)


def test_class_in_context_is_what_the_test_draws():
    task = Task(K=128, alpha=1.5)
    drawn = World(task, 0).probe("iwl", 20_000).right.any(1).mean()
    assert class_in_context(task) == pytest.approx(drawn, abs=0.015)


@pytest.mark.parametrize("eps", [0.0, 0.8, 1.6, 5.0])
def test_nearest_item_against_the_law_of_its_likeness(eps):
    """Given the target t, the likeness to the item of its class is normal with mean rho |t|^2 and
    variance (1 - rho^2) |t|^2 / D, where rho = 1 / (1 + eps^2), and to each of N-1 others it is
    normal with mean 0 and variance |t|^2 / D.
    """
    task, draws = Task(K=8, L=8, N=4, eps=eps, D=16), 40_000
    rho, rng = 1 / (1 + eps**2), np.random.default_rng(0)
    root_D_length = np.sqrt(rng.chisquare(task.D, draws))  # of t
    own = rho * root_D_length + np.sqrt(1 - rho**2) * rng.standard_normal(draws)
    others = rng.standard_normal((draws, task.N - 1))
    assert nearest_item(task, test=draws) == pytest.approx(
        (own > others.max(1)).mean(), abs=4 * np.sqrt(0.5 / draws)
    )


@pytest.mark.parametrize("length", [0.6, 3.0])
def test_a_class_is_near_by_its_distance_and_not_by_its_direction(length):
    world = World(Task(K=4, L=4, N=2, eps=0.0, D=8), 0, "float64")
    world.means[1] = length * world.means[0]
    sequences = world.probe("iwl", 200)  # its items are the means as they were drawn
    asked = sequences.classes[:, -1] == 0
    assert asked.any()
    assert (from_weights(world, sequences)[asked] == 0).all()
