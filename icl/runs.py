"""A run's identity, its stored curves, and the one way to have them: load or train.

A run is one configuration and one seed. The configuration's hash names its folder; nothing else
(no date, path, machine or engine) does, so the same question always finds the same answer.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, NamedTuple, Self, get_args

import netCDF4
import numpy as np
import xarray as xr
from filelock import FileLock, Timeout
from pydantic import Field, model_validator
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from tqdm import tqdm

from icl import fast, store, training
from icl.model import Model
from icl.settings import SEEDS, InputError, Settings
from icl.task import Task, World
from icl.training import DIMENSIONS, Diverged, OtherRun, Recorder, State, Training

#: Raised by hand when the meaning of a stored run changes; older runs are then trained anew.
VERSION = 1

EngineName = Literal["fast", "legible"]
Progress = Literal["stored", "partial", "missing"]


class RunConfig(Settings):
    """What determines a run, but for its seed.

    Raises :class:`icl.settings.InputError`, one line, when the groups do not fit together.
    """

    task: Task = Field(default_factory=Task)
    model: Model = Field(default_factory=Model)
    training: Training = Field(default_factory=Training)

    @model_validator(mode="after")
    def _every_bin_of_ranks_is_tested(self) -> Self:
        bins, test = len(self.task.rank_bins()), self.training.test
        if self.task.alpha > 0 and test < bins:
            raise ValueError(
                f"test={test} must be at least {bins}, one sequence for each bin of class ranks, "
                f"with alpha={self.task.alpha:g} and K={self.task.K}"
            )
        return self

    @cached_property
    def hash(self) -> str:
        """Twelve hexadecimal digits of the SHA-256 of :data:`VERSION` and what is not a default.

        So a new setting whose default means what was done before leaves every stored run its name.
        """
        changed = json.dumps(self.model_dump(mode="json", exclude_defaults=True), sort_keys=True)
        return hashlib.sha256(f"{VERSION} {changed}".encode()).hexdigest()[:12]

    @property
    def name(self) -> str:
        """The folder of its runs: the model's kind, K and B for the eye, the hash for the rest."""
        return f"{self.model.kind}-K{self.task.K}-B{self.task.B}-{self.hash}"

    def changed(self) -> Iterator[tuple[str, str, Any]]:
        """Group, name and value of every setting that is not at its default, as declared."""
        for group in ("task", "model", "training"):
            settings = getattr(self, group)
            for name, info in type(settings).model_fields.items():
                value = getattr(settings, name)
                if value != info.default:
                    yield group, name, value

    def describe(self) -> str:
        """One line for people: the model and the task, and what differs from the defaults."""
        t = self.task
        parts = [f"{self.model.kind} model", f"K={t.K}", f"L={t.L}", f"N={t.N}", f"B={t.B}"]
        parts += [f"p_B={t.p_B:g}", f"p_C={t.p_C:g}", f"alpha={t.alpha:g}", f"eps={t.eps:g}"]
        shown = {"K", "L", "N", "B", "p_B", "p_C", "alpha", "eps", "kind", "steps"}
        parts += [f"{name}={value}" for _, name, value in self.changed() if name not in shown]
        return ", ".join([*parts, f"{self.training.steps:,} steps"])


def default_root() -> Path:
    """The store: $ICL_STORE, or ``results/`` of the checkout, or ``results/`` here.

    A variable without a value is as none.
    """
    if named := os.environ.get("ICL_STORE", "").strip():
        return Path(named).expanduser()
    checkout = Path(__file__).resolve().parent.parent
    return (checkout if (checkout / "pyproject.toml").exists() else Path.cwd()) / "results"


class Run(NamedTuple):
    """What one look at a run tells."""

    step: int  # the last one made
    seconds: float  # of processor time until there
    done: bool


