"""The rules: one function per claim, whose docstring is the rule in words.

They were written from the paper's wording, and no number here was chosen by what a run gave. What
was known: the landscape's paths, and when a few short trials of Figures 3 and 6a and of Figure 2's
default had their transition. Runs of Figures 6a and 6b and one of Figure 3 were stored before the
rules were, as the history says, though not looked at; and two rules came when others had been
decided, before their own runs and after those that they compare these with: ``novel_sooner`` and
``tying``.

A rule is a list of checks; :mod:`icl.verdicts` says what follows from them. In-weights accuracy is
the variable ``iwl``: one of the two tests, chosen there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial

import numpy as np
import xarray as xr

from icl import attention
from icl.analysis import LEARNED, crossing, crossing_or_end, final, relative_lead, value_at
from icl.evidence import (
    Check,
    Condition,
    Values,
    above,
    below,
    contains,
    contrast,
    exact,
    mean,
    mixed,
    newcombe,
    ratio,
    wilson,
    within,
    worst,
)
from icl.experiments import EXPERIMENTS
from icl.landscape import Landscape, Path, first_time, rise_times
from icl.runs import config_of

Runs = Mapping[str, Mapping[str, xr.Dataset]]  # experiment, label of the configuration: its seeds
Rule = Callable[[Runs], list[Check]]

TOLERANCE = 0.05  # of an accuracy or a share: as good as equal
PERFECT = 1 - TOLERANCE
TENTH = 0.1  # "abrupt", "at the same time", "uniform": to an order of magnitude

CLASSES, BURSTS = (128, 512, 2048), (1, 2, 4)  # the part of Figure 2a's grid that rules ask for
FLAT = "alpha=0.0", "alpha=0.5", "alpha=0.75"  # configurations of Figure 2c below Zipf's law
ZIPF = "alpha=1.0"
STEEP = "alpha=1.25", "alpha=1.5", "alpha=1.75"  # and above it
EARLY = {"context_label_accuracy": "CLA", "target_labels_association": "TLA2"}
LATE = {"item_label_association": "ILA1", "target_item_label_association": "TILA2"}


# Data dependence: Figure 2


def data_K(runs: Runs, name: str = "2a") -> list[Check]:
    """From K=128 to K=2048, averaged over B = 1, 2, 4, ICL accuracy rises and IWL falls."""
    low, high = ([f"K={K}, B={B}" for B in BURSTS] for K in (CLASSES[0], CLASSES[-1]))
    return _trade(runs[name], high, low, f"K={CLASSES[-1]} less K={CLASSES[0]}")


def data_B(runs: Runs, name: str = "2a") -> list[Check]:
    """From B=1 to B=4, averaged over K = 128, 512, 2048, ICL accuracy rises and IWL falls.

    B=0 is left out: there nothing can be learned in context.
    """
    low, high = ([f"K={K}, B={B}" for K in CLASSES] for B in (BURSTS[0], BURSTS[-1]))
    return _trade(runs[name], high, low, f"B={BURSTS[-1]} less B={BURSTS[0]}")


def capacity(runs: Runs) -> list[Check]:
    """With B=0 mean IWL accuracy at the end is above 0.95, at each K."""
    iid = {label: ds for label, ds in runs["2a"].items() if label.endswith("B=0")}
    return [
        mean(f"IWL accuracy, {label}", _end(ds, "iwl"), above(PERFECT)) for label, ds in iid.items()
    ]


def data_eps(runs: Runs, name: str = "2b") -> list[Check]:
    """Over the upper half of the scan of eps ICL is higher, and IWL lower, than over the lower."""
    labels = list(EXPERIMENTS[name].configs)
    half = len(labels) // 2
    return _trade(runs[name], labels[half:], labels[:half], "upper half of eps less lower")


def zipf_both(runs: Runs, name: str = "2c") -> list[Check]:
    """At alpha=1 mean ICL and mean IWL accuracy at the end are both above 0.5."""
    return _both(runs[name][ZIPF], "alpha=1")


def zipf_rare(runs: Runs) -> list[Check]:
    """At alpha=1, with the target's class absent from the context, IWL accuracy is above 0.5 for
    the seven most common classes and below 0.5 for those of the last bin of ranks.

    Bins of ranks are octaves, 1, 2-3, 4-7, ..., and the last takes all from 128 on; of the seven
    most common the three octaves count alike.
    """
    ds = runs["2c"][ZIPF]
    common = [i for i, (_, last) in enumerate(config_of(ds).task.rank_bins()) if last <= 7]
    by_rank = final(ds, "rank_accuracy").transpose("seed", "rank_bin").values
    return [
        mean("IWL accuracy, ranks 1 to 7", by_rank[:, common].mean(1), above(LEARNED)),
        mean("IWL accuracy, last bin of ranks", by_rank[:, -1], below(LEARNED)),
    ]


def zipf_steep(runs: Runs, name: str = "2c") -> list[Check]:
    """At alpha = 1.25, 1.5 and 1.75 mean ICL accuracy at the end is below 0.5."""
    return [
        mean(f"ICL accuracy, {label}", _end(runs[name][label], "icl_accuracy"), below(LEARNED))
        for label in STEEP
    ]


def zipf_flat(runs: Runs) -> list[Check]:
    """With K=1024, at alpha = 0, 0.5 and 0.75, mean ICL accuracy at the end is above 0.5; with
    K=128, at alpha=0, it is below.
    """
    few = _end(runs["2a"]["K=128, B=1"], "icl_accuracy")
    return [
        *(
            mean(f"ICL accuracy, {label}", _end(runs["2c"][label], "icl_accuracy"), above(LEARNED))
            for label in FLAT
        ),
        mean("ICL accuracy, alpha=0, K=128", few, below(LEARNED)),
    ]


def pB_iwl(runs: Runs) -> list[Check]:
    """For each p_B < 1, mean IWL accuracy at the end is above 0.95, and ICL below 0.5."""
    return [
        check
        for label, ds in runs["p_B"].items()
        for check in (
            mean(f"IWL accuracy, {label}", _end(ds, "iwl"), above(PERFECT)),
            mean(f"ICL accuracy, {label}", _end(ds, "icl_accuracy"), below(LEARNED)),
        )
    ]


def both(runs: Runs) -> list[Check]:
    """For each pair of p_B and p_C, mean ICL and mean IWL accuracy at the end are above 0.5."""
    return [check for label, ds in runs["A.1"].items() for check in _both(ds, label)]


def novel_sooner(runs: Runs) -> list[Check]:
    """With K=1024 and B=1, all else equal, the median step at which ICL accuracy passes 50% is
    earlier with a fraction p_C=0.8 of sequences of novel classes than without any.

    A seed that never does counts with the last step of any.
    """
    with_novel, without = (
        crossing_or_end(ds).values for ds in (runs["p_C"]["p_C=0.8"], runs["2c"][FLAT[0]])
    )
    what = "time of the transition with novel classes over that without"
    return [ratio(what, with_novel, without, below(1))]


def freeze(runs: Runs) -> list[Check]:
    """After ICL accuracy has come within 0.05 of its end, IWL gains less than 0.05 on average;
    before, where classes are Zipfian, it had gained more.

    Of seeds whose ICL accuracy ends above 0.5.
    """
    zipf = runs["2c"][ZIPF]
    gained, gains = _around_learning(zipf)
    return [
        mean("IWL gained after ICL was learned, alpha=1", gains, below(TOLERANCE)),
        mean(
            "IWL gained after ICL was learned, Figure 1d",
            _around_learning(runs["1d"][""])[1],
            below(TOLERANCE),
        ),
        mean("IWL gained before, alpha=1", gained, above(TOLERANCE)),
    ]


# Dynamics: Figures 3 and 4


def slow_abrupt(runs: Runs) -> list[Check]:
    """ICL accuracy takes less than a tenth as long from 25% to 75% as it took to reach 25%, and
    ends above 0.95.
    """
    return _abrupt(runs["3"][""])


def slow_is_one_in_N(runs: Runs) -> list[Check]:
    """When ICL accuracy leaves the slow phase, at 2/N, CLA is above 0.95; and when CLA was half-way
    to 1, accuracy was that of a random pick among the context's labels, CLA/N, to 0.05.
    """
    ds = runs["3"][""]
    N = config_of(ds).task.classes_in_context
    end = crossing(ds, 2 / N)
    middle = crossing(
        ds, (1 + ds.context_label_accuracy.isel(step=0)) / 2, "context_label_accuracy"
    )
    icl, cla = (value_at(ds, name, middle) for name in ("icl_accuracy", "context_label_accuracy"))
    return [
        mean(
            "CLA when ICL accuracy is 2/N",
            value_at(ds, "context_label_accuracy", end).values,
            above(PERFECT),
        ),
        mean(
            "ICL accuracy less CLA/N, CLA half-way to 1",
            (icl - cla / N).values,
            within(-TOLERANCE, TOLERANCE),
        ),
    ]


def maps(runs: Runs) -> list[Check]:
    """Half-way to the transition, less than a tenth of layer 1's attention would have to move to
    make it uniform, and the target's to the right label is within 0.1 of that to the mean other
    label. At the end, tokens give more than half to the one before, and the target to the right
    label.
    """
    ds = runs["3"][""]
    before, after = crossing(ds) / 2, ds.stopped_at.where(crossing(ds).notnull())
    return [
        mean(
            "previous-token attention after",
            _seen(ds, "map1", after, attention.previous),
            above(LEARNED),
        ),
        mean(
            "target's on the right label after",
            _seen(ds, "row2", after, attention.right),
            above(LEARNED),
        ),
        mean(
            "layer 1 off uniform before",
            _seen(ds, "map1", before, attention.off_uniform),
            below(TENTH),
        ),
        mean(
            "right label's attention less the mean other's before",
            _seen(ds, "row2", before, attention.right_less_others),
            within(-TENTH, TENTH),
        ),
    ]


def order(runs: Runs) -> list[Check]:
    """Half of their change comes, for CLA and TLA2, earlier than the transition by more than a
    tenth of the time until then, and for ILA1 and TILA2 within a tenth of it. In every seed both
    of the former come before both of the latter.

    The transition is ICL accuracy of 50%; a seed without one has no times.
    """
    return _order(runs["3"][""])


def not_transient(runs: Runs) -> list[Check]:
    """After 150,000 steps mean ICL accuracy is less than 0.05 below its highest value on the way.

    Both are means of ten records; of seeds that reached 0.5.
    """
    return [
        mean(
            f"ICL accuracy at the end less its highest, Figure {panel}",
            _loss_since_top(runs[panel][""]),
            above(-TOLERANCE),
        )
        for panel in ("3", "1d")
    ]


# The minimal model: Figures 6, A.2 and A.3


def minimal_same(runs: Runs) -> list[Check]:
    """The minimal model's median transition comes before the full network's, of the seeds that have
    one; apart from that the rules of `slow-abrupt` and `order` hold.
    """
    ds = runs["6a"][""]
    sooner = ratio(
        "time of the transition over the full network's",
        crossing(ds).values,
        crossing(runs["3"][""]).values,
        below(1),
    )
    return [sooner, *_abrupt(ds), *_order(ds)]


def beta2_not_needed(runs: Runs) -> list[Check]:
    """With beta2 = 0, ILA1 and TILA2 end within 0.1 of where they do with beta2, they still come
    within a tenth of the transition's time, ICL accuracy ends above 0.95, and TLA2 does not come
    before the transition by more than a tenth of its time.
    """
    three, two = runs["6a"][""], runs["6b"][""]
    early = _timed(two, "target_labels_association", "TLA2", above(-TENTH))
    ends = [
        contrast(
            f"{short} at the end, two parameters less three",
            [_end(two, measure)],
            [_end(three, measure)],
            within(-TENTH, TENTH),
        )
        for measure, short in LATE.items()
    ]
    return [*ends, *_at_transition(two), _perfect_icl(two), early]


def tying(runs: Runs) -> list[Check]:
    """With xi = 1 from the outset ICL accuracy passes 50% in fewer steps than the same seed of
    Figure 6a takes, and in less than a tenth of them. A seed that never does counts with the last
    step of any.
    """
    tied, free = (crossing_or_end(ds) for ds in (runs["tied"]["xi0=1"], runs["6a"][""]))
    share = np.asarray((tied / free).values)  # of the seeds that both have
    what = "steps to the transition, tied over not"
    return [
        mean(what, share, below(1)),
        mean(f"{what}: no slow phase", share, below(TENTH)),
    ]


def two_parameter_data(runs: Runs) -> list[Check]:
    """The rules of `data-K`, `data-B`, `data-eps`, `zipf-both` and `zipf-steep`, for the minimal
    model of two parameters.
    """
    return [
        *data_K(runs, "A.3a"),
        *data_B(runs, "A.3a"),
        *data_eps(runs, "A.3b"),
        *zipf_both(runs, "A.3c"),
        *zipf_steep(runs, "A.3c"),
    ]


def equal_labels_minimal(runs: Runs) -> list[Check]:
    """Some seeds and not all end with ICL accuracy above 0.5; their share less the paper's two of
    six has an interval that contains 0; and the others end with a higher loss.

    That L = N takes the slow phase away needs no run: 1/L is 1/N.
    """
    ds = runs["6c"][""]
    learned = _end(ds, "icl_accuracy") > LEARNED
    loss = _end(ds, "train_loss")
    share = "share of seeds that learn in context"
    return [
        Check(share, partial(wilson, flags=learned), mixed()),
        Check(
            f"{share}, less two of six",
            partial(newcombe, flags=learned, other=(2, 6)),
            contains(0),
        ),
        contrast("loss of the others, less theirs", [loss[~learned]], [loss[learned]], above(0)),
    ]


# The landscape: Figures 7 and A.4, at its chapter's settings

SLOPED, EQUAL = Landscape(N=8, L=32), Landscape(N=8, L=8)
RATE, STEPS, DISTANCE, UNTIL = 0.1, 1600, 0.1, 1e9
ORIGIN = np.zeros(3)
SIDES = DISTANCE * np.array([[0, 1, 1], [0, -1, -1]])


def gradient_origin(_: Runs) -> list[Check]:
    """A central difference of the loss in xi at the origin is -(L-N)/(L(2N+1)) to 1e-6 of it, and
    those in beta1 and alpha are below 1e-9.
    """
    step = 1e-4
    checks = []
    for N, L in ((8, 32), (4, 16), (2, 4)):
        landscape, where = Landscape(N=N, L=L), f"N={N}, L={L}"
        low, high = (landscape.loss(way * step * np.eye(3)) for way in (-1, 1))
        *others, slope = (high - low) / (2 * step)
        quotient = float(slope / landscape.origin_slope())
        what = f"slope in xi over the formula, {where}"
        checks.append(exact(what, quotient, within(1 - 1e-6, 1 + 1e-6)))
        flat = float(np.abs(others).max())
        checks.append(exact(f"largest slope in beta1 and alpha, {where}", flat, below(1e-9)))
    return checks


def landscape_curve(_: Runs) -> list[Check]:
    """Gradient descent from the origin takes less than a tenth as long from 75% to 25% of the loss
    as it took to reach 75%.
    """
    path = _path()
    high, low = (float(first_time(path, share * path.loss[0])) for share in (0.75, 0.25))
    return [exact("time of the fall over the time before", (low - high) / high, below(TENTH))]


def landscape_order(_: Runs) -> list[Check]:
    """On that path alpha takes longer than xi by more than a tenth, and beta1 than alpha, both to
    a tenth and to half of the rise that each makes until the loss is a tenth of its start.
    """
    path = _path()
    checks = []
    for share in (0.5, 0.1):
        beta1, alpha, xi = rise_times(path, share=share, level=0.1 * path.loss[0])
        at = f"at {share:.0%} of the rise"
        checks.append(
            exact(f"time of alpha over that of xi, {at}", float(alpha / xi), above(1 + TENTH))
        )
        checks.append(
            exact(f"time of beta1 over that of alpha, {at}", float(beta1 / alpha), above(1 + TENTH))
        )
    return checks


def saddle(_: Runs) -> list[Check]:
    """At L=N the gradient vanishes at the origin and the Hessian has eigenvalues of both signs. Of
    two paths from beside it one has found the right label (probability 0.95) when the other's
    loss is higher, and the other ends in a minimum: from time 1e6 to 1e9 its loss falls by
    less than 5%. From the same start, probability one half takes longer than for L > N.
    """
    fates = _fates(EQUAL)
    found = first_time(fates, -np.log(PERFECT))[0]
    first, second = (np.interp([found, 1e6, UNTIL], fates.time, loss) for loss in fates.loss.T)
    one_half = [
        float(first_time(scape.flow(SIDES[0], until=1e5, steps=2500), np.log(2)))
        for scape in (EQUAL, SLOPED)
    ]
    curvature = np.linalg.eigvalsh(EQUAL.hessian(ORIGIN))
    slope = float(np.abs(EQUAL.gradient(ORIGIN)).max())
    return [
        exact("time to one half, L=N over L=32", one_half[0] / one_half[1], above(1)),
        exact("largest slope at the origin", slope, below(1e-12)),
        exact("smallest eigenvalue there", float(curvature[0]), below(0)),
        exact("largest eigenvalue there", float(curvature[-1]), above(0)),
        exact("loss of the other path less the first's", float(second[0] - first[0]), above(0)),
        exact(
            "its loss at time 1e9 over that at 1e6", float(second[2] / second[1]), above(PERFECT)
        ),
    ]


@cache
def _path() -> Path:
    return SLOPED.descend(ORIGIN, rate=RATE, steps=STEPS)


@cache
def _fates(landscape: Landscape) -> Path:
    return landscape.flow(SIDES, until=UNTIL, steps=3000)


# The full network's other claims


def equal_labels_full(runs: Runs) -> list[Check]:
    """At each N, every seed with L > N ends with ICL accuracy above 0.5, and a smaller share of
    seeds does with L = N.
    """
    checks = []
    for N in (8, 4, 2):
        equal, *more = (_end(runs["A.5"][f"N={N}, L={m * N}"], "icl_accuracy") for m in (1, 2, 4))
        pooled = np.concatenate(more)
        less = partial(
            newcombe,
            flags=pooled > LEARNED,
            other=(int((equal > LEARNED).sum()), len(equal)),
        )
        what = f"share of seeds that learn in context, L > N less L = N, N={N}"
        checks.append(Check(what, less, above(0)))
        checks.append(
            worst(f"lowest ICL accuracy of a seed with L > N={N}", pooled, above(LEARNED))
        )
    return checks


def three_layers(runs: Runs) -> list[Check]:
    """IWL accuracy at the end is above 0.95 with three hidden layers, and below with one or two."""
    conditions = {
        "3 hidden layers": above(PERFECT),
        "2 hidden layers": below(PERFECT),
        "1 hidden layer": below(PERFECT),
    }
    return [
        mean(f"IWL accuracy, {label}", _end(runs["layers"][label], "iwl"), condition)
        for label, condition in conditions.items()
    ]


# What rules share


def _end(ds: xr.Dataset, measure: str) -> Values:
    return np.asarray(final(ds, measure).values)


def _trade(
    scan: Mapping[str, xr.Dataset], high: list[str], low: list[str], what: str
) -> list[Check]:
    """ICL rises and IWL falls from some configurations to others."""
    checks = []
    for name, measure, condition in (("ICL", "icl_accuracy", above(0)), ("IWL", "iwl", below(0))):
        upper, lower = ([_end(scan[label], measure) for label in labels] for labels in (high, low))
        checks.append(contrast(f"{name} accuracy, {what}", upper, lower, condition))
    return checks


def _both(ds: xr.Dataset, what: str) -> list[Check]:
    return [
        mean(f"{name} accuracy, {what}", _end(ds, measure), above(LEARNED))
        for name, measure in (("ICL", "icl_accuracy"), ("IWL", "iwl"))
    ]


def _perfect_icl(ds: xr.Dataset) -> Check:
    return mean("ICL accuracy at the end", _end(ds, "icl_accuracy"), above(PERFECT))


def _abrupt(ds: xr.Dataset) -> list[Check]:
    start, stop = crossing(ds, 0.25), crossing(ds, 0.75)
    slowness = ((stop - start) / start).values
    return [mean("time of the rise over the time before", slowness, below(TENTH)), _perfect_icl(ds)]


def _at_transition(ds: xr.Dataset) -> list[Check]:
    within_a_tenth = within(-TENTH, TENTH)
    return [_timed(ds, measure, short, within_a_tenth) for measure, short in LATE.items()]


def comes_before(ds: xr.Dataset, measure: str, short: str) -> Check:
    """Half of a measure's change comes before the transition by a tenth of the time until then."""
    return _timed(ds, measure, short, below(-TENTH))


