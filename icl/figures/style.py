"""The visual language of the book: one colour a measure, in every figure of every chapter.

The page behind a figure may be white or nearly black, so figures have no background and every
colour has a contrast of at least 3:1 with both. Hues that stand together were chosen to stay apart
in the common forms of colour blindness; a dash tells variants of one measure from each other.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import matplotlib as mpl
import numpy as np
from IPython.display import publish_display_data
from matplotlib.figure import Figure

from icl.settings import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation


class Measure(NamedTuple):
    """How a measure is named and drawn."""

    label: str
    colour: str
    dash: str = "-"
    variable: str = ""  # of a stored run, which has no xi
    short: str = ""  # the name where there is little room

    @property
    def name(self) -> str:
        """The label, after the abbreviation that text and tables use, if there is one."""
        return f"{self.short}, {self.label}" if self.short else self.label

    @property
    def line(self) -> dict[str, Any]:
        """Keyword arguments for `Axes.plot`."""
        return {"color": self.colour, "linestyle": self.dash}


INK: Final = "#7a7a7a"  # axes and text: as far from white as from near-black
START, END = "#2a9d5c", "#d1495b"  # first and last point of a path, as in Figure 7c

# About as the paper's Figure 4: orange and green for the layers, blue for CLA, red for TLA2.
_LAYER_1, _LAYER_2, _CLASSIFIER, _LABELS = "#d07a00", "#1a939a", "#2a63e6", "#ce2f4c"
_IN_CONTEXT, _IN_WEIGHTS = "#9147b8", "#a86a1c"

# A logit of the landscape or the minimal model has the colour of the measure that it sets.
MEASURES: Final = {
    "loss": Measure("loss", "#7d7d7d", variable="train_loss"),
    "icl": Measure("in-context learning", _IN_CONTEXT, "-", "icl_accuracy", "ICL"),
    "icl_swapped": Measure(
        "in-context learning, swapped labels", _IN_CONTEXT, "--", "swapped_accuracy"
    ),
    "iwl": Measure("in-weights learning (the paper's test)", _IN_WEIGHTS, "--", "iwl_accuracy"),
    "iwl_absent": Measure(
        "in-weights learning, target's class absent",
        _IN_WEIGHTS,
        "-",
        "iwl_absent_accuracy",
        "IWL",
    ),
    "ila1": Measure("item–label association", _LAYER_1, "-", "item_label_association", "ILA1"),
    "tila2": Measure(
        "target–item–label association", _LAYER_2, "-", "target_item_label_association", "TILA2"
    ),
    "cla": Measure("context–label accuracy", _CLASSIFIER, "-", "context_label_accuracy", "CLA"),
    "tla2": Measure("target–labels association", _LABELS, "-", "target_labels_association", "TLA2"),
    "beta1": Measure(r"$\beta_1$, layer 1", _LAYER_1, variable="beta1"),
    "alpha": Measure(r"$\alpha$, layer 2", _LAYER_2, variable="alpha"),
    "beta2": Measure(r"$\beta_2$, layer 2", _LABELS, variable="beta2"),
    "xi": Measure(r"$\xi$, classifier", _CLASSIFIER),
}


# For values in order, from first to last as readable on light and on dark pages as the hues above.
SCALE: Final = mpl.colors.LinearSegmentedColormap.from_list(
    "icl", [_CLASSIFIER, _IN_CONTEXT, _LABELS, _LAYER_1]
)


def luminance(colour: Any) -> float:
    """Relative luminance of a colour by WCAG 2, between 0 and 1."""
    channels = np.array(mpl.colors.to_rgb(colour))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def by_variable(*keys: str) -> dict[str, str]:
    """Keys of `MEASURES` by the variable of a stored run that each measure is."""
    return {MEASURES[key].variable: key for key in keys}


RC: Final[dict[Any, Any]] = {
    "axes.edgecolor": INK,
    "axes.facecolor": "none",
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "figure.constrained_layout.use": True,
    "figure.facecolor": "none",
    "font.size": 11,
    "grid.alpha": 0.35,
    "grid.color": INK,
    "legend.frameon": False,
    "legend.labelcolor": INK,  # small letters in a line's colour would be too pale
    "lines.linewidth": 2.0,
    "lines.solid_capstyle": "round",
    "savefig.facecolor": "none",
    "svg.fonttype": "path",  # looks the same wherever it is opened
    "svg.hashsalt": "icl",  # the same figure gives the same bytes
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}

styled = mpl.rc_context(RC)  # decorator of every figure function


def figure(width: float = 6.8, height: float = 3.4) -> Figure:
    """An empty figure, in inches, that pyplot does not know of and so nothing has to close."""
    return Figure(figsize=(width, height))


def label_at(ax: Axes, x: float, y: float, text: str, **options: Any) -> Annotation:
    """Write beside the point (x, y) of the data: a direct label, instead of a legend."""
    settings: dict[str, Any] = {"xytext": (5, 0), "va": "center", "annotation_clip": False}
    return ax.annotate(text, (x, y), textcoords="offset points", **settings | options)


def to_svg(fig: Figure) -> str:
    """The figure as SVG, without a date: drawn anew from the same data, it is the same text."""
    buffer = io.StringIO()
    with mpl.rc_context(RC):
        fig.savefig(buffer, format="svg", metadata={"Date": None}, dpi=200)
    return buffer.getvalue()


def show(fig: Figure, alt: str) -> None:
    """Display a figure as SVG with its alternative text, which must not be empty (InputError).

    The text is also the output's plain form; `icl.figures.alt_text` takes it to the page.
    """
    text = one_line(alt)
    publish_display_data(  # type: ignore[no-untyped-call]
        {"image/svg+xml": to_svg(fig), "text/plain": text},
        metadata={"image/svg+xml": {"alt": text}},
    )


def one_line(alt: str) -> str:
    """An alternative text without line breaks; it must not be empty (InputError)."""
    text = " ".join(alt.split())
    if not text:
        raise InputError("alt='' must say what the figure shows")
    return text
