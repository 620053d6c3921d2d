"""Curves of runs: what was carried forward is marked, and the words match the data."""

import numpy as np
import pytest
import xarray as xr

from icl.experiments import EXPERIMENTS
from icl.figures import curves
from icl.figures.style import MEASURES
from icl.runs import RunConfig
from icl.task import Task

STEPS = np.arange(0, 20_001, 500)
STOP = 15_000
NAMES = [*curves.PROGRESS, *curves.ACCURACIES, "train_loss", "alpha", "beta1", "beta2"]


@pytest.fixture
def runs():
    """Two made-up seeds with a transition at 10,000 steps, the second stopped by its rule."""
    rise = np.interp(STEPS, [9_000, 11_000], [0.1, 0.9])
    data = {name: (("seed", "step"), np.array([rise, rise])) for name in NAMES}
    data["carried"] = (("seed", "step"), np.array([STEPS > 20_000, STEPS > STOP]))
    data["stopped_at"] = ("seed", np.array([20_000, STOP]))
    config = EXPERIMENTS["6a"].configs[""]
    attributes = {"config": config.model_dump_json()}
    return xr.Dataset(data, coords={"seed": [0, 1], "step": STEPS}, attrs=attributes)


def drawn(ax, colour, dotted):
    """Steps that lines of a colour cover, a set a line."""
    lines = [line for line in ax.lines if line.get_color() == colour and len(line.get_xdata())]
    return [
        set(np.array(line.get_xdata())[np.isfinite(np.array(line.get_ydata(), float))])
        for line in lines
        if (line.get_linestyle() == ":") == dotted
    ]


def test_what_was_carried_forward_is_dotted_and_nothing_else(runs):
    figure, _ = curves.icl_accuracy(runs)
    colour = MEASURES["icl"].colour
    whole, own = set(STEPS), set(STEPS[STEPS <= STOP])
    assert drawn(figure.axes[0], colour, dotted=False) == [whole, own]
    # The dotted part begins where the line ends, so that they join.
    assert drawn(figure.axes[0], colour, dotted=True) == [set(), set(STEPS[STEPS >= STOP])]


def test_a_mean_is_dotted_from_the_first_seed_that_was_carried_forward(runs):
    figure, _ = curves.loss_and_accuracies(runs)
    colour = MEASURES["loss"].colour
    assert drawn(figure.axes[0], colour, dotted=False)[-1] == set(STEPS[STEPS <= STOP])
    assert drawn(figure.axes[0], colour, dotted=True)[-1] == set(STEPS[STEPS >= STOP])


def test_aligned_curves_end_where_a_seed_stopped(runs):
    figure, words = curves.progress(runs, before=5_000, after=8_000)
    last = [max(steps) for steps in drawn(figure.axes[0], MEASURES["icl"].colour, dotted=False)]
    assert last[0] == 8_000
    assert last[1] == pytest.approx(STOP - 10_000, abs=100)
    assert "2 seeds" in words
    assert "in-context learning 0.10, 0.50 and 0.90" in words  # of the one that is there


def test_progress_measures_have_the_names_of_the_text_and_an_axis(runs):
    unaligned = runs.assign(icl_accuracy=xr.zeros_like(runs.icl_accuracy))
    for ds in (runs, unaligned):
        [ax] = curves.progress(ds, before=5_000, after=8_000)[0].axes
        assert ax.get_ylabel() == "attention or accuracy"
        texts = [text.get_text() for text in ax.get_legend().get_texts()]
        short = [text.partition(", ")[0] for text in texts]
        assert short == ["ICL", "ILA1", "TILA2", "CLA", "TLA2"]


def test_without_a_transition_nothing_is_aligned_and_the_words_say_so(runs):
    runs["icl_accuracy"] = xr.zeros_like(runs.icl_accuracy)
    figure, words = curves.progress(runs)
    assert "not aligned" in words
    assert "not aligned" in figure.axes[0].get_title(loc="left")


def test_losses_count_how_seeds_end(runs):
    runs["target_item_label_association"][1] = 0.2 - runs.target_item_label_association[1]
    figure, words = curves.losses(runs)
    texts = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert texts == ["induction head: 1", "elimination: 1"]
    assert "1 ends as induction head" in words
    assert "1 ends as elimination" in words
    alike = runs.copy()
    alike["target_item_label_association"][1] = runs.target_item_label_association[0]
    assert "2 end as induction head" in curves.losses(alike)[1]


