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
# # An induction head of three parameters
#
# **Is an induction head enough to make the jump, and does it need what the network learns before it?**
# With three numbers for attention and a classifier, {glue:text}`three_done` of {glue:text}`three_seeds`
# seeds reach an in-context accuracy of 50%; with two, {glue:text}`two_done` of {glue:text}`two_seeds`. When
# every label stands in every context, so that naming a label of the context is worth nothing,
# {glue:text}`equal_done` of {glue:text}`equal_seeds` seeds form an induction head, that is
# {glue:text}`equal_share:.0%` with a 95% interval of {glue:text}`equal_low:.0%` to
# {glue:text}`equal_high:.0%`; {glue:text}`eliminate` solve it by elimination: they look at all other labels
# and name the one that is missing.
#
# This chapter is about section 3 of {cite:t}`reddy2024`: equations 4 to 6, Figures 6a, 6b, 6c, A.2 and A.3.

# %% tags=["hide-input"]
from typing import Literal

import numpy as np
from IPython.display import Markdown
from myst_nb import glue

from icl import claims, scorecard
from icl.analysis import FATES, crossing, fates, final, interval, lead, spread
from icl.experiments import EXPERIMENTS, load_stored
from icl.figures import curves, data
from icl.figures.interactive import show_part
from icl.figures.style import show
from icl.landscape import Landscape, first_time
from icl.model import Model
from icl.provenance import experiment_provenance, provenance
from icl.runs import RunConfig, config_of, load_or_train
from icl.settings import at_least
from icl.task import Task
from icl.training import Training

# %% tags=["parameters"]
K: int = 256  # number of classes
L: int = 32  # number of labels
N: int = 8  # item-label pairs in the context, and the number of labels in Figure 6c
B: int = 1  # copies of a class in a bursty context
p_B: float = 1.0  # fraction of the sequences of trained classes that are bursty
p_C: float = 0.8  # fraction of sequences with novel classes
alpha: float = 0.0  # the task's rank-frequency exponent, f(k) ~ k^-alpha; not the model's alpha
eps: float = 0.1  # within-class variability
D: int = 63  # dimensions of a token's content; the classifier is 2D wide
P: int = 65  # positions that the task has, at least 2N+1; this model does not see them
K_A2: int = 512  # number of classes in Figure A.2
B_A2: int = 2  # copies of a class in a bursty context in Figure A.2
D_A2: int = 64  # dimensions of a token's content in Figure A.2
p_C_A2: float = 0.0  # fraction of sequences with novel classes in Figure A.2
seeds: int = 6  # runs of each configuration but Figure 6c's
seeds_equal: int = 24  # runs of Figure 6c
steps: int = 150000  # steps of SGD at most
every: int = 500  # steps between two records
stop_loss: float = 0.01  # a run stops when its mean training loss stayed below this; 0 for never
stop_steps: int = 20000  # steps for which it must have stayed there
dtype: Literal["float32", "float64"] = "float32"  # of parameters and data
before: int = 10000  # steps shown before the transition
after: int = 10000  # steps shown after it

# %%
at_least(1, seeds=seeds, seeds_equal=seeds_equal)
at_least(0, before=before, after=after)
task = Task(K=K, L=L, N=N, B=B, p_B=p_B, p_C=p_C, alpha=alpha, eps=eps, D=D, P=P)
three = Model(kind="minimal")
two = three.replace(train_beta2=False)
training = Training(
    steps=steps, every=every, stop_loss=stop_loss, stop_steps=stop_steps, dtype=dtype
)
config_6a = RunConfig(task=task, model=three, training=training)
config_6b = RunConfig(task=task, model=two, training=training)
config_6c = RunConfig(task=task.replace(L=N), model=three, training=training)
task_A2 = task.replace(K=K_A2, B=B_A2, D=D_A2, p_C=p_C_A2)
config_A2 = RunConfig(task=task_A2, model=three, training=training)

# %%
runs_6a = load_or_train(config_6a, seeds)
runs_6b = load_or_train(config_6b, seeds)
runs_6c = load_or_train(config_6c, seeds_equal)
runs_A2 = load_or_train(config_A2, seeds)

