"""Trained full networks of runs, and the test sequences of novel classes they were measured on.

Everything is in float64, whatever a run was trained in: a near tie falls the same way on every
machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch
import xarray as xr
from jaxtyping import Float, Int
from torch import Tensor

from icl.circuits import parameters
from icl.network import Theta
from icl.runs import config_of
from icl.settings import InputError
from icl.task import Array, World


class Trained(NamedTuple):
    """A seed's final parameters and its test: tokens, and the right answers."""

    theta: Mapping[str, Tensor]  # by name
    u: Float[Tensor, "S T E"]
    target: Int[Array, "S"]


def networks(ds: xr.Dataset) -> Iterator[Trained]:
    """The networks of a data set, in the order of its seeds.

    Raises :class:`icl.settings.InputError` for runs of another model and for runs that did not
    keep their parameters.
    """
    config = config_of(ds)
    if config.model.kind != "full":
        raise InputError(f"kind={config.model.kind!r} has no attention between all tokens")
    for seed in ds.seed.values.tolist():
        world = World(config.task, seed, config.training.dtype)
        probe = world.probe("icl", config.training.test)
        yield Trained(tensors(parameters(ds, seed)), in_float64(world.tokens(probe)), probe.target)


def tensors(theta: Mapping[str, Array]) -> Theta:
    """Parameters as the legible networks take them."""
    return {name: in_float64(value) for name, value in theta.items()}


def in_float64(values: Array) -> Tensor:
    """An array as a tensor of float64: the same values, whatever precision they were made in."""
    return torch.from_numpy(values).double()
