"""The verdicts in words, for the page and for a terminal."""

import ast

import numpy as np
import pytest
from paper_world import paper, set_iwl

from icl import chapters, claims, scorecard
from icl.analysis import LEARNED, crossing, final, silent_from
from icl.claims import CLAIMS
from icl.evidence import Estimate
from icl.experiments import load_stored
from icl.rules import FLAT, PERFECT
from icl.settings import InputError


@pytest.fixture(scope="module")
def verdicts():
    made = {name: dict(configs) for name, configs in paper().items()}
    set_iwl(made, "2a", 0.5)
    del made["6c"][""]
    return claims.decide(made, *CLAIMS)


def test_the_summary_counts(verdicts):
    counts = scorecard.count(verdicts)
    assert sum(counts.values()) == 28
    assert counts["not yet run"] == 1  # 6c, whose runs were taken away
    assert counts["not reproduced"] == 1  # capacity
    assert counts["partly"] == 4  # data-K, data-B and two of the landscape
    few = "Of 28 claims of the paper 22 are reproduced, 4 in part and 1 not"
    assert scorecard.summary(verdicts) == f"{few}; 1 is open, for want of runs."


def test_the_summary_speaks_of_open_claims_where_there_are_some(verdicts):
    names = ("capacity", "LN-slow-phase")
    not_reproduced, not_yet_run = (verdicts[name] for name in names)
    assert scorecard.summary({"a": not_reproduced}).endswith("0 in part and 1 not.")
    assert scorecard.summary({"a": not_yet_run, "b": not_yet_run}).endswith(
        "and 0 not; 2 are open, for want of runs."
    )


def test_claims_with_an_outcome_are_quoted(verdicts):
    assert scorecard.statements(verdicts, "not reproduced") == f"“{CLAIMS['capacity'].statement}”"
    both = f"“{CLAIMS['landscape-order'].statement}” “{CLAIMS['saddle'].statement}”"
    assert scorecard.statements(verdicts, "partly").endswith(both)
    assert scorecard.statements({}, "partly") == "None."


def test_the_text_has_each_verdict_and_each_check(verdicts):
    lines = scorecard.text(verdicts).splitlines()
    assert "capacity: not reproduced" in lines
    assert "  - IWL accuracy, K=128, B=0: 0.5 [0.5, 0.5], n = 6; asked for: above 0.95" in lines
    assert sum(line[:3] in ("  +", "  -", "  ?") for line in lines) == sum(
        len(verdict.findings) for verdict in verdicts.values()
    )


def test_the_table_has_a_row_a_claim_of_two_cells(verdicts):
    head, rule, *rows = scorecard.table(verdicts).splitlines()
    assert len(rows) == 28
    assert {row.count("|") for row in (head, rule, *rows)} == {3}
    for row, (name, verdict) in zip(rows, verdicts.items(), strict=True):
        assert CLAIMS[name].statement in row
        assert f" **{verdict.outcome}**" in row


def test_details_have_the_rule_and_every_finding(verdicts):
    blocks = scorecard.details(verdicts).split("\n\n```{dropdown} ")
    assert len(blocks) == 28
    for block, (name, verdict) in zip(blocks, verdicts.items(), strict=True):
        assert f"**Rule:** {CLAIMS[name].rule_in_words}" in block
        assert block.count("\n- ") == len(verdict.findings)


def test_every_shortfall_has_its_paragraph_and_its_reason(verdicts):
    text = scorecard.shortfalls(verdicts, {"capacity": "Too short.", "both": "Not shown."})
    paragraphs = text.split("\n\n")
    assert sum(p.startswith("**") for p in paragraphs) == 5
    capacity = next(p for p in paragraphs if CLAIMS["capacity"].statement in p)
    assert paragraphs[paragraphs.index(capacity) + 1] == "*Why:* Too short."
    assert "*Not reproduced: 0 of 5 checks hold.*" in capacity
    assert "IWL accuracy, K=128, B=0, 0.5 [0.5, 0.5], n = 6 (asked for: above 0.95)" in capacity
    assert "Not shown." not in text
    assert sum(p.endswith("*Why* has not been looked into yet.") for p in paragraphs) == 4


def test_a_partly_reproduced_claim_names_what_holds_and_what_does_not(verdicts):
    text = scorecard.shortfalls({"data-K": verdicts["data-K"]}, {})
    assert "*Partly: 1 of 2 checks hold.*" in text
    assert "What does not hold: IWL accuracy, K=2048 less K=128, 0 [0, 0]" in text
    assert "What holds: ICL accuracy, K=2048 less K=128." in text
    assert "What is open" not in text


def test_the_table_quotes_of_a_part_what_falls_short(verdicts):
    partly, whole = verdicts["data-K"], verdicts["both"]
    short, held = partly.findings[1], whole.findings[0]
    row = scorecard.table({"data-K": partly}).splitlines()[-1]
    said = f"{short.estimate}<br><small>{short.what}: does not hold</small> |"
    assert row.endswith(f"**partly**, 1 of 2 checks<br>{said}")
    row = scorecard.table({"both": whole}).splitlines()[-1]
    assert row.endswith(f" checks<br>{held.estimate}<br><small>{held.what}</small> |")


