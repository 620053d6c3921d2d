"""Figures 1c, 3b and 5: the network, its attention before and after, what its weights do, and what
is left without some of its attention.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from icl.analysis import counted, spread
from icl.attention import check_maps, right
from icl.circuits import layer1_by_distance, pointer_by_distance
from icl.figures.curves import chance_levels
from icl.figures.style import INK, MEASURES, figure, label_at, styled
from icl.runs import RunConfig, config_of
from icl.settings import InputError

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from icl.task import Task

SCALE = "viridis"


@styled
def maps(ds: xr.Dataset, before: float, after: float, seed: int = 0) -> tuple[Figure, str]:
    """Figure 3b: mean layer-1 map, and the target's layer-2 row by the place of its pair.

    ``before`` and ``after`` are steps; the nearest records are shown. With B above 1 the row's
    place is that of the first pair of the target's class, and the text speaks of its label alone.
    Raises :class:`icl.settings.InputError` for runs that were not trained with ``maps=True``.
    """
    check_maps(ds)
    several = config_of(ds).task.B > 1
    pair = "first pair" if several else "pair"
    label = "right label of its class's first pair" if several else "right label"
    run = ds.sel(seed=seed)
    fig = figure(7.2, 6.4)
    axes = fig.subplots(2, 2, height_ratios=(1.7, 1))
    words = []
    for column, step in enumerate((before, after)):
        record = run.sel(step=step, method="nearest")
        top: Axes = axes[0, column]
        image = top.imshow(record.map1, vmin=0, vmax=1, cmap=SCALE)
        top.set(title=f"step {int(record.step):,}", xlabel="key", ylabel="query, layer 1")
        bottom: Axes = axes[1, column]
        bottom.imshow(record.row2, vmin=0, vmax=1, cmap=SCALE, aspect="auto")
        bottom.set(xlabel="key", ylabel=f"{pair} of the target's class,\nlayer 2 from the target")
        T = record.map1.shape[0]
        ticks = np.arange(T)
        names = ["x" if t % 2 == 0 else "ℓ" for t in range(T - 1)] + ["?"]
        top.set_xticks(ticks, names, fontsize=7)
        top.set_yticks(ticks, names, fontsize=7)
        bottom.set_xticks(ticks, names, fontsize=7)
        bottom.set_yticks(np.arange(record.row2.shape[0]), np.arange(record.row2.shape[0]) + 1)
        previous = np.diagonal(record.map1.values, -1)[0::2].mean()
        words.append(
            f"at step {int(record.step):,} labels pay {previous:.2f} of their attention to the "
            "item before them in layer 1, and the target pays "
            f"{right(record.row2.values):.2f} to the {label} in layer 2"
        )
    bar = fig.colorbar(image, ax=axes, shrink=0.6, label="attention")
    bar.outline.set_visible(False)
    return fig, f"Attention of seed {seed}, mean over test sequences: " + "; ".join(words) + "."


@styled
def positional_weights(
    start: dict[str, np.ndarray], end: dict[str, np.ndarray], P: int
) -> tuple[Figure, str]:
    """Layer 1's logits by position, (Q1ᵀK1)_ij averaged over equal i - j, first and last."""
    fig = figure()
    ax = fig.subplots()
    reach = min(8, P - 1)
    offsets = np.arange(-reach, reach + 1)
    values = {}
    for theta, colour, name in (
        (start, INK, "initial"),
        (end, MEASURES["ila1"].colour, "trained"),
    ):
        mean = layer1_by_distance(theta, P, offsets.tolist())
        ax.plot(offsets, mean, "o-", color=colour, ms=4)
        label_at(ax, offsets[-1], mean[-1], name, color=colour)
        values[name] = mean
    ax.axvline(1, color=INK, lw=1, ls=":")
    ax.set(xlabel="query position minus key position", ylabel="mean logit of layer 1")
    trained = values["trained"]
    return fig, (
        "Mean layer-1 logit by distance of query and key. Initially it is about "
        f"{abs(values['initial']).max():.2f} or less everywhere; after training it is "
        f"{trained[offsets == 1][0]:.2f} for the previous token, and at most "
        f"{trained[(offsets != 1) & (offsets >= 0)].max():.2f} for others that the mask shows."
    )


