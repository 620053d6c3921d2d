"""The training step by hand: equations 2-3 and 4-6, forward and backward, in NumPy.

Equal to :mod:`icl.network` and :mod:`icl.minimal` (tests: 1e-10 in float64), several times as
fast. What is saved, and the gradient derived, is the book's chapter on the engine. In short: only
the target reaches the classifier, so layer 2 needs one query a sequence, and no key or value is
formed where the dot product of tokens with one vector does:

    s1_ij = u_i . A u_j            with A = Q1^T K1, once a step
    s2_j  = v_j . g                with g = K2^T Q2 v_n
          = u_j . g + sum_k p1_jk u_k . h          with h = V1^T g, so that no v_j is formed
    sum_j p2_j v_j = m = sum_j p2_j u_j + V1 b     with b = sum_j p2_j sum_k p1_jk u_k

Names: S sequences, T = 2N+1 tokens, E = P+D. ``d`` before a name is the loss's gradient in it.
Layer 1's attention lies as [query, key, sequence], and so does all that has a number a token: sums
over tokens then run along the memory, sequences side by side.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

import numpy as np
from jaxtyping import Float, Int

from icl.model import Flat, Model, fixed_part, shapes
from icl.task import Array, Sequences, World

SAFE = 50  # a logit whose exponential is finite in float32


@dataclass(frozen=True)
class Output:
    """What the measures need of a forward pass."""

    logits: Float[Array, "S L"]
    p1: Float[Array, "S T T"]  # [sequence, query, key]
    p2: Float[Array, "S T"]  # the target's row


class FastEngine(ABC):
    """One seed's parameters and the step that trains them: a :class:`icl.training.Engine`.

    Parameters
    ----------
    world
        Of the seed to be trained; its dtype is the engine's.
    model
        The network.
    batch
        Sequences a step.
    """

    def __init__(self, world: World, model: Model, batch: int) -> None:
        self.world, self.task, self.model, self.batch = world, world.task, model, batch
        self.theta = Flat(shapes(model, world.task), world.dtype)
        self.grad = Flat(shapes(model, world.task), world.dtype)
        self._rows = np.arange(batch)
        self._fixed = fixed_part(model, world.label_contents) if model.xi0 else None

    @abstractmethod
    def loss_and_grad(self, sequences: Sequences) -> float:
        """Mean cross-entropy of a batch, in nats; its gradient is left in ``grad``.

        The batch has exactly as many sequences as the engine was made for, ``batch``.
        """

    @abstractmethod
    def outputs(self, sequences: Sequences) -> Output:
        """Logits and attention of any number of sequences."""

    # -- what icl.training.Engine asks for, with a list of one seed ------------------------------

    def load(self, parameters: list[dict[str, Array]]) -> None:
        """Take these parameters, those of one seed."""
        self.theta.load(*parameters)

    def parameters(self) -> list[dict[str, Array]]:
        """Copies of the present parameters, in a list of one."""
        return [self.theta.copy()]

    def losses(self, step: int) -> Float[Array, "seed"]:
        """Loss on the batch of a step, in an array of one."""
        return np.array([self.loss_and_grad(self.world.batch(step, self.batch))])

    def step(self, step: int, learning_rate: float, decay: float) -> Float[Array, "seed"]:
        """theta <- (1 - decay) theta - learning_rate grad; the loss before it."""
        losses = self.losses(step)
        self._update(learning_rate, decay)
        return losses

    def forward(self, place: int, sequences: Sequences) -> Output:
        """The same as :meth:`outputs`; there is one seed, at place 0."""
        return self.outputs(sequences)

    def _update(self, learning_rate: float, decay: float) -> None:
        """Of all parameters, which are one vector; ``grad`` is used up."""
        number = self.theta.vector.dtype.type
        self.theta.vector *= number(1 - decay)
        self.grad.vector *= number(learning_rate)
        self.theta.vector -= self.grad.vector

    # -- the classifier, the same in both models -------------------------------------------------

    def _classify(self, w: Float[Array, "S E"]) -> list[Float[Array, "S _"]]:
        """Input, hidden layers h = relu(W h + b), and logits R h with the fixed part's."""
        theta, layers = self.theta, [w]
        for i in range(1, self.model.hidden + 1):
            h = layers[-1] @ theta[f"W{i}"].T
            h += theta[f"b{i}"]
            layers.append(np.maximum(h, 0, out=h))
        # As [label, sequence] in memory: what follows sums over labels, along long rows.
        logits = theta["R"] @ layers[-1].T
        if self._fixed is not None:
            logits += self._fixed @ w.T
        return [*layers, logits.T]

    def _classify_backward(
        self, layers: list[Float[Array, "S _"]], target: Int[Array, "S"]
    ) -> tuple[float, Float[Array, "S E"]]:
        """Loss, and its gradient in the classifier's input; the rest goes to ``grad``."""
        theta, grad, (*hidden, logits) = self.theta, self.grad, layers
        logits -= logits.max(1, keepdims=True)
        right = logits[self._rows, target]
        np.exp(logits, out=logits)
        total = logits.sum(1, keepdims=True)
        loss = float(np.log(total).sum() - right.sum()) / self.batch
        d = logits
        d /= total
        d[self._rows, target] -= 1
        d *= d.dtype.type(1 / self.batch)
        np.matmul(d.T, hidden[-1], out=grad["R"])
        past_hidden = None if self._fixed is None else d @ self._fixed
        d = d @ theta["R"]
        for i in range(self.model.hidden, 0, -1):
            d *= hidden[i] > 0
            if self.model.bias:
                grad[f"b{i}"][...] = d.sum()
            np.matmul(d.T, hidden[i - 1], out=grad[f"W{i}"])
            d = d @ theta[f"W{i}"]
        return loss, d if past_hidden is None else d + past_hidden


