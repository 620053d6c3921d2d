"""Section 2 of the paper: the in-context classification task.

A sequence is ``x_1, l_1, ..., x_N, l_N, x_q``: N item-label pairs and a target item, 2N+1 tokens.
The network predicts the target's label among L. Items come from a Gaussian mixture of K classes
(eq. 1).

Data is a pure function of (task, seed, step). Every draw starts a generator of its own from
``(seed, stream, counter)``, hashed by NumPy's SeedSequence, so any batch can be had without
drawing the ones before it: a run is the same whether its seeds train together or apart, in one go
or resumed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cached_property
from typing import Literal, Self, TypeVar, get_args

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from pydantic import Field, model_validator

from icl.settings import SEEDS, InputError, Settings, at_least

Array = np.ndarray
DType = Literal["float32", "float64"]
Probe = Literal["icl", "swapped", "iwl", "iwl_absent", "rank"]

BLOCK = 32  # steps whose indices are drawn at a time; part of what a seed means
RANK_BINS = 8  # of the probe by class rank: 1, 2-3, 4-7, ..., and all other ranks in the last


class Task(Settings):
    """The data distribution: every parameter of section 2 under the paper's name.

    Raises :class:`icl.settings.InputError`, one line, when the parameters do not fit together.
    """

    K: int = Field(256, ge=2, description="number of classes")
    L: int = Field(32, ge=2, description="number of labels; class k has label k mod L")
    N: int = Field(8, ge=1, description="item-label pairs in the context")
    B: int = Field(
        1, ge=0, description="copies of a class in a bursty context; 0: no sequence is bursty"
    )
    p_B: float = Field(
        1.0, ge=0, le=1, description="fraction of trained-class sequences that are bursty"
    )
    p_C: float = Field(0.0, ge=0, le=1, description="fraction of sequences with novel classes")
    alpha: float = Field(0.0, ge=0, le=10, description="rank-frequency exponent, f(k) ~ k^-alpha")
    eps: float = Field(0.1, ge=0, le=1e3, description="within-class variability")
    D: int = Field(63, ge=1, description="dimensions of a token's content")
    P: int = Field(65, ge=3, description="dimensions of a token's one-hot position")
    novel: int = Field(128, ge=1, description="novel classes, drawn anew for every batch")
    distinct: bool = Field(
        True, description="classes of a bursty context differ in label, and not in class alone"
    )

    @model_validator(mode="after")
    def _parameters_fit_together(self) -> Self:
        if self.K % self.L:
            raise ValueError(f"K={self.K} must be a multiple of L={self.L}")
        if self.B and self.N % self.B:
            raise ValueError(f"N={self.N} must be a multiple of B={self.B}")
        classes = self.classes_in_context
        why = "" if self.B else " (the ICL test of B=0 shows each class once)"
        if self.distinct and classes > self.L:
            raise ValueError(f"N/B={classes} distinct labels must be at most L={self.L}{why}")
        if classes > min(self.K, self.novel):
            raise ValueError(
                f"N/B={classes} distinct classes must be at most K={self.K} and "
                f"novel={self.novel}{why}"
            )
        if self.T > self.P:
            raise ValueError(f"2N+1={self.T} tokens must be at most P={self.P} positions")
        if self.novel < self.L:
            raise ValueError(f"novel={self.novel} classes must be at least L={self.L}")
        if self.B == 0 and self.p_C > 0:
            raise ValueError(
                f"B=0 with p_C={self.p_C} cannot be solved: a novel class must be in its context; "
                "use B >= 1 or p_C=0"
            )
        return self

    @property
    def T(self) -> int:
        """Tokens in a sequence, 2N+1."""
        return 2 * self.N + 1

    @property
    def copies(self) -> int:
        """Copies of the target's class where the context holds it on purpose: B, or 1 if B is 0."""
        return max(self.B, 1)

    @property
    def classes_in_context(self) -> int:
        """Distinct classes in a bursty context, each with a label of its own if `distinct`: N/B."""
        return self.N // self.copies

    def rank_frequency(self) -> Float[Array, "K"]:
        """f(k) ~ k^-alpha for k = 1, ..., K, summing to 1 (section 2)."""
        f = np.arange(1, self.K + 1, dtype=np.float64) ** -self.alpha
        return np.asarray(f / f.sum())

    def rank_bins(self) -> list[tuple[int, int]]:
        """Ranks (first, last), counted from 1, of each bin of the probe by class rank."""
        firsts = [2**i for i in range(RANK_BINS) if 2**i <= self.K]
        return list(zip(firsts, [first - 1 for first in firsts[1:]] + [self.K], strict=True))


