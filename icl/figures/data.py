"""Figures 2, A.1, A.3, A.5 and their like, from as many runs as are stored.

Every function takes the stored seeds of an experiment, as :func:`icl.experiments.load_stored` gives
them. A configuration without any is marked as not yet run, in the picture and in its words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xarray as xr
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation

from icl.analysis import counted, crossing, final, spread
from icl.experiments import EXPERIMENTS
from icl.figures.curves import chance_levels, log_steps_axis, seeds_and_mean, steps_axis
from icl.figures.style import INK, MEASURES, by_variable, figure, label_at, styled
from icl.task import Task
from icl.verdicts import IWL, PAPERS_IWL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Stored = Mapping[str, xr.Dataset]  # label of a configuration: its stored seeds

MISSING = "not yet run"
FALLEN = 0.05  # an accuracy that was higher by so much has its highest value in the words
WRITTEN = (0.03, 0.98)  # heights between which letters stay clear of an accuracy's axes
ICL = "icl_accuracy"
NAMES = by_variable("iwl_absent", "iwl", "icl")
ROWS = {"in-weights accuracy": (IWL, PAPERS_IWL), "in-context accuracy": (ICL,)}
SIGNS = {"eps": r"\varepsilon", "alpha": r"\alpha", "xi0": r"\xi_0"}  # in mathematics
GREEK = {"eps": "ε", "alpha": "α"}  # in words
BURSTS = {  # colour and marker of a burstiness B, from cold to hot
    0: ("#2a63e6", "s"), 1: ("#1a939a", "o"), 2: ("#d07a00", "^"), 4: ("#ce2f4c", "D"),
}  # fmt: skip
OTHER_BURSTS = ("#8e44ad", "P"), ("#5f7a1f", "v")  # of any further B, in turn


class Scan(NamedTuple):
    """A column of Figure 2 or A.3: an experiment, and the setting of the task along its axis."""

    experiment: str
    along: str


FIGURE_2 = (Scan("2a", "K"), Scan("2b", "eps"), Scan("2c", "alpha"))
FIGURE_A3 = (Scan("A.3a", "K"), Scan("A.3b", "eps"), Scan("A.3c", "alpha"))


class Point(NamedTuple):
    """A configuration of a scan, and where its stored seeds ended."""

    label: str
    B: int
    x: float  # the setting along the axis
    seeds: list[int]  # none: not yet run
    ends: dict[str, np.ndarray]  # measure: a number a seed, mean of the last ten records


def points(scan: Scan, stored: Stored) -> list[Point]:
    """Every configuration of a scan, whether run or not, by burstiness B and along the axis."""
    found = []
    for label, config in EXPERIMENTS[scan.experiment].configs.items():
        ds = stored.get(label)
        ends = {name: np.array([]) if ds is None else final(ds, name).values for name in NAMES}
        seeds = [] if ds is None else [int(seed) for seed in ds.seed.values]
        x = float(getattr(config.task, scan.along))
        found.append(Point(label, config.task.B, x, seeds, ends))
    return sorted(found, key=lambda point: (point.B, point.x))


# Figures 2 and A.3


@styled
def data_dependence(scans: Sequence[Scan], runs: Mapping[str, Stored]) -> tuple[Figure, str]:
    """Accuracies at the end of training against what the scans vary: IWL above, ICL below."""
    fig = figure(7.4, 5.2)
    widths = [1.5 if scan.along == "K" else 1 for scan in scans]  # the names of curves stand there
    axes = fig.subplots(2, len(scans), sharey=True, squeeze=False, width_ratios=widths)
    columns = [points(scan, runs.get(scan.experiment, {})) for scan in scans]
    for (title, measures), row in zip(ROWS.items(), axes, strict=True):
        for scan, column, ax in zip(scans, columns, row, strict=True):
            _draw(ax, column, measures)
            _axis(ax, scan, [point.x for point in column])
        row[0].set(ylabel=title, ylim=(-0.03, 1.03))
    for scan, top, ax in zip(scans, axes[0], axes[-1], strict=True):
        top.set_title(scan.experiment, fontsize=10)
        ax.set_xlabel(f"${SIGNS.get(scan.along, scan.along)}$")
    every = [point for column in columns for point in column]
    fig.legend(handles=_key(every), loc="outside upper center", ncols=3, fontsize=8)
    words = " ".join(
        f"Against {scan.along}: {_words(column)}."
        for scan, column in zip(scans, columns, strict=True)
    )
    return fig, f"Accuracies at the end of training, {_how_many(every)}. {words}"


def explore(
    scans: Sequence[Scan], runs: Mapping[str, Stored]
) -> tuple[dict[str, Any], Figure, str]:
    """The part `data-dependence` for `icl.figures.interactive.show_part`: seeds behind a point.

    Parameters are those of :func:`data_dependence`, which is the static picture.
    """
    columns = [
        {
            "name": scan.experiment,
            "sign": GREEK.get(scan.along, scan.along),
            "ticks": [[place, f"{x:g}"] for x, place in _places(scan, column).items()],
            "points": [
                {
                    "B": point.B,
                    "x": f"{point.x:g}",
                    "at": _places(scan, column)[point.x],
                    "seeds": point.seeds,
                    "ends": {name: _rounded(values) for name, values in point.ends.items()},
                }
                for point in column
            ],
        }
        for scan in scans
        for column in [points(scan, runs.get(scan.experiment, {}))]
    ]
    drawn = {point.B for scan in scans for point in points(scan, {})}
    data = {
        "columns": columns,
        "rows": [{"title": title, "measures": list(names)} for title, names in ROWS.items()],
        "names": {
            IWL: "in weights, target's class absent",
            PAPERS_IWL: "in weights, the paper's test",
            ICL: "in context",
        },
        "bursts": {
            str(B): dict(zip(("colour", "marker"), _burst(B), strict=True)) for B in sorted(drawn)
        },
        "missing": MISSING,
    }
    return data, *data_dependence(scans, runs)


def _burst(B: int) -> tuple[str, str]:
    """Colour and marker."""
    return BURSTS.get(B) or OTHER_BURSTS[B.bit_length() % len(OTHER_BURSTS)]


def _places(scan: Scan, column: Sequence[Point]) -> dict[float, float]:
    """Where the values of a scan stand on an even axis, as the picture has them."""
    xs = sorted({point.x for point in column})
    if scan.along in ("K", "eps"):
        return {x: float(place) for place, x in enumerate(xs)}  # each about twice the one before
    return {x: x for x in xs}


def _rounded(values: np.ndarray) -> list[float]:
    return [round(float(value), 4) for value in values]


def _draw(ax: Axes, column: list[Point], measures: Sequence[str]) -> None:
    """One curve a burstiness and measure; the first measure is solid, a second one dashed."""
    labels = {}
    bursts = sorted({point.B for point in column})
    for place, B in enumerate(bursts):
        curve = [point for point in column if point.B == B]
        for measure in reversed(measures):
            _curve(ax, curve, measure, B, dashed=measure != measures[0])
        _mark_missing(ax, curve, _burst(B)[0], place - (len(bursts) - 1) / 2)
        run = [point for point in curve if point.seeds]
        if run and len(bursts) > 1:
            labels[B] = (run[-1].x, float(run[-1].ends[measures[0]].mean()))
    heights = _apart([y for _, y in labels.values()], between=WRITTEN)
    for (B, (x, _)), y in zip(labels.items(), heights, strict=True):
        label_at(ax, x, y, f"$B={B}$", xytext=(7, 0), color=_burst(B)[0], fontsize=9)


def _curve(ax: Axes, curve: list[Point], measure: str, B: int, dashed: bool) -> None:
    """Means joined by a line, fainter over what is not yet run; a thin mark a seed."""
    colour, marker = _burst(B)
    run = [(place, point) for place, point in enumerate(curve) if point.seeds]
    dash, face = ("--", "none") if dashed else ("-", colour)
    for (i, before), (j, after) in pairwise(run):
        ax.plot(
            [before.x, after.x], [p.ends[measure].mean() for p in (before, after)],
            color=colour, ls=dash, lw=1.2 if dashed else 1.8, alpha=1 if j == i + 1 else 0.35,
        )  # fmt: skip
    for _, point in run:
        values = point.ends[measure]
        ax.plot(np.full(len(values), point.x), values, "_", color=colour, ms=9, mew=0.8, alpha=0.8)
        ax.plot(point.x, values.mean(), marker, color=colour, mfc=face, ms=4 if dashed else 5)


def _mark_missing(ax: Axes, curve: list[Point], colour: str, place: float) -> None:
    """A cross on the axis for each configuration that is not yet run, curves side by side."""
    missing = [point.x for point in curve if not point.seeds]
    if not missing:
        return  # an empty line that is not clipped has no place in the layout
    beside = ScaledTranslation(6 / 72 * place, 0, ax.figure.dpi_scale_trans)  # 6 points apart
    ax.plot(
        missing, np.zeros(len(missing)), "x", color=colour, ms=4.5, mew=1.2,
        transform=ax.get_xaxis_transform() + beside, clip_on=False, zorder=3,
    )  # fmt: skip


def _axis(ax: Axes, scan: Scan, xs: list[float]) -> None:
    """The whole scan's axis, also where nothing has been run."""
    ticks = sorted(set(xs))
    low, high = ticks[0], ticks[-1]
    if scan.along == "K":
        ax.set_xscale("log", base=2)
        ax.set_xlim(low / 1.3, high * 2)  # the labels stand there
    elif scan.along == "eps":
        ax.set_xscale("symlog", linthresh=ticks[1], base=2)
        ax.set_xlim(low - 0.3 * ticks[1], high * 1.3)
    else:
        margin = 0.06 * (high - low) or 0.1
        ax.set_xlim(low - margin, high + margin)
    if scan.along == "alpha":
        ticks = [x for x in ticks if x % 0.5 == 0]  # room for these
    ax.set_xticks(ticks, [f"{x:g}" for x in ticks], fontsize=8)
    ax.set_xticks([], minor=True)


