"""What trained weights of the full network do, read off products of matrices.

An induction head (Figure 5) needs a first layer that looks one token back, whatever the content,
and a second one in which the target's content matches what the first layer wrote: layer 1 changes
keys. A *pointer* changes the query instead: in layer 1 the target looks for an item with its
content and takes its position, and in layer 2 it looks at the position after that one. These are
K-composition and Q-composition (Elhage et al. 2021).
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from jaxtyping import Float

from icl.settings import InputError
from icl.task import Array


def parameters(ds: xr.Dataset, seed: int) -> dict[str, Array]:
    """A seed's final parameters, of runs that were trained with ``keep_parameters=True``.

    Raises :class:`icl.settings.InputError` for other runs.
    """
    names = [str(name) for name in ds.data_vars if str(name).startswith("theta_")]
    if not names:
        raise InputError("runs hold no parameters: train with keep_parameters=True")
    run = ds.sel(seed=seed)
    return {name.removeprefix("theta_"): run[name].values for name in names}


def layer1_by_distance(
    theta: dict[str, Array], P: int, distances: list[int]
) -> Float[Array, "distance"]:
    """Layer 1's logit of a key so many positions before the query, mean over all such positions.

    (Q1ᵀ K1)_ij over the P dimensions of position (eq. 3). Adding a constant to all logits changes
    nothing.
    """
    A = (theta["Q1"].T @ theta["K1"])[:P, :P]
    return np.array([np.diagonal(A, -k).mean() for k in distances])


def match(theta: dict[str, Array], P: int, through_layer1: bool = True) -> Float[Array, "D D"]:
    """Layer 2's logit between contents: rows the target's, columns the key's (eq. 2 in eq. 3).

    With ``through_layer1`` the content that layer 1 wrote into the key's token, Q2ᵀ K2 V1;
    otherwise the key's own, Q2ᵀ K2. An induction head has a multiple of the identity matrix
    in the first.
    """
    A = theta["Q2"].T @ theta["K2"]
    A = A @ theta["V1"] if through_layer1 else A
    return np.asarray(A[P:, P:])


def written(theta: dict[str, Array], first: dict[str, Array], P: int) -> Float[Array, "E D"]:
    """What layer 1 learned to write of a key's content: V1 less its first value (eq. 2).

    Rows are dimensions of the token that it is written to, columns those of the content.
    """
    return np.asarray((theta["V1"] - first["V1"])[:, P:])


def share_within(matrix: Float[Array, "E D"], span: Float[Array, "vector E"]) -> float:
    """Share of a matrix's squared entries whose columns lie in the span of some vectors.

    Of a random matrix it is their rank over E; 0 means that all is orthogonal to them.
    """
    _, size, basis = np.linalg.svd(span, full_matrices=False)
    basis = basis[size > size.max() * 1e-9]
    return float(((basis @ matrix) ** 2).sum() / (matrix**2).sum())


def layer1_match(theta: dict[str, Array], P: int) -> Float[Array, "D D"]:
    """Layer 1's logit between contents, Q1ᵀ K1: rows the query's, columns the key's (eq. 3).

    A pointer has a multiple of the identity matrix here.
    """
    return np.asarray((theta["Q1"].T @ theta["K1"])[P:, P:])


def pointer_by_distance(
    theta: dict[str, Array], P: int, distances: list[int]
) -> Float[Array, "distance"]:
    """Layer 2's logit between a position that layer 1 wrote into the query, and a key's own.

    The key is so many positions after the one that was written, and looks at itself in layer 1:
    (V1ᵀ Q2ᵀ K2 (1 + V1))_ij over the P dimensions of position, mean over all such i and j (eq. 2
    in eq. 3). A pointer has its largest at 1, from an item to its label.
    """
    V1 = theta["V1"]
    A = (V1.T @ theta["Q2"].T @ theta["K2"] @ (np.eye(len(V1)) + V1))[:P, :P]
    return np.array([np.diagonal(A, k).mean() for k in distances])


def diagonal(matrix: Float[Array, "D D"]) -> tuple[float, float]:
    """Mean of the diagonal, and standard deviation of all else.

    They are the factor of a multiple of the identity matrix, and its noise.
    """
    off = matrix[~np.eye(len(matrix), dtype=bool)]
    return float(np.diagonal(matrix).mean()), float(off.std())
