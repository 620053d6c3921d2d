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
# # Progress measures
#
# **What does the network learn while its accuracy hardly moves, and what appears only when accuracy
# jumps?** It first learns to name *some* label of the context, and has half learned it
# {glue:text}`cla_before` steps before in-context accuracy reaches 50%. The two parts of an induction head are
# half formed only {glue:text}`ila1_lead` steps (layer 1) and {glue:text}`tila2_lead` steps (layer 2) after that
# moment. Numbers are medians over seeds, with ranges in brackets.
#
# This chapter is about section 3 of {cite:t}`reddy2024`, Figures 4 and 5: four measures of a network's
# progress, recorded through training on novel classes, and the order in which they move.

# %% tags=["hide-input"]
from typing import Literal

import numpy as np
from IPython.display import Markdown
from myst_nb import glue

from icl import claims, scorecard
from icl.analysis import (
    aligned,
    at_transition,
    crossing,
    final,
    lead,
    relative_lead,
    risen,
    spread,
)
from icl.experiments import load_stored
from icl.figures import attention, curves, interactive
from icl.figures.style import MEASURES, show
from icl.provenance import provenance
from icl.rules import TENTH, comes_before
from icl.runs import RunConfig, load_or_train
from icl.settings import at_least
from icl.task import Task
from icl.training import Training

# %% tags=["parameters"]
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
before: int = 25000  # steps shown before the transition
after: int = 10000  # steps shown after it
shortly: int = 5000  # steps before the transition at which the slow phase is looked at

# %%
at_least(1, seeds=seeds)
at_least(0, before=before, after=after, shortly=shortly)
task = Task(K=K, L=L, N=N, B=B, p_B=p_B, p_C=p_C, alpha=alpha, eps=eps, D=D, P=P)
training = Training(steps=steps, every=every, dtype=dtype, maps=True, keep_parameters=True)
config = RunConfig(task=task, training=training)

# %%
runs = load_or_train(config, seeds)

# %% tags=["hide-input"]
OTHERS = {
    "previous_token_association": "ila1_all",
    "context_label_probability": "cla_probability",
}
for name, key in (curves.PROGRESS | OTHERS).items():
    glue(f"{key}_lead", spread(lead(runs, name), 0), display=False)
    glue(f"{key}_start", spread(runs[name].isel(step=0)), display=False)
    glue(f"{key}_shortly", spread(at_transition(runs, name, shortly)), display=False)
    glue(f"{key}_at", spread(at_transition(runs, name)), display=False)
    glue(f"{key}_end", spread(final(runs, name)), display=False)
    glue(f"{key}_risen", spread(risen(runs, name, shortly)), display=False)
for name, key in (
    ("context_label_accuracy", "cla"),
    ("context_label_probability", "cla_probability"),
):
    glue(f"{key}_relative", spread(-relative_lead(runs, name), 3), display=False)
    glue(f"{key}_answer", comes_before(runs, name, key).find(0.95).answer, display=False)
glue("tenth", TENTH, display=False)
glue("cla_before", spread(-lead(runs, "context_label_accuracy"), 0), display=False)
glue("tla2_before", spread(-lead(runs, "target_labels_association"), 0), display=False)
glue("seeds", runs.sizes["seed"], display=False)
glue("transitions", int(np.isfinite(crossing(runs)).sum()), display=False)
glue("when", spread(crossing(runs), 0), display=False)
glue("shortly", shortly, display=False)
glue("one_in_N", 1 / task.classes_in_context, display=False)
glue("N_in_L", task.classes_in_context / L, display=False)
glue("test", training.test, display=False)

# %% [markdown]
# ## What an induction head would have to do
#
# Given $\dots,x,\ell,\dots,x\to{?}$, an induction head {cite:p}`olsson2022` answers $\ell$, whatever $x$ and
# $\ell$ are. With two layers that takes four operations.

# %% mystnb={"figure": {"name": "fig-progress-operations", "caption": "The paper's Figure 5: the four operations of an induction head. Brackets: what has been written into a token's buffer."}} tags=["hide-input"]
show(*attention.induction_head())

