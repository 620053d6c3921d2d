"""Trained networks are read from runs that hold them, and from no others."""

import pytest

from icl import knockout, silence
from icl.model import Model
from icl.runs import RunConfig, load_or_train
from icl.settings import InputError
from icl.task import Task
from icl.training import Training

TASK = Task(K=32, L=8, N=3, D=6, P=9)


@pytest.mark.parametrize("read", [knockout.accuracies, silence.active])
@pytest.mark.parametrize(
    ("model", "keep", "message"),
    [
        (Model(), False, r"^runs hold no parameters: train with keep_parameters=True$"),
        (Model(kind="minimal"), True, r"^kind='minimal' has no attention between all tokens"),
    ],
)
def test_other_runs_are_refused(tmp_path, read, model, keep, message):
    training = Training(steps=1, every=1, test=8, batch=4, keep_parameters=keep)
    config = RunConfig(task=TASK.replace(P=7), model=model, training=training)
    ds = load_or_train(config, [0], tmp_path, progress=False)
    with pytest.raises(InputError, match=message):
        read(ds)
