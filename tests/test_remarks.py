"""What is said beside the rules, on made-up curves."""

import re

import numpy as np
import pytest
import xarray as xr
from paper_world import needed, paper, set_iwl

from icl import remarks, scorecard
from icl.analysis import crossing, final, late_gain, spread
from icl.claims import CLAIMS


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
    assert (
        "induction head 0.0100 (0.0100 to 0.0100), elimination 0.0100, "
        "neither 1.0000 (1.0000 to 1.0000)."
    ) in after.beside
    told = after.beside.partition("counted as learning in context (intervals of 95%): ")[2]
    shares = re.findall(r"in context(?:, less two of six)?, (-?[\d.]+) \[", told)
    assert [float(share) for share in shares] == pytest.approx([7 / 24, 7 / 24 - 2 / 6], abs=1e-4)
    assert "loss of the others, less theirs, 0.9318 [" in told  # 16 at 1, one at 0.01, less 0.01
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
    made = {label: paper()["A.5"][label] for label in ("N=4, L=4", "N=4, L=8", "N=2, L=8")}
    sooner = made["N=4, L=8"]
    made["N=4, L=8"] = sooner.assign(stopped_at=sooner.stopped_at - 100_000)
    loss = f"{', '.join(['1.000'] * 5)} nats, where guessing a label of the context costs 1.386"
    found = "L=N=4, of 6 seeds 1 induction head, 0 elimination, 5 neither"
    found += f" (of neither the training loss ends at {loss})"
    equal = "at step 150,000 (150,000 to 150,000) with L=N"
    assert remarks.fates_full({"A.5": made}) == (
        f"By what the target attends to: {found}, and seeds ended {equal} and "
        "at 50,000 (50,000 to 50,000) with L > N."
    )
    alone = remarks.fates_full({"A.5": {"N=4, L=4": made["N=4, L=4"]}})
    assert alone.endswith(f"{found}, and seeds ended {equal}.")


def test_a_seed_that_learns_too_late_for_the_mean_at_its_end_is_told():
    ds = paper()["A.5"]["N=4, L=4"].isel(seed=[0, 1])
    late = ds.icl_accuracy.where(~((ds.seed == 1) & (ds.step > 148_000)), 0.9)
    said = remarks.fates_full({"A.5": {"N=4, L=4": ds.assign(icl_accuracy=late)}})
    assert "of 2 seeds 1 induction head, 0 elimination, 1 neither (of neither " in said
    low = float(late.sel(seed=1, step=148_000))
    passed = 148_000 + 1_000 * (0.5 - low) / (0.9 - low)
    assert f"costs 1.386; 50% is passed at step {passed:,.0f}), and seeds" in said


def test_what_was_gained_before_the_stop_rule_ended_a_seed_is_told():
    """Curves that rise by 0.1 in 10,000 steps, one seed ended before the other."""
    steps, ended = np.arange(0, 60_001, 500), np.array([40_000, 60_000])
    rise = 1e-5 * np.minimum(steps, ended[:, None])
    ds = xr.Dataset(
        {"icl_accuracy": (("seed", "step"), rise), "stopped_at": ("seed", ended)},
        coords={"seed": [0, 1], "step": steps},
        attrs=paper()["A.3c"]["alpha=1.0"].attrs,
    )
    assert remarks.still_rising({"A.3c": {"alpha=1.0": ds}}) == (
        "At alpha=1 seeds ended at step 50,000 (40,000 to 60,000); in the 10,000 steps before that "
        "their ICL accuracy rose by 0.100 (0.100 to 0.100)."
    )
    longer = ds.assign(iwl_absent_accuracy=0 * ds.icl_accuracy + 0.25)
    said = remarks.still_rising(
        {"A.3c": {"alpha=1.0": ds}, "A.3-long": {"alpha=1.0": longer, "alpha=0.0": ds}}
    )
    assert said.endswith(
        f" Without the stop rule 2 seeds end, after {steps[-1]:,} steps, with ICL accuracy "
        f"{spread(final(ds, 'icl_accuracy'))} and IWL accuracy 0.25 (0.25 to 0.25)."
    )


