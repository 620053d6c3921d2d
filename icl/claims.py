"""What the paper claims, and what the stored runs say about it.

A claim's rule (:mod:`icl.rules`, written before its runs) is a list of checks. It is *reproduced*
if all of them hold, *not reproduced* if none does, and *partly* reproduced otherwise. It is *not
yet run* as long as a configuration that the rule asks for has fewer than three stored seeds; a
claim about the share of seeds that learn waits for more.

In-weights accuracy is measured with the target's class kept out of the context, since only then can
in-context learning not pass for it. Where the paper's own test gives another verdict, that is said.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, NamedTuple

import xarray as xr

from icl import rules
from icl.evidence import LEAST_SEEDS, Finding
from icl.experiments import EXPERIMENTS, Experiment
from icl.rules import BURSTS, CLASSES, Rule, Runs
from icl.runs import RunConfig, Store, combine
from icl.settings import InputError

Outcome = Literal["reproduced", "partly", "not reproduced", "not yet run"]
OUTCOMES: tuple[Outcome, ...] = ("reproduced", "partly", "not reproduced", "not yet run")

IWL, PAPERS_IWL = "iwl_absent_accuracy", "iwl_accuracy"


class Verdict(NamedTuple):
    """What a rule says; its first finding is the number to quote."""

    outcome: Outcome
    findings: tuple[Finding, ...] = ()
    missing: str = ""  # what is not yet run
    papers_iwl: Outcome | None = None  # with the paper's own test of IWL, if that differs
    beside: str = ""  # what else the runs say, that the rule does not ask for


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper, and how it is decided.

    ``needs`` maps experiments to the labels of the configurations that the rule cannot do without.
    """

    id: str
    statement: str
    where: str  # in the paper
    measure: str
    chapter: str  # of the book that shows it
    rule: Rule
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    figure: str = ""  # its name on that page, if it has one of its own
    least: int = LEAST_SEEDS  # seeds of each configuration before it is decided
    beside: Callable[[Runs], str] = field(default=lambda runs: "")  # said whatever the verdict

    @property
    def rule_in_words(self) -> str:
        """The rule as it stands in its docstring."""
        return " ".join((inspect.getdoc(self.rule) or "").split())

    def decide(self, runs: Runs, level: float = 0.95) -> Verdict:
        """Apply the rule to the stored seeds, with intervals of a level between 0 and 1.

        Raises :class:`icl.settings.InputError` for another level.
        """
        if not 0 < level < 1:
            raise InputError(f"level={level} must be between 0 and 1, such as 0.95")
        beside = self.beside(runs)
        if missing := self._missing(runs):
            return Verdict("not yet run", missing=missing, beside=beside)
        needed = {name: runs[name] for name in self.needs}
        findings = _apply(self.rule, needed, IWL, level)
        outcome = _outcome(findings)
        papers = _outcome(_apply(self.rule, needed, PAPERS_IWL, level)) if self.needs else outcome
        return Verdict(outcome, findings, "", papers if papers != outcome else None, beside)

    def _missing(self, runs: Runs) -> str:
        counts = {
            name: [_seeds(runs, name, label) for label in labels]
            for name, labels in self.needs.items()
        }
        return "; ".join(
            f"experiment {name}: {sum(n >= self.least for n in seeds)} of {len(seeds)} "
            f"configurations have {self.least} seeds ({sum(seeds)} seeds in all)"
            for name, seeds in counts.items()
            if min(seeds) < self.least
        )


def _seeds(runs: Runs, name: str, label: str) -> int:
    ds = runs.get(name, {}).get(label)
    return 0 if ds is None else int(ds.sizes["seed"])


def _apply(rule: Rule, runs: Runs, iwl: str, level: float) -> tuple[Finding, ...]:
    enough = {
        name: {
            label: ds.assign(iwl=ds[iwl])
            for label, ds in configs.items()
            if ds.sizes["seed"] >= LEAST_SEEDS
        }
        for name, configs in runs.items()
    }
    return tuple(check.find(level) for check in rule(enough))


def _outcome(findings: tuple[Finding, ...]) -> Outcome:
    held = [finding.holds for finding in findings]
    return "reproduced" if all(held) else "partly" if any(held) else "not reproduced"


def stored(
    experiment: str, root: Path | str | None = None, seeds: int | None = None
) -> dict[str, xr.Dataset]:
    """The stored seeds of an experiment by label of the configuration; nothing is trained.

    Parameters
    ----------
    experiment: its name in :data:`icl.experiments.EXPERIMENTS`.
    root: the store's folder; by default as in :class:`icl.runs.Store`.
    seeds: look at the first so many of the experiment's seeds; by default at all.

    Raises :class:`icl.store.CorruptFile` for a file that is not what was written.
    """
    to, chosen = Store(root), EXPERIMENTS[experiment]
    found = {label: _load(to, c, chosen.seeds[:seeds]) for label, c in chosen.configs.items()}
    return {
        label: combine(chosen.configs[label], datasets)
        for label, datasets in found.items()
        if datasets
    }


