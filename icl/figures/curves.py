"""Figures 1d, 3a, 4, 6 and A.2: curves of stored runs, a thin line a seed, their mean thick."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from icl.analysis import FATES, aligned, counted, crossing, fates, final, spread
from icl.figures.style import INK, MEASURES, by_variable, figure, label_at, styled
from icl.runs import config_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

    from icl.figures.style import Measure
    from icl.task import Task

ACCURACIES = by_variable("icl", "icl_swapped", "iwl", "iwl_absent")
FOUR = by_variable("ila1", "tila2", "cla", "tla2")  # the progress measures
PROGRESS = by_variable("icl") | FOUR
PROGRESS_AXIS = "attention or accuracy"


def chance_levels(task: Task) -> dict[str, float]:
    """In-context accuracy of guessing, named: any of the L labels, or any of the context's.

    A bursty context has N/B labels, so the second is B/N; with B = 0 its test shows N.
    """
    of_context = "1/N" if task.copies == 1 else "B/N"
    return {"1/L": 1 / task.L, of_context: 1 / task.classes_in_context}


@styled
def loss_and_accuracies(ds: xr.Dataset) -> tuple[Figure, str]:
    """Figure 1d and A.2: training loss, and the accuracies that tell ICL from IWL."""
    fig = figure(7.2, 3.6)
    left, right = fig.subplots(1, 2)
    seeds_and_mean(left, ds.step, ds.train_loss, MEASURES["loss"], carried=ds.carried)
    left.set(ylabel="training loss (nats)", ylim=(0, None))
    for name, key in ACCURACIES.items():
        measure = MEASURES[key]
        seeds_and_mean(right, ds.step, ds[name], measure, label=measure.label, carried=ds.carried)
    right.set(ylabel="accuracy", ylim=(-0.02, 1.02))
    fig.legend(fontsize=8, ncols=2, loc="outside upper right")
    for ax in (left, right):
        steps_axis(ax, ds)
    ends = ", ".join(
        f"{MEASURES[key].label} {spread(final(ds, name))}" for name, key in ACCURACIES.items()
    )
    return fig, (
        f"Training loss and four accuracies of {counted(ds.sizes['seed'], 'seed')} against steps. "
        f"The loss goes from {float(ds.train_loss[:, 0].mean()):.2f} to "
        f"{float(final(ds, 'train_loss').mean()):.2f}. At the end: {ends}."
    )


@styled
def icl_accuracy(ds: xr.Dataset) -> tuple[Figure, str]:
    """Figure 3a: a slow phase from 1/L towards 1/N, then an abrupt transition."""
    levels = chance_levels(config_of(ds).task)
    _, (name, level) = levels.items()
    fig = figure()
    ax = fig.subplots()
    _levels(ax, levels)
    seeds_and_mean(ax, ds.step, ds.icl_accuracy, MEASURES["icl"], mean=False, carried=ds.carried)
    ax.set(ylabel="accuracy on novel classes", ylim=(-0.02, 1.02))
    steps_axis(ax, ds)
    return fig, (
        f"In-context accuracy of {counted(ds.sizes['seed'], 'seed')} against steps. Median and "
        f"range of the step at which it reaches {name} = {level:.3f}: "
        f"{spread(crossing(ds, level), 0)}; 50%: {spread(crossing(ds), 0)}. "
        f"It ends at {spread(final(ds, 'icl_accuracy'))}."
    )


@styled
def waits(share: xr.DataArray, end: xr.DataArray, step: int) -> tuple[Figure, str]:
    """When the wait at 1/L ends, by how much of the classifier was active at an early step.

    Parameters
    ----------
    share
        Of the units of the last hidden layer, by ``seed``.
    end
        Of the wait, in steps, the same seeds; NaN where it does not end.
    step
        At which ``share`` was read.
    """
    fig = figure(6.0, 3.2)
    ax = fig.subplots()
    colour = MEASURES["icl"].colour
    ended = np.isfinite(end.values)
    last = 1.05 * end.max().item() if ended.any() else 1.0
    never = 1.25 * last  # above the axis of steps, which ends before
    ax.plot(share[ended], end[ended], "o", color=colour)
    ax.plot(share[~ended], np.full((~ended).sum(), never), "x", color=colour)
    for seed in share.seed.values:
        x, y = share.sel(seed=seed).item(), end.sel(seed=seed).item()
        label_at(ax, x, y if np.isfinite(y) else never, f"{seed}", color=INK)
    ax.set(xlabel=f"share of the last hidden layer's units active at step {step:,}",
           ylabel="end of the wait, step", xlim=(0, None), ylim=(0, last))  # fmt: skip
    ax.yaxis.set_major_locator(MaxNLocator(5))
    _thousands(ax.yaxis, last)
    if not ended.all():
        ticks = [tick for tick in ax.yaxis.get_major_locator().tick_values(0, last) if tick <= last]
        texts = ax.yaxis.get_major_formatter().format_ticks(ticks) if ended.any() else []
        ax.set_yticks([*ticks[: len(texts)], never], [*texts, "never"])
        ax.set_ylim(0, 1.1 * never)
        ax.spines["left"].set_bounds(0, last)
    words = [
        f"seed {seed}, {share.sel(seed=seed).item():.3f} and "
        + (f"{end.sel(seed=seed).item():,.0f}" if np.isfinite(end.sel(seed=seed)) else "never")
        for seed in share.seed.values[np.argsort(-share.values)]
    ]
    return fig, (
        f"Share of the last hidden layer's units that are active at step {step:,}, and the step at "
        f"which the wait at 1/L ends, from most to least active: {'; '.join(words)}."
    )


@styled
def progress(ds: xr.Dataset, before: int = 10_000, after: int = 10_000) -> tuple[Figure, str]:
    """Figures 4, 6a and 6b: the four progress measures, seeds aligned at their transition."""
    curves = aligned(ds, list(PROGRESS), before, after)
    fig = figure(7.2, 4.4)
    if not curves.sizes["seed"]:
        return _unaligned(fig, ds)
    ax = fig.subplots()
    _levels(ax, chance_levels(config_of(ds).task))
    ax.axvline(0, color=INK, lw=1, ls=":")
    for name, key in PROGRESS.items():
        seeds_and_mean(ax, curves.since, curves[name], MEASURES[key], label=MEASURES[key].name)
    ax.set(xlabel="steps since in-context accuracy was 50%", ylabel=PROGRESS_AXIS)
    ax.set(xlim=(-before, after), ylim=(-0.02, 1.02))
    ax.xaxis.set_major_locator(MaxNLocator(5))
    _thousands(ax.xaxis, max(before, after))
    ax.legend(fontsize=9, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    early, late = curves.isel(since=0), curves.isel(since=-1)
    middle = curves.sel(since=0, method="nearest")
    words = "; ".join(
        f"{MEASURES[key].label} {_mean(early[name])}, {_mean(middle[name])} and {_mean(late[name])}"
        for name, key in PROGRESS.items()
    )
    return fig, (
        f"Five measures of {counted(curves.sizes['seed'], 'seed')}, aligned where in-context "
        f"accuracy is 50%. Means {before:,} steps before, at and {after:,} steps after that, over "
        f"the seeds that have a value there: {words}."
    )


def _unaligned(fig: Figure, ds: xr.Dataset) -> tuple[Figure, str]:
    """Stand in for an aligned figure when no seed has had its transition."""
    ax = fig.subplots()
    for name, key in PROGRESS.items():
        measure = MEASURES[key]
        seeds_and_mean(ax, ds.step, ds[name], measure, label=measure.name, carried=ds.carried)
    ax.set(ylim=(-0.02, 1.02), title="no seed has reached 50%: not aligned", ylabel=PROGRESS_AXIS)
    ax.legend(fontsize=8)
    steps_axis(ax, ds)
    return fig, (
        f"Five measures of {counted(ds.sizes['seed'], 'seed')} against steps, not aligned: no "
        "seed's in-context accuracy has reached 50%."
    )


@styled
def losses(ds: xr.Dataset) -> tuple[Figure, str]:
    """Figure 6c: the loss of each seed, in a colour and dash that say how it ended."""
    ends = fates(ds)
    fig = figure()
    ax = fig.subplots()
    words = []
    for fate, measure in _FATES.items():
        run = ds.isel(seed=(ends == fate).values)
        if not run.sizes["seed"]:
            continue
        seeds_and_mean(ax, ds.step, run.train_loss, measure, mean=False, carried=run.carried)
        ax.plot([], [], label=f"{fate}: {run.sizes['seed']}", **measure.line)
        verb = "ends" if run.sizes["seed"] == 1 else "end"
        loss = spread(final(run, "train_loss"))
        words.append(f"{run.sizes['seed']} {verb} as {fate} with a loss of {loss}")
    ax.set(ylabel="training loss (nats)", ylim=(0, None))
    ax.legend(fontsize=9, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    steps_axis(ax, ds)
    return fig, f"Training loss of {counted(ds.sizes['seed'], 'seed')}: {'; '.join(words)}."


_FATES = dict(zip(FATES, (MEASURES["icl"], MEASURES["tila2"], MEASURES["loss"]), strict=True))


@styled
def logits(ds: xr.Dataset) -> tuple[Figure, str]:
    """The minimal model's own parameters against steps."""
    names = _trained(ds)
    fig = figure()
    ax = fig.subplots()
    _draw_logits(ax, ds, names)
    ax.set(ylabel="logit")
    ax.legend(handles=_key(names), fontsize=9, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1))
    who = counted(ds.sizes["seed"], "seed")
    return fig, (
        f"The minimal model's logits of {who} against steps; at the end {_logit_ends(ds, names)}."
    )


