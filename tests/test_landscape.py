"""Eq. 7-10 against explicit vectors, finite differences and closed forms."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from icl.landscape import Landscape, Path, first_time, minimal_model_saddle, rise_times
from icl.settings import InputError

ORIGIN = np.zeros(3)
unhurried = settings(deadline=None)  # a loaded machine is no failure


@st.composite
def landscapes(draw: st.DrawFn) -> Landscape:
    N = draw(st.integers(1, 12))
    L = N + draw(st.integers(0, 30))
    over_tau = draw(st.booleans())
    N1 = None if over_tau else draw(st.none() | st.floats(0.5, 30))
    return Landscape(N=N, L=L, N1=N1, over_tau=over_tau)


logits = st.floats(-6, 6)
points = st.tuples(logits, logits, st.floats(-30, 30)).map(np.array)


# Eq. 10 is eq. 7-9


def brute_force_probabilities(
    N: int, L: int, N1: float, theta: np.ndarray, *, zeta_: float, seed: int
) -> list[float]:
    """Eq. 7 with explicit vectors, and with the N items that eq. 8 leaves out.

    For the right label, the other labels of the context, and those outside it.
    """
    beta1, alpha, xi = theta
    rng = np.random.default_rng(seed)
    D = L + N + 3
    labels, items = np.split(rng.normal(size=(L + N, D)), [L])
    # gamma_i . l_i = zeta, gamma_i . l_j = zeta', gamma_i . item = 0
    overlaps = np.hstack([np.full((L, L), zeta_) + xi * np.eye(L), np.zeros((L, N))])
    gamma = overlaps @ np.linalg.pinv(np.vstack([labels, items]).T)
    context = rng.permutation(L)[:N]
    tau = rng.integers(N)
    y = alpha * math.exp(beta1) / (math.exp(beta1) + N1)  # eq. 9
    share = 1 / (math.exp(y) + 2 * N)
    w = math.exp(y) * share * labels[context[tau]]  # eq. 8
    for k in range(N):
        if k != tau:
            w = w + share * labels[context[k]]
        w = w + share * items[k]
    exponents = gamma @ w
    pi = np.exp(exponents) / np.exp(exponents).sum()  # eq. 7
    right, in_context = float(pi[context[tau]]), float(pi[context].sum())
    return [right, in_context - right, 1 - in_context]


@unhurried
@given(
    N=st.integers(1, 9),
    more=st.integers(0, 12),
    N1=st.floats(0.5, 20),
    theta=st.tuples(logits, logits, logits).map(np.array),
    zeta_=st.floats(-3, 3),
    seed=st.integers(0, 1000),
)
def test_eq_10_is_eq_7_to_9_for_explicit_vectors(
    N: int, more: int, N1: float, theta: np.ndarray, zeta_: float, seed: int
) -> None:
    expected = brute_force_probabilities(N, N + more, N1, theta, zeta_=zeta_, seed=seed)
    landscape = Landscape(N=N, L=N + more, N1=N1)
    np.testing.assert_allclose(landscape.probabilities(theta), expected, atol=1e-10, rtol=0)
    assert landscape.loss(theta) == pytest.approx(-math.log(expected[0]), abs=1e-8)


@unhurried
@given(st.integers(1, 10), st.integers(0, 10), points)
def test_the_loss_as_eq_10_is_printed(N: int, more: int, theta: np.ndarray) -> None:
    beta1, alpha, xi = theta
    y = alpha * math.exp(beta1) / (math.exp(beta1) + N)
    z = (math.exp(y) - 1) / (math.exp(y) + 2 * N) * xi
    z_ = math.exp(y) / (math.exp(y) + 2 * N) * xi
    expected = math.log(1 + (N - 1) * math.exp(-z) + more * math.exp(-z_))
    assert Landscape(N=N, L=N + more).loss(theta) == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_n1_defaults_to_n_and_over_tau_averages_the_loss() -> None:
    theta = np.array([0.7, 2.0, 5.0])
    assert Landscape(N=4, L=9).loss(theta) == Landscape(N=4, L=9, N1=4).loss(theta)
    each = [Landscape(N=4, L=9, N1=2 * tau - 1).loss(theta) for tau in (1, 2, 3, 4)]
    assert Landscape(N=4, L=9, over_tau=True).loss(theta) == pytest.approx(np.mean(each))


def test_large_parameters_do_not_overflow() -> None:
    theta = np.array([[900.0, 900.0, 900.0], [-900, 900, -900], [900, -900, -900], [0, 0, 1e5]])
    landscape = Landscape(N=8, L=32)
    assert np.isfinite(landscape.loss(theta)).all()
    assert np.isfinite(landscape.gradient(theta)).all()
    assert np.isfinite(landscape.hessian(theta)).all()


# Derivatives


def central_differences(function: Any, theta: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """d function / d theta_k, on a new last axis."""
    sides = [(function(theta + step * e), function(theta - step * e)) for e in np.eye(3)]
    return np.stack([(high - low) / (2 * step) for high, low in sides], axis=-1)


@unhurried
@given(landscapes(), points)
def test_gradient_and_hessian_are_finite_differences(
    landscape: Landscape, theta: np.ndarray
) -> None:
    gradient, hessian = landscape.gradient(theta), landscape.hessian(theta)
    np.testing.assert_allclose(gradient, central_differences(landscape.loss, theta), atol=2e-8)
    differences = central_differences(landscape.gradient, theta)
    np.testing.assert_allclose(hessian, differences, atol=2e-8, rtol=1e-7)
    np.testing.assert_array_equal(hessian, hessian.T)


@unhurried
@given(st.integers(1, 40), st.integers(0, 100), st.booleans())
def test_gradient_at_the_origin(N: int, more: int, over_tau: bool) -> None:
    L = N + more
    landscape = Landscape(N=N, L=L, over_tau=over_tau)
    slope = -(L - N) / (L * (2 * N + 1))
    np.testing.assert_allclose(landscape.gradient(ORIGIN), [0, 0, slope], atol=1e-16, rtol=1e-13)
    assert landscape.origin_slope() == slope


@unhurried
@given(landscapes())
def test_leading_axes_are_independent_points(landscape: Landscape) -> None:
    theta = np.random.default_rng(0).normal(scale=3, size=(2, 4, 3))
    assert landscape.loss(theta).shape == (2, 4)
    assert landscape.gradient(theta).shape == (2, 4, 3)
    assert landscape.hessian(theta).shape == (2, 4, 3, 3)
    for at in np.ndindex(2, 4):
        np.testing.assert_allclose(landscape.loss(theta)[at], landscape.loss(theta[at]))
        np.testing.assert_allclose(landscape.gradient(theta)[at], landscape.gradient(theta[at]))
        np.testing.assert_allclose(landscape.hessian(theta)[at], landscape.hessian(theta[at]))


# The saddle


@unhurried
@given(st.integers(2, 40), st.booleans())
def test_at_l_equal_n_the_origin_is_a_saddle_with_the_closed_form(N: int, over_tau: bool) -> None:
    landscape = Landscape(N=N, L=N, over_tau=over_tau)
    np.testing.assert_array_equal(landscape.gradient(ORIGIN), 0)
    values, vectors = landscape.origin_saddle()
    assert values[0] < 0 < values[2]
    np.testing.assert_allclose(landscape.hessian(ORIGIN) @ vectors, vectors * values, atol=1e-15)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(3), atol=1e-15)
    if not over_tau:
        assert values[2] == pytest.approx((N - 1) / (N * (N + 1) * (2 * N + 1)))


@unhurried
@given(st.integers(2, 20), st.integers(0, 40), logits)
def test_the_critical_points_are_saddles_and_all_others_slope(
    N: int, more: int, beta1: float
) -> None:
    landscape = Landscape(N=N, L=N + more)
    alpha = landscape.saddle_logit() * (1 + N * math.exp(-beta1))
    critical = np.array([beta1, alpha, 0.0])
    assert landscape.attention_logit(critical) == pytest.approx(landscape.saddle_logit())
    np.testing.assert_allclose(landscape.gradient(critical), 0, atol=1e-14)
    values = np.linalg.eigvalsh(landscape.hessian(critical))
    assert values[0] < 0 < values[2]
    aside = critical + np.array([[0, 0.1, 0], [0, -0.1, 0], [0, 0, 0.1], [0, 0, -0.1]])
    assert (np.abs(landscape.gradient(aside)).max(-1) > 1e-9).all()


def minimal_model_loss(N: int, tau: int, alpha: float, xi: float) -> float:
    """Eq. 4-7 token by token at beta1 = beta2 = 0 and L = N, contents orthonormal, items not in w.

    Contents are basis vectors: label k is k, item k is N + k, the target is a copy of item tau.
    """
    basis = np.eye(2 * N)
    tokens = [basis[i] for k in range(N) for i in (N + k, k)] + [basis[N + tau]]
    buffers = [sum(tokens[: i + 1]) / (i + 1) for i in range(2 * N + 1)]
    weights = np.exp([alpha * buffer @ tokens[-1] for buffer in buffers])
    attention = weights / weights.sum()
    w = sum(attention[2 * k + 1] * basis[k] for k in range(N))
    exponents = xi * (basis[:N] @ w)  # gamma_i . l_j = xi [i = j]
    return float(np.log(np.exp(exponents).sum()) - exponents[tau])


@pytest.mark.parametrize("N", [2, 3, 8, 13])
def test_saddle_of_the_minimal_model_against_eq_4_to_6(N: int) -> None:
    step = 1e-3

    def loss(alpha: float, xi: float) -> float:
        return float(np.mean([minimal_model_loss(N, tau, alpha, xi) for tau in range(N)]))

    corners = loss(step, step) - loss(step, -step) - loss(-step, step) + loss(-step, -step)
    assert minimal_model_saddle(N) == pytest.approx(-corners / (4 * step**2), rel=1e-4)


# Going downhill


@unhurried
@given(landscapes(), points, st.floats(0.001, 5), st.integers(1, 20))
def test_descent_is_the_plain_loop(
    landscape: Landscape, start: np.ndarray, rate: float, steps: int
) -> None:
    path = landscape.descend(start, rate=rate, steps=steps)
    theta = start.copy()
    for step in range(steps + 1):
        np.testing.assert_allclose(path.theta[step], theta, rtol=1e-9, atol=1e-9)
        assert path.loss[step] == pytest.approx(float(landscape.loss(theta)), abs=1e-9)
        assert path.time[step] == rate * step
        theta -= rate * landscape.gradient(theta)


@unhurried
@given(landscapes(), points)
def test_small_steps_never_climb(landscape: Landscape, start: np.ndarray) -> None:
    steepest = np.abs(np.linalg.eigvalsh(landscape.hessian(start))).max()
    loss = landscape.descend(start, rate=0.05 / (1 + steepest), steps=20).loss
    assert (np.diff(loss) <= 1e-15).all()


def test_starts_descend_together_as_apart() -> None:
    landscape = Landscape(N=4, L=4)
    starts = np.array([[0, 0.1, 0.1], [0, -0.1, -0.1]])
    together = landscape.descend(starts, rate=0.5, steps=50)
    assert together.theta.shape == (51, 2, 3)
    for i, start in enumerate(starts):
        apart = landscape.descend(start, rate=0.5, steps=50)
        np.testing.assert_allclose(together.theta[:, i], apart.theta)
        np.testing.assert_allclose(together.loss[:, i], apart.loss)


def test_flow_is_the_limit_of_descent() -> None:
    landscape = Landscape(N=4, L=8)
    flow = landscape.flow(ORIGIN, until=60.0, steps=2000)
    errors = []
    for rate in (0.02, 0.01):
        path = landscape.descend(ORIGIN, rate=rate, steps=round(60 / rate))
        exact = np.interp(path.time, flow.time, flow.loss)
        errors.append(np.abs(path.loss - exact).max())
    assert errors[1] < 0.01
    assert errors[1] == pytest.approx(errors[0] / 2, rel=0.15)  # of first order in the rate


def test_flow_is_of_fourth_order() -> None:
    landscape = Landscape(N=4, L=8)
    ends = [landscape.flow(ORIGIN, until=40.0, steps=n).theta[-1] for n in (50, 100, 1600)]
    errors = [np.abs(end - ends[-1]).max() for end in ends[:2]]
    assert 8 < errors[0] / errors[1] < 32


def test_near_the_origin_the_three_logits_rise_as_t_t2_and_t4() -> None:
    path = Landscape(N=8, L=32).flow(ORIGIN, until=1.0, steps=100)
    early, late = 20, 40
    powers = np.log(path.theta[late] / path.theta[early]) / np.log(
        path.time[late] / path.time[early]
    )
    np.testing.assert_allclose(powers, [4, 2, 1], atol=2e-3)


@pytest.mark.parametrize("N", [2, 8])
def test_at_l_equal_n_both_fates_go_to_zero_loss(N: int) -> None:
    """loss x time tends to 1/g^2: g -> 1 with attention, g -> -1/(2N) against it."""
    starts = np.array([[0, 0.1, 0.1], [0, -0.1, -0.1]])
    path = Landscape(N=N, L=N).flow(starts, until=1e9, steps=4000)
    np.testing.assert_allclose(path.loss[-1] * path.time[-1], [1, 4 * N**2], rtol=1e-3)
    assert (np.diff(path.loss, axis=0) < 0).all()
    assert path.theta[-1, 0, 2] > 0 > path.theta[-1, 1, 2]


def test_for_l_above_n_the_other_fate_stays_above_log_of_l_minus_n_plus_1() -> None:
    landscape = Landscape(N=8, L=32)
    path = landscape.flow(np.array([0.0, -20, -0.1]), until=1e8, steps=4000)
    assert path.loss[-1] > math.log(25)
    assert path.loss[-1] == pytest.approx(math.log(25), abs=1e-5)


def test_first_time_interpolates_and_says_never() -> None:
    path = Landscape(N=4, L=8).descend(np.zeros((2, 3)), rate=0.1, steps=1000)
    level = (path.loss[300, 0] + path.loss[301, 0]) / 2
    np.testing.assert_allclose(first_time(path, float(level)), [30.05, 30.05])
    assert (first_time(path, 3.0) == 0).all()
    assert np.isnan(first_time(path, 0.0)).all()


def test_rise_times_are_read_off_the_path() -> None:
    time = np.arange(6.0)
    theta = np.array([[0, 0, 0], [0, 1, -3], [0, 2, -6], [1, 4, -8], [4, 4, -10], [9, 9, -20]])
    path = Path(time, theta, np.array([5.0, 4, 3, 2, 1, 0]))
    np.testing.assert_array_equal(rise_times(path, share=0.5, level=1.0), [4, 2, 2])
    np.testing.assert_array_equal(rise_times(path, share=0.25, level=1.0), [3, 1, 1])
    with pytest.raises(InputError, match=r"^level=-1.0 must be at least 0"):
        rise_times(path, share=0.5, level=-1.0)
    for share in (0.0, -0.5, 2, math.nan):
        with pytest.raises(InputError, match=rf"^share={share} must be above 0 and at most 1$"):
            rise_times(path, share=share, level=1.0)


# Refusals


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"N": 0}, "N=0 must be greater than or equal to 1"),
        ({"N": 8, "L": 7}, "L=7 must be at least N=8"),
        ({"N": 2.5}, "N=2.5 must be an integer"),
        ({"N1": 0}, "N1=0 must be greater than 0"),
        ({"N1": math.nan}, "N1=nan must be a finite number"),
        ({"N1": 3, "over_tau": True}, "N1=3.0 must be None where over_tau"),
        ({"K": 2}, "unknown parameter 'K'; known: N, L, N1, over_tau"),
    ],
)
def test_settings_that_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as refusal:
        Landscape(**settings)
    assert str(refusal.value).startswith(message)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"start": [0, math.nan, 0]}, r"start=\[0.0, nan, 0.0\] must be finite"),
        ({"start": [0, math.inf, 0]}, r"start=\[0.0, inf, 0.0\] must be finite"),
        ({"start": [0, 0]}, r"start of shape \(2,\) must end in 3"),
        ({"start": 0.0}, r"start of shape \(\) must end in 3"),
        ({"rate": 0.0}, "rate=0.0 must be a finite number above 0"),
        ({"rate": -1.0}, "rate=-1.0 must be a finite number above 0"),
        ({"rate": math.inf}, "rate=inf must be a finite number above 0"),
        ({"rate": 1e308}, r"rate=1e\+308 must be smaller: the path overflows"),
        ({"steps": 0}, "steps=0 must be at least 1"),
    ],
)
def test_descents_that_are_refused(given_: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"start": [0.0, 1.0, 1.0], "rate": 0.1, "steps": 20}
    arguments.update(given_)
    start = arguments.pop("start")
    with pytest.raises(InputError, match="^" + message):
        Landscape(N=2, L=4).descend(np.array(start), **arguments)


def test_other_refusals() -> None:
    with pytest.raises(InputError, match=r"^until=0.0 must be a finite number above 0"):
        Landscape().flow(ORIGIN, until=0.0, steps=10)
    with pytest.raises(InputError, match=r"^steps=0 must be at least 1"):
        Landscape().flow(ORIGIN, until=1.0, steps=0)
    with pytest.raises(InputError, match=r"^theta=.* must be finite"):
        Landscape().loss(np.array([0, 0, math.inf]))
    with pytest.raises(InputError, match=r"^L=32 must equal N=8"):
        Landscape().origin_saddle()
    with pytest.raises(InputError, match=r"^N=1 must be at least 2"):
        Landscape(N=1, L=1).saddle_logit()
    with pytest.raises(InputError, match=r"^over_tau=True must be False"):
        Landscape(over_tau=True).saddle_logit()
    with pytest.raises(InputError, match=r"^N=0 must be at least 1"):
        minimal_model_saddle(0)


def test_over_tau_probabilities_and_logit_are_means_too() -> None:
    theta = np.array([0.7, 2.0, 5.0])
    mean = Landscape(N=4, L=9, over_tau=True)
    each = [Landscape(N=4, L=9, N1=2 * tau - 1) for tau in (1, 2, 3, 4)]
    for what in ("probabilities", "attention_logit"):
        expected = np.mean([getattr(one, what)(theta) for one in each], axis=0)
        np.testing.assert_allclose(getattr(mean, what)(theta), expected)


def test_the_loss_has_fallen_to_the_level_that_it_ends_at() -> None:
    path = Path(np.arange(3.0), np.zeros((3, 3)), np.array([2.0, 1.5, 1.0]))
    assert first_time(path, 1.0) == 2
