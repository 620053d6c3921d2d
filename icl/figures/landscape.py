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
        f"The loss falls from {path.loss[0]:.2f} to {0.9 * path.loss[0]:.2f} until time "
        f"{start:.0f}, then to {0.1 * path.loss[0]:.2f} by time {end:.0f}."
        + _passing(path, "log N", math.log(landscape.N))
    )


def _passing(path: Path, name: str, level: float) -> str:
    """How fast the loss falls where it passes a level, and on the way there."""
    when = float(first_time(path, level))
    if not when > 0:  # from the outset, or never (NaN)
        return ""
    fall = -np.interp(when, path.time, np.gradient(path.loss, path.time))
    return (
        f" It passes {name} = {level:.2f} at time {when:.1f}, where it falls by {fall:.2g} a unit "
        f"of time, against {(path.loss[0] - level) / when:.2g} on average until then."
    )


@styled
def parameter_curves(path: Path) -> tuple[Figure, str]:
    """Figure 7b: the three logits against time; a dot where each has half its rise."""
    fig = figure()
    ax = fig.subplots()
    tenth = 0.1 * path.loss[0]
    halves = rise_times(path, share=0.5, level=tenth)
    for k, name in enumerate(PARAMETERS):
        measure, values = MEASURES[name], path.theta[:, k]
        ax.plot(path.time, values, **measure.line)
        ax.plot(halves[k], np.interp(halves[k], path.time, values), "o", color=measure.colour)
        label_at(ax, path.time[-1], values[-1], measure.label, color=measure.colour)
    ax.set(xlabel=TIME, ylabel="logit", xlim=(0, path.time[-1]), ylim=(0, None))
    rise = "; ".join(
        f"{name} of it at time {_in_order(rise_times(path, share=share, level=tenth))}"
        for name, share in (("a tenth", 0.1), ("half", 0.5), ("nine tenths", 0.9))
    )
    ends = ", ".join(
        f"{name} at {value:.1f}" for name, value in zip(PARAMETERS, path.theta[-1], strict=True)
    )
    return fig, (
        "The logits of layer 1 (beta1), of layer 2 (alpha) and of the classifier (xi) against "
        f"time. Of the size that each has once the loss is at a tenth of its start, they reach "
        f"{rise}. They end with {ends}."
    )


