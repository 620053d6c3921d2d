"""The two solutions of the task, done perfectly, on sequences whose answer is known."""

import numpy as np
import pytest

from icl.strategies import from_context, from_weights, some_context_label
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


def test_some_label_of_the_context_is_right_once_in_N(world):
    batch = world.probe("icl", 4000)
    guess = some_context_label(batch)
    assert (guess[:, None] == batch.labels).any(1).all()
    assert accuracy(guess, batch) == pytest.approx(1 / 4, abs=0.03)
    assert not np.array_equal(guess, some_context_label(batch, seed=1))
