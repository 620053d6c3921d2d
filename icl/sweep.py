"""Many runs: every core of this machine, or a Dask cluster.

The unit is one configuration and seed. What is stored is left alone, what is half done goes on
from its checkpoint, a run that fails is reported and does not stop the rest, and a run that
another process has locked is left to it and looked at again at the end.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any, Literal, Protocol

from tqdm import tqdm

from icl import store
from icl.cluster import Cluster, connect
from icl.experiments import EXPERIMENTS, Experiment
from icl.runs import RunConfig, Store
from icl.settings import InputError
from icl.worker import Outcome, Stop, run

FIRST_SEEDS = 3  # so many of every figure come before the rest of any
POLL_SECONDS = 0.2
LOOK_AGAIN_SECONDS = 2.0  # at runs that another process trains

Progress = Literal["stored", "partial", "missing"]
Tell = Callable[[str, int, bool], None]  # a run's key, steps, whether they were made before


@dataclass(frozen=True)
class Unit:
    """One run of an experiment."""

    experiment: str
    label: str
    config: RunConfig
    seed: int

    @property
    def key(self) -> str:
        """Names the run in its store."""
        return f"{self.config.name}/{self.seed}"

    def __str__(self) -> str:
        label = f" [{self.label}]" if self.label else ""
        return f"{self.experiment}{label} seed {self.seed}: {self.config.describe()}"


@dataclass
class Report:
    """How a sweep ended, unit by unit."""

    stored: list[Unit] = field(default_factory=list)  # before it began
    done: list[Unit] = field(default_factory=list)
    elsewhere: list[Unit] = field(default_factory=list)  # by another process, meanwhile
    failed: list[tuple[Unit, str]] = field(default_factory=list)
    left: list[Unit] = field(default_factory=list)
    interrupted: bool = False


def plan(
    names: Iterable[str],
    seeds: list[int] | None = None,
    registry: Mapping[str, Experiment] = EXPERIMENTS,
) -> list[Unit]:
    """The units of experiments, in the order in which they are worth having; each once.

    The first three seeds of all experiments come before the further ones. Within an experiment
    every configuration has its first seed before any has its second. Raises InputError for a name
    that is not in the registry.

    Parameters
    ----------
    names: of experiments, in the order wanted.
    seeds: by default each experiment's own.
    registry: experiments by name.
    """
    asked = []
    for name in names:
        if name not in registry:
            raise InputError(f"unknown experiment {name!r}; known: {', '.join(registry)}")
        asked.append(registry[name])
    units: dict[str, Unit] = {}
    for part in (slice(FIRST_SEEDS), slice(FIRST_SEEDS, None)):
        for experiment in asked:
            for seed in (experiment.seeds if seeds is None else seeds)[part]:
                for label, config in experiment.configs.items():
                    unit = Unit(experiment.name, label, config, seed)
                    units.setdefault(unit.key, unit)
    return list(units.values())


def progress_of(unit: Unit, to: Store) -> Progress:
    """Whether a unit is stored, half done or missing; a corrupt file is set aside and named."""
    try:
        if store.read(to.path(unit.config, unit.seed)) is not None:
            return "stored"
    except store.CorruptFile as error:
        tqdm.write(f"warning: {error}; the run is missing", file=sys.stderr)
    half_done = to.checkpoint_path(unit.config, unit.seed).exists()
    return "partial" if half_done else "missing"


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def sweep(
    names: Iterable[str],
    seeds: list[int] | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    root: Path | str | None = None,
    registry: Mapping[str, Experiment] = EXPERIMENTS,
    progress: bool = True,
) -> Report:
    """Train and store the runs of experiments that are not stored yet.

    Ctrl-C stops in good order: every run writes its checkpoint first. A second one stops at once,
    and loses no more than the seconds since the last checkpoints.

    Parameters
    ----------
    names, seeds, registry: as in :func:`plan`.
    workers: processes on this machine; by default one a core.
    scheduler: address of a Dask scheduler, ``tcp://HOST:PORT``, whose workers are used instead.
    root: the store's folder, by default that of :class:`icl.runs.Store`.
    progress: show a bar.

    Raises :class:`icl.settings.InputError` for an unknown experiment, a scheduler that cannot be
    reached, and a store that cannot be written.
    """
    if workers is not None and workers < 1:
        raise InputError(f"workers={workers} must be at least 1")
    to, report = Store(root), Report()
    wanted: dict[str, Unit] = {}
    for unit in plan(names, seeds, registry):
        if progress_of(unit, to) == "stored":
            report.stored.append(unit)
        else:
            wanted[unit.key] = unit
    if wanted:
        client = connect(scheduler) if scheduler else None
        with _mark(to) as mark, _Board(wanted, progress) as board, _interrupts() as interrupted:
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


class _Board:
    """One bar over all runs; its time left is of the steps that are left, at the mean rate."""

    def __init__(self, units: Mapping[str, Unit], progress: bool) -> None:
        self._steps = {key: unit.config.training.steps for key, unit in units.items()}
        self._seen = dict.fromkeys(units, 0)
        self._runs, self._ended, self._failed = len(units), 0, 0
        self._lock = threading.Lock()
        self._bar = tqdm(
            total=sum(self._steps.values()),
            unit="step",
            unit_scale=True,
            smoothing=0,
            disable=not progress,
        )
        self._show()

    def tell(self, key: str, steps: int, resumed: bool) -> None:
        """Steps of a run. It may start again on another worker: only what is new counts."""
        if self._bar.disable:
            return
        with self._lock:
            if resumed:
                new = steps - self._seen[key]
                self._bar.initial += max(new, 0)  # free, so no part of the rate
            else:
                new = min(steps, self._steps[key] - self._seen[key])
            if new > 0:
                self._seen[key] += new
                self._bar.update(new)

    def end(self, unit: Unit, outcome: Outcome) -> None:
        """A run has ended; steps that it did not need are no longer to be made."""
        with self._lock:
            if outcome.warnings:
                self.say(outcome.warnings)
            self._ended += outcome.kind in ("done", "stored", "failed")
            if outcome.kind == "failed":
                self._failed += 1
                self.say(f"failed: {unit}: {outcome.message}")
            if outcome.kind in ("done", "stored", "failed") and not self._bar.disable:
                rest = self._steps[unit.key] - self._seen[unit.key]
                self._bar.total = (self._bar.total or 0) - rest
            self._show()

    def say(self, text: str) -> None:
        """A line above the bar."""
        self._bar.write(text, file=sys.stderr)

    def _show(self) -> None:
        self._bar.set_postfix_str(f"{self._ended}/{self._runs} runs, {self._failed} failed")

    def __enter__(self) -> _Board:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()


def _work(
    wanted: dict[str, Unit],
    pool: Pool,
    to: Store,
    board: _Board,
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
def _interrupts() -> Iterator[threading.Event]:
    """Set by the first Ctrl-C or termination, which raise nothing then; the second ends the
    process.
    """
    interrupted = threading.Event()

    def handler(number: int, frame: FrameType | None) -> None:
        if interrupted.is_set():
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


def status(report: Report) -> int:
    """Exit status: 130 after Ctrl-C, 1 when a run failed or is left, else 0."""
    return 130 if report.interrupted else int(bool(report.failed or report.left))


def describe_plan(units: list[Unit], to: Store, most: int = 12) -> str:
    """What a sweep would do: the count of each state, and what comes first."""
    states = [progress_of(unit, to) for unit in units]
    counts = {state: states.count(state) for state in ("stored", "partial", "missing")}
    todo = [(u, s) for u, s in zip(units, states, strict=True) if s != "stored"]
    lines = [
        f"{len(units)} runs: {counts['stored']} stored, {counts['partial']} half done, "
        f"{counts['missing']} missing; store: {to.root}"
    ]
    words = {"partial": "goes on", "missing": "new"}
    lines += [f"{words[state]:8} {unit}" for unit, state in islice(todo, most)]
    if len(todo) > most:
        lines.append(f"... and {len(todo) - most} more")
    return "\n".join(lines)
