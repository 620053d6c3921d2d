"""Figures of the task, of attention and of the landscape draw the data they are given, and say so.

The data are made up or small, so that what must be seen is known.
"""

import math
import re

import numpy as np
import pytest
import xarray as xr

from icl.circuits import pointer_by_distance
from icl.figures import attention, landscape, task
from icl.landscape import Landscape, Path
from icl.model import Model
from icl.runs import RunConfig
from icl.settings import InputError
from icl.task import Kind, Sequences, Task, World

SMALL = Task(K=8, L=4, N=2, D=16, P=9, novel=8)


def drawn(ax, points=3):
    """The data of lines of so many points or more, in the order of drawing."""
    return [line.get_xydata().T for line in ax.lines if len(line.get_xdata()) >= points]


def numbers(text):
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?(?:e[-+]\d+)?", text)]


# The task


def test_a_sequence_is_drawn_token_by_token():
    batch = Sequences(
        labels=np.array([[0, 0], [3, 1]]),
        items=np.zeros((2, 3, SMALL.D), np.float32),
        target=np.array([0, 1]),
        window=np.array([0, 4]),
        classes=np.array([[0, 0, 0], [7, 9, 9]]),
        kind=np.array([Kind.BURSTY, Kind.NOVEL], np.uint8),
    )
    fig, alt = task.sequence(World(SMALL, 0), batch, row=1)
    boxes = {text.get_position()[0]: text.get_text() for text in fig.axes[0].texts[:5]}
    said = [text.get_text() for text in fig.axes[0].texts]
    assert [boxes[x] for x in range(5)] == ["8", "3", "2′", "1", "2′"]
    assert "→ 1" in said
    assert "positions 4 to 8 of 0 to 8" in said
    assert alt == (
        "A sequence of 5 tokens from position 4: class 8 with label 3, class 2′ with label 1; "
        "then the target of class 2′, answer 1."
    )


def test_test_sequences_have_the_answers_of_their_kinds():
    _, alt = task.probes(World(SMALL.replace(N=4, K=16), 3))
    kinds = alt.partition("One test sequence of each kind. ")[2].split(". ")
    pairs = [re.findall(r"class (\d+′?) with label (\d+)", kind) for kind in kinds]
    ends = [re.search(r"target of class (\d+′?), answer (\d+)", kind).groups() for kind in kinds]
    assert [len(pair) for pair in pairs] == [4] * 4
    novel, swapped, trained, absent = zip(pairs, ends, strict=True)
    for shown, end in (novel, swapped):
        assert end in shown
    assert novel[1][0].endswith("′")
    for shift, (shown, end) in ((1, swapped), (0, trained), (0, absent)):
        for number, label in (*shown, end):
            assert int(label) == (int(number) - 1 + shift) % 4
    assert absent[1][0] not in dict(absent[0])


def test_targets_are_counted_by_rank_beside_the_power_law():
    fig, alt = task.rank_frequency(SMALL.replace(K=16), [0.0, 1.0], batches=8)
    lines = drawn(fig.axes[0], points=1)
    ranks = np.arange(1.0, 17.0)
    for alpha, line, dots in ((0, *lines[:2]), (1, *lines[2:])):
        law = ranks**-alpha / sum(ranks**-alpha)
        np.testing.assert_allclose(line, [ranks, law])
        np.testing.assert_allclose(dots[1], np.interp(dots[0], ranks, law), rtol=0.5, atol=0.01)
    assert "Share of 1,024 targets" in alt
    flat, steep = (float(share) for share in re.findall(r"the first class ([\d.]+)%", alt))
    assert flat == pytest.approx(100 / 16, abs=4)
    assert steep == pytest.approx(100 / sum(1 / ranks), abs=8)


def test_a_class_stands_in_the_context_by_chance_as_often_as_draws_hit_it():
    fig, alt = task.class_by_chance(SMALL, [8, 16], [0.0])
    shares = [1 - (1 - 1 / K) ** 2 for K in (8, 16)]
    np.testing.assert_allclose(drawn(fig.axes[0], points=2), [[[8, 16], shares]])
    assert f"alpha=0: {shares[0]:.1%} at K=8, {shares[1]:.1%} at K=16" in alt


