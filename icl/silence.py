"""How much of a trained network's classifier is active.

A ReLU unit that is zero passes no gradient on, and a layer of such units none to anything below:
every logit is 0 then, and the network never learns again.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from jaxtyping import Float
from torch import Tensor

from icl.network import Theta, hidden_layers, residual_stream
from icl.runs import config_of
from icl.task import Array
from icl.trained import networks


def active(ds: xr.Dataset) -> xr.DataArray:
    """Share of the classifier's units that are above zero on test sequences of novel classes.

    By ``seed`` and hidden ``layer``, from 1, for runs as :func:`icl.trained.networks` takes them;
    see :func:`active_units`.
    """
    shares = [active_units(theta, u) for theta, u, _ in networks(ds)]
    layers = list(range(1, config_of(ds).model.hidden + 1))
    return xr.DataArray(shares, {"seed": ds.seed, "layer": layers}, ("seed", "layer"))


def active_units(theta: Theta, u: Float[Tensor, "S T E"]) -> Float[Array, "hidden"]:
    """Share of each hidden layer of the classifier that is above zero, over units and sequences."""
    w, _, _ = residual_stream(theta, u)
    layers = hidden_layers(theta, w[..., -1, :])
    return np.array([(h > 0).double().mean().item() for h in layers])