# %% tags=["hide-input"]
for name, ds in {"three": runs_6a, "two": runs_6b}.items():
    glue(f"{name}_done", int(np.isfinite(crossing(ds)).sum()), display=False)
    glue(f"{name}_seeds", ds.sizes["seed"], display=False)
fate_of = fates(runs_6c)
share = int((fate_of == "induction head").sum()), int(fate_of.size)
glue("width", three.width(task), display=False)
glue("equal_done", share[0], display=False)
glue("equal_seeds", share[1], display=False)
glue("equal_share", share[0] / share[1], display=False)
glue("equal_low", interval(*share)[0], display=False)
glue("eliminate", int((fate_of == "elimination").sum()), display=False)
glue("equal_high", interval(*share)[1], display=False)

# %% [markdown]
# ## The model
#
# A token has a content $c$ and a buffer $b$, empty at first. Layer 1 fills the buffer with contents of
# earlier tokens, and layer 2 fills it anew; for the answer only the target's buffer matters:
#
# $$
# v^{(b)}_i=\sum_{j\le i}q^{(1)}_{ij}\,u^{(c)}_j ,\qquad v^{(c)}_i=u^{(c)}_i ,
# $$ (eq-buffer)
#
# $$
# w^{(b)}_i=\sum_{j\le i}q^{(2)}_{ij}\,v^{(c)}_j ,\qquad w^{(c)}_i=v^{(c)}_i ,
# $$ (eq-copy)
#
# $$
# q^{(1)}_{ij}\propto e^{\beta_1[j=i-1]} ,\qquad
# q^{(2)}_{ij}\propto e^{\alpha\,v^{(b)}_j\cdot v^{(c)}_i+\beta_2[i-j\text{ odd}]} .
# $$ (eq-three)
#
# Both are normalized over $j\le i$. A bracket is 1 if what it says is true, and 0 otherwise; the paper writes
# $\delta_{i-1,j}$ and $\Delta_{i,j}$. Each number does one thing. $\beta_1$ lets a token look at the one before it (item–label association);
# $\alpha$ lets the target look where its own content is in the buffer (target–item–label association);
# $\beta_2$ lets it look at labels, whichever (target–labels association). The classifier has the form of the full
# network's and reads the target's content and buffer side by side, $w^{(c)}_n\oplus w^{(b)}_n$: from the content it
# can learn in weights, and from the buffer it can learn to name a label.
#
# ## The same dynamics?
#
# The paper finds dynamics strikingly like the full network's, with a slow phase that is cut short because the
# transition comes sooner. Here the transition is as abrupt, and sooner too. But the order before it is another than
# in {numref}`fig-progress-aligned`: the target attends to labels before the network names them, as the table below says.

# %% mystnb={"figure": {"name": "fig-minimal-three", "caption": "The paper's Figure 6a: progress measures of the model with three parameters, as in {numref}`fig-progress-aligned`."}} tags=["hide-input"]
show(*curves.progress(runs_6a, before, after))

# %% tags=["remove-input"]
provenance(runs_6a)

# %% mystnb={"figure": {"name": "fig-minimal-logits", "caption": "The three attention parameters of the runs of {numref}`fig-minimal-three`. Dotted: carried forward from where the stop rule ended a run."}} tags=["hide-input"]
show(*curves.logits(runs_6a))

# %% tags=["remove-input"]
provenance(runs_6a)

# %% [markdown]
# ## Without attention to labels
#
# Which of these events are *necessary* for the induction head? The paper has three hypotheses: H1, that CLA leads to
# TLA2 and this to the head (ILA1 and TILA2); H2, that TLA2 alone leads to it; and H3, that CLA alone does. With
# $\beta_2=0$ the target cannot prefer labels to items, so TLA2 cannot lead to anything.

# %% mystnb={"figure": {"name": "fig-minimal-two", "caption": "The paper's Figure 6b: as {numref}`fig-minimal-three`, with $\\beta_2=0$."}} tags=["hide-input"]
show(*curves.progress(runs_6b, before, after))

# %% tags=["remove-input"]
provenance(runs_6b)

