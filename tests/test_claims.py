"""Every rule is tried on made-up curves: a world in which the paper is right, and changes of it."""

import ast
import json
import math
import re
from functools import cache

import numpy as np
import pytest
import xarray as xr

from icl import chapters, claims, rules, runs, scorecard
from icl.analysis import final, late_gain, spread
from icl.claims import CLAIMS
from icl.evidence import (
    Estimate,
    above,
    below,
    bootstrap,
    contains,
    mixed,
    newcombe,
    wilson,
    within,
)
from icl.experiments import EXPERIMENTS, Experiment
from icl.landscape import Landscape, Path
from icl.settings import InputError
from icl.store import CorruptFile
from icl.task import Task
from icl.training import Training

IDS = [
    "data-K", "data-B", "capacity", "data-eps", "zipf-both", "zipf-rare",
    "zipf-steep", "zipf-flat", "pB-iwl", "both", "freeze", "slow-abrupt",
    "slow-is-1/N", "maps", "order", "minimal-same", "beta2-not-needed", "two-parameter-data",
    "LN-slow-phase", "gradient-origin", "landscape-curve", "landscape-order", "saddle", "full-LN",
    "three-layers", "not-transient", "tying",
]  # fmt: skip
LIVE = ["gradient-origin", "landscape-curve", "landscape-order", "saddle"]  # need no runs
FROM_RUNS = [name for name in IDS if name not in LIVE]

STEP = np.arange(0, 150_001, 1000)


# Made-up curves


def curves(config, seeds=6, start=30_000, icl=0.98, iwl=0.9, width=250.0):
    """Seeds as the paper has them: a label of the context is named first, then the right one.

    ``icl`` and ``iwl`` are accuracies at the end, of all seeds or one a seed.
    """
    task = config.task
    seed = np.arange(seeds)[:, None]
    when = start + 200 * seed
    slow = np.minimum(STEP / (0.4 * when), 1)
    fast = 1 / (1 + np.exp(-(STEP - when) / width))
    ends = {name: np.broadcast_to(np.asarray(end, float), seeds)[:, None] for name, end in
            {"icl": icl, "iwl": iwl}.items()}  # fmt: skip
    cla = task.N / task.L + (1 - task.N / task.L) * slow
    columns = {
        "icl_accuracy": cla / task.N * (1 - fast) + (ends["icl"] + 0.001 * seed) * fast,
        "context_label_accuracy": cla,
        "target_labels_association": 0.5 + 0.45 * (slow if config.model.train_beta2 else fast),
        "item_label_association": 0.1 + 0.85 * fast,
        "target_item_label_association": 0.06 + 0.85 * fast,
        "iwl_accuracy": 1 / task.L + (ends["iwl"] - 1 / task.L) * np.minimum(STEP / when, 1),
        "train_loss": np.where(ends["icl"] > 0.5, 0.01, 1.0) + 0 * STEP,
    }
    columns["iwl_absent_accuracy"] = columns["iwl_accuracy"]
    ds = xr.Dataset(
        {name: (("seed", "step"), values) for name, values in columns.items()},
        coords={"seed": np.arange(seeds), "step": STEP},
        attrs={"config": config.model_dump_json()},
    )
    ds["stopped_at"] = ("seed", np.full(seeds, STEP[-1]))
    if config.training.maps:
        _add_maps(ds, task, fast)
    if task.alpha == 1:
        by_rank = np.linspace(0.95, 0.05, len(task.rank_bins())) + np.zeros((*cla.shape, 1))
        ds["rank_accuracy"] = (("seed", "step", "rank_bin"), by_rank)
    return ds


def _add_maps(ds, task, fast):
    T, N = task.T, task.N
    share = fast[:, :, None, None]
    uniform = np.tril(np.ones((T, T))) / np.arange(1, T + 1)[:, None]
    previous = np.eye(T, k=-1)
    previous[0, 0] = 1
    labels = np.tile(np.arange(T) % 2 / N, (N, 1))
    right = np.eye(T)[1::2]
    ds["map1"] = (("seed", "step", "query", "key"), (1 - share) * uniform + share * previous)
    ds["row2"] = (("seed", "step", "pair", "key"), (1 - share) * labels + share * right)


def ends(name, task, hidden):
    """Accuracies at the end, ICL and IWL, with which the paper's sentences are true."""
    if name in ("2a", "A.3a"):
        if task.B == 0:
            return 0.1, 0.99
        icl = 0.1 + 0.15 * math.log2(task.K / 128) + 0.1 * math.log2(task.B)
        return icl, 1 - icl
    if name in ("2b", "A.3b"):
        return 0.5 + 0.2 * task.eps, 0.5 - 0.2 * task.eps
    if name in ("2c", "A.3c"):
        return (0.9 if task.alpha <= 1 else 0.2), 0.2 + 0.6 * min(task.alpha, 1)
    if name == "6c":
        return np.where(np.arange(24) % 3 == 0, 0.98, 0.2), 0.1
    if name == "A.5":
        return (0.98 if task.L > task.N else np.where(np.arange(6) == 0, 0.98, 0.2)), 0.1
    if name == "layers":
        return 0.1, {1: 0.5, 2: 0.8, 3: 0.99}[hidden]
    return (0.1, 0.99) if name == "p_B" else (0.98, 0.9)