class Store:
    """Runs in a folder: ``<name of the configuration>/<seed>.nc``, checkpoints beside them.

    Any number of processes may use one store: files appear whole, and a run that one process
    trains is locked for the others.
    """

    def __init__(self, root: Path | str | None = None) -> None:
        self.root = Path(root) if root is not None else default_root()

    def path(self, config: RunConfig, seed: int) -> Path:
        """Where a run's curves lie."""
        return self.root / config.name / f"{seed}.nc"

    def checkpoint_path(self, config: RunConfig, seed: int) -> Path:
        """Where a half-done run lies."""
        return self.root / config.name / f"{seed}.checkpoint.npz"

    def has(self, config: RunConfig, seed: int) -> bool:
        """Whether a run is stored (unread: it may yet turn out to be corrupt)."""
        return self.path(config, seed).exists()

    def progress(self, config: RunConfig, seed: int) -> Progress:
        """Whether a run is stored, half done or missing; of its file only the trailer is checked.

        A corrupt file is set aside and named, and does not count.
        """
        return self._furthest(config, seed)[0]

    def look(self, config: RunConfig, seed: int) -> Run | None:
        """How far a run is, or None; a corrupt file is set aside and named, and does not count."""
        progress, content = self._furthest(config, seed)
        if content is None:
            return None
        return _look_at_curves(content) if progress == "stored" else _look_at_checkpoint(content)

    def _furthest(self, config: RunConfig, seed: int) -> tuple[Progress, bytes | None]:
        files: dict[Progress, Path] = {
            "stored": self.path(config, seed),
            "partial": self.checkpoint_path(config, seed),
        }
        for progress, path in files.items():
            try:
                content = store.read(path)
            except store.CorruptFile as error:
                tqdm.write(f"warning: {error}; it does not count", file=sys.stderr)
                continue
            if content is not None:
                return progress, content
        return "missing", None

    def load(self, config: RunConfig, seed: int) -> xr.Dataset | None:
        """A run's curves, or None when it is not stored.

        Raises :class:`icl.store.CorruptFile` for a file that is not what was written, or that
        holds another run; it is set aside first.
        """
        path = self.path(config, seed)
        content = store.read(path)
        if content is None:
            return None
        dataset = xr.load_dataset(content, engine="netcdf4")
        if not _holds(dataset, config, seed):
            why = "it holds another run, or one of another version"
            raise store.CorruptFile(store.set_aside(path, why))
        return dataset

    def save(self, config: RunConfig, seed: int, state: State, engine: str) -> None:
        """Store a finished run and drop its checkpoint."""
        dataset = to_dataset(config, seed, state, engine)
        store.write(self.path(config, seed), to_netcdf(dataset))
        self.checkpoint_path(config, seed).unlink(missing_ok=True)

    def checkpoint(self, config: RunConfig, seed: int) -> State | None:
        """A half-done run's state, or None.

        One that is corrupt, or of another run or other measures, is set aside and does not count.
        """
        path = self.checkpoint_path(config, seed)
        try:
            content = store.read(path)
            if content is None:
                return None
            state = State.parse(content, _identity(config, seed))
            Recorder(config.task, config.training, seed).check(state)
            return state
        except store.CorruptFile as error:
            warning = str(error)
        except OtherRun as error:
            warning = store.set_aside(path, str(error))
        tqdm.write(f"warning: {warning}; the run starts again", file=sys.stderr)
        return None

    def save_checkpoint(self, config: RunConfig, seed: int, state: State) -> None:
        """Keep a half-done run."""
        store.write(self.checkpoint_path(config, seed), state.dump(_identity(config, seed)))

    @contextmanager
    def lock(self, config: RunConfig, seed: int, wait: bool = True) -> Iterator[bool]:
        """Hold a run; yields False when another process does and ``wait`` is off."""
        path = self.root / config.name / f".{seed}.lock"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path)
            lock.acquire(timeout=-1 if wait else 0)
        except Timeout:
            yield False
            return
        except OSError as error:
            raise store.StoreError(f"cannot write {path.parent}: {error.strerror}") from None
        try:
            yield True
        finally:
            lock.release()


def config_of(dataset: xr.Dataset) -> RunConfig:
    """The configuration that a data set of :func:`load_or_train`, or a stored file, belongs to."""
    return RunConfig.model_validate_json(dataset.attrs["config"])


def _look_at_curves(content: bytes) -> Run:
    with netCDF4.Dataset("run.nc", memory=content) as file:  # a name is needed, and not opened
        return Run(int(file.stopped_at), float(file.seconds), True)