# %% tags=["hide-input"]
guess = 1 / task.classes_in_context
glue("guess", guess, display=False)
glue("delay", spread(crossing(runs_6b) / crossing(runs_6a)), display=False)
for which, ds in {"three": runs_6a, "two": runs_6b}.items():
    glue(f"when_{which}", spread(crossing(ds), 0), display=False)
    glue(f"rise_{which}", spread(crossing(ds, 0.9) - crossing(ds, 0.2), 0), display=False)
    glue(f"slow_{which}", spread(crossing(ds) - crossing(ds, guess), 0), display=False)
    glue(f"most_{which}", spread(ds.iwl_absent_accuracy.max("step")), display=False)
    glue(f"iwl_{which}", spread(final(ds, "iwl_absent_accuracy")), display=False)
    glue(f"steps_{which}", spread(ds.stopped_at, 0), display=False)
    for name, key in curves.FOUR.items():
        glue(f"{key}_{which}", spread(lead(ds, name), 0), display=False)

# %% [markdown]
# | | three parameters | two parameters |
# |---|---|---|
# | in-context accuracy is 50% at step | {glue:text}`when_three` | {glue:text}`when_two` |
# | the same, as a multiple of that with three parameters, seed by seed | | {glue:text}`delay` |
# | steps from 20% to 90% | {glue:text}`rise_three` | {glue:text}`rise_two` |
# | steps from {glue:text}`guess:.3f`, a random label of the context, to 50% | {glue:text}`slow_three` | {glue:text}`slow_two` |
# | CLA half-way, steps from 50% | {glue:text}`cla_three` | {glue:text}`cla_two` |
# | TLA2 half-way | {glue:text}`tla2_three` | {glue:text}`tla2_two` |
# | ILA1 half-way | {glue:text}`ila1_three` | {glue:text}`ila1_two` |
# | TILA2 half-way | {glue:text}`tila2_three` | {glue:text}`tila2_two` |
# | in-weights accuracy, class absent: highest | {glue:text}`most_three` | {glue:text}`most_two` |
# | in-weights accuracy, class absent: at the end | {glue:text}`iwl_three` | {glue:text}`iwl_two` |
# | the run ended at step | {glue:text}`steps_three` | {glue:text}`steps_two` |
#
# Entries are medians over seeds with their range. The head forms all the same, after {glue:text}`delay` times as many
# steps as with $\beta_2$: for this model H1 and H2 are ruled out.
#
# Answers from the weights become fewer once the context is read: on the test with the target's class absent, with three
# parameters from {glue:text}`most_three` to {glue:text}`iwl_three`. That is what the model *answers*, which need not
# mean that it has forgotten.
#
# ## Where the attention parameters end
#
# Where do the three numbers end? The last column says what they mean in a context of $N$ pairs: the
# attention that a label in the middle of the context pays to its item, from $\beta_1$ alone.

# %% tags=["nbval-check-output"]
by_fate = {
    f"L = N, {fate}": runs_6c.isel(seed=(fate_of == fate).values)
    for fate in FATES
    if (fate_of == fate).any()
}
for title, ds in {"three": runs_6a, "two": runs_6b, **by_fate, "A.2": runs_A2}.items():
    ends = {name: float(final(ds, name).mean()) for name in ("beta1", "alpha", "beta2")}
    tokens = config_of(ds).task.N  # up to the middle label
    attention = 1 / (1 + tokens * np.exp(-ends["beta1"]))
    words = ", ".join(f"{name} {value:.4f}" for name, value in ends.items())
    print(f"{title:22} {words}; layer 1 looks back with {attention:.4f}")

# %% [markdown]
# ## Without the slow phase
#
# Hypothesis H3 says that context–label accuracy alone leads to the induction head. It can be taken away by
# the data: with $L=N$ and $B=1$ every label stands in every context, once. Naming a label of the context is
# then no better than naming any.

# %% mystnb={"figure": {"name": "fig-minimal-equal", "caption": "The paper's Figure 6c: the loss of each seed for $L=N$. Colours say how a seed ends, as told apart below. Dotted: carried forward from where the stop rule ended a run."}} tags=["hide-input"]
show(*curves.losses(runs_6c))

