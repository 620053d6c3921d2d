"""`python -m icl.figures FILE.svg` draws the README's picture: Figure 4 from the stored runs."""

from __future__ import annotations

import sys
from pathlib import Path

from icl import store
from icl.experiments import EXPERIMENTS
from icl.figures import curves
from icl.figures.style import to_svg
from icl.runs import load_or_train
from icl.settings import InputError


def main(arguments: list[str]) -> int:
    """Write the picture to the one argument; 0, or 2 when that will not do."""
    if len(arguments) != 1:
        print("usage: python -m icl.figures FILE.svg", file=sys.stderr)
        return 2
    (experiment,) = EXPERIMENTS["3"].configs.values()
    try:
        runs = load_or_train(experiment, EXPERIMENTS["3"].seeds)
        figure, _ = curves.progress(runs, before=25_000, after=10_000)
        store.replace(Path(arguments[0]), to_svg(figure).encode())
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
