"""Estimates, their intervals, and conditions on them."""

import math

import numpy as np
import pytest

from icl.evidence import (
    Estimate,
    above,
    below,
    bootstrap,
    contains,
    contrast,
    mixed,
    newcombe,
    ratio,
    wilson,
    within,
    worst,
)


def binomial_quantile(n, p, share):
    total = 0.0
    for k in range(n + 1):
        total += math.comb(n, k) * p**k * (1 - p) ** (n - k)
        if total >= share:
            return k / n
    return 1.0


def average(values):
    return values.mean(-1)


@pytest.mark.parametrize(("hits", "seeds"), [(2, 6), (3, 6), (5, 6), (8, 24), (1, 3), (0, 4)])
@pytest.mark.parametrize("level", [0.85, 0.95])  # no quantile on a step
def test_the_bootstrap_of_a_share_has_the_quantiles_of_the_binomial(hits, seeds, level):
    """Seeds drawn with replacement are Bernoulli trials, whatever the bootstrap's code."""
    values = np.array([1.0] * hits + [0.0] * (seeds - hits))
    estimate = bootstrap(level, statistic=average, groups=[values])
    expected = [binomial_quantile(seeds, hits / seeds, (1 + s * level) / 2) for s in (-1, 1)]
    assert estimate[1:3] == pytest.approx(expected)
    assert (estimate.value, estimate.seeds) == (hits / seeds, seeds)


def test_the_bootstrap_of_many_seeds_is_normal_and_groups_are_drawn_apart():
    rng = np.random.default_rng(1)
    a, b = rng.normal(3, 2, 400), rng.normal(1, 1, 300)
    estimate = bootstrap(0.95, statistic=lambda x, y: x.mean(-1) - y.mean(-1), groups=[a, b])
    half = 1.959964 * math.sqrt(a.var() / 400 + b.var() / 300)
    assert estimate.value == pytest.approx(a.mean() - b.mean())
    assert estimate.high - estimate.value == pytest.approx(half, rel=0.05)
    assert estimate.value - estimate.low == pytest.approx(half, rel=0.05)
    assert estimate.seeds == 300


def test_the_bootstrap_gives_the_same_interval_again():
    values = np.random.default_rng(2).normal(size=6)
    first, second = (bootstrap(0.9, statistic=average, groups=[values]) for _ in range(2))
    assert first == second


def test_seeds_without_a_value_are_left_out_and_two_are_too_few():
    values = np.array([1.0, math.nan, 3.0, 2.0])
    assert bootstrap(0.95, statistic=average, groups=[values])[:1] == (2.0,)
    few = bootstrap(0.95, statistic=average, groups=[values[:3]])
    assert math.isnan(few.value)
    assert few.seeds == 2
    for condition in (above(-1e9), below(1e9), within(-1e9, 1e9), contains(2), mixed()):
        assert condition.ask(few) == "open"


def test_wilson_and_newcombe_against_published_examples():
    """Newcombe, Statistics in Medicine 17 (1998): 15 of 148 (p. 861); 56/70 less 48/80 (p. 877)."""
    share = wilson(0.95, flags=np.arange(148) < 15)
    assert share[1:3] == pytest.approx((0.0624, 0.1605), abs=5e-5)
    difference = newcombe(0.95, flags=np.arange(70) < 56, other=(48, 80))
    assert difference[:3] == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)


def test_a_difference_of_shares_has_an_interval_where_all_seeds_agree():
    """Newcombe's of 6/6 less 3/3, by hand: Wilson's are [0.6097, 1] and [0.4385, 1]."""
    same = newcombe(0.95, flags=np.ones(6, bool), other=(3, 3))
    assert same[:3] == pytest.approx((0, -0.3903, 0.5615), abs=5e-5)
    assert same.seeds == 3


def test_the_interval_of_a_mean_of_three_is_their_range_and_misses_the_centre_once_in_four():
    rng = np.random.default_rng(0)
    groups = rng.normal(size=(400, 3))
    found = [bootstrap(0.95, statistic=average, groups=[values]) for values in groups]
    ranges = np.array([(min(values), max(values)) for values in groups])
    np.testing.assert_allclose([e[1:3] for e in found], ranges, rtol=1e-12)
    covered = np.mean([e.low < 0 < e.high for e in found])
    assert covered == pytest.approx(0.75, abs=4 * (0.75 * 0.25 / 400) ** 0.5)


@pytest.mark.parametrize(
    ("condition", "answer"),
    [
        (above(0.4), "holds"), (above(0.45), "open"), (above(0.549), "open"),
        (above(0.55), "does not hold"), (below(0.6), "holds"), (below(0.55), "open"),
        (below(0.451), "open"), (below(0.45), "does not hold"),
        (within(0.4, 0.6), "holds"), (within(0.46, 0.6), "open"), (within(0.4, 0.5), "open"),
        (within(0.55, 0.6), "does not hold"), (within(0.4, 0.45), "does not hold"),
        (contains(0.55), "holds"), (contains(0.56), "does not hold"),
        (contains(0.44), "does not hold"), (mixed(), "holds"),
    ],
)  # fmt: skip
def test_a_condition_looks_at_the_whole_interval(condition, answer):
    assert condition.ask(Estimate(0.5, 0.45, 0.55, 6)) == answer


def test_a_smallest_value_below_its_bound_leaves_nothing_open():
    check = worst("least", np.array([0.1, 0.9, 0.9]), above(0.5))
    found = check.find(0.95)
    assert (found.estimate.low, found.estimate.high) == (0.1, 0.9)
    assert found.answer == "does not hold"
    assert worst("least", np.array([0.1, np.nan]), above(0.5)).find(0.95).answer == "open"


def test_seeds_without_a_value_are_left_out_and_counted():
    known = bootstrap(0.95, statistic=lambda x: x.mean(-1), groups=[np.array([1.0, 2, 3])])
    groups = [np.array([1.0, np.nan, 2, 3])]
    some = bootstrap(0.95, statistic=lambda x: x.mean(-1), groups=groups)
    assert some == known._replace(left_out=1)
    assert str(known) == "2 [1, 3], n = 3"
    assert str(some) == f"{known}, 1 seed left out"


def test_all_and_none_are_not_mixed():
    assert mixed().ask(Estimate(0.0, 0.0, 0.3, 6)) == "does not hold"
    assert mixed().ask(Estimate(1.0, 0.7, 1.0, 6)) == "does not hold"


def value(check):
    return check.find(0.95).estimate.value


def test_a_ratio_is_of_medians_and_a_contrast_of_groups_of_equal_weight():
    assert value(ratio("", np.array([1.0, 2, 9]), np.array([1.0, 1, 7]), above(0))) == 2
    few, many, none = np.ones(3), np.zeros(9), np.zeros(3)
    assert value(contrast("", [few, many], [none], above(0))) == 0.5


def test_a_number_that_is_not_finite_is_left_out():
    values = np.array([1.0, math.inf, 2, 3])
    estimate = bootstrap(0.95, statistic=average, groups=[values])
    assert (estimate.value, estimate.seeds, estimate.left_out) == (2, 3, 1)


def test_an_interval_contains_its_ends():
    for bound in (0.45, 0.55):
        assert contains(bound).ask(Estimate(0.5, 0.45, 0.55, 6)) == "holds"