# %% tags=["remove-input"]
provenance(runs_6c)

# %% mystnb={"figure": {"name": "fig-minimal-equal-logits", "caption": "The attention parameters of the runs of {numref}`fig-minimal-equal`, one line per seed, apart by how a seed ends. Dotted: carried forward from where the stop rule ended a run."}} tags=["hide-input"]
show(*curves.logits_by_fate(runs_6c))

# %% tags=["remove-input"]
provenance(runs_6c)

# %% tags=["hide-input"]
for fate in FATES:
    chosen = (fate_of == fate).values
    part = runs_6c.isel(seed=chosen)
    key = fate.replace(" ", "_")
    glue(f"count_{key}", int(chosen.sum()), display=False)
    glue(f"{key}_when", spread(crossing(part), 0), display=False)
    glue(f"{key}_iwl_most", spread(part.iwl_absent_accuracy.max("step")), display=False)
    for name in (
        "icl_accuracy", "swapped_accuracy", "iwl_absent_accuracy", "train_loss", "alpha", "beta1",
        "beta2", "item_label_association", "target_item_label_association",
        "target_labels_association",
    ):  # fmt: skip
        digits = 4 if name == "train_loss" else 2
        glue(f"{key}_{name}", spread(final(part, name), digits), display=False)
glue("uniform", 1 / task.T, display=False)
glue("log_N", float(np.log(N)), display=False)
glue("sign", int(((final(runs_6c, "alpha") < 0) & (fate_of == "elimination")).sum()), display=False)

# %% [markdown]
# | | induction head | elimination | neither |
# |---|---|---|---|
# | seeds | {glue:text}`count_induction_head` | {glue:text}`count_elimination` | {glue:text}`count_neither` |
# | in-context accuracy at the end | {glue:text}`induction_head_icl_accuracy` | {glue:text}`elimination_icl_accuracy` | {glue:text}`neither_icl_accuracy` |
# | it is 50% at step | {glue:text}`induction_head_when` | {glue:text}`elimination_when` | {glue:text}`neither_when` |
# | training loss (nats); $\log N=$ {glue:text}`log_N:.2f` | {glue:text}`induction_head_train_loss` | {glue:text}`elimination_train_loss` | {glue:text}`neither_train_loss` |
# | $\alpha$ | {glue:text}`induction_head_alpha` | {glue:text}`elimination_alpha` | {glue:text}`neither_alpha` |
# | $\beta_1$ | {glue:text}`induction_head_beta1` | {glue:text}`elimination_beta1` | {glue:text}`neither_beta1` |
# | $\beta_2$ | {glue:text}`induction_head_beta2` | {glue:text}`elimination_beta2` | {glue:text}`neither_beta2` |
# | item–label association (ILA1) | {glue:text}`induction_head_item_label_association` | {glue:text}`elimination_item_label_association` | {glue:text}`neither_item_label_association` |
# | target–item–label association (TILA2) | {glue:text}`induction_head_target_item_label_association` | {glue:text}`elimination_target_item_label_association` | {glue:text}`neither_target_item_label_association` |
# | target–labels association (TLA2) | {glue:text}`induction_head_target_labels_association` | {glue:text}`elimination_target_labels_association` | {glue:text}`neither_target_labels_association` |
# | in-weights accuracy, class absent: highest | {glue:text}`induction_head_iwl_most` | {glue:text}`elimination_iwl_most` | {glue:text}`neither_iwl_most` |
#
# Accuracy alone does not tell how a seed solves the task, so seeds are told apart by what the target
# attends to. *Induction head*: in-context accuracy of at least 50%, and more attention to the label of the
# target's class (TILA2) than the {glue:text}`uniform:.3f` that each token has at the start. *Elimination*: the
# same accuracy, but less attention to that label. There the target looks at all *other* labels, and since
# every label is in the context, the one that is missing from the view is the answer. {doc}`landscape`
# derives this second way from the loss, with $\alpha<0$; of the {glue:text}`count_elimination` seeds that
# take it here, {glue:text}`sign` have a negative $\alpha$.
#
# Taking the slow phase away still leaves something to learn slowly: a fraction $1-p_C$ of the sequences can be
# answered by heart. Before the context took over, nearly all of them had been: in the seeds that form an induction head,
# in-weights accuracy was {glue:text}`induction_head_iwl_most` at its highest.
#
# So this model does not need to name labels of the context first: with nothing to gain from it,
# {glue:text}`count_induction_head` of {glue:text}`equal_seeds` seeds still form the head. They form it later, with
# an accuracy of 50% at step {glue:text}`induction_head_when`; with more labels than stand in a context ({numref}`fig-minimal-three`) it is
# {glue:text}`when_three`. The paper reads its two in six as a sign that the slow phase makes learning robust. But
# with $L=N$ the slope at the start of training is gone too ({doc}`landscape`), so the delay cannot be laid to
# context–label accuracy alone.
#
# The paper finds that two of six seeds acquire the in-context solution and that four converge slowly to a
# sub-optimal minimum. If those four are the ones that go the way of elimination, more steps would let
# them arrive; this reproduction cannot say, since the paper shows their loss alone.
#
# ## Without novel classes
#
# Figure A.2 repeats Figure 1d with the minimal model. It ends with an in-context accuracy of
# {glue:text}`end_A2`, and passes 50% at step {glue:text}`when_A2`; the full network's numbers stand under
# {numref}`fig-network-accuracies`.