# %% [markdown]
# ## Four measures
#
# Two measures ask for these operations, and two for a simpler strategy: to name any label of the context.
# All are averages over {glue:text}`test:,` test sequences of novel classes. Token $2j$ is the item of pair
# $j$, counted from 0, token $2j+1$ its label, and token $2N$ the target.
#
# - **Item–label association** (ILA1), layer 1: the attention of a label to its item, mean of
#   $p^{(1)}_{2j+1,\,2j}$ over the $N$ labels.
# - **Target–item–label association** (TILA2), layer 2: the attention of the target to the labels of its own
#   class, the sum of $p^{(2)}_{2N,\,2j+1}$ over the pairs of that class.
# - **Context–label accuracy** (CLA): the share of sequences in which the network's answer is one of the
#   labels in the context, right or wrong.
# - **Target–labels association** (TLA2), layer 2: the attention of the target to all labels together, the
#   sum of $p^{(2)}_{2N,\,2j+1}$ over all pairs.
#
# The paper's words leave two choices. It calls the first measure the attention paid "by a token to its
# previous one"; here it is that of labels, and the mean over all tokens is kept beside it. It calls the
# third "the probability that the network predicts a label present in the context"; here it is the share of
# sequences whose most probable label is in the context, and the summed probability is kept beside it.
#
# ## The order of events
#
# Seeds differ in *when* their transition comes: {glue:text}`transitions` of {glue:text}`seeds` have one, at
# step {glue:text}`when`. So each curve is moved to where its own in-context accuracy is 50%.

# %% mystnb={"figure": {"name": "fig-progress-aligned", "caption": "The paper's Figure 4: the four progress measures and in-context accuracy, seeds aligned where that is 50%. Thin: seeds; thick: their mean, where all have a value. Dashed: $1/L$ and $1/N$."}} tags=["hide-input"]
show(*curves.progress(runs, before, after))

# %% tags=["remove-input"]
provenance(runs)

# %% [markdown]
# | measure | at the start | {glue:text}`shortly:,` steps before | at 50% | at the end |
# |---|---|---|---|---|
# | in-context accuracy | {glue:text}`icl_start` | {glue:text}`icl_shortly` | {glue:text}`icl_at` | {glue:text}`icl_end` |
# | context–label accuracy (CLA) | {glue:text}`cla_start` | {glue:text}`cla_shortly` | {glue:text}`cla_at` | {glue:text}`cla_end` |
# | target–labels association (TLA2) | {glue:text}`tla2_start` | {glue:text}`tla2_shortly` | {glue:text}`tla2_at` | {glue:text}`tla2_end` |
# | item–label association (ILA1) | {glue:text}`ila1_start` | {glue:text}`ila1_shortly` | {glue:text}`ila1_at` | {glue:text}`ila1_end` |
# | target–item–label association (TILA2) | {glue:text}`tila2_start` | {glue:text}`tila2_shortly` | {glue:text}`tila2_at` | {glue:text}`tila2_end` |
#
# (Median and range over seeds; one without a transition counts at the start and at the end alone.)
#
# The paper calls the curves “remarkably reproducible across seeds”. Once aligned, they are. This is the largest standard
# deviation over seeds that each has anywhere in {numref}`fig-progress-aligned`, where all seeds with a transition have
# a value:

# %% tags=["nbval-check-output"]
together = aligned(runs, [*curves.FOUR, "icl_accuracy"], before, after).dropna("since")
for name, curve in together.items() if together.sizes["seed"] > 1 and together.since.size else ():
    apart = curve.std("seed", ddof=1)
    print(f"{name}: {float(apart.max()):.3f}, {int(apart.idxmax('since')):+,} steps from 50%")

# %% [markdown]
# Which measure moves first? For each seed, the step at which a measure is half-way from its first value to
# its last, counted from the step at which in-context accuracy is 50%; and the share of its rise that it
# has made {glue:text}`shortly:,` steps before:
#
# | measure | half-way, steps from 50% | share of the rise made {glue:text}`shortly:,` steps before |
# |---|---|---|
# | context–label accuracy (CLA) | {glue:text}`cla_lead` | {glue:text}`cla_risen` |
# | target–labels association (TLA2) | {glue:text}`tla2_lead` | {glue:text}`tla2_risen` |
# | item–label association (ILA1) | {glue:text}`ila1_lead` | {glue:text}`ila1_risen` |
# | target–item–label association (TILA2) | {glue:text}`tila2_lead` | {glue:text}`tila2_risen` |

# %% tags=["nbval-check-output"]
for name, key in curves.FOUR.items():
    start, end = spread(runs[name].isel(step=0), 4), spread(final(runs, name), 4)
    print(f"{MEASURES[key].label:32} {start} at the start, {end} at the end")

# %% [markdown]
# ## Scrub through training
#
# Three of the four measures are read off attention maps. Here are the maps themselves: layer 1's, and the
# row of the target in layer 2 by the place of its pair, both as means over the test sequences. Move the slider
# through the transition: in layer 1 a line forms below the diagonal, from each label to the item before
# it, and in layer 2 a line on the right labels.

