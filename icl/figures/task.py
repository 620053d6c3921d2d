"""Figures 1a and 1b with real sequences, and what each parameter does to the data's statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import PercentFormatter

from icl.figures.style import INK, MEASURES, SCALE, figure, label_at, luminance, styled
from icl.strategies import class_in_context
from icl.task import World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from icl.task import Sequences, Task

PROBES = {
    "icl": "in-context learning: novel classes",
    "swapped": "in-context learning: swapped labels",
    "iwl": "in-weights learning",
    "iwl_absent": "in-weights learning, target's class absent",
}
DRAWN = 10  # sequences of each test, of which the first is shown


@styled
def sequence(world: World, batch: Sequences, row: int = 0) -> tuple[Figure, str]:
    """Figure 1a: one sequence of a batch, in its window of the P positions."""
    task = world.task
    fig = figure(7.2, 1.7)
    ax = fig.subplots()
    words = _draw(ax, world, batch, row, y=0.0)
    start = int(batch.window[row])
    ax.annotate(
        f"positions {start} to {start + task.T - 1} of 0 to {task.P - 1}",
        (0, -0.62), fontsize=9,
    )  # fmt: skip
    ax.set(xlim=(-0.6, task.T + 3.2), ylim=(-0.8, 0.9))
    ax.set_axis_off()
    return fig, f"A sequence of {task.T} tokens from position {start}: {words}."


@styled
def probes(world: World) -> tuple[Figure, str]:
    """Figure 1b: a real test sequence of each kind and its right answer."""
    task = world.task
    fig = figure(7.2, 4.6)
    ax = fig.subplots()
    words = []
    for i, (name, title) in enumerate(PROBES.items()):
        y = -1.75 * i
        key = {"icl": "icl", "swapped": "icl_swapped"}.get(name, name)
        ax.annotate(title, (-0.45, y + 0.62), fontsize=10, color=MEASURES[key].colour)
        said = _draw(ax, world, world.probe(name, DRAWN), 0, y)  # type: ignore[arg-type]
        words.append(f"{title}: {said}")
    ax.set(xlim=(-0.6, task.T + 3.2), ylim=(-1.75 * len(PROBES) + 1.1, 1.1))
    ax.set_axis_off()
    return fig, "One test sequence of each kind. " + ". ".join(words) + "."


def _draw(ax: Axes, world: World, batch: Sequences, row: int, y: float) -> str:
    """Draw tokens as boxes: items in the colour of their class, labels as numbers, an answer."""
    task = world.task
    classes, labels = batch.classes[row], batch.labels[row]
    place = {k: i for i, k in enumerate(dict.fromkeys(classes.tolist()))}
    hue = mpl.colormaps["tab20"]
    words = []
    for j, k in enumerate(classes.tolist()):
        name = _class_name(task, k)
        _box(ax, 2 * j, y, hue(place[k] % 20), name)
        if j < task.N:
            _box(ax, 2 * j + 1, y, None, str(labels[j]))
            words.append(f"class {name} with label {labels[j]}")
    target = _class_name(task, int(classes[-1]))
    x = 2 * task.N
    ax.annotate(f"→ {batch.target[row]}", (x + 0.6, y), va="center", fontsize=11, fontweight="bold")
    return ", ".join(words) + f"; then the target of class {target}, answer {batch.target[row]}"


def _class_name(task: Task, k: int) -> str:
    """Trained classes as numbers from 1 in order of frequency; novel ones with a prime."""
    return str(k + 1) if k < task.K else f"{k - task.K + 1}′"


def _box(ax: Axes, x: float, y: float, face: Any, text: str) -> None:
    ax.add_patch(
        FancyBboxPatch(
            (x - 0.42, y - 0.3), 0.84, 0.6, boxstyle="round,pad=0.03",
            facecolor="none" if face is None else face, edgecolor=INK, alpha=0.9, lw=0.9,
        )
    )  # fmt: skip
    ax.text(
        x, y, text, ha="center", va="center", fontsize=7.5,
        color=INK if face is None else _readable(face),
    )  # fmt: skip


def _readable(face: Any) -> str:
    """Black or white, whichever stands out from a colour."""
    # The geometric mean of both luminances, each plus the 0.05 of WCAG's contrast.
    return "black" if luminance(face) + 0.05 > (0.05 * 1.05) ** 0.5 else "white"


@styled
def rank_frequency(
    task: Task, alphas: Sequence[float], seed: int = 0, batches: int = 40
) -> tuple[Figure, str]:
    """How often the target is of the k-th class in bursty sequences; dots drawn, lines k^-alpha."""
    fig = figure()
    ax = fig.subplots()
    words = []
    for i, alpha in enumerate(alphas):
        drawn = task.replace(alpha=alpha, p_B=1.0, p_C=0.0, B=task.copies)
        world = World(drawn, seed)
        target = np.concatenate([world.batch(step).classes[:, -1] for step in range(batches)])
        ranks = np.arange(1, task.K + 1)
        colour = SCALE(i / max(len(alphas) - 1, 1))
        edges = np.unique(np.geomspace(1, task.K + 1, 14).astype(int))
        count = np.histogram(target + 1, edges)[0]
        density = count / np.diff(edges) / len(target)
        middle = np.sqrt(edges[:-1] * (edges[1:] - 1))
        f = drawn.rank_frequency()
        ax.plot(ranks, f, color=colour, lw=1.2)
        ax.plot(middle[count > 0], density[count > 0], "o", ms=4, color=colour)
        label_at(ax, task.K, f[-1], rf"$\alpha={alpha:g}$", color=colour)
        words.append(f"alpha={alpha:g}: the first class {count[0] / len(target):.1%}")
    ax.set(xscale="log", yscale="log", xlabel="rank of the target's class", ylabel="frequency")
    return fig, (
        f"Share of {len(target):,} targets by class rank, on double logarithmic axes; the drawn "
        f"shares lie on the lines k^-alpha. {'; '.join(words)}."
    )


@styled
def class_by_chance(
    task: Task, classes: Sequence[int], alphas: Sequence[float]
) -> tuple[Figure, str]:
    """How often the in-weights test shows the target's class by chance, by K, a line an alpha."""
    fig = figure()
    ax = fig.subplots()
    words = []
    for i, alpha in enumerate(alphas):
        shares = [class_in_context(task.replace(K=K, alpha=alpha)) for K in classes]
        colour = SCALE(i / max(len(alphas) - 1, 1))
        ax.plot(classes, shares, "o-", ms=4, color=colour)
        label_at(ax, classes[-1], shares[-1], rf"$\alpha={alpha:g}$", color=colour)
        known = zip(classes, shares, strict=True)
        words.append(
            f"alpha={alpha:g}: " + ", ".join(f"{share:.1%} at K={K}" for K, share in known)
        )
    ax.set(xscale="log", yscale="log", xlabel="number of classes $K$", ylabel="share of sequences")
    ax.set_xticks(classes, [str(K) for K in classes])
    ax.minorticks_off()
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    return fig, (
        f"Share of in-weights test sequences whose {task.N} items hold the target's class by "
        f"chance, on double logarithmic axes. {'; '.join(words)}."
    )