@cache
def paper():
    """Runs of all experiments, in which every claim is true."""
    made = {}
    for name, experiment in EXPERIMENTS.items():
        made[name] = {}
        for label, config in experiment.configs.items():
            icl, iwl = ends(name, config.task, config.model.hidden)
            start = 30_000 if config.model.kind == "full" else 15_000
            start = 500 if config.model.xi0 else start
            made[name][label] = curves(config, len(experiment.seeds), start, icl, iwl)
    return made


def needed(claim, made):
    """Only what a claim says that it needs."""
    return {
        name: {label: made[name][label] for label in labels} for name, labels in claim.needs.items()
    }


def failures(verdict):
    return [finding.what for finding in verdict.findings if not finding.holds]


def test_each_claim_of_the_paper_is_there_once():
    assert sorted(IDS) == sorted(CLAIMS)
    assert len(claims._TABLE) == len(IDS) == 27


@pytest.mark.parametrize("name", FROM_RUNS)
def test_a_rule_is_satisfied_by_a_world_in_which_the_paper_is_right(name):
    verdict = CLAIMS[name].decide(needed(CLAIMS[name], paper()))
    assert verdict.outcome == "reproduced", failures(verdict)
    assert all(math.isfinite(number) for f in verdict.findings for number in f.estimate)


TIED = "steps to the transition, tied over not"

# Changes of that world, each with the words of all checks that must then fail


def _set(made, experiment, variable, value, labels=None):
    for label in labels or made[experiment]:
        ds = made[experiment][label]
        made[experiment][label] = ds.assign({variable: value + 0 * ds[variable]})


def _iwl(made, experiment, value, labels=None):
    for variable in ("iwl_accuracy", "iwl_absent_accuracy"):
        _set(made, experiment, variable, value, labels)


def _icl(made, experiment, value, labels=None):
    _set(made, experiment, "icl_accuracy", value, labels)


def _again(made, experiment, label="", **changed):
    experiment_ = EXPERIMENTS[experiment]
    made[experiment][label] = curves(experiment_.configs[label], len(experiment_.seeds), **changed)


def _later(made, experiment, variable, source):
    ds = made[experiment][""]
    made[experiment][""] = ds.assign({variable: ds[source]})


def _fades(made, experiment):
    ds = made[experiment][""]
    fall = xr.where(ds.step > 100_000, 0.1, 0.0)
    made[experiment][""] = ds.assign(icl_accuracy=ds.icl_accuracy - fall)


def _one_seed_fails(made, label):
    ds = made["A.5"][label]
    low = ds.icl_accuracy.where(ds.seed != 3, 0.2)
    made["A.5"][label] = ds.assign(icl_accuracy=low)


def _grows(made, experiment, label):
    ds = made[experiment][label]
    growing = 0.9 * ds.step / ds.step[-1] + 0 * ds.iwl_accuracy
    made[experiment][label] = ds.assign(iwl_absent_accuracy=growing, iwl_accuracy=growing)


def _map(made, name, at):
    """The map as it is at a moment, all the time."""
    ds = made["3"][""]
    made["3"][""] = ds.assign({name: ds[name].isel(step=at) + 0 * ds[name]})


def _one_seed_reversed(made):
    ds = made["3"][""]
    swapped = ds.context_label_accuracy.where(ds.seed != 3, ds.item_label_association - 1e-3)
    late = ds.item_label_association.where(ds.seed != 3, ds.context_label_accuracy)
    made["3"][""] = ds.assign(context_label_accuracy=swapped, item_label_association=late)