# %% tags=["hide-input"]
scrubbed = interactive.training(runs)
kept = [len(run["frames"]) for run in scrubbed[0]["seeds"]]
glue("kept_least", min(kept), display=False)
glue("kept_most", max(kept), display=False)

# %% mystnb={"figure": {"name": "fig-progress-scrub", "caption": "Attention in training. The picture shows seed 0 before its transition and at the end. With JavaScript, a slider goes through {glue:text}`kept_least` to {glue:text}`kept_most` of the records of each seed, all that lie near its transition and fewer elsewhere; dots mark the measures of {numref}`fig-progress-aligned` at that step. Maps are stored in the page as one byte per value."}} tags=["hide-input"]
interactive.show_part("training", *scrubbed)

# %% tags=["remove-input"]
provenance(runs)

# %% [markdown]
# ## What the slow phase is
#
# A network that names one of the context's labels at random is right in one of $N/B$ sequences, a share of
# {glue:text}`one_in_N:.3f`. One that names any of the $L$ labels names one of the context's in a share of
# {glue:text}`N_in_L:.2f`. {glue:text}`shortly:,` steps before the transition in-context accuracy is
# {glue:text}`icl_shortly` and CLA is {glue:text}`cla_shortly`. So far this is the paper's picture: the network reads
# the context's labels, and does not yet know which of them to choose.
#
# The paper also reports that the target comes to attend to the labels (TLA2) in this phase. Here it does so in part.
# By the same step TLA2 has gone from {glue:text}`tla2_start` to {glue:text}`tla2_shortly`, while ILA1 and TILA2 have
# hardly moved. But that is {glue:text}`tla2_risen` of its rise, where CLA has made {glue:text}`cla_risen`. TLA2 is
# half-way {glue:text}`tla2_before` steps before the transition: most of its rise comes with the induction head, whose second
# layer attends to a label. It need not rise earlier: uniform attention already gives nearly half of its weight to
# labels, and the classifier can do the rest. What the paper says of the slow phase and of the order of events, and what
# the stored runs of Figure 4 do:

# %% mystnb={"markdown_format": "myst"} tags=["remove-input"]
figure_4 = {"3": load_stored("3", seeds=seeds)}
Markdown(scorecard.checks(claims.decide(figure_4, "slow-is-1/N", "order")))

# %% [markdown]
# (progress-readings)=
# ## Does the choice of reading matter?
#
# | measure | at the start | {glue:text}`shortly:,` steps before | at the end | half-way, steps from 50% |
# |---|---|---|---|---|
# | ILA1, labels to their items | {glue:text}`ila1_start` | {glue:text}`ila1_shortly` | {glue:text}`ila1_end` | {glue:text}`ila1_lead` |
# | ILA1, any token to the one before | {glue:text}`ila1_all_start` | {glue:text}`ila1_all_shortly` | {glue:text}`ila1_all_end` | {glue:text}`ila1_all_lead` |
# | CLA, most probable label | {glue:text}`cla_start` | {glue:text}`cla_shortly` | {glue:text}`cla_end` | {glue:text}`cla_lead` |
# | CLA, summed probability | {glue:text}`cla_probability_start` | {glue:text}`cla_probability_shortly` | {glue:text}`cla_probability_end` | {glue:text}`cla_probability_lead` |
#
# For ILA1 it does not: the two readings can differ only by what items and the target do in layer 1. For CLA it does.
# The two differ by how sure the network is, since a label can be the most probable long before its probability is large.
# How long before the transition CLA is half-way, as a share of the time until then (median and range):
# {glue:text}`cla_probability_relative` by the summed probability, {glue:text}`cla_relative` by the most probable label. The
# claim on the order of events asks for more than {glue:text}`tenth:.1f`; with the summed probability the answer to its
# check on CLA would be *{glue:text}`cla_probability_answer`*.
#
# ## What this does not show
#
# - An order of events is not a cause. That context labels are learned first does not say that the
#   induction head needs them; {doc}`minimal` takes them away and looks.
# - Records lie {glue:text}`every` steps apart and are joined by straight lines. Differences of that size
#   between two measures mean nothing: so not that ILA1 and TILA2 are half-way a little after the transition.
# - A measure's half-way point depends on where it starts and ends. A measure that begins high, such as TLA2,
#   has less of a way to go.
# - All four are means over sequences and over positions.

# %% tags=["hide-input"]
glue("every", every, display=False)
