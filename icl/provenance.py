"""Under every figure: which runs it shows, and the command that makes them again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from icl.analysis import counted
from icl.experiments import Experiment
from icl.options import NAMES
from icl.runs import RunConfig, Store
from icl.status import look

if TYPE_CHECKING:
    import xarray as xr

MODELS = {
    ("full", True): "attention-only network (eq. 2–3)",
    ("minimal", True): "minimal model, three parameters (eq. 4–6)",
    ("minimal", False): "minimal model, two parameters (eq. 4–6, β₂ = 0)",
}


def provenance(ds: xr.Dataset) -> None:
    """Display one line about a data set of :func:`icl.runs.load_or_train`, as Markdown."""
    from IPython.display import Markdown, display

    display(Markdown(f"<small>{line(ds)}</small>"))  # type: ignore[no-untyped-call]


def line(ds: xr.Dataset) -> str:
    """Model and task in words, seeds, steps, where the stop rule ended seeds, name and command."""
    config = RunConfig.model_validate_json(ds.attrs["config"])
    task, training = config.task, config.training
    seeds = [int(seed) for seed in ds.seed.values]
    data = ", ".join(
        f"{symbol}={value:g}"
        for symbol, value in {
            "K": task.K, "L": task.L, "N": task.N, "B": task.B, "p_B": task.p_B, "p_C": task.p_C,
            "α": task.alpha, "ε": task.eps, "D": task.D,
        }.items()
    )  # fmt: skip
    parts = [
        f"**Runs** {MODELS[config.model.kind, config.model.train_beta2]}; {data}",
        f"{counted(len(seeds), 'seed')}, {training.steps:,} steps of {training.batch} sequences, "
        f"{training.dtype}",
    ]
    if training.stop_loss:
        parts.append(_stop_rule(ds, training.stop_loss, training.stop_steps, training.steps))
    return "; ".join(parts) + f". `{config.name}`, made by `{command(config, seeds)}`."


def _stop_rule(ds: xr.Dataset, loss: float, within: int, steps: int) -> str:
    stopped = sorted(int(step) for step in ds.stopped_at.values if step < steps)
    rule = f"to stop once the training loss was below {loss:g} for {within:,} steps: "
    if not stopped:
        return rule + "no seed did"
    first, last = stopped[0], stopped[-1]
    where = f"{first:,}" if first == last else f"{first:,} to {last:,}"
    return rule + f"{len(stopped)} of {ds.sizes['seed']} did, at {where}"


def command(config: RunConfig, seeds: Sequence[int]) -> str:
    """The ``icl train`` that makes these runs: what is at its default is left out.

    Parameters
    ----------
    config: what was trained.
    seeds: which, in any order.
    """
    words = ["icl", "train"]
    for group in (config.task, config.model, config.training):
        for name, info in type(group).model_fields.items():
            value = getattr(group, name)
            if value != info.default:
                words += _option(name, value)
    first_ones = sorted(seeds) == list(range(len(seeds)))
    chosen = str(len(seeds)) if first_ones else ",".join(map(str, sorted(seeds)))
    if chosen.isdecimal() and not first_ones:
        chosen = f"{chosen}-{chosen}"  # one number alone would be how many
    return shlex.join([*words, "--seeds", chosen])


def _option(name: str, value: object) -> list[str]:
    on, _, off = NAMES.get(name, ("--" + name.replace("_", "-"),))[0].partition("/")
    if isinstance(value, bool):
        return [on if value else off]
    return [on, str(value)]


class Stored(NamedTuple):
    """How much of an experiment is stored, and what it took."""

    needed: int  # runs
    stored: int  # runs
    seconds: list[float]  # of processor time, by stored run
    ms_a_step: list[float]


def stored(experiment: Experiment, to: Store) -> Stored:
    """Look at an experiment's runs; those half done do not count."""
    units = [(config, seed) for config in experiment.configs.values() for seed in experiment.seeds]
    runs = [look(to, config, seed) for config, seed in units]
    done = [run for run in runs if run is not None and run.done]
    return Stored(
        needed=len(units),
        stored=len(done),
        seconds=[run.seconds for run in done],
        ms_a_step=[1000 * run.seconds / run.step for run in done],
    )