CHANGES = [
    ("data-K", lambda m: _icl(m, "2a", 0.5), ["ICL accuracy, K=2048 less K=128"]),
    ("data-K", lambda m: _iwl(m, "2a", 0.5), ["IWL accuracy, K=2048 less K=128"]),
    ("data-B", lambda m: _icl(m, "2a", 0.5), ["ICL accuracy, B=4 less B=1"]),
    ("data-B", lambda m: _iwl(m, "2a", 0.5), ["IWL accuracy, B=4 less B=1"]),
    ("capacity", lambda m: _iwl(m, "2a", 0.94, ["K=512, B=0"]), ["IWL accuracy, K=512, B=0"]),
    ("data-eps", lambda m: _icl(m, "2b", 0.5), ["ICL accuracy, upper half of eps less lower"]),
    ("data-eps", lambda m: _iwl(m, "2b", 0.5), ["IWL accuracy, upper half of eps less lower"]),
    ("zipf-both", lambda m: _icl(m, "2c", 0.49), ["ICL accuracy, alpha=1"]),
    ("zipf-both", lambda m: _iwl(m, "2c", 0.49), ["IWL accuracy, alpha=1"]),
    (
        "zipf-rare",
        lambda m: _set(m, "2c", "rank_accuracy", 0.4, ["alpha=1.0"]),
        ["IWL accuracy, ranks 1 to 7"],
    ),
    (
        "zipf-rare",
        lambda m: _set(m, "2c", "rank_accuracy", 0.9, ["alpha=1.0"]),
        ["IWL accuracy, last bin of ranks"],
    ),
    ("zipf-steep", lambda m: _icl(m, "2c", 0.6, ["alpha=1.5"]), ["ICL accuracy, alpha=1.5"]),
    ("zipf-flat", lambda m: _icl(m, "2c", 0.4, ["alpha=0.5"]), ["ICL accuracy, alpha=0.5"]),
    ("zipf-flat", lambda m: _icl(m, "2a", 0.6), ["ICL accuracy, alpha=0, K=128"]),
    ("pB-iwl", lambda m: _iwl(m, "p_B", 0.9, ["p_B=0.5"]), ["IWL accuracy, p_B=0.5"]),
    ("pB-iwl", lambda m: _icl(m, "p_B", 0.9, ["p_B=0.9"]), ["ICL accuracy, p_B=0.9"]),
    (
        "both",
        lambda m: _iwl(m, "A.1", 0.3, ["p_B=0.5, p_C=0.5"]),
        ["IWL accuracy, p_B=0.5, p_C=0.5"],
    ),
    (
        "both",
        lambda m: _icl(m, "A.1", 0.3, ["p_B=0.0, p_C=0.5"]),
        ["ICL accuracy, p_B=0.0, p_C=0.5"],
    ),
    ("freeze", lambda m: _grows(m, "1d", ""), ["IWL gained after ICL was learned, Figure 1d"]),
    (
        "freeze",
        lambda m: _grows(m, "2c", "alpha=1.0"),
        ["IWL gained after ICL was learned, alpha=1"],
    ),
    ("freeze", lambda m: _iwl(m, "2c", 0.5), ["IWL gained before, alpha=1"]),
    (
        "slow-abrupt",
        lambda m: _again(m, "3", width=3000.0),
        ["time of the rise over the time before"],
    ),
    ("slow-abrupt", lambda m: _again(m, "3", icl=0.9), ["ICL accuracy at the end"]),
    (
        "slow-is-1/N",
        lambda m: _set(m, "3", "context_label_accuracy", 0.9 * m["3"][""].context_label_accuracy),
        ["CLA when ICL accuracy is 2/N"],
    ),
    (
        "slow-is-1/N",
        lambda m: _set(m, "3", "icl_accuracy", m["3"][""].icl_accuracy.clip(0.2)),
        ["ICL accuracy less CLA/N, CLA half-way to 1"],
    ),
    (
        "maps",
        lambda m: _map(m, "map1", -1),
        ["layer 1 off uniform before"],
    ),
    ("maps", lambda m: _map(m, "map1", 0), ["previous-token attention after"]),
    ("maps", lambda m: _map(m, "row2", 0), ["target's on the right label after"]),
    (
        "maps",
        lambda m: _map(m, "row2", -1),
        ["right label's attention less the mean other's before"],
    ),
    ("tying", lambda m: _again(m, "tied", "xi0=1", start=8_000), [f"{TIED}: no slow phase"]),
    ("tying", lambda m: _again(m, "tied", "xi0=1", start=20_000), [TIED, f"{TIED}: no slow phase"]),
    ("tying", lambda m: _icl(m, "tied", 0.1), [TIED, f"{TIED}: no slow phase"]),
    (
        "order",
        lambda m: _later(m, "3", "context_label_accuracy", "item_label_association"),
        ["CLA, time relative to the transition", "smallest gap of a seed between early and late"],
    ),
    (
        "order",
        lambda m: _later(m, "3", "target_item_label_association", "target_labels_association"),
        ["TILA2, time relative to the transition", "smallest gap of a seed between early and late"],
    ),
    (
        "order",
        _one_seed_reversed,
        [
            "ILA1, time relative to the transition",
            "smallest gap of a seed between early and late",
        ],
    ),
    (
        "not-transient",
        lambda m: _fades(m, "3"),
        ["ICL accuracy at the end less its highest, Figure 3"],
    ),
    (
        "not-transient",
        lambda m: _icl(m, "1d", 0.3),
        ["ICL accuracy at the end less its highest, Figure 1d"],
    ),
    (
        "minimal-same",
        lambda m: _again(m, "6a", start=30_000),
        ["time of the transition over the full network's"],
    ),
    (
        "minimal-same",
        lambda m: _later(m, "6a", "target_labels_association", "item_label_association"),
        ["TLA2, time relative to the transition", "smallest gap of a seed between early and late"],
    ),
    (
        "beta2-not-needed",
        lambda m: _set(m, "6b", "item_label_association", 0.5),
        ["ILA1 at the end, two parameters less three", "ILA1, time relative to the transition"],
    ),
    (
        "beta2-not-needed",
        lambda m: _again(m, "6b", icl=0.9, start=15_000),
        ["ICL accuracy at the end"],
    ),
    (
        "two-parameter-data",
        lambda m: _icl(m, "A.3c", 0.9, ["alpha=1.75"]),
        ["ICL accuracy, alpha=1.75"],
    ),
    (
        "LN-slow-phase",
        lambda m: _again(m, "6c", icl=0.98),
        [
            "share of seeds that learn in context",
            "share of seeds that learn in context, less two of six",
            "loss of the others, less theirs",
        ],
    ),
    (
        "LN-slow-phase",
        lambda m: _again(m, "6c", icl=np.where(np.arange(24) < 21, 0.98, 0.2)),
        ["share of seeds that learn in context, less two of six"],
    ),
    (
        "LN-slow-phase",
        lambda m: _set(m, "6c", "train_loss", 0.01),
        ["loss of the others, less theirs"],
    ),
    (
        "full-LN",
        lambda m: _one_seed_fails(m, "N=4, L=16"),
        ["lowest ICL accuracy of a seed with L > N=4"],
    ),
    (
        "full-LN",
        lambda m: _icl(m, "A.5", 0.98, ["N=2, L=2"]),
        ["share of seeds that learn in context, L > N less L = N, N=2"],
    ),
    (
        "three-layers",
        lambda m: _iwl(m, "layers", 0.99, ["2 hidden layers"]),
        ["IWL accuracy, 2 hidden layers"],
    ),
    (
        "three-layers",
        lambda m: _iwl(m, "layers", 0.9, ["3 hidden layers"]),
        ["IWL accuracy, 3 hidden layers"],
    ),
]