@styled
def pointers(thetas: dict[str, list[dict[str, np.ndarray]]], P: int) -> tuple[Figure, str]:
    """Layer 2's logit between a position that layer 1 copied to the query and a key's own, by how
    far apart they are; a line for each of the parameters under a name.

    Raises :class:`icl.settings.InputError` for more than two names.
    """
    colours = [MEASURES[name].colour for name in ("tila2", "ila1")]
    if len(thetas) > len(colours):
        names = ", ".join(thetas)
        raise InputError(f"{names}: there are colours for {len(colours)} groups of seeds at most")
    fig = figure()
    ax = fig.subplots()
    reach = min(6, P - 1)
    offsets = np.arange(-reach, reach + 1)
    words: list[str] = []
    for (name, group), colour in zip(thetas.items(), colours, strict=False):
        lines = np.array([pointer_by_distance(theta, P, offsets.tolist()) for theta in group])
        ax.plot(offsets, lines.T, "o-", color=colour, ms=3, lw=1)
        ax.text(0.03, 0.92 - 0.09 * len(words), name, color=colour, transform=ax.transAxes)
        after, others = lines[:, offsets == 1], lines[:, offsets != 1]
        words.append(
            f"{name}, {counted(len(group), 'seed')}: {after.mean():.1f} one position on, and "
            f"{others.min():.1f} to {others.max():.1f} elsewhere"
        )
    ax.axvline(1, color=INK, lw=1, ls=":")
    ax.set(xlabel="key position minus copied position", ylabel="mean logit of layer 2")
    return fig, (
        "Mean layer-2 logit by distance of the key's position from one that layer 1 copied to the "
        f"query: {'; '.join(words)}."
    )


@styled
def after_cuts(found: xr.DataArray, task: Task) -> tuple[Figure, str]:
    """In-context accuracy of trained networks with some of their attention cut.

    ``found`` is that of :func:`icl.knockout.accuracies`, for runs of ``task``.
    """
    names, colour = found.cut.values.tolist(), MEASURES["icl"].colour
    fig = figure(6.8, 0.9 + 0.32 * len(names))
    ax = fig.subplots()
    for name, values in zip(names, found.values, strict=True):
        ax.plot(values, [name] * len(values), "|", color=colour, ms=11, mew=1)
        ax.plot(np.median(values), name, "o", color=colour, ms=5)
    for name, level in chance_levels(task).items():
        ax.axvline(level, color=INK, lw=1, ls="--")
        ax.annotate(name, (level, 1), xycoords=("data", "axes fraction"), xytext=(2, 3),
                    textcoords="offset points", fontsize=9)  # fmt: skip
    ax.set(xlabel="in-context accuracy, novel classes", ylabel="cut", xlim=(-0.03, 1.03))
    ax.invert_yaxis()
    ends = "; ".join(f"{name}, {spread(found.sel(cut=name))}" for name in names)
    return fig, (
        "In-context accuracy after attention is cut, median and range over "
        f"{counted(found.sizes['seed'], 'seed')}: {ends}."
    )