def _look_at_checkpoint(content: bytes) -> Run:
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        scalars = json.loads(str(archive["scalars"]))  # of the archive, this one alone is read
    return Run(scalars["step"], scalars["seconds"], False)


def _identity(config: RunConfig, seed: int) -> str:
    return f"{config.name}/{seed}"


def _holds(dataset: xr.Dataset, config: RunConfig, seed: int) -> bool:
    """Whether a stored file is of this run: it may have been copied from elsewhere."""
    try:
        held = config_of(dataset)
    except InputError:  # settings that this version does not know
        return False
    return (held, dataset.attrs["seed"], dataset.attrs["version"]) == (config, seed, VERSION)


def to_dataset(config: RunConfig, seed: int, state: State, engine: str) -> xr.Dataset:
    """Curves over steps as labelled arrays.

    ``state`` is of a run with at least one record. The coordinate ``step`` counts steps of SGD: 0,
    ``every``, twice that, and so on. The variables are what :meth:`icl.training.Recorder.record`
    names, by ``step`` and what follows:

    - ``rank_accuracy`` also by ``rank_bin`` (:meth:`icl.task.Task.rank_bins`)
    - ``map1`` also by ``query`` and ``key``, tokens of a sequence
    - ``row2`` also by ``pair``, of the context, and ``key``
    - ``theta_NAME``, the last parameters if they are kept: not by step, but by axes of their own

    Attributes: ``config`` (JSON), ``seed``, ``stopped_at`` (the last step), ``engine``, ``seconds``
    (of processor time) and ``version`` (:data:`VERSION`).
    """
    columns = {name: np.stack([r[name] for r in state.records]) for name in state.records[0]}
    steps = np.arange(len(state.records)) * config.training.every
    dataset = xr.Dataset(
        {name: (("step", *DIMENSIONS.get(name, ())), value) for name, value in columns.items()},
        coords={"step": steps},
        attrs={
            "config": config.model_dump_json(),
            "seed": seed,
            "stopped_at": state.step,
            "engine": engine,
            "seconds": round(state.seconds, 1),
            "version": VERSION,
        },
    )
    if config.training.keep_parameters:
        for name, value in state.theta.items():
            axes = tuple(f"{name}_{axis}" for axis in range(value.ndim))
            dataset[f"theta_{name}"] = (axes, value)
    return dataset


def to_netcdf(dataset: xr.Dataset) -> bytes:
    """A NetCDF file's bytes, of the format that takes less room.

    NetCDF-4 compresses maps and matrices to a part, but needs 1 to 4 KiB for each variable's header
    and index, as much as a curve of 301 records takes. The classic format has no compression and
    one array behind the other, which for curves alone is the smaller file.
    """
    with TemporaryDirectory() as folder:  # in memory the library rounds sizes up to 64 KiB
        paths = [Path(folder) / name for name in ("classic.nc", "compressed.nc")]
        for write, path in zip((_write_classic, _write_compressed), paths, strict=True):
            write(dataset, path)
        return min((path.read_bytes() for path in paths), key=len)


def _write_classic(dataset: xr.Dataset, path: Path) -> None:
    # xarray writes no integer of 64 bits to a classic file, and a seed may need more than 31
    with netCDF4.Dataset(path, "w", format="NETCDF3_64BIT_DATA") as file:
        file.setncatts(dataset.attrs)
        for name, length in dataset.sizes.items():
            file.createDimension(str(name), length)
        for name, variable in dataset.variables.items():
            file.createVariable(str(name), variable.dtype, map(str, variable.dims))[:] = variable


def _write_compressed(dataset: xr.Dataset, path: Path) -> None:
    compressed = {"zlib": True, "complevel": 6, "shuffle": True}
    large = [name for name, variable in dataset.variables.items() if variable.ndim > 1]
    dataset.to_netcdf(path, engine="netcdf4", encoding=dict.fromkeys(large, compressed))


