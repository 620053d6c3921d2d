"""The verdicts in words: a line, a text, a table, and what stands behind each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from icl.claims import CLAIMS
from icl.evidence import Answer, Finding
from icl.settings import InputError
from icl.verdicts import OUTCOMES, Claim, Outcome, Verdict

MARKS: dict[Outcome, str] = {
    "reproduced": "●", "partly": "◐", "not reproduced": "○", "not yet run": "–",
}  # fmt: skip
SIGNS: dict[Answer, str] = {"holds": "+", "does not hold": "-", "open": "?"}
Verdicts = Mapping[str, Verdict]


def count(verdicts: Verdicts) -> dict[Outcome, int]:
    """How many claims have each outcome."""
    counted = Counter(verdict.outcome for verdict in verdicts.values())
    return {outcome: counted[outcome] for outcome in OUTCOMES}


def summary(verdicts: Verdicts) -> str:
    """One sentence with the number of claims of each outcome."""
    n = count(verdicts)
    waiting = n["not yet run"]
    is_open = f"; {waiting} {'is' if waiting == 1 else 'are'} open, for want of runs."
    return (
        f"Of {len(verdicts)} claims of the paper {n['reproduced']} are reproduced, {n['partly']} "
        f"in part and {n['not reproduced']} not{is_open if waiting else '.'}"
    )


def statements(verdicts: Verdicts, outcome: Outcome) -> str:
    """The claims with an outcome, each in quotes; *None.* without any."""
    chosen = [name for name, verdict in verdicts.items() if verdict.outcome == outcome]
    return " ".join(f"“{CLAIMS[name].statement}”" for name in chosen) or "None."


def text(verdicts: Verdicts) -> str:
    """A block of lines a claim, for a terminal and for the tests."""
    return "\n".join(_block(name, verdict) for name, verdict in verdicts.items())


def _block(name: str, verdict: Verdict) -> str:
    first = f"{name}: {verdict.outcome}"
    if verdict.papers_iwl:
        first += f" (with the paper's test of IWL: {verdict.papers_iwl})"
    rest = [f"  {_sentence(finding)}" for finding in verdict.findings]
    beside = [f"  {verdict.beside}"] if verdict.beside else []
    return "\n".join([first, *([f"  {verdict.missing}"] if verdict.missing else rest), *beside])


def _sentence(finding: Finding) -> str:
    return (
        f"{SIGNS[finding.answer]} {finding.what}: {finding.estimate}; "
        f"asked for: {finding.condition}"
    )


def table(verdicts: Verdicts) -> str:
    """A Markdown table of two columns, for narrow screens, with a number from each rule: of a claim
    that is reproduced in part the first that falls short, of others the first.
    """
    rows = [
        f"| {CLAIMS[name].statement} {_link(CLAIMS[name])} | {_verdict(verdict)} |"
        for name, verdict in verdicts.items()
    ]
    return "\n".join(["| Claim | Verdict, number [interval] |", "|---|---|", *rows])


def _verdict(verdict: Verdict) -> str:
    words = f"{MARKS[verdict.outcome]} **{verdict.outcome}**"
    if not verdict.findings:
        return words
    short = [f for f in verdict.findings if not f.holds]
    quoted = short[0] if verdict.outcome == "partly" else verdict.findings[0]
    answer = f": {quoted.answer}" if verdict.outcome == "partly" else ""
    number = f"{quoted.estimate}<br><small>{quoted.what}{answer}</small>"
    return f"{words}, {_share(verdict)}<br>{number}"


def _share(verdict: Verdict) -> str:
    """How many of the checks hold."""
    held = sum(finding.holds for finding in verdict.findings)
    return f"{held} of {len(verdict.findings)} checks"


def _link(claim: Claim) -> str:
    """The claim's place in the paper, as a link to where the book shows it."""
    if claim.figure:
        return f"{{ref}}`{claim.where} <{claim.figure}>`"
    return f"{{doc}}`{claim.where} <{claim.chapter}>`"


def details(verdicts: Verdicts) -> str:
    """A Markdown block a claim that the reader can open: measure, rule, and every check."""
    return "\n\n".join(_detail(CLAIMS[name], verdict) for name, verdict in verdicts.items())