@styled
def logits_by_fate(ds: xr.Dataset) -> tuple[Figure, str]:
    """The same for runs of Figure 6c, with a panel for each way in which a seed ends."""
    names, ends = _trained(ds), fates(ds)
    groups = {fate: ds.isel(seed=(ends == fate).values) for fate in FATES if (ends == fate).any()}
    fig = figure(7.2, 3.4)
    axes = fig.subplots(1, len(groups), sharey=True, squeeze=False)[0]
    words = []
    for ax, (fate, run) in zip(axes, groups.items(), strict=True):
        who = counted(run.sizes["seed"], "seed")
        _draw_logits(ax, run, names, ticks=3)  # panels are narrow
        ax.set_title(f"{fate}: {who}", fontsize=10)
        words.append(f"{fate}, {who}: {_logit_ends(run, names)}")
    axes[0].set(ylabel="logit")
    fig.legend(handles=_key(names), fontsize=9, ncols=3, loc="outside upper center")
    return fig, (
        f"The minimal model's logits of {counted(ds.sizes['seed'], 'seed')} against steps, a panel "
        f"for each way in which a seed ends. At the end: {'; '.join(words)}."
    )


def _trained(ds: xr.Dataset) -> list[str]:
    """The attention parameters that were not held at zero."""
    return [name for name in ("beta1", "alpha", "beta2") if float(abs(ds[name]).max()) > 0]


