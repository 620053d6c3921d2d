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
# # The network
#
# **How small a network shows abrupt in-context learning, and what has changed inside it when accuracy
# jumps?** Two attention layers and a classifier, {glue:text}`parameters:,` numbers in all. In
# the runs on this page {glue:text}`transitions` of {glue:text}`seeds_3` seeds reach an in-context accuracy
# of 50%, at step {glue:text}`when_50` (median, and range over seeds); by the end a label pays
# {glue:text}`ila_last` of its attention in layer 1 to the item before it, up from
# {glue:text}`ila_first`. With that attention cut, accuracy falls to {glue:text}`cut_link`.
#
# This chapter is about section 2 and the beginning of section 3 of {cite:t}`reddy2024`: Figures 1c, 1d,
# 3a and 3b, equations 2 and 3.

# %% tags=["hide-input"]
from typing import Literal

import numpy as np
import torch
from IPython.display import Markdown
from myst_nb import glue

from icl import circuits, claims, knockout, measures, network, remarks, scorecard, silence
from icl.analysis import crossing, final, silent_from, spread, wait_over, wait_over_level
from icl.chapters import SHIPPED
from icl.experiments import EXPERIMENTS, load_stored
from icl.figures import attention as figures
from icl.figures import curves, data
from icl.figures.style import show
from icl.induction import induction_head
from icl.model import initial
from icl.provenance import experiment_provenance, provenance
from icl.runs import RunConfig, load_or_train
from icl.settings import at_least
from icl.task import Task, World
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
P: int = 65  # dimensions of a token's one-hot position, above D for the network set by hand
K_1d: int = 512  # number of classes in Figure 1d
B_1d: int = 2  # copies of a class in a bursty context in Figure 1d
p_C_1d: float = 0.0  # fraction of sequences with novel classes in Figure 1d
seeds: int = 6  # runs of Figure 3
seeds_1d: int = 6  # runs of Figure 1d
steps: int = 150000  # steps of SGD
every: int = 500  # steps between two records
dtype: Literal["float32", "float64"] = "float32"  # of parameters and data
before: int = 5000  # the first attention maps are from so many steps before the transition
shipped: bool = False  # compare with the book's own runs, even where $ICL_STORE names another store

# %%
at_least(1, seeds=seeds, seeds_1d=seeds_1d)
at_least(0, before=before)
task = Task(K=K, L=L, N=N, B=B, p_B=p_B, p_C=p_C, alpha=alpha, eps=eps, D=D, P=P)
training = Training(steps=steps, every=every, dtype=dtype)
world = World(task, 0, dtype)
by_hand = induction_head(world)  # refuses P <= D before anything is trained
config = RunConfig(task=task, training=training.replace(maps=True, keep_parameters=True))
config_1d = RunConfig(task=task.replace(K=K_1d, B=B_1d, p_C=p_C_1d), training=training)
root = SHIPPED if shipped else None

# %%
runs = load_or_train(config, seeds)
runs_1d = load_or_train(config_1d, seeds_1d)

# %% tags=["hide-input"]
when = crossing(runs)
first = initial(config.model, task, 0)
glue("parameters", sum(value.size for value in first.values()), display=False)
glue("transitions", int(np.isfinite(when).sum()), display=False)
glue("seeds_3", runs.sizes["seed"], display=False)
glue("when_50", spread(when, 0), display=False)
glue("ila_first", spread(runs.item_label_association[:, 0]), display=False)
glue("ila_last", spread(final(runs, "item_label_association")), display=False)

# %% [markdown]
# ## Two layers and a classifier
#
# Tokens $u_1,\dots,u_n$ pass two attention layers with one head each. A layer adds to every token a sum of
# the tokens up to it:
#
# $$
# v_i=u_i+V_1\sum_{j\le i}p^{(1)}_{ij}\,u_j ,\qquad w_i=v_i+V_2\sum_{j\le i}p^{(2)}_{ij}\,v_j ,
# $$ (eq-layers)
#
# weighted by the attention that query $i$ pays to key $j$,
#
# $$
# p^{(\mu)}_{ij}=\frac{e^{(K_\mu u_j)^{\mathsf T}(Q_\mu u_i)}}
#                     {\sum_{k\le i}e^{(K_\mu u_k)^{\mathsf T}(Q_\mu u_i)}} ,
# $$ (eq-softmax)
#
# with $v$ in place of $u$ in layer 2. Only the target's token $w_n$ goes on to the classifier.

