"""Many runs: every core of this machine, or a Dask cluster.

The unit is one configuration and seed. What is stored is left alone, what is half done goes on
from its checkpoint, a run that fails is reported and does not stop the rest, and a run that
another process has locked is left to it and looked at again at the end.
"""

from __future__ import annotations

import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from icl import store
from icl.board import Board
from icl.cluster import Cluster, connect
from icl.experiments import Experiment
from icl.plan import Unit, plan
from icl.runs import RunConfig, Store
from icl.settings import InputError, at_least
from icl.worker import Outcome, Stop, run

POLL_SECONDS = 0.2
LOOK_AGAIN_SECONDS = 2.0  # at runs that another process trains

Tell = Callable[[str, int, bool], None]  # a run's key, steps, whether they were made before


@dataclass
class Report:
    """How a sweep ended, unit by unit."""

    stored: list[Unit] = field(default_factory=list)  # before it began
    done: list[Unit] = field(default_factory=list)
    elsewhere: list[Unit] = field(default_factory=list)  # by another process, meanwhile
    failed: list[tuple[Unit, str]] = field(default_factory=list)
    left: list[Unit] = field(default_factory=list)
    interrupted: bool = False


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def sweep(
    experiments: Iterable[str | Experiment],
    seeds: list[int] | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    root: Path | str | None = None,
    progress: bool = True,
) -> Report:
    """Train and store the runs of experiments that are not stored yet.

    Ctrl-C stops in good order: every run writes its checkpoint first. A second one stops at once,
    and loses no more than the seconds since the last checkpoints.

    Parameters
    ----------
    experiments, seeds
        As in :func:`icl.plan.plan`.
    workers
        Processes on this machine; by default one a core.
    scheduler
        Address of a Dask scheduler, ``tcp://HOST:PORT``, whose workers are used instead.
    root
        The store's folder, by default that of :class:`icl.runs.Store`.
    progress
        Show a bar.

    Raises
    ------
    InputError
        For an unknown experiment, seeds that cannot be, workers beside a scheduler, a scheduler
        that cannot be reached, and a store that cannot be written.
    """
    check_where(workers, scheduler)
    to, report = Store(root), Report()
    wanted: dict[str, Unit] = {}
    for unit in plan(experiments, seeds):
        if to.progress(unit.config, unit.seed) == "stored":
            report.stored.append(unit)
        else:
            wanted[unit.key] = unit
    if wanted:
        with _mark(to) as mark, _interrupts(mark) as interrupted:
            # After the mark, so that a store that cannot be written leaves no connection open.
            client = connect(scheduler) if scheduler else None
            with Board(wanted, progress) as board:
                pool: Pool = (
                    Cluster(client, to, mark, board.tell)
                    if client
                    else Cores(workers or cores(), to, board.tell)
                )
                try:
                    _work(wanted, pool, to, board, report, interrupted)
                finally:
                    pool.close()
    return report


def check_where(workers: int | None, scheduler: str | None) -> None:
    """Refuse what would train elsewhere than was meant."""
    if workers is not None:
        at_least(1, workers=workers)
    if scheduler is not None and not scheduler.strip():  # a variable that is not set
        raise InputError(f"scheduler={scheduler!r} must be an address such as tcp://HOST:PORT")
    if scheduler is not None and workers is not None:
        raise InputError(f"workers={workers} is for this machine: a scheduler has its own workers")


class Pool(Protocol):
    """Where runs are trained: the cores here, or :class:`icl.cluster.Cluster`."""

    def submit(self, key: str, config: RunConfig, seed: int, rank: int) -> Any:
        """A future of what ``receive`` takes; of two that wait, the lower rank goes first."""

    def receive(self, config: RunConfig, seed: int, result: Any) -> Outcome:
        """Keep what came back."""

    def stop(self, futures: Iterable[Any]) -> None:
        """Let every run write its checkpoint and end."""

    def close(self) -> None:
        """Give everything back."""


class Cores:
    """A process a run, so many at a time."""

    def __init__(self, workers: int, to: Store, tell: Tell) -> None:
        self._store, self._tell, self._stop = to, tell, Stop()
        self._threads = ThreadPoolExecutor(workers)  # each waits for one process

    def submit(self, key: str, config: RunConfig, seed: int, rank: int) -> Future[Outcome]:
        """The thread pool takes what comes first, which is the order of the ranks."""
        tell = partial(self._tell, key)
        return self._threads.submit(
            run, config.model_dump_json(), seed, self._store.root, self._stop, tell
        )

    def receive(self, config: RunConfig, seed: int, result: Outcome) -> Outcome:
        """The run's process has stored it already."""
        return result

    def stop(self, futures: Iterable[Any]) -> None:
        """What has not begun returns at once."""
        self._stop.set()

    def close(self) -> None:
        """Wait for the processes, which are at their end."""
        self._stop.set()
        self._threads.shutdown()
        self._stop.close()


