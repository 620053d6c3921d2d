"""How much of a trained network's classifier is active, and how far the biases moved.

A ReLU unit that is zero passes no gradient on, and a layer of such units none to anything below:
every logit is 0 then, and the network never learns again.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from jaxtyping import Float
from torch import Tensor

from icl.circuits import parameters
from icl.model import initial
from icl.network import Theta, hidden_layers, residual_stream
from icl.runs import config_of
from icl.task import Array
from icl.trained import networks


def active(ds: xr.Dataset) -> xr.DataArray:
    """Share of the classifier's units that are above zero on test sequences of novel classes.

    By ``seed`` and hidden ``layer``, from 1, for runs as :func:`icl.trained.networks` takes them;
    see :func:`active_units`.
    """
    return _by_layer(ds, [active_units(theta, u) for theta, u, _ in networks(ds)])


def active_units(theta: Theta, u: Float[Tensor, "S T E"]) -> Float[Array, "hidden"]:
    """Share of each hidden layer of the classifier that is above zero, over units and sequences."""
    w, _, _ = residual_stream(theta, u)
    layers = hidden_layers(theta, w[..., -1, :])
    return np.array([(h > 0).double().mean().item() for h in layers])


def bias_change(ds: xr.Dataset) -> xr.DataArray:
    """How far the bias that a hidden layer's units share moved in training, last less first value.

    By ``seed`` and hidden ``layer``, from 1, in the unit of what a ReLU takes; where it is below
    zero the layer moved towards silence. Raises :class:`icl.settings.InputError` for runs that did
    not keep their parameters.
    """
    config = config_of(ds)
    changes = []
    for seed in ds.seed.values.tolist():
        first = initial(config.model, config.task, seed, config.training.dtype)
        last = parameters(ds, seed)
        names = [f"b{layer}" for layer in range(1, config.model.hidden + 1)]
        changes.append(np.array([last[name] - first[name] for name in names]))
    return _by_layer(ds, changes)


def _by_layer(ds: xr.Dataset, values: list[Float[Array, "hidden"]]) -> xr.DataArray:
    """An array of each seed, with an element a hidden layer, side by side."""
    layers = list(range(1, config_of(ds).model.hidden + 1))
    return xr.DataArray(values, {"seed": ds.seed, "layer": layers}, ("seed", "layer"))
