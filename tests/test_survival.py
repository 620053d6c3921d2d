"""Real processes: killed at random moments, two on one run, on a disk that is full or read-only."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import xarray as xr

from icl.model import Model
from icl.runs import RunConfig, Store
from icl.task import Task
from icl.training import Training

TASK = Task(K=8, L=4, N=2, D=4, P=7)
LASTING = RunConfig(
    task=TASK,
    model=Model(hidden=1),
    training=Training(steps=240, every=20, test=40, batch=8, maps=True, keep_parameters=True),
)
SMALL = RunConfig(
    task=TASK, model=Model(hidden=1), training=Training(steps=20, every=10, test=20, batch=8)
)
LARGE = RunConfig(  # its parameters alone are 600 kB
    model=Model(), training=Training(steps=2, every=1, test=20, batch=8)
)

# Arguments: seconds between checkpoints, the store, configurations. A "?" before a run's lock is
# asked for, a second one by who has to wait for it, and a "." before and after each checkpoint.
TRAIN = """
import sys
from icl import runs, training
from icl.settings import InputError

training.CHECKPOINT_SECONDS = float(sys.argv[1])
lock, save_checkpoint, train = runs.Store.lock, runs.Store.save_checkpoint, runs.train

def say(word):
    sys.stdout.write(word)
    sys.stdout.flush()

def tell_of_the_lock(*arguments, **options):
    say("?")
    return lock(*arguments, **options)

def tell(*arguments):
    say(".")
    save_checkpoint(*arguments)
    say(".")

def tell_of_training(*arguments):
    say("training")
    train(*arguments)

runs.Store.lock, runs.Store.save_checkpoint, runs.train = tell_of_the_lock, tell, tell_of_training
for config in sys.argv[3:]:
    config = runs.RunConfig.model_validate_json(config)
    try:
        runs.load_or_train(config, [0], sys.argv[2], progress=False)
    except InputError as error:
        print(f"error: {error}")
    else:
        print("done")
"""


def command(root, *configs, seconds=5.0):
    configs = [config.model_dump_json() for config in configs]
    return [sys.executable, "-c", TRAIN, str(seconds), str(root), *configs]


def begin(root, config, output=subprocess.PIPE):
    """A process that makes a checkpoint at every step."""
    return subprocess.Popen(command(root, config, seconds=-1.0), stdout=output, bufsize=0)


def run(*arguments, warned=""):
    """Its output's lines without dots; whatever goes wrong there is a message, not a traceback."""
    ended = subprocess.run(arguments, capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stderr) == (0, warned)
    said = ended.stdout.replace("?", "")
    return re.sub(r"[.]|training", "", said).splitlines(), said


def assert_same_bits(one, other):
    """All curves and parameters; only the seconds differ."""
    xr.testing.assert_identical(one.assign_attrs(seconds=None), other.assign_attrs(seconds=None))
    for name in one:
        assert one[name].values.tobytes() == other[name].values.tobytes()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    root = tmp_path_factory.mktemp("uninterrupted")
    run(*command(root, LASTING))
    return Store(root).load(LASTING, 0)


def test_a_run_killed_at_random_moments_ends_with_the_same_bits(tmp_path, uninterrupted):
    rng, store, reached = np.random.default_rng(0), Store(tmp_path), []
    for _ in range(22):
        process = begin(tmp_path, LASTING)
        process.stdout.read(len("?training"))
        for _ in range(rng.integers(0, 30)):  # halves of checkpoints
            process.stdout.read(1)
        time.sleep(rng.uniform(0, 0.003))
        assert process.poll() is None
        process.kill()
        process.communicate()
        assert process.returncode == -9
        assert store.load(LASTING, 0) is None
        state = store.checkpoint(LASTING, 0)
        reached.append(state.step if state else 0)
    assert reached == sorted(reached)
    assert len(set(reached)) > 10
    run(*command(tmp_path, LASTING))
    assert_same_bits(store.load(LASTING, 0), uninterrupted)
    assert not store.checkpoint_path(LASTING, 0).exists()


