"""How a claim is decided: a rule, the runs that it asks for, and the verdict that follows.

A claim's rule (:mod:`icl.rules`, written before its runs) is a list of checks. It is *reproduced*
if all of them hold, *not reproduced* if none does, and *partly* reproduced otherwise. It is *not
yet run* as long as a configuration that the rule asks for has fewer than three stored seeds; a
claim about the share of seeds that learn waits for more.

In-weights accuracy is measured with the target's class kept out of the context, since only then can
in-context learning not pass for it. Where the paper's own test gives another verdict, that is said.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from icl.evidence import LEAST_SEEDS, Finding
from icl.rules import Rule, Runs
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