class _Workspace:
    """Arrays of one batch size, reused from step to step: a fresh megabyte is dear.

    Vectors a sequence lie in an order that lets one product serve several: pairs are dotted with
    tokens, or summed over them, together; and V1's gradient is one product.
    """

    def __init__(self, S: int, T: int, E: int, dtype: np.typing.DTypeLike) -> None:
        self.U = np.zeros((S, T, E), dtype)
        self.rows = np.empty((S, T, E), dtype)  # U A on the way forward, ds1 U on the way back
        self.each_rows = list(self.rows)  # making a view takes as long as adding it
        self.p = np.empty((T, T, S), dtype)
        self.ds1 = np.empty((T, T, S), dtype)
        left, right = (np.empty((5, S, E), dtype) for _ in range(2))
        self.h, self.g, self.dm, self.dv_n, self.db = left
        self.h_g, self.g_dm_dvn, self.dm_db = left[:2], left[1:4], left[2::2]
        self.dg, self.dh, self.b, self.a_n, self.p2_u = right  # p2_u = sum_j p2_j u_j
        self.dg_dh, self.dh_b_an, self.b_p2u = right[:2], right[1:4], right[2::2]
        self._token_start: Int[Array, "S T"] = (np.arange(S * T) * E).reshape(S, T)
        self._position = np.arange(T)
        self._ones = self._token_start  # where U's one-hot positions stand now

    def set_tokens(self, sequences: Sequences, world: World) -> Float[Array, "S T E"]:
        """U of a batch; only what differs from the last one is written."""
        flat, P = self.U.reshape(-1), world.task.P
        flat[self._ones] = 0
        self._ones = self._token_start + (sequences.window[:, None] + self._position)
        flat[self._ones] = 1
        self.U[:, 0::2, P:] = sequences.items
        self.U[:, 1::2, P:] = np.take(world.label_contents, sequences.labels, axis=0)
        return self.U


@dataclass(frozen=True)
class _Forward:
    """A forward pass as the backward pass needs it; names as in the module's docstring."""

    U: Float[Array, "S T E"]
    p: Float[Array, "T T S"]
    p_y1: Float[Array, "T S"]
    y1: Float[Array, "T S"]
    v_n: Float[Array, "S E"]
    q2: Float[Array, "S E"]
    p2: Float[Array, "T S"]
    m: Float[Array, "S E"]
    w: Float[Array, "S E"]