def test_what_is_known_before_any_training():
    """The made-up seeds begin at CLA N/L, tied or not, and a tied one near its transition."""
    made = paper()
    assert remarks.tied_outset({"6a": made["6a"]}) == (
        "Before any training: untied, CLA 0.25 (0.25 to 0.25) and ICL accuracy "
        "0.031 (0.031 to 0.031)."
    )
    tied = {"xi0=1": made["tied"]["xi0=1"].assign(
        context_label_accuracy=0 * made["tied"]["xi0=1"].icl_accuracy + 0.75
    )}  # fmt: skip
    said = remarks.tied_outset({"6a": made["6a"], "tied": tied})
    assert said.startswith("Before any training: tied, CLA 0.75 (0.75 to 0.75) and ICL accuracy 0.")
    assert "; untied, CLA 0.25 (" in said


def test_seeds_that_wait_are_told_from_those_that_do_not():
    made = {"3": dict(paper()["3"])}
    first, rise = remarks.waiting(made).split(". The rise from 25% to 75% takes, ")
    assert first == "Of 6 seeds 6 reach 50% and end at 0.982 (0.980 to 0.985)"
    ds = made["3"][""]
    begins, low, high = (crossing(ds, level) for level in ((1 / 32 + 1 / 8) / 2, 0.25, 0.75))
    assert rise == (
        "as a share of the slow phase alone, from half-way to 1/N until 25%, "
        f"{spread((high - low) / (low - begins), 3)}."
    )
    made["3"][""] = ds.assign(icl_accuracy=ds.icl_accuracy.where(ds.seed != 2, 1 / 32))
    assert remarks.waiting(made).startswith("Of 6 seeds 5 reach 50% and end at ")
    assert "; the others end at 0.031. The rise " in remarks.waiting(made)

    silent = (ds.seed == 2) & (ds.step >= 90_000)
    made["3"][""] = made["3"][""].assign(icl_loss=ds.icl_loss.where(~silent, np.log(32)))
    equal = "; the others end at 0.031, 1 of them with all logits equal from step 90,000 on. The "
    assert equal in remarks.waiting(made)

    [(label, longer)] = paper()["3-long"].items()
    late, never = longer.isel(seed=0), longer.isel(seed=0).assign_coords(seed=5)
    never["icl_accuracy"] = 0 * never.icl_accuracy + 0.25
    made["3-long"] = {label: xr.concat([late, never], "seed")}
    assert remarks.waiting(made).endswith(
        f", 5 of 6 seeds). Given {int(longer.step.max()):,} steps, seed "
        f"{int(late.seed)} passes 50% at step {crossing(longer).item():,.0f} and ends at "
        f"{final(longer, 'icl_accuracy').item():.3f}; seed 5 does not pass 50% and ends at 0.250."
    )


def test_the_slow_phase_is_told_from_the_wait_before_it():
    """By hand: from 5/64 at step 10,000 to 1/2 at step 25,000, and never."""
    step = np.array([0, 10_000, 20_000, 30_000])
    icl = np.array([[1 / 32, 5 / 64, 0.3, 0.7], [1 / 32, 1 / 32, 1 / 32, 1 / 32]])
    ds = xr.Dataset(
        {"icl_accuracy": (("seed", "step"), icl)},
        coords={"seed": [0, 1], "step": step},
        attrs=paper()["3"][""].attrs,
    )
    assert remarks.slow_phases({"3": {"": ds}}) == (
        "From half-way to 1/N until 50%: full network, 15,000 (15,000 to 15,000, 1 of 2 seeds) "
        "steps, after a wait of 10,000 (10,000 to 10,000, 1 of 2 seeds)."
    )
    assert remarks.slow_phases(paper()).count(" steps, after a wait of ") == 2