# %% mystnb={"figure": {"name": "fig-minimal-accuracies", "caption": "The paper's Figure A.2: training loss and accuracies of the model with three parameters. Thin: seeds; thick: their mean. Dotted: carried forward from where the stop rule ended a run."}} tags=["hide-input"]
show(*curves.loss_and_accuracies(runs_A2))

# %% tags=["remove-input"]
provenance(runs_A2)

# %% tags=["hide-input"]
glue("end_A2", spread(final(runs_A2, "icl_accuracy")), display=False)
glue("when_A2", spread(crossing(runs_A2), 0), display=False)

# %% [markdown]
# ## The dependence on data
#
# Figure A.3 repeats Figure 2 with the model of two parameters, around $K=512$ and $D=64$. As in
# {doc}`data_dependence`, this section shows the runs that are stored and trains none; of this page's
# parameters only the number of seeds changes it. {glue:text}`stored_A3` of {glue:text}`needed_A3` runs are stored.

# %% mystnb={"figure": {"name": "fig-minimal-data", "caption": "The paper's Figure A.3: as {numref}`fig-data-dependence`, for the minimal model with two parameters."}} tags=["hide-input"]
scans = [EXPERIMENTS[scan.experiment] for scan in data.FIGURE_A3]
runs_A3 = {scan.name: load_stored(scan.name, seeds=seeds) for scan in scans}
show_part("data-dependence", *data.explore(data.FIGURE_A3, runs_A3))

# %% tags=["remove-input"]
for scan in scans:
    experiment_provenance(scan, runs_A3[scan.name])

# %% tags=["hide-input"]
found = [ds.sizes["seed"] for configs in runs_A3.values() for ds in configs.values()]
glue("stored_A3", sum(found), display=False)
glue("needed_A3", sum(len(scan.configs) * len(scan.seeds) for scan in scans), display=False)

# %% mystnb={"markdown_format": "myst"} tags=["remove-input"]
Markdown("\n\n".join(data.all_numbers(scan.name, runs_A3[scan.name]) for scan in scans))

# %% [markdown]
# The stop rule looks at the training loss, and a network that answers from its weights brings that down while
# its in-context accuracy may still rise. What would have come after is seen where the same seeds go on:

# %% mystnb={"figure": {"name": "fig-minimal-long", "caption": "Accuracies of the model with two parameters at $K=512$ without the stop rule, for two exponents $\\alpha$ of Figure A.3. Thin: seeds; thick: their mean. Grey points: where the stop rule ended the same seeds."}} tags=["hide-input"]
runs_A3["A.3-long"] = load_stored("A.3-long", seeds=seeds)
show(*data.panels("A.3-long", runs_A3["A.3-long"], columns=2, beside=runs_A3["A.3c"]))