@pytest.mark.parametrize(
    ("name", "change", "expected"), CHANGES, ids=[f"{c[0]}: {c[2][0]}" for c in CHANGES]
)
def test_a_change_of_that_world_fails_the_checks_that_it_must(name, change, expected):
    made = needed(CLAIMS[name], paper())
    change(made)
    verdict = CLAIMS[name].decide(made)
    assert sorted(failures(verdict)) == sorted(expected)
    every = len(failures(verdict)) == len(verdict.findings)
    assert verdict.outcome == ("not reproduced" if every else "partly")


def test_every_claim_is_changed():
    assert {name for name, *_ in CHANGES} == set(FROM_RUNS)


# What is true although nothing happens: the parts of claims that something is not learned.
IDLE = {
    "zipf-rare": ["IWL accuracy, last bin of ranks"],
    "zipf-steep": [f"ICL accuracy, alpha={alpha}" for alpha in (1.25, 1.5, 1.75)],
    "zipf-flat": ["ICL accuracy, alpha=0, K=128"],
    "pB-iwl": [f"ICL accuracy, p_B={p_B}" for p_B in (0.5, 0.9)],
    "three-layers": ["IWL accuracy, 1 hidden layer", "IWL accuracy, 2 hidden layers"],
    "beta2-not-needed": [
        f"{short} at the end, two parameters less three" for short in ("ILA1", "TILA2")
    ],
    "two-parameter-data": [f"ICL accuracy, alpha={alpha}" for alpha in (1.25, 1.5, 1.75)],
}


@pytest.mark.parametrize("name", FROM_RUNS)
def test_curves_on_which_nothing_happens_fulfil_only_what_says_so(name):
    made = needed(CLAIMS[name], paper())
    for configs in made.values():
        for label, ds in configs.items():
            flat = {v: 0.2 + 0 * ds[v] for v in ds.data_vars if v != "stopped_at"}
            configs[label] = ds.assign(flat)
    held = [finding.what for finding in CLAIMS[name].decide(made).findings if finding.holds]
    assert sorted(held) == sorted(IDLE.get(name, []))


# Not yet run


@pytest.mark.parametrize("name", FROM_RUNS)
def test_without_one_of_its_configurations_a_claim_is_not_yet_run(name):
    claim = CLAIMS[name]
    for experiment, labels in claim.needs.items():
        for label in labels:
            made = needed(claim, paper())
            ds = made[experiment].pop(label)
            verdict = claim.decide(made)
            assert verdict.outcome == "not yet run"
            assert (
                f"experiment {experiment}: {len(labels) - 1} of {len(labels)} " in verdict.missing
            )
            made[experiment][label] = ds.isel(seed=slice(claim.least - 1))
            assert claim.decide(made).outcome == "not yet run"


@pytest.mark.parametrize("name", FROM_RUNS)
def test_the_runs_that_a_claim_asks_for_decide_it(name):
    claim, made = CLAIMS[name], paper()
    chosen = claims.experiments_for([name])
    assert {key: tuple(part.configs) for key, part in chosen.items()} == {
        key: tuple(label for label in EXPERIMENTS[key].configs if label in labels)
        for key, labels in claim.needs.items()
    }
    runs = {
        key: {label: made[key][label].isel(seed=slice(claim.least)) for label in part.configs}
        for key, part in chosen.items()
    }
    assert claim.decide(runs).outcome != "not yet run"


def test_claims_that_share_an_experiment_are_asked_for_together():
    chosen = claims.experiments_for(["zipf-flat", "capacity", "zipf-steep"])
    assert {name: list(part.configs) for name, part in chosen.items()} == {
        "2c": [f"alpha={alpha}" for alpha in (0.0, 0.5, 0.75, 1.25, 1.5, 1.75)],
        "2a": ["K=128, B=0", "K=128, B=1", "K=512, B=0", "K=2048, B=0"],
    }


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nope", "^unknown claim 'nope'; known: data-K, data-B, "),
        ("saddle", "^claim 'saddle' needs no runs$"),
    ],
)
def test_claims_without_runs_are_refused(name, message):
    with pytest.raises(InputError, match=message):
        claims.experiments_for(["both", name])


def test_three_seeds_are_enough():
    made = {"A.1": {label: ds.isel(seed=slice(3)) for label, ds in paper()["A.1"].items()}}
    verdict = CLAIMS["both"].decide(made)
    assert verdict.outcome == "reproduced"
    assert {finding.estimate.seeds for finding in verdict.findings} == {3}


def test_only_the_claim_of_two_in_six_waits_for_more_seeds():
    assert {name: claim.least for name, claim in CLAIMS.items() if claim.least != 3} == {
        "LN-slow-phase": 24
    }


