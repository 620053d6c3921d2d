"""A sweep beyond one machine: its runs on the workers of an existing Dask cluster.

A worker that sees the store's own folder (a shared file system) trains into it, with its locks and
its checkpoints. Any other gets what is half done with the run, trains in its scratch folder and
sends back the finished file, or the checkpoint if it was stopped. Which of the two it is shows by
a mark that the sweep leaves in its store, since a folder of the same name may exist anywhere. When
the mark is gone, so is the sweep: a worker that shares the store ends its run with a checkpoint.
Any other learns nothing of a sweep that could not say goodbye, and trains to the end.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from icl import store
from icl.runs import RunConfig, Store
from icl.settings import InputError
from icl.worker import Outcome, Stop, run

CONNECT_SECONDS = 10


class Result(NamedTuple):
    """What comes back from a worker; contents only from one that does not see the store."""

    outcome: Outcome
    curves: bytes | None = None
    checkpoint: bytes | None = None


def connect(address: str) -> Any:
    """A client of the scheduler; raises InputError, one line, when there is none or Dask is
    missing.
    """
    try:
        distributed: Any = import_module("distributed")
    except ImportError:
        raise InputError(
            "--scheduler needs Dask, which is not installed: pip install 'dask[distributed]'"
        ) from None
    for name in ("distributed", "distributed.client"):  # a lost worker is no news here
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        scheme, place = distributed.comm.parse_address(address, strict=True)
        distributed.comm.registry.get_backend(scheme)
        distributed.comm.addressing.parse_host_port(place)  # raises without a port
    except ValueError as error:
        raise InputError(f"scheduler={address!r} must be like tcp://HOST:PORT: {error}") from None
    try:
        return distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(
            f"no Dask scheduler at {address!r} within {CONNECT_SECONDS} s: {error}"
        ) from None


class Cluster:
    """Runs units on a scheduler's workers.

    Parameters
    ----------
    client
        Of the scheduler.
    to
        The sweep's store.
    mark
        A file in it that a worker sees if the folder is shared.
    tell
        Called with (key, steps, whether they were made before).
    """

    def __init__(
        self, client: Any, to: Store, mark: Path, tell: Callable[[str, int, bool], None]
    ) -> None:
        self._client, self._store, self._mark = client, to, mark
        self._name = mark.name  # unique, so it names what is ours in the scheduler
        self._stop = import_module("distributed").Event(self._name, client=client)
        client.subscribe_topic(self._name, lambda event: tell(*event[1]))

    def submit(self, key: str, config: RunConfig, seed: int, rank: int) -> Any:
        """A future of a :class:`Result`; of two that wait, the lower rank goes first."""
        try:
            checkpoint = store.read(self._store.checkpoint_path(config, seed))
        except store.CorruptFile:
            checkpoint = None
        return self._client.submit(
            _remote,
            key,
            config.model_dump_json(),
            seed,
            str(self._mark.resolve()),
            checkpoint,
            key=f"{self._name}-{key}-{rank}",
            priority=-rank,
        )

    def receive(self, config: RunConfig, seed: int, result: Result) -> Outcome:
        """Keep what a worker sent; raises StoreError."""
        if result.curves is not None:
            store.write(self._store.path(config, seed), result.curves)
            self._store.checkpoint_path(config, seed).unlink(missing_ok=True)
        elif result.checkpoint is not None:
            store.write(self._store.checkpoint_path(config, seed), result.checkpoint)
        return result.outcome

    def stop(self, futures: Iterable[Any]) -> None:
        """Tell every run to write its checkpoint and end; what no worker has yet is not begun."""
        self._stop.set()
        begun = {key for keys in self._client.processing().values() for key in keys}
        self._client.cancel([future for future in futures if future.key not in begun])

    def close(self) -> None:
        """Leave the cluster as it was."""
        self._client.unsubscribe_topic(self._name)
        self._client.close()


def _remote(key: str, config: str, seed: int, mark: str, checkpoint: bytes | None) -> Result:
    """What a worker does: :func:`icl.worker.run`, with its news going through the scheduler."""
    distributed: Any = import_module("distributed")
    worker, topic = distributed.get_worker(), Path(mark).name
    wanted = distributed.Event(topic)
    other_version = Result(Outcome("failed", "its worker has another version of icl"))
    try:
        parsed = RunConfig.model_validate_json(config)
    except InputError:
        return other_version
    if key != f"{parsed.name}/{seed}":  # the name holds what a run depends on
        return other_version
    stop = Stop()
    shared = Path(mark).exists()

    def tell(steps: int, resumed: bool) -> None:
        worker.log_event(topic, (key, steps, resumed))
        if wanted.is_set() or (shared and not Path(mark).exists()):  # the sweep may be gone
            stop.set()

    try:
        if wanted.is_set():
            return Result(Outcome("stopped"))
        if shared:
            return Result(run(config, seed, Path(mark).parent, stop, tell))
        # A folder of this run's own: another sweep may have sent the same run here.
        with TemporaryDirectory(dir=worker.local_directory) as scratch:
            to = Store(scratch)
            if checkpoint is not None:
                store.write(to.checkpoint_path(parsed, seed), checkpoint)
            outcome = run(config, seed, to.root, stop, tell)
            curves, half_done = to.path(parsed, seed), to.checkpoint_path(parsed, seed)
            return Result(outcome, store.read(curves), store.read(half_done))
    finally:
        stop.close()