def _apart(
    heights: list[float], gap: float = 0.085, between: tuple[float, float] = (-np.inf, np.inf)
) -> list[float]:
    """Heights at least a gap apart, in the same order, for labels that would overlap.

    All lie between two heights, if there is room.
    """
    order = np.argsort(heights, kind="stable")
    moved = np.array(heights, float)
    for _ in range(100):
        for low, high in pairwise(order):
            push = (gap - (moved[high] - moved[low])) / 2
            if push > 1e-9:
                moved[low] -= push
                moved[high] += push
    lowest, highest = between
    for i in order:
        moved[i] = max(moved[i], lowest)
        lowest = moved[i] + gap
    for i in order[::-1]:
        moved[i] = min(moved[i], highest)
        highest = moved[i] - gap
    return [float(height) for height in moved]


def _key(every: list[Point]) -> list[Line2D]:
    handles = [
        Line2D([], [], color=INK, label="in weights: target's class absent"),
        Line2D(
            [], [], color=INK, ls="--", lw=1.2, mfc="none", label="in weights: the paper's test"
        ),
    ]
    if any(point.seeds for point in every):
        seeds = _number_of_seeds(every)
        handles += [
            Line2D([], [], color=INK, marker="o", ls="", ms=5, label=f"mean of {seeds}"),
            Line2D([], [], color=INK, marker="_", ls="", ms=9, mew=0.8, label="a seed"),
        ]
    if any(not point.seeds for point in every):
        handles.append(Line2D([], [], color=INK, marker="x", ls="", ms=4.5, label=MISSING))
    return handles


