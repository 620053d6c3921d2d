# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Many runs
#
# **How are all runs of the paper made, on one machine or on a thousand cores, without losing one?** With one
# command that can be stopped, killed and repeated at will: `icl sweep`. A run is one configuration and one
# seed; what is stored is never made again, and what is half done goes on.

# %% tags=["hide-input"]
import json

import pandas as pd
from IPython.display import display
from myst_nb import glue

from icl.chapters import BOOK
from icl.experiments import EXPERIMENTS, SCAN
from icl.plan import FIRST_SEEDS, plan

# %% tags=["hide-input"]
scaling = json.loads((BOOK.parent / "benchmarks" / "scaling.json").read_text())
machine = scaling["machine"]
[together] = [row["exponent"] for row in scaling["rows"] if row["what"] == "legible engine"]
glue("together", float(together), display=False)
glue("runs", len(plan(EXPERIMENTS)), display=False)
glue("first", FIRST_SEEDS, display=False)
glue("stop-loss", SCAN.stop_loss, display=False)
glue("stop-steps", f"{SCAN.stop_steps:,}", display=False)

# %% [markdown]
# ## One machine
#
# The experiments are the paper's panels, and further ones that this book's questions asked for:

# %%
pd.set_option("display.max_colwidth", None)
display(
    pd.DataFrame(
        [(e.name, e.title, len(e.configs), len(e.seeds)) for e in EXPERIMENTS.values()],
        columns=["name", "what", "configurations", "seeds"],
    ).style.hide(axis="index")
)

# %% [markdown]
# These are {glue:text}`runs` different runs. To see what is there, to see what would be done, and to do it:
#
# ```console
# $ icl status
# $ icl sweep 2a 2b 2c --dry-run
# $ icl sweep 2a 2b 2c
# ```
#
# A sweep starts one process per core (`--workers` for another number), with one thread each. The first
# {glue:text}`first` seeds of everything come before the others, and within an experiment every
# configuration has its first seed before any has its second, so that a figure is there early and then gets
# narrower error bars. `--seeds 0-11` asks for other seeds than the experiment's own.
#
# Of a large experiment often a few configurations are enough. Those that a claim of {doc}`the scorecard <scorecard>`
# needs for its verdict, and with as many seeds as that takes, are made by
#
# ```console
# $ icl sweep --claim zipf-steep --claim zipf-flat --seeds 3
# ```
#
# - **Ctrl-C** stops in good order: each process writes its checkpoint, and the last line is the command
#   that goes on. A second Ctrl-C ends at once, and loses a few seconds of work.
# - **A run that fails** is reported with its configuration; the rest goes on, and the exit status is 1.
# - **Two sweeps on one store** share the work: a run that one of them holds is locked for the other.
# - **A machine that dies** leaves checkpoints a few seconds old. A run that goes on from one ends with the same
#   bits as one that was never interrupted, on the same machine.
#
# ## When a run may stop
#
# A run has 150,000 steps. Scans of many configurations may stop earlier, by a rule that is part of the
# configuration and so of the run's name: the training loss, averaged between records, was below
# {glue:text}`stop-loss` nats for {glue:text}`stop-steps` steps. What follows is carried forward when seeds
# are put side by side, and marked: the variable `carried` says which values are such, `stopped_at` where a
# seed stopped. By default no run stops early.
#
# ```console
# $ icl train --K 512 --B 2 --stop-loss 0.01 --stop-steps 20000 --seeds 6
# ```
#
# ## A cluster
#
# Beyond one machine, a sweep uses the workers of a [Dask](https://distributed.dask.org) scheduler, by its
# address. Dask is an extra: `pip install -e '.[sweep]'`. The simplest cluster is started by hand,
#
# ```console
# $ dask scheduler
# $ dask worker tcp://scheduler:8786 --nthreads 1 --nworkers 32    # on each machine
# $ icl sweep 2a 2b 2c --scheduler tcp://scheduler:8786
# ```
#
# with one thread a worker, since a thread runs one run at a time, in a process of its own. Every worker needs
# this package in the same version, and nothing else.
#
# *SLURM*, with [dask-jobqueue](https://jobqueue.dask.org). Workers come and go as the queue lets them:
#
# ```python
# from dask_jobqueue import SLURMCluster
#
# from icl.sweep import sweep
#
# cluster = SLURMCluster(cores=8, processes=8, memory="8GB", walltime="04:00:00")
# cluster.adapt(maximum=64)
# sweep(["2a", "2b", "2c"], scheduler=cluster.scheduler_address)
# ```
#
# *Kubernetes*, with [dask-kubernetes](https://kubernetes.dask.org) and an image that has this package:
#
# ```python
# from dask_kubernetes.operator import KubeCluster
#
# cluster = KubeCluster(name="icl", image="registry.example.org/icl:latest", n_workers=16)
# sweep(["2a", "2b", "2c"], scheduler=cluster.scheduler_address)
# ```
#
# Where the store's folder is on a file system that the workers share, they train into it, with its locks
# and its checkpoints: a worker that is lost, because its node died or its time was up, leaves a
# checkpoint from which another goes on. Where it is not, what is half done here is sent along with a run, and
# the finished file comes back; a run whose worker is lost then starts again from what was sent. Which of the two holds is
# found out by each worker: it looks for a mark that the sweep has just left in its store.
#
# ## A GPU
#
# The fast engine is the CPU's. On a GPU the legible network trains instead, in the same precision and on
# the same batches:
#
# ```console
# $ icl train --device cuda --seeds 6
# ```
#
# The networks are small, and a GPU is made for large ones. No GPU was at hand when this was written, so its
# speed is not known here; `icl bench` times it where there is one.
#
# ## How the cost grows
#
# Milliseconds of processor time a step, each parameter varied alone around the sizes of the paper
# (batch 128), and the exponent $b$ of $\text{cost}\sim\text{value}^b$ fitted over the range; beside it the
# exponent of the arithmetic alone.

# %% tags=["hide-input"]
rows = [
    {
        "varied": row["name"],
        "engine": row["what"],
        "values": ", ".join(map(str, row["values"])),
        "ms a step": ", ".join(f"{ms:.2f}" for ms in row["ms"]),
        "exponent": row["exponent"],
        "of the arithmetic": row["exponent_of_arithmetic"],
    }
    for row in scaling["rows"]
]
display(
    pd.DataFrame(rows)
    .style.format("{:.2f}", subset=["exponent", "of the arithmetic"])
    .hide(axis="index")
)
print(
    f"measured on {machine['processor']}, {machine['cores']} cores, load {machine['load']} before; "
    f"NumPy {machine['numpy']}, {machine['blas']['name']} {machine['blas']['version']}, "
    f"kernel {machine['blas']['kernel']}"
)

# %% [markdown]
# $K$ costs no arithmetic: a class is a row of a table. An exponent below that of the arithmetic means that parts of a
# step do not grow with the parameter; one above it, as for $N$, that something besides the arithmetic does. The fast
# engine trains seeds one after another, so its time is proportional to their number. The legible engine holds all
# seeds in one tensor, and could share fixed costs among them; on this processor its exponent is
# {glue:text}`together:.2f`, where 1 would be proportional. That is a reason to train seeds separately here; a GPU may
# differ.