def _work(
    wanted: dict[str, Unit],
    pool: Pool,
    to: Store,
    board: Board,
    report: Report,
    interrupted: threading.Event,
) -> None:
    """Submit all, and take what comes back, until nothing is on its way and nothing locked."""
    pending = {
        key: pool.submit(key, unit.config, unit.seed, rank)
        for rank, (key, unit) in enumerate(wanted.items())
    }
    locked: set[str] = set()
    look_again = 0.0
    while pending or (locked and not interrupted.is_set()):
        if interrupted.is_set() and not report.interrupted:
            report.interrupted = True
            board.say("stopping: every run writes its checkpoint first (Ctrl-C again: at once)")
            pool.stop(pending.values())
        for key in [key for key, future in pending.items() if future.done()]:
            unit = wanted[key]
            outcome = _outcome(pool, unit, pending.pop(key))
            match outcome.kind:
                case "done":
                    report.done.append(unit)
                case "stored":
                    report.elsewhere.append(unit)
                case "failed":
                    report.failed.append((unit, outcome.message))
                case "stopped":
                    report.left.append(unit)
                case "locked":
                    locked.add(key)
            board.end(unit, outcome)
        if locked and not pending and time.monotonic() > look_again:
            look_again = time.monotonic() + LOOK_AGAIN_SECONDS
            for key in [key for key in wanted if key in locked and _free(to, wanted[key])]:
                locked.remove(key)
                pending[key] = pool.submit(key, wanted[key].config, wanted[key].seed, 0)
        time.sleep(POLL_SECONDS)
    report.interrupted = interrupted.is_set()  # also while all that is left is locked
    report.left += [wanted[key] for key in wanted if key in locked]


def _outcome(pool: Pool, unit: Unit, future: Any) -> Outcome:
    try:
        return pool.receive(unit.config, unit.seed, future.result())
    except CancelledError:
        return Outcome("stopped")
    except Exception as error:  # a worker lost three times, a full disk here: this run's alone
        return Outcome("failed", " ".join(f"{type(error).__name__}: {error}".split()))


def _free(to: Store, unit: Unit) -> bool:
    with to.lock(unit.config, unit.seed, wait=False) as mine:
        return mine


@contextmanager
def _mark(to: Store) -> Iterator[Path]:
    """A file in the store while a sweep runs: it can be written, and who sees it shares it."""
    mark = to.root / f".sweep-{uuid.uuid4().hex}"
    try:
        to.root.mkdir(parents=True, exist_ok=True)
        mark.touch()
    except OSError as error:
        raise store.StoreError(f"cannot write {to.root}: {error.strerror}") from None
    try:
        yield mark
    finally:
        mark.unlink(missing_ok=True)


@contextmanager
def _interrupts(mark: Path) -> Iterator[threading.Event]:
    """Set by the first Ctrl-C or termination, which raise nothing then; the second ends the
    process, which leaves no mark behind.
    """
    interrupted = threading.Event()

    def handler(number: int, frame: FrameType | None) -> None:
        if interrupted.is_set():
            with suppress(OSError):  # the store may be gone
                mark.unlink()
            os._exit(128 + number)  # the processes see the end of their input
        interrupted.set()

    if threading.current_thread() is not threading.main_thread():
        yield interrupted  # signals are the main thread's
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, handler) for number in numbers]
    try:
        yield interrupted
    finally:
        for number, old in zip(numbers, before, strict=True):
            signal.signal(number, old)


def describe(report: Report, again: str) -> str:
    """What is said at the end; ``again`` is the command that goes on."""
    trained = f"{len(report.done)} trained, {len(report.stored)} were stored"
    if report.elsewhere:
        trained += f", {len(report.elsewhere)} trained by another process"
    if report.failed:
        trained += f", {len(report.failed)} failed"
    lines = [trained, *(f"failed: {unit}: {message}" for unit, message in report.failed)]
    if report.left:
        why = "stopped" if report.interrupted else "the scheduler is gone"
        lines.append(f"{why}; {len(report.left)} runs left; go on with: {again}")
    return "\n".join(lines)


def exit_status(report: Report) -> int:
    """130 after Ctrl-C, 1 when a run failed or is left, else 0."""
    return 130 if report.interrupted else int(bool(report.failed or report.left))
