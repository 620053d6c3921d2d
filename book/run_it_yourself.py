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
# # Run it yourself
#
# **How does one repeat a figure of this book, or ask it another question, and what does that cost?** One
# command executes a chapter with other parameters, and trains what nobody has trained before. A step of
# the full network took {glue:text}`full_ms:.1f` ms on the machine that built this page, one of the minimal
# model {glue:text}`minimal_ms:.1f` ms, so that {glue:text}`steps:,` steps of one seed are
# {glue:text}`full_minutes:.0f` and {glue:text}`minimal_minutes:.0f` minutes of one core.

# %% tags=["hide-input"]
from statistics import median
from typing import Literal

from IPython.display import Markdown, display
from myst_nb import glue

from icl import bench, chapters
from icl.experiments import EXPERIMENTS
from icl.model import Model
from icl.provenance import command, stored
from icl.runs import RunConfig, Store
from icl.settings import at_least
from icl.task import Task
from icl.training import Training

# %% tags=["parameters"]
K: int = 256  # number of classes of the task that is timed
L: int = 32  # number of labels
N: int = 8  # item-label pairs in the context
B: int = 1  # copies of a class in a bursty context
p_B: float = 1.0  # fraction of the sequences of trained classes that are bursty
p_C: float = 0.8  # fraction of sequences with novel classes
alpha: float = 0.0  # rank-frequency exponent of the classes, f(k) ~ k^-alpha
eps: float = 0.1  # within-class variability
D: int = 63  # dimensions of a token's content
P: int = 65  # dimensions of a token's one-hot position
dtype: Literal["float32", "float64"] = "float32"  # of parameters and data
seconds: float = 3.0  # for which steps are timed

# %% tags=["hide-input"]
at_least(0, seconds=seconds)
task = Task(K=K, L=L, N=N, B=B, p_B=p_B, p_C=p_C, alpha=alpha, eps=eps, D=D, P=P)
config = RunConfig(task=task)
models = {"full": Model(), "minimal": Model(kind="minimal")}
trials = {name: bench.Steps(model, task, dtype=dtype) for name, model in models.items()}
times = bench.in_turns(trials, seconds)
for name, turns in times.items():
    ms = bench.median_ms(turns, steps=32)["cpu_ms_per_step_seed"]  # a turn is of 32 steps
    glue(f"{name}_ms", ms, display=False)
    glue(f"{name}_minutes", ms * Training().steps / 60_000, display=False)
glue("steps", Training().steps, display=False)

# %% [markdown]
# ## The commands
#
# In a copy of the repository, `make book` builds these pages and `make test` runs all checks; both install
# what they need into `.venv`. There the console script `icl` is at hand (or `python -m icl`):
#
# | command | what it does |
# |---|---|
# | `icl chapters` | lists the chapters |
# | `icl chapters network` | lists what can be changed about one: name, type, default, meaning |
# | `icl run network -p K=128 -p seeds=1` | executes a chapter with other parameters, into `network.ipynb` |
# | `icl train --K 128 --p-C 0.8 --seeds 1` | loads or trains runs and prints how they ended |
# | `icl sweep 6a 6b` | makes all runs of experiments, on every core or on a Dask cluster |
# | `icl sweep --claim capacity --seeds 3` | makes those that decide a claim of {doc}`the scorecard <scorecard>` |
# | `icl status` | counts what is stored, half done and missing |
# | `icl bench` | times the engine on this machine |
#
# Each explains itself with `--help`. What will not do is refused before any work, in one line: `icl train
# --K 100` answers `K=100 must be a multiple of L=32`.
#
# ## What can be changed
#
# Every chapter takes parameters. These are all of them, read from the chapters themselves; `icl run` and
# papermill set them by these names.

# %% mystnb={"markdown_format": "myst"} tags=["remove-input"]
for chapter in chapters.names():
    notebook = chapters.read(chapter)
    if not chapters.parameters(notebook):
        continue
    lines = [f"**{chapters.title(notebook)}** (`{chapter}`)", ""]
    lines += ["| parameter | type | default | meaning |", "|---|---|---|---|"]
    for item in chapters.parameters(notebook).values():
        meaning = item.documentation.replace("*", r"\*").replace("|", r"\|").replace("_", r"\_")
        lines.append(f"| `{item.name}` | `{item.annotation}` | `{item.default!r}` | {meaning} |")
    display(Markdown("\n".join(lines)))

# %% [markdown]
# ## Where runs are kept
#
# A *run* is one configuration and one seed. Its curves are in `results/NAME/SEED.nc`, or below the folder
# that the environment variable `ICL_STORE` names. The configuration alone makes the name: the kind of model,
# $K$ and $B$ for the eye, and a hash of every setting that is not at its default. So a configuration that
# was trained before loads at once, and any other trains, with a progress bar, and is kept. A run that was
# interrupted goes on from its last checkpoint and ends with the same numbers.

# %% tags=["nbval-check-output"]
print(config.name)
print(config.describe())
print(command(config, range(6)))

# %% [markdown]
# A stored run is NetCDF, and xarray opens it; what it holds, and how it was made, is in it:
#
# ```python
# from icl.runs import RunConfig, load_or_train
# from icl.task import Task
#
# runs = load_or_train(RunConfig(task=Task(K=256, p_C=0.8)), seeds=6)
# runs.icl_accuracy.mean("seed").plot()
# ```
#
# Run by run, everything follows from the seed: class means, initial weights, batches and test sequences. A
# batch is a function of the seed and the step, so seeds trained together or apart, here or elsewhere, see
# the same data. Curves agree to rounding between machines; after an abrupt transition has amplified it,
# rounding can move a float32 curve by some steps.
#
# ## Time and machine
#
# The runs behind this book took, by experiment:

# %% mystnb={"markdown_format": "myst"} tags=["remove-input"]
lines = ["| experiment | runs | stored | processor hours | ms a step |", "|---|---|---|---|---|"]
for experiment in EXPERIMENTS.values():
    made = stored(experiment, Store())
    hours = f"{sum(made.seconds) / 3600:.1f}" if made.stored else ""
    ms = f"{median(made.ms_a_step):.1f}" if made.stored else ""
    lines.append(f"| {experiment.title} | {made.needed} | {made.stored} | {hours} | {ms} |")
display(Markdown("\n".join(lines)))

# %% tags=["remove-input"]
machine = bench.machine()
glue("processor", machine["processor"], display=False)
glue("cores", machine["cores"], display=False)
glue("load", str(machine["load"]), display=False)
glue("python", machine["python"], display=False)
glue("numpy", machine["numpy"], display=False)
glue("blas", " ".join(machine["blas"].values()), display=False)

# %% [markdown]
# Seconds are of processor time, on one thread a run, as they were stored with the run; the table's runs may
# have been made on other machines than this page. The page itself was built on {glue:text}`cores` cores of
# {glue:text}`processor`, with a load of {glue:text}`load` at that moment, Python {glue:text}`python`, NumPy
# {glue:text}`numpy` and {glue:text}`blas`. No GPU is needed.
#
# ## Cite
#
# Please cite the paper {cite:p}`reddy2024` for the results and this book for the reproduction; `CITATION.cff`
# in the repository has the data that reference managers read.
#
# ## What this does not show
#
# - A few milliseconds of timing on a busy machine are a rough guide. `icl bench` takes more care.
# - The times of stored runs contain whatever else their machine did to its caches and clock.
