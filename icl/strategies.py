"""The two ways to solve the task, done perfectly: what a network can score by either alone.

Neither is trained. They say what an accuracy means: a test tells in-context from in-weights
learning only where the two disagree.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

from icl.task import Array, Sequences, Task, World


def from_context(sequences: Sequences) -> Int[Array, "S"]:
    """In-context learning: the label of the context item that is most like the target."""
    context, target = sequences.items[:, :-1], sequences.items[:, -1]
    likeness = np.einsum("sjd,sd->sj", context, target)
    return np.take_along_axis(sequences.labels, likeness.argmax(1)[:, None], axis=1)[:, 0]


def from_weights(world: World, sequences: Sequences) -> Int[Array, "S"]:
    """In-weights learning: the label of the trained class whose items lie around the target.

    They lie around mu_k / sqrt(1 + eps^2) (eq. 1), so that the nearest of these centres is the most
    likely class where all are equally frequent.
    """
    centres = world.means / float(np.sqrt(1 + world.task.eps**2))
    distance = (centres**2).sum(1) - 2 * sequences.items[:, -1] @ centres.T  # + |target|^2
    return np.asarray(distance.argmin(1) % world.task.L)


def some_context_label(sequences: Sequences, seed: int = 0) -> Int[Array, "S"]:
    """The slow phase's guess: a label of the context, whichever (a pair of it, uniformly)."""
    N = sequences.labels.shape[1]
    pair = np.random.default_rng(seed).integers(0, N, len(sequences))
    return np.take_along_axis(sequences.labels, pair[:, None], axis=1)[:, 0]


def nearest_item(task: Task, test: int = 1000) -> float:
    """Share of seed 0's test sequences of novel classes that :func:`from_context` answers rightly.

    So much is to be had by comparing items as they are: all where classes do not vary within, and
    less the more they do.
    """
    sequences = World(task, 0).probe("icl", test)
    return float((from_context(sequences) == sequences.target).mean())


def class_in_context(task: Task) -> float:
    """Probability that N items drawn from f hold the class of a target drawn from f.

    1 - sum_k f_k (1 - f_k)^N: how often in-context learning can pass for in-weights learning in a
    test whose items and target are independent (section 2).
    """
    f = task.rank_frequency()
    return float(1 - (f * (1 - f) ** task.N).sum())
