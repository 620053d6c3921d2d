"""What tests of sweeps share: small experiments, and sweeps in processes of their own."""

import json
import subprocess
import sys
import time

from icl.experiments import Experiment
from icl.model import Model
from icl.runs import RunConfig, Store, train
from icl.task import Task
from icl.training import Training

TASK = Task(K=8, L=4, N=2, D=8, P=9)
SHORT = Training(steps=40, every=20, test=50, batch=16)
LONG = SHORT.replace(steps=6_000, every=500)  # some seconds


def config(training=SHORT, **task):
    return RunConfig(task=TASK.replace(**task), model=Model(kind="minimal"), training=training)


def registry(*configs, seeds=(0,)):
    labels = {f"run {i}": c for i, c in enumerate(configs)}
    return {"small": Experiment("small", "a small experiment", labels, seeds)}


def reference(folder, configs, seeds=(0,)):
    """Runs made without a sweep, in this process."""
    for c in configs:
        train(c, list(seeds), Store(folder))
    return Store(folder)


def assert_same_runs(one, other, configs, seeds=(0,)):
    for c in configs:
        for seed in seeds:
            assert one.load(c, seed) is not None
            assert one.load(c, seed).identical(with_attrs_of(one, other, c, seed))


def with_attrs_of(one, other, c, seed):
    """The other store's run under the first one's attributes: the time it took is no result."""
    run = other.load(c, seed)
    return run.assign_attrs(seconds=one.load(c, seed).attrs["seconds"])


SCRIPT = """
import json, sys
from icl.experiments import Experiment
from icl.runs import RunConfig
from icl.sweep import describe, exit_status, sweep

root, workers, scheduler, seeds, *configs = json.loads(sys.argv[1])
configs = {str(i): RunConfig.model_validate_json(c) for i, c in enumerate(configs)}
small = Experiment("small", "", configs, tuple(seeds))
report = sweep([small], workers=workers, scheduler=scheduler, root=root)
print(json.dumps({"done": len(report.done), "others": len(report.stored + report.elsewhere)}))
print(describe(report, "icl sweep small"))
sys.exit(exit_status(report))
"""


def start(root, configs, seeds=(0,), workers=2, scheduler=None):
    """A sweep in a process of its own, on so many cores or on a scheduler's workers."""
    arguments = [str(root), None if scheduler else workers, scheduler, list(seeds)]
    arguments += [c.model_dump_json() for c in configs]
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, json.dumps(arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
