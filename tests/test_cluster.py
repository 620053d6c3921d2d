"""A sweep on a real Dask scheduler with real workers, on the loopback."""

import contextlib
import itertools
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from sweeps import (
    LONG,
    assert_same_runs,
    config,
    reference,
    registry,
    start,
    wait_until,
)

import icl.cluster
from icl import sweep as sweeps
from icl import training
from icl.board import Board
from icl.runs import Store, train
from icl.worker import Outcome

pytest.importorskip("distributed")


class Cluster:
    def __init__(self, folder):
        self.folder, self.processes, self.address = folder, [], ""

    def launch(self, name, *command):
        """Start a process in a group of its own; returns it and the file of what it says."""
        log = self.folder / f"{name}.log"
        with log.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", *command],
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        self.processes.append(process)
        return process, log

    def scheduler(self):
        options = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
        process, log = self.launch("scheduler", "scheduler", *options)
        said = re.compile(r"Scheduler at:\s+(tcp://127\.0\.0\.1:\d+)")
        wait_until(lambda: said.search(log.read_text()))
        self.address = said.search(log.read_text())[1]
        return process

    def worker(self, name):
        scratch = ["--local-directory", str(self.folder / name), "--no-dashboard"]
        return self.launch(name, "worker", self.address, "--nthreads", "1", *scratch)[0]

    def kill(self, process):
        """The worker and the nanny that would start it again."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def cluster(tmp_path):
    folder = tmp_path / "cluster"
    folder.mkdir()
    cluster = Cluster(folder)
    try:
        cluster.scheduler()
        yield cluster
    finally:
        for process in reversed(cluster.processes):
            cluster.kill(process)


def test_a_worker_is_killed_and_the_sweep_ends_with_the_same_runs(cluster, tmp_path):
    """The store is shared: what the dead worker had begun goes on elsewhere."""
    configs = [config(LONG), config(LONG, eps=0.5)]
    to = Store(tmp_path / "store")
    workers = [cluster.worker("one"), cluster.worker("two")]
    process = start(to.root, configs, scheduler=cluster.address)
    locks = [to.root / c.name / ".0.lock" for c in configs]
    wait_until(lambda: sum(lock.exists() for lock in locks) == 2)  # both are at work
    cluster.kill(workers[0])
    out, err = process.communicate(timeout=240)

    assert process.returncode == 0, out + err
    assert "2 trained, 0 were stored" in out
    assert_same_runs(to, reference(tmp_path / "reference", configs), configs)


def test_the_scheduler_is_killed_and_the_sweep_says_how_to_go_on(tmp_path):
    """No run is lost: another sweep, without the cluster, ends with the same curves."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    cluster, configs, to = Cluster(folder), [config(LONG)], Store(tmp_path / "store")
    try:
        scheduler = cluster.scheduler()
        cluster.worker("one")
        process = start(to.root, configs, scheduler=cluster.address)
        wait_until((to.root / configs[0].name / ".0.lock").exists)
        cluster.kill(scheduler)
        out, err = process.communicate(timeout=240)
    finally:
        for each in cluster.processes:
            cluster.kill(each)

    assert process.returncode == 1, out + err
    assert "the scheduler is gone; 1 runs left; go on with: icl sweep small" in out
    assert "Traceback" not in err
    again = start(to.root, configs)
    out, err = again.communicate(timeout=240)
    assert again.returncode == 0, out + err
    assert_same_runs(to, reference(tmp_path / "reference", configs), configs)


def test_a_sweep_that_ends_at_once_leaves_no_run_behind(cluster, tmp_path):
    """Its workers are free for the next sweep, and keep what they have done."""
    c, to = config(LONG.replace(steps=10_000_000)), Store(tmp_path / "store")
    cluster.worker("one")
    process = start(to.root, [c], scheduler=cluster.address)
    wait_until((to.root / c.name / ".0.lock").exists)
    process.kill()
    process.communicate(timeout=20)
    [mark] = to.root.glob(".sweep-*")
    mark.unlink()  # as a second Ctrl-C does

    def free():
        with to.lock(c, 0, wait=False) as mine:
            return mine

    wait_until(free)
    assert to.progress(c, 0) == "partial"


def test_a_worker_with_another_version_fails_its_runs(cluster, tmp_path):
    """It would train another configuration under the name of this one."""
    to, c = Store(tmp_path / "store"), config()
    cluster.worker("one")
    pool = icl.cluster.Cluster(
        icl.cluster.connect(cluster.address), to, tmp_path / "mark", lambda *_: None
    )
    other = c.name.rpartition("-")[0] + "-0123456789ab"  # as a client with another version has it
    outcome = pool.submit(f"{other}/0", c, 0, 0).result().outcome
    pool.close()
    assert outcome == Outcome("failed", "its worker has another version of icl")
    assert not to.root.exists()


def test_a_worker_that_does_not_see_the_store_sends_its_runs_back(cluster, tmp_path, monkeypatch):
    """What is half done travels with the run, both ways."""
    to, c = Store(tmp_path / "store"), config(LONG)
    half_done(to, c, monkeypatch, step=700)

    number = itertools.count()

    @contextmanager
    def a_mark_that_only_we_see(_):
        yield Path("/nowhere") / f".sweep-{next(number)}"

    told = []
    tell = Board.tell
    monkeypatch.setattr(sweeps, "_mark", a_mark_that_only_we_see)
    monkeypatch.setattr(Board, "tell", lambda *a: (told.append(a[2:]), tell(*a)))
    cluster.worker("one")

    with monkeypatch.context() as patch:  # Ctrl-C as soon as it has begun
        patch.setattr(sweeps, "_interrupts", lambda mark: after_news(told))
        report = sweeps.sweep(
            registry(c).values(), scheduler=cluster.address, root=to.root, progress=False
        )
    assert report.interrupted
    assert (500, True) in told  # of 700 steps, up to the last record
    assert to.checkpoint(c, 0).step > 700

    report = sweeps.sweep(
        registry(c).values(), scheduler=cluster.address, root=to.root, progress=False
    )
    assert len(report.done) == 1
    assert not to.checkpoint_path(c, 0).exists()
    assert not list(cluster.folder.rglob("*.nc"))  # nothing stays behind in the scratch folder
    assert_same_runs(to, reference(tmp_path / "reference", [c]), [c])


@contextmanager
def after_news(told):
    """What a Ctrl-C sets, set by the first news of a run."""

    class Interrupted:
        def is_set(self):
            return bool(told)

    yield Interrupted()


def half_done(to, c, monkeypatch, step):
    """Train until a step, and leave its checkpoint."""

    def stop_there(config_, seed, state):
        if state.step == step:
            Store.save_checkpoint(to, config_, seed, state)
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training, "CHECKPOINT_SECONDS", -1.0)
        patch.setattr(to, "save_checkpoint", stop_there)
        with pytest.raises(KeyboardInterrupt):
            train(c, [0], to)