# %% tags=["remove-input"]
experiment_provenance(EXPERIMENTS["A.3-long"], runs_A3["A.3-long"])

# %% [markdown]
# What the paper says of Figure A.3, and what these runs do:

# %% mystnb={"markdown_format": "myst"} tags=["remove-input"]
Markdown(scorecard.checks(claims.decide(runs_A3, "two-parameter-data")))

# %% [markdown]
# ## With a classifier tied to the labels
#
# {doc}`landscape` asks what a classifier that is aligned with the labels from the outset would change, as the paper
# conjectures for tied weights. Here the minimal model is given one: what it learns is added to a fixed part,
#
# $$
# \text{logit of label } l \;=\; R_l\cdot h\;+\;\xi_0\,\ell_l\cdot w^{(b)} ,
# $$ (eq-tied)
#
# which compares the buffer with each label. Here $h$ is the last hidden layer of the classifier, and $R_l$ the row of
# its readout for label $l$. With $\xi_0=1$ the vector that is added for a label is the label itself;
# larger ones make it surer.

# %% mystnb={"figure": {"name": "fig-minimal-tied", "caption": "Accuracy on novel classes for the model with three parameters and a tied classifier, one line per seed, for three sizes of its fixed part. Grey: the same seeds untied, Figure 6a, with a point where the stop rule ended them. Steps are on a logarithmic axis from the first record after the start. Dashed: $1/N$. Dotted: carried forward from where the stop rule ended a run."}} tags=["hide-input"]
untied = load_stored("6a", seeds=seeds)
tied = load_stored("tied", seeds=seeds)
usual = untied.get("")
show(*data.panels("tied", tied, measures=(data.ICL,), mean=False, beside=usual, log=True))

# %% tags=["remove-input"]
experiment_provenance(EXPERIMENTS["tied"], tied)

# %% [markdown]
# Context–label accuracy (CLA) before any training, and the step from which it is 90%; the step at which accuracy
# on novel classes passes 50%, over that of the same seed untied; and the same for the landscape's path to a
# quarter of the loss, with the same $N$ and $L$:

# %% tags=["nbval-check-output"]
shown = ({"untied": untied[""]} if untied else {}) | tied
named = {label: crossing(ds, 0.9, "context_label_accuracy") for label, ds in shown.items()}
sooner = {
    label: f"{int((named[label] < crossing(ds)).sum())} of {ds.sizes['seed']}"
    for label, ds in shown.items()
}
for label, ds in shown.items():
    cla, share = ds.context_label_accuracy[:, 0], crossing(ds) / crossing(shown.get("untied", ds))
    words = f"CLA {spread(cla)}, 0.9 from step {spread(named[label], 0)}"
    print(f"{label}: in {sooner[label]} seeds CLA is 0.9 before accuracy is 50%")
    print(f"{label}: {words}; 50% after {spread(share)} of the untied steps")
xi0 = np.array([0, 1, 4, 16])
path = Landscape(N=Task().N, L=Task().L).descend(xi0[:, None] * [0, 0, 1], rate=0.1, steps=1600)
waits = first_time(path, 0.75 * path.loss[0, 0])
print("landscape:", dict(zip(xi0.tolist(), (waits / waits[0]).round(4).tolist(), strict=True)))

# %% tags=["hide-input"]
for label in ["untied", *EXPERIMENTS["tied"].configs]:
    key, ds = label.replace("=", "_"), shown.get(label)
    known = ds is not None
    glue(f"{key}_named", spread(named[label], 0) if known else "unknown", display=False)
    glue(f"{key}_sooner", sooner[label] if known else "unknown", display=False)
    glue(f"{key}_loss", spread(final(ds, "train_loss"), 3) if known else "unknown", display=False)
glue("floor_4", float(np.log1p((Task().L - 1) * np.exp(-4))), display=False)