def test_a_configuration_that_is_not_needed_counts_from_three_seeds_on():
    made = {"2a": dict(paper()["2a"])}
    made["2a"]["K=1024, B=0"] = made["2a"]["K=1024, B=0"].isel(seed=slice(2))
    findings = CLAIMS["capacity"].decide(made).findings
    assert [finding.what for finding in findings] == [
        f"IWL accuracy, K={K}, B=0" for K in (128, 512, 2048, 256)
    ]


@pytest.mark.parametrize("level", [0.0, 1.0, -0.5, math.nan])
def test_a_level_outside_0_and_1_is_refused(level):
    with pytest.raises(InputError, match=r"^level=.* must be between 0 and 1"):
        CLAIMS["saddle"].decide({}, level)


# The two tests of in-weights learning


def test_in_weights_accuracy_is_that_without_the_targets_class_in_the_context():
    made = {"2a": dict(paper()["2a"])}
    _set(made, "2a", "iwl_absent_accuracy", 0.8)
    verdict = CLAIMS["capacity"].decide(made)
    assert (verdict.outcome, verdict.papers_iwl) == ("not reproduced", "reproduced")
    assert verdict.findings[0].estimate.value == pytest.approx(0.8)


def test_the_papers_test_is_told_of_only_where_it_differs():
    assert CLAIMS["capacity"].decide(paper()).papers_iwl is None


# Claims without runs


@pytest.mark.parametrize(
    ("name", "failed"),
    [
        ("gradient-origin", []),
        ("landscape-curve", []),
        ("landscape-order", ["time of beta1 over that of alpha, at 50% of the rise"]),
        ("saddle", ["its loss at time 1e9 over that at 1e6"]),
    ],
)
def test_the_landscape_is_decided_live(name, failed):
    assert failures(CLAIMS[name].decide({})) == failed


def test_the_path_downhill_can_fail_its_rules(monkeypatch):
    """A loss that falls evenly, and logits in the reverse order."""
    beta1, alpha, xi = [0, 1, 1, 1, 1], [0, 0, 1, 1, 1], [0, 0, 0, 1, 1]
    loss = np.array([1, 0.75, 0.5, 0.25, 0.05])
    path = Path(np.arange(5.0), np.array([beta1, alpha, xi], float).T, loss)
    monkeypatch.setattr(rules, "_path", lambda: path)
    assert CLAIMS["landscape-curve"].decide({}).outcome == "not reproduced"
    assert CLAIMS["landscape-order"].decide({}).outcome == "not reproduced"


def test_another_slope_is_not_that_of_the_formula(monkeypatch):
    loss = Landscape.loss
    monkeypatch.setattr(Landscape, "loss", lambda self, theta: 1.001 * loss(self, theta))
    assert CLAIMS["gradient-origin"].decide({}).outcome == "not reproduced"


def test_with_one_more_label_the_origin_slopes_and_no_path_is_left_behind(monkeypatch):
    monkeypatch.setattr(rules, "EQUAL", Landscape(N=8, L=9))
    assert failures(CLAIMS["saddle"].decide({})) == [
        "largest slope at the origin",
        "its loss at time 1e9 over that at 1e6",
    ]


def test_the_landscape_is_that_of_its_chapter():
    declared = chapters.parameters(chapters.read("landscape"))
    names = ("N", "L", "rate", "steps", "distance", "until")
    mine = (
        rules.EQUAL.N, rules.SLOPED.L, rules.RATE, rules.STEPS, rules.DISTANCE, rules.UNTIL,
    )  # fmt: skip
    assert mine == tuple(declared[name].default for name in names)
    assert rules.SLOPED.N == rules.EQUAL.L == rules.EQUAL.N


# Statistics


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
        assert not condition.test(few)


def test_wilson_and_newcombe_against_published_examples():
    """Newcombe, Statistics in Medicine 17 (1998): 15 of 148 (p. 861); 56/70 less 48/80 (p. 877)."""
    share = wilson(0.95, flags=np.arange(148) < 15)
    assert share[1:3] == pytest.approx((0.0624, 0.1605), abs=5e-5)
    difference = newcombe(0.95, flags=np.arange(70) < 56, other=(48, 80))
    assert difference[:3] == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (above(0.4), True), (above(0.45), False), (below(0.6), True), (below(0.55), False),
        (within(0.4, 0.6), True), (within(0.46, 0.6), False), (within(0.4, 0.5), False),
        (contains(0.55), True), (contains(0.56), False), (mixed(), True),
    ],
)  # fmt: skip
def test_a_condition_looks_at_the_whole_interval(condition, holds):
    assert condition.test(Estimate(0.5, 0.45, 0.55, 6)) is holds


def test_all_and_none_are_not_mixed():
    assert not mixed().test(Estimate(0.0, 0.0, 0.3, 6))
    assert not mixed().test(Estimate(1.0, 0.7, 1.0, 6))


# Stored runs


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """An experiment of two configurations, of which one has two of its three seeds stored."""
    training = Training(steps=4, every=2, test=8, batch=4)
    task = Task(K=8, L=4, N=2, D=5, P=9, novel=8)
    configs = {f"K={K}": runs.RunConfig(task=task.replace(K=K), training=training) for K in (8, 12)}
    monkeypatch.setitem(EXPERIMENTS, "tiny", Experiment("tiny", "", configs, seeds=(0, 1, 2)))
    store = runs.Store(tmp_path)
    runs.train(configs["K=12"], [0, 2], store)
    return store, configs


