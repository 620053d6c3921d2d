"""What is stored, what is half done, what is missing, and how long the rest would take."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Literal

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from icl import fast
from icl.experiments import EXPERIMENTS, Experiment
from icl.model import initial
from icl.plan import Unit, plan
from icl.runs import Run, RunConfig, Store
from icl.task import World

Basis = Literal["seeds", "size", "trial"]
BASES: dict[Basis, str] = {
    "seeds": "from the rate of other seeds of the same configuration, to where these ended",
    "size": "from the time a step of runs of the same size, at full length",
    "trial": "from a short trial on this machine just now, at full length",
}


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
    core_hours_left: float = 0.0  # of all: rows share runs
    runs_by_basis: dict[Basis, int] = field(default_factory=lambda: defaultdict(int))
    others: dict[str, list[str]] = field(default_factory=dict)  # folder -> seeds of no experiment
    aside: list[Path] = field(default_factory=list)  # files that were found corrupt


def status(
    root: Path | str | None = None, registry: Mapping[str, Experiment] = EXPERIMENTS
) -> Status:
    """Look at every run that an experiment needs, and at what else is stored.

    Raises :class:`icl.store.StoreError` when the store cannot be read.
    """
    to = Store(root)
    units = {name: plan([experiment]) for name, experiment in registry.items()}
    runs = {unit.key: to.look(unit.config, unit.seed) for u in units.values() for unit in u}
    result = Status(to.root, [])
    result.others = _others(to, set(runs))
    result.aside = sorted(to.root.glob("*/*.corrupt"))
    estimate = _Estimate(units, runs)
    left: dict[str, tuple[float, Basis]] = {}
    for name, needed in units.items():
        row = Row(name, registry[name].title, len(needed))
        for unit in needed:
            run = runs[unit.key]
            row.stored += run is not None and run.done
            row.partial += run is not None and not run.done
            if run is None or not run.done:
                left[unit.key] = estimate(unit, run.step if run else 0)
                row.core_hours_left += left[unit.key][0] / 3600
        result.rows.append(row)
    for seconds, basis in left.values():
        result.core_hours_left += seconds / 3600
        result.runs_by_basis[basis] += 1
    return result


class _Estimate:
    """Processor seconds that are left of a run, by the best that is known."""

    def __init__(self, units: Mapping[str, list[Unit]], runs: Mapping[str, Run | None]) -> None:
        self._ended: dict[str, list[Run]] = defaultdict(list)  # by configuration
        self._rates: dict[Size, list[float]] = defaultdict(list)  # seconds a step
        self._trials: dict[Size, float] = {}
        for unit in (unit for u in units.values() for unit in u):
            run = runs[unit.key]
            if run is not None and run.step > 0 and run.seconds > 0:
                self._rates[_size(unit.config)].append(run.seconds / run.step)
                if run.done:
                    self._ended[unit.config.name].append(run)

    def __call__(self, unit: Unit, step: int) -> tuple[float, Basis]:
        config, size = unit.config, _size(unit.config)
        ended = self._ended.get(config.name)
        if ended:  # they know where the stop rule ends a run
            rate = median(run.seconds / run.step for run in ended)
            return rate * max(median(run.step for run in ended) - step, 0), "seeds"
        left = config.training.steps - step
        if size in self._rates:
            return median(self._rates[size]) * left, "size"
        if size not in self._trials:
            self._trials[size] = _trial(config)
        return self._trials[size] * left, "trial"


Size = tuple[object, ...]


def _size(config: RunConfig) -> Size:
    """What the cost of a step depends on.

    K, p_B, alpha, eps and whether labels may repeat are left out: they change it by a few
    hundredths. So are how often a class is copied, and the first weights.
    """
    t, m, training = config.task, config.model.replace(attention_scale=1.0), config.training
    return t.L, t.N, t.D, t.P, t.p_C > 0, t.novel, t.B > 0, m, training.batch, training.dtype


def _trial(config: RunConfig, steps: int = 16) -> float:
    """Processor seconds a step, from a few steps after as many to warm up.

    On one thread, as a run is trained: further ones would count while they wait.
    """
    task, model, dtype = config.task, config.model, config.training.dtype
    engine = fast.engine(World(task, 0, dtype), model, config.training.batch)
    engine.load([initial(model, task, 0, dtype)])
    with threadpool_limits(limits=1):
        for step in range(2 * steps):
            if step == steps:
                start = time.process_time()
            engine.step(step, 0.01, 0.0)
    return (time.process_time() - start) / steps


def _others(to: Store, needed: set[str]) -> dict[str, list[str]]:
    """Stored runs that no experiment needs: seeds by folder."""
    others: dict[str, list[str]] = defaultdict(list)
    for path in sorted(to.root.glob("*/*.nc")):
        if f"{path.parent.name}/{path.stem}" not in needed:
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
    width = max(len(row.name) for row in result.rows)
    titles = f"{'needed':>8}{'stored':>8}{'half':>6}{'missing':>9}{'core-h left':>13}  what"
    lines = [f"store: {result.root}", f"{'name':{width}}{titles}"]
    for row in result.rows:
        missing = row.needed - row.stored - row.partial
        hours = f"{row.core_hours_left:.1f}" if missing + row.partial else ""
        lines.append(
            f"{row.name:{width}}{row.needed:8}{row.stored:8}{row.partial:6}{missing:9}{hours:>13}"
            f"  {row.title}"
        )
    if result.core_hours_left:
        lines.append(f"about {result.core_hours_left:.1f} core-hours left, estimated")
        lines += [f"  {n:4} runs {BASES[basis]}" for basis, n in result.runs_by_basis.items()]
        lines.append("  runs that meet their stop rule take less than their full length")
    if result.others:
        lines.append("stored, but of no experiment:")
        lines += [f"  {name}: seeds {', '.join(s)}" for name, s in result.others.items()]
    if result.aside:
        lines.append("set aside as corrupt, not used:")
        lines += [f"  {path}" for path in result.aside]
    return "\n".join(lines)