# %% mystnb={"figure": {"name": "fig-network-architecture", "caption": "The paper's Figure 1c: the network of {eq}`eq-layers` and {eq}`eq-softmax`."}} tags=["hide-input"]
show(*figures.architecture(config))

# %% [markdown]
# The paper gives the sizes, plain SGD, the batch, the learning rate, and {glue:text}`test:,` test sequences for each
# progress measure; here accuracies are measured on as many. Initial values, decay and length come from a public
# copy of the original program. Each is a named setting of `icl`:
#
# | setting | here |
# |---|---|
# | initial $Q_\mu$, $K_\mu$, $V_\mu$ | independent, normal, variance $1/D$; no factor $1/\sqrt{d}$ in the logits |
# | classifier | {glue:text}`hidden` hidden layers, initial weights of variance $2/(P+D)$; one scalar bias per layer |
# | readout | initial weights of variance $1/(P+D)$, no bias |
# | a step of SGD | {glue:text}`batch` sequences, learning rate {glue:text}`learning_rate:g` |
# | decay | every parameter loses {glue:text}`decay:.0e` of itself at each step |
# | length | {glue:text}`steps:,` steps |

# %% tags=["hide-input"]
glue("hidden", config.model.hidden, display=False)
for name in ("batch", "learning_rate", "decay", "steps", "test"):
    glue(name, getattr(training, name), display=False)

# %% [markdown]
# ## The solution exists: an induction head by hand
#
# Before asking whether training finds an in-context solution: is there one? `icl.induction` sets the
# weights by hand, as an *induction head* {cite:p}`olsson2022`. In layer 1 each label looks one position
# back and copies what it finds, the item's content, into a buffer. In layer 2 the target looks for the
# label whose buffer matches its own content, and copies that label. Nothing is trained, and the classes are
# new to it.

# %% tags=["nbval-check-output"]
probe = world.probe("icl")
theta = {name: torch.from_numpy(value) for name, value in by_hand.items()}
output = network.forward(theta, torch.from_numpy(world.tokens(probe)))
p1, row2 = output.p1.numpy(), output.p2[:, -1].numpy()
print(f"in-context accuracy: {measures.accuracy(output.logits.numpy(), probe.target):.3f}")
print(f"label to its item, layer 1:           {measures.item_label_association(p1):.3f}")
print(
    "target to its class's label, layer 2: "
    f"{measures.target_item_label_association(row2, probe.right):.3f}"
)

# %% [markdown]
# ## Memory or context?
#
# With $p_C=$ {glue:text}`p_C_1d:g` nothing forces the network to use the context: learning the
# {glue:text}`K_1d` classes by heart would do as well. Which does it learn?

# %% mystnb={"figure": {"name": "fig-network-accuracies", "caption": "The paper's Figure 1d: training loss, and accuracy on the four tests of {doc}`task`. Thin: seeds; thick: their mean."}} tags=["hide-input"]
show(*curves.loss_and_accuracies(runs_1d))

# %% tags=["remove-input"]
provenance(runs_1d)

# %% tags=["hide-input"]
for name, key in {**curves.ACCURACIES, "train_loss": "loss"}.items():
    glue(f"end_{key}", spread(final(runs_1d, name)), display=False)
    glue(f"most_{key}", spread(runs_1d[name].max("step")), display=False)
glue("when_1d", spread(crossing(runs_1d), 0), display=False)
glue("K_1d", K_1d, display=False)
glue("p_C_1d", p_C_1d, display=False)

