"""Section 2: the attention-only network, written as the paper writes it (eq. 2-3).

The legible network: the oracle of the fast one, the place for analysis, and what runs on a GPU.
Leading axes of tokens and parameters broadcast, so that many seeds are one batched tensor.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

Theta = Mapping[str, Tensor]
Cut = Bool[Tensor, "T T"]  # [query, key]


class Output(NamedTuple):
    """What a network makes of tokens: logits of the target's label, attention of both layers."""

    logits: Float[Tensor, "*seed S L"]
    p1: Float[Tensor, "*seed S T T"]  # [query, key]
    p2: Float[Tensor, "*seed S T T"]


def attention(
    u: Float[Tensor, "*seed S T E"],
    K: Float[Tensor, "*seed E E"],
    Q: Float[Tensor, "*seed E E"],
    cut: Cut | None = None,
) -> Float[Tensor, "*seed S T T"]:
    """p_ij = exp((K u_j).(Q u_i)) / sum_{k<=i} exp((K u_k).(Q u_i))  (eq. 3).

    Where ``cut`` holds a query gets nothing from a key, and its other keys share what is left.
    """
    keys, queries = u @ K.mT.unsqueeze(-3), u @ Q.mT.unsqueeze(-3)
    hidden = future(u.shape[-2], u.device)
    hidden = hidden if cut is None else hidden | cut
    return torch.softmax((queries @ keys.mT).masked_fill(hidden, -torch.inf), dim=-1)


def future(T: int, device: torch.device) -> Bool[Tensor, "T T"]:
    """[query, key]: keys that a causal network must not see."""
    return torch.ones(T, T, dtype=torch.bool, device=device).triu(1)


def forward(
    theta: Theta, u: Float[Tensor, "*seed S T E"], cut1: Cut | None = None, cut2: Cut | None = None
) -> Output:
    """Eq. 2: v = u + V1 p1 u, w = v + V2 p2 v; the classifier sees the target's token w_n.

    ``cut1`` and ``cut2`` are what is cut of the attention of either layer, see :func:`attention`.
    """
    V1, V2 = theta["V1"].unsqueeze(-3), theta["V2"].unsqueeze(-3)
    p1 = attention(u, theta["K1"], theta["Q1"], cut1)
    v = u + p1 @ u @ V1.mT
    p2 = attention(v, theta["K2"], theta["Q2"], cut2)
    w = v + p2 @ v @ V2.mT
    return Output(classify(theta, w[..., -1, :]), p1, p2)


def classify(
    theta: Theta, w: Float[Tensor, "*seed S E"], fixed: Float[Tensor, "*seed L E"] | None = None
) -> Float[Tensor, "*seed S L"]:
    """Hidden layers h <- relu(W h + b), b a scalar, as many as ``theta`` holds; then logits R h.

    To these ``fixed`` w is added, a part that is not trained (:func:`icl.model.fixed_part`).
    """
    h, layer = w, 1
    while f"W{layer}" in theta:
        b = theta[f"b{layer}"][..., None, None]
        h = torch.relu(h @ theta[f"W{layer}"].mT + b)
        layer += 1
    logits = h @ theta["R"].mT
    return logits if fixed is None else logits + w @ fixed.mT