def test_similarity_falls_with_the_variability_within_a_class():
    epsilons = [0.0, 0.5, 1.0]
    fig, alt = task.similarity(SMALL.replace(D=64), epsilons)
    same, other, exact = drawn(fig.axes[0])
    law = [1, 0.8, 0.5]
    np.testing.assert_allclose(exact[1], 1 / (1 + exact[0] ** 2))
    assert (len(exact[0]), exact[0][0], exact[0][-1]) == (100, 0, 1)  # smooth, as far as the dots
    np.testing.assert_allclose(same, [epsilons, law], atol=0.15)  # of 8 class means
    np.testing.assert_allclose(other, [epsilons, [0] * 3], atol=0.15)
    assert f"falls from {same[1][0]:.2f} at eps=0 to {same[1][-1]:.2f} at eps=1" in alt


def test_copies_of_the_targets_class_are_counted():
    fig, alt = task.repeats(SMALL, bursts=[1, 2], fractions=[0.0, 1.0], size=2000)
    bars = [
        {
            (round(bar.get_x() + bar.get_width() / 2), round(bar.get_height(), 6))
            for bar in ax.patches
        }
        for ax in fig.axes
    ]
    assert bars[0] == {(0, 0), (0, 1), (1, 0), (1, 1)}  # one copy at B=1, two at B=2
    absent = (1 - 1 / 8) ** 2
    by_chance = max(height for place, height in bars[1] if place == 0)
    assert by_chance == pytest.approx(absent, abs=0.04)
    assert (1, 1) in bars[1]
    assert "by B: at 1, 1 in 100%; at 2, 2 in 100%. " in alt
    assert f"by p_B: at 0, 0 in {by_chance:.0%}, 1 in " in alt
    assert alt.endswith("; at 1, 1 in 100%.")


@pytest.mark.parametrize(
    "draw",
    [
        lambda seed: task.rank_frequency(SMALL, [1.0], seed),
        lambda seed: task.similarity(SMALL, [0.0, 0.5], seed),
        lambda seed: task.repeats(SMALL, [1, 2], [0.0, 0.5], seed),
    ],
    ids=["rank_frequency", "similarity", "repeats"],
)
def test_what_is_drawn_is_of_the_seed_that_is_asked_for(draw):
    (_, once), (_, again), (_, other) = draw(0), draw(0), draw(7)
    assert once == again != other


# Attention


def runs_with_maps(task):
    """Runs of N = 2, maps and rows made up."""
    rng = np.random.default_rng(0)
    return xr.Dataset(
        {
            "map1": (("seed", "step", "query", "key"), rng.random((2, 3, 5, 5))),
            "row2": (("seed", "step", "pair", "key"), rng.random((2, 3, 2, 5))),
        },
        {"seed": [0, 4], "step": [0, 500, 1000]},
        {"config": RunConfig(task=task).model_dump_json()},
    )


def test_maps_are_those_of_the_seed_and_of_the_steps_asked_for():
    runs = runs_with_maps(SMALL)
    maps, rows = runs.map1.values, runs.row2.values
    fig, alt = attention.maps(runs, before=0, after=900, seed=4)
    shown = [ax.images[0].get_array() for ax in fig.axes[:4]]
    for image, wanted in zip(shown, [maps[1, 0], maps[1, 2], rows[1, 0], rows[1, 2]], strict=True):
        np.testing.assert_array_equal(image, wanted)
    assert alt.startswith("Attention of seed 4,")
    for record, step in ((0, "0"), (2, "1,000")):
        previous = (maps[1, record, 1, 0] + maps[1, record, 3, 2]) / 2  # label from its item
        right = (rows[1, record, 0, 1] + rows[1, record, 1, 3]) / 2  # a pair's label is its second
        assert (
            f"at step {step} labels pay {previous:.2f} of their attention to the item before them "
            f"in layer 1, and the target pays {right:.2f} to the right label in layer 2"
        ) in alt


def test_maps_of_several_pairs_of_a_class_go_by_the_first_and_say_so():
    fig, alt = attention.maps(runs_with_maps(SMALL.replace(B=2)), before=0, after=900, seed=4)
    assert alt.count(" to the right label of its class's first pair in layer 2") == 2
    assert fig.axes[2].get_ylabel().startswith("first pair of the target's class")


def test_maps_of_runs_without_are_refused():
    with pytest.raises(InputError, match=r"^runs hold no attention maps: train with maps=True$"):
        attention.maps(runs_with_maps(SMALL).drop_vars(["map1", "row2"]), before=0, after=900)