def _draw_logits(ax: Axes, ds: xr.Dataset, names: list[str], ticks: int = 5) -> None:
    for name in names:
        seeds_and_mean(ax, ds.step, ds[name], MEASURES[name], mean=False, carried=ds.carried)
    steps_axis(ax, ds, ticks)


def _key(names: list[str]) -> list[Line2D]:
    return [Line2D([], [], label=MEASURES[name].label, **MEASURES[name].line) for name in names]


def _logit_ends(ds: xr.Dataset, names: list[str]) -> str:
    return ", ".join(f"{name} {spread(final(ds, name))}" for name in names)


@styled
def two_ways(ds: xr.Dataset) -> tuple[Figure, str]:
    """One run in two ways, along a dimension ``way``: the second dashed upon the first."""
    first, second = ds.way.values
    fig = figure()
    ax = fig.subplots()
    for name, beside in (("context_label_accuracy", (5, 7)), ("icl_accuracy", (5, -7))):
        measure = MEASURES[PROGRESS[name]]
        values = ds[name]
        ax.plot(ds.step, values.sel(way=first), color=measure.colour, lw=4, alpha=0.35)
        ax.plot(ds.step, values.sel(way=second), color=measure.colour, lw=1.2, ls="--")
        end = float(ds.step[-1]), float(values[-1, -1])
        label_at(ax, *end, measure.label, color=measure.colour, xytext=beside)
    ax.set(ylabel="accuracy on novel classes", ylim=(-0.02, 1.02))
    steps_axis(ax, ds)
    halves = ", ".join(
        f"{way} at step {step:,.0f}"
        for way, step in zip(ds.way.values, crossing(ds).values, strict=True)
    )
    apart = float(abs(ds.icl_accuracy.diff("way")).max())
    return fig, (
        "Context-label accuracy and in-context accuracy of one run trained in two ways, wide and "
        f"pale: {first}, dashed: {second}. In-context accuracy reaches 50%: {halves}; at no record "
        f"are the two further apart than {apart:.3f}."
    )