def _timed(ds: xr.Dataset, measure: str, short: str, condition: Condition) -> Check:
    what = f"{short}, time relative to the transition"
    return mean(what, relative_lead(ds, measure).values, condition)


def _order(ds: xr.Dataset) -> list[Check]:
    before = [comes_before(ds, measure, short) for measure, short in EARLY.items()]
    early, late = (
        np.array([relative_lead(ds, measure) for measure in measures]) for measures in (EARLY, LATE)
    )
    gap = worst(
        "smallest gap of a seed between early and late", late.min(0) - early.max(0), above(0)
    )
    return [*before, *_at_transition(ds), gap]


def near_end(ds: xr.Dataset) -> xr.DataArray:
    """Step at which ICL accuracy comes within 0.05 of its end, by ``seed``.

    NaN where it does not end above 0.5.
    """
    end = final(ds, "icl_accuracy")
    return crossing(ds, end - TOLERANCE).where(end > LEARNED)


def _around_learning(ds: xr.Dataset) -> tuple[Values, Values]:
    """What IWL gained before and after ICL accuracy came near its end; NaN where it stayed low."""
    then = value_at(ds, "iwl", near_end(ds)).values
    return then - ds.iwl.isel(step=0).values, _end(ds, "iwl") - then


def _loss_since_top(ds: xr.Dataset) -> Values:
    smooth = ds.icl_accuracy.rolling(step=10).mean()
    top = smooth.max("step")
    return np.asarray((smooth.isel(step=-1) - top).where(top >= LEARNED).values)


def _seen(
    ds: xr.Dataset, name: str, when: xr.DataArray, measure: Callable[[Values], float]
) -> Values:
    return np.asarray(attention.read(ds, name, when, measure).values)
