"""An exact induction head: weights of the full network set by hand (Figure 5), nothing trained.

Four operations, as the paper draws them. Layer 1: (1) a label attends to the item just before it
and (2) copies its content into a buffer. Layer 2: (3) the target attends to the label whose buffer
matches its own content, and (4) takes that label's content to the classifier.

The buffer lies in the P dimensions of position, but orthogonal to the signs (+1, -1, +1, ...) that
tell odd positions from even ones: the target must look at labels only, and they lie at odd
distances from it.
"""

from __future__ import annotations

import numpy as np

from icl.model import Model, shapes
from icl.settings import InputError
from icl.task import Array, World

SHARPNESS = 100.0  # attention logits between the right key and the others, up to factors of order 1
GAIN = 100.0  # of the copied label over what else is in the residual stream


def induction_head(world: World, hidden: int = 3) -> dict[str, Array]:
    """Parameters of :mod:`icl.network` that solve a world's task in context, for any classes.

    Parameters
    ----------
    world
        Whose label contents the classifier knows, as a trained one would; its task needs P > D,
        for a buffer of D dimensions and the sign of the position, and L <= P+D.
    hidden
        Layers of the classifier, at least 1.

    Raises
    ------
    InputError
        When the task has no room for the buffer.
    """
    task = world.task
    P, D, L = task.P, task.D, task.L
    if P <= D:
        raise InputError(f"P={P} must be above D={D}: the buffer lies among the positions")
    if L > P + D:
        raise InputError(f"L={L} must be at most P+D={P + D}, the width of the classifier")
    theta = {name: np.zeros(shape) for name, shape in shapes(Model(hidden=hidden), task).items()}
    position, content = slice(0, P), slice(P, P + D)
    shift = np.eye(P, k=-1)  # position j to position j+1
    sign = (-1.0) ** np.arange(P)
    # Columns: an orthonormal basis of the buffer, all orthogonal to the signs.
    buffer = np.linalg.qr(np.column_stack([sign, np.eye(P)[:, :D]]))[0][:, 1:]

    # (1) position i asks for position i-1.
    theta["Q1"][position, position] = np.eye(P)
    theta["K1"][position, position] = SHARPNESS * shift
    # (2) the item's content into the buffer, and out of it what the own position left there.
    theta["V1"][position, content] = buffer
    theta["V1"][position, position] = -buffer @ buffer.T @ shift
    # (3) the target's content against buffers; and labels before items, by their distance's sign.
    theta["Q2"][:D, content] = np.eye(D)
    theta["K2"][:D, position] = SHARPNESS * buffer.T
    theta["Q2"][D, position] = sign
    theta["K2"][D, position] = -SHARPNESS * sign
    # (4) the label's content over the target's own; and a classifier that compares it with all.
    theta["V2"][content, content] = GAIN * np.eye(D)
    theta["W1"][:L, content] = world.label_contents
    for layer in range(2, hidden + 1):
        theta[f"W{layer}"][:L, :L] = np.eye(L)
    theta["R"][:, :L] = np.eye(L)
    return {name: value.astype(world.dtype) for name, value in theta.items()}