class Stream(IntEnum):
    """What a generator is for. The numbers are part of what a seed means: never reuse one."""

    WORLD = 0
    INIT = 1
    INDICES = 2
    CONTENTS = 3
    PROBE = 4


# Counters of the stream of probes: they too are part of what a seed means.
PROBE_NUMBERS: dict[Probe, int] = {"icl": 0, "swapped": 1, "iwl": 2, "iwl_absent": 3, "rank": 4}


class Kind(IntEnum):
    """How a sequence's classes were drawn."""

    IID = 0  # items and target independent
    BURSTY = 1  # trained classes, the target's among them B times
    NOVEL = 2  # as BURSTY, with classes that were never trained


def generator(seed: int, stream: Stream, counter: int = 0) -> np.random.Generator:
    """The generator of one draw: a pure function of its arguments, independent between them.

    All three must be below `SEEDS`, which :class:`World` checks of its seed.
    SeedSequence hashes the three numbers into the state of SFC64, which makes bits at three times
    the rate of Philox: random access like a counter-based generator's, at a stream's speed.
    """
    return np.random.Generator(np.random.SFC64([seed, stream, counter]))


def normals(rng: np.random.Generator, n: int, dtype: DType) -> Float[Array, "n"]:
    """n standard normal numbers by Box and Muller's transform, a third of the ziggurat's time here.

    The bits are the same for both dtypes, so a float32 run sees the numbers of a float64 run,
    rounded.
    """
    half = (n + 1) // 2
    bits = rng.bit_generator.random_raw(half).view(np.uint32)
    radius, angle = bits[:half].astype(dtype), bits[half:].astype(dtype)
    radius += 0.5  # log(0) must not be: the uniform lies in (0, 1]
    radius *= 2.0**-32
    np.log(radius, out=radius)
    radius *= -2.0
    np.sqrt(radius, out=radius)
    angle *= 2.0 * np.pi * 2.0**-32
    z = np.empty((2, half), dtype)
    np.cos(angle, out=z[0])
    np.sin(angle, out=z[1])
    z *= radius
    return z.reshape(-1)[:n]


@dataclass(frozen=True)
class Sequences:
    """A batch of S sequences. Items and labels alternate; ``items[:, N]`` is the target.

    ``classes`` counts trained classes from 0 (the most frequent) to K-1, novel ones from K.
    """

    labels: Int[Array, "S N"]  # as shown in the context
    items: Float[Array, "S N+1 D"]
    target: Int[Array, "S"]  # the right answer
    window: Int[Array, "S"]  # position of the first token
    classes: Int[Array, "S N+1"]
    kind: UInt8[Array, "S"]

    def __len__(self) -> int:
        return len(self.target)

    def __getitem__(self, index: slice) -> Sequences:
        return _each(self, lambda array: array[index])

    @property
    def right(self) -> Bool[Array, "S N"]:
        """Which context pairs are of the target's class."""
        return np.asarray(self.classes[:, :-1] == self.classes[:, -1:])


@dataclass(frozen=True)
class _Indices:
    """What a batch is made of before its contents: everything that is an integer."""

    labels: Int[Array, "*n N"]
    classes: Int[Array, "*n N+1"]
    target: Int[Array, "*n"]
    window: Int[Array, "*n"]
    kind: UInt8[Array, "*n"]


_Arrays = TypeVar("_Arrays", Sequences, _Indices)