def _how_many(every: Sequence[Point]) -> str:
    run = sum(bool(point.seeds) for point in every)
    if not run:
        return f"all {len(every)} configurations {MISSING}"
    return f"means of {_number_of_seeds(every)}; {run} of {len(every)} configurations are stored"


def _number_of_seeds(every: Sequence[Point]) -> str:
    """How many seeds the points have, as a range where they differ."""
    counts = {len(point.seeds) for point in every if point.seeds}
    few, many = min(counts), max(counts)
    return counted(few, "seed") if few == many else f"{few} to {many} seeds"


def _words(column: list[Point]) -> str:
    if not any(point.seeds for point in column):
        return MISSING
    bursts = sorted({point.B for point in column})
    xs = sorted({point.x for point in column})
    parts = [f"at {', '.join(f'{x:g}' for x in xs)}"]
    for measure in (IWL, ICL):
        for B in bursts:
            curve = [_mean(point.ends[measure]) for point in column if point.B == B]
            burst = f", B = {B}" if len(bursts) > 1 else ""
            parts.append(f"{MEASURES[NAMES[measure]].label}{burst}: {', '.join(curve)}")
    return "; ".join(parts)


def _mean(values: np.ndarray) -> str:
    return f"{values.mean():.2f}" if values.size else MISSING