def test_weights_of_position_are_drawn_by_distance_from_the_query():
    positions, others = 6, 3
    query, key = np.indices((positions, positions))
    trained = np.zeros((positions + others,) * 2)
    trained[:positions, :positions] = 0.1 * (query - key) + 7 * (query == key + 1)
    same = np.eye(positions + others)
    start, end = {"Q1": same, "K1": 0.01 * same}, {"Q1": same, "K1": trained}
    fig, alt = attention.positional_weights(start, end, positions)
    initial, final = drawn(fig.axes[0])
    distances = np.arange(-5, 6)
    np.testing.assert_allclose(initial, [distances, 0.01 * (distances == 0)])
    np.testing.assert_allclose(final, [distances, 0.1 * distances + 7 * (distances == 1)])
    assert numbers(alt.partition("Initially")[2])[:3] == [0.01, 7.1, 0.5]


def test_pointers_are_drawn_by_distance_a_line_a_seed():
    rng = np.random.default_rng(0)
    size = SMALL.P + SMALL.D
    one, two, three = (
        {name: rng.standard_normal((size, size)) for name in ("V1", "Q2", "K2")} for _ in range(3)
    )
    fig, alt = attention.pointers({"much": [one, two], "little": [three]}, SMALL.P)
    (ax,) = fig.axes
    lines = drawn(ax)
    assert len(lines) == 3
    for theta, (x, y) in zip((one, two, three), lines, strict=True):
        assert list(x) == list(range(-6, 7))
        np.testing.assert_allclose(y, pointer_by_distance(theta, SMALL.P, list(range(-6, 7))))
    after = np.mean([lines[0][1][7], lines[1][1][7]])
    others = np.delete([lines[0][1], lines[1][1]], 7, axis=1)
    assert (
        f"much, 2 seeds: {after:.1f} one position on, and {others.min():.1f} to "
        f"{others.max():.1f} elsewhere; little, 1 seed: "
    ) in alt
    colours = {text.get_text(): text.get_color() for text in ax.texts}
    assert colours == {"much": ax.lines[0].get_color(), "little": ax.lines[2].get_color()}
    with pytest.raises(InputError, match=r"^a, b, c: there are colours for 2 groups of seeds"):
        attention.pointers({"a": [one], "b": [two], "c": [three]}, SMALL.P)


def test_cuts_are_drawn_seed_by_seed_with_their_median_and_the_levels_of_guessing():
    found = xr.DataArray(
        [[0.9, 1.0, 0.95], [0.1, 0.3, 0.05]],
        {"cut": ["nothing", "layer 2, target to labels"], "seed": [0, 1, 4]},
        ("cut", "seed"),
    )
    fig, alt = attention.after_cuts(found, SMALL)
    fig.draw_without_rendering()
    (ax,) = fig.axes
    assert [label.get_text() for label in ax.get_yticklabels()] == found.cut.values.tolist()
    assert [list(values) for values, _ in drawn(ax)] == found.values.tolist()
    medians = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "o"]
    assert medians == [0.95, 0.1]
    levels = {text.get_text(): text.xy[0] for text in ax.texts}
    assert levels == {"1/L": 1 / 4, "1/N": 1 / 2}
    assert alt == (
        "In-context accuracy after attention is cut, median and range over 3 seeds: nothing, 0.95 "
        "(0.90 to 1.00); layer 2, target to labels, 0.10 (0.05 to 0.30)."
    )


def test_the_drawing_of_the_network_has_its_sizes():
    config = RunConfig(task=SMALL, model=Model(hidden=2))
    fig, alt = attention.architecture(config)
    words = {text.get_text() for text in fig.axes[0].texts}
    assert words >= {"5 × 25", "25", "2 × 25 ReLU", "softmax over 4"}
    assert "a classifier of 2 hidden layers and a softmax over 4 labels" in alt


# The landscape: a path by hand, whose loss is a straight line from 2 to 0

TIME = np.arange(101.0)
SHARE = TIME / 100
LOGITS = np.stack([3 * SHARE**3, 2 * SHARE**2, SHARE], axis=-1)  # beta1, alpha, xi
PATH = Path(TIME, LOGITS, 2 - 2 * SHARE)
BOTH = Path(  # two starts side by side
    TIME,
    np.stack([LOGITS, -LOGITS[:, ::-1]], axis=1),
    np.stack([2 - 2 * SHARE, 2 - 1.5 * SHARE], axis=1),
)
LAND = Landscape(N=4, L=8)


