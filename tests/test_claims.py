"""Every rule is tried on made-up curves: a world in which the paper is right, and changes of it."""

import math
import re

import numpy as np
import pytest
import xarray as xr
from paper_world import as_the_paper_has_it, curves, needed, paper, set_icl, set_iwl, set_measure

from icl import chapters, claims, evidence, rules
from icl.claims import CLAIMS
from icl.experiments import EXPERIMENTS
from icl.landscape import Landscape, Path
from icl.settings import InputError

IDS = [
    "data-K", "data-B", "capacity", "data-eps", "zipf-both", "zipf-rare",
    "zipf-steep", "zipf-flat", "pB-iwl", "both", "freeze", "slow-abrupt",
    "slow-is-1/N", "maps", "order", "minimal-same", "beta2-not-needed", "two-parameter-data",
    "LN-slow-phase", "gradient-origin", "landscape-curve", "landscape-order", "saddle", "full-LN",
    "three-layers", "not-transient", "tying", "novel-sooner",
]  # fmt: skip
FROM_RUNS = [name for name, claim in CLAIMS.items() if claim.needs]
LIVE = [name for name, claim in CLAIMS.items() if not claim.needs]  # computed on the spot


def values(verdict):
    return [str(finding.estimate.value) for finding in verdict.findings]


def failures(verdict):
    return [finding.what for finding in verdict.findings if not finding.holds]


def test_each_claim_of_the_paper_is_there_once():
    assert sorted(IDS) == sorted(CLAIMS)
    assert len(claims._TABLE) == len(IDS) == 28


@pytest.mark.parametrize("name", FROM_RUNS)
def test_a_rule_is_satisfied_by_a_world_in_which_the_paper_is_right(name):
    verdict = as_the_paper_has_it(name)
    assert verdict.outcome == "reproduced", failures(verdict)
    assert all(math.isfinite(number) for f in verdict.findings for number in f.estimate)


@pytest.mark.parametrize(
    ("name", "experiment", "label"),
    [
        (claim.id, experiment, label)
        for claim in CLAIMS.values()
        for experiment, labels in claim.needs.items()
        for label in labels
    ],
)
def test_a_rule_looks_at_every_configuration_that_it_asks_for(name, experiment, label, monkeypatch):
    monkeypatch.setattr(evidence, "RESAMPLES", 10)  # intervals do not matter here
    made = needed(CLAIMS[name], paper())
    ds = made[experiment][label]
    made[experiment][label] = ds.assign({m: 0.4 + 0 * ds[m] for m in ds if ds[m].dtype == float})
    assert values(as_the_paper_has_it(name)) != values(CLAIMS[name].decide(made))


IN_WORDS = {"0.1": "tenth", "-0.1": "tenth", "0.5": "half"}


def words_of(rule):
    """A rule's docstring, with those of the claims that it names."""
    doc = " ".join(rule.__doc__.split())
    return doc + "".join(words_of(CLAIMS[name].rule) for name in re.findall(r"`([\w-]+)`", doc))


@pytest.mark.parametrize("name", FROM_RUNS)
def test_the_bounds_of_a_rule_are_those_of_its_words(name):
    """But 0 and 1, which stand there as "more" and "fewer"."""
    doc = words_of(CLAIMS[name].rule)
    for finding in as_the_paper_has_it(name).findings:
        for number in re.findall(r"-?[\d.]+", finding.condition):
            known = {number, number.lstrip("-"), IN_WORDS.get(number, number)}
            assert number in ("0", "1") or any(word in doc for word in known), finding


NOVEL = "time of the transition with novel classes over that without"
TIED = "steps to the transition, tied over not"

# Changes of that world, each with the words of all checks that must then fail


