"""What chance allows, for tests of random draws: seeds are fixed, so they pass always or never.

A draw that is right fails a new seed once in ten thousand.
"""

import math

import numpy as np

NORMAL_QUANTILE = 3.719  # one-sided, p = 1e-4
KOLMOGOROV_QUANTILE = 2.226  # 2 exp(-2 q^2) = 1e-4


def assert_counts_fit(counts, probabilities):
    """Pearson's chi-square test, cells with small expectations taken together."""
    counts, expected = np.ravel(counts), np.ravel(probabilities) * np.sum(counts)
    assert math.isclose(np.sum(probabilities), 1)
    assert not counts[expected == 0].any()
    order = np.argsort(-expected)
    counts, expected = counts[order], expected[order]
    big = max(int((expected >= 10).sum()), 1)
    rest = slice(big - (expected[big:].sum() < 10), None)  # too small a rest joins a big cell
    counts = np.append(counts[: rest.start], counts[rest].sum())
    expected = np.append(expected[: rest.start], expected[rest].sum())
    counts, expected = counts[expected > 0], expected[expected > 0]
    assert len(counts) > 1, "nothing to test"
    statistic = float(((counts - expected) ** 2 / expected).sum())
    assert statistic < chi_square_quantile(len(counts) - 1), statistic


def chi_square_quantile(freedom):
    """Of p = 1e-4, by Wilson and Hilferty's cube."""
    c = 2 / (9 * freedom)
    return freedom * (1 - c + NORMAL_QUANTILE * math.sqrt(c)) ** 3


def assert_fraction(hits, p):
    """The mean of booleans that are each true with probability p."""
    n = np.size(hits)
    assert abs(np.mean(hits) - p) <= (NORMAL_QUANTILE + 0.2) * math.sqrt(p * (1 - p) / n)


def assert_mean(values, mean, deviation):
    """The mean of independent values of known mean and standard deviation."""
    error = abs(float(np.mean(values)) - mean)
    assert error <= (NORMAL_QUANTILE + 0.2) * deviation / math.sqrt(np.size(values))


def assert_normal(values):
    """Kolmogorov and Smirnov's test against the standard normal distribution."""
    z = np.sort(np.ravel(values)).tolist()
    cdf = np.array([(1 + math.erf(x / math.sqrt(2))) / 2 for x in z])
    n = len(z)
    distance = max((np.arange(1, n + 1) / n - cdf).max(), (cdf - np.arange(n) / n).max())
    assert distance * math.sqrt(n) < KOLMOGOROV_QUANTILE