def seeds_and_mean(
    ax: Axes,
    x: xr.DataArray,
    y: xr.DataArray,
    measure: Measure,
    mean: bool = True,
    label: str | None = None,
    carried: xr.DataArray | None = None,
) -> None:
    """Draw a thin line a seed; their mean thick, where every seed has a value.

    Values carried forward from where the stop rule ended a seed are dotted and lighter, and so is
    the mean from the first of them on.
    """
    thin, alpha = (0.8, 0.5) if mean else (1.4, 0.9)
    held = xr.zeros_like(y, dtype=bool) if carried is None else carried
    for name in y.seed.values:
        values, after = y.sel(seed=name), held.sel(seed=name)
        ax.plot(x, values.where(~after), color=measure.colour, lw=thin, alpha=alpha)
        ax.plot(
            x,
            values.where(_joined(after)),
            color=measure.colour,
            lw=thin,
            alpha=0.6 * alpha,
            ls=":",
        )
    if mean:
        average, after = y.mean("seed", skipna=False), held.any("seed")
        ax.plot(x, average.where(~after), label=label, **measure.line)
        ax.plot(x, average.where(_joined(after)), color=measure.colour, alpha=0.6, ls=":")


def _joined(after: xr.DataArray) -> xr.DataArray:
    """The mask and the point before it, so that the dotted part begins where the line ends."""
    held = np.array(after.values)
    held[:-1] |= held[1:]
    return after.copy(data=held)


def _levels(ax: Axes, levels: dict[str, float]) -> None:
    for name, level in levels.items():
        ax.axhline(level, color=INK, lw=0.8, ls="--")
        ax.annotate(
            f"${name}$", (1, level), xycoords=("axes fraction", "data"), xytext=(4, 0),
            textcoords="offset points", va="center", fontsize=9,
        )  # fmt: skip


def steps_axis(ax: Axes, ds: xr.Dataset, ticks: int = 5) -> None:
    """Steps along the horizontal axis, up to the last of these runs, with so many ticks at most."""
    ax.set(xlabel="steps", xlim=(0, float(ds.step.max())))
    ax.xaxis.set_major_locator(MaxNLocator(ticks))
    _thousands(ax.xaxis, float(ds.step.max()))


def log_steps_axis(ax: Axes, ds: xr.Dataset) -> None:
    """The same on a logarithmic axis; it is even up to the first record after the start."""
    first, last = float(ds.step[1]), float(ds.step[-1])
    ax.set_xscale("symlog", linthresh=first)
    ax.set(xlabel="steps", xlim=(0, last))
    powers = 10.0 ** np.arange(np.ceil(np.log10(first)), np.log10(last))
    ax.set_xticks([0, *powers], [_in_thousands(x) for x in [0, *powers]])
    ax.minorticks_off()


def _thousands(axis: Axis, last: float) -> None:
    """Steps as 50k where an axis is that long."""
    if last >= 10_000:
        axis.set_major_formatter(lambda x, _: _in_thousands(x))


def _in_thousands(step: float) -> str:
    words = f"{step / 1000:g}k" if abs(step) >= 1000 else f"{step:g}"
    return words.replace("-", "−")


def _mean(values: xr.DataArray) -> str:
    mean = float(values.mean())
    return "unknown" if np.isnan(mean) else f"{mean:.2f}"