def _fewer_from_the_context(made):
    cla = "context_label_accuracy"
    set_measure(made, "3", cla, 0.9 * made["3"][""][cla])


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
    ("data-K", lambda m: set_icl(m, "2a", 0.5), ["ICL accuracy, K=2048 less K=128"]),
    ("data-K", lambda m: set_iwl(m, "2a", 0.5), ["IWL accuracy, K=2048 less K=128"]),
    ("data-B", lambda m: set_icl(m, "2a", 0.5), ["ICL accuracy, B=4 less B=1"]),
    ("data-B", lambda m: set_iwl(m, "2a", 0.5), ["IWL accuracy, B=4 less B=1"]),
    ("capacity", lambda m: set_iwl(m, "2a", 0.94, ["K=512, B=0"]), ["IWL accuracy, K=512, B=0"]),
    ("data-eps", lambda m: set_icl(m, "2b", 0.5), ["ICL accuracy, upper half of eps less lower"]),
    ("data-eps", lambda m: set_iwl(m, "2b", 0.5), ["IWL accuracy, upper half of eps less lower"]),
    ("zipf-both", lambda m: set_icl(m, "2c", 0.49), ["ICL accuracy, alpha=1"]),
    ("zipf-both", lambda m: set_iwl(m, "2c", 0.49), ["IWL accuracy, alpha=1"]),
    (
        "zipf-rare",
        lambda m: set_measure(m, "2c", "rank_accuracy", 0.4, ["alpha=1.0"]),
        ["IWL accuracy, ranks 1 to 7"],
    ),
    (
        "zipf-rare",
        lambda m: set_measure(m, "2c", "rank_accuracy", 0.9, ["alpha=1.0"]),
        ["IWL accuracy, last bin of ranks"],
    ),
    ("zipf-steep", lambda m: set_icl(m, "2c", 0.6, ["alpha=1.5"]), ["ICL accuracy, alpha=1.5"]),
    ("zipf-flat", lambda m: set_icl(m, "2c", 0.4, ["alpha=0.5"]), ["ICL accuracy, alpha=0.5"]),
    ("zipf-flat", lambda m: set_icl(m, "2a", 0.6), ["ICL accuracy, alpha=0, K=128"]),
    ("pB-iwl", lambda m: set_iwl(m, "p_B", 0.9, ["p_B=0.5"]), ["IWL accuracy, p_B=0.5"]),
    ("pB-iwl", lambda m: set_icl(m, "p_B", 0.9, ["p_B=0.9"]), ["ICL accuracy, p_B=0.9"]),
    (
        "both",
        lambda m: set_iwl(m, "A.1", 0.3, ["p_B=0.5, p_C=0.5"]),
        ["IWL accuracy, p_B=0.5, p_C=0.5"],
    ),
    (
        "both",
        lambda m: set_icl(m, "A.1", 0.3, ["p_B=0.0, p_C=0.5"]),
        ["ICL accuracy, p_B=0.0, p_C=0.5"],
    ),
    ("novel-sooner", lambda m: _again(m, "p_C", "p_C=0.8", start=30_000), [NOVEL]),
    ("novel-sooner", lambda m: set_icl(m, "p_C", 0.1), [NOVEL]),
    ("freeze", lambda m: _grows(m, "1d", ""), ["IWL gained after ICL was learned, Figure 1d"]),
    (
        "freeze",
        lambda m: _grows(m, "2c", "alpha=1.0"),
        ["IWL gained after ICL was learned, alpha=1"],
    ),
    ("freeze", lambda m: set_iwl(m, "2c", 0.5), ["IWL gained before, alpha=1"]),
    (
        "slow-abrupt",
        lambda m: _again(m, "3", width=3000.0),
        ["time of the rise over the time before"],
    ),
    ("slow-abrupt", lambda m: _again(m, "3", icl=0.9), ["ICL accuracy at the end"]),
    (
        "slow-is-1/N",
        lambda m: set_measure(
            m, "3", "context_label_accuracy", 0.9 * m["3"][""].context_label_accuracy
        ),
        ["CLA when ICL accuracy is 2/N"],
    ),
    (
        "slow-is-1/N",
        lambda m: set_measure(m, "3", "icl_accuracy", m["3"][""].icl_accuracy.clip(0.2)),
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
    ("tying", lambda m: set_icl(m, "tied", 0.1), [TIED, f"{TIED}: no slow phase"]),
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
        lambda m: set_icl(m, "1d", 0.3),
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
        lambda m: set_measure(m, "6b", "item_label_association", 0.5),
        ["ILA1 at the end, two parameters less three", "ILA1, time relative to the transition"],
    ),
    (
        "beta2-not-needed",
        lambda m: _again(m, "6b", icl=0.9, start=15_000),
        ["ICL accuracy at the end"],
    ),
    (
        "two-parameter-data",
        lambda m: set_icl(m, "A.3c", 0.9, ["alpha=1.75"]),
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
        lambda m: set_measure(m, "6c", "train_loss", 0.01),
        ["loss of the others, less theirs"],
    ),
    (
        "full-LN",
        lambda m: _one_seed_fails(m, "N=4, L=16"),
        ["lowest ICL accuracy of a seed with L > N=4"],
    ),
    (
        "full-LN",
        lambda m: set_icl(m, "A.5", 0.98, ["N=2, L=2"]),
        ["share of seeds that learn in context, L > N less L = N, N=2"],
    ),
    (
        "three-layers",
        lambda m: set_iwl(m, "layers", 0.99, ["2 hidden layers"]),
        ["IWL accuracy, 2 hidden layers"],
    ),
    (
        "three-layers",
        lambda m: set_iwl(m, "layers", 0.9, ["3 hidden layers"]),
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
    set_measure(made, "2a", "iwl_absent_accuracy", 0.8)
    verdict = CLAIMS["capacity"].decide(made)
    assert (verdict.outcome, verdict.papers_iwl) == ("not reproduced", "reproduced")
    assert verdict.findings[0].estimate.value == pytest.approx(0.8)


def test_the_papers_test_is_told_of_only_where_it_differs():
    assert CLAIMS["capacity"].decide(paper()).papers_iwl is None


# Claims without runs


def test_the_landscape_is_decided_live():
    assert {name: failures(CLAIMS[name].decide({})) for name in LIVE} == {
        "gradient-origin": [],
        "landscape-curve": [],
        "landscape-order": ["time of beta1 over that of alpha, at 50% of the rise"],
        "saddle": ["its loss at time 1e9 over that at 1e6"],
    }


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
    sizes = ("N=8, L=32", "N=4, L=16", "N=2, L=4")
    verdict = CLAIMS["gradient-origin"].decide({})
    assert failures(verdict) == [f"slope in xi over the formula, {size}" for size in sizes]

    for i in (0, 1):
        tilted = lambda self, theta, i=i: loss(self, theta) + 1e-6 * theta[..., i]  # noqa: E731
        monkeypatch.setattr(Landscape, "loss", tilted)
        verdict = CLAIMS["gradient-origin"].decide({})
        assert failures(verdict) == [f"largest slope in beta1 and alpha, {size}" for size in sizes]


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


def test_an_empty_store_decides_the_landscape_alone(tmp_path):
    verdicts = claims.scorecard(tmp_path)
    assert list(verdicts) == list(CLAIMS)
    assert [name for name in verdicts if verdicts[name].outcome != "not yet run"] == LIVE


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