@styled
def similarity(task: Task, epsilons: Sequence[float], seed: int = 0) -> tuple[Figure, str]:
    """Dot product of the target with its class's item in the context, and with the other items."""
    fig = figure()
    ax = fig.subplots()
    same, other = [], []
    for eps in epsilons:
        world = World(task.replace(eps=eps, p_B=1.0, p_C=0.0, B=task.copies), seed)
        batch = world.batch(0, 1000)
        dots = np.einsum("sjd,sd->sj", batch.items[:, :-1], batch.items[:, -1])
        same.append(dots[batch.right])
        other.append(dots[~batch.right])
    for values, key, name in ((same, "icl", "its own class"), (other, "loss", "other classes")):
        if not all(len(v) for v in values):
            continue  # a context of one class has no other
        colour = MEASURES[key].colour
        middle = [float(v.mean()) for v in values]
        low, high = ([np.quantile(v, q) for v in values] for q in (0.05, 0.95))
        ax.fill_between(epsilons, low, high, color=colour, alpha=0.25, lw=0)
        ax.plot(epsilons, middle, "o-", ms=4, color=colour)
        label_at(ax, epsilons[-1], middle[-1], name, color=colour)
    every = np.linspace(min(epsilons), max(epsilons), 100)
    ax.plot(every, 1 / (1 + every**2), ls=":", color=INK, zorder=3)
    ax.set(xlabel=r"within-class variability $\varepsilon$", ylabel="dot product with the target")
    return fig, (
        "Dot product of the target with context items: with an item of its own class it falls from "
        f"{same[0].mean():.2f} at eps={epsilons[0]:g} to {same[-1].mean():.2f} at "
        f"eps={epsilons[-1]:g}, along 1/(1+eps²); with items of other classes it stays around 0."
    )


@styled
def repeats(
    task: Task,
    bursts: Sequence[int],
    fractions: Sequence[float],
    seed: int = 0,
    size: int = 4000,
) -> tuple[Figure, str]:
    """How often the target's class stands in the context, by B, and by p_B."""
    fig = figure(7.2, 3.0)
    left, right = fig.subplots(1, 2, sharey=True)
    words = []
    for ax, name, tasks in (
        (left, "B", [(b, task.replace(B=b, p_B=1.0, p_C=0.0)) for b in bursts]),
        (right, "p_B", [(p, task.replace(p_B=p, p_C=0.0)) for p in fractions]),
    ):
        shares = []
        for _, drawn in tasks:
            copies = World(drawn, seed).batch(0, size).right.sum(1)
            shares.append(np.bincount(copies, minlength=task.N + 1)[: task.N + 1] / size)
        bottom = np.zeros(len(tasks))
        places = np.arange(len(tasks))
        for count in range(task.N + 1):
            heights = np.array([share[count] for share in shares])
            if heights.max() < 0.005:
                continue
            colour = SCALE(count / task.N)
            ax.bar(places, heights, 0.7, bottom, color=colour)
            for x, h, b in zip(places, heights, bottom, strict=True):
                if h > 0.08:
                    ax.text(x, b + h / 2, str(count), ha="center", va="center", fontsize=9,
                            color=_readable(colour))  # fmt: skip
            bottom += heights
        ax.set_xticks(places, [f"{value:g}" for value, _ in tasks])
        ax.set_xlabel(f"${name}$")
        said = "; ".join(
            f"at {value:g}, {_counts(share)}"
            for (value, _), share in zip(tasks, shares, strict=True)
        )
        words.append(f"by {name}: {said}")
    left.set_ylabel("share of sequences")
    return fig, f"Copies of the target's class in the context, {'. '.join(words)}."


def _counts(share: np.ndarray) -> str:
    """How many copies in which share of sequences; the few rare counts are left out."""
    counts = [(count, part) for count, part in enumerate(share) if part >= 0.005]
    return ", ".join(f"{count} in {part:.0%}" for count, part in counts)
