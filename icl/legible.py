"""Training the legible networks with PyTorch's autograd: the oracle of the fast engine, and the
GPU's.

All seeds are one batched tensor. Batches are the fast engine's, drawn by :class:`icl.task.World`.
"""

from __future__ import annotations

from typing import assert_never

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from icl import minimal, network
from icl.fast import Output
from icl.model import Model, fixed_part, parameter_table
from icl.settings import InputError
from icl.task import Array, Sequences, World


def forward(
    model: Model, theta: network.Theta, tokens: Tensor, P: int, fixed: Tensor | None = None
) -> network.Output:
    """The network of a model's kind on tokens of P + D dimensions.

    ``fixed`` is the fixed part of the minimal model's classifier, if it has one.
    """
    match model.kind:
        case "full":
            return network.forward(theta, tokens)
        case "minimal":
            return minimal.forward(theta, tokens[..., P:], fixed)
        case _:
            assert_never(model.kind)


class LegibleEngine:
    """Seeds that train together on a device: a :class:`icl.training.Engine`.

    Parameters
    ----------
    worlds
        One a seed, all of the same task and dtype.
    model
        The network.
    batch
        Sequences a step and seed.
    device
        As PyTorch names it; :class:`icl.settings.InputError` where there is none such.
    """

    def __init__(
        self, worlds: list[World], model: Model, batch: int = 128, device: str = "cpu"
    ) -> None:
        check_device(device)
        self.worlds, self.model, self.batch = worlds, model, batch
        self.device = torch.device(device)
        self.theta: dict[str, Tensor] = {}
        self._fixed = None
        if model.xi0:
            parts = [fixed_part(model, world.label_contents) for world in worlds]
            self._fixed = torch.tensor(np.stack(parts), device=self.device)

    def load(self, parameters: list[dict[str, Array]]) -> None:
        """Take these parameters onto the device."""
        self.theta = {
            name: torch.tensor(np.stack([p[name] for p in parameters]), device=self.device)
            for name in parameters[0]
        }
        known = parameter_table(self.model, self.worlds[0].task)
        for name, value in self.theta.items():
            value.requires_grad_(known[name].trained)

    def parameters(self) -> list[dict[str, Array]]:
        """Copies of the present parameters, off the device."""
        values = {name: value.detach().cpu().numpy() for name, value in self.theta.items()}
        return [{k: np.array(v[i]) for k, v in values.items()} for i in range(len(self.worlds))]

    def losses(self, step: int) -> Float[Array, "seed"]:
        """Each seed's loss on its batch of a step, without a gradient."""
        with torch.no_grad():
            return self._losses(step).cpu().numpy()

    def step(self, step: int, learning_rate: float, decay: float) -> Float[Array, "seed"]:
        """One step of SGD on every seed, by autograd; each seed's loss before it."""
        losses = self._losses(step)
        trained = [value for value in self.theta.values() if value.requires_grad]
        grads = torch.autograd.grad(losses.sum(), trained)
        with torch.no_grad():
            for value, grad in zip(trained, grads, strict=True):
                value.mul_(1 - decay).sub_(grad, alpha=learning_rate)
        return losses.detach().cpu().numpy()

    def forward(self, place: int, sequences: Sequences) -> Output:
        """Logits and attention of one seed, without a gradient."""
        world = self.worlds[place]
        theta = {name: value[place] for name, value in self.theta.items()}
        tokens = torch.from_numpy(world.tokens(sequences)).to(self.device)
        with torch.no_grad():
            fixed = None if self._fixed is None else self._fixed[place]
            o = forward(self.model, theta, tokens, world.task.P, fixed)
        return Output(o.logits.cpu().numpy(), o.p1.cpu().numpy(), o.p2[:, -1].cpu().numpy())

    def _losses(self, step: int) -> Float[Tensor, "seed"]:
        batches = [world.batch(step, self.batch) for world in self.worlds]
        tokens = np.stack([w.tokens(b) for w, b in zip(self.worlds, batches, strict=True)])
        target = torch.from_numpy(np.stack([b.target for b in batches])).to(self.device)
        u = torch.from_numpy(tokens).to(self.device)
        logits = forward(self.model, self.theta, u, self.worlds[0].task.P, self._fixed).logits
        losses = torch.nn.functional.cross_entropy(logits.mT, target, reduction="none")
        return losses.mean(1)


def check_device(name: str) -> None:
    """Refuse a device that PyTorch does not know or that this machine lacks."""
    try:
        torch.zeros(1, device=name).cpu()  # "meta" holds no numbers that could come back
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"device={name!r} cannot be used here: {reason}") from None
