"""What the paper claims, claim by claim, and what the stored runs say of it.

:mod:`icl.verdicts` says how a claim is decided, :mod:`icl.rules` by what.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from icl import remarks, rules
from icl.experiments import EXPERIMENTS, Experiment, load_stored
from icl.rules import BURSTS, CLASSES, FLAT, STEEP, ZIPF, Runs
from icl.settings import InputError
from icl.verdicts import Claim, Verdict


def scorecard(root: Path | str | None = None, level: float = 0.95) -> dict[str, Verdict]:
    """A verdict on every claim from the stored runs, by the claim's id. Raises as `load_stored`."""
    runs = {
        name: load_stored(name, root) for name in EXPERIMENTS
    }  # what stands beside needs others too
    return decide(runs, *CLAIMS, level=level)


def decide(runs: Runs, *ids: str, level: float = 0.95) -> dict[str, Verdict]:
    """Verdicts on some claims from runs that hold those they need; raises as `Claim.decide`."""
    return {name: CLAIMS[name].decide(runs, level) for name in ids}


def experiments_for(ids: Iterable[str]) -> dict[str, Experiment]:
    """Experiments that claims need, by name, with those configurations alone that they ask for.

    Raises :class:`icl.settings.InputError` for an unknown claim, and one that needs no runs.
    """
    needed: dict[str, set[str]] = {}
    for name in ids:
        if name not in CLAIMS:
            raise InputError(f"unknown claim {name!r}; known: {', '.join(CLAIMS)}")
        if not CLAIMS[name].needs:
            raise InputError(f"claim {name!r} needs no runs")
        for experiment, labels in CLAIMS[name].needs.items():
            needed.setdefault(experiment, set()).update(labels)
    return {name: _part(EXPERIMENTS[name], labels) for name, labels in needed.items()}


def _part(whole: Experiment, labels: set[str]) -> Experiment:
    configs = {label: config for label, config in whole.configs.items() if label in labels}
    return replace(whole, configs=configs)


def _all_of(*names: str) -> dict[str, tuple[str, ...]]:
    return {name: tuple(EXPERIMENTS[name].configs) for name in names}


def _grid(classes: tuple[int, ...], bursts: tuple[int, ...]) -> tuple[str, ...]:
    return tuple(f"K={K}, B={B}" for K in classes for B in bursts)


_BY_K = _grid((CLASSES[0], CLASSES[-1]), BURSTS)
_BY_B = _grid(CLASSES, (BURSTS[0], BURSTS[-1]))


_ZIPF = {"2c": (ZIPF,)}