class FullEngine(FastEngine):
    """The full network, eq. 2-3."""

    def __init__(self, world: World, model: Model, batch: int) -> None:
        super().__init__(world, model, batch)
        task = world.task
        self._spaces: dict[int, _Workspace] = {}
        query, key = np.indices((task.T, task.T))
        self._causal = np.where(key > query, -np.inf, 0).astype(world.dtype)[:, :, None]
        E = model.width(task)
        self._A, self._dA = np.empty((E, E), world.dtype), np.empty((E, E), world.dtype)
        starts = range(task.P - task.T + 1)
        self._windows_of_A = [self._A[start : start + task.T] for start in starts]
        self._windows_of_dA = [self._dA[start : start + task.T] for start in starts]

    def _space(self, S: int) -> _Workspace:
        if S not in self._spaces:
            E = self.model.width(self.task)
            self._spaces[S] = _Workspace(S, self.task.T, E, self.world.dtype)
        return self._spaces[S]

    def outputs(self, sequences: Sequences) -> Output:
        """Logits and attention of any number of sequences, a batch at a time."""
        parts: list[Output] = []
        for chunk in _chunks(sequences, self.batch):
            f = self._forward(chunk, self._space(len(chunk)))
            p1 = f.p.transpose(2, 0, 1).copy()  # the next chunk overwrites p
            parts.append(Output(self._classify(f.w)[-1], p1, f.p2.T))
        return Output(
            np.concatenate([part.logits for part in parts]),
            np.concatenate([part.p1 for part in parts]),
            np.concatenate([part.p2 for part in parts]),
        )

    def loss_and_grad(self, sequences: Sequences) -> float:
        """Forward, then every line of it backward in the opposite order."""
        space, theta, grad = self._space(self.batch), self.theta, self.grad
        V1, V2, Q2, K2 = theta["V1"], theta["V2"], theta["Q2"], theta["K2"]
        f = self._forward(sequences, space)
        U, p = f.U, f.p
        loss, dw = self._classify_backward(self._classify(f.w), sequences.target)

        np.matmul(dw.T, f.m, out=grad["V2"])
        np.matmul(dw, V2, out=space.dm)
        np.matmul(space.dm, V1, out=space.db)
        z0, z1 = _dot_tokens(space.dm_db, U)
        p_z1 = _over_keys(p, z1)
        ds2 = _softmax_backward(f.p2, z0 + p_z1)
        dg, dh = _sum_tokens(ds2, _over_queries(p, ds2), U, out=space.dg_dh)
        dg += dh @ V1.T
        dq2 = dg @ K2.T
        np.matmul(f.q2.T, dg, out=grad["K2"])
        np.matmul(dq2.T, f.v_n, out=grad["Q2"])
        dv_n = np.matmul(dq2, Q2, out=space.dv_n)
        dv_n += dw
        # V1 stands in h, in m and in v_n: g^T dh + dm^T b + dv_n^T a_n.
        np.matmul(_rows(space.g_dm_dvn).T, _rows(space.dh_b_an), out=grad["V1"])
        z2 = (U @ (dv_n @ V1)[:, :, None])[:, :, 0].T

        # dp1 = p2 (x) z1 + ds2 (x) y1, and z2 in the target's row: its softmax's row sums are
        # known.
        row_sums = f.p2 * p_z1
        row_sums += ds2 * f.p_y1
        row_sums[-1] += (p[-1] * z2).sum(0)
        ds1 = np.multiply(f.p2[:, None], z1, out=space.ds1)
        ds1 += ds2[:, None] * f.y1
        ds1[-1] += z2
        ds1 -= row_sums[:, None]
        ds1 *= p
        dA = self._gradient_of_A(ds1, sequences, space)
        np.matmul(theta["K1"], dA.T, out=grad["Q1"])
        np.matmul(theta["Q1"], dA, out=grad["K1"])
        return loss

    def _forward(self, sequences: Sequences, space: _Workspace) -> _Forward:
        U = space.set_tokens(sequences, self.world)
        return self._layer2(U, self._attention1(sequences, space), space)

    def _layer2(
        self, U: Float[Array, "S T E"], p: Float[Array, "T T S"], space: _Workspace
    ) -> _Forward:
        """What the target sees of the layers: its value, its attention in layer 2, and w."""
        theta = self.theta
        np.matmul(np.ascontiguousarray(p[-1].T)[:, None, :], U, out=space.a_n[:, None])
        v_n = space.a_n @ theta["V1"].T
        v_n += U[:, -1]
        q2 = v_n @ theta["Q2"].T
        np.matmul(q2, theta["K2"], out=space.g)
        np.matmul(space.g, theta["V1"], out=space.h)
        y1, y0 = _dot_tokens(space.h_g, U)
        p_y1 = _over_keys(p, y1)
        p2 = _softmax(y0 + p_y1)
        b, p2_u = _sum_tokens(_over_queries(p, p2), p2, U, out=space.b_p2u)
        m = b @ theta["V1"].T
        m += p2_u
        w = m @ theta["V2"].T
        w += v_n
        return _Forward(U, p, p_y1, y1, v_n, q2, p2, m, w)

    def _attention1(self, sequences: Sequences, space: _Workspace) -> Float[Array, "T T S"]:
        """p1 as [query, key, sequence]."""
        np.matmul(self.theta["Q1"].T, self.theta["K1"], out=self._A)
        s1 = self._times_A(sequences, space) @ space.U.mT
        return _softmax(np.add(s1.transpose(1, 2, 0), self._causal, out=space.p))

    def _times_A(self, sequences: Sequences, space: _Workspace) -> Float[Array, "S T E"]:
        """u_i A: a row of A for the one-hot position plus a product for the content.

        Labels are few, so their products are formed once and looked up.
        """
        P, A, UA = self.task.P, self._A, space.rows
        np.matmul(sequences.items, A[P:], out=UA[:, 0::2])
        UA[:, 1::2] = np.take(self.world.label_contents @ A[P:], sequences.labels, axis=0)
        for start, rows in zip(sequences.window.tolist(), space.each_rows, strict=True):
            np.add(rows, self._windows_of_A[start], rows)
        return UA

    def _gradient_of_A(
        self, ds1: Float[Array, "T T S"], sequences: Sequences, space: _Workspace
    ) -> Float[Array, "E E"]:
        """dA = sum_i u_i G_i^T with G_i = sum_j ds1_ij u_j.

        Rows of G are added up by position; all tokens' contents are one product.
        """
        P, dA = self.task.P, self._dA
        G = np.matmul(ds1.transpose(2, 0, 1).copy(), space.U, out=space.rows)
        dA[:P] = 0
        for start, rows in zip(sequences.window.tolist(), space.each_rows, strict=True):
            window = self._windows_of_dA[start]
            np.add(window, rows, window)
        np.matmul(_rows(space.U)[:, P:].T, _rows(G), out=dA[P:])
        return dA