# %% [markdown]
# | measure | highest | at the end |
# |---|---|---|
# | in-context accuracy, novel classes | {glue:text}`most_icl` | {glue:text}`end_icl` |
# | in-context accuracy, swapped labels | {glue:text}`most_icl_swapped` | {glue:text}`end_icl_swapped` |
# | in-weights accuracy | {glue:text}`most_iwl` | {glue:text}`end_iwl` |
# | in-weights accuracy, target's class absent | {glue:text}`most_iwl_absent` | {glue:text}`end_iwl_absent` |
# | training loss (nats) | | {glue:text}`end_loss` |
#
# Each entry is the median over seeds, with the range in brackets. The network learns some of both. It has learned
# to read its context by step {glue:text}`when_1d`, where accuracy on novel classes passes 50%, and still names
# {glue:text}`end_iwl_absent` of the trained classes when the context does not hold them. How the choice depends on
# the data is the subject of {doc}`data_dependence`.
#
# ## Slow, then abrupt
#
# From here on a fraction $p_C=$ {glue:text}`p_C:g` of the training sequences is about novel classes, which only the
# context can answer. The paper adds them since they “promote rapid convergence to the in-context solution”. The two
# figures on this page cannot show it, since $K$ and $B$ differ as well. At $B=1$ and without novel classes networks
# with $K=128$ and $512$ have not learned in context when their runs end ({numref}`fig-data-dependence`). Those with
# $K=1024$, and nearly all with $2048$, have; for $K=1024$ {ref}`novel classes are added, and the two compared <fig-data-novel>`.

# %% mystnb={"figure": {"name": "fig-network-transition", "caption": "The paper's Figure 3a: accuracy on novel classes, one line per seed. Dashed: $1/L$, a random label, and $1/N$, a random label of the context."}} tags=["hide-input"]
show(*curves.icl_accuracy(runs))

# %% tags=["remove-input"]
provenance(runs)

# %% tags=["hide-input"]
one_in_N = 1 / task.classes_in_context
begins, reached = wait_over(runs), {level: crossing(runs, level) for level in (0.2, 0.9)}
glue("p_C", p_C, display=False)
glue("one_in_L", 1 / L, display=False)
glue("one_in_N", one_in_N, display=False)
glue("level_slow", wait_over_level(task), display=False)
glue("when_slow", spread(begins, 0), display=False)
glue("slow", spread(reached[0.2] - begins, 0), display=False)
glue("abrupt", spread(reached[0.9] - reached[0.2], 0), display=False)
glue("end_3", spread(final(runs, "icl_accuracy"), 3), display=False)
glue("iwl_most", spread(runs.iwl_absent_accuracy.max("step"), 3), display=False)
glue("iwl_end", spread(final(runs, "iwl_absent_accuracy"), 3), display=False)
at_chance = runs.icl_accuracy.where(runs.step < begins / 2)
glue("chance", spread(at_chance.mean("step"), 3), display=False)

# %% [markdown]
# | phase | median over seeds (range) |
# |---|---|
# | accuracy before anything happens | {glue:text}`chance` |
# | step at which it is half-way from $1/L$ to $1/N$, {glue:text}`level_slow:.3f` | {glue:text}`when_slow` |
# | steps from there to 20% | {glue:text}`slow` |
# | steps from 20% to 90% | {glue:text}`abrupt` |
# | accuracy at the end | {glue:text}`end_3` |
#
# The paper speaks of two phases, a slow one and an abrupt one. Before both there is a wait at the level of a
# random label, $1/L=$ {glue:text}`one_in_L:.3f`; the second row says when it is over, and in nothing do seeds differ
# more ({ref}`why, is asked below <network-waits>`). What the network learns in the slow phase, on its way to
# $1/N=$ {glue:text}`one_in_N:.3f`, is the subject of {doc}`progress_measures`.
#
# For classes whose frequency follows Zipf's law the paper says that in-weights learning freezes once the in-context
# solution is there; what such runs say is on {doc}`the scorecard <scorecard>`. Here, with novel classes, *answers* from
# the weights become fewer: with the target's class kept out of the context, in-weights accuracy is
# {glue:text}`iwl_most` at its highest and {glue:text}`iwl_end` at the end. That need not mean that the network has
# forgotten; {ref}`the test cannot tell <data-limits>`.
#
# (network-waits)=
# ## Why seeds wait
#
# A classifier that knows nothing yet does best to give every label the same probability. Its random logits shrink to
# zero, and they do so because units fall silent: the units of a hidden layer share one bias, which falls, and with it they fall
# below zero together. Only an active unit passes a gradient on to what lies below. Each seed was trained anew for
# {glue:text}`early:,` steps, to see how much of its classifier is left then. Its biases change by {glue:text}`falls`
# in this time (median and range over layers and seeds). Here is the share of units that are active in each hidden
# layer, a mean over test sequences:

