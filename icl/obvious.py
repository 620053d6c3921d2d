"""The network of eq. 2-3 as one would write it first: what :mod:`icl.bench` compares the engine
with.

Modules, autograd and an optimiser from PyTorch; every token gets its query, key and value in both
layers and passes the classifier, though only the target's answer is used; a batch is drawn
sequence by sequence and item by item. Tests hold it to the same logits and the same statistics as
the rest of the package.
"""

from __future__ import annotations

import math
import random

import numpy as np
import torch
from torch import Tensor, nn

from icl.model import Model
from icl.task import Array, Task, World
from icl.training import Training


class Attention(nn.Module):
    """One causal head with a residual connection: u + V p u."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.Q = nn.Linear(width, width, bias=False)
        self.K = nn.Linear(width, width, bias=False)
        self.V = nn.Linear(width, width, bias=False)

    def forward(self, u: Tensor) -> Tensor:
        """Tokens [S, T, E] to tokens."""
        logits = self.Q(u) @ self.K(u).transpose(1, 2)
        future = torch.triu(torch.ones(u.shape[1], u.shape[1], dtype=torch.bool), diagonal=1)
        p = torch.softmax(logits.masked_fill(future, -math.inf), dim=-1)
        return u + p @ self.V(u)  # type: ignore[no-any-return]


class Network(nn.Module):
    """Two attention layers and a classifier, on every token."""

    def __init__(self, task: Task, model: Model) -> None:
        super().__init__()
        width = task.P + task.D
        self.attention = nn.ModuleList([Attention(width), Attention(width)])
        linear = [nn.Linear(width, width, bias=False) for _ in range(model.hidden)]
        self.hidden = nn.ModuleList(linear)
        self.bias = nn.ParameterList(nn.Parameter(torch.zeros(())) for _ in linear)
        self.readout = nn.Linear(width, task.L, bias=False)

    def forward(self, u: Tensor) -> Tensor:
        """Logits [S, T, L] of tokens [S, T, E]."""
        for layer in self.attention:
            u = layer(u)
        for linear, b in zip(self.hidden, self.bias, strict=True):
            u = torch.relu(linear(u) + b)
        return self.readout(u)  # type: ignore[no-any-return]

    def load(self, theta: dict[str, Array]) -> None:
        """Take parameters by the paper's letters."""
        names = {f"{m}{i}": f"attention.{i - 1}.{m}.weight" for i in (1, 2) for m in "QKV"}
        for i in range(1, len(self.bias) + 1):
            names |= {f"W{i}": f"hidden.{i - 1}.weight", f"b{i}": f"bias.{i - 1}"}
        names["R"] = "readout.weight"
        self.load_state_dict({names[k]: torch.from_numpy(v) for k, v in theta.items()})


class Trainer:
    """Draws a batch and makes a step of SGD, for tasks whose sequences are all bursty."""

    def __init__(self, world: World, model: Model, settings: Training) -> None:
        self.world, self.task, self.settings = world, world.task, settings
        self.network = Network(world.task, model)
        self.optimizer = torch.optim.SGD(
            self.network.parameters(),
            lr=settings.learning_rate,
            weight_decay=settings.decay / settings.learning_rate,
        )

    def batch(self) -> tuple[Tensor, Tensor]:
        """Tokens [S, T, E] and the right labels [S]."""
        task, S = self.task, self.settings.batch
        novel = np.random.randn(task.novel, task.D) / np.sqrt(task.D)  # noqa: NPY002
        tokens = np.zeros((S, task.T, task.P + task.D), np.float32)
        target = np.zeros(S, np.int64)
        for s in range(S):
            means = novel if random.random() < task.p_C else self.world.means
            target[s] = self._sequence(tokens[s], means)
        return torch.from_numpy(tokens), torch.from_numpy(target)

    def _sequence(self, tokens: Array, means: Array) -> int:
        """Fill one sequence; returns its target's label."""
        task = self.task
        classes = []
        for label in random.sample(range(task.L), task.classes_in_context):
            classes.append(random.choice(range(label, len(means), task.L)))  # noqa: PERF401
        context = classes * task.copies
        random.shuffle(context)
        asked = random.choice(context)
        start = random.randrange(task.P - task.T + 1)
        for i, k in enumerate([*context, asked]):
            eta = np.random.randn(task.D) / np.sqrt(task.D)  # noqa: NPY002
            tokens[2 * i, start + 2 * i] = 1
            tokens[2 * i, task.P :] = (means[k] + task.eps * eta) / np.sqrt(1 + task.eps**2)
            if i < task.N:
                tokens[2 * i + 1, start + 2 * i + 1] = 1
                tokens[2 * i + 1, task.P :] = self.world.label_contents[k % task.L]
        return asked % task.L

    def step(self) -> float:
        """One step; returns the loss before it."""
        u, target = self.batch()
        loss = nn.functional.cross_entropy(self.network(u)[:, -1], target)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return float(loss.detach())
