"""The gradient of a batch's loss, three ways: by hand, by automatic differentiation, by
differences.

Each is read off what an engine does in training, so what is compared is what is used.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from icl import fast
from icl.legible import LegibleEngine
from icl.model import Model, initial
from icl.task import Array, Task, World
from icl.training import Engine

#: Steps of SGD before gradients are compared, so that no parameter is at a special value.
WARM_UP = 20

#: By how much a parameter is moved, little, for a kink is wherever a hidden unit is at zero.
CHANGE = 1e-7


class Comparison(NamedTuple):
    """How far one parameter's gradient by hand is from the others."""

    name: str
    norm: float
    from_autograd: float  # Euclidean distance over the norm
    slope: float  # along a random direction of length 1
    slope_by_differences: float


def gradient(engine: Engine, theta: dict[str, Array], step: int = 0) -> dict[str, Array]:
    """d loss / d theta on the batch of a step: what a step of rate 1, without decay, takes away."""
    engine.load([theta])
    engine.step(step, 1.0, 0.0)
    [after] = engine.parameters()
    return {name: value - after[name] for name, value in theta.items()}


def slope_by_differences(
    engine: Engine,
    theta: dict[str, Array],
    name: str,
    direction: Array,
    step: int = 0,
) -> float:
    """(loss(theta + h d) - loss(theta - h d)) / 2h for a direction d of one parameter.

    d has length 1, and h is such that the parameter's elements change by about :data:`CHANGE`.
    """
    h = CHANGE * float(np.sqrt(direction.size))
    losses = []
    for sign in (1, -1):
        engine.load([theta | {name: theta[name] + sign * h * direction}])
        losses.append(float(engine.losses(step)[0]))
    return (losses[0] - losses[1]) / (2 * h)


def compare(task: Task, model: Model, batch: int, seed: int = 0) -> list[Comparison]:
    """Every parameter's gradient in float64, after :data:`WARM_UP` steps of training.

    Parameters
    ----------
    task, model
        What is trained.
    batch
        Sequences.
    seed
        Of the run, and of the directions.
    """
    world = World(task, seed, "float64")
    by_hand = fast.engine(world, model, batch)
    by_hand.load([initial(model, task, seed, "float64")])
    for step in range(WARM_UP):
        by_hand.step(step, 0.01, 0.0)
    [theta] = by_hand.parameters()
    ours = gradient(by_hand, theta, WARM_UP)
    theirs = gradient(LegibleEngine([world], model, batch), theta, WARM_UP)
    rng = np.random.default_rng(seed)
    rows = []
    for name, mine in ours.items():
        norm = float(np.linalg.norm(theirs[name]))
        if norm == 0:
            continue  # a parameter that is not trained
        d = np.asarray(rng.standard_normal(mine.shape))
        d /= np.linalg.norm(d)
        rows.append(
            Comparison(
                name,
                norm,
                float(np.linalg.norm(mine - theirs[name])) / norm,
                float((mine * d).sum()),
                slope_by_differences(by_hand, theta, name, d, WARM_UP),
            )
        )
    return rows