def _chunks(sequences: Sequences, size: int) -> Iterator[Sequences]:
    return (sequences[i : i + size] for i in range(0, len(sequences), size))


def _rows(x: Float[Array, "a b E"]) -> Float[Array, "ab E"]:
    return x.reshape(-1, x.shape[-1])


def _dot_tokens(
    pair: Float[Array, "2 S E"], U: Float[Array, "S T E"]
) -> tuple[Float[Array, "T S"], Float[Array, "T S"]]:
    """x . u_j and y . u_j for every token and a pair of vectors a sequence."""
    x, y = np.ascontiguousarray((pair.swapaxes(0, 1) @ U.mT).transpose(1, 2, 0))
    return x, y


def _sum_tokens(
    x: Float[Array, "T S"],
    y: Float[Array, "T S"],
    U: Float[Array, "S T E"],
    out: Float[Array, "2 S E"],
) -> tuple[Float[Array, "S E"], Float[Array, "S E"]]:
    """sum_j x_j u_j and sum_j y_j u_j."""
    np.matmul(np.stack([x.T, y.T], axis=1), U, out=out.swapaxes(0, 1))
    return out[0], out[1]


def _over_keys(p: Float[Array, "T T S"], y: Float[Array, "T S"]) -> Float[Array, "T S"]:
    """sum_k p_qk y_k for every query q."""
    return np.asarray(np.einsum("qks,ks->qs", p, y))


def _over_queries(p: Float[Array, "T T S"], y: Float[Array, "T S"]) -> Float[Array, "T S"]:
    """sum_q y_q p_qk for every key k."""
    return np.asarray(np.einsum("qks,qs->ks", p, y))


def _softmax(s: Float[Array, "*q T S"]) -> Float[Array, "*q T S"]:
    """Over keys, in place."""
    s -= s.max(-2, keepdims=True)
    np.exp(s, out=s)
    s /= s.sum(-2, keepdims=True)
    return s