def test_the_loss_is_drawn_with_its_fall():
    fig, alt = landscape.loss_curve(LAND, PATH)
    ax = fig.axes[0]
    np.testing.assert_allclose(drawn(ax), [[TIME, PATH.loss]])
    levels = [line.get_ydata()[0] for line in ax.lines if len(line.get_xdata()) == 2]
    assert levels == [math.log(8), math.log(4)]
    assert (ax.patches[0].get_x(), ax.patches[0].get_width()) == pytest.approx((10, 80))
    when = 100 * (1 - math.log(4) / 2)
    assert alt == (
        "The loss falls from 2.00 to 1.80 until time 10, then to 0.20 by time 90. It passes log N "
        f"= 1.39 at time {when:.1f}, where it falls by 0.02 a unit of time, against 0.02 on "
        "average until then."
    )


def test_a_level_that_the_loss_never_passes_is_not_spoken_of():
    short = Path(TIME, LOGITS, 2 - 0.1 * SHARE)
    assert "It passes" not in landscape.loss_curve(LAND, short)[1]
    beside = Path(TIME, BOTH.theta, np.stack([PATH.loss, 2 - 0.1 * SHARE], axis=1))
    said = landscape.two_fates(LAND, beside)[1]
    assert said.endswith(
        "by elimination, at times never, never, never, with 1.90 at the end, time 100."
    )
    assert "L=8, never from 0.1" in landscape.times_by_start(4, [1, 0.1], {8: [9, math.nan]})[1]


def test_every_logit_has_its_own_curve_and_name():
    fig, alt = landscape.parameter_curves(PATH)
    ax = fig.axes[0]
    np.testing.assert_allclose(drawn(ax), [[TIME, values] for values in LOGITS.T])
    names = [text.get_text().partition(",")[0] for text in ax.texts]
    assert names == [r"$\beta_1$", r"$\alpha$", r"$\xi$"]
    assert [text.xy for text in ax.texts] == [(100, 3), (100, 2), (100, 1)]
    # Shares of what each has at time 90, where the loss is at a tenth.
    assert (
        " by xi, 29.0 by alpha, 42.0 by beta1; "
        "half of it at time 45.0 by xi, 64.0 by alpha, 72.0 by beta1; "
        "nine tenths of it at time 81.0 by xi, 86.0 by alpha, 87.0 by beta1."
    ) in alt
    assert alt.endswith("They end with beta1 at 3.0, alpha at 2.0, xi at 1.0.")
    backwards = Path(TIME, LOGITS[:, ::-1], PATH.loss)
    assert "half of it at time 45.0 by beta1, 64.0 by" in landscape.parameter_curves(backwards)[1]
    dots = [line.get_xdata()[0] for line in ax.lines if len(line.get_xdata()) == 1]
    assert dots == [72, 64, 45]


def test_the_path_lies_over_xi_and_y():
    fig, alt = landscape.path_on_surface(LAND, PATH)
    xi, y, height = next(
        line.get_data_3d() for line in fig.axes[0].lines if len(line.get_xdata()) > 1
    )
    s = np.exp(LOGITS[:, 0]) / (np.exp(LOGITS[:, 0]) + 4)
    np.testing.assert_allclose(xi, LOGITS[:, 2])
    np.testing.assert_allclose(y, LOGITS[:, 1] * s)
    np.testing.assert_allclose(height, PATH.loss, atol=0.1)  # lifted a little, to be seen
    said = [
        f"{2 - 2 * xi[i]:.2f} at xi = {xi[i]:.1f}, y = {y[i]:.1f}" for i in (0, 10, 50, 90, 100)
    ]
    assert alt.endswith(f"from its start to its end: {'; '.join(said)}.")


def test_chains_of_logits_meet_where_a_quarter_is_lost():
    """A straight fall has lost a quarter after a quarter of its time, and three after three."""
    late = Path(2 * TIME, LOGITS, PATH.loss / 7)
    fast = Path(TIME, LOGITS, PATH.loss * SHARE[::-1])
    fig, alt = landscape.chains({"three": PATH, "two": late, "one": fast})
    straight = [TIME / 25, 1 - SHARE]
    bent = [TIME / TIME[np.abs((1 - SHARE) ** 2 - 0.75).argmin()], (1 - SHARE) ** 2]
    np.testing.assert_allclose(drawn(fig.axes[0])[:2], [straight, straight])
    np.testing.assert_allclose(drawn(fig.axes[0])[2], bent, rtol=0.05)
    names = [text.get_text() for text in fig.axes[0].get_legend().get_texts()]
    assert names == ["three", "two", "one"]
    by_hand = (math.sqrt(0.75) - 0.5) / (1 - math.sqrt(0.75))  # (1 - t)^2 is 3/4, and 1/4
    assert numbers(alt)[1:] == [2, 2, pytest.approx(by_hand, abs=0.02)]