# %% [markdown]
# What the slow phase learns is to name a label of the context. Tied, part of that is there before any training, and
# at $\xi_0=1$ the rest is learned by step {glue:text}`xi0_1_named`, in {glue:text}`xi0_1_sooner` seeds before the
# transition: in this sense the conjecture holds. But untied the
# model hardly has a slow phase of its own to be saved. It waits at $1/L$, and names labels of the context in 90% of
# the sequences only at step {glue:text}`untied_named`, when the transition is there. So what tying saves is mostly
# this wait. Another is left, since the attention has to come from zero, and only a classifier that is much surer from
# the outset makes it short. The landscape has the same order and smaller savings: there $\xi$ rises at once, and no
# wait at $1/L$ is to be saved.
#
# A fixed part has a price. Where the hidden layers fall silent it answers alone, and is no surer than
# $\xi_0$ makes it: at $\xi_0=4$ it leaves a loss of about {glue:text}`floor_4:.2f` nats. The seeds end with
# {glue:text}`xi0_4_loss` there, {glue:text}`xi0_1_loss` at $\xi_0=1$ and {glue:text}`xi0_16_loss` at
# $\xi_0=16$ (median and range); one whose loss stays near that of the fixed part is right, and stays unsure.

# %% mystnb={"markdown_format": "myst"} tags=["remove-input"]
Markdown(scorecard.checks(claims.decide({"tied": tied, "6a": untied}, "tying")))

# %% [markdown]
# ## What depends on settings that the paper leaves open
#
# In the original program parameters decay, the classes of a context have distinct labels, and each hidden layer of the
# classifier has one bias. Here one of the three is changed at a time: no decay; labels that may repeat, so that two
# classes of a context can share one; or no biases, since it is they that {ref}`make seeds of the full network wait
# <network-waits>`. Only stored runs are shown.

# %% mystnb={"figure": {"name": "fig-minimal-open", "caption": "Accuracy on novel classes for the model with three parameters, one line per seed, without decay, with labels that may repeat, and without biases. Grey: the same seeds at the usual settings, Figure 6a, with a point where the stop rule ended them. Dashed: $1/N$. Dotted: carried forward from where the stop rule ended a run."}} tags=["hide-input"]
others = load_stored("open-minimal", seeds=seeds)
show(*data.panels("open-minimal", others, measures=(data.ICL,), mean=False, beside=usual))

# %% tags=["remove-input"]
experiment_provenance(EXPERIMENTS["open-minimal"], others)

# %% [markdown]
# The step at which accuracy on novel classes passes 50%, also over that of the same seed at the usual settings, and
# the accuracy at the end:

# %% tags=["hide-input", "nbval-check-output"]
for label, ds in (others if usual is None else {"usual": usual} | others).items():
    print(f"{label}: 50% at step {spread(crossing(ds), 0)}")
    print(f"    {spread(final(ds, 'icl_accuracy'), 3)} at the end")
    if usual is not None:
        ratio = crossing(ds) / crossing(usual)  # of the seeds that both have
        print(f"    {spread(ratio)} of the usual steps")

# %% [markdown]
# With biases or without, the model learns. Without them all seeds do so at nearly the same step, though in the median
# not earlier: what sets seeds apart at the usual settings comes with the biases, but not all of the time that they
# take. Without biases on both sides the model's transition comes not long before the full network's
# ({numref}`fig-network-unbiased`), so that most of its lead at the usual settings is owed to the waits of the latter.
#
# ## What this does not show
#
# - H1 to H3 are three orders of events out of many. That the head forms without attention to labels says
#   that it does not *need* it here, and not that it plays no part in the full network.
# - $L=N$ changes more than the slow phase: by {doc}`landscape` it also takes away the slope at the start.
#   A failure at $L=N$ therefore does not single out H3.
# - The paper gives no initial values for the three parameters. Here they are 0, the start of the landscape's
#   path, and its classifier starts as the full network's. Of the data of Figure 6 it states neither $K$ nor the value of
#   $p_C$; here they are those of Figure 4, and so is $D$, which makes the classifier
#   {glue:text}`width` wide where the paper has 128.
#   Figure A.2 is here without novel classes, as the full network's Figure 1d; the paper does not say.
# - Runs end by a written rule, given under each figure; the paper does not say how its own end. What comes after, for
#   instance a slow loss of one solution, is not seen. In Figure A.3 in-context accuracy would rise further:
#   {numref}`fig-minimal-long`.