def test_stored_seeds_are_read_and_none_is_trained(tiny):
    store, _ = tiny
    before = sorted(store.root.rglob("*.nc"))
    ((label, ds),) = claims.stored("tiny", store.root).items()
    assert label == "K=12"
    assert ds.seed.values.tolist() == [0, 2]
    assert json.loads(ds.attrs["config"])["task"]["K"] == 12
    assert sorted(store.root.rglob("*.nc")) == before


def test_a_corrupt_run_is_told_of(tiny):
    store, configs = tiny
    store.path(configs["K=12"], 2).write_bytes(b"no run")
    with pytest.raises(CorruptFile):
        claims.stored("tiny", store.root)


def test_an_empty_store_decides_the_landscape_alone(tmp_path):
    verdicts = claims.scorecard(tmp_path)
    assert list(verdicts) == list(CLAIMS)
    assert [name for name in verdicts if verdicts[name].outcome != "not yet run"] == LIVE


# On the page


@pytest.fixture(scope="module")
def verdicts():
    made = {name: dict(configs) for name, configs in paper().items()}
    _iwl(made, "2a", 0.5)
    del made["6c"][""]
    return {name: claim.decide(made) for name, claim in CLAIMS.items()}


def test_the_summary_counts(verdicts):
    counts = scorecard.count(verdicts)
    assert sum(counts.values()) == 27
    assert counts["not yet run"] == 1  # 6c, whose runs were taken away
    assert counts["not reproduced"] == 1  # capacity
    assert counts["partly"] == 4  # data-K, data-B and two of the landscape
    few = "Of 27 claims of the paper 21 are reproduced, 4 in part and 1 not"
    assert scorecard.summary(verdicts) == f"{few}; 1 is open, for want of runs."


def test_the_summary_speaks_of_open_claims_where_there_are_some(verdicts):
    names = ("capacity", "LN-slow-phase")
    not_reproduced, not_yet_run = (verdicts[name] for name in names)
    assert scorecard.summary({"a": not_reproduced}).endswith("0 in part and 1 not.")
    assert scorecard.summary({"a": not_yet_run, "b": not_yet_run}).endswith(
        "and 0 not; 2 are open, for want of runs."
    )


def test_the_text_has_each_verdict_and_each_check(verdicts):
    lines = scorecard.text(verdicts).splitlines()
    assert "capacity: not reproduced" in lines
    assert "  - IWL accuracy, K=128, B=0: 0.5 [0.5, 0.5]; asked for: above 0.95" in lines
    assert sum(line[:3] in ("  +", "  -") for line in lines) == sum(
        len(verdict.findings) for verdict in verdicts.values()
    )


def test_the_table_has_a_row_a_claim_of_two_cells(verdicts):
    head, rule, *rows = scorecard.table(verdicts).splitlines()
    assert len(rows) == 27
    assert {row.count("|") for row in (head, rule, *rows)} == {3}
    for row, (name, verdict) in zip(rows, verdicts.items(), strict=True):
        assert CLAIMS[name].statement in row
        assert f" **{verdict.outcome}**" in row


def test_details_have_the_rule_and_every_finding(verdicts):
    blocks = scorecard.details(verdicts).split("\n\n```{dropdown} ")
    assert len(blocks) == 27
    for block, (name, verdict) in zip(blocks, verdicts.items(), strict=True):
        assert f"**Rule:** {CLAIMS[name].rule_in_words}" in block
        assert block.count("\n- ") == len(verdict.findings)


def test_every_shortfall_has_its_paragraph_and_its_reason(verdicts):
    text = scorecard.shortfalls(verdicts, {"capacity": "Too short.", "both": "Not shown."})
    paragraphs = text.split("\n\n")
    assert len(paragraphs) == 5
    capacity = next(p for p in paragraphs if CLAIMS["capacity"].statement in p)
    assert capacity.endswith(" *Why:* Too short.")
    assert "*Not reproduced: 0 of 5 checks hold.*" in capacity
    assert "IWL accuracy, K=128, B=0, 0.5 [0.5, 0.5] (asked for: above 0.95)" in capacity
    assert "Not shown." not in text
    assert sum(p.endswith("*Why* has not been looked into yet.") for p in paragraphs) == 4


def test_a_partly_reproduced_claim_names_what_holds_and_what_does_not(verdicts):
    text = scorecard.shortfalls({"data-K": verdicts["data-K"]}, {})
    assert "*Partly: 1 of 2 checks hold.*" in text
    assert "What does not hold: IWL accuracy, K=2048 less K=128, 0 [0, 0]" in text
    assert "What holds: ICL accuracy, K=2048 less K=128." in text
    assert "**partly**, 1 of 2 checks<br>" in scorecard.table({"data-K": verdicts["data-K"]})


def test_a_shortfall_without_a_reason_is_told(verdicts):
    reasons = {"capacity": "Too short.", "data-K": " ", "both": "Not short at all."}
    open_ones = ["data-K", "data-B", "landscape-order", "saddle"]
    assert scorecard.unexplained(verdicts, reasons) == open_ones
    papers = verdicts["both"]._replace(papers_iwl="not reproduced")
    assert scorecard.unexplained({"both": papers}, {}) == ["both"]


