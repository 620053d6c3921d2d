"""Which attention an answer needs: cut it, and see whether the answer is still right.

That a head attends somewhere does not say that its answer comes from there. Here a query is kept
from seeing some keys, in one layer, of a network that is trained already; its other keys share the
attention. This is attention knockout (Geva et al. 2023, doi:10.18653/v1/2023.emnlp-main.751).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr

from icl.circuits import parameters
from icl.measures import accuracy
from icl.network import Cut, Output, forward
from icl.runs import config_of
from icl.settings import InputError
from icl.task import Array, Sequences, World


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


def without(
    theta: Mapping[str, Array], world: World, sequences: Sequences, knockout: Knockout
) -> Output:
    """What the full network makes of sequences with some of its attention cut.

    In float64, whatever it was trained in: a near tie falls the same way on every machine.
    """
    tensors = {name: torch.from_numpy(value).double() for name, value in theta.items()}
    u = torch.from_numpy(world.tokens(sequences)).double()
    return forward(tensors, u, **{f"cut{knockout.layer}": knockout.mask(u.shape[-2])})


def accuracies(ds: xr.Dataset) -> xr.DataArray:
    """In-context accuracy on novel classes after each knockout, by ``cut`` and ``seed``.

    ``ds`` holds runs of the full network that kept their parameters; the test's sequences are
    those that the runs were measured on. Raises :class:`icl.settings.InputError` for other runs.
    """
    config = config_of(ds)
    if config.model.kind != "full":
        raise InputError(f"kind={config.model.kind!r} has no attention between all tokens to cut")
    cuts = knockouts(config.task.N)
    found = []
    for seed in ds.seed.values.tolist():
        theta, world = parameters(ds, seed), World(config.task, seed, config.training.dtype)
        probe = world.probe("icl", config.training.test)
        outputs = [without(theta, world, probe, cut).logits.numpy() for cut in cuts.values()]
        found.append([accuracy(logits, probe.target) for logits in outputs])
    return xr.DataArray(np.transpose(found), {"cut": list(cuts), "seed": ds.seed}, ("cut", "seed"))
