"""The book's interactive parts: a static picture, and the data that a script in the page needs.

A part is shown as `show` shows a figure, `show_part("NAME", *interactive.name(...))`: each builder
below returns the data, the static figure and its alternative text. The scripts are
`book/_static/icl.js`, which all parts share, and `book/_static/icl-NAME.js`.
"""

from __future__ import annotations

import base64
import html
import json
import math
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import matplotlib as mpl
import numpy as np
from IPython.display import publish_display_data

from icl.analysis import crossing
from icl.attention import check_maps
from icl.figures import attention
from icl.figures import task as task_figures
from icl.figures.curves import PROGRESS, chance_levels
from icl.figures.landscape import FATES, HALO, LOSS_COLOURS, TIME, over_logits
from icl.figures.style import END, MEASURES, START, figure, label_at, one_line, styled, to_svg
from icl.landscape import PARAMETERS, Landscape, Path
from icl.runs import config_of
from icl.settings import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr
    from jaxtyping import Bool, Float
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from icl.task import Task, World

Part = tuple[dict[str, Any], "Figure", str]  # data, static figure, its alternative text


def show_part(part: str, data: Mapping[str, Any], fig: Figure, alt: str) -> None:
    """Display an interactive part: until its script has taken over, a figure that says the same.

    What is published as text/html, with the alternative text as text/plain, is::

        <div class="icl-part" data-part="PART">
          <img class="icl-static" src="data:image/svg+xml,..." alt="ALT">
          <script type="application/json">DATA</script>
        </div>

    In the page `icl.part("PART", (root, data) => ...)` of `book/_static/icl.js` finds every such
    element, parses the data, and calls its second argument with an empty element to fill; when that
    returns, it stands in the picture's place. Without JavaScript, in a notebook, or if the script
    fails, the picture stays. Caption, name and number come from the cell's metadata, as for
    `icl.figures.style.show`: `mystnb={"figure": {"name": "fig-...", "caption": "..."}}`.

    Parameters
    ----------
    part
        Name of the part: lower-case letters, digits and hyphens, a letter first. A new part needs
        a script `book/_static/icl-PART.js`, named in html_js_files of `_config.yml`.
    data
        What the script needs, as JSON: no NaN, no infinity. It is stored in the page, which must
        stay far below 2 MB when compressed; `pack` makes large arrays small.
    fig
        The static picture.
    alt
        Its alternative text, which must not be empty.

    Raises
    ------
    InputError
        For another name, an empty text, or data that JSON cannot hold.
    """
    text = one_line(alt)
    if not re.fullmatch(r"[a-z][a-z0-9-]*", part):
        raise InputError(f"part={part!r} must be lower-case letters, digits and hyphens")
    image = "data:image/svg+xml," + quote(to_svg(fig), safe=" ~!*()-_.=:;/,<>'")
    publish_display_data(  # type: ignore[no-untyped-call]
        {
            "text/html": (
                f'<div class="icl-part" data-part="{part}">'
                f'<img class="icl-static" alt="{html.escape(text)}" src="{html.escape(image)}">'
                f'<script type="application/json">{_json(data)}</script></div>'
            ),
            "text/plain": text,
        }
    )


