"""Section 3: the minimal model of an induction head (equations 4-6), as the paper writes it.

Three parameters, ``alpha``, ``beta1`` and ``beta2``, and a classifier; with beta2 held at 0, two.
A token has a content c and a buffer b, two orthogonal D-dimensional subspaces; the buffer starts
empty.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from icl.network import Output, Theta, classify, future


def forward(
    theta: Theta,
    content: Float[Tensor, "*seed S T D"],
    fixed: Float[Tensor, "*seed L E"] | None = None,
) -> Output:
    """Eq. 4-6; the classifier sees the target's w^c and w^b, one after the other.

    Parameters
    ----------
    theta
        alpha, beta1, beta2 (scalars, or one a seed), W1, b1, ..., R.
    content
        u^c of items and labels in turn, the target last.
    fixed
        As in :func:`icl.network.classify`.
    """
    alpha, beta1, beta2 = (
        theta[name][..., None, None, None] for name in ("alpha", "beta1", "beta2")
    )
    T = content.shape[-2]
    i, j = torch.arange(T, device=content.device)[:, None], torch.arange(T, device=content.device)
    hidden = future(T, content.device)
    delta = (j == i - 1).to(content)  # the token just before
    Delta = ((i - j) % 2 == 1).to(content)  # from an item: the labels

    q1 = torch.softmax((beta1 * delta).masked_fill(hidden, -torch.inf), dim=-1)
    v_b, v_c = q1 @ content, content
    match = v_c @ v_b.mT  # [query i, key j]: v^b_j . v^c_i
    q2 = torch.softmax((alpha * match + beta2 * Delta).masked_fill(hidden, -torch.inf), dim=-1)
    w_b, w_c = q2 @ v_c, v_c
    w = torch.cat([w_c, w_b], dim=-1)
    return Output(classify(theta, w[..., -1, :], fixed), q1.expand_as(q2), q2)