@styled
def architecture(config: RunConfig) -> tuple[Figure, str]:
    """Figure 1c: two attention layers on a residual stream, then the classifier on the target."""
    width, hidden, L = config.model.width(config.task), config.model.hidden, config.task.L
    fig = figure(8.4, 1.8)
    ax = fig.subplots()
    boxes = [
        ("tokens $u$", f"{config.task.T} × {width}", INK),
        ("attention 1", "$v = u + V_1 p^{(1)} u$", MEASURES["ila1"].colour),
        ("attention 2", "$w = v + V_2 p^{(2)} v$", MEASURES["tila2"].colour),
        ("target's $w_n$", f"{width}", INK),
        ("classifier", f"{hidden} × {width} ReLU", MEASURES["cla"].colour),
        ("label", f"softmax over {L}", INK),
    ]
    for i, (name, text, colour) in enumerate(boxes):
        x = 2.4 * i
        ax.add_patch(
            FancyBboxPatch(
                (x - 1.02, -0.5), 2.04, 1.0, boxstyle="round,pad=0.04",
                facecolor="none", edgecolor=colour, lw=1.6,
            )
        )  # fmt: skip
        ax.text(x, 0.17, name, ha="center", va="center", fontsize=11, color=colour)
        ax.text(x, -0.2, text, ha="center", va="center", fontsize=8.5, color=INK)
        if i:
            _arrow(ax, (x - 1.36, 0), (x - 1.06, 0))
    for x in (2.4, 4.8):  # the residual stream goes past a layer
        _arrow(ax, (x - 1.2, 0.1), (x + 1.2, 0.1), connectionstyle="arc3,rad=-0.75")
    ax.set(xlim=(-1.2, 13.2), ylim=(-0.7, 1.35))
    ax.set_axis_off()
    return fig, (
        "Tokens pass two attention layers, each added to the residual stream; the target's token "
        f"alone goes on to a classifier of {hidden} hidden layers and a softmax over {L} labels."
    )


@styled
def induction_head() -> tuple[Figure, str]:
    """Figure 5: the four operations of an induction head."""
    fig = figure(7.2, 2.8)
    ax = fig.subplots()
    tokens = ["…", "$x$", r"$\ell$", "…", "$x$"]
    for x, token in enumerate(tokens):
        for y in (0, 1, 2):
            ax.text(1.6 * x, y, token, ha="center", va="center", fontsize=13)
    ax.text(1.6 * 2 + 0.42, 1, r"$[x]$", ha="center", va="center", fontsize=11,
            color=MEASURES["ila1"].colour)  # fmt: skip
    ax.text(1.6 * 4 + 0.42, 2, r"$[\ell]$", ha="center", va="center", fontsize=11,
            color=MEASURES["tila2"].colour)  # fmt: skip
    first: dict[str, Any] = {"color": MEASURES["ila1"].colour}
    second: dict[str, Any] = {"color": MEASURES["tila2"].colour}
    _arrow(ax, (1.65, 0.18), (3.15, 0.82), **first)
    _arrow(ax, (3.5, 1.18), (6.3, 1.82), **second)
    notes = (
        (1.0, 0.5, "(i) a label attends to the token before it,", first["color"]),
        (1.0, 0.3, "(ii) and writes its content into a buffer", first["color"]),
        (4.6, 1.38, "(iii) the target matches that buffer,", second["color"]),
        (4.6, 1.18, "(iv) and copies the label", second["color"]),
    )
    for left, height, text, colour in notes:
        ax.annotate(text, (left + 2.0, height), fontsize=8.5, color=colour)
    for row, name in enumerate(("input", "after layer 1", "after layer 2")):
        ax.text(-0.9, row, name, ha="right", va="center", fontsize=9)
    ax.annotate(r"→ classifier: $\ell$", (6.4 + 0.8, 2), va="center", fontsize=10)
    ax.set(xlim=(-2.4, 10.2), ylim=(-0.2, 2.2))
    ax.set_axis_off()
    return fig, (
        "Three rows of the tokens x, label, and again x: the label attends to the x before it and "
        "stores its content; the second x, the target, matches that content and copies the label, "
        "which the classifier then reads."
    )


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], **options: Any) -> None:
    settings: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 9, "color": INK, "lw": 1.2}
    ax.add_patch(FancyArrowPatch(start, end, **settings | options))
