"""One run in a process of its own: what a sweep starts on every core, here or in a cluster.

A process a run, so that a run that fails or is killed takes no other with it, memory is given
back, and the linear algebra's one thread is set before NumPy loads. Both ends of the talk between
a sweep and its processes are in this module: the configuration goes out as an argument, lines of
JSON come back, and the end of the input tells a run to stop. The input ends too when the sweep
dies, so no process is left behind.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from icl.runs import RunConfig, Store, train
from icl.training import State

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class Outcome(NamedTuple):
    """How one run ended."""

    kind: Literal["done", "stored", "locked", "stopped", "failed"]
    message: str = ""  # of a failure, one line
    warnings: str = ""  # what the run wrote to its standard error


class Stop:
    """A word to any number of processes at once: the input they share ends."""

    def __init__(self) -> None:
        self.reader, self._writer = os.pipe()
        self._lock = threading.Lock()
        self.is_set = False

    def set(self) -> None:
        """Tell them; once is enough."""
        with self._lock:
            if not self.is_set:
                self.is_set = True
                os.close(self._writer)

    def close(self) -> None:
        """Give both ends back, when no process is left."""
        self.set()
        os.close(self.reader)


def run(
    config: str, seed: int, root: Path, stop: Stop, tell: Callable[[int, bool], None]
) -> Outcome:
    """Train one run in a new process, and wait for it.

    Parameters
    ----------
    config
        A RunConfig as JSON.
    seed
        Its seed.
    root
        The store's folder.
    stop
        Makes the run write its checkpoint and end.
    tell
        Called with (steps, whether they were made before) as they come.
    """
    if stop.is_set:
        return Outcome("stopped")
    outcome = None
    with tempfile.TemporaryFile() as errors:
        with subprocess.Popen(
            [sys.executable, "-m", "icl.worker", config, str(seed), str(root)],
            stdin=stop.reader,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=os.environ | ONE_THREAD,
            start_new_session=True,  # Ctrl-C in the terminal is for the sweep, which then tells us
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                match json.loads(line):
                    case {"outcome": kind, "message": message}:
                        outcome = Outcome(kind, message)
                    case {"steps": steps, "resumed": resumed}:
                        tell(steps, resumed)
        errors.seek(0)
        text = errors.read().decode(errors="replace").strip()
    if outcome is None:
        last = text.splitlines()[-1:] or ["it said nothing"]
        status = process.returncode
        how = f"signal {-status}" if status < 0 else f"status {status}"
        return Outcome("failed", f"its process ended with {how}: {last[0]}")
    return outcome._replace(warnings=text)


class _Stopped(Exception):
    """The sweep wants this run to end, and its checkpoint is written."""


class _StoppingStore(Store):
    """A store that ends the run after a checkpoint if the sweep has said so."""

    def __init__(self, root: Path, stop: threading.Event) -> None:
        super().__init__(root)
        self._stop = stop

    def save_checkpoint(self, config: RunConfig, seed: int, state: State) -> None:
        super().save_checkpoint(config, seed, state)
        if self._stop.is_set():
            raise _Stopped


def _main(text: str, seed: int, root: Path, say: Callable[..., None]) -> Outcome:
    stop = threading.Event()
    to = _StoppingStore(root, stop)

    def wait_for_the_end_of_input() -> None:
        os.read(0, 1)
        stop.set()

    threading.Thread(target=wait_for_the_end_of_input, daemon=True).start()
    first = True

    def tick(steps: int) -> None:
        nonlocal first
        if steps:
            say(steps=steps, resumed=first)
        first = False

    try:
        config = RunConfig.model_validate_json(text)
        with to.lock(config, seed, wait=False) as mine:
            if not mine:
                return Outcome("locked")
            if to.has(config, seed):
                return Outcome("stored")
            with np.errstate(all="ignore"):  # a loss that is no number is told in one line
                train(config, [seed], to, tick=tick, due=stop.is_set)
    except _Stopped:
        return Outcome("stopped")
    except Exception as error:  # whatever it is, it is this run's, and the sweep goes on
        return Outcome("failed", " ".join(f"{type(error).__name__}: {error}".split()))
    return Outcome("done")


def _say(**message: object) -> None:
    """One line to the sweep; when it is gone, the end of the input stops us in good order."""
    with contextlib.suppress(BrokenPipeError):
        os.write(1, (json.dumps(message) + "\n").encode())


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):  # warnings must not stand between the lines
        _outcome = _main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), _say)
    _say(outcome=_outcome.kind, message=_outcome.message)