def reasons_on_the_page():
    """The claims for which `book/scorecard.py` has a reason."""
    for cell in chapters.read("scorecard").cells:
        for line in ast.parse(cell.source).body if cell.cell_type == "code" else []:
            if isinstance(line, ast.Assign) and line.targets[0].id == "reasons":
                return dict.fromkeys((key.value for key in line.value.keys), "written")
    pytest.fail("no reasons")


def test_every_claim_that_falls_short_in_the_shipped_runs_has_a_reason():
    verdicts = claims.scorecard(chapters.BOOK.parent / "results")
    assert scorecard.unexplained(verdicts, reasons_on_the_page()) == []


def test_checks_are_listed_below_their_claim(verdicts):
    chosen = {name: verdicts[name] for name in ("data-K", "LN-slow-phase")}
    icl, iwl = (finding.estimate for finding in verdicts["data-K"].findings)
    assert scorecard.checks(chosen).splitlines() == [
        f"- **Partly:** {CLAIMS['data-K'].statement}",
        f"  - holds: ICL accuracy, K=2048 less K=128, {icl} (asked for: above 0)",
        f"  - does not hold: IWL accuracy, K=2048 less K=128, {iwl} (asked for: below 0)",
        f"- **Not yet run:** {CLAIMS['LN-slow-phase'].statement}",
        "  - missing: experiment 6c: 0 of 1 configurations have 24 seeds (0 seeds in all)",
    ]


def test_a_verdict_is_quoted_by_its_numbers(verdicts):
    icl, iwl = (finding.estimate for finding in verdicts["data-K"].findings)
    first = f"ICL accuracy, K=2048 less K=128: {icl}"
    assert scorecard.quote(verdicts["data-K"], 1) == first
    assert scorecard.quote(verdicts["data-K"]) == f"{first}; IWL accuracy, K=2048 less K=128: {iwl}"
    assert scorecard.quote(verdicts["LN-slow-phase"]) == "not yet run"


# Beside the rules


def test_fates_are_counted_beside_the_verdict_and_do_not_change_it():
    made = needed(CLAIMS["LN-slow-phase"], paper())
    ds = made["6c"][""]
    looks = ds.target_item_label_association
    away = (ds.seed == 0) | (ds.seed == 1)  # seed 0 learns, seed 1 does not
    made["6c"][""] = ds.assign(target_item_label_association=looks.where(~away, 0.05))
    before, after = (
        CLAIMS["LN-slow-phase"].decide(needed(CLAIMS["LN-slow-phase"], paper())),
        CLAIMS["LN-slow-phase"].decide(made),
    )
    assert (before.outcome, before.findings) == (after.outcome, after.findings)
    assert "of 24 seeds 8 induction head, 0 elimination, 16 neither" in before.beside
    assert "of 24 seeds 7 induction head, 1 elimination, 16 neither" in after.beside
    assert after.beside.endswith(
        "induction head 0.0100 (0.0100 to 0.0100), elimination 0.0100, "
        "neither 1.0000 (1.0000 to 1.0000)."
    )
    for words in (
        scorecard.text({"LN-slow-phase": after}),
        scorecard.details({"LN-slow-phase": after}),
        scorecard.checks({"LN-slow-phase": after}),
        scorecard.missing({"LN-slow-phase": after._replace(outcome="not yet run")}),
        scorecard.shortfalls({"LN-slow-phase": after._replace(outcome="partly")}, {}),
    ):
        assert after.beside in words


def test_fates_are_told_before_all_seeds_are_there():
    made = {"6c": {"": paper()["6c"][""].isel(seed=slice(6))}}
    verdict = CLAIMS["LN-slow-phase"].decide(made)
    assert verdict.outcome == "not yet run"
    assert "of 6 seeds 2 induction head, 0 elimination, 4 neither" in verdict.beside


def test_the_full_networks_fates_are_told_for_each_context_length():
    words = rules.fates_full({"A.5": {"N=4, L=4": paper()["A.5"]["N=4, L=4"]}})
    assert words.endswith(": L=N=4, of 6 seeds 1 induction head, 0 elimination, 5 neither.")


def test_what_was_gained_before_the_stop_rule_ended_a_seed_is_told():
    """Curves that rise by 0.1 in 10,000 steps, one seed ended before the other."""
    steps, ended = np.arange(0, 60_001, 500), np.array([40_000, 60_000])
    rise = 1e-5 * np.minimum(steps, ended[:, None])
    ds = xr.Dataset(
        {"icl_accuracy": (("seed", "step"), rise), "stopped_at": ("seed", ended)},
        coords={"seed": [0, 1], "step": steps},
    )
    assert rules.still_rising({"A.3c": {"alpha=1.0": ds}}) == (
        "At alpha=1 seeds ended at step 50,000 (40,000 to 60,000); in the 10,000 steps before that "
        "their ICL accuracy rose by 0.100 (0.100 to 0.100)."
    )
    longer = ds.assign(iwl_absent_accuracy=0 * ds.icl_accuracy + 0.25)
    said = rules.still_rising(
        {"A.3c": {"alpha=1.0": ds}, "A.3-long": {"alpha=1.0": longer, "alpha=0.0": ds}}
    )
    assert said.endswith(
        f" Without the stop rule 2 seeds end, after {steps[-1]:,} steps, with ICL accuracy "
        f"{spread(final(ds, 'icl_accuracy'))} and IWL accuracy 0.25 (0.25 to 0.25)."
    )


