"""Sweeps on this machine, with the processes, signals and locks that a real one has."""

import errno
import json
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from sweeps import (
    LONG,
    SHORT,
    assert_same_runs,
    config,
    reference,
    registry,
    start,
    wait_until,
)
from typer.testing import CliRunner

from icl import sweep as sweeps
from icl import training
from icl.__main__ import app, main
from icl.experiments import EXPERIMENTS, Experiment
from icl.plan import describe_plan, plan
from icl.runs import Store, train
from icl.settings import InputError
from icl.sweep import Report, describe, exit_status, sweep


class TestPlan:
    def test_every_configuration_has_a_seed_before_any_has_its_next(self):
        units = plan(registry(config(), config(eps=0.5), seeds=(0, 1)).values())
        assert [(u.label, u.seed) for u in units] == [
            ("run 0", 0),
            ("run 1", 0),
            ("run 0", 1),
            ("run 1", 1),
        ]

    def test_three_seeds_of_everything_come_before_the_fourth_of_anything(self):
        both = [
            Experiment(name, "", {"": c}, tuple(range(5)))
            for name, c in (("b", config()), ("a", config(eps=0.5)))
        ]
        order = [(u.experiment, u.seed) for u in plan(both)]
        first, rest = order[:6], order[6:]
        assert first == [(name, seed) for name in "ba" for seed in (0, 1, 2)]
        assert rest == [(name, seed) for name in "ba" for seed in (3, 4)]

    def test_a_run_that_two_experiments_need_is_made_once(self):
        twice = [Experiment(name, "", {"": config()}, (0, 1)) for name in "ab"]
        assert [u.experiment for u in plan(twice)] == ["a", "a"]

    def test_experiments_of_the_paper_can_be_named(self):
        assert plan(["6a", "6b"]) == plan([EXPERIMENTS["6a"], EXPERIMENTS["6b"]])
        with pytest.raises(InputError, match="unknown experiment 'smal'; known: 3, "):
            plan(["smal"])

    def test_seeds_asked_for_replace_the_experiments_own(self):
        units = plan([EXPERIMENTS["3"]], [4, 7])
        assert [u.seed for u in units] == [4, 7]

    def test_every_run_of_the_paper_is_planned(self):
        units = plan(EXPERIMENTS.values())
        wanted = {
            (c.name, s) for e in EXPERIMENTS.values() for c in e.configs.values() for s in e.seeds
        }
        assert {(u.config.name, u.seed) for u in units} == wanted
        assert len(units) == len(wanted)

    @pytest.mark.parametrize("seeds", [[-1], [0, 0], [2**32], []])
    def test_seeds_that_cannot_be_are_refused(self, seeds):
        with pytest.raises(InputError, match=r"^seeds=\["):
            plan([EXPERIMENTS["3"]], seeds)