def test_what_has_risen_at_the_end_of_the_slow_phase():
    """In the made-up world CLA and TLA2 are done by then, and the induction head has not begun."""
    words = remarks.early_rise(paper())
    assert "CLA 1.00 (1.00 to 1.00); TLA2 1.00 (1.00 to 1.00); " in words
    late = [float(share) for share in re.findall(r"(?:ILA1|TILA2) ([\d.]+) ", words)]
    assert len(late) == 2
    assert max(late) < 0.2  # 1/7, as the accuracy itself: (2/N - 1/N) / (1 - 1/N)
    one = "1.000 (1.000 to 1.000)"
    said = remarks.later_in_the_rise(paper())
    assert said == f"CLA when ICL accuracy is 2/N, {one}; 3/N, {one}; 4/N, {one}."


def test_maps_and_changes_are_read_where_the_words_say():
    """ICL accuracy, CLA and TLA2 go from 0 to 1 in 150,000 steps, and pass 1/2 in the middle."""
    ds = paper()["3"][""]
    line = ds.step / 150_000 + 0 * ds.icl_accuracy
    names = ("icl_accuracy", "context_label_accuracy", "target_labels_association")
    made = {"3": {"": ds.assign(dict.fromkeys(names, line))}}
    same = "{0} ({0} to {0})".format
    end = 1 - 4.5 / 150  # a mean of ten records
    assert f"CLA {same(f'{0.25 / end:.2f}')}; " in remarks.early_rise(made)
    assert remarks.shortly_before(made).endswith(f"(TLA2), {same(f'{70 / 150:.3f}')}.")


def test_cla_is_read_where_icl_is_at_each_multiple():
    """ICL goes from 0 to 1 in 100,000 steps and CLA from 1/4 to 1 in 150,000; N is 8."""
    ds = paper()["3"][""]
    icl, cla = np.minimum(ds.step / 100_000, 1), 0.25 + 0.75 * ds.step / 150_000
    straight = ds.assign(
        icl_accuracy=icl + 0 * ds.icl_accuracy, context_label_accuracy=cla + 0 * ds.icl_accuracy
    )
    said = remarks.later_in_the_rise({"3": {"": straight}})
    assert re.findall(r"/N, ([\d.]+) ", said) == ["0.375", "0.438", "0.500"]


def test_what_the_maps_show_shortly_before_the_transition():
    """In the made-up world nothing of the induction head, and all of the attention to labels."""
    half, words = remarks.shortly_before(paper()).split(" 5,000 steps before", 1)
    assert words.startswith(" the transition: layer 1 off uniform, 0.000 (")
    # There labels are all named after 0.4 of the time, and the wait is over half-way to that.
    assert half.startswith("Half-way, where the rule looks, 0 of 6 seeds still wait at 1/L, and ")
    assert half.endswith("CLA is 1.00 (1.00 to 1.00).")
    assert "; right label's attention less the mean other's, 0.000 (0.000 to 0.000); " in words
    assert words.endswith(" to all labels together (TLA2), 0.950 (0.950 to 0.950).")


def test_seeds_that_still_wait_half_way_to_the_transition_are_told():
    """ICL stays at 0, and goes to 1 in the last 10,000 of 150,000 steps; CLA is straight."""
    ds = paper()["3"][""]
    late = np.maximum((ds.step - 140_000) / 10_000, 0) + 0 * ds.icl_accuracy
    waits = late.where(ds.seed < 4, ds.icl_accuracy).where(ds.seed < 5, 0.0)
    cla = ds.step / 150_000 + 0 * ds.icl_accuracy
    made = ds.assign(icl_accuracy=waits, context_label_accuracy=cla)
    said = remarks.shortly_before({"3": {"": made}})
    assert "4 of 5 seeds still wait at 1/L, and CLA is 0.48 (0.10 to 0.48, 5 of 6 seeds). " in said


def test_forgetting_is_the_distance_from_the_highest():
    made = {"6a": dict(paper()["6a"])}
    set_iwl(made, "6a", 0.75)
    ds = made["6a"][""]
    fall = xr.where(ds.step > 75_000, 0.5, 0.0)
    made["6a"][""] = ds.assign(iwl_absent_accuracy=ds.iwl_absent_accuracy - fall)
    said = "IWL ends below its highest: with novel classes, Figure 6a, by 0.50 (0.50 to 0.50)."
    assert remarks.forgetting(made) == said