def test_what_is_known_before_any_training():
    """The made-up seeds begin at CLA N/L, tied or not, and a tied one near its transition."""
    made = paper()
    assert rules.tied_outset({"6a": made["6a"]}) == (
        "Before any training: untied, CLA 0.25 (0.25 to 0.25) and ICL accuracy "
        "0.031 (0.031 to 0.031)."
    )
    tied = {"xi0=1": made["tied"]["xi0=1"].assign(
        context_label_accuracy=0 * made["tied"]["xi0=1"].icl_accuracy + 0.75
    )}  # fmt: skip
    said = rules.tied_outset({"6a": made["6a"], "tied": tied})
    assert said.startswith("Before any training: tied, CLA 0.75 (0.75 to 0.75) and ICL accuracy 0.")
    assert "; untied, CLA 0.25 (" in said


def test_seeds_that_wait_are_told_from_those_that_do_not():
    made = {"3": dict(paper()["3"])}
    assert rules.waiting(made) == "Of 6 seeds 6 reach 50% and end at 0.982 (0.980 to 0.985)."
    ds = made["3"][""]
    made["3"][""] = ds.assign(icl_accuracy=ds.icl_accuracy.where(ds.seed != 2, 1 / 32))
    assert rules.waiting(made).startswith("Of 6 seeds 5 reach 50% and end at ")
    assert rules.waiting(made).endswith("; the others end at 0.031.")


def test_what_has_risen_at_the_end_of_the_slow_phase():
    """In the made-up world CLA and TLA2 are done by then, and the induction head has not begun."""
    words = rules.early_rise(paper())
    assert "CLA 1.00 (1.00 to 1.00); TLA2 1.00 (1.00 to 1.00); " in words
    late = [float(share) for share in re.findall(r"(?:ILA1|TILA2) ([\d.]+) ", words)]
    assert len(late) == 2
    assert max(late) < 0.2  # 1/7, as the accuracy itself: (2/N - 1/N) / (1 - 1/N)
    one = "1.000 (1.000 to 1.000)"
    said = rules.later_in_the_rise(paper())
    assert said == f"CLA when ICL accuracy is 2/N, {one}; 3/N, {one}; 4/N, {one}."


def test_forgetting_is_the_distance_from_the_highest():
    made = {"6a": dict(paper()["6a"])}
    _iwl(made, "6a", 0.75)
    ds = made["6a"][""]
    fall = xr.where(ds.step > 75_000, 0.5, 0.0)
    made["6a"][""] = ds.assign(iwl_absent_accuracy=ds.iwl_absent_accuracy - fall)
    assert rules.forgetting(made) == (
        "With novel classes IWL ends below its highest: by Figure 6a, 0.50 (0.50 to 0.50)."
    )


def test_what_variation_within_classes_leaves_to_be_read_is_told():
    """Of eps = 0 all of it; of made-up curves their ends."""
    scan = {label: paper()["2b"][label] for label in ("eps=0.0", "eps=1.6")}
    words = rules.by_variation({"2b": scan})
    assert words.startswith("Means over seeds at eps of 0, 1.6: ICL accuracy, ")
    columns = re.findall(r", (-?[\d.]+), (-?[\d.]+)[;.]", words.partition(": ")[2])
    icl, gained, association, iwl, nearest = (
        [float(number) for number in column] for column in columns
    )
    for told, measure in (
        (icl, "icl_accuracy"),
        (association, "item_label_association"),
        (iwl, "iwl_absent_accuracy"),
    ):
        ends = [float(final(ds, measure).mean()) for ds in scan.values()]
        assert told == pytest.approx(ends, abs=0.005)
    late = [float(late_gain(ds).mean()) for ds in scan.values()]
    assert gained == pytest.approx(late, abs=0.005)
    assert nearest[0] == 1 > nearest[1] > 1 / 8


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=list(CLAIMS))
def test_nothing_is_said_beside_a_rule_without_runs(claim):
    assert claim.beside({}) == ""


def test_reasons_for_a_claim_that_is_not_there_are_refused(verdicts):
    with pytest.raises(InputError, match=r"^unknown claim 'data-L'; known: data-K, "):
        scorecard.shortfalls(verdicts, {"data-L": ""})


def test_what_is_missing_is_listed(verdicts):
    assert scorecard.missing(verdicts).splitlines() == [
        f"- {CLAIMS['LN-slow-phase'].statement} *Missing: experiment 6c: 0 of 1 configurations "
        "have 24 seeds (0 seeds in all).* "
        "To be decided by `icl sweep --claim LN-slow-phase --seeds 24`.",
    ]


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=list(CLAIMS))
def test_a_claim_names_what_exists(claim):
    assert claim.statement
    assert claim.where
    assert claim.measure
    for name, labels in claim.needs.items():
        assert set(labels) <= EXPERIMENTS[name].configs.keys()
    if claim.figure:
        cells = chapters.read(claim.chapter).cells
        names = [c.metadata.get("mystnb", {}).get("figure", {}).get("name") for c in cells]
        assert claim.figure in names