def test_two_fates_are_two_curves_and_two_times():
    fig, alt = landscape.two_fates(LAND, BOTH)
    np.testing.assert_allclose(drawn(fig.axes[0]), [[TIME, loss] for loss in BOTH.loss.T])
    levels = 0.9 * math.log(4), math.log(2), 0.1 * math.log(4)
    first, second = (
        ", ".join(f"{(2 - level) / fall:.0f}" for level in levels) for fall in (0.02, 0.015)
    )
    assert f"the induction head, at times {first}, with 0.00 at the end, time 100; " in alt
    second = second.rpartition(", ")[0] + ", never"  # its loss ends at 0.5
    assert alt.endswith(f"by elimination, at times {second}, with 0.50 at the end, time 100.")


def test_paths_around_the_saddle_lie_over_the_contours_of_the_loss():
    square = Landscape(N=4, L=4)
    fig, alt = landscape.saddle(square, BOTH)
    ax = fig.axes[0]
    for fate, line in enumerate(drawn(ax)):
        beta1, alpha, xi = BOTH.theta[:, fate].T
        np.testing.assert_allclose(line, [xi, alpha * np.exp(beta1) / (np.exp(beta1) + 4)])
    _, ridge = ax.collections[:2]
    for xi, y in np.concatenate([path.vertices for path in ridge.get_paths()]):
        # Over the picture's finite grid, so nearly; y is alpha where layer 1 is sharp.
        assert square.loss(np.array([50.0, y, xi])) == pytest.approx(math.log(4), abs=0.02)
    assert f"log N = {math.log(4):.2f}" in alt
    corner = square.loss(np.array([50.0, 7, 12]))
    assert f"At the corners the loss is {corner:.2f} upper right, " in alt
    assert "the induction head, from xi = 0.0, y = 0.0, and it ends at xi = 1.0, y = 1.7; " in alt
    away = Path(TIME, BOTH.theta * [1, 1, 32], BOTH.loss)  # xi from 0 to 32 and to -96
    assert landscape.saddle(square, away)[1].count("it leaves the picture at xi = ") == 2
    assert "it leaves the picture at xi = 11.8, y = " in landscape.saddle(square, away)[1]


def test_the_long_descent_shows_the_loss_and_the_length_of_its_gradient():
    path = LAND.replace(L=4).descend([[0.0, 0.1, 0.1], [0.0, -0.1, -0.1]], rate=0.5, steps=60)
    fig, alt = landscape.long_descent(LAND.replace(L=4), path)
    losses, slopes = (drawn(ax, points=60) for ax in fig.axes)
    slope = np.linalg.norm(LAND.replace(L=4).gradient(path.theta), axis=-1)
    np.testing.assert_allclose(losses, [[path.time[1:], x[1:]] for x in path.loss.T])
    np.testing.assert_allclose(slopes, [[path.time[1:], x[1:]] for x in slope.T])
    for fate, (factor, text) in enumerate([(1, "the induction head"), (64, "by elimination")]):
        loss = path.loss[:, fate]
        power = np.log(loss[-1] / loss[6]) / np.log(10)  # from time 3 to time 30
        assert (
            f"{text}, to a loss of {loss[-1]:.1e}, {loss[-1] * 30 / factor:.2f} times "
            f"{factor}/time, falling at last as time to the power {power:.2f}, "
            f"and to a gradient of {slope[-1, fate]:.1e}"
        ) in alt


def test_times_are_drawn_against_the_start_by_number_of_labels():
    distances, times = [1.0, 0.1, 0.01], {4: [10.0, 50.0, 100.0], 8: [9.0, 20.0, 21.0]}
    fig, alt = landscape.times_by_start(4, distances, times)
    np.testing.assert_allclose(drawn(fig.axes[0]), [[distances, t] for t in times.values()])
    assert [text.get_text() for text in fig.axes[0].texts] == [r"$L=4$$\,=N$", "$L=8$"]
    assert alt.endswith("L=4=N, 100 from 0.01 and 10 from 1; L=8, 21 from 0.01 and 9 from 1.")
