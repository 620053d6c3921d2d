"""Under every figure: which runs it shows, and the command that makes them again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, assert_never

from icl.analysis import counted
from icl.experiments import Experiment
from icl.model import Model
from icl.options import declaration
from icl.runs import RunConfig, Store, config_of
from icl.training import Training

if TYPE_CHECKING:
    import xarray as xr

# Settings that the line has words of its own for, always or where they matter, and those that
# change what is recorded and not what is trained.
TOLD = {
    "K", "L", "N", "B", "p_B", "p_C", "alpha", "eps", "D", "distinct", "kind", "train_beta2",
    "bias",
    "steps", "batch", "dtype", "stop_loss", "stop_steps", "maps", "keep_parameters",
}  # fmt: skip

WORDS = {
    "novel": "novel classes",
    "hidden": "hidden layers",
    "attention_scale": "first Q, K, V times",
    "xi0": "ξ at first",
    "learning_rate": "learning rate",
    "every": "steps between records",
    "test": "test sequences",
}


def provenance(ds: xr.Dataset) -> None:
    """Display one line about a data set of :func:`icl.runs.load_or_train`, as Markdown."""
    from IPython.display import Markdown, display

    display(Markdown(f"<small>{line(ds)}</small>"))  # type: ignore[no-untyped-call]


def line(ds: xr.Dataset) -> str:
    """Model and task in words, seeds, steps, where the stop rule ended seeds, name and command."""
    config = config_of(ds)
    seeds = _seeds(ds)
    parts = [
        f"**Runs** {_in_words([config])}",
        f"{counted(len(seeds), 'seed')}, {_how_long(config.training)}",
        *_stop_rule(config.training, [ds]),
    ]
    return "; ".join(parts) + f". `{config.name}`, made by `{command(config, seeds)}`."


def experiment_provenance(experiment: Experiment, runs: Mapping[str, xr.Dataset]) -> None:
    """Display :func:`experiment_line`, as Markdown."""
    from IPython.display import Markdown, display

    words = f"<small>{experiment_line(experiment, runs)}</small>"
    display(Markdown(words))  # type: ignore[no-untyped-call]


def experiment_line(experiment: Experiment, runs: Mapping[str, xr.Dataset]) -> str:
    """The same as :func:`line` for a whole experiment, and how much of it is stored.

    Parameters
    ----------
    experiment
        What was to be run.
    runs
        Its stored seeds by label, as :func:`icl.experiments.load_stored` gives them.
    """
    configs = list(experiment.configs.values())
    found = list(runs.values())
    seeds = sorted({seed for ds in found for seed in _seeds(ds)})
    parts = [
        f"**Runs** {_in_words(configs)}",
        *_training(experiment.configs, runs),
        f"{len(found)} of {counted(len(configs), 'configuration')} stored, with "
        f"{sum(ds.sizes['seed'] for ds in found)} of {len(configs) * len(experiment.seeds)} runs"
        + (f" ({_which(seeds)})" if seeds else ""),
    ]
    made = "made by" if seeds else "to be made by"
    chosen = _ranges(seeds or experiment.seeds)
    return (
        "; ".join(parts)
        + f". Experiment {experiment.name}, {made} "
        + (f"`{shlex.join(['icl', 'sweep', experiment.name, '--seeds', chosen])}`.")
    )


def _seeds(ds: xr.Dataset) -> list[int]:
    return [int(seed) for seed in ds.seed.values]


def _which(seeds: Sequence[int]) -> str:
    """In words: ``seed 2``, or ``seeds 0-5``."""
    return f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {_ranges(seeds)}"


def _ranges(seeds: Sequence[int]) -> str:
    """Seeds as the commands read them: ``0-5``, or ``0,2,7`` where some are left out."""
    first, last = min(seeds), max(seeds)
    whole = len(seeds) == last - first + 1
    return f"{first}-{last}" if whole else ",".join(map(str, sorted(seeds)))


def _in_words(configs: Sequence[RunConfig]) -> str:
    """The model, and the task's settings; all values of those that vary.

    What is seldom changed is named only where it is not at its default throughout.
    """
    models = dict.fromkeys(_network(config.model) for config in configs)
    tasks = [config.task for config in configs]
    settings: dict[str, Sequence[float]] = {
        "K": [t.K for t in tasks], "L": [t.L for t in tasks], "N": [t.N for t in tasks],
        "B": [t.B for t in tasks], "p_B": [t.p_B for t in tasks], "p_C": [t.p_C for t in tasks],
        "α": [t.alpha for t in tasks], "ε": [t.eps for t in tasks], "D": [t.D for t in tasks],
    }  # fmt: skip
    data = ", ".join(_setting(symbol, values) for symbol, values in settings.items())
    seldom = dict.fromkeys(
        (group, name)
        for config in configs
        for group, name, _ in config.changed()
        if name not in TOLD
    )
    changed = [
        _setting(WORDS.get(name, name), [getattr(getattr(c, group), name) for c in configs])
        for group, name in seldom
    ]
    biased = {config.model.bias for config in configs}
    if False in biased:
        changed.append("biases or none" if True in biased else "no biases")
    repeat = {not task.distinct for task in tasks}
    if True in repeat:
        changed.append(
            f"labels of a context {'distinct, or they ' if False in repeat else ''}may repeat"
        )
    return "; ".join([", ".join(models), data, *changed])


def _network(model: Model) -> str:
    match model.kind:
        case "full":
            return "attention-only network (the paper's eq. 2–3)"
        case "minimal":
            three = "three parameters (the paper's eq. 4–6)"
            two = "two parameters (the paper's eq. 4–6, β₂ = 0)"
            return f"minimal model, {three if model.train_beta2 else two}"
        case _:
            assert_never(model.kind)


def _setting(symbol: str, values: Sequence[Any]) -> str:
    different = [_value(value) for value in sorted(set(values))]
    if len(different) == 1:
        return f"{symbol}={different[0]}"
    return f"{symbol} ∈ {{{', '.join(different)}}}"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _training(configs: Mapping[str, RunConfig], runs: Mapping[str, xr.Dataset]) -> list[str]:
    """How long, and the stop rule; each with its labels where configurations differ in them."""
    told = attrgetter("steps", "batch", "dtype", "stop_loss", "stop_steps")
    alike: dict[tuple[object, ...], list[str]] = {}
    for label, config in configs.items():
        alike.setdefault(told(config.training), []).append(label)
    parts = []
    for labels in alike.values():
        training = configs[labels[0]].training
        found = [runs[label] for label in labels if label in runs]
        words = [_how_long(training), *_stop_rule(training, found)]
        parts += words if len(alike) == 1 else [f"{' and '.join(labels)}: {', '.join(words)}"]
    return parts


def _how_long(training: Training) -> str:
    return f"{training.steps:,} steps of {training.batch} sequences, {training.dtype}"


def _stop_rule(training: Training, runs: Sequence[xr.Dataset]) -> list[str]:
    """The rule and what came of it; nothing if there is none."""
    if not training.stop_loss:
        return []
    rule = (
        f"to stop once the training loss was below {training.stop_loss:g} for "
        f"{training.stop_steps:,} steps"
    )
    ends = [int(step) for ds in runs for step in ds.stopped_at.values]
    stopped = sorted(step for step in ends if step < training.steps)
    if not ends:
        return [rule]
    if not stopped:
        return [f"{rule}: no seed did"]
    first, last = stopped[0], stopped[-1]
    where = f"{first:,}" if first == last else f"{first:,} to {last:,}"
    return [f"{rule}: {len(stopped)} of {len(ends)} did, at {where}"]


def command(config: RunConfig, seeds: Sequence[int]) -> str:
    """The ``icl train`` that makes these runs: what is at its default is left out.

    Parameters
    ----------
    config
        What was trained.
    seeds
        Which, in any order.
    """
    words = ["icl", "train"]
    for group, name, value in config.changed():
        field = type(getattr(config, group)).model_fields[name]
        on, _, off = declaration(name, field).partition("/")
        words += [on if value else off] if isinstance(value, bool) else [on, str(value)]
    first_ones = sorted(seeds) == list(range(len(seeds)))
    chosen = str(len(seeds)) if first_ones else _ranges(seeds)
    return shlex.join([*words, "--seeds", chosen])


class Stored(NamedTuple):
    """How much of an experiment is stored, and what it took."""

    needed: int  # runs
    stored: int  # runs
    seconds: list[float]  # of processor time, by stored run
    ms_a_step: list[float]


def stored(experiment: Experiment, to: Store) -> Stored:
    """Look at an experiment's runs; those half done do not count."""
    units = [(config, seed) for config in experiment.configs.values() for seed in experiment.seeds]
    runs = [to.look(config, seed) for config, seed in units]
    done = [run for run in runs if run is not None and run.done]
    return Stored(
        needed=len(units),
        stored=len(done),
        seconds=[run.seconds for run in done],
        ms_a_step=[1000 * run.seconds / run.step for run in done],
    )
