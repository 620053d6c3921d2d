"""What is stored, what is half done, what is missing, and how long the rest would take."""

from __future__ import annotations

import io
import json
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from statistics import median
from typing import Literal, NamedTuple

import netCDF4
import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from tqdm import tqdm

from icl import fast, store
from icl.experiments import EXPERIMENTS, Experiment
from icl.model import Model, initial
from icl.runs import RunConfig, Store
from icl.sweep import Unit, plan
from icl.task import DType, Task, World

Basis = Literal["seeds", "size", "trial"]
BASES: dict[Basis, str] = {
    "seeds": "from the time of other seeds of the same configuration",
    "size": "from the time a step of runs of the same size, at full length",
    "trial": "from a short trial on this machine just now, at full length",
}


class Run(NamedTuple):
    """What one look at a run tells."""

    step: int  # the last one made
    seconds: float  # of processor time until there
    done: bool


@dataclass
class Row:
    """An experiment's line."""

    name: str
    title: str
    needed: int
    stored: int = 0
    partial: int = 0
    core_hours_left: float = 0.0


@dataclass
class Status:
    """Everything that is shown."""

    root: Path
    rows: list[Row]
    runs_by_basis: dict[Basis, int] = field(default_factory=lambda: defaultdict(int))
    others: dict[str, list[str]] = field(default_factory=dict)  # folder -> seeds of no experiment
    aside: list[Path] = field(default_factory=list)  # files that were found corrupt


def look(to: Store, config: RunConfig, seed: int) -> Run | None:
    """A run as it lies, or None; a corrupt file is set aside and named, and does not count."""
    try:
        path = to.path(config, seed)
        content = store.read(path)
        if content is not None:
            with netCDF4.Dataset(path, memory=content) as file:
                return Run(int(file.stopped_at), float(file.seconds), True)
        content = store.read(to.checkpoint_path(config, seed))
    except store.CorruptFile as error:
        tqdm.write(f"warning: {error}; the run is missing", file=sys.stderr)
        return None
    if content is None:
        return None
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        scalars = json.loads(str(archive["scalars"]))  # of the archive, this one alone is read
    return Run(scalars["step"], scalars["seconds"], False)


def status(
    root: Path | str | None = None, registry: Mapping[str, Experiment] = EXPERIMENTS
) -> Status:
    """Look at every run that an experiment needs, and at what else is stored.

    Raises :class:`icl.store.StoreError` when the store cannot be read.
    """
    to = Store(root)
    units = {name: plan([name], registry=registry) for name in registry}
    runs = {unit.key: look(to, unit.config, unit.seed) for u in units.values() for unit in u}
    result = Status(to.root, [])
    result.others = _others(to, {key for key, run in runs.items() if run and run.done})
    result.aside = sorted(to.root.glob("*/*.corrupt"))
    estimate = _Estimate(units, runs)
    for name, needed in units.items():
        row = Row(name, registry[name].title, len(needed))
        for unit in needed:
            run = runs[unit.key]
            row.stored += run is not None and run.done
            row.partial += run is not None and not run.done
            if run is None or not run.done:
                seconds, basis = estimate(unit, run.step if run else 0)
                row.core_hours_left += seconds / 3600
                result.runs_by_basis[basis] += 1
        result.rows.append(row)
    return result


class _Estimate:
    """Processor seconds that are left of a run, by the best that is known."""

    def __init__(self, units: Mapping[str, list[Unit]], runs: Mapping[str, Run | None]) -> None:
        self._totals: dict[str, list[float]] = defaultdict(list)
        self._rates: dict[object, list[float]] = defaultdict(list)
        for unit in (unit for u in units.values() for unit in u):
            run = runs[unit.key]
            if run is not None and run.step > 0 and run.seconds > 0:
                self._rates[_size(unit.config)].append(run.seconds / run.step)
                if run.done:
                    self._totals[unit.config.name].append(run.seconds)

    def __call__(self, unit: Unit, step: int) -> tuple[float, Basis]:
        config, size = unit.config, _size(unit.config)
        steps = config.training.steps
        if unit.config.name in self._totals:  # knows where the stop rule ends them
            return median(self._totals[config.name]) * (steps - step) / steps, "seeds"
        if size in self._rates:
            return median(self._rates[size]) * (steps - step), "size"
        return _trial(*size) * (steps - step), "trial"


Size = tuple[Task, Model, int, DType]


def _size(config: RunConfig) -> Size:
    """What the cost of a step depends on, the task's share as a task that stands for it.

    K, p_B, alpha and eps are left out: they change it by a few hundredths.
    """
    t = config.task
    task = Task(
        K=8 * t.L, L=t.L, N=t.N, D=t.D, P=t.P, p_C=0.5 * (t.p_C > 0), novel=t.novel, B=min(t.B, 1)
    )
    model = config.model.replace(attention_scale=1.0)  # first values cost nothing
    return task, model, config.training.batch, config.training.dtype


@cache
def _trial(task: Task, model: Model, batch: int, dtype: DType, steps: int = 16) -> float:
    """Processor seconds a step, from a few steps after as many to warm up.

    On one thread, as a run is trained: further ones would count while they wait.
    """
    engine = fast.engine(World(task, 0, dtype), model, batch)
    engine.load([initial(model, task, 0, dtype)])
    with threadpool_limits(limits=1):
        for step in range(2 * steps):
            if step == steps:
                start = time.process_time()
            engine.step(step, 0.01, 0.0)
    return (time.process_time() - start) / steps


def _others(to: Store, known: set[str]) -> dict[str, list[str]]:
    """Stored runs that no experiment needs: seeds by folder."""
    others: dict[str, list[str]] = defaultdict(list)
    for path in sorted(to.root.glob("*/*.nc")):
        if f"{path.parent.name}/{path.stem}" not in known:
            others[path.parent.name].append(path.stem)
    return dict(others)


def as_json(result: Status) -> str:
    """For programs."""
    rows = [
        {
            "name": row.name,
            "needed": row.needed,
            "stored": row.stored,
            "partial": row.partial,
            "core_hours_left": round(row.core_hours_left, 2),
        }
        for row in result.rows
    ]
    return json.dumps({"experiments": rows}, indent=2)


def table(result: Status) -> str:
    """For people."""
    lines = [
        f"store: {result.root}",
        f"{'name':8}{'needed':>8}{'stored':>8}{'half':>6}{'missing':>9}{'core-h left':>13}  what",
    ]
    for row in result.rows:
        missing = row.needed - row.stored - row.partial
        hours = f"{row.core_hours_left:.1f}" if missing + row.partial else ""
        lines.append(
            f"{row.name:8}{row.needed:8}{row.stored:8}{row.partial:6}{missing:9}{hours:>13}"
            f"  {row.title}"
        )
    total = sum(row.core_hours_left for row in result.rows)
    if total:
        lines.append(f"about {total:.1f} core-hours left, estimated")
        lines += [f"  {n:4} runs {BASES[basis]}" for basis, n in result.runs_by_basis.items()]
        lines.append("  runs that meet their stop rule take less than their full length")
    if result.others:
        lines.append("stored, but of no experiment:")
        lines += [f"  {name}: seeds {', '.join(s)}" for name, s in result.others.items()]
    if result.aside:
        lines.append("set aside as corrupt, not used:")
        lines += [f"  {path}" for path in result.aside]
    return "\n".join(lines)