def test_two_processes_on_one_run_train_it_once(tmp_path, uninterrupted):
    store, said = Store(tmp_path), [tmp_path / "one", tmp_path / "other"]
    with said[0].open("wb") as one, said[1].open("wb") as other:
        processes = [begin(tmp_path, LASTING, output) for output in (one, other)]
        while any(process.poll() is None for process in processes):
            store.load(LASTING, 0)  # what is read meanwhile is whole, or not there
            store.checkpoint(LASTING, 0)
            time.sleep(0.02)
    assert [process.returncode for process in processes] == [0, 0]
    assert sum(path.read_text() in ("?done\n", "??done\n") for path in said) == 1
    assert [path.read_text().startswith("?training.") for path in said].count(True) == 1
    assert_same_bits(store.load(LASTING, 0), uninterrupted)


def test_who_waits_for_a_run_goes_on_with_it_when_its_process_dies(tmp_path, uninterrupted):
    first = begin(tmp_path, LASTING)
    first.stdout.read(len("?training"))
    for _ in range(100):  # fifty checkpoints
        first.stdout.read(1)
    first.send_signal(signal.SIGSTOP)  # holds the run, and does nothing
    second = begin(tmp_path, LASTING)
    assert [second.stdout.read(1) for _ in range(2)] == [b"?"] * 2  # unbuffered: what is there
    time.sleep(0.2)  # now it waits
    first.kill()
    first.communicate()
    done, _ = second.communicate(timeout=120)
    assert done.startswith(b"training.")
    assert done.endswith(b"done\n")
    assert done.count(b".") < 2 * (LASTING.training.steps - 40)  # not from the start
    assert_same_bits(Store(tmp_path).load(LASTING, 0), uninterrupted)


# -- disks --------------------------------------------------------------------------------------

PRIVATE = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--user", "--map-root-user"])
MOUNT = {
    "full": "mount -t tmpfs -o size=200k tmpfs {root}",
    "read-only": "mount --bind {root} {root} && mount -o remount,bind,ro {root}",
}


def on_a_disk(kind, root, *configs, warned=""):
    """Run on a disk that is mounted for this process alone."""
    if not (sys.platform == "linux" and shutil.which("unshare")):
        pytest.skip("needs Linux and unshare")
    mount = MOUNT[kind].format(root=root)
    if subprocess.run([*PRIVATE, "sh", "-c", mount], capture_output=True).returncode:
        pytest.skip("mounting a disk is not allowed here")
    script = f'{mount} && "$@" && ls -A {root}/*'
    return run(*PRIVATE, "sh", "-c", script, "sh", *command(root, *configs), warned=warned)


def test_a_full_disk(tmp_path):
    lines, _ = on_a_disk("full", tmp_path, SMALL, LARGE, SMALL)
    assert lines[0] == lines[2] == "done"
    path = Store(tmp_path).checkpoint_path(LARGE, 0)
    assert lines[1] == (
        f"error: cannot write {path}: No space left on device; nothing was changed"
    ).replace(".", "")
    listed = " ".join(lines[3:])
    assert "0nc" in listed
    assert "tmp" not in listed.replace(str(tmp_path), "")


def test_a_file_larger_than_allowed(tmp_path):
    limited = ["sh", "-c", 'ulimit -f 200 && exec "$@"', "sh"]  # in blocks of 512 or 1024 bytes
    _, said = run(*limited, *command(tmp_path, SMALL, LARGE, SMALL))
    path = Store(tmp_path).checkpoint_path(LARGE, 0)
    assert f"error: cannot write {path}: File too large; nothing was changed\n" in said
    assert said.endswith("done\n")
    assert [p.name for p in path.parent.iterdir()] in ([".0.lock"], [])
    assert Store(tmp_path).load(SMALL, 0) is not None


def test_a_read_only_store_shows_what_it_has(tmp_path):
    run(*command(tmp_path, SMALL))
    lines, said = on_a_disk("read-only", tmp_path, SMALL, LARGE)
    assert lines[0] == "done"
    folder = Store(tmp_path).path(LARGE, 0).parent
    assert f"error: cannot write {folder}: Read-only file system\n" in said


def test_a_damaged_file_in_a_read_only_store_is_not_shown(tmp_path):
    run(*command(tmp_path, SMALL))
    path = Store(tmp_path).path(SMALL, 0)
    path.write_bytes(path.read_bytes()[:-1])
    warned = (
        f"warning: {path} cannot be used: it is cut short or altered; "
        "it could not be set aside: Read-only file system; it is computed again\n"
    )
    _, said = on_a_disk("read-only", tmp_path, SMALL, warned=warned)
    assert said.splitlines()[0] == f"error: cannot write {path.parent}: Read-only file system"