# Ranks of classes


@styled
def by_rank(task: Task, ds: xr.Dataset | None) -> tuple[Figure, str]:
    """IWL accuracy at the end, target's class absent, by octave of the class's rank.

    Parameters
    ----------
    task
        Gives the bins of ranks.
    ds
        Stored seeds of that task; None: not yet run.
    """
    bins = [f"{a}" if a == b else f"{a}–{b}" for a, b in task.rank_bins()]
    what = f"In-weights accuracy by rank of the class at alpha = {task.alpha:g}"
    fig = figure(6.0, 3.0)
    ax = fig.subplots()
    ax.set(xlabel="rank of the class, 1 the most common", ylabel="in-weights accuracy")
    ax.set(ylim=(-0.03, 1.03), xlim=(-0.4, len(bins) - 0.6))
    ax.set_xticks(range(len(bins)), bins, fontsize=9)
    if ds is None:
        _write_missing(ax)
        return fig, f"{what}: {MISSING}."
    ends = final(ds, "rank_accuracy").transpose("seed", "rank_bin").values
    colour = MEASURES["iwl_absent"].colour
    for seed in ends:
        ax.plot(seed, "_", color=colour, ms=12, mew=0.8, alpha=0.8)
    ax.plot(ends.mean(0), "o-", color=colour, ms=5)
    ax.set_title(f"mean and each of {counted(len(ends), 'seed')}", fontsize=9)
    words = ", ".join(f"{name}: {mean:.2f}" for name, mean in zip(bins, ends.mean(0), strict=True))
    return fig, (
        f"{what} at the end of training, target's class absent from the context, means of "
        f"{counted(len(ends), 'seed')}: {words}."
    )


# Curves of several configurations