def test_what_is_left_to_learn_once_icl_is_learned_is_told():
    """The loss falls by 1 nat in 150,000 steps; ICL goes to 1 in the middle, in one seed never."""
    ds = paper()["1d"][""]
    straight = 1 - ds.step / 150_000 + 0 * ds.train_loss
    learned = xr.where(ds.seed > 0, 1.0, 0.4) * (ds.step >= 75_000)
    made = ds.assign(train_loss=straight, icl_accuracy=learned.transpose("seed", "step"))
    when = 74_000 + 1_000 * 0.95
    left = f"{1 - when / 150_000:.4f}"
    assert remarks.forgetting({"1d": {"": made}}).endswith(
        " Training loss when ICL came within 0.05 of its end (nats): Figure 1d, "
        f"{left} ({left} to {left}, 5 of 6 seeds)."
    )


def test_seeds_that_learn_nothing_by_heart_are_told_with_their_loss():
    scan = {label: paper()["2a"][label] for label in ("K=128, B=0", "K=128, B=1", "K=2048, B=0")}
    assert remarks.by_heart({"2a": scan}) == ""
    ds = scan["K=2048, B=0"]
    dull = ds.seed == 1
    scan["K=2048, B=0"] = ds.assign(
        iwl_absent_accuracy=ds.iwl_absent_accuracy.where(~dull, 0.03),
        train_loss=ds.train_loss.where(~dull, 3.4657),
    )
    bursty = scan["K=128, B=1"]  # which is not asked for
    scan["K=128, B=1"] = bursty.assign(iwl_absent_accuracy=0 * bursty.iwl_absent_accuracy)
    assert remarks.by_heart({"2a": scan}) == (
        "Below one half end: K=2048, B=0, 1 seed with a training loss of 3.4657 nats, where a "
        "random label costs 3.4657."
    )


def test_what_variation_within_classes_leaves_to_be_read_is_told():
    """Of eps = 0 all of it; of made-up curves their ends."""
    scan = {label: paper()["2b"][label] for label in ("eps=0.0", "eps=1.6")}
    words = remarks.by_variation({"2b": scan})
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

    ds = scan["eps=1.6"]
    chance = ds.icl_accuracy.where(ds.seed != 1, 0.01)
    short = remarks.by_variation({"2b": {**scan, "eps=1.6": ds.assign(icl_accuracy=chance)}})
    assert short.endswith(". Below one half end: eps=1.6, 1 seed, whose wait at 1/L is not over.")
    even = ds.icl_loss.where(ds.seed != 1, np.log(32))
    short = remarks.by_variation(
        {"2b": {**scan, "eps=1.6": ds.assign(icl_accuracy=chance + ds.step / 1e6, icl_loss=even)}}
    )
    *_, tail = short.partition(" Below one half end: ")
    assert tail.startswith("eps=1.6, 1 seed, whose wait at 1/L is over at step ")
    assert tail.endswith(", 1 of them with all logits equal from step 0 on.")

    longer = paper()["2b-long"]["eps=1.6"].isel(seed=slice(2))
    icl, gained, ila1 = (
        spread(values)
        for values in (
            final(longer, "icl_accuracy"),
            late_gain(longer),
            final(longer, "item_label_association"),
        )
    )
    assert remarks.by_variation({"2b": scan, "2b-long": {"eps=1.6": longer}}) == (
        f"{words} Trained for {int(longer.step.max()):,} steps, 2 seeds of eps=1.6 end with ICL "
        f"accuracy {icl}, of it {gained} gained in the last 10,000, and ILA1 {ila1}."
    )