def _json(data: Mapping[str, Any]) -> str:
    """Compact JSON that cannot end the script element it stands in."""
    try:
        text = json.dumps(data, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise InputError(f"data must be JSON: {error}") from None
    return text.replace("<", r"\u003c")


def pack(values: Float[np.ndarray, "..."]) -> str:
    """Shares between 0 and 1 as a byte each, in base64: `icl.unpack` gives them back to 1/508.

    NaN becomes 255. Raises InputError for a value outside of 0 to 1.
    """
    missing = np.isnan(values)
    if not ((values >= 0) & (values <= 1) | missing).all():
        raise InputError(f"values from {np.nanmin(values)} to {np.nanmax(values)} must be shares")
    levels = np.where(missing, 255, np.rint(254 * np.where(missing, 0, values)))
    return base64.b64encode(levels.astype(np.uint8).tobytes()).decode()


def measures(*names: str) -> dict[str, dict[str, str]]:
    """Name, colour and dash of measures as in every figure, by their keys in `MEASURES`."""
    return {
        name: {"label": _plain(MEASURES[name].label)} | _pen(MEASURES[name].line) for name in names
    }


def _pen(line: dict[str, Any]) -> dict[str, str]:
    return {"colour": line["color"], "dash": "6 4" if line["linestyle"] == "--" else ""}


def _plain(label: str) -> str:
    """A measure's label without TeX, which the text of a script's picture cannot show."""
    for tex, letter in _LETTERS.items():
        label = label.replace(tex, letter)
    return label


_LETTERS = {r"$\beta_1$": "β₁", r"$\beta_2$": "β₂", r"$\alpha$": "α", r"$\xi$": "ξ"}


def colours(name: str, number: int = 64) -> list[str]:
    """Equally spaced colours of a colour map of matplotlib, the lowest first."""
    scale = mpl.colormaps[name]
    return [mpl.colors.to_hex(scale(i / (number - 1))) for i in range(number)]


# Walk the landscape

SPAN: Final = {"xi": (-16.0, 16.0), "y": (-7.0, 7.0)}  # of the surface
STEEPEST: Final = 1.5  # losses are coloured up to so many times log L


@styled
def landscape(
    shape: Landscape, path: Path, horizons: tuple[int, ...] = (50, 100, 200, 500, 1000, 2000, 5000)
) -> Part:
    """Walk the landscape: a path of `Landscape.descend`, to be drawn anew from other settings.

    Parameters
    ----------
    shape
        N and L to begin with; its N1 is the paper's.
    path
        From one start; gives the start, the rate, and the time that is shown at first.
    horizons
        Times up to which a reader can follow a path; the path's own is added.
    """
    rate, until = float(path.time[1]), round(float(path.time[-1]), 6)
    fig = figure(7.2, 3.6)
    axes = fig.subplot_mosaic([["surface", "loss"], ["surface", "logits"]])
    _surface(axes["surface"], shape, path)
    axes["loss"].plot(path.time, path.loss, **MEASURES["loss"].line)
    axes["loss"].set(ylabel="loss (nats)", ylim=(0, None))
    for name, values in zip(PARAMETERS, path.theta.T, strict=True):
        measure = MEASURES[name]
        axes["logits"].plot(path.time, values, **measure.line)
        letter = _plain(measure.label).partition(",")[0]
        label_at(axes["logits"], path.time[-1], values[-1], letter, color=measure.colour)
    axes["logits"].set(xlabel=TIME, ylabel="logits")
    for name in ("loss", "logits"):
        axes[name].set_xlim(0, path.time[-1])
    beta1, alpha, xi = path.theta[-1]
    data = {
        "N": shape.N,
        "L": shape.L,
        "start": path.theta[0].tolist(),
        "rate": rate,
        "until": until,
        "horizons": sorted({*horizons, until}),
        "span": SPAN,
        "steepest": STEEPEST,
        "scale": colours(LOSS_COLOURS),
        "ends": {"start": START, "end": END},
        "fates": [name for _, name in FATES],
        "measures": measures("loss", *PARAMETERS),
    }
    alt = (
        "Left, contours of the loss over the classifier's logit xi and the attention logit y, and "
        f"the path of gradient descent for N={shape.N} and L={shape.L}. Right, loss and logits "
        f"against time: the loss goes from {path.loss[0]:.2f} to {path.loss[-1]:.2f}, beta1 to "
        f"{beta1:.1f}, alpha to {alpha:.1f} and xi to {xi:.1f} at time {until:g}."
    )
    return data, fig, alt


def _surface(ax: Axes, shape: Landscape, path: Path) -> None:
    xis, ys = (np.linspace(*SPAN[name], 120) for name in ("xi", "y"))
    loss = over_logits(shape, ys, xis)
    levels = np.linspace(0, STEEPEST * math.log(shape.L), 25)
    ax.contourf(xis, ys, loss, levels=levels, cmap=LOSS_COLOURS, extend="max")
    line = path.theta[:, 2], shape.attention_logit(path.theta)
    ax.plot(*line, color="white", path_effects=HALO)
    for point, colour in ((0, START), (-1, END)):
        ax.plot(line[0][point], line[1][point], "o", color=colour, ms=8, mec="white")
    ax.set(xlabel=r"$\xi$, classifier", ylabel=r"$y$, attention", xlim=SPAN["xi"], ylim=SPAN["y"])


# Scrub through training

BEFORE: Final = 5_000  # steps from the static picture's maps to the first seed's transition


def training(ds: xr.Dataset, near: int = 10_000, apart: int = 2_500) -> Part:
    """Scrub through training: attention maps at many steps, and the measures at all of them.

    Parameters
    ----------
    ds
        Runs with maps.
    near
        Within so many steps of a seed's transition every record's maps are kept ...
    apart
        ... and elsewhere those of the first record in every so many steps, and the last.

    Raises
    ------
    InputError
        For runs without maps.
    """
    check_maps(ds)
    task = config_of(ds).task
    step, when = ds.step.values, crossing(ds)
    seeds = []
    for seed in ds.seed.values:
        run, at = ds.sel(seed=seed), float(when.sel(seed=seed))
        frames = chosen(step, at, near, apart)
        seeds.append(
            {
                "seed": int(seed),
                "transition": round(at) if math.isfinite(at) else None,
                "frames": np.flatnonzero(frames).tolist(),
                "map1": pack(run.map1.values[frames][:, *np.tril_indices(task.T)]),
                "row2": pack(run.row2.values[frames]),
                "curves": {
                    key: np.rint(1000 * run[name].values).astype(int).tolist()
                    for name, key in PROGRESS.items()
                },
            }
        )
    pens = {
        key: pen | {"short": MEASURES[key].short}
        for key, pen in measures(*PROGRESS.values()).items()
    }
    data = {
        "steps": step.tolist(),
        "tokens": task.T,
        "levels": chance_levels(task),
        "measures": pens,
        "scale": colours(attention.SCALE),
        "seeds": seeds,
    }
    first = float(when[0])
    moment = first if math.isfinite(first) else float(step[-1]) / 2
    picture = attention.maps(ds, max(moment - BEFORE, 0), float(step[-1]), int(ds.seed[0]))
    return data, *picture


def chosen(step: np.ndarray, when: float, near: float, apart: float) -> Bool[np.ndarray, " step"]:
    """Which records' maps are kept: all near a transition (NaN: there is none), some elsewhere."""
    first_of_its_stretch = np.diff(step // apart, prepend=-1) > 0
    kept = first_of_its_stretch | (np.abs(step - when) <= near)
    kept[-1] = True
    return np.asarray(kept)


# Build a sequence


def sequence(world: World, row: int = 1) -> Part:
    """Build a sequence: the task's settings and their limits; the static picture is a training row.

    Parameters
    ----------
    world
        Task and seed to begin with.
    row
        Which sequence of the first training batch the picture shows.

    Raises
    ------
    InputError
        For a task whose labels may repeat: the part always draws distinct ones.
    """
    if not world.task.distinct:
        raise InputError("distinct=False has no interactive part; use distinct=True")
    hues = colours("tab20", 20)
    data = {
        "task": world.task.model_dump(),
        "fields": limits(type(world.task)),
        "seed": world.seed,
        "probes": task_figures.PROBES,
        "hues": [*hues[::2], *hues[1::2]],  # the pale ones last
        "scale": colours("PuOr"),
    }
    return data, *task_figures.sequence(world, world.batch(0), row)


def limits(settings: type[Task]) -> dict[str, dict[str, Any]]:
    """Of every number of a task: whether it is a whole one, and its bounds."""
    return {
        name: {
            "integer": field.annotation is int,
            **{
                bound: getattr(rule, bound)
                for rule in field.metadata
                for bound in ("ge", "le")
                if hasattr(rule, bound)
            },
        }
        for name, field in settings.model_fields.items()
        if field.annotation is not bool
    }