def test_what_an_interval_leaves_open_is_neither_held_nor_failed(verdicts):
    holds, short = verdicts["data-K"].findings
    left = short._replace(answer="open", estimate=Estimate(0.1, -0.2, 0.3, 6))
    verdict = verdicts["data-K"]._replace(findings=(holds, left), beside="And more.")
    text = scorecard.shortfalls({"data-K": verdict}, {"data-K": "Few seeds."})
    first, why, more = text.split("\n\n")
    listed = f"{left.what}, 0.1 [-0.2, 0.3], n = 6 (asked for: {left.condition})"
    assert f"on both sides of its bound: {listed}. What holds: {holds.what}." in first
    assert "does not hold" not in text
    assert (why, more) == ("*Why:* Few seeds.", "Beside the rule: And more.")
    assert f"  ? {left.what}: 0.1 [" in scorecard.text({"data-K": verdict})
    assert f"  - open: {listed}" in scorecard.checks({"data-K": verdict})
    assert f"\n- open: {listed}" in scorecard.details({"data-K": verdict})


def test_a_claim_falls_short_by_either_test_of_in_weights_learning(verdicts):
    short = [name for name, verdict in verdicts.items() if scorecard.falls_short(verdict)]
    assert sorted(short) == ["capacity", "data-B", "data-K", "landscape-order", "saddle"]
    assert scorecard.falls_short(verdicts["both"]._replace(papers_iwl="not reproduced"))


def said(value):
    """The words of a string, formatted or not, as they stand in the source."""
    strings = (node.value for node in ast.walk(value) if isinstance(node, ast.Constant))
    return "".join(string for string in strings if isinstance(string, str))


def reasons_on_the_page():
    """The claims for which `book/scorecard.py` has a reason."""
    for cell in chapters.read("scorecard").cells:
        for line in ast.parse(cell.source).body if cell.cell_type == "code" else []:
            if isinstance(line, ast.Assign) and line.targets[0].id == "reasons":
                pairs = zip(line.value.keys, line.value.values, strict=True)
                return {key.value: said(value) for key, value in pairs}
    pytest.fail("no reasons")


def test_the_claims_that_fall_short_in_the_shipped_runs_and_no_others_have_a_reason():
    verdicts = claims.scorecard(chapters.SHIPPED)
    short = {name for name, verdict in verdicts.items() if scorecard.falls_short(verdict)}
    assert short == {name for name, reason in reasons_on_the_page().items() if reason.strip()}


def test_what_reasons_say_in_words_is_so_in_the_shipped_runs():
    reasons = reasons_on_the_page()
    scan = load_stored("2a", chapters.SHIPPED)
    assert "with $K=2048$ all but one" in reasons["capacity"]
    idle = {
        label: list(ds.seed.values[(ds.train_loss - np.log(32) > -0.001).all("step")])
        for label, ds in scan.items()
    }
    assert {label: seeds for label, seeds in idle.items() if seeds} == {
        "K=2048, B=0": [4],
        "K=2048, B=1": [4],
    }
    assert silent_from(scan["K=2048, B=1"]).dropna("seed").seed.values.tolist() == [4]

    scan = load_stored("2b", chapters.SHIPPED)
    assert "in all seeds but one" in reasons["data-eps"]
    below = [int((final(ds, "icl_accuracy") < LEARNED).sum()) for ds in scan.values()]
    assert below == [0, 0, 0, 0, 1, 5]
    assert "one whose classifier falls silent" in reasons["data-eps"]
    assert int(silent_from(scan["eps=1.6"]).notnull().sum()) == 1

    assert "but for two with $N=8$" in reasons["full-LN"]
    scan = load_stored("A.5", chapters.SHIPPED)
    at_chance = {
        label: list(ds.seed.values[final(ds, "icl_accuracy") < LEARNED])
        for label, ds in scan.items()
    }
    assert {label: seeds for label, seeds in at_chance.items() if seeds} == {
        "N=4, L=4": [1, 4, 5],  # "and some do not"
        "N=8, L=8": [0, 1, 2, 3, 4, 5],  # "none learns in context"
        "N=8, L=16": [5],
        "N=8, L=32": [2],
    }
    transition = crossing(scan["N=4, L=4"])
    assert transition.seed[transition.notnull()].values.tolist() == [0, 1, 2, 3]  # 1: too late

    assert "hardly one passes 95%" in reasons["novel-sooner"]
    assert "three seeds each" in reasons["novel-sooner"]
    without = load_stored("2c", chapters.SHIPPED)[FLAT[0]]
    assert (crossing(without, PERFECT).notnull().sum(), PERFECT) == (1, 0.95)
    unbiased = load_stored("p_C-unbiased", chapters.SHIPPED)
    assert [ds.sizes["seed"] for ds in unbiased.values()] == [3, 3]


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


def test_reasons_for_a_claim_that_is_not_there_are_refused(verdicts):
    with pytest.raises(InputError, match=r"^unknown claim 'data-L'; known: data-K, "):
        scorecard.shortfalls(verdicts, {"data-L": ""})


def test_what_is_missing_is_listed(verdicts):
    assert scorecard.missing(verdicts).splitlines() == [
        f"- {CLAIMS['LN-slow-phase'].statement} *Missing: experiment 6c: 0 of 1 configurations "
        "have 24 seeds (0 seeds in all).* "
        "To be decided by `icl sweep --claim LN-slow-phase --seeds 24`.",
    ]