def _detail(claim: Claim, verdict: Verdict) -> str:
    lines = [
        f"```{{dropdown}} {claim.id}: {verdict.outcome}",
        f"{claim.statement} *{claim.where}.*\n",
        f"**Measure:** {claim.measure}.\n",
        f"**Rule:** {claim.rule_in_words}\n",
        *(f"- {f.answer}: {_listed(f)}" for f in verdict.findings),
        *([f"Missing: {verdict.missing}."] if verdict.missing else []),
        *([f"\nBeside the rule: {verdict.beside}"] if verdict.beside else []),
    ]
    return "\n".join([*lines, "```"])


def _listed(finding: Finding) -> str:
    return f"{finding.what}, {finding.estimate} (asked for: {finding.condition})"


def checks(verdicts: Verdicts) -> str:
    """A Markdown list of claims with their verdicts, and below each the checks it hangs on."""
    return "\n".join(_checked(CLAIMS[name], verdict) for name, verdict in verdicts.items())


def _checked(claim: Claim, verdict: Verdict) -> str:
    lines = [
        f"- **{verdict.outcome.capitalize()}:** {claim.statement}",
        *(f"  - {f.answer}: {_listed(f)}" for f in verdict.findings),
        *([f"  - missing: {verdict.missing}"] if verdict.missing else []),
        *([f"  - {_papers(verdict)}"] if verdict.papers_iwl else []),
        *([f"  - {verdict.beside}"] if verdict.beside else []),
    ]
    return "\n".join(lines)


def _papers(verdict: Verdict) -> str:
    return f"With the paper's own test of in-weights learning: {verdict.papers_iwl}."


def falls_short(verdict: Verdict) -> bool:
    """Whether a claim is decided and not fully reproduced, by either test of IWL."""
    return verdict.outcome in ("partly", "not reproduced") or verdict.papers_iwl is not None


def shortfalls(verdicts: Verdicts, reasons: Mapping[str, str]) -> str:
    """Markdown for each claim that :func:`falls_short`: what falls short, why, and other numbers.

    What held and what did not comes from the runs, and why from ``reasons``, prose by the claim's
    id; without any, it says that this is still to be written. Raises
    :class:`icl.settings.InputError` for an id that no claim has.
    """
    if unknown := reasons.keys() - CLAIMS.keys():
        raise InputError(f"unknown claim {min(unknown)!r}; known: {', '.join(CLAIMS)}")
    paragraphs = [
        _shortfall(name, verdict, _why(reasons.get(name, "")))
        for name, verdict in verdicts.items()
        if falls_short(verdict)
    ]
    return "\n\n".join(paragraphs) or "Nothing: every claim whose runs are there is reproduced."


def _why(reason: str) -> str:
    return f"*Why:* {reason}" if reason.strip() else "*Why* has not been looked into yet."


def _shortfall(name: str, verdict: Verdict, reason: str) -> str:
    failed, unclear = (
        "; ".join(_listed(f) for f in verdict.findings if f.answer == answer)
        for answer in ("does not hold", "open")
    )
    held = "; ".join(f.what for f in verdict.findings if f.holds)
    parts = [
        f"**{CLAIMS[name].statement}** *{verdict.outcome.capitalize()}: {_share(verdict)} hold.*"
    ]
    if failed:
        parts.append(f"What does not hold: {failed}.")
    if unclear:
        parts.append(f"What is open, with an interval on both sides of its bound: {unclear}.")
    if held and (failed or unclear):
        parts.append(f"What holds: {held}.")
    if verdict.papers_iwl:
        parts.append(_papers(verdict))
    beside = f"\n\nBeside the rule: {verdict.beside}" if verdict.beside else ""
    return f"{' '.join(parts)}\n\n{reason}{beside}"


def missing(verdicts: Verdicts) -> str:
    """A Markdown list of the claims that are not yet run: what they wait for, and its command."""
    items = [
        " ".join(
            [
                f"- {CLAIMS[name].statement} *Missing: {verdict.missing}.*",
                *([verdict.beside] if verdict.beside else []),
                f"To be decided by `{_sweep(CLAIMS[name])}`.",
            ]
        )
        for name, verdict in verdicts.items()
        if verdict.outcome == "not yet run"
    ]
    return "\n".join(items) or "Nothing."


def _sweep(claim: Claim) -> str:
    """The command that makes as many seeds as a verdict asks for."""
    return f"icl sweep --claim {claim.id} --seeds {claim.least}"