@styled
def panels(
    experiment: str, stored: Stored, measures: Sequence[str] = (ICL, IWL, PAPERS_IWL),
    columns: int = 3, mean: bool = True, beside: Stored | xr.Dataset | None = None,
    named: bool = False, log: bool = False,
) -> tuple[Figure, str]:  # fmt: skip
    """Accuracies against steps, an axis a configuration: Figures A.1 and A.5, and the like.

    Parameters
    ----------
    experiment
        Its name.
    stored
        Its stored seeds.
    measures
        Variables of the runs to draw.
    columns
        Axes side by side at most.
    mean
        A thick mean and thin seeds; otherwise the seeds alone.
    beside
        Other runs, for every label or for each its own, drawn behind in grey, a line a seed,
        the same seeds; of several measures those with a short name.
    named
        Write these names beside the grey lines.
    log
        Steps on a logarithmic axis from the first record on, and on an even one before.
    """
    configs = EXPERIMENTS[experiment].configs
    columns = min(columns, len(configs))
    rows = -(-len(configs) // columns)
    fig = figure(7.4, 0.6 + 1.9 * rows)
    grid = fig.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    axes, rest = np.split(grid.ravel(), [len(configs)])
    for ax in rest:
        ax.set_axis_off()
    words = []
    behind = {
        label: _same_seeds(ds, beside if isinstance(beside, xr.Dataset) else beside.get(label))
        for label, ds in stored.items()
        if beside is not None
    }
    grey = [name for name in measures if len(measures) == 1 or MEASURES[NAMES[name]].short]
    drawn = [ds for ds in (*stored.values(), *behind.values()) if ds is not None]
    longest = max(drawn, key=lambda ds: float(ds.step.max()), default=None)
    for ax, (label, config) in zip(axes, configs.items(), strict=True):
        ds, other = stored.get(label), behind.get(label)
        if ds is None:
            _write_missing(ax)
            words.append(f"{label}: {MISSING}")
        else:
            if other is not None and longest is not None:
                _in_grey(ax, other, grey, float(longest.step.max()))
            for name in reversed(measures):
                seeds_and_mean(
                    ax, ds.step, ds[name], MEASURES[NAMES[name]], mean, carried=ds.carried
                )
            if tuple(measures) == (ICL,):
                _, level = chance_levels(config.task).values()
                ax.axhline(level, color=INK, lw=0.8, ls="--")
            words.append(f"{label}, {_course_in_words(ds, measures)}")
            if other is not None:
                words[-1] += f" (in grey {_ends_in_words(other, grey)})"
        seeds = "" if ds is None else f", {counted(ds.sizes['seed'], 'seed')}"
        ax.set_title(f"{_in_signs(label)}{seeds}", fontsize=9)
    _share_axes(axes, columns, longest, log)
    for ax, label in zip(axes, configs, strict=True):
        if named and (other := behind.get(label)) is not None:
            _name_grey(ax, other, grey)
    if len(measures) > 1:
        handles = [
            Line2D([], [], label=MEASURES[NAMES[name]].label, **MEASURES[NAMES[name]].line)
            for name in measures
        ]
        fig.legend(handles=handles, fontsize=8, ncols=len(measures), loc="outside upper center")
    return fig, f"Accuracy against steps, a panel a configuration. {'; '.join(words)}."


def _in_grey(ax: Axes, ds: xr.Dataset, measures: Sequence[str], last: float) -> None:
    """A line a seed, with a point where it ends before the last step of the axis."""
    for name in measures:
        until = ds[name].where(~ds.carried).transpose("step", "seed")
        ax.plot(ds.step, until, color=INK, lw=0.8, alpha=0.7)
        ended = ds.sel(seed=ds.stopped_at < last)
        ends = ended[name].sel(step=ended.stopped_at)
        ax.plot(ended.stopped_at, ends, ".", color=INK, ms=7, zorder=3)


def _name_grey(ax: Axes, ds: xr.Dataset, measures: Sequence[str]) -> None:
    """Write short names of measures beside the ends of their grey lines, where there is room."""
    last = ax.get_xlim()[1]
    at = min(float(ds.stopped_at.max()), 0.94 * last)
    taken = _heights(ax, at + 0.01 * last, at + 0.06 * last)  # so wide are the letters
    for name in measures:
        end = float(final(ds, name).mean())
        free = _free(end, taken)
        taken = np.append(taken, free + np.array([-0.04, 0, 0.04]))
        label_at(ax, at, free, MEASURES[NAMES[name]].short, color=INK, fontsize=8)


def _heights(ax: Axes, low: float, high: float) -> np.ndarray:
    """Where the lines of an axis run between two places along it."""
    places = np.linspace(low, high, 9)
    found = []
    for line in ax.lines:
        x, y = (np.asarray(values, float) for values in line.get_data())
        known = np.isfinite(y)
        if known.sum() > 1:
            found.append(np.interp(places, x[known], y[known], left=np.nan, right=np.nan))
    heights: np.ndarray = np.concatenate([[], *found])
    return np.extract(np.isfinite(heights), heights)


def _free(height: float, taken: np.ndarray, clear: float = 0.06) -> float:
    """The height next to the one wished for that is clear of others; the clearest, if none is."""
    places = np.linspace(*WRITTEN, 96)
    distance = abs(places[:, None] - taken).min(axis=1, initial=1.0)
    room = np.minimum(distance, clear)
    best = places[room == room.max()]
    return float(best[abs(best - height).argmin()])


def _same_seeds(ds: xr.Dataset, other: xr.Dataset | None) -> xr.Dataset | None:
    """The seeds of another data set that this one has too; None without any."""
    both = [] if other is None else [seed for seed in ds.seed.values if seed in other.seed.values]
    return other.sel(seed=both) if other is not None and both else None


def _share_axes(axes: np.ndarray, columns: int, longest: xr.Dataset | None, log: bool) -> None:
    """Name the axes at the left of rows and at the foot of columns, which may be of two lengths."""
    for ax in axes[-columns:]:
        ax.tick_params(labelbottom=True)
        if longest is None:
            ax.set(xlabel="steps", xticks=[])
        elif log:
            log_steps_axis(ax, longest)
        else:
            steps_axis(ax, longest, ticks=3)  # panels are narrow
    for ax in axes[::columns]:
        ax.set(ylabel="accuracy", ylim=(-0.03, 1.03))


def _ends_in_words(ds: xr.Dataset, measures: Sequence[str]) -> str:
    return _in_words(ds, measures, lambda _: "")


def _course_in_words(ds: xr.Dataset, measures: Sequence[str]) -> str:
    """How accuracies end; and of those with a short name, when they are 50%, and their highest."""
    return _in_words(ds, measures, lambda name: _course(ds, name))


def _in_words(ds: xr.Dataset, measures: Sequence[str], more: Callable[[str], str]) -> str:
    ends = (
        f"{MEASURES[NAMES[name]].label} {_in_order(final(ds, name).values)}{more(name)}"
        for name in measures
    )
    verb = "ends" if ds.sizes["seed"] == 1 else "end"
    return f"{counted(ds.sizes['seed'], 'seed')} that {verb} with {' and '.join(ends)}"


def _course(ds: xr.Dataset, name: str) -> str:
    """When an accuracy passes 50%, and its highest value where that is well above its end."""
    if not MEASURES[NAMES[name]].short:
        return ""
    said = []
    half = crossing(ds, 0.5, name).where(ds[name].isel(step=0) < 0.5).dropna("seed")
    if half.size:
        of = "" if half.size == ds.sizes["seed"] else f" in {counted(half.size, 'seed')}"
        said.append(f"50%{of} at step {_in_order(half.values, ',.0f')}")
    peak = ds[name].max("step")
    if (peak - ds[name].isel(step=-1)).max() > FALLEN:
        when = ds[name].idxmax("step").values
        said.append(f"highest {_in_order(peak.values)} at step {_in_order(when, ',.0f')}")
    return f" ({'; '.join(said)})" if said else ""


def _in_order(values: np.ndarray, digits: str = ".2f") -> str:
    """The lowest and highest number, or the one that both are."""
    low, high = f"{values.min():{digits}}", f"{values.max():{digits}}"
    return low if low == high else f"{low} to {high}"


def _write_missing(ax: Axes) -> None:
    ax.text(0.5, 0.5, MISSING, transform=ax.transAxes, ha="center", va="center", style="italic")


def _in_signs(label: str) -> str:
    """A configuration's label as mathematics: ``p_B=0.5, p_C=0.5``; words stay words."""
    return ", ".join(
        f"${SIGNS.get(name, name)}={value}$" if value else name
        for name, _, value in (part.partition("=") for part in label.split(", "))
    )


# All numbers


def all_numbers(experiment: str, stored: Stored) -> str:
    """The Markdown block that a reader opens to see :func:`table`."""
    title = EXPERIMENTS[experiment].title
    return f"```{{dropdown}} All numbers, {title}\n{table(experiment, stored)}\n```"


def table(experiment: str, stored: Stored) -> str:
    """A Markdown table of an experiment: accuracies at the end, median and range over seeds."""
    lines = [
        "| configuration | seeds | in weights: class absent | paper's test | in context |",
        "|---|---|---|---|---|",
    ]
    configs = EXPERIMENTS[experiment].configs
    for label in sorted(configs, key=lambda label: (configs[label].task.K, configs[label].task.B)):
        ds = stored.get(label)
        cells = (
            [MISSING, "", "", ""]
            if ds is None
            else [str(ds.sizes["seed"]), *(spread(final(ds, name)) for name in NAMES)]
        )
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join(lines)