def _each(arrays: _Arrays, change: Callable[[Array], Array]) -> _Arrays:
    """The same fields, each array changed."""
    return replace(arrays, **{name: change(array) for name, array in vars(arrays).items()})


class World:
    """What a seed fixes before training: class means and label contents; and from them all batches.

    Parameters
    ----------
    task
        The distribution.
    seed
        From 0 to 2^32 - 1; world, initialisation, batches and test sets all follow from it.
    dtype
        Of every content.

    Raises
    ------
    InputError
        For another seed or dtype.
    """

    def __init__(self, task: Task, seed: int, dtype: DType = "float32") -> None:
        if not 0 <= seed < SEEDS:
            raise InputError(f"seed={seed} must be at least 0 and at most {SEEDS - 1}")
        if dtype not in get_args(DType):
            raise InputError(f"dtype={dtype!r} must be {' or '.join(map(repr, get_args(DType)))}")
        self.task, self.seed, self.dtype = task, seed, dtype
        contents = generator(seed, Stream.WORLD).standard_normal((task.K + task.L, task.D))
        contents /= np.sqrt(task.D)
        self.means: Float[Array, "K D"] = contents[: task.K].astype(dtype)
        self.label_contents: Float[Array, "L D"] = contents[task.K :].astype(dtype)
        self._frequency = task.rank_frequency()
        self._cdf = np.cumsum(self._frequency)
        self._cdf[-1] = 1.0
        self._block: tuple[int, int, _Indices] | None = None
        # Class means followed by the batch's novel classes, both already divided as in eq. 1.
        self._table = np.empty((task.K + task.novel, task.D), dtype)
        self._table[: task.K] = self.means / np.sqrt(1 + task.eps**2)

    # -- training batches ------------------------------------------------------------------------

    def batch(self, step: int, size: int = 128) -> Sequences:
        """The training batch of a step: the same whenever and in whatever order it is asked for."""
        block, row = divmod(step, BLOCK)
        if self._block is None or self._block[:2] != (block, size):
            rng = generator(self.seed, Stream.INDICES, block)
            self._block = (block, size, self._training_indices(rng, (BLOCK, size)))
        indices = _each(self._block[2], lambda array: array[row])
        return self._fill(indices, generator(self.seed, Stream.CONTENTS, step))

    def _training_indices(self, rng: np.random.Generator, shape: tuple[int, int]) -> _Indices:
        task = self.task
        n = shape[0] * shape[1]
        kind = np.full(n, Kind.BURSTY if task.B else Kind.IID, np.uint8)
        if task.B and task.p_B < 1:
            kind[rng.random(n) >= task.p_B] = Kind.IID
        if task.p_C > 0:
            kind[rng.random(n) < task.p_C] = Kind.NOVEL
        classes = np.empty((n, task.N + 1), np.int64)
        for k, draw in (
            (Kind.IID, self._iid_classes),
            (Kind.BURSTY, self._bursty_classes),
            (Kind.NOVEL, self._novel_classes),
        ):
            rows = np.flatnonzero(kind == k)
            if len(rows):
                classes[rows] = draw(rng, len(rows))
        flat = self._with_labels(rng, classes, kind)
        return _each(flat, lambda array: array.reshape(*shape, *array.shape[1:]))

    def _with_labels(
        self, rng: np.random.Generator, classes: Int[Array, "n items"], kind: UInt8[Array, "n"]
    ) -> _Indices:
        # Novel classes count from K, a multiple of L, so one rule gives every class its label.
        labels = classes % self.task.L
        window = rng.integers(0, self.task.P - self.task.T + 1, len(classes))
        return _Indices(labels[:, :-1], classes, labels[:, -1], window, kind)

    def _iid_classes(self, rng: np.random.Generator, n: int) -> Int[Array, "n items"]:
        if self.task.alpha == 0:
            return rng.integers(0, self.task.K, (n, self.task.N + 1))
        return np.searchsorted(self._cdf, rng.random((n, self.task.N + 1)), side="right")

    def _bursty_classes(self, rng: np.random.Generator, n: int) -> Int[Array, "n items"]:
        """The target's class from f; then one by one from f, each with a label not yet taken.

        Without :attr:`Task.distinct` each is a class not yet taken, whatever its label.
        """
        if not self.task.distinct:
            return self._scatter_copies(rng, self._race(rng, n, self._frequency))
        labels = self._race(rng, n, self._label_frequency)
        u = rng.random(labels.shape)
        if self.task.alpha == 0:
            among = (u * (self.task.K // self.task.L)).astype(np.int64)
        else:
            flat = np.searchsorted(self._cdf_within_label, labels + u, side="right")
            among = flat - labels * (self.task.K // self.task.L)
        return self._scatter_copies(rng, labels + self.task.L * among)

    def _novel_classes(self, rng: np.random.Generator, n: int) -> Int[Array, "n items"]:
        """As bursty, from the batch's own pool of equally frequent classes, numbered from K."""
        task = self.task
        if not task.distinct:
            chosen = self._race(rng, n, np.full(task.novel, 1 / task.novel))
            return self._scatter_copies(rng, task.K + chosen)
        pool = np.bincount(np.arange(task.novel) % task.L, minlength=task.L)  # classes of a label
        labels = self._race(rng, n, pool / task.novel)
        among = (rng.random(labels.shape) * pool[labels]).astype(np.int64)
        return self._scatter_copies(rng, task.K + labels + task.L * among)

    @cached_property
    def _label_frequency(self) -> Float[Array, "L"]:
        return np.asarray(self._frequency.reshape(-1, self.task.L).sum(0))

    @cached_property
    def _cdf_within_label(self) -> Float[Array, "K"]:
        """Label l's distribution over its K/L classes, raised by l: one sorted array."""
        f = self._frequency.reshape(-1, self.task.L).T / self._label_frequency[:, None]
        cdf = np.cumsum(f, axis=1)
        cdf[:, -1] = 1.0
        return np.asarray((cdf + np.arange(self.task.L)[:, None]).ravel())

    def _race(
        self, rng: np.random.Generator, n: int, weights: Float[Array, "size"]
    ) -> Int[Array, "n distinct"]:
        """N/B distinct numbers a sequence, drawn one by one in proportion to their weights.

        They are labels, or classes where labels may repeat. Exponential clocks with the weights as
        rates: the first to ring follows the weights exactly, each later one the weights of those
        still silent. The number rides in the low bits of its clock's time, so that one sort of
        integers replaces an argsort.
        """
        size = len(weights)
        clocks = rng.standard_exponential((n, size))
        clocks /= weights
        keys = clocks.view(np.int64)  # times are positive, so their bits sort as integers
        mask = np.int64((1 << (size - 1).bit_length()) - 1)
        keys &= ~mask
        keys |= np.arange(size)
        keys.sort(axis=1)
        return np.asarray(keys[:, : self.task.classes_in_context] & mask)

    def _scatter_copies(
        self, rng: np.random.Generator, classes: Int[Array, "n distinct"]
    ) -> Int[Array, "n items"]:
        """Copies of each class in random places of the context; the first class as target."""
        task = self.task
        bits = max((task.N - 1).bit_length(), 1)
        keys = rng.integers(0, 1 << (62 - bits), (len(classes), task.N)) << bits
        keys |= np.arange(task.N)
        keys.sort(axis=1)
        place = keys & ((1 << bits) - 1)  # a random permutation of 0 .. N-1
        context = np.take_along_axis(classes, place // task.copies, axis=1)
        return np.concatenate([context, classes[:, :1]], axis=1)

    def _fill(self, i: _Indices, rng: np.random.Generator) -> Sequences:
        """Contents by eq. 1, x = (mu_k + eps eta) / sqrt(1 + eps^2)."""
        task = self.task
        pool = task.novel * task.D if i.classes.max() >= task.K else 0
        noise = i.classes.size * task.D if task.eps > 0 else 0
        z = normals(rng, pool + noise, self.dtype)
        # Python's floats: with NumPy's own the arrays would be multiplied in double precision.
        scale = float(1 / np.sqrt(1 + task.eps**2) / np.sqrt(task.D))
        if pool:
            novel = z[:pool].reshape(task.novel, task.D)
            np.multiply(novel, scale, out=self._table[task.K :])
        items = np.take(self._table, i.classes, axis=0)
        if noise:
            eta = z[pool:].reshape(items.shape)
            eta *= task.eps * scale
            items += eta
        return Sequences(items=items, **vars(i))

    # -- test sequences --------------------------------------------------------------------------

    def probe(self, name: Probe, size: int = 1000) -> Sequences:
        """Test sequences, ``size`` of them, at least 1; the same for every evaluation of a seed.

        ``icl``         novel classes, the target's class in the context B times (once if B is 0)
        ``swapped``     trained classes, every label l in the context shown as (l + 1) mod L, and so
                        the right answer: in-weights knowledge points at the wrong label
        ``iwl``         items and target independent, from the training distribution
        ``iwl_absent``  as ``iwl``, but no item is of the target's class, so the context cannot help
        ``rank``        as ``iwl_absent``, the target's class uniform within its bin of ranks, and
                        each bin of :meth:`Task.rank_bins` asked equally often, to one sequence

        Raises :class:`icl.settings.InputError` for a smaller size.
        """
        at_least(1, size=size)
        rng = generator(self.seed, Stream.PROBE, PROBE_NUMBERS[name])
        task = self.task
        draw = {
            "icl": self._novel_classes,
            "swapped": self._bursty_classes,
            "iwl": self._iid_classes,
            "iwl_absent": self._absent_classes,
            "rank": self._ranked_classes,
        }[name]
        kind = {"icl": Kind.NOVEL, "swapped": Kind.BURSTY}.get(name, Kind.IID)
        indices = self._with_labels(rng, draw(rng, size), np.full(size, kind, np.uint8))
        if name == "swapped":
            indices = replace(
                indices,
                labels=(indices.labels + 1) % task.L,
                target=(indices.target + 1) % task.L,
            )
        return self._fill(indices, rng)

    def _absent_classes(self, rng: np.random.Generator, n: int) -> Int[Array, "n items"]:
        return self._context_without(rng, self._iid_classes(rng, n)[:, -1])

    def _ranked_classes(self, rng: np.random.Generator, n: int) -> Int[Array, "n items"]:
        first, last = np.array(self.task.rank_bins()).T
        bin_ = np.arange(n) % len(first)
        return self._context_without(rng, rng.integers(first[bin_] - 1, last[bin_]))

    def _context_without(
        self, rng: np.random.Generator, target: Int[Array, "n"]
    ) -> Int[Array, "n items"]:
        """Items from f given that they are not of the target's class, which is last."""
        low, mass = self._cdf[target] - self._frequency[target], self._frequency[target]
        u = rng.random((len(target), self.task.N)) * (1 - mass)[:, None]
        u += np.where(u >= low[:, None], mass[:, None], 0.0)  # step over the target's share
        context = np.searchsorted(self._cdf, u, side="right")
        # Rounding may still leave u on the edge of the target's share.
        clash = context == target[:, None]
        context[clash] = ((context + 1) % self.task.K)[clash]
        return np.concatenate([context, target[:, None]], axis=1)

    # -- as the network sees them ----------------------------------------------------------------

    def tokens(self, sequences: Sequences) -> Float[Array, "S T E"]:
        """The network's input u: a one-hot position of P dimensions, then a content of D."""
        s, task = sequences, self.task
        u = np.zeros((len(s), task.T, task.P + task.D), self.dtype)
        u[:, 0::2, task.P :] = s.items
        u[:, 1::2, task.P :] = self.label_contents[s.labels]
        position = s.window[:, None] + np.arange(task.T)
        np.put_along_axis(u, position[:, :, None], 1, axis=2)
        return u