def _softmax_backward(p: Float[Array, "T S"], dp: Float[Array, "T S"]) -> Float[Array, "T S"]:
    """The gradient in the logits, in place of the one in the probabilities."""
    dp -= (p * dp).sum(0)
    dp *= p
    return dp


@dataclass(frozen=True)
class _MinimalForward:
    """A forward pass of the minimal model as its backward pass needs it."""

    u: Float[Array, "S T D"]  # contents
    d: Float[Array, "T S"]
    q1: Float[Array, "T T"]
    match: Float[Array, "T S"]  # v^b_j . v^c_n
    q2: Float[Array, "T S"]
    w: Float[Array, "S 2*D"]  # the classifier's input w^c_n + w^b_n, side by side


class MinimalEngine(FastEngine):
    """The minimal model, eq. 4-6. Its attention sees tokens only through d_k = u_k . u_n."""

    def __init__(self, world: World, model: Model, batch: int) -> None:
        super().__init__(world, model, batch)
        T = self.task.T
        i = np.arange(T)
        self._previous = np.eye(T, k=-1, dtype=world.dtype)  # [query, key]: key = query - 1
        self._causal = np.tri(T, dtype=world.dtype)
        self._odd = ((T - 1 - i) % 2).astype(world.dtype)[:, None]  # n - j odd: the labels

    def _attention1(self) -> Float[Array, "T T"]:
        """q1_ij of eq. 6, the same for every sequence."""
        beta1 = self.theta["beta1"]
        logits = beta1 * self._previous
        logits[1:] -= np.maximum(beta1 - SAFE, 0)  # the first token has none before it
        q1 = self._causal * np.exp(logits)
        return np.asarray(q1 / q1.sum(1, keepdims=True))

    def _forward(self, sequences: Sequences) -> _MinimalForward:
        S, D, theta = len(sequences), self.task.D, self.theta
        u = np.empty((S, self.task.T, D), self.world.dtype)
        u[:, 0::2] = sequences.items
        u[:, 1::2] = self.world.label_contents[sequences.labels]
        d = (u @ sequences.items[:, -1, :, None])[:, :, 0].T
        q1 = self._attention1()
        match = q1 @ d
        q2 = _softmax(theta["alpha"] * match + theta["beta2"] * self._odd)
        w = np.empty((S, 2 * D), u.dtype)
        w[:, :D] = sequences.items[:, -1]
        np.matmul(np.ascontiguousarray(q2.T)[:, None, :], u, out=w[:, None, D:])
        return _MinimalForward(u, d, q1, match, q2, w)

    def outputs(self, sequences: Sequences) -> Output:
        """Logits and attention of any number of sequences."""
        f = self._forward(sequences)
        p1 = np.broadcast_to(f.q1, (len(sequences), *f.q1.shape))
        return Output(self._classify(f.w)[-1], p1, f.q2.T)

    def loss_and_grad(self, sequences: Sequences) -> float:
        """Forward, then backward to three scalars and the classifier."""
        theta, grad, D = self.theta, self.grad, self.task.D
        f = self._forward(sequences)
        loss, dw = self._classify_backward(self._classify(f.w), sequences.target)
        ds2 = _softmax_backward(f.q2, np.ascontiguousarray((f.u @ dw[:, D:, None])[:, :, 0].T))
        grad["alpha"][...] = np.vdot(ds2, f.match)
        if self.model.train_beta2:
            grad["beta2"][...] = (ds2 * self._odd).sum()
        # match_j = sum_k q1_jk d_k, and d q1_jk / d beta1 = q1_jk ([k = j-1] - q1_j,j-1)
        dq1 = theta["alpha"] * (ds2 @ f.d.T)
        to_previous = (f.q1 * self._previous).sum(1)
        grad["beta1"][...] = np.vdot(dq1, f.q1 * (self._previous - to_previous[:, None]))
        return loss


def engine(world: World, model: Model, batch: int = 128) -> FastEngine:
    """The engine of a model's kind; its parameters are zero until they are loaded."""
    match model.kind:
        case "full":
            return FullEngine(world, model, batch)
        case "minimal":
            return MinimalEngine(world, model, batch)
        case _:
            assert_never(model.kind)
