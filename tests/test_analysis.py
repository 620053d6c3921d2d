"""What is read off curves, on curves whose answers are known."""

import numpy as np
import pytest
import xarray as xr

from icl.analysis import (
    aligned,
    at_transition,
    counted,
    crossing,
    crossing_or_end,
    fates,
    final,
    halfway,
    interval,
    late_gain,
    lead,
    risen,
    share_of_change,
    silent_from,
    spread,
    wait_over,
    wait_over_level,
)
from icl.runs import RunConfig
from icl.task import Task

STEPS = np.arange(0, 1001, 10)


def curves(stopped=(1000, 1000, 1000), **columns):
    """Seeds of made-up runs; a column is a list of one curve a seed."""
    data = {name: (("seed", "step"), np.array(rows, float)) for name, rows in columns.items()}
    carried = np.array([stop < STEPS for stop in stopped])
    data["carried"] = (("seed", "step"), carried)
    data["stopped_at"] = ("seed", np.array(stopped))
    return xr.Dataset(data, coords={"seed": np.arange(len(stopped)), "step": STEPS})


def ramp(start, end, low=0.0, high=1.0):
    """From low to high between two steps, straight."""
    return np.interp(STEPS, [start, end], [low, high])


RUNS = curves(
    icl_accuracy=[ramp(400, 600), ramp(600, 800), np.full(len(STEPS), 0.1)],
    early=[ramp(100, 300, 0.2, 0.8), ramp(100, 300, 0.2, 0.8), ramp(100, 300, 0.2, 0.8)],
    late=[ramp(400, 600), ramp(600, 800), ramp(0, 1)],
    flat=[np.full(len(STEPS), 0.3)] * 3,
)


def test_a_crossing_is_found_between_records_and_missed_where_there_is_none():
    np.testing.assert_allclose(crossing(RUNS), [500, 700, np.nan])
    np.testing.assert_allclose(crossing(RUNS, 0.512), [502.4, 702.4, np.nan])
    levels = xr.DataArray([0.25, 0.75, 0.05], dims="seed", coords={"seed": RUNS.seed})
    np.testing.assert_allclose(crossing(RUNS, levels), [450, 750, 0])


def test_a_seed_that_never_learns_counts_with_the_last_step_of_any():
    np.testing.assert_allclose(crossing_or_end(RUNS), [500, 700, 1000])


def test_the_wait_is_over_half_way_from_a_random_label_to_one_of_the_context():
    twice = Task(N=4, L=32, B=2)  # of two classes, so two labels stand in a context
    assert wait_over_level(Task(N=4, L=32, B=1)) == (1 / 32 + 1 / 4) / 2
    assert wait_over_level(twice) == (1 / 32 + 1 / 2) / 2
    ds = RUNS.assign_attrs(config=RunConfig(task=twice).model_dump_json())
    level = (1 / 32 + 1 / 2) / 2
    np.testing.assert_allclose(wait_over(ds), [400 + 200 * level, 600 + 200 * level, np.nan])


def test_crossing_of_no_seeds_is_empty():
    assert crossing(RUNS.isel(seed=slice(0))).shape == (0,)


def test_halfway_is_between_a_measures_own_first_and_final_value():
    np.testing.assert_allclose(halfway(RUNS, "early"), [200, 200, 200])
    assert np.isnan(halfway(RUNS, "flat")).all()


def test_lead_counts_from_the_transition_and_is_unknown_without_one():
    np.testing.assert_allclose(lead(RUNS, "early"), [-300, -500, np.nan])
    np.testing.assert_allclose(lead(RUNS, "late"), [0, 0, np.nan])


def test_share_of_the_rise_ahead_of_the_transition():
    np.testing.assert_allclose(risen(RUNS, "early", 300), [0.5, 1, np.nan], atol=1e-12)
    np.testing.assert_allclose(risen(RUNS, "late", 50), [0.25, 0.25, np.nan], atol=1e-12)
    np.testing.assert_allclose(at_transition(RUNS, "early", 350), [0.35, 0.8, np.nan])
    assert np.isnan(at_transition(RUNS, "early", 501)[0])  # before step 0


def test_aligned_curves_end_where_the_stop_rule_ended_the_seed():
    ds = curves(
        stopped=(1000, 650, 1000), icl_accuracy=[ramp(400, 600), ramp(400, 600), ramp(400, 600)]
    )
    moved = aligned(ds, ["icl_accuracy"], before=200, after=200, points=5)
    np.testing.assert_allclose(moved.since, [-200, -100, 0, 100, 200])
    np.testing.assert_allclose(moved.icl_accuracy[0], [0, 0, 0.5, 1, 1])
    np.testing.assert_allclose(moved.icl_accuracy[1], [0, 0, 0.5, 1, np.nan])


def test_final_is_a_mean_of_the_last_records():
    ds = curves(stopped=(1000,), x=[np.arange(len(STEPS))])
    assert final(ds, "x", records=3).values.tolist() == [99]