# %% tags=["hide-input", "nbval-check-output"]
compared = ("3", "3-early", "3-unbiased", "3-long", "1d", "open-full")
stored = {name: load_stored(name, root, seeds) for name in compared}
early, usual = stored["3-early"].get(""), stored["3"].get("")
at = EXPERIMENTS["3-early"].configs[""].training.steps
glue("early", at, display=False)
falls = "no seed" if early is None else spread(silence.bias_change(early))
glue("falls", falls, display=False)
if early is not None and usual is not None:
    early_shares, last_shares = silence.active(early), silence.active(usual)
    for seed in early.seed.values:
        then, now = (
            " ".join(f"{share:.3f}" for share in found.sel(seed=seed).values)
            for found in (early_shares, last_shares)
        )
        print(f"seed {seed}: {then} at step {at:,}, {now} at the end")

# %% mystnb={"figure": {"name": "fig-network-waits", "caption": "When the wait at $1/L$ ends in {numref}`fig-network-transition`, where accuracy is half-way to $1/N$, by the share of the classifier's last hidden layer that is active at an early step. Numbers: seeds. Cross, above the axis of steps: it does not end."}} tags=["hide-input"]
if early is not None and usual is not None:
    show(*curves.waits(early_shares.isel(layer=-1), wait_over(usual), at))

# %% tags=["remove-input"]
experiment_provenance(EXPERIMENTS["3-early"], stored["3-early"])

# %% [markdown]
# Among the seeds whose wait ends, those with fewer active units at this step wait longer. That is a hint and no more:
# the seeds are few, the one that never begins has more units left than another, and this step was chosen after two had
# been looked at. At the second one, step 4,000, the order is not kept: the seed of the middle wait has about as few
# units left as that of the longest. Those runs are not stored;
# `icl train --p-C 0.8 --steps 4000 --keep-parameters --seeds 0-5` makes them. The test is further below. In one seed
# no unit of the last hidden layer is left in the end: all its logits are zero, and no gradient reaches anything in it.
# Twice the steps do not change that. What the runs say of it:

# %% mystnb={"markdown_format": "myst"} tags=["remove-input"]
Markdown(remarks.waiting(stored))

# %% tags=["remove-input"]
experiment_provenance(EXPERIMENTS["3-long"], stored["3-long"])

# %% [markdown]
# If silent units are why seeds wait, they should not wait without biases: then a unit's sign depends on its input
# alone, and about half of a layer should stay active.

# %% mystnb={"figure": {"name": "fig-network-unbiased", "caption": "Accuracy on novel classes of a network without biases, one line per seed. Grey: the same seeds with them, Figure 3a. Dashed: $1/N$. Dotted: carried forward from where the stop rule ended a run."}} tags=["hide-input"]
unbiased = stored["3-unbiased"]
show(*data.panels("3-unbiased", unbiased, measures=(data.ICL,), mean=False, beside=usual))

# %% tags=["remove-input"]
experiment_provenance(EXPERIMENTS["3-unbiased"], unbiased)

# %% tags=["hide-input", "nbval-check-output"]
for name, ds in {"biases": usual, **unbiased}.items():
    if ds is not None:
        print(f"{name}: half-way from 1/L to 1/N at step {spread(wait_over(ds), 0)}")
        print(f"{name}: 50% at step {spread(crossing(ds), 0)}")

# %% [markdown]
# Their wait is short and differs little between them, and every one learns. So the long waits, and the seed that
# never begins, come with the biases of the classifier; the slow phase and the abrupt rise are there without them. (The
# size of attention's first weights matters too: {numref}`fig-network-open`.) The paper does not state how biases
# enter: one for each hidden layer is what the copy of the original program has. A bias for each unit was not tried.
#
# ## Does it last?
#
# In much larger networks, trained for long on finite data, in-context learning has been seen to come and to go again
# {cite:p}`singh2023`. The paper finds that in its simulations it stays, and so it does in these figures' runs. (Where
# the context cannot answer all sequences {ref}`a start of it fades <fig-data-control>`.)

# %% mystnb={"markdown_format": "myst"} tags=["remove-input"]
Markdown(scorecard.checks(claims.decide(stored, "not-transient")))

# %% [markdown]
# ## What changed inside

