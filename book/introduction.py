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
# # In-context learning, from data to circuit
#
# **Why does a network that has seen nothing but examples suddenly learn to read its context?** A small
# attention network is trained on sequences of items and labels. Of {glue:text}`seeds` such networks
# {glue:text}`done` learn to label items that they have never seen, with an accuracy of {glue:text}`accuracy` at the
# end. They do not improve gradually: accuracy reaches 50% only at step {glue:text}`when`, and climbs from 20% to 90%
# within {glue:text}`rise` of {glue:text}`steps:,` steps (medians over seeds, ranges in brackets).
#
# This book reproduces {cite:t}`reddy2024`, who takes that jump apart. Every page is a program: each number
# and each figure is computed by the code of this repository, from runs that anyone can repeat or change.
# {glue:text}`summary` Not reproduced: {glue:text}`not_reproduced` Each hangs on how the paper is read;
# {doc}`the scorecard <scorecard>` gives the reasons.

# %% tags=["hide-input"]
from typing import Literal

import numpy as np
from IPython.display import Markdown
from myst_nb import glue

from icl import claims, scorecard
from icl.analysis import crossing, final, spread
from icl.experiments import EXPERIMENTS
from icl.figures import curves
from icl.figures import task as figures
from icl.figures.style import show
from icl.provenance import provenance, stored
from icl.runs import RunConfig, Store, load_or_train
from icl.task import Task, World
from icl.training import Training

# %% tags=["parameters", "hide-input"]
K: int = 256  # number of classes
L: int = 32  # number of labels
N: int = 8  # item-label pairs in the context
B: int = 1  # copies of a class in a bursty context
p_B: float = 1.0  # fraction of the sequences of trained classes that are bursty
p_C: float = 0.8  # fraction of sequences with novel classes
alpha: float = 0.0  # rank-frequency exponent of the classes, f(k) ~ k^-alpha
eps: float = 0.1  # within-class variability
D: int = 63  # dimensions of a token's content
P: int = 65  # dimensions of a token's one-hot position
seeds: int = 6  # runs
steps: int = 150000  # steps of SGD
every: int = 500  # steps between two records
dtype: Literal["float32", "float64"] = "float32"  # of parameters and data

# %% tags=["hide-input"]
task = Task(K=K, L=L, N=N, B=B, p_B=p_B, p_C=p_C, alpha=alpha, eps=eps, D=D, P=P)
training = Training(steps=steps, every=every, dtype=dtype, maps=True, keep_parameters=True)
config = RunConfig(task=task, training=training)

# %% tags=["hide-input"]
runs = load_or_train(config, seeds)

# %% tags=["hide-input"]
learned = np.isfinite(crossing(runs))
done = int(learned.sum())
glue("accuracy", spread(final(runs, "icl_accuracy")[learned.values]), display=False)
glue("when", spread(crossing(runs), 0), display=False)
glue("rise", spread(crossing(runs, 0.9) - crossing(runs, 0.2), 0), display=False)
glue("steps", steps, display=False)
glue("done", done, display=False)
glue("seeds", runs.sizes["seed"], display=False)
verdicts = claims.scorecard()
glue("summary", scorecard.summary(verdicts), display=False)
glue("not_reproduced", scorecard.statements(verdicts, "not reproduced"), display=False)

# %% [markdown]
# ## A question with two answers
#
# Here is what the network sees: items, each followed by its label, and at the end an item whose label it has
# to name.

# %% mystnb={"figure": {"name": "fig-introduction-sequence", "caption": "A sequence of novel classes. Coloured boxes are items, numbered by their class, with a prime for classes that training never showed; open boxes are labels; the arrow points at the right answer."}} tags=["hide-input"]
world = World(task, 0, dtype)
show(*figures.sequence(world, world.probe("icl", 10)))

# %% [markdown]
# For a class that it was trained on, the network can answer from its weights: *in-weights learning*. For
# any class it can look for the item like the last one, and repeat the label beside it: *in-context
# learning*. For a class that it never saw, only the second works. {doc}`task` shows how the two are told
# apart.
#
# ## The jump

# %% mystnb={"figure": {"name": "fig-introduction-jump", "caption": "The paper's Figure 3a: accuracy on novel classes through training, one line per seed. Dashed: $1/L$, a random label, and $1/N$, a random label of the context."}} tags=["hide-input"]
show(*curves.icl_accuracy(runs))

# %% tags=["remove-input"]
provenance(runs)

# %% [markdown]
# Of {glue:text}`seeds` seeds {glue:text}`done` reach 50%. What happens before the jump, what forms during
# it, and why it is so abrupt are the questions of this book.
#
# ## What the book holds
#
# - {doc}`task`: the data, and how to ask whether a network answers from memory or from context;
# - {doc}`network`: two attention layers and a classifier. Two links of attention carry its answers, and without either
#   hardly any is right. Before it learns it waits, and for that {ref}`biases are to blame <network-waits>`;
# - {doc}`data_dependence`: many classes, and many copies of one in a context, make a network answer from its context.
#   Where classes vary much it does so with {ref}`a second circuit <data-pointer>` that the paper does not mention;
# - {doc}`progress_measures`: the network can name labels of its context long before it knows which of them to name;
#   the two links come with the jump;
# - {doc}`minimal`: three numbers for attention are enough for the jump, and two are. It can do without what the full
#   network learns before it, and then comes later;
# - {doc}`landscape`: a loss with three nested logits, in which the jump can be computed. Each puts a shelf before
#   the fall; with as many labels as pairs in the context there is no minimum to be stuck in, but a valley;
# - {doc}`scorecard`: the paper's claims, one by one, and what these runs say of each;
# - {doc}`engine` and {doc}`at_scale`: how the runs are made fast, and many of them;
# - {doc}`run_it_yourself`: how to repeat all this, or change it.
#
# The paper's symbols are the names of this book's parameters: {doc}`notation` and {doc}`glossary` list them.
#
# ## What is shown, and what is not yet
#
# A claim of the paper counts here as far as runs at the paper's own scale are stored. A page gives medians
# and ranges over seeds and says what they do not show; where the paper leaves a setting open, the page
# says which was taken. The paper's panels and this book's own questions ask for {glue:text}`experiments` experiments.
# This build of the book had all runs of {glue:text}`complete` of them, and of the others:

# %% mystnb={"markdown_format": "myst"} tags=["remove-input"]
made = {experiment.title: stored(experiment, Store()) for experiment in EXPERIMENTS.values()}
short = {title: runs for title, runs in made.items() if runs.stored < runs.needed}
glue("experiments", len(made), display=False)
glue("complete", len(made) - len(short), display=False)
lines = ["| experiment | runs stored | runs needed |", "|---|---|---|"]
lines += [f"| {title} | {runs.stored} | {runs.needed} |" for title, runs in short.items()]
Markdown("\n".join(lines) if short else "None is missing.")

# %% [markdown]
# Figures 7 and A.4 need no runs: {doc}`landscape` computes them while it is built.
