"""Which attention an answer needs: cut it, and see whether the answer is still right.

That a head attends somewhere does not say that its answer comes from there. Here a query is kept
from seeing some keys, in one layer, of a network that is trained already; its other keys share the
attention. This is attention knockout (Geva et al. 2023, doi:10.18653/v1/2023.emnlp-main.751).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor

from icl.measures import accuracy
from icl.network import Cut, Output, Theta, forward
from icl.runs import config_of
from icl.trained import networks


@dataclass(frozen=True)
class Knockout:
    """What is cut: ``edges`` (query, key) of a layer, 1 or 2, none for an intact network."""

    layer: int
    edges: tuple[tuple[int, int], ...]

    def mask(self, T: int) -> Cut:
        """Where attention is cut, [query, key], for sequences of T tokens."""
        cut = torch.zeros(T, T, dtype=torch.bool)
        for edge in self.edges:
            cut[edge] = True
        return cut


def knockouts(N: int) -> dict[str, Knockout]:
    """By name, what an induction head needs and what another solution might, for N pairs.

    Tokens alternate, item and label; the target is the last one.
    """
    items, labels, target = range(0, 2 * N, 2), range(1, 2 * N, 2), 2 * N
    return {
        "nothing": Knockout(1, ()),
        "layer 1, each label to its item": Knockout(1, tuple((i + 1, i) for i in items)),
        "layer 1, target to items": Knockout(1, tuple((target, i) for i in items)),
        "layer 1, target to labels": Knockout(1, tuple((target, i) for i in labels)),
        "layer 2, target to items": Knockout(2, tuple((target, i) for i in items)),
        "layer 2, target to labels": Knockout(2, tuple((target, i) for i in labels)),
    }


def without(theta: Theta, u: Float[Tensor, "S T E"], knockout: Knockout) -> Output:
    """What the full network makes of tokens with some of its attention cut."""
    return forward(theta, u, **{f"cut{knockout.layer}": knockout.mask(u.shape[-2])})


def accuracies(ds: xr.Dataset) -> xr.DataArray:
    """In-context accuracy on novel classes after each knockout, by ``cut`` and ``seed``.

    The test's sequences are those that the runs were measured on; ``ds`` holds runs as
    :func:`icl.trained.networks` takes them. From 0 to 1. Raises :class:`icl.settings.InputError`
    for runs of another model and for runs that did not keep their parameters.
    """
    cuts = knockouts(config_of(ds).task.N)
    found = [
        [accuracy(without(theta, u, cut).logits.numpy(), target) for cut in cuts.values()]
        for theta, u, target in networks(ds)
    ]
    return xr.DataArray(np.transpose(found), {"cut": list(cuts), "seed": ds.seed}, ("cut", "seed"))
