r"""The loss landscape of an induction head: section 3, equations 7-10, with B = 1. NumPy only.

A point of the landscape is ``theta = (beta1, alpha, xi)``, the last axis of an array of any shape:
the logits of layer 1, of layer 2 and of the classifier. They are nested,

    s = e^beta1 / (e^beta1 + N1)    layer 1: attention of the right label to its item      (eq. 9)
    y = alpha s                     layer 2: logit of the right label
    r = e^y / (e^y + 2N)            layer 2: attention of the target to the right label    (eq. 8)
    g = (e^y - 1) / (e^y + 2N)      the same, less what any other label receives
    loss = log(1 + (N-1) e^(-g xi) + (L-N) e^(-r xi))                                      (eq. 10)

so every derivative below is the chain rule along ``beta1, alpha -> y -> r``. Two probabilities
carry it: ``p``, of the context's N - 1 other labels, and ``q``, of the L - N labels outside it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from pydantic import Field, model_validator

from icl.settings import InputError, Settings, at_least

PARAMETERS = ("beta1", "alpha", "xi")


class Path(NamedTuple):
    """A path on the landscape, from its start (index 0) on.

    time:  the elapsed time, learning rate x steps; shape (points,)
    theta: (beta1, alpha, xi); shape (points, ..., 3) for a start of shape (..., 3)
    loss:  in nats; shape (points, ...)
    """

    time: Float[np.ndarray, " points"]
    theta: Float[np.ndarray, "points *batch 3"]
    loss: Float[np.ndarray, "points *batch"]


class Saddle(NamedTuple):
    """Second-order expansion: ``eigenvalues[i]`` belongs to the column ``eigenvectors[:, i]``."""

    eigenvalues: Float[np.ndarray, "3"]
    eigenvectors: Float[np.ndarray, "3 3"]


class _Terms(NamedTuple):
    """What loss, gradient and Hessian share. Last axis: the values that N1 is averaged over."""

    alpha: np.ndarray
    xi: np.ndarray
    s: np.ndarray
    r: np.ndarray
    g: np.ndarray
    p: np.ndarray
    q: np.ndarray
    loss: np.ndarray


class Landscape(Settings):
    """Eq. 10 for N items in the context and L >= N labels.

    Parameters
    ----------
    N
        Items in the context, N >= 1.
    L
        Labels, L >= N.
    N1
        Tokens that compete with its item for the right label's attention in layer 1, N1 > 0. None
        is the paper's simplification, N1 = N.
    over_tau
        Take the expectation of the loss over the right label's index tau = 1..N, where
        N1 = 2 tau - 1: the more elaborate model that section 3 mentions. Excludes N1.

    Raises
    ------
    InputError
        One line, if a value is not admissible.
    """

    N: int = Field(default=8, ge=1)
    L: int = Field(default=32, ge=1)
    N1: float | None = Field(default=None, gt=0)
    over_tau: bool = False

    @model_validator(mode="after")
    def _check(self) -> Landscape:
        if self.L < self.N:
            raise InputError(f"L={self.L} must be at least N={self.N}: a context's labels differ")
        if self.N1 is not None and self.over_tau:
            raise InputError(f"N1={self.N1} must be None where over_tau sets N1 = 2 tau - 1")
        return self

    @property
    def competitors(self) -> Float[np.ndarray, " values"]:
        """The values of N1 over which the loss is averaged: one, or 2 tau - 1 for tau = 1..N."""
        if self.over_tau:
            return 2.0 * np.arange(1, self.N + 1) - 1
        return np.array([self.N if self.N1 is None else self.N1], dtype=float)

    # The landscape

    def loss(self, theta: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch"]:
        """Cross-entropy in nats (eq. 10). Raises InputError for a point that is not finite."""
        return np.asarray(self._terms(_check_point("theta", theta)).loss.mean(-1))

    def gradient(self, theta: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3"]:
        """Derivatives of the loss by (beta1, alpha, xi). Raises InputError as `loss` does."""
        return self._gradient(self._terms(_check_point("theta", theta)))

    def hessian(self, theta: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3 3"]:
        """Second derivatives of the loss. Raises InputError as `loss` does."""
        return self._hessian(self._terms(_check_point("theta", theta)))

    def probabilities(self, theta: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3"]:
        """What the right label, the context's others and the labels outside it get, in all.

        Raises InputError as `loss` does.
        """
        terms = self._terms(_check_point("theta", theta))
        parts = np.stack([np.exp(-terms.loss), terms.p, terms.q], axis=-1)
        return np.asarray(parts.mean(-2))

    def attention_logit(self, theta: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch"]:
        """y of eq. 9, averaged over N1. For a single N1 the loss is a function of (y, xi) alone."""
        terms = self._terms(_check_point("theta", theta))
        return np.asarray((terms.alpha * terms.s).mean(-1))

    # What can be said by hand

    def origin_slope(self) -> float:
        """d loss / d xi at the origin, -(L-N) / (L(2N+1)): section 3. The other two are 0."""
        return -(self.L - self.N) / (self.L * (2 * self.N + 1))

    def origin_saddle(self) -> Saddle:
        """The second-order expansion of the loss at the origin for L = N.

        There y = alpha E[1/(1+N1)] and g = y / (2N+1) to lowest order, so that

            loss = log N - h alpha xi + O(theta^3),   h = (N-1) E[1/(1+N1)] / (N (2N+1)),

        with eigenvalues -h along (0, 1, 1), 0 along beta1 and h along (0, 1, -1). Raises InputError
        unless L = N; for L > N the origin is no critical point.
        """
        if self.L != self.N:
            raise InputError(f"L={self.L} must equal N={self.N}: else the origin has a slope")
        share = float((1 / (1 + self.competitors)).mean())
        h = (self.N - 1) * share / (self.N * (2 * self.N + 1))
        diagonal = math.sqrt(0.5)
        vectors = np.array([[0, 1, 0], [diagonal, 0, diagonal], [diagonal, 0, -diagonal]])
        return Saddle(np.array([-h, 0.0, h]), vectors)

    def saddle_logit(self) -> float:
        """The attention logit y = log((N-1)/(L-1)) of all critical points; they have xi = 0.

        p, q and dr/dy are positive, so d loss / d alpha = 0 needs xi = 0. There d loss / d xi = 0
        needs (N-1) g + (L-N) r = 0, which is (L-1) e^y = N-1. For L = N that is alpha = 0.
        Raises InputError for N = 1, where there is none, and for over_tau, where y varies.
        """
        if self.N == 1:
            raise InputError("N=1 must be at least 2: one label in the context leaves no saddle")
        if self.over_tau:
            raise InputError("over_tau=True must be False: the critical points have several y")
        return math.log((self.N - 1) / (self.L - 1))

    # Going downhill

    def descend(self, start: ArrayLike, *, rate: float, steps: int) -> Path:
        """Plain gradient descent, theta <- theta - rate x gradient, from a start of shape (..., 3).

        The path has steps + 1 points. Raises InputError for a start that is not finite,
        rate <= 0, steps < 1, or a rate so large that the path overflows.
        """
        theta = _check_point("start", start)
        _check_positive("rate", rate)
        at_least(1, steps=steps)
        path = np.empty((steps + 1, *theta.shape))
        loss = np.empty((steps + 1, *theta.shape[:-1]))
        with np.errstate(over="ignore", invalid="ignore"):
            for step in range(steps + 1):
                terms = self._terms(theta)
                path[step], loss[step] = theta, terms.loss.mean(-1)
                theta = theta - rate * self._gradient(terms)
            time = rate * np.arange(steps + 1)
        if not all(np.isfinite(values).all() for values in (time, path, loss)):
            raise InputError(f"rate={rate} must be smaller: the path overflows")
        return Path(time, path, loss)

    def flow(self, start: ArrayLike, *, until: float, steps: int) -> Path:
        """Gradient flow, d theta / d time = -gradient: the limit of `descend` for a small rate.

        The start has shape (..., 3). Runge-Kutta of fourth order with equal steps in
        log(1 + time), so that a path of any length has log-spaced records. Compare with twice
        the steps to see the error.
        Raises InputError for a start that is not finite, until <= 0 or steps < 1.
        """
        theta = _check_point("start", start)
        _check_positive("until", until)
        at_least(1, steps=steps)
        log_time, width = np.linspace(0, math.log1p(until), steps + 1, retstep=True)

        def slope(at: float, theta: np.ndarray) -> np.ndarray:
            return -math.exp(at) * self._gradient(self._terms(theta))

        path = np.empty((steps + 1, *theta.shape))
        path[0] = theta
        for step in range(steps):
            at = log_time[step]
            k1 = slope(at, theta)
            k2 = slope(at + width / 2, theta + width / 2 * k1)
            k3 = slope(at + width / 2, theta + width / 2 * k2)
            k4 = slope(at + width, theta + width * k3)
            theta = theta + width / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
            path[step + 1] = theta
        return Path(np.expm1(log_time), path, self.loss(path))

    # The chain rule, written out

    def _terms(self, theta: np.ndarray) -> _Terms:
        beta1, alpha, xi = (theta[..., i, None] for i in range(3))
        s = _sigmoid(beta1 - np.log(self.competitors))
        y = alpha * s
        r = _sigmoid(y - math.log(2 * self.N))
        # (e^y - 1) / (e^y + 2N) without overflow, and exactly 0 at y = 0.
        g = -np.expm1(-np.abs(y)) * np.where(y > 0, r, -(1 - r) / (2 * self.N))
        context = _log(self.N - 1) - g * xi
        outside = _log(self.L - self.N) - r * xi
        loss = np.logaddexp(np.logaddexp(0, context), outside)
        p, q = np.exp(context - loss), np.exp(outside - loss)
        return _Terms(alpha, xi, s, r, g, p, q, loss)

    def _gradient(self, t: _Terms) -> np.ndarray:
        c = 1 + 1 / (2 * self.N)  # dg/dr
        by_y = -(c * t.p + t.q) * t.xi * t.r * (1 - t.r)
        by_xi = -(t.p * t.g + t.q * t.r)
        gradient = np.stack([by_y * t.alpha * t.s * (1 - t.s), by_y * t.s, by_xi], axis=-1)
        return np.asarray(gradient.mean(-2))

    def _hessian(self, t: _Terms) -> np.ndarray:
        c = 1 + 1 / (2 * self.N)
        pp, pq, qq = t.p * (1 - t.p), t.p * t.q, t.q * (1 - t.q)
        # The loss by (r, xi) ...
        l_r = -(c * t.p + t.q) * t.xi
        l_rr = t.xi**2 * (c**2 * pp - 2 * c * pq + qq)
        l_rx = t.xi * (c * pp * t.g - pq * (c * t.r + t.g) + qq * t.r) - (c * t.p + t.q)
        l_xx = pp * t.g**2 - 2 * pq * t.g * t.r + qq * t.r**2
        # ... and r by (beta1, alpha), through y = alpha s(beta1).
        ds, dr = t.s * (1 - t.s), t.r * (1 - t.r)
        y_b, y_a, y_bb, y_ab = t.alpha * ds, t.s, t.alpha * ds * (1 - 2 * t.s), ds
        r_b, r_a = dr * y_b, dr * y_a
        bend = dr * (1 - 2 * t.r)
        r_bb, r_ab, r_aa = bend * y_b**2 + dr * y_bb, bend * y_b * y_a + dr * y_ab, bend * y_a**2
        bb, ab, aa = (
            l_rr * r_b**2 + l_r * r_bb,
            l_rr * r_b * r_a + l_r * r_ab,
            l_rr * r_a**2 + l_r * r_aa,
        )
        bx, ax = l_rx * r_b, l_rx * r_a
        rows = [np.stack(row, axis=-1) for row in ([bb, ab, bx], [ab, aa, ax], [bx, ax, l_xx])]
        return np.asarray(np.stack(rows, axis=-2).mean(-3))


def minimal_model_saddle(N: int) -> float:
    """h of `Landscape.origin_saddle` for the two-parameter model itself, eq. 4-6, at L = N.

    Eq. 9 lets the right label alone hold its item in its buffer. By eq. 4 and 6 every token at or
    after that item holds a share, 1/j at position j when beta1 = 0. With orthonormal contents, and
    items left out of w as in eq. 8, d2 loss / d alpha d xi is minus the right label's lead over the
    mean label, 1/(2 tau) - sum_{k >= tau} 1/(2k) / N, over 2N + 1; on average over tau

        h = (H_N - 1) / (2N (2N + 1)),   H_N = 1 + 1/2 + ... + 1/N.

    Raises InputError for N < 1.
    """
    at_least(1, N=N)
    return float((1 / np.arange(1, N + 1)).sum() - 1) / (2 * N * (2 * N + 1))


def first_time(path: Path, level: float) -> Float[np.ndarray, "*batch"]:
    """The time at which the loss first falls to `level`, linear between points; NaN if never.

    Shape: that of the path's starts.
    """
    below = path.loss <= level
    hit = below.argmax(0)
    before = np.maximum(hit - 1, 0)
    high = np.take_along_axis(path.loss, before[None], 0)[0]
    low = np.take_along_axis(path.loss, hit[None], 0)[0]
    share = np.divide(high - level, high - low, out=np.zeros_like(high), where=high > low)
    time = path.time[before] + share * (path.time[hit] - path.time[before])
    return np.where(below.any(0), time, np.nan)


def rise_times(path: Path, *, share: float, level: float) -> Float[np.ndarray, "3"]:
    """When each logit first has `share` of the size it has once the loss is at `level`.

    For a path of one start; in units of its time, exact to one point of the path. Raises
    InputError unless 0 < share <= 1, or if the loss never falls to `level`.
    """
    if not 0 < share <= 1:
        raise InputError(f"share={share} must be above 0 and at most 1")
    if not (path.loss <= level).any():
        least = path.loss.min()
        raise InputError(
            f"level={level} must be at least {least}: the path ends there, take more steps"
        )
    end = int((path.loss <= level).argmax())
    size = np.abs(path.theta[: end + 1])
    return np.asarray(path.time[(size >= share * size[end]).argmax(0)])


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(0.5 * (1 + np.tanh(x / 2)))


def _log(count: int) -> float:
    return math.log(count) if count else -math.inf


def _check_positive(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"{name}={value} must be a finite number above 0")


def _check_point(name: str, value: ArrayLike) -> np.ndarray:
    point = np.asarray(value, dtype=float)
    if point.ndim == 0 or point.shape[-1] != 3:
        raise InputError(f"{name} of shape {point.shape} must end in 3: beta1, alpha, xi")
    if not np.isfinite(point).all():
        raise InputError(f"{name}={point.tolist()} must be finite")
    return point
