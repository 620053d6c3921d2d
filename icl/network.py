"""Section 2: the attention-only network, written as the paper writes it (equations 2-3).

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
    """Eq. 2 and the classifier, which sees the target's token w_n alone.

    ``cut1`` and ``cut2`` are what is cut of the attention of either layer, see :func:`attention`.
    """
    w, p1, p2 = residual_stream(theta, u, cut1, cut2)
    return Output(classify(theta, w[..., -1, :]), p1, p2)


def residual_stream(
    theta: Theta, u: Float[Tensor, "*seed S T E"], cut1: Cut | None = None, cut2: Cut | None = None
) -> tuple[
    Float[Tensor, "*seed S T E"], Float[Tensor, "*seed S T T"], Float[Tensor, "*seed S T T"]
]:
    """Eq. 2: v = u + V1 p1 u, w = v + V2 p2 v. Gives w, p1 and p2."""
    V1, V2 = theta["V1"].unsqueeze(-3), theta["V2"].unsqueeze(-3)
    p1 = attention(u, theta["K1"], theta["Q1"], cut1)
    v = u + p1 @ u @ V1.mT
    p2 = attention(v, theta["K2"], theta["Q2"], cut2)
    return v + p2 @ v @ V2.mT, p1, p2


def hidden_layers(theta: Theta, w: Float[Tensor, "*seed S E"]) -> list[Float[Tensor, "*seed S E"]]:
    """The classifier's h <- relu(W h + b), b a scalar, for as many layers as ``theta`` holds."""
    layers: list[Tensor] = []
    h = w
    while f"W{len(layers) + 1}" in theta:
        W, b = theta[f"W{len(layers) + 1}"], theta[f"b{len(layers) + 1}"][..., None, None]
        h = torch.relu(h @ W.mT + b)
        layers.append(h)
    return layers


def classify(
    theta: Theta, w: Float[Tensor, "*seed S E"], fixed: Float[Tensor, "*seed L E"] | None = None
) -> Float[Tensor, "*seed S L"]:
    """Logits R h of the last hidden layer.

    To these ``fixed`` w is added, a part that is not trained (:func:`icl.model.fixed_part`).
    """
    logits = hidden_layers(theta, w)[-1] @ theta["R"].mT
    return logits if fixed is None else logits + w @ fixed.mT