_TABLE = [
    Claim(
        id="data-K",
        statement="More classes K: more in-context, less in-weights learning.",
        where="Figure 2a",
        measure="ICL and IWL accuracy at the end",
        chapter="data_dependence",
        rule=rules.data_K,
        needs={"2a": _BY_K},
        figure="fig-data-dependence",
    ),
    Claim(
        id="data-B",
        statement="More burstiness B: more in-context, less in-weights learning.",
        where="Figure 2a",
        measure="ICL and IWL accuracy at the end",
        chapter="data_dependence",
        rule=rules.data_B,
        needs={"2a": _BY_B},
        figure="fig-data-dependence",
    ),
    Claim(
        id="capacity",
        statement="Without burstiness (B = 0) the network learns every K perfectly in its weights.",
        where="Figure 2a, section 3",
        measure="IWL accuracy at the end",
        chapter="data_dependence",
        rule=rules.capacity,
        needs={"2a": _grid(CLASSES, (0,))},
        figure="fig-data-dependence",
        beside=remarks.by_heart,
    ),
    Claim(
        id="data-eps",
        statement="More variation within classes: more in-context, less in-weights learning.",
        where="Figure 2b",
        measure="ICL and IWL accuracy at the end",
        chapter="data_dependence",
        rule=rules.data_eps,
        needs=_all_of("2b"),
        figure="fig-data-dependence",
        beside=remarks.by_variation,
    ),
    Claim(
        id="zipf-both",
        statement="Zipf's law (α = 1) gives both in-context and in-weights learning.",
        where="Figure 2c",
        measure="ICL and IWL accuracy at the end",
        chapter="data_dependence",
        rule=rules.zipf_both,
        needs=_ZIPF,
        figure="fig-data-dependence",
    ),
    Claim(
        id="zipf-rare",
        statement="At α = 1 common classes are learned in weights and rare ones are not.",
        where="section 3, on Figure 2c",
        measure="IWL accuracy by rank of the class",
        chapter="data_dependence",
        rule=rules.zipf_rare,
        needs=_ZIPF,
        figure="fig-data-ranks",
    ),
    Claim(
        id="zipf-steep",
        statement="Where ranks fall off faster than Zipf's law (α > 1), in-context learning is "
        "lost.",
        where="Figure 2c",
        measure="ICL accuracy at the end",
        chapter="data_dependence",
        rule=rules.zipf_steep,
        needs={"2c": STEEP},
        figure="fig-data-dependence",
        beside=remarks.steep_late,
    ),
    Claim(
        id="zipf-flat",
        statement="Where ranks fall off more slowly than in Zipf's law (α < 1), in-context "
        "learning comes if K is large enough.",
        where="Figure 2c, section 3",
        measure="ICL accuracy at the end",
        chapter="data_dependence",
        rule=rules.zipf_flat,
        needs={"2c": FLAT, "2a": ("K=128, B=1",)},
        figure="fig-data-dependence",
    ),
    Claim(
        id="pB-iwl",
        statement="With sequences that are not bursty (p_B < 1), and no novel classes, weights "
        "win.",
        where="section 3, “results not shown”",
        measure="IWL and ICL accuracy at the end",
        chapter="data_dependence",
        rule=rules.pB_iwl,
        needs=_all_of("p_B"),
        figure="fig-data-not-bursty",
        beside=remarks.bursty_in_part,
    ),
    Claim(
        id="both",
        statement="With some sequences that are not bursty and some of novel classes, both are "
        "learned.",
        where="Figure A.1",
        measure="ICL and IWL accuracy at the end",
        chapter="data_dependence",
        rule=rules.both,
        needs=_all_of("A.1"),
        figure="fig-data-both",
    ),
    Claim(
        id="novel-sooner",
        statement="Sequences of novel classes promote rapid convergence to the in-context solution "
        "(read here as: 50% is passed sooner).",
        where="section 3",
        measure="step at which ICL accuracy passes 50%",
        chapter="data_dependence",
        rule=rules.novel_sooner,
        needs={**_all_of("p_C"), "2c": FLAT[:1]},
        figure="fig-data-novel",
        beside=remarks.with_novel,
    ),
    Claim(
        id="freeze",
        statement="Once in-context learning is there, in-weights learning stops improving.",
        where="section 3",
        measure="IWL accuracy after ICL has come near its end",
        chapter="data_dependence",
        rule=rules.freeze,
        needs={**_ZIPF, **_all_of("1d")},
        beside=remarks.forgetting,
    ),
    Claim(
        id="three-layers",
        statement="The classifier needs at least three layers for perfect in-weights learning.",
        where="section 2",
        measure="IWL accuracy at the end",
        chapter="data_dependence",
        rule=rules.three_layers,
        needs=_all_of("layers"),
        figure="fig-data-layers",
    ),
    Claim(
        id="not-transient",
        statement="In-context learning, once there, stays.",
        where="discussion",
        measure="ICL accuracy at the end, less its highest",
        chapter="network",
        rule=rules.not_transient,
        needs=_all_of("3", "1d"),
        figure="fig-network-accuracies",
    ),
    Claim(
        id="slow-abrupt",
        statement="In-context accuracy has a slow phase and then rises abruptly to about 1.",
        where="Figure 3a",
        measure="times at which ICL accuracy passes 25% and 75%",
        chapter="network",
        rule=rules.slow_abrupt,
        needs=_all_of("3"),
        figure="fig-network-transition",
        beside=remarks.waiting,
    ),
    Claim(
        id="slow-is-1/N",
        statement="The slow phase goes from 1/L to 1/N: the network learns to name a label of "
        "the context.",
        where="section 3",
        measure="context–label accuracy (CLA), and ICL accuracy beside it",
        chapter="progress_measures",
        rule=rules.slow_is_one_in_N,
        needs=_all_of("3"),
        figure="fig-progress-aligned",
        beside=remarks.later_in_the_rise,
    ),
    Claim(
        id="maps",
        statement="Before the transition attention has no pattern; after it layer 1 looks at "
        "the previous token and the target at the right label.",
        where="Figure 3b",
        measure="attention maps, means over test sequences",
        chapter="network",
        rule=rules.maps,
        needs=_all_of("3"),
        figure="fig-network-maps",
        beside=remarks.shortly_before,
    ),
    Claim(
        id="order",
        statement="Context–label accuracy and target–labels association rise in the slow "
        "phase, the two associations of an induction head at the transition, in "
        "every seed.",
        where="Figure 4",
        measure="time of half of each measure's change, relative to the transition",
        chapter="progress_measures",
        rule=rules.order,
        needs=_all_of("3"),
        figure="fig-progress-aligned",
        beside=remarks.early_rise,
    ),
    Claim(
        id="minimal-same",
        statement="A model of three attention parameters has the same dynamics, and a shorter "
        "slow phase.",
        where="Figure 6a",
        measure="as `order` and `slow-abrupt`; time of the transition",
        chapter="minimal",
        rule=rules.minimal_same,
        needs=_all_of("6a", "3"),
        figure="fig-minimal-three",
        beside=remarks.slow_phases,
    ),
    Claim(
        id="beta2-not-needed",
        statement="Without β₂ the induction head forms as before: attention to labels is not "
        "its cause.",
        where="Figure 6b",
        measure="ILA1 and TILA2 at the end, and their times",
        chapter="minimal",
        rule=rules.beta2_not_needed,
        needs=_all_of("6a", "6b"),
        figure="fig-minimal-two",
    ),
    Claim(
        id="two-parameter-data",
        statement="Two parameters show every dependence on data of Figure 2.",
        where="Figure A.3",
        measure="as `data-K`, `data-B`, `data-eps`, `zipf-both` and `zipf-steep`",
        chapter="minimal",
        rule=rules.two_parameter_data,
        needs={
            "A.3a": tuple(dict.fromkeys((*_BY_K, *_BY_B))),
            **_all_of("A.3b"),
            "A.3c": (ZIPF, *STEEP),
        },
        figure="fig-minimal-data",
        beside=remarks.still_rising,
    ),
    Claim(
        id="LN-slow-phase",
        statement="With L = N the slow phase is gone: two of six seeds learn in context, four "
        "end worse.",
        where="Figure 6c",
        measure="share of seeds with ICL accuracy above 0.5; loss of the others",
        chapter="minimal",
        rule=rules.equal_labels_minimal,
        needs=_all_of("6c"),
        figure="fig-minimal-equal",
        least=len(EXPERIMENTS["6c"].seeds),
        beside=remarks.fates_minimal,
    ),
    Claim(
        id="full-LN",
        statement="The full network learns in context robustly for L > N and not for L = N.",
        where="Figure A.5",
        measure="share of seeds with ICL accuracy above 0.5",
        chapter="data_dependence",
        rule=rules.equal_labels_full,
        needs=_all_of("A.5"),
        figure="fig-data-N-L",
        beside=remarks.fates_full,
    ),
    Claim(
        id="gradient-origin",
        statement="At the origin only ξ has a slope, −(L−N)/(L(2N+1)).",
        where="section 3, on Figure 7",
        measure="difference of the loss over the formula",
        chapter="landscape",
        rule=rules.gradient_origin,
    ),
    Claim(
        id="landscape-curve",
        statement="On the landscape, too, the loss falls slowly and then abruptly.",
        where="Figure 7a",
        measure="times at which the loss passes 75% and 25%",
        chapter="landscape",
        rule=rules.landscape_curve,
        figure="fig-landscape-loss",
    ),
    Claim(
        id="landscape-order",
        statement="The three logits are learned sequentially: ξ first, and then, rapidly, α "
        "and β₁ (read here as: α, then β₁).",
        where="Figure 7b",
        measure="times at which each has a tenth, and half, of its rise",
        chapter="landscape",
        rule=rules.landscape_order,
        figure="fig-landscape-parameters",
    ),
    Claim(
        id="saddle",
        statement="At L = N the origin is a saddle: one side finds the induction head, later "
        "than for L > N; the other ends in a sub-optimal minimum.",
        where="Figure A.4",
        measure="Hessian at the origin, paths from both sides",
        chapter="landscape",
        rule=rules.saddle,
        figure="fig-landscape-fates",
    ),
    Claim(
        id="tying",
        statement="A conjecture: tying the classifier to the labels makes the slow phase "
        "unnecessary.",
        where="limitations",
        measure="step at which ICL accuracy passes 50%, over that of the same seed untied",
        chapter="minimal",
        rule=rules.tying,
        needs={"tied": ("xi0=1",), **_all_of("6a")},
        figure="fig-minimal-tied",
        beside=remarks.tied_outset,
    ),
]

CLAIMS: dict[str, Claim] = {claim.id: claim for claim in _TABLE}