def check_engine(engine: str, device: str = "cpu") -> None:
    """Raise :class:`icl.settings.InputError` for an engine or a device that will not do."""
    if engine not in get_args(EngineName):
        raise InputError(
            f"engine={engine!r} must be {' or '.join(map(repr, get_args(EngineName)))}"
        )
    if device == "cpu":
        return
    if engine == "fast":
        raise InputError(f"device={device!r} needs engine='legible': the fast engine is the CPU's")
    from icl.legible import check_device  # torch takes a second and half a gigabyte

    check_device(device)


def train(
    config: RunConfig,
    seeds: Sequence[int],
    to: Store,
    engine: EngineName = "fast",
    device: str = "cpu",
    tick: Callable[[int], object] = lambda n: None,
    due: Callable[[], bool] = lambda: False,
) -> None:
    """Train and store runs, each from its checkpoint if it has one.

    The fast engine trains one seed after the other, the legible one all seeds together. ``tick``
    and ``due`` are those of :func:`icl.training.advance`. A seed that diverges stops no other; when
    all the rest is stored :class:`icl.training.Diverged` is raised. Raises
    :class:`icl.settings.InputError` for an engine or a device that will not do, and
    :class:`icl.store.StoreError`.
    """
    check_engine(engine, device)
    if engine == "legible":
        import icl.legible  # noqa: F401  the limit holds for libraries that are loaded by now
    with threadpool_limits(1):  # at these sizes a second thread gains nothing
        diverged: list[Diverged] = []
        for group in _groups(seeds, engine):
            left, known = list(group), tick
            while left:
                try:
                    _train_group(config, left, to, engine, device, known, tick, due)
                    break
                except Diverged as error:  # the others go on from their checkpoints
                    diverged.append(error)
                    left = [s for s in left if s not in error.seeds and not to.has(config, s)]
                    known = _quietly  # their steps were told
    Diverged.raise_all(diverged)


def _quietly(n: int) -> None:
    """Tell nobody."""


def _groups(seeds: Sequence[int], engine: EngineName) -> list[list[int]]:
    """Seeds that train together: each alone in the fast engine, all in the legible one."""
    return [[seed] for seed in seeds] if engine == "fast" else [list(seeds)]


