"""The paper's panels as data: which runs each one needs.

Settings that the paper leaves open are the ones the book states on the page of the panel.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import xarray as xr

from icl.model import Model
from icl.runs import RunConfig, Store, combine
from icl.settings import InputError, at_least
from icl.task import Task
from icl.training import Training

FULL, THREE, TWO = Model(), Model(kind="minimal"), Model(kind="minimal", train_beta2=False)

LONG = Training()  # the original program's 150,000 steps, whatever happens
TWICE = Training(steps=2 * LONG.steps)
# Scans stop a run that has converged: its training loss was below 0.01 nats for 20,000 steps.
SCAN = Training(stop_loss=0.01, stop_steps=20_000)

NOVEL = Task(K=256, p_C=0.8, p_B=1.0, B=1, eps=0.1)  # section 3's data: Figures 3, 4 and 6


@dataclass(frozen=True)
class Experiment:
    """Runs that belong together.

    ``configs`` maps what is varied (as a figure labels it) to a configuration; ``seeds`` are the
    same for each.
    """

    name: str
    title: str
    configs: dict[str, RunConfig]
    seeds: tuple[int, ...] = tuple(range(6))


def _one(task: Task, model: Model, training: Training) -> dict[str, RunConfig]:
    return {"": RunConfig(task=task, model=model, training=training)}


def _novel(model: Model, task: Task = NOVEL, **training: float) -> RunConfig:
    return RunConfig(task=task, model=model, training=SCAN.replace(**training))


def _scan(tasks: dict[str, Task], model: Model = FULL) -> dict[str, RunConfig]:
    return {
        label: RunConfig(task=task, model=model, training=SCAN) for label, task in tasks.items()
    }


def _data_dependence(K: int, D: int) -> dict[str, dict[str, Task]]:
    """Figure 2's three scans; A.3's are the same around another K and D."""
    base = Task(K=K, D=D)
    return {
        "K-B": {
            f"K={k}, B={b}": base.replace(K=k, B=b)
            for k in (128, 512, 2048, 256, 1024)
            for b in (0, 1, 2, 4)
        },
        "eps": {f"eps={e}": base.replace(eps=e) for e in (0.0, 0.1, 0.2, 0.4, 0.8, 1.6)},
        "alpha": {
            f"alpha={a}": base.replace(alpha=a) for a in (0.0, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75)
        },
    }


def _all() -> list[Experiment]:
    both = ((0.0, 0.5), (0.5, 0.5), (0.9, 0.2))
    clean = Task(K=256, eps=0.0)
    full, minimal = _data_dependence(K=1024, D=63), _data_dependence(K=512, D=64)
    return [
        Experiment(
            "3",
            "Figures 3 and 4: slow phase, abrupt transition, progress measures",
            _one(NOVEL, FULL, Training(maps=True, keep_parameters=True)),
        ),
        Experiment(
            "3-early",
            "Figure 3 after 1,000 steps, to see what the wait depends on",
            _one(NOVEL, FULL, Training(steps=1000, keep_parameters=True)),
        ),
        Experiment(
            "3-unbiased",
            "Figure 3 without biases: do seeds wait?",
            {"no biases": _novel(Model(bias=False))},
        ),
        Experiment(
            "3-long",
            "Figure 3's seed that never begins: twice the original program's steps",
            {f"{TWICE.steps:,} steps": RunConfig(task=NOVEL, model=FULL, training=TWICE)},
            seeds=(2,),
        ),
        Experiment("6a", "Figure 6a: three parameters", _one(NOVEL, THREE, SCAN)),
        Experiment("6b", "Figure 6b: two parameters, beta2 = 0", _one(NOVEL, TWO, SCAN)),
        Experiment(
            "6c",
            "Figure 6c: L = N = 8",
            _one(NOVEL.replace(L=8), THREE, SCAN),
            seeds=tuple(range(24)),
        ),
        Experiment("A.2", "Figure A.2: minimal model", _one(Task(K=512, D=64, B=2), THREE, SCAN)),
        Experiment("1d", "Figure 1d: loss and accuracies", _one(Task(K=512, B=2), FULL, LONG)),
        Experiment(
            "A.5",
            "Figure A.5: N and L",
            _scan(
                {
                    f"N={n}, L={m * n}": clean.replace(N=n, L=m * n, p_C=0.8)
                    for n in (2, 4, 8)
                    for m in (1, 2, 4)
                }
            ),
        ),
        Experiment(
            "A.1",
            "Figure A.1: both solutions",
            _scan({f"p_B={b}, p_C={c}": clean.replace(p_B=b, p_C=c) for b, c in both}),
        ),
        Experiment(
            "p_B",
            "p_B < 1 without novel classes ('results not shown')",
            _scan({f"p_B={b}": clean.replace(p_B=b) for b in (0.5, 0.9)}),
        ),
        Experiment(
            "p_B-control",
            "p_B < 1 with K = 1024, where the context wins when all sequences are bursty",
            _scan({"p_B=0.9": full["K-B"]["K=1024, B=1"].replace(p_B=0.9)}),
            seeds=(0, 1, 2),
        ),
        Experiment(
            "p_C",
            "Novel classes with K = 1024, where networks learn in context without them too",
            _scan({"p_C=0.8": full["K-B"]["K=1024, B=1"].replace(p_C=NOVEL.p_C)}),
        ),
        Experiment(
            "p_C-unbiased",
            "Novel classes with K = 1024 without biases: are they slow because seeds wait?",
            _scan(
                {f"p_C={p_C:g}": full["K-B"]["K=1024, B=1"].replace(p_C=p_C) for p_C in (0.0, 0.8)},
                Model(bias=False),
            ),
            seeds=(0, 1, 2),
        ),
        Experiment("2a", "Figure 2a: K and B", _scan(full["K-B"])),
        Experiment("2b", "Figure 2b: eps", _scan(full["eps"])),
        Experiment(
            "2b-long",
            "Figure 2b, its largest eps: twice the original program's steps",
            {
                "eps=1.6": RunConfig(
                    task=full["eps"]["eps=1.6"],
                    model=FULL,
                    training=TWICE.replace(keep_parameters=True),
                )
            },
            seeds=(0, 1, 2),
        ),
        Experiment("2c", "Figure 2c: alpha", _scan(full["alpha"])),
        Experiment(
            "2c-long",
            "Figure 2c, where alpha begins to cost: twice the original program's steps",
            {"alpha=1.25": RunConfig(task=full["alpha"]["alpha=1.25"], model=FULL, training=TWICE)},
            seeds=(0, 1, 2),
        ),
        Experiment(
            "layers",
            "Layers of the classifier, for in-weights learning",
            {
                f"{h} hidden layer{'s' * (h > 1)}": RunConfig(
                    task=Task(K=1024, B=0), model=Model(hidden=h), training=SCAN
                )
                for h in (1, 2, 3)
            },
        ),
        Experiment("A.3a", "Figure A.3: K and B", _scan(minimal["K-B"], TWO)),
        Experiment("A.3b", "Figure A.3: eps", _scan(minimal["eps"], TWO)),
        Experiment("A.3c", "Figure A.3: alpha", _scan(minimal["alpha"], TWO)),
        Experiment(
            "A.3-long",
            "Figure A.3 without the stop rule",
            {
                label: RunConfig(task=minimal["alpha"][label], model=TWO, training=LONG)
                for label in ("alpha=0.0", "alpha=1.0")
            },
        ),
        Experiment(
            "tied",
            "The conjecture on tying, minimal model",
            {f"xi0={x}": _novel(THREE.replace(xi0=float(x))) for x in (1, 4, 16)},
        ),
        Experiment(
            "open-full",
            "What the paper leaves open, full network",
            {
                "first weights halved": _novel(Model(attention_scale=0.5)),
                "first weights doubled": _novel(Model(attention_scale=2.0)),
                "no decay": _novel(FULL, decay=0.0),
            },
        ),
        Experiment(
            "open-minimal",
            "What the paper leaves open, minimal model",
            {
                "no decay": _novel(THREE, decay=0.0),
                "labels may repeat": _novel(THREE, NOVEL.replace(distinct=False)),
                "no biases": _novel(THREE.replace(bias=False)),
            },
        ),
    ]


#: All experiments, by name.
EXPERIMENTS: dict[str, Experiment] = {e.name: e for e in _all()}


def experiment(name: str) -> Experiment:
    """An experiment by its name; raises :class:`icl.settings.InputError` with the known names."""
    if name not in EXPERIMENTS:
        raise InputError(f"unknown experiment {name!r}; known: {', '.join(EXPERIMENTS)}")
    return EXPERIMENTS[name]


def load_stored(
    name: str, root: Path | str | None = None, seeds: int | None = None
) -> dict[str, xr.Dataset]:
    """The stored seeds of an experiment by label of the configuration; nothing is trained.

    Parameters
    ----------
    name
        Of the experiment, in :data:`EXPERIMENTS`.
    root
        The store's folder; by default as in :class:`icl.runs.Store`.
    seeds
        Look at the first so many of the experiment's seeds, at least 1; by default at all.

    Raises
    ------
    InputError
        For an unknown experiment or number of seeds.
    CorruptFile
        For a file that is not what was written.
    """
    chosen, to = experiment(name), Store(root)
    if seeds is not None:
        at_least(1, seeds=seeds)
    found = {label: _load(to, c, chosen.seeds[:seeds]) for label, c in chosen.configs.items()}
    return {
        label: combine(chosen.configs[label], datasets)
        for label, datasets in found.items()
        if datasets
    }


def _load(to: Store, config: RunConfig, seeds: tuple[int, ...]) -> list[xr.Dataset]:
    return [ds for seed in seeds if (ds := to.load(config, seed)) is not None]