# %% tags=["hide-input"]
moment = float(when[0]) if np.isfinite(when[0]) else steps / 2
glue("before", before, display=False)
glue("moment", "the transition" if np.isfinite(when[0]) else "mid-run", display=False)

# %% mystnb={"figure": {"name": "fig-network-maps", "caption": "The paper's Figure 3b, as means over the test sequences of seed 0: layer 1's attention, and the attention that the target pays in layer 2 when its pair stands first, second, and so on. Left: {glue:text}`before:,` steps before {glue:text}`moment`; right: at the end."}} tags=["hide-input"]
show(*figures.maps(runs, before=max(moment - before, 0), after=steps, seed=0))

# %% tags=["remove-input"]
provenance(runs)

# %% [markdown]
# An induction head should show as two lines: one below the diagonal in layer 1, each token on the one just
# before it, and in layer 2 the target on the label of its own class, wherever that stands. How much of
# each is there:

# %% tags=["nbval-check-output"]
for name, title in {
    "item_label_association": "label to its item, layer 1           ",
    "target_item_label_association": "target to its class's label, layer 2 ",
}.items():
    start, end = spread(runs[name][:, 0], 4), spread(final(runs, name), 4)
    print(f"{title} {start} at the start, {end} at the end")

# %% [markdown]
# ## The same in the weights
#
# Attention maps say what happens on test sequences; the weights say what would happen on any. Layer 1's
# logits depend on positions through $Q_1^{\mathsf T}K_1$. In layer 2 the target's content meets what layer
# 1 wrote into a label's token through $Q_2^{\mathsf T}K_2V_1$: an induction head has a multiple of the
# identity there, which would match *any* content, also that of classes it never saw. The mean of the diagonal, before
# and after training, has to stand out from the standard deviation of all other entries; the same is shown without
# layer 1, where the target would meet the key's own content.

# %% mystnb={"figure": {"name": "fig-network-weights", "caption": "Layer 1's logit by the distance of query and key, from $Q_1^{\\mathsf T}K_1$ of seed 0, averaged over positions; keys at negative distances are hidden by the causal mask."}} tags=["hide-input"]
show(*figures.positional_weights(first, circuits.parameters(runs, 0), P))

# %% tags=["nbval-check-output"]
for name, theta in {"initial": first, "trained": circuits.parameters(runs, 0)}.items():
    for through, what in ((True, "what layer 1 wrote"), (False, "the key's own content")):
        mean, noise = circuits.diagonal(circuits.match(theta, P, through))
        print(f"{name}, target against {what}: diagonal {mean:.4f}, others' deviation {noise:.4f}")

# %% [markdown]
# The paper adds that layer 1 writes the item's content “to a ‘buffer’ subspace orthogonal to the content” of the label.
# Is there such a subspace? Of what layer 1 has learned to write of a content, the share that lies where contents are,
# and in the span of all label vectors, beside that of a random direction:

# %% tags=["hide-input", "nbval-check-output"]
for seed in runs.seed[np.isfinite(when)].values.tolist():
    buffer = circuits.written(
        circuits.parameters(runs, seed), initial(config.model, task, seed, dtype), P
    )
    labels = np.pad(World(task, seed, dtype).label_contents, ((0, 0), (P, 0)))
    contents = np.eye(P + D)[P:]
    for name, span in {"contents": contents, "labels": labels}.items():
        share = circuits.share_within(buffer, span)
        random = np.linalg.matrix_rank(span) / (P + D)
        print(f"seed {seed}, {name}: {share:.3f} of it, {random:.3f} of a random direction")

# %% [markdown]
# There is none that training would have set apart: what is written lies among the contents as much as a random
# direction does, and among the labels only a little less. Random directions in so many dimensions are nearly orthogonal
# to one another, and that seems to be enough.
#
# ## What is left without it
#
# Maps and weights show that the parts of an induction head are there. That the answer comes from them is seen when they
# are missing. In a trained network some attention can be cut: a query does not see some keys of one
# layer, and its other keys share what they would have got {cite:p}`geva2023`. An induction head needs two links, in
# layer 1 from each label to its item, and in layer 2 from the target to labels. A network that solves the task in
# another way would need others, for example those that let the target find its like among the items in layer 1.

