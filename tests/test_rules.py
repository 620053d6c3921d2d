"""The numbers behind verdicts, on curves of which they are known by hand."""

import numpy as np
import pytest
import xarray as xr
from paper_world import needed, paper, set_icl

from icl.analysis import crossing
from icl.claims import CLAIMS


def given(name, experiment, **points):
    """What a claim needs of the paper's world, with some curves straight between points."""
    made = needed(CLAIMS[name], paper())
    ds = made[experiment][""]
    columns = {
        measure: 0 * ds[measure]
        + xr.DataArray(np.interp(ds.step, *zip(*at, strict=True)), dims="step")
        for measure, at in points.items()
    }
    made[experiment][""] = ds.assign(columns)
    return made


def numbers(name, made):
    return {finding.what: finding.estimate.value for finding in CLAIMS[name].decide(made).findings}


def test_the_rise_is_from_25_to_75_percent_over_the_time_before_it():
    points = [(0, 0), (40_000, 0.25), (50_000, 0.7), (80_000, 0.75)]
    found = numbers("slow-abrupt", given("slow-abrupt", "3", icl_accuracy=points))
    assert found["time of the rise over the time before"] == pytest.approx(1)


def test_the_slow_phase_ends_at_2_over_N_and_is_looked_at_half_way_to_a_cla_of_1():
    """N = 8 and L = 32, so that CLA starts at 1/4."""
    made = given(
        "slow-is-1/N",
        "3",
        icl_accuracy=[(0, 0), (100_000, 1)],
        context_label_accuracy=[(0, 0.25), (150_000, 1)],
    )
    assert numbers("slow-is-1/N", made) == pytest.approx(
        {
            "CLA when ICL accuracy is 2/N": 0.375,
            "ICL accuracy less CLA/N, CLA half-way to 1": 0.75 - 0.625 / 8,
        }
    )


def test_maps_are_those_half_way_to_the_transition_and_of_seeds_that_have_one():
    made = needed(CLAIMS["maps"], paper())
    ds = made["3"][""]
    late = ds.step > 0.6 * crossing(ds)  # after the half-way point, before the transition
    made["3"][""] = ds.assign(map1=xr.where(late, ds.map1.isel(step=-1), ds.map1.isel(step=0)))
    assert numbers("maps", made)["layer 1 off uniform before"] == pytest.approx(0, abs=1e-12)

    never = ds.icl_accuracy.where(ds.seed != 2, 0.1)
    idle = ds.map1.where(ds.seed != 2, ds.map1.isel(step=0))
    made["3"][""] = ds.assign(icl_accuracy=never, map1=idle)
    after = CLAIMS["maps"].decide(made).findings[0].estimate
    assert (after.value, after.left_out) == (pytest.approx(1), 1)


def test_iwl_is_parted_where_icl_is_within_5_percent_of_its_end():
    rise = [(0, 0), (125_000, 1)]
    made = given(
        "freeze",
        "1d",
        icl_accuracy=[(0, 0), (100_000, 1)],
        iwl_absent_accuracy=rise,
        iwl_accuracy=rise,
    )
    gained = numbers("freeze", made)["IWL gained after ICL was learned, Figure 1d"]
    assert gained == pytest.approx(1 - 95 / 125)


def test_the_highest_accuracy_is_a_mean_of_ten_records():
    made = needed(CLAIMS["not-transient"], paper())
    ds = made["3"][""]
    peak = xr.where(ds.step == 100_000, 0.2, 0.0)
    made["3"][""] = ds.assign(icl_accuracy=0 * ds.icl_accuracy + 0.7 + peak)
    found = numbers("not-transient", made)
    assert found["ICL accuracy at the end less its highest, Figure 3"] == pytest.approx(-0.02)


def test_the_papers_share_is_two_of_six():
    found = numbers("LN-slow-phase", needed(CLAIMS["LN-slow-phase"], paper()))
    share = found["share of seeds that learn in context"]
    less = found["share of seeds that learn in context, less two of six"]
    assert less == pytest.approx(share - 1 / 3)


@pytest.mark.parametrize(
    ("name", "experiment", "what"),
    [
        ("novel-sooner", "p_C", "time of the transition with novel classes over that without"),
        ("tying", "tied", "steps to the transition, tied over not"),
    ],
)
def test_a_seed_that_never_learns_counts_with_the_last_step(name, experiment, what):
    made = needed(CLAIMS[name], paper())
    set_icl(made, experiment, 0.1)
    finding = next(f for f in CLAIMS[name].decide(made).findings if f.what == what)
    assert finding.estimate.left_out == 0
    assert finding.estimate.value > 1