def _load(to: Store, config: RunConfig, seeds: tuple[int, ...]) -> list[xr.Dataset]:
    return [ds for seed in seeds if (ds := to.load(config, seed)) is not None]


def scorecard(root: Path | str | None = None, level: float = 0.95) -> dict[str, Verdict]:
    """A verdict on every claim from the stored runs, by the claim's id. Raises as `stored`."""
    runs = {name: stored(name, root) for name in EXPERIMENTS}  # what stands beside needs others too
    return {name: claim.decide(runs, level) for name, claim in CLAIMS.items()}


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


def _grid(*bursts: int) -> tuple[str, ...]:
    return tuple(f"K={K}, B={B}" for K in CLASSES for B in bursts)


_ZIPF = {"2c": ("alpha=1.0",)}
_STEEP = ("alpha=1.25", "alpha=1.5", "alpha=1.75")

_TABLE = [
    Claim(
        "data-K",
        "More classes K: more in-context, less in-weights learning.",
        "Figure 2a",
        "ICL and IWL accuracy at the end",
        "data_dependence",
        rules.data_K,
        {"2a": _grid(*BURSTS)},
        figure="fig-data-dependence",
    ),
    Claim(
        "data-B",
        "More burstiness B: more in-context, less in-weights learning.",
        "Figure 2a",
        "ICL and IWL accuracy at the end",
        "data_dependence",
        rules.data_B,
        {"2a": _grid(*BURSTS)},
        figure="fig-data-dependence",
    ),
    Claim(
        "capacity",
        "Without burstiness (B = 0) the network learns every K perfectly in its weights.",
        "Figure 2a, section 3",
        "IWL accuracy at the end",
        "data_dependence",
        rules.capacity,
        {"2a": _grid(0)},
        figure="fig-data-dependence",
    ),
    Claim(
        "data-eps",
        "More variation within classes: more in-context, less in-weights learning.",
        "Figure 2b",
        "ICL and IWL accuracy at the end",
        "data_dependence",
        rules.data_eps,
        _all_of("2b"),
        figure="fig-data-dependence",
        beside=rules.by_variation,
    ),
    Claim(
        "zipf-both",
        "Zipf's law (α = 1) gives both in-context and in-weights learning.",
        "Figure 2c",
        "ICL and IWL accuracy at the end",
        "data_dependence",
        rules.zipf_both,
        _ZIPF,
        figure="fig-data-dependence",
    ),
    Claim(
        "zipf-rare",
        "At α = 1 common classes are learned in weights and rare ones are not.",
        "section 3, on Figure 2c",
        "IWL accuracy by rank of the class",
        "data_dependence",
        rules.zipf_rare,
        _ZIPF,
        figure="fig-data-ranks",
    ),
    Claim(
        "zipf-steep",
        "Where ranks fall off faster than Zipf's law (α > 1), in-context learning is lost.",
        "Figure 2c",
        "ICL accuracy at the end",
        "data_dependence",
        rules.zipf_steep,
        {"2c": _STEEP},
        figure="fig-data-dependence",
    ),
    Claim(
        "zipf-flat",
        "Where they fall off more slowly (α < 1), it is learned if K is large enough.",
        "Figure 2c, section 3",
        "ICL accuracy at the end",
        "data_dependence",
        rules.zipf_flat,
        {"2c": ("alpha=0.0", "alpha=0.5", "alpha=0.75"), "2a": ("K=128, B=1",)},
        figure="fig-data-dependence",
    ),
    Claim(
        "pB-iwl",
        "With sequences that are not bursty (p_B < 1), and no novel classes, weights win.",
        "section 3, “results not shown”",
        "IWL and ICL accuracy at the end",
        "data_dependence",
        rules.pB_iwl,
        _all_of("p_B"),
        figure="fig-data-not-bursty",
    ),
    Claim(
        "both",
        "With some such sequences and some of novel classes, both are learned.",
        "Figure A.1",
        "ICL and IWL accuracy at the end",
        "data_dependence",
        rules.both,
        _all_of("A.1"),
        figure="fig-data-both",
    ),
    Claim(
        "freeze",
        "Once in-context learning is there, in-weights learning stops improving.",
        "section 3",
        "IWL accuracy after ICL has come near its end",
        "data_dependence",
        rules.freeze,
        {**_ZIPF, **_all_of("1d")},
        beside=rules.forgetting,
    ),
    Claim(
        "three-layers",
        "The classifier needs at least three layers for perfect in-weights learning.",
        "section 2",
        "IWL accuracy at the end",
        "data_dependence",
        rules.three_layers,
        _all_of("layers"),
        figure="fig-data-layers",
    ),
    Claim(
        "not-transient",
        "In-context learning, once there, stays.",
        "discussion",
        "ICL accuracy at the end, less its highest",
        "network",
        rules.not_transient,
        _all_of("3", "1d"),
        figure="fig-network-accuracies",
    ),
    Claim(
        "slow-abrupt",
        "In-context accuracy has a slow phase and then rises abruptly to about 1.",
        "Figure 3a",
        "times at which ICL accuracy passes 25% and 75%",
        "network",
        rules.slow_abrupt,
        _all_of("3"),
        figure="fig-network-transition",
        beside=rules.waiting,
    ),
    Claim(
        "slow-is-1/N",
        "The slow phase goes from 1/L to 1/N: the network learns to name a label of the context.",
        "section 3",
        "context–label accuracy (CLA), and ICL accuracy beside it",
        "progress_measures",
        rules.slow_is_one_in_N,
        _all_of("3"),
        figure="fig-progress-aligned",
        beside=rules.later_in_the_rise,
    ),
    Claim(
        "maps",
        "Before the transition attention has no pattern; after it layer 1 looks at the previous "
        "token and the target at the right label.",
        "Figure 3b",
        "attention maps, means over test sequences",
        "network",
        rules.maps,
        _all_of("3"),
        figure="fig-network-maps",
    ),
    Claim(
        "order",
        "Context–label accuracy and target–labels association rise in the slow phase, the two "
        "associations of an induction head at the transition, in every seed.",
        "Figure 4",
        "time of half of each measure's change, relative to the transition",
        "progress_measures",
        rules.order,
        _all_of("3"),
        figure="fig-progress-aligned",
        beside=rules.early_rise,
    ),
    Claim(
        "minimal-same",
        "A model of three attention parameters has the same dynamics, and a shorter slow phase.",
        "Figure 6a",
        "as `order` and `slow-abrupt`; time of the transition",
        "minimal",
        rules.minimal_same,
        _all_of("6a", "3"),
        figure="fig-minimal-three",
    ),
    Claim(
        "beta2-not-needed",
        "Without β₂ the induction head forms as before: attention to labels is not its cause.",
        "Figure 6b",
        "ILA1 and TILA2 at the end, and their times",
        "minimal",
        rules.beta2_not_needed,
        _all_of("6a", "6b"),
        figure="fig-minimal-two",
    ),
    Claim(
        "two-parameter-data",
        "Two parameters show every dependence on data of Figure 2.",
        "Figure A.3",
        "as `data-K`, `data-B`, `data-eps`, `zipf-both` and `zipf-steep`",
        "minimal",
        rules.two_parameter_data,
        {"A.3a": _grid(*BURSTS), **_all_of("A.3b"), "A.3c": ("alpha=1.0", *_STEEP)},
        figure="fig-minimal-data",
        beside=rules.still_rising,
    ),
    Claim(
        "LN-slow-phase",
        "With L = N the slow phase is gone: two of six seeds learn in context, four end worse.",
        "Figure 6c",
        "share of seeds with ICL accuracy above 0.5; loss of the others",
        "minimal",
        rules.equal_labels_minimal,
        _all_of("6c"),
        figure="fig-minimal-equal",
        least=len(EXPERIMENTS["6c"].seeds),
        beside=rules.fates_minimal,
    ),
    Claim(
        "full-LN",
        "The full network learns in context robustly for L > N and not for L = N.",
        "Figure A.5",
        "share of seeds with ICL accuracy above 0.5",
        "data_dependence",
        rules.equal_labels_full,
        _all_of("A.5"),
        figure="fig-data-N-L",
        beside=rules.fates_full,
    ),
    Claim(
        "gradient-origin",
        "At the origin only ξ has a slope, −(L−N)/(L(2N+1)).",
        "section 3, on Figure 7",
        "difference of the loss over the formula",
        "landscape",
        rules.gradient_origin,
    ),
    Claim(
        "landscape-curve",
        "On the landscape, too, the loss falls slowly and then abruptly.",
        "Figure 7a",
        "times at which the loss passes 75% and 25%",
        "landscape",
        rules.landscape_curve,
        figure="fig-landscape-loss",
    ),
    Claim(
        "landscape-order",
        "The three logits are learned in sequence: ξ, then α, then β₁.",
        "Figure 7b",
        "times at which each has a tenth, and half, of its rise",
        "landscape",
        rules.landscape_order,
        figure="fig-landscape-parameters",
    ),
    Claim(
        "saddle",
        "At L = N the origin is a saddle: one side finds the induction head, later than for L > N; "
        "the other ends in a sub-optimal minimum.",
        "Figure A.4",
        "Hessian at the origin, paths from both sides",
        "landscape",
        rules.saddle,
        figure="fig-landscape-fates",
    ),
    Claim(
        "tying",
        "A conjecture: tying the classifier to the labels makes the slow phase unnecessary.",
        "limitations",
        "step at which ICL accuracy passes 50%, over that of the same seed untied",
        "minimal",
        rules.tying,
        {"tied": ("xi0=1",), **_all_of("6a")},
        figure="fig-minimal-tied",
        beside=rules.tied_outset,
    ),
]

CLAIMS: dict[str, Claim] = {claim.id: claim for claim in _TABLE}
