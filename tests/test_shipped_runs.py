"""The runs in results/ are those that this code makes: it draws the same data, starts from the same
weights and measures the same.

Whoever changes one of these on purpose raises `icl.runs.VERSION`, and the runs are trained anew.
"""

from pathlib import Path

import pytest
import xarray as xr

from icl.experiments import EXPERIMENTS
from icl.runs import Store, load_or_train

SHIPPED = Store(Path(__file__).parent.parent / "results")
ROUNDING = 1e-5  # float32 sums differ between processors; another draw differs by far more

KINDS = [  # an experiment and one of its labels: what the code of a run distinguishes
    ("3", ""),  # novel classes, attention maps
    ("2c", "alpha=1.0"),  # accuracy by rank
    ("2a", "K=128, B=0"),
    ("A.1", "p_B=0.9, p_C=0.2"),  # all three kinds of sequences in one batch
    ("A.5", "N=4, L=8"),
    ("layers", "2 hidden layers"),
    ("A.2", ""),  # the minimal model's three parameters, D=64, two copies of a class
    ("A.3c", "alpha=1.0"),  # two parameters
    ("tied", "xi0=4"),
    ("open-minimal", "labels may repeat"),
    ("3-unbiased", "no biases"),
]


def again(config, steps, root):
    """Seed 0 from its start, with records at step 0 and after so many steps."""
    training = config.training.replace(steps=steps, every=steps, keep_parameters=False)
    short = config.replace(training=training)
    return load_or_train(short, [0], root, progress=False).sel(seed=0)


def compare(config, run, step):
    """Compare every variable that is recorded; parameters are kept of the last step alone."""
    stored = SHIPPED.load(config, 0)
    recorded = [name for name in stored if not name.startswith("theta_")]
    assert set(recorded) == set(run) - {"carried", "stopped_at"}
    for name in recorded:
        xr.testing.assert_allclose(
            run[name].sel(step=step, drop=True).drop_vars("seed"),
            stored[name].sel(step=step, drop=True),
            rtol=0,
            atol=tolerance(name, config),
        )


def tolerance(name, config):
    """Rounding; of a share of sequences, two of them that lie on the edge between two answers."""
    bins = len(config.task.rank_bins()) if name == "rank_accuracy" else 1
    return 2 * bins / config.training.test if name.endswith("accuracy") else ROUNDING


@pytest.mark.parametrize(("experiment", "label"), KINDS)
def test_a_stored_run_starts_as_this_code_starts_it(experiment, label, tmp_path):
    config = EXPERIMENTS[experiment].configs[label]
    compare(config, again(config, 1, tmp_path), 0)


def test_a_stored_run_goes_on_as_this_code_trains_it(tmp_path):
    config = EXPERIMENTS["6a"].configs[""]
    compare(config, again(config, config.training.every, tmp_path), config.training.every)