def test_what_is_carried_forward_does_not_count_at_the_end():
    """A seed's final value is its own, whichever others stand beside it."""
    alone = xr.Dataset(
        {"x": (("seed", "step"), [[0.0, 1, 2, 3]]), "carried": (("seed", "step"), [[False] * 4])},
        coords={"seed": [0], "step": [0, 10, 20, 30]},
    )
    beside = xr.Dataset(
        {
            "x": (("seed", "step"), [[0.0, 1, 2, 3, 3, 3], [9, 8, 7, 6, 5, 4]]),
            "carried": (("seed", "step"), [[False] * 4 + [True] * 2, [False] * 6]),
        },
        coords={"seed": [0, 1], "step": range(0, 60, 10)},
    )
    assert final(alone, "x", records=3).values.tolist() == [2]
    assert final(beside, "x", records=3).values.tolist() == [2, 5]


def test_late_gain_ends_where_the_seed_did():
    ds = curves(stopped=(1000, 600), x=[STEPS / 100, STEPS / 100])
    held = np.minimum(STEPS, 600) / 100  # carried forward from where the rule ended the seed
    ds["x"] = (("seed", "step"), np.array([STEPS / 100, held]))
    assert late_gain(ds, "x", before=150).values == pytest.approx([1.5, 1.5])
    assert late_gain(ds, "x", before=600).seed.values.tolist() == ds.seed.values.tolist()


def test_fates_are_told_apart_by_accuracy_and_by_where_the_target_looks():
    solved, failed = ramp(400, 600), np.full(len(STEPS), 0.2)
    more, less = ramp(400, 600, 0.06, 0.7), ramp(400, 600, 0.06, 0.01)
    ds = curves(
        stopped=(1000,) * 4,
        icl_accuracy=[solved, solved, failed, failed],
        target_item_label_association=[more, less, more, less],
    )
    assert fates(ds).values.tolist() == ["induction head", "elimination", "neither", "neither"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([1, 5, 2], "2.00 (1.00 to 5.00)"),
        ([1, np.nan, 4], "2.50 (1.00 to 4.00, 2 of 3 seeds)"),
        ([np.nan, np.nan], "no seed"),
        ([], "no seed"),
        ([3], "3.00"),
        ([-0.001, 0.001], "0.00 (0.00 to 0.00)"),
        ([12000, 34000], "23,000.00 (12,000.00 to 34,000.00)"),
    ],
)
def test_spread_in_words(values, words):
    assert spread(xr.DataArray(np.array(values, float), dims="seed")) == words


def test_counted():
    assert [counted(n, "seed") for n in (0, 1, 2, 1200)] == [
        "0 seeds", "1 seed", "2 seeds", "1,200 seeds",
    ]  # fmt: skip


def test_interval_solves_wilsons_equation():
    for k, n in ((0, 6), (2, 6), (6, 6), (7, 24)):
        for z, bounds in ((1.959964, interval(k, n)), (2.575829, interval(k, n, 0.99))):
            for bound in bounds:
                # The share lies z standard errors from the bound, by the error that the bound has.
                expected = z**2 * bound * (1 - bound) / n
                assert (k / n - bound) ** 2 == pytest.approx(expected, rel=2e-6)


def test_a_network_is_silent_from_where_all_its_logits_are_equal():
    """The loss is ln L for good, after it has crossed it once; near it; and far from it."""
    L = 8
    logits = np.random.default_rng(0).standard_normal((5, L)) * np.array([[[0.0]], [[1e-4]]])
    losses = [-(z - np.log(np.exp(z).sum(1, keepdims=True)))[:, 0].mean() for z in logits]
    silent, faint = losses
    ds = curves(
        icl_loss=[
            np.where(STEPS < 700, faint, silent), np.full(len(STEPS), faint), ramp(0, 900, 2.2, 0)
        ]
    )  # fmt: skip
    ds.attrs["config"] = RunConfig(task=Task(L=L)).model_dump_json()
    np.testing.assert_array_equal(silent_from(ds), [700, np.nan, np.nan])


def test_a_level_is_reached_where_it_is_touched():
    touch = np.minimum(STEPS / 1000, 0.5)
    ds = curves((1000, 1000), icl_accuracy=[touch, 0.5 + 0 * STEPS])
    np.testing.assert_array_equal(crossing(ds), [500, 0])


def test_only_a_rise_of_5_percent_has_a_half_way():
    rise = STEPS / 1000
    ds = curves(x=[0.1 * rise, 0.04 * rise, 1 - rise])
    assert np.isfinite(halfway(ds, "x")).values.tolist() == [True, False, False]


def test_what_returns_has_no_share_of_change():
    hump = np.where(STEPS == 500, 0.5, 0.0)
    when = xr.DataArray([500.0], {"seed": [0]}, "seed")
    assert np.isnan(share_of_change(curves((1000,), x=[hump]), "x", when)).all()


def test_a_fate_needs_half_of_the_answers():
    looks = [STEPS / 1000] * 2
    few, most = 0.4 + 0 * STEPS, 0.6 + 0 * STEPS
    ds = curves((1000, 1000), icl_accuracy=[few, most], target_item_label_association=looks)
    assert fates(ds).values.tolist() == ["neither", "induction head"]
