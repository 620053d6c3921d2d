"""`python -m icl.figures FILE.svg` draws the README's picture: Figure 4 from the stored runs."""

from __future__ import annotations

import sys
from pathlib import Path

from icl.experiments import EXPERIMENTS
from icl.figures import curves
from icl.figures.style import to_svg
from icl.runs import load_or_train


def main(path: Path) -> None:
    """Write the picture."""
    (experiment,) = EXPERIMENTS["3"].configs.values()
    runs = load_or_train(experiment, EXPERIMENTS["3"].seeds)
    figure, _ = curves.progress(runs, before=25_000, after=10_000)
    path.write_text(to_svg(figure))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
