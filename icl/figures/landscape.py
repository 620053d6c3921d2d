"""Figures 7 and A.4, and two more: how long a fall takes, and what the slow fate comes to.

Every function takes paths of `icl.landscape` and returns the figure and its alternative text.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import matplotlib.patheffects as effects
import numpy as np

from icl.figures.style import END, INK, MEASURES, SCALE, START, figure, label_at, styled
from icl.landscape import PARAMETERS, Landscape, Path, first_time, rise_times

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TIME = "time (learning rate × steps)"
LOSS_COLOURS = "viridis"
LARGE = 50.0  # a beta1 at which alpha = y
FATES = (("icl", "the induction head"), ("loss", "by elimination"))  # colour, name
HALO = [effects.Stroke(linewidth=4.5, foreground="black", alpha=0.55), effects.Normal()]


def over_logits(landscape: Landscape, ys: np.ndarray, xis: np.ndarray) -> np.ndarray:
    """The loss at every (y, xi), shape (len(ys), len(xis)), for a single N1."""
    y, xi = np.meshgrid(ys, xis, indexing="ij")
    return landscape.loss(np.stack([np.full_like(y, LARGE), y, xi], axis=-1))


@styled
def loss_curve(landscape: Landscape, path: Path) -> tuple[Figure, str]:
    """Figure 7a: the loss of one path against time."""
    fig = figure()
    ax = fig.subplots()
    ax.plot(path.time, path.loss, **MEASURES["loss"].line)
    _level(ax, math.log(landscape.L), r"$\log L$: any label")
    _level(ax, math.log(landscape.N), r"$\log N$: any label of the context")
    start, end = (float(first_time(path, share * path.loss[0])) for share in (0.9, 0.1))
    ax.axvspan(start, end, color=MEASURES["icl"].colour, alpha=0.25, lw=0)
    label_at(ax, end, 0.5 * path.loss[0], "90% to 10%\nof the loss", color=MEASURES["icl"].colour)
    ax.set(xlabel=TIME, ylabel="loss (nats)", xlim=(0, path.time[-1]), ylim=(0, None))
    return fig, (
        f"The loss falls slowly from {path.loss[0]:.2f} to {0.9 * path.loss[0]:.2f} until time "
        f"{start:.0f}, then abruptly to {0.1 * path.loss[0]:.2f} by time {end:.0f}, without a "
        f"halt at log N = {math.log(landscape.N):.2f}."
    )


@styled
def parameter_curves(path: Path) -> tuple[Figure, str]:
    """Figure 7b: the three logits against time; a dot where each has half its rise."""
    fig = figure()
    ax = fig.subplots()
    halves = rise_times(path, share=0.5, level=0.1 * path.loss[0])
    for k, name in enumerate(PARAMETERS):
        measure, values = MEASURES[name], path.theta[:, k]
        ax.plot(path.time, values, **measure.line)
        ax.plot(halves[k], np.interp(halves[k], path.time, values), "o", color=measure.colour)
        label_at(ax, path.time[-1], values[-1], measure.label, color=measure.colour)
    ax.set(xlabel=TIME, ylabel="logit", xlim=(0, path.time[-1]), ylim=(0, None))
    times = dict(zip(PARAMETERS, halves, strict=True))
    return fig, (
        "The classifier's logit xi rises from the start, at first along a straight line; alpha and "
        "then beta1 bend up later, and all three jump together. Half of the rise is reached at "
        f"time {times['xi']:.0f} by xi, {times['alpha']:.1f} by alpha and {times['beta1']:.1f} by "
        "beta1."
    )


@styled
def path_on_surface(landscape: Landscape, path: Path) -> tuple[Figure, str]:
    """Figure 7c: the path on the loss over xi and y; for a single N1 nothing is left out."""
    y, xi = landscape.attention_logit(path.theta), path.theta[:, 2]
    ys, xis = np.linspace(-1, 1.1 * y.max(), 120), np.linspace(-1, 1.1 * xi.max(), 120)
    grid = over_logits(landscape, ys, xis)
    fig = figure(6.4, 5.2)
    ax: Any = fig.add_subplot(projection="3d", computed_zorder=False)
    ax.plot_surface(
        xis[None, :].repeat(len(ys), 0),
        ys[:, None].repeat(len(xis), 1),
        grid,
        cmap=LOSS_COLOURS,
        rcount=120,
        ccount=120,
        linewidth=0,
        antialiased=False,
        rasterized=True,
    )
    lift = 0.03  # keeps the line above the facets
    ax.plot(xi, y, path.loss + lift, color="white", path_effects=HALO, zorder=5)
    for point, colour, text in ((0, START, "start"), (-1, END, "end")):
        at = (xi[point], y[point], path.loss[point] + lift)
        ax.plot(*([value] for value in at), "o", color=colour, ms=9, mec="white", zorder=6)
        ax.text(*at[:2], at[2] + 0.3, text, color="white", path_effects=HALO, zorder=7)
    ax.set(
        xlabel=r"$\xi$, classifier",
        ylabel=r"$y$, attention",
    )
    ax.zaxis.set_rotate_label(False)
    ax.set_zlabel("loss (nats)", rotation=90)
    ax.view_init(elev=32, azim=32)  # from below the cliff: the shelf lies behind, nothing is hidden
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.pane.set_visible(False)
    return fig, (
        "A surface of the loss over the classifier's logit xi and the attention logit y. From its "
        f"start at the origin, at {path.loss[0]:.2f}, the path runs along a gently falling shelf "
        f"towards larger xi, turns towards larger y and drops over a cliff to {path.loss[-1]:.2f} "
        f"at xi = {xi[-1]:.1f} and y = {y[-1]:.1f}."
    )


@styled
def two_fates(landscape: Landscape, path: Path) -> tuple[Figure, str]:
    """Figure A.4a: the loss from two starts, one on each side of the saddle."""
    fig = figure()
    ax = fig.subplots()
    _level(ax, math.log(landscape.N), r"$\log N$: any label")
    for fate, (name, text) in enumerate(FATES):
        ax.plot(path.time, path.loss[:, fate], **MEASURES[name].line)
        at = (path.loss[:, fate] < (0.15, 0.5)[fate] * path.loss[0, fate]).argmax()
        label_at(ax, path.time[at], path.loss[at, fate], text, color=MEASURES[name].colour)
    ax.set(xlabel=TIME, ylabel="loss (nats)", xlim=(0, path.time[-1]), ylim=(0, None))
    halves = first_time(path, math.log(2))
    return fig, (
        f"Two loss curves from {path.loss[0, 0]:.2f}. One drops abruptly and gives the right label "
        f"a probability of one half at time {halves[0]:.0f}; the other glides down without a cliff "
        f"and is there at time {halves[1]:.0f}, at {path.loss[-1, 1]:.2f} at the end."
    )


@styled
def saddle(landscape: Landscape, path: Path) -> tuple[Figure, str]:
    """Figure A.4b: the two paths over the contours of the loss around the saddle."""
    span = (-16.0, 12.0)
    ys, xis = np.linspace(-6, 7, 100), np.linspace(*span, 100)
    grid = over_logits(landscape, ys, xis)
    fig = figure(6.8, 4.6)
    ax = fig.subplots()
    levels = np.linspace(0, 2 * math.log(landscape.N), 25)
    filled = ax.contourf(xis, ys, grid, levels=levels, cmap=LOSS_COLOURS, extend="max")
    ridge = ax.contour(xis, ys, grid, levels=[math.log(landscape.N)], colors="white")
    ridge.set(linestyle="--", linewidth=1)
    for fate, (_, text) in enumerate(FATES):
        y, xi = landscape.attention_logit(path.theta[:, fate]), path.theta[:, fate, 2]
        ax.plot(xi, y, color="white", path_effects=HALO)
        at = (np.abs(xi) > (3.2, 9)[fate]).argmax()
        label_at(ax, xi[at], y[at], text, xytext=(14, -4), color="white", path_effects=HALO)
    ax.plot(0, 0, "o", color=START, ms=9, mec="white")
    bar = fig.colorbar(filled, ax=ax, label="loss (nats)", ticks=range(5))
    bar.outline.set_visible(False)
    ax.set(xlabel=r"$\xi$, classifier", ylabel=r"$y$, attention", xlim=span, ylim=(-6, 7))
    return fig, (
        "Contours of the loss over the classifier's logit xi and the attention logit y. Two "
        f"valleys meet at a saddle at the origin, whose level log N = {math.log(landscape.N):.2f} "
        "is a cross along both axes. From beside the origin one path ends in the upper right "
        "valley, which is the induction head; the other runs into the lower left one, "
        "where both logits are negative, and leaves the picture at its left edge."
    )


@styled
def long_descent(landscape: Landscape, path: Path) -> tuple[Figure, str]:
    """Loss and gradient of both fates on a very long path: do they come to a minimum or not."""
    fig = figure(6.8, 3.6)
    left, right = fig.subplots(1, 2)
    late = path.time > path.time[-1] ** 0.4
    for fate, (name, text) in enumerate(FATES):
        measure, loss = MEASURES[name], path.loss[:, fate]
        slope = np.linalg.norm(landscape.gradient(path.theta[:, fate]), axis=-1)
        left.loglog(path.time[1:], loss[1:], **measure.line)
        right.loglog(path.time[1:], slope[1:], **measure.line)
        limit = (1, 4 * landscape.N**2)[fate] / path.time[late]
        left.loglog(path.time[late], limit, color=INK, linestyle=":", linewidth=4, alpha=0.6)
        left.text(0.03, 0.16 - 0.1 * fate, text, color=measure.colour, transform=left.transAxes)
    left.set(xlabel=TIME, ylabel="loss (nats)")
    right.set(xlabel=TIME, ylabel="length of the gradient")
    return fig, (
        f"Loss and gradient of both paths up to time {path.time[-1]:.0e}, on logarithmic axes. "
        "Neither loss comes to rest: late, both fall along straight lines of slope minus one, "
        f"through 1/time to {path.loss[-1, 0]:.1e} and {4 * landscape.N**2}/time to "
        f"{path.loss[-1, 1]:.1e}; both gradients keep shrinking towards zero as well."
    )


@styled
def times_by_start(
    N: int, distances: Sequence[float], times: Mapping[int, Sequence[float]]
) -> tuple[Figure, str]:
    """Time until the right label has probability 1/2, by the start's distance, a line an L."""
    fig = figure()
    ax = fig.subplots()
    for L, values in times.items():
        name = "loss" if L > N else "icl"
        ax.loglog(distances, values, marker="o", ms=4, **MEASURES[name].line)
        text = f"$L={L}$" + (r"$\,=N$" if L == N else "")
        colour, nearest = MEASURES[name].colour, int(np.argmin(distances))
        place: dict[str, Any] = {"xytext": (-7, 0), "ha": "right", "color": colour}
        label_at(ax, distances[nearest], values[nearest], text, **place)
    ax.set_xlim(min(distances) / 5, 1.4 * max(distances))
    ax.set(xlabel=r"start: $\alpha=\xi=\delta$, $\beta_1=0$", ylabel="time to probability ½")
    spread = {L: (min(values), max(values)) for L, values in times.items()}
    return fig, (
        "Time until the right label has probability one half, against the start's distance from "
        "the origin. "
        + " ".join(f"L={L}: from {low:.0f} to {high:.0f}." for L, (low, high) in spread.items())
        + f" Only at L=N={N} does it grow without bound as the start nears the origin."
    )


