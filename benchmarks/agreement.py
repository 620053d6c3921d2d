"""A stored run of Figure 3, trained again by the legible network with automatic differentiation.

    python benchmarks/agreement.py          writes benchmarks/agreement.json, in about half an hour

Single precision rounds differently on the two ways, and training may amplify that; so a run is
compared until after its transition. It goes on from a checkpoint if it is interrupted.
"""

import argparse
import json
from pathlib import Path

from icl import bench
from icl.experiments import EXPERIMENTS
from icl.runs import load_or_train

ROOT = Path(__file__).parent.parent
FIGURE_3 = EXPERIMENTS["3"].configs[""]
CURVES = ("train_loss", "icl_accuracy", "context_label_accuracy", "target_item_label_association")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=3, help="the first to learn")
    parser.add_argument("--steps", type=int, default=40_000, help="of the legible network")
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache" / "agreement")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".json"))
    given = parser.parse_args()
    machine = bench.machine()
    training = FIGURE_3.training.replace(steps=given.steps, maps=False, keep_parameters=False)
    short = FIGURE_3.replace(training=training)
    legible = load_or_train(short, [given.seed], root=given.cache, engine="legible")
    fast = load_or_train(FIGURE_3, [given.seed], root=ROOT / "results").sel(step=legible.step)
    result = {
        "machine": machine,
        "run": FIGURE_3.name,
        "seed": given.seed,
        "step": legible.step.values.tolist(),
        "curves": {
            name: {
                way: [float(f"{value:.7g}") for value in runs[name].values[0]]
                for way, runs in (("fast", fast), ("legible", legible))
            }
            for name in CURVES
        },
    }
    given.output.write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