# %% mystnb={"figure": {"name": "fig-network-cuts", "caption": "Accuracy on novel classes at the end of training with some attention cut, for the seeds of {numref}`fig-network-transition` that pass 50%. Point: median over seeds; thin marks: seeds. Dashed: $1/L$, a random label, and $1/N$, a random label of the context."}} tags=["hide-input"]
solved = runs.sel(seed=runs.seed[np.isfinite(when)]) if np.isfinite(when).any() else runs
left = knockout.accuracies(solved)
glue("cut_link", spread(left.sel(cut="layer 1, each label to its item")), display=False)
show(*figures.after_cuts(left, task))

# %% tags=["remove-input"]
provenance(solved)

# %% tags=["nbval-check-output"]
for name in left.cut.values:
    print(f"{name:32} {spread(left.sel(cut=name))}")

# %% [markdown]
# The answer needs both links of an induction head, and none of the three others that were cut: without either of its
# links these networks do worse than a random label of the context, and without any of the others hardly worse than
# before. The link in layer 1 is what tells: {ref}`another circuit <data-pointer>` needs the target's attention to
# labels in layer 2 as well.
#
# ## What depends on settings that the paper leaves open
#
# The initial values of $Q_\mu$, $K_\mu$ and $V_\mu$ and the decay come from a copy of the original program. How
# much of the result is due to them? Here one is changed at a time: initial values half or twice as large, or no
# decay. The data are those of {numref}`fig-network-transition`, and each seed keeps its world, its batches and, up
# to scale, its initial values. Only stored runs are shown.

# %% mystnb={"figure": {"name": "fig-network-open", "caption": "Accuracy on novel classes, one line per seed, with other initial weights of attention and without decay. Grey: the same seeds at the usual settings, Figure 3a. Dashed: $1/N$. Dotted: carried forward from where the stop rule ended a run."}} tags=["hide-input"]
others = stored["open-full"]
show(*data.panels("open-full", others, measures=(data.ICL,), mean=False, beside=usual))

# %% tags=["remove-input"]
experiment_provenance(EXPERIMENTS["open-full"], others)

# %% [markdown]
# Compared seed by seed with the usual settings: how much later the wait at $1/L$ ends, where accuracy on novel classes
# passes half-way to $1/N$, and how many times as long it takes from there to 50%:

# %% tags=["hide-input", "nbval-check-output"]
for label, ds in others.items():
    silent = int(np.isfinite(silent_from(ds)).sum())
    begun = int(np.isfinite(wait_over(ds)).sum())
    print(f"{label}: of {ds.sizes['seed']} seeds {begun} begin, {silent} fall silent")
    if usual is not None and begun:  # compared with it are the seeds that both have
        waits, waited = wait_over(ds), wait_over(usual)
        longer = (crossing(ds) - waits) / (crossing(usual) - waited)
        print(f"    the wait ends {spread(waits - waited, 0)} steps later")
        print(f"    the rest takes {spread(longer)} times as long")
doubled = others.get("first weights doubled")
begin = 0 if doubled is None else int(np.isfinite(wait_over(doubled)).sum())
glue("doubled_begin", begin, display=False)
glue("doubled_seeds", 0 if doubled is None else doubled.sizes["seed"], display=False)

# %% [markdown]
# The seed whose classifier falls silent in {numref}`fig-network-transition` learns with halved weights, and without decay.
# With doubled ones {glue:text}`doubled_begin` of {glue:text}`doubled_seeds` seeds has begun when its run ends. So which seeds learn, and when,
# hangs on settings that the paper leaves open.
#
# ## What this does not show
#
# - Cuts show what the answer comes from once training is over. That the parts of an induction head *cause* the jump,
#   which comes as they form, is another question; a minimal model that consists of these parts alone is one
#   answer ({doc}`minimal`).
# - A cut hands attention to other keys, in a way that training never showed the network. Part of what is lost may come
#   from that, and not from the missing link.
# - Maps are means over sequences, while the paper shows a sequence chosen at random: a mean cannot show
#   what differs between sequences.
# - The paper states neither its initial values nor its decay. Both the wait at $1/L$ and the length of the slow phase
#   may depend on them: {numref}`fig-network-open`.
# - {glue:text}`seeds_3` seeds say little about rare outcomes.