def test_what_steep_exponents_still_gain_is_told():
    scan = dict(paper()["2c"])
    ds = scan["alpha=1.25"]
    scan["alpha=1.25"] = ds.assign(icl_accuracy=ds.icl_accuracy + ds.step / ds.step[-1])
    words = remarks.steep_late({"2c": scan})
    gain, none = "0.067 (0.067 to 0.067)", "0.000 (0.000 to 0.000)"
    assert words == (
        "In the last 10,000 steps before seeds ended ICL accuracy rose by: "
        f"alpha=1.25, {gain}; alpha=1.5, {none}; alpha=1.75, {none}. "
        "At alpha=1 it ends at 0.90 (0.90 to 0.91)."
    )
    alone = {"2c": {"alpha=1.5": scan["alpha=1.5"]}}
    assert remarks.steep_late(alone) == (
        f"In the last 10,000 steps before seeds ended ICL accuracy rose by: alpha=1.5, {none}."
    )
    longer = paper()["2c-long"]["alpha=1.25"]
    assert remarks.steep_late({**alone, "2c-long": {"alpha=1.25": longer}}).endswith(
        f": alpha=1.5, {none}. Trained for 150,000 steps, 3 seeds of alpha=1.25 end with ICL "
        "accuracy 0.98 (0.98 to 0.98), of it 0.00 (0.00 to 0.00) gained in the last 10,000."
    )


def test_what_novel_classes_change_is_told():
    made = {"p_C": paper()["p_C"]}
    ends = "ICL accuracy 0.98 (0.98 to 0.98) and IWL accuracy 0.90 (0.90 to 0.90)"
    ds = made["p_C"]["p_C=0.8"]
    levels = ((1 / 32 + 1 / 8) / 2, 0.5, 0.95)
    begins, half, most = (spread(crossing(ds, level), 0) for level in levels)
    sooner = (
        f"the wait at 1/L is over at step {begins}, seeds pass 50% at {half} and 95% at {most}, "
        f"and end with {ends}"
    )
    assert remarks.with_novel(made) == f"With novel classes, {sooner}."
    both = remarks.with_novel({**made, "2c": paper()["2c"]})
    assert both.startswith(f"With novel classes, {sooner}; without, the wait at 1/L is over ")
    assert " and never 95%, and end with ICL accuracy 0.90 (0.90 to 0.91) " in both
    assert remarks.with_novel({"2c": paper()["2c"]}) == ""


def test_what_sequences_that_are_not_bursty_change_is_told():
    made = {"p_B-control": paper()["p_B-control"]}
    said = "ICL accuracy 0.98 (0.98 to 0.98) and IWL accuracy 0.90 (0.90 to 0.90)"
    assert remarks.bursty_in_part(made) == f"With K=1024: p_B=0.9, {said}."
    both = remarks.bursty_in_part({**made, "2b": paper()["2b"]})
    assert both.startswith(f"With K=1024: p_B=0.9, {said}; p_B=1, ICL accuracy 0.52 (")
    assert remarks.bursty_in_part({"2b": paper()["2b"]}) == ""


def test_exponents_that_the_rule_of_two_parameters_leaves_out_are_told():
    scan = paper()["A.3c"]
    assert remarks.still_rising({"A.3c": scan}).endswith(
        "The rule leaves smaller alpha out; ICL accuracy there: alpha=0.0, 0.90 (0.90 to 0.91); "
        "alpha=0.5, 0.90 (0.90 to 0.91); alpha=0.75, 0.90 (0.90 to 0.91)."
    )
    assert "leaves" not in remarks.still_rising({"A.3c": {"alpha=1.0": scan["alpha=1.0"]}})


def test_what_two_parameters_still_gained_at_steep_exponents_is_told():
    scan = dict(paper()["A.3c"])
    rising = scan["alpha=1.5"]
    scan["alpha=1.5"] = rising.assign(icl_accuracy=1e-6 * rising.step + 0 * rising.icl_accuracy)
    gains = [f"{g} ({g} to {g})" for g in ("0.000", "0.010", "0.000")]
    told = [f"alpha={a}, {g}" for a, g in zip(("1.25", "1.5", "1.75"), gains, strict=True)]
    assert f" it rose in these steps by: {'; '.join(told)}." in remarks.still_rising({"A.3c": scan})


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=list(CLAIMS))
def test_nothing_is_said_beside_a_rule_without_runs(claim):
    assert claim.beside({}) == ""