@styled
def chains(paths: Mapping[str, Path]) -> tuple[Figure, str]:
    """The loss of paths, by which logits are left, as a share of its start.

    Time is in units of when a quarter of the loss is lost, at which all of them meet.
    """
    fig = figure()
    ax = fig.subplots()
    words = []
    for k, (logits, path) in enumerate(paths.items()):
        high, low = (float(first_time(path, share * path.loss[0])) for share in (0.75, 0.25))
        colour = SCALE(k / max(len(paths) - 1, 1))
        share, when = path.loss / path.loss[0], path.time / high
        ax.plot(when, share, color=colour)
        label_at(ax, low / high, 0.25, logits, color=colour)
        words.append(f"with {logits} in {low / high - 1:.2f}")
    ax.set(xlabel="time until a quarter is lost = 1", ylabel="loss, share of its start")
    ax.set(xlim=(0, 5), ylim=(0, None))
    return fig, (
        "Loss against time, each curve scaled so that a quarter of its loss is lost at time 1. "
        f"The next half is lost, by the logits that are left, {', '.join(words)}."
    )


def _level(ax: Axes, value: float, text: str) -> None:
    ax.axhline(value, color=INK, linewidth=1, linestyle=":")
    label_at(ax, 0.0, value, text, xytext=(4, 2), va="bottom", fontsize=9)
