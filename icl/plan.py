"""Which runs experiments need, and in which order they are worth having."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from icl.experiments import Experiment
from icl.experiments import experiment as named
from icl.runs import RunConfig, Store, seed_list

#: So many seeds of every experiment come before the rest of any.
FIRST_SEEDS = 3


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


def plan(experiments: Iterable[str | Experiment], seeds: list[int] | None = None) -> list[Unit]:
    """The units of experiments, in the order in which they are worth having; each once.

    The first three seeds of all experiments come before the further ones. Within an experiment
    every configuration has its first seed before any has its second.

    Parameters
    ----------
    experiments
        In the order wanted, as they are, or :data:`icl.experiments.EXPERIMENTS` by name.
    seeds
        By default each experiment's own.

    Raises
    ------
    InputError
        For an unknown experiment and seeds that cannot be.
    """
    asked = [named(each) if isinstance(each, str) else each for each in experiments]
    wanted = None if seeds is None else seed_list(seeds)
    units: dict[str, Unit] = {}
    for part in (slice(FIRST_SEEDS), slice(FIRST_SEEDS, None)):
        for experiment in asked:
            for seed in (experiment.seeds if wanted is None else wanted)[part]:
                for label, config in experiment.configs.items():
                    unit = Unit(experiment.name, label, config, seed)
                    units.setdefault(unit.key, unit)
    return list(units.values())


def describe_plan(units: list[Unit], to: Store, most: int = 12) -> str:
    """What a sweep would do: the count of each state, and what comes first."""
    states = [to.progress(unit.config, unit.seed) for unit in units]
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