@pytest.mark.parametrize(
    ("experiments", "options", "message"),
    [
        (["smal"], {}, "unknown experiment 'smal'; known: 3, "),
        (["6a"], {"seeds": [-1]}, "seeds=[-1] must be "),
        (["6a"], {"workers": 0}, "workers=0 must be at least 1"),
        (["6a"], {"scheduler": ""}, "scheduler='' must be an address such as tcp://HOST:PORT"),
        (["6a"], {"scheduler": " "}, "scheduler=' ' must be an address such as tcp://HOST:PORT"),
        (["6a"], {"scheduler": "tcp://a:1", "workers": 2}, "workers=2 is for this machine"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(experiments, options, message, tmp_path):
    with pytest.raises(InputError) as refusal:
        sweep(experiments, root=tmp_path / "store", **options)
    assert str(refusal.value).startswith(message)
    assert not (tmp_path / "store").exists()


def test_trains_what_is_missing_and_leaves_what_is_stored(tmp_path, capsys):
    configs = [config(), config(eps=0.5)]
    before = reference(tmp_path / "store", configs[:1])
    bytes_before = before.path(configs[0], 0).read_bytes()

    report = sweep(registry(*configs).values(), root=tmp_path / "store")

    assert [u.label for u in report.stored] == ["run 0"]
    assert [u.label for u in report.done] == ["run 1"]
    assert exit_status(report) == 0
    assert "1/1 runs, 0 failed" in capsys.readouterr().err
    assert before.path(configs[0], 0).read_bytes() == bytes_before
    assert_same_runs(before, reference(tmp_path / "reference", configs), configs)
    assert not list((tmp_path / "store").glob(".sweep-*"))


def test_a_run_goes_on_from_its_checkpoint(tmp_path, monkeypatch):
    """The checkpoint's time is marked, and the mark is in the finished run."""
    c = config()
    to = Store(tmp_path / "store")
    saved = []
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", 0.0)

    def keep_one(config_, seed, state):
        if state.step == 30:
            state.seconds = 12345.0
            Store.save_checkpoint(to, config_, seed, state)
            saved.append(state.step)
            raise KeyboardInterrupt

    monkeypatch.setattr(to, "save_checkpoint", keep_one)
    with pytest.raises(KeyboardInterrupt):
        train(c, [0], to)
    assert saved == [30]

    report = sweep(registry(c).values(), root=to.root, progress=False)

    assert len(report.done) == 1
    assert to.load(c, 0).attrs["seconds"] >= 12345
    assert not to.checkpoint_path(c, 0).exists()
    assert_same_runs(to, reference(tmp_path / "reference", [c]), [c])


def test_a_run_that_fails_is_reported_with_its_configuration_and_stops_no_other(tmp_path):
    bad = config(SHORT.replace(learning_rate=1e30))
    report = sweep(registry(bad, config()).values(), root=tmp_path, workers=1)

    assert [u.label for u in report.done] == ["run 1"]
    [(unit, message)] = report.failed
    assert unit.label == "run 0"
    assert message.startswith("Diverged: the training loss of seed 0 is ")
    assert exit_status(report) == 1
    text = describe(report, "")
    assert "1 trained, 0 were stored, 1 failed" in text
    assert f"failed: small [run 0] seed 0: {bad.describe()}: Diverged" in text
    assert "learning_rate=1e+30" in text


def test_a_process_that_is_killed_is_a_failed_run(tmp_path, monkeypatch):
    suicidal = tmp_path / "python"
    suicidal.write_text("#!/bin/sh\necho out of memory >&2\nkill -KILL $$\n")
    suicidal.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(suicidal))
    report = sweep(registry(config()).values(), root=tmp_path / "store")
    [(_, message)] = report.failed
    assert message == "its process ended with signal 9: out of memory"


def test_a_corrupt_run_is_set_aside_and_made_again(tmp_path, capsys):
    c = config()
    to = reference(tmp_path, [c])
    content = to.path(c, 0).read_bytes()
    to.path(c, 0).write_bytes(content[:-100])
    report = sweep(registry(c).values(), root=tmp_path, progress=False)
    assert len(report.done) == 1
    assert "0.nc cannot be used: it is cut short or altered" in capsys.readouterr().err
    assert to.load(c, 0) is not None


def test_a_run_whose_curves_are_corrupt_goes_on_from_its_checkpoint(tmp_path):
    """And is planned as such."""
    c = config()
    to = reference(tmp_path, [c])
    to.save_checkpoint(c, 0, training.start(c.task, c.model, c.training, 0))
    to.path(c, 0).write_bytes(b"no run")
    assert "1 half done" in describe_plan(plan(registry(c).values()), to)


def test_a_locked_run_is_looked_at_again_at_the_end(tmp_path):
    """Another process trains one run to its end and gives the other up half-way."""
    finished, given_up = config(eps=0.5), config(eps=0.6)
    to = Store(tmp_path / "store")
    elsewhere = reference(tmp_path / "elsewhere", [finished])
    held = threading.Event()

    def another():
        with to.lock(finished, 0), to.lock(given_up, 0):
            held.set()
            wait_until(lambda: to.has(config(), 0))  # the rest is done meanwhile
            time.sleep(0.5)
            to.path(finished, 0).write_bytes(elsewhere.path(finished, 0).read_bytes())

    thread = threading.Thread(target=another)
    thread.start()
    held.wait()
    small = registry(finished, given_up, config())
    report = sweep(small.values(), root=to.root, progress=False, workers=1)
    thread.join()
    assert {u.label for u in report.done} == {"run 1", "run 2"}
    assert {u.label for u in report.elsewhere} == {"run 0"}
    assert not report.left


def test_two_sweeps_on_one_store_share_the_work(tmp_path):
    configs = [config(eps=e) for e in (0.1, 0.2, 0.3, 0.4)]
    both = [start(tmp_path / "store", configs, workers=1) for _ in range(2)]
    answers = [json.loads(p.communicate(timeout=240)[0].splitlines()[0]) for p in both]
    assert [p.returncode for p in both] == [0, 0]
    assert sum(a["done"] for a in answers) == len(configs)
    assert all(a["done"] + a["others"] == len(configs) for a in answers)
    assert_same_runs(Store(tmp_path / "store"), reference(tmp_path / "alone", configs), configs)


def test_interrupt_writes_checkpoints_and_says_how_to_go_on(tmp_path):
    configs = [config(LONG), config(LONG, eps=0.5), config(LONG, eps=0.6)]
    to = Store(tmp_path / "store")
    process = start(to.root, configs)
    locks = [to.root / c.name / ".0.lock" for c in configs[:2]]
    wait_until(lambda: all(lock.exists() for lock in locks))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=240)

    assert process.returncode == 130
    assert "stopping: every run writes its checkpoint first" in err
    assert "stopped; 3 runs left; go on with: icl sweep small" in out
    half_done = [to.checkpoint_path(c, 0).exists() for c in configs]
    assert half_done == [True, True, False]
    assert not any(to.has(c, 0) for c in configs)

    report = sweep(registry(*configs[:2]).values(), root=to.root, progress=False)
    assert len(report.done) == 2
    assert_same_runs(to, reference(tmp_path / "reference", configs[:2]), configs[:2])


def test_a_second_interrupt_ends_the_sweep_at_once(tmp_path):
    """Also when a run's process does not answer; which ends in good order once it can."""
    c, to = config(LONG), Store(tmp_path / "store")
    process = start(to.root, [c])
    wait_until((to.root / c.name / ".0.lock").exists)
    [run] = psutil.Process(process.pid).children()
    run.suspend()
    try:
        process.send_signal(signal.SIGINT)
        assert any("stopping" in line for line in process.stderr)
        with pytest.raises(subprocess.TimeoutExpired):  # it waits for the checkpoint
            process.wait(timeout=0.5)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
        assert process.returncode == 130
        assert not list(to.root.glob(".sweep-*"))
    finally:
        run.resume()
    wait_until(lambda: not run.is_running())

    assert to.progress(c, 0) == "partial"
    sweep(registry(c).values(), root=to.root, progress=False)
    assert_same_runs(to, reference(tmp_path / "reference", [c]), [c])


def test_an_interrupt_while_another_process_has_the_last_run_is_one(tmp_path, monkeypatch):
    c, to, interrupted = config(), Store(tmp_path), threading.Event()

    @contextmanager
    def interrupts(mark):
        yield interrupted

    monkeypatch.setattr(sweeps, "_interrupts", interrupts)
    monkeypatch.setattr(sweeps, "_free", lambda *_: interrupted.set())  # locked, and Ctrl-C
    with to.lock(c, 0):
        report = sweep(registry(c).values(), root=tmp_path, progress=False)
    assert [unit.seed for unit in report.left] == [0]
    assert exit_status(report) == 130
    assert "stopped; 1 runs left; go on with: again" in describe(report, "again")


def test_a_store_that_cannot_be_written_is_refused_before_any_work(tmp_path, monkeypatch):
    def refuse(path):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "touch", refuse)  # the superuser may write anywhere
    monkeypatch.setattr(sweeps, "connect", lambda _: pytest.fail("a connection that stays open"))
    for scheduler in (None, "tcp://127.0.0.1:1"):
        with pytest.raises(InputError, match=r"cannot write .*store: Read-only file system"):
            sweep(registry(config()).values(), scheduler=scheduler, root=tmp_path / "store")
    assert not list((tmp_path / "store").iterdir())


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--workers", "0"], "error: workers=0 must be at least 1"),
        (["--seeds", "5-3"], "error: seeds='5-3' must be a number above 0"),
        (["--workers", "0", "--dry-run"], "error: workers=0 must be at least 1"),
        (["--scheduler", "nowhere"], "error: scheduler='nowhere' must be like tcp://HOST:PORT: "),
        (["--scheduler", "tcp://127.0.0.1"], "error: scheduler='tcp://127.0.0.1' must be like "),
        (["--scheduler", "http://a:1"], "error: scheduler='http://a:1' must be like tcp://"),
        (["--scheduler", "tcp://a..b:1"], "error: no Dask scheduler at 'tcp://a..b:1'"),
        (["--scheduler", "tcp://127.0.0.1:1"], "error: no Dask scheduler at 'tcp://127.0.0.1:1'"),
        (["--scheduler", ""], "error: scheduler='' must be an address"),
        (["--scheduler", "nowhere", "--workers", "2"], "error: workers=2 is for this machine"),
    ],
)
def test_bad_options_are_refused_in_one_line(arguments, line, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ICL_STORE", str(tmp_path))
    monkeypatch.setattr("icl.cluster.CONNECT_SECONDS", 1)
    assert main(["sweep", "6a", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith(line)
    assert error.count("\n") == 1


def test_without_dask_the_scheduler_option_says_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ICL_STORE", str(tmp_path))
    monkeypatch.setitem(sys.modules, "distributed", None)  # as if it were not installed
    assert main(["sweep", "6a", "--scheduler", "tcp://127.0.0.1:1"]) == 2
    assert "pip install 'dask[distributed]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "error: name an experiment of `icl status`, or a claim: --claim ID"),
        (["--claim", "data"], "error: unknown claim 'data'; known: data-K, "),
        (["6b", "--claim", "saddle"], "error: claim 'saddle' needs no runs"),
        (["nope", "--claim", "both"], "error: unknown experiment 'nope'; known: 3, "),
    ],
)
def test_what_is_to_be_run_must_be_known(arguments, line, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ICL_STORE", str(tmp_path / "store"))
    assert main(["sweep", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith(line)
    assert error.count("\n") == 1
    assert not (tmp_path / "store").exists()


def test_a_claim_asks_for_its_configurations_and_a_name_for_all(tmp_path, monkeypatch):
    monkeypatch.setenv("ICL_STORE", str(tmp_path))

    def runs(*arguments):
        result = CliRunner().invoke(app, ["sweep", *arguments, "--dry-run"])
        return int(result.output.split()[0])

    assert runs("--claim", "capacity") == 3 * 6
    assert runs("--claim", "capacity", "--claim", "zipf-both", "--seeds", "3") == (3 + 1) * 3
    assert runs("2a", "--claim", "capacity", "--seeds", "3") == 20 * 3


def test_an_interrupted_sweep_of_claims_repeats_what_was_asked(monkeypatch, capsys):
    unit = plan([EXPERIMENTS["6b"]])[0]
    report = Report(left=[unit], interrupted=True)
    monkeypatch.setattr("icl.sweep.sweep", lambda *_, **__: report)
    assert main(["sweep", "6b", "--claim", "both", "--claim", "order", "--seeds", "3"]) == 130
    again = "icl sweep 6b --claim both --claim order --seeds 3"
    assert capsys.readouterr().out.rstrip().endswith(f"go on with: {again}")


def test_a_dry_run_says_what_would_be_done_and_does_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("ICL_STORE", str(tmp_path / "store"))
    result = CliRunner().invoke(app, ["sweep", "6a", "--seeds", "2", "--dry-run"])
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0].startswith("2 runs: 0 stored, 0 half done, 2 missing")
    assert [line.split(":")[0] for line in lines[1:]] == [
        "new      6a seed 0",
        "new      6a seed 1",
    ]
    assert not (tmp_path / "store").exists()


def test_the_exit_status_tells_how_a_sweep_ended():
    [unit] = plan(registry(config()).values())
    assert exit_status(Report(done=[unit], elsewhere=[unit])) == 0
    assert exit_status(Report(failed=[(unit, "why")])) == 1
    assert exit_status(Report(left=[unit])) == 1
    assert exit_status(Report(left=[unit], interrupted=True)) == 130


def test_a_plan_names_the_first_that_are_left_and_counts_the_others(monkeypatch, tmp_path):
    units, states = plan([EXPERIMENTS["3"]]), {0: "stored", 1: "partial"}
    monkeypatch.setattr(Store, "progress", lambda self, config, seed: states.get(seed, "missing"))
    first, *lines = describe_plan(units, Store(tmp_path), most=2).splitlines()
    assert first == f"6 runs: 1 stored, 1 half done, 4 missing; store: {tmp_path}"
    assert [line.split(":")[0] for line in lines] == [
        "goes on  3 seed 1",
        "new      3 seed 2",
        "... and 3 more",
    ]
