"""A configuration's runs in a few lines: where they ended, and when in-context learning came."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from icl.analysis import crossing, final
from icl.runs import config_of

# What is shown at the end of a run, under the names of the stored variables.
SHOWN = {
    "train_loss": "training loss",
    "icl_accuracy": "in-context accuracy",
    "swapped_accuracy": "in-context accuracy, swapped labels",
    "iwl_accuracy": "in-weights accuracy",
    "iwl_absent_accuracy": "in-weights accuracy, class absent",
    "item_label_association": "item-label association (ILA1)",
    "target_item_label_association": "target-item-label association (TILA2)",
    "context_label_accuracy": "context-label accuracy (CLA)",
    "target_labels_association": "target-labels association (TLA2)",
    "alpha": "alpha",
    "beta1": "beta1",
    "beta2": "beta2",
}


def transition(dataset: xr.Dataset) -> list[int | None]:
    """Each seed's step at which its in-context accuracy first reaches 50%, or None.

    As :func:`icl.analysis.crossing`, to a whole step.
    """
    steps = crossing(dataset).values
    return [round(float(step)) if np.isfinite(step) else None for step in steps]


def summary(dataset: xr.Dataset, root: Path) -> str:
    """Final measures of each seed and their mean, the transition, and where the runs lie.

    A final measure is :func:`icl.analysis.final`'s, the mean of the last records.

    Parameters
    ----------
    dataset
        As :func:`icl.runs.load_or_train` gives it.
    root
        The store's folder.
    """
    config = config_of(dataset)
    seeds = [int(seed) for seed in dataset.seed]
    width = max(map(len, SHOWN.values())) + 2
    lines = [config.describe(), "", _row("seed", [*map(str, seeds), "mean"], width)]
    for name, label in SHOWN.items():
        if name in dataset:
            values = final(dataset, name).values
            lines.append(_row(label, [f"{x:.4g}" for x in (*values, values.mean())], width))
    crossed = transition(dataset)
    known = [step for step in crossed if step is not None]
    shown = ["never" if step is None else str(step) for step in crossed]
    mean = f"{np.mean(known):.0f}" if len(known) == len(crossed) else "-"
    lines.append(_row("in-context accuracy 0.5 from step", [*shown, mean], width))
    stopped = [int(step) for step in dataset.stopped_at.values]
    if min(stopped) < config.training.steps:
        lines.append(_row("stopped by its rule at step", [*map(str, stopped), ""], width))
    return "\n".join([*lines, "", f"stored in {root / config.name}"])


def _row(label: str, cells: list[str], width: int) -> str:
    return (f"{label:{width}}" + "".join(f"{cell:>12}" for cell in cells)).rstrip()