def test_logits_have_a_panel_for_each_way_in_which_seeds_end(runs):
    runs["target_item_label_association"][1] = 0.2 - runs.target_item_label_association[1]
    runs["alpha"][1] = -runs.alpha[1]
    figure, words = curves.logits_by_fate(runs)
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles == ["induction head: 1 seed", "elimination: 1 seed"]
    colour = MEASURES["alpha"].colour
    for ax, sign in zip(figure.axes, (1, -1), strict=True):
        alpha = [line.get_ydata() for line in ax.lines if line.get_color() == colour]
        assert len(alpha) == 2  # a seed's line, and what was carried forward
        assert np.nanmax(sign * np.array(alpha[0])) == pytest.approx(0.9)
    assert "elimination, 1 seed: beta1 0.88, alpha -0.88, beta2 0.88" in words
    [one] = curves.logits_by_fate(runs.isel(seed=[0]))[0].axes
    assert one.get_title(loc="left") == "induction head: 1 seed"


def test_a_parameter_that_was_held_at_zero_is_not_drawn(runs):
    _, words = curves.logits(runs)
    assert "beta2" in words
    runs["beta2"] = xr.zeros_like(runs.beta2)
    figure, words = curves.logits(runs)
    assert "beta2" not in words
    assert not drawn(figure.axes[0], MEASURES["beta2"].colour, dotted=False)


def test_a_run_made_in_two_ways_is_told_apart_by_its_numbers():
    rise = np.interp(STEPS, [9_000, 11_000], [0.0, 1.0])
    later = np.interp(STEPS, [10_000, 12_000], [0.0, 1.0])
    names = ("icl_accuracy", "context_label_accuracy")
    data = {name: (("way", "step"), np.array([rise, later])) for name in names}
    ds = xr.Dataset(data, coords={"way": ["by hand", "automatic"], "step": STEPS})
    figure, alt = curves.two_ways(ds)
    assert "by hand at step 10,000, automatic at step 11,000" in alt
    assert "further apart than 0.500" in alt
    solid, dashed = (line.get_ydata() for line in figure.axes[0].lines[:2])
    np.testing.assert_array_equal(solid, rise)
    np.testing.assert_array_equal(dashed, later)


@pytest.mark.parametrize(
    ("B", "name", "level"), [(0, "1/N", 1 / 8), (1, "1/N", 1 / 8), (2, "B/N", 1 / 4)]
)
def test_the_levels_of_chance_are_named_by_what_they_are(runs, B, name, level):
    task = Task(L=32, N=8, B=B)
    assert curves.chance_levels(task) == {"1/L": 1 / 32, name: level}
    runs.attrs["config"] = RunConfig(task=task).model_dump_json()
    figure, words = curves.icl_accuracy(runs)
    assert f"reaches {name} = {level:.3f}: " in words
    for axes in (figure.axes, curves.progress(runs)[0].axes):
        written = {text.get_text(): text.xy[1] for text in axes[0].texts}
        assert written == {"$1/L$": 1 / 32, f"${name}$": level}


def test_waits_are_points_by_seed_and_one_that_does_not_end_is_a_cross_above_them():
    coords = {"seed": [0, 2, 5]}
    share = xr.DataArray([0.04, 0.03, 0.2], coords, ("seed",))
    end = xr.DataArray([40_000.0, np.nan, 9_000.0], coords, ("seed",))
    fig, alt = curves.waits(share, end, 1000)
    (ax,) = fig.axes
    points, cross = (line.get_xydata().tolist() for line in ax.lines)
    assert points == [[0.04, 40_000], [0.2, 9_000]]
    [[x, y]] = cross
    assert x == 0.03
    ticks = dict(
        zip([tick.get_text() for tick in ax.get_yticklabels()], ax.get_yticks(), strict=True)
    )
    assert ticks == {"0": 0, "10k": 10_000, "20k": 20_000, "30k": 30_000, "40k": 40_000, "never": y}
    _, top = ax.spines["left"].get_bounds()
    assert 40_000 < top < y < ax.get_ylim()[1]
    assert {text.get_text(): text.xy[0] for text in ax.texts} == {"0": 0.04, "2": 0.03, "5": 0.2}
    assert alt.endswith(
        "from most to least active: seed 5, 0.200 and 9,000; seed 0, 0.040 and 40,000; "
        "seed 2, 0.030 and never."
    )
    fig, alt = curves.waits(share[1:2], end[1:2], 1000)
    assert [tick.get_text() for tick in fig.axes[0].get_yticklabels()] == ["never"]
    assert alt.endswith("active: seed 2, 0.030 and never.")
    fig, _ = curves.waits(share[::2], end[::2], 1000)
    assert "never" not in {tick.get_text() for tick in fig.axes[0].get_yticklabels()}