def _in_order(times: np.ndarray) -> str:
    """When each logit gets somewhere, the first one first."""
    return ", ".join(f"{times[k]:.1f} by {PARAMETERS[k]}" for k in np.argsort(times, kind="stable"))


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
    lower = [int((path.loss <= share * path.loss[0]).argmax()) for share in (0.9, 0.5, 0.1)]
    stations = (0, *filter(None, lower), -1)  # a share that is never reached has 0
    said = "; ".join(f"{path.loss[i]:.2f} at xi = {xi[i]:.1f}, y = {y[i]:.1f}" for i in stations)
    return fig, (
        "A surface of the loss over the classifier's logit xi and the attention logit y, and a "
        f"path of descent on it. The loss along the path, from its start to its end: {said}."
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
        beside = (5, (0, 10)[fate])  # the second curve falls less steeply
        label_at(
            ax, path.time[at], path.loss[at, fate], text, xytext=beside, color=MEASURES[name].colour
        )
    ax.set(xlabel=TIME, ylabel="loss (nats)", xlim=(0, path.time[-1]), ylim=(0, None))
    return fig, (
        f"Two loss curves from {path.loss[0, 0]:.2f}. Three levels are passed: nine tenths of "
        "log N; log 2, where the right label has probability one half; a tenth of log N. "
        f"{'; '.join(_passes(landscape, path, fate) for fate in (0, 1))}."
    )


def _passes(landscape: Landscape, path: Path, fate: int) -> str:
    """When a path's loss passes the three levels, and where it ends."""
    top = math.log(landscape.N)
    times = [first_time(path, level)[fate] for level in (0.9 * top, math.log(2), 0.1 * top)]
    return (
        f"{FATES[fate][1]}, at times {', '.join(map(_time, times))}, with "
        f"{path.loss[-1, fate]:.2f} at the end, time {path.time[-1]:.0f}"
    )


def _time(time: float) -> str:
    return f"{time:.0f}" if math.isfinite(time) else "never"


@styled
def saddle(landscape: Landscape, path: Path) -> tuple[Figure, str]:
    """Figure A.4b: the two paths over the contours of the loss around the saddle."""
    span, height = (-16.0, 12.0), (-6.0, 7.0)
    ys, xis = np.linspace(*height, 100), np.linspace(*span, 100)
    grid = over_logits(landscape, ys, xis)
    fig = figure(6.8, 4.6)
    ax = fig.subplots()
    levels = np.linspace(0, 2 * math.log(landscape.N), 25)
    filled = ax.contourf(xis, ys, grid, levels=levels, cmap=LOSS_COLOURS, extend="max")
    ridge = ax.contour(xis, ys, grid, levels=[math.log(landscape.N)], colors="white")
    ridge.set(linestyle="--", linewidth=1)
    words = []
    for fate, (_, text) in enumerate(FATES):
        y, xi = landscape.attention_logit(path.theta[:, fate]), path.theta[:, fate, 2]
        ax.plot(xi, y, color="white", path_effects=HALO)
        seen = (xi >= span[0]) & (xi <= span[1]) & (y >= height[0]) & (y <= height[1])
        words.append(f"{text}, {_course(xi, y, seen)}")
        at = (np.abs(xi) > (3.2, 9)[fate]).argmax()
        label_at(ax, xi[at], y[at], text, xytext=(14, -4), color="white", path_effects=HALO)
    ax.plot(0, 0, "o", color=START, ms=9, mec="white")
    bar = fig.colorbar(filled, ax=ax, label="loss (nats)", ticks=range(5))
    bar.outline.set_visible(False)
    ax.set(xlabel=r"$\xi$, classifier", ylabel=r"$y$, attention", xlim=span, ylim=height)
    return fig, (
        "Contours of the loss over the classifier's logit xi and the attention logit y, a dashed "
        f"one at log N = {math.log(landscape.N):.2f}. At the corners the loss is "
        f"{grid[-1, -1]:.2f} upper right, {grid[0, 0]:.2f} lower left, {grid[-1, 0]:.2f} upper "
        f"left and {grid[0, -1]:.2f} lower right. Two paths: {'; '.join(words)}."
    )


def _course(xi: np.ndarray, y: np.ndarray, seen: np.ndarray) -> str:
    """Where a path begins, and where it ends or is last seen in the picture."""
    stays = bool(seen.all())
    last = -1 if stays else max(int(seen.argmin()) - 1, 0)
    first, end = (f"xi = {xi[i]:z.1f}, y = {y[i]:z.1f}" for i in (0, last))
    return f"from {first}, and it {'ends' if stays else 'leaves the picture'} at {end}"


@styled
def long_descent(landscape: Landscape, path: Path) -> tuple[Figure, str]:
    """Loss and gradient of both fates on a very long path: do they come to a minimum or not."""
    fig = figure(6.8, 3.6)
    left, right = fig.subplots(1, 2)
    late = path.time > path.time[-1] ** 0.4
    words = []
    for fate, (name, text) in enumerate(FATES):
        measure, loss, factor = MEASURES[name], path.loss[:, fate], (1, 4 * landscape.N**2)[fate]
        slope = np.linalg.norm(landscape.gradient(path.theta[:, fate]), axis=-1)
        left.loglog(path.time[1:], loss[1:], **measure.line)
        right.loglog(path.time[1:], slope[1:], **measure.line)
        limit = factor / path.time[late]
        left.loglog(path.time[late], limit, color=INK, linestyle=":", linewidth=4, alpha=0.6)
        left.text(0.03, 0.16 - 0.1 * fate, text, color=measure.colour, transform=left.transAxes)
        words.append(
            f"{text}, to a loss of {loss[-1]:.1e}, {loss[-1] * path.time[-1] / factor:.2f} times "
            f"{factor}/time, falling at last as time to the power {_power(path.time, loss):.2f}, "
            f"and to a gradient of {slope[-1]:.1e}"
        )
    left.set(xlabel=TIME, ylabel="loss (nats)")
    right.set(xlabel=TIME, ylabel="length of the gradient")
    return fig, (
        f"Loss and gradient of both paths up to time {path.time[-1]:.0e}, on logarithmic axes, "
        f"with dotted lines at 1/time and {4 * landscape.N**2}/time: {'; '.join(words)}."
    )


def _power(time: np.ndarray, loss: np.ndarray) -> float:
    """The slope of a loss on logarithmic axes over the last factor of ten in time."""
    since = np.searchsorted(time, time[-1] / 10)
    return float(np.log(loss[-1] / loss[since]) / np.log(time[-1] / time[since]))


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
    near, far = np.argsort(distances)[[0, -1]]
    said = "; ".join(
        f"L={L}{'=N' if L == N else ''}, {_time(values[near])} from {distances[near]:g} and "
        f"{_time(values[far])} from {distances[far]:g}"
        for L, values in times.items()
    )
    return fig, (
        "Time until the right label has probability one half, against the start's distance from "
        f"the origin, on logarithmic axes: {said}."
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
        ax.plot(when, share, color=colour, label=logits)
        words.append(f"with {logits} in {low / high - 1:.2f}")
    ax.set(xlabel="time / time until a quarter is lost", ylabel="loss / its start")
    ax.set(xlim=(0, 5), ylim=(0, None))
    ax.legend()
    return fig, (
        "Loss against time, each curve scaled so that a quarter of its loss is lost at time 1. "
        f"The next half is lost, by the logits that are left, {', '.join(words)}."
    )


def _level(ax: Axes, value: float, text: str) -> None:
    ax.axhline(value, color=INK, linewidth=1, linestyle=":")
    label_at(ax, 0.0, value, text, xytext=(4, 2), va="bottom", fontsize=9)