def _train_group(
    config: RunConfig,
    seeds: list[int],
    to: Store,
    engine: EngineName,
    device: str,
    known: Callable[[int], object],
    tick: Callable[[int], object],
    due: Callable[[], bool],
) -> None:
    """``known`` is told once of the steps that checkpoints hold, ``tick`` of further ones."""
    task, model, settings = config.task, config.model, config.training
    states = {
        seed: to.checkpoint(config, seed) or training.start(task, model, settings, seed)
        for seed in seeds
    }
    # What was made since a record is told of at the next one.
    known(sum(state.step // settings.every * settings.every for state in states.values()))
    recorders = {seed: Recorder(task, settings, seed) for seed in seeds}

    while states:
        step = min(state.step for state in states.values())
        level = [seed for seed, state in states.items() if state.step == step]
        worlds = [World(task, seed, settings.dtype) for seed in level]
        training.advance(
            _engine(engine, worlds, model, settings.batch, device),
            [states[seed] for seed in level],
            [recorders[seed] for seed in level],
            settings,
            save=partial(_keep, to, config, level),
            tick=tick,
            due=due,
        )
        for seed in level:
            if training.finished(states[seed], settings):
                to.save(config, seed, states.pop(seed), engine)


def _keep(to: Store, config: RunConfig, seeds: list[int], state: State, place: int) -> None:
    to.save_checkpoint(config, seeds[place], state)


def _engine(
    name: EngineName, worlds: list[World], model: Model, batch: int, device: str
) -> training.Engine:
    if name == "fast":
        return fast.engine(worlds[0], model, batch)
    from icl.legible import LegibleEngine  # torch takes a second and half a gigabyte

    return LegibleEngine(worlds, model, batch, device)


def load_or_train(
    config: RunConfig,
    seeds: int | Iterable[int] = 6,
    root: Path | str | None = None,
    engine: EngineName = "fast",
    device: str = "cpu",
    progress: bool = True,
) -> xr.Dataset:
    """A configuration's curves, dimensions (seed, step, ...): stored runs at once, others trained.

    Seeds that stopped early by the stop rule are carried forward to the last step of the longest:
    the variable ``carried`` marks these values, ``stopped_at`` says where each stopped.

    Parameters
    ----------
    config
        What to train.
    seeds
        How many (from 0), or which.
    root
        The store's folder; by default ``results/`` of the checkout, or $ICL_STORE.
    engine
        ``fast`` or ``legible``; the same runs to rounding.
    device
        Where the legible engine computes.
    progress
        Show a bar with an estimate of the time left while training.

    Raises
    ------
    InputError
        For seeds, an engine or a device that will not do, before any work.
    Diverged
        As in :func:`train`.
    StoreError
        As in :func:`train`.
    """
    check_engine(engine, device)
    wanted = seed_list(seeds)
    to = Store(root)
    found = {seed: _try_load(to, config, seed) for seed in wanted}
    missing = [seed for seed, dataset in found.items() if dataset is None]
    if missing:
        total = config.training.steps * len(missing)
        with tqdm(
            total=total, unit="step", unit_scale=True, desc=config.name, disable=not progress
        ) as bar:
            diverged: list[Diverged] = []
            for group in _groups(missing, engine):
                with ExitStack() as locks, Diverged.collect(diverged):
                    for seed in sorted(group):  # in one order, so that no two wait for each other
                        locks.enter_context(_wait_for(to, config, seed))
                    still = [seed for seed in group if not to.has(config, seed)]
                    if still:
                        train(config, still, to, engine, device, bar.update)
        Diverged.raise_all(diverged)
        found |= {seed: to.load(config, seed) for seed in missing}
    return combine(config, [dataset for dataset in found.values() if dataset is not None])


@contextmanager
def _wait_for(to: Store, config: RunConfig, seed: int) -> Iterator[None]:
    """The lock of a run; who has to wait is told for what."""
    with ExitStack() as stack:
        if not stack.enter_context(to.lock(config, seed, wait=False)):
            words = f"seed {seed} is being trained by another process; waiting for it"
            tqdm.write(words, file=sys.stderr)
            stack.enter_context(to.lock(config, seed))
        yield


def _try_load(to: Store, config: RunConfig, seed: int) -> xr.Dataset | None:
    try:
        return to.load(config, seed)
    except store.CorruptFile as error:
        tqdm.write(f"warning: {error}; it is computed again", file=sys.stderr)
        return None


def seed_list(seeds: int | Iterable[int]) -> list[int]:
    """Seeds from their number or themselves, each once, at least 0 and below 2**32.

    Raises :class:`icl.settings.InputError` for others.
    """
    wanted = list(range(seeds)) if isinstance(seeds, int) else list(seeds)
    different = len(set(wanted)) == len(wanted)
    if not wanted or not different or min(wanted) < 0 or max(wanted) >= SEEDS:
        raise InputError(
            f"seeds={seeds} must be a number above 0, or different numbers from 0 to 2**32 - 1"
        )
    return wanted


def combine(config: RunConfig, datasets: list[xr.Dataset]) -> xr.Dataset:
    """Seeds side by side on one step axis, the stopped ones carried forward and marked.

    ``datasets``, at least one, are those that :func:`to_dataset` makes of ``config``. Their
    variables get ``seed`` as first dimension, and two are new: ``stopped_at``, each seed's last
    step, by ``seed``; and ``carried``, by ``seed`` and ``step``, true where a value is that of a
    seed's last record. Attributes: ``config`` (JSON) and ``name`` of the folder.
    """
    seeds = [int(d.attrs["seed"]) for d in datasets]
    stopped = [int(d.attrs["stopped_at"]) for d in datasets]
    steps = max((d.step.values for d in datasets), key=len)
    carried = np.array([steps > stop for stop in stopped])
    full = [d.reindex(step=steps, method="ffill") for d in datasets]
    out = xr.concat(full, dim="seed", combine_attrs="drop", join="exact")
    out = out.assign_coords(seed=seeds)
    out["stopped_at"] = ("seed", np.array(stopped))
    out["carried"] = (("seed", "step"), carried)
    out.attrs = {"config": config.model_dump_json(), "name": config.name}
    return out
