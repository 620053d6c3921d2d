"""A made-up world in which the paper is right: curves of every experiment; ways to change them."""

import math
from functools import cache

import numpy as np
import xarray as xr

from icl.claims import CLAIMS
from icl.experiments import EXPERIMENTS

STEP = np.arange(0, 150_001, 1000)


# Made-up curves


def curves(config, seeds=6, start=30_000, icl=0.98, iwl=0.9, width=250.0):
    """Seeds as the paper has them: a label of the context is named first, then the right one.

    ``icl`` and ``iwl`` are accuracies at the end, of all seeds or one a seed.
    """
    task = config.task
    seed = np.arange(seeds)[:, None]
    when = start + 200 * seed
    slow = np.minimum(STEP / (0.4 * when), 1)
    fast = 1 / (1 + np.exp(-(STEP - when) / width))
    ends = {name: np.broadcast_to(np.asarray(end, float), seeds)[:, None] for name, end in
            {"icl": icl, "iwl": iwl}.items()}  # fmt: skip
    cla = task.N / task.L + (1 - task.N / task.L) * slow
    columns = {
        "icl_accuracy": cla / task.N * (1 - fast) + (ends["icl"] + 0.001 * seed) * fast,
        "context_label_accuracy": cla,
        "target_labels_association": 0.5 + 0.45 * (slow if config.model.train_beta2 else fast),
        "item_label_association": 0.1 + 0.85 * fast,
        "target_item_label_association": 0.06 + 0.85 * fast,
        "iwl_accuracy": 1 / task.L + (ends["iwl"] - 1 / task.L) * np.minimum(STEP / when, 1),
        "train_loss": np.where(ends["icl"] > 0.5, 0.01, 1.0) + 0 * STEP,
    }
    columns["iwl_absent_accuracy"] = columns["iwl_accuracy"]
    columns["icl_loss"] = np.log(task.L) * (1 - columns["icl_accuracy"])
    ds = xr.Dataset(
        {name: (("seed", "step"), values) for name, values in columns.items()},
        coords={"seed": np.arange(seeds), "step": STEP},
        attrs={"config": config.model_dump_json()},
    )
    ds["stopped_at"] = ("seed", np.full(seeds, STEP[-1]))
    if config.training.maps:
        _add_maps(ds, task, fast)
    if task.alpha == 1:
        by_rank = np.linspace(0.95, 0.05, len(task.rank_bins())) + np.zeros((*cla.shape, 1))
        ds["rank_accuracy"] = (("seed", "step", "rank_bin"), by_rank)
    return ds


def _add_maps(ds, task, fast):
    T, N = task.T, task.N
    share = fast[:, :, None, None]
    uniform = np.tril(np.ones((T, T))) / np.arange(1, T + 1)[:, None]
    previous = np.eye(T, k=-1)
    previous[0, 0] = 1
    labels = np.tile(np.arange(T) % 2 / N, (N, 1))
    right = np.eye(T)[1::2]
    ds["map1"] = (("seed", "step", "query", "key"), (1 - share) * uniform + share * previous)
    ds["row2"] = (("seed", "step", "pair", "key"), (1 - share) * labels + share * right)


def ends(name, task, hidden):
    """Accuracies at the end, ICL and IWL, with which the paper's sentences are true."""
    if name in ("2a", "A.3a"):
        if task.B == 0:
            return 0.1, 0.99
        icl = 0.1 + 0.15 * math.log2(task.K / 128) + 0.1 * math.log2(task.B)
        return icl, 1 - icl
    if name in ("2b", "A.3b"):
        return 0.5 + 0.2 * task.eps, 0.5 - 0.2 * task.eps
    if name in ("2c", "A.3c"):
        return (0.9 if task.alpha <= 1 else 0.2), 0.2 + 0.6 * min(task.alpha, 1)
    if name == "6c":
        return np.where(np.arange(24) % 3 == 0, 0.98, 0.2), 0.1
    if name == "A.5":
        return (0.98 if task.L > task.N else np.where(np.arange(6) == 0, 0.98, 0.2)), 0.1
    if name == "layers":
        return 0.1, {1: 0.5, 2: 0.8, 3: 0.99}[hidden]
    return (0.1, 0.99) if name == "p_B" else (0.98, 0.9)


@cache
def paper():
    """Runs of all experiments, in which every claim is true."""
    made = {}
    for name, experiment in EXPERIMENTS.items():
        made[name] = {}
        for label, config in experiment.configs.items():
            icl, iwl = ends(name, config.task, config.model.hidden)
            start = 30_000 if config.model.kind == "full" else 15_000
            start = 15_000 if name == "p_C" else start
            start = 500 if config.model.xi0 else start
            made[name][label] = curves(config, len(experiment.seeds), start, icl, iwl)
    return made


def needed(claim, made):
    """Only what a claim says that it needs."""
    return {
        name: {label: made[name][label] for label in labels} for name, labels in claim.needs.items()
    }


@cache
def as_the_paper_has_it(name):
    return CLAIMS[name].decide(needed(CLAIMS[name], paper()))


def set_measure(made, experiment, variable, value, labels=None):
    """Another value of a measure, all the time, in all configurations or in some."""
    for label in labels or made[experiment]:
        ds = made[experiment][label]
        made[experiment][label] = ds.assign({variable: value + 0 * ds[variable]})


def set_iwl(made, experiment, value, labels=None):
    for variable in ("iwl_accuracy", "iwl_absent_accuracy"):
        set_measure(made, experiment, variable, value, labels)


def set_icl(made, experiment, value, labels=None):
    set_measure(made, experiment, "icl_accuracy", value, labels)
