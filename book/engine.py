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
# # The gradient by hand
#
# **What does one step of training cost, if nothing is computed that the loss does not need?** At the
# paper's sizes about {glue:text}`flop:.0f` million floating-point operations, and most of the network
# of equations {eq}`eq-v` to {eq}`eq-w` never has to be formed: no key, no value, and for all tokens but
# one no query. On the machine named below a complete step takes {glue:text}`ms:.1f` ms,
# {glue:text}`floor:.1f` times what this arithmetic alone takes there; the network written in the obvious way
# takes {glue:text}`obvious:.0f` times as long.
#
# The experiments of this book are {glue:text}`runs` runs of up to {glue:text}`steps:,` steps, which is why this page
# exists. It derives, line by line, what `icl/fast.py` computes, checks the result against automatic
# differentiation and finite differences, and then shows where the time goes.

# %% tags=["hide-input"]
import json

import pandas as pd
import xarray as xr
from IPython.display import Markdown, display
from myst_nb import glue

from icl import bench, gradients
from icl.analysis import crossing
from icl.chapters import BOOK
from icl.experiments import EXPERIMENTS
from icl.figures import curves
from icl.figures.style import show
from icl.model import Model
from icl.plan import plan
from icl.settings import at_least
from icl.task import Task
from icl.training import Training

# %% tags=["parameters"]
K: int = 256  # number of classes
L: int = 32  # number of labels; K is a multiple of it
N: int = 8  # item-label pairs in the context
p_C: float = 0.8  # fraction of sequences with novel classes
eps: float = 0.1  # within-class variability
D: int = 63  # dimensions of a token's content
P: int = 65  # dimensions of a token's one-hot position
batch: int = 128  # sequences a step
hidden: int = 3  # hidden layers of the classifier
seed: int = 0  # of the run whose gradient is checked

# %% tags=["hide-input"]
at_least(1, batch=batch)
task, model = Task(K=K, L=L, N=N, p_C=p_C, eps=eps, D=D, P=P), Model(hidden=hidden)
operations = bench.flops(task, model, batch)
measured = json.loads((BOOK.parent / "benchmarks" / "engine.json").read_text())
machine, timed = measured["machine"], measured["bench"]

twice = json.loads((BOOK.parent / "benchmarks" / "agreement.json").read_text())
again = xr.Dataset(
    {
        name: (("way", "step"), [ways["fast"], ways["legible"]])
        for name, ways in twice["curves"].items()
    },
    coords={"way": ["by hand", "by autograd"], "step": twice["step"]},
)
for way, step in zip(("hand", "automatic"), crossing(again).values, strict=True):
    glue(f"again_{way}", f"{step:,.0f}", display=False)
glue("again_apart", float(abs(again.icl_accuracy.diff("way")).max()), display=False)
glue("again_seed", twice["seed"], display=False)
glue("minimal_ms", timed["minimal"]["cpu_ms_per_step_seed"], display=False)
glue("minimal_floor", timed["minimal"]["floor_ratio_cpu"], display=False)
glue("minimal_flop", timed["floor_mflop_minimal"], display=False)
glue("runs", len(plan(EXPERIMENTS)), display=False)
glue("steps", Training().steps, display=False)
glue("tokens", task.T, display=False)
glue("flop", sum(operations.values()) / 1e6, display=False)
glue("ms", timed["full"]["cpu_ms_per_step_seed"], display=False)
glue("floor", timed["full"]["floor_ratio_cpu"], display=False)
glue("obvious", timed["full"]["obvious_ratio_cpu"], display=False)

# %% [markdown]
# ## Forward: what the target sees
#
# A sequence has the tokens $u_1,\dots,u_n$, $n=2N+1$, of width $E=P+D$. Write $p_{ij}$ for the attention
# of token $i$ to token $j$ in layer 1, and
#
# $$
# a_i=\sum_{j\le i}p_{ij}\,u_j,\qquad v_i=u_i+V_1a_i .
# $$ (eq-v)
#
# Only the target's output reaches the classifier. So layer 2 has one query, $q=Q_2v_n$, one row of attention
# $\pi_j$, and one output
#
# $$
# w=v_n+V_2m,\qquad m=\sum_j\pi_jv_j,\qquad \pi=\mathrm{softmax}(s),\qquad s_j=(K_2v_j)\cdot q .
# $$ (eq-w)
#
# **No key.** The key matrix can act on the one query instead of on every token:
#
# $$
# s_j=v_j\cdot g,\qquad g=K_2^{\top}Q_2\,v_n .
# $$ (eq-g)
#
# **No value.** And $v_j$ itself is only ever seen through a dot product or a weighted sum. Put {eq}`eq-v`
# into {eq}`eq-g` and {eq}`eq-w`, and let $V_1$ act on what is one vector a sequence:
#
# $$
# s_j=\underbrace{u_j\cdot g}_{y^0_j}+\sum_kp_{jk}\,\underbrace{u_k\cdot h}_{y^1_k},\qquad h=V_1^{\top}g,
# $$ (eq-s)
#
# $$
# m=\sum_j\pi_ju_j+V_1b,\qquad b=\sum_j\pi_ja_j=\sum_k\Big(\sum_j\pi_jp_{jk}\Big)u_k .
# $$ (eq-m)
#
# The means $a_j$ have gone too, but for the target's, $a_n$. What is left of two layers on $n$ tokens
# is two dot products and two weighted sums with the raw tokens.
#
# **One matrix for two.** The logits of layer 1 are a bilinear form in tokens. With $A=Q_1^{\top}K_1$, formed once a
# step, they are
#
# $$
# s^{(1)}_{ij}=u_i\cdot A\,u_j .
# $$ (eq-A)
#
# **Tokens are not dense.** A token is a one-hot position beside a content, and a label's content is one of
# $L$ vectors. So $u_i^{\top}A$ is a row of $A$ for the position, plus a row of a table of $L$
# for a label, and only the $N+1$ items need a product, of width $D$ instead of $E$.

# %% [markdown]
# ## Backward: the same lines, upwards
#
# A dot before a symbol is hard to read beside sums, so let $\bar x$ stand for $\partial\mathcal L/\partial x$. The
# classifier gives $\bar w$. Then {eq}`eq-w` gives
#
# $$
# \bar V_2=\bar w\,m^{\top},\qquad \bar m=V_2^{\top}\bar w,\qquad \bar b=V_1^{\top}\bar m,
# $$ (eq-bar-m)
#
# and the attention of layer 2 has a gradient of the same form as its logits {eq}`eq-s`, with $\bar m$ and
# $\bar b$ in place of $g$ and $h$:
#
# $$
# \bar\pi_j=\bar m\cdot v_j=\underbrace{u_j\cdot\bar m}_{z^0_j}+\sum_kp_{jk}\,\underbrace{u_k\cdot\bar b}_{z^1_k},
# \qquad
# \bar s_j=\pi_j\Big(\bar\pi_j-\sum_i\pi_i\bar\pi_i\Big).
# $$ (eq-bar-s)
#
# So the code that goes forward through layer 2 goes backward through it as well. From {eq}`eq-s`, $g$ and
# $h$ collect what $m$ and $b$ did, with $\bar s$ for $\pi$:
#
# $$
# \bar h=\sum_k\Big(\sum_j\bar s_jp_{jk}\Big)u_k,\qquad
# \bar g=\sum_j\bar s_ju_j+V_1\bar h ,
# $$ (eq-bar-g)
#
# $$
# \bar q=K_2\,\bar g,\qquad \bar K_2=q\,\bar g^{\top},\qquad \bar Q_2=\bar q\,v_n^{\top},\qquad
# \bar v_n=\bar w+Q_2^{\top}\bar q .
# $$ (eq-bar-q)
#
# $V_1$ stands in three places, in $m$, in $h$ and in $v_n=u_n+V_1a_n$, and gets three terms, each of rank one
# a sequence:
#
# $$
# \bar V_1=\bar m\,b^{\top}+g\,\bar h^{\top}+\bar v_n\,a_n^{\top}.
# $$ (eq-bar-V)
#
# **Layer 1's attention has a gradient of rank three.** $p_{jk}$ stands in {eq}`eq-m`, in {eq}`eq-s`, and
# for $j=n$ in $a_n$. With $z^2_k=u_k\cdot V_1^{\top}\bar v_n$,
#
# $$
# \bar p_{jk}=\pi_j\,z^1_k+\bar s_j\,y^1_k+\delta_{jn}\,z^2_k ,
# $$ (eq-bar-p)
#
# which is an outer sum of vectors that are all there already. Even the sums $r_j$ of $p_{jk}\bar p_{jk}$
# over $k$, which the softmax needs, cost nothing new, since $\sum_kp_{jk}y^1_k$ and
# $\sum_kp_{jk}z^1_k$ were formed for {eq}`eq-s` and {eq}`eq-bar-s`:
#
# $$
# \bar s^{(1)}_{jk}=p_{jk}\,(\bar p_{jk}-r_j),\qquad
# r_j=\pi_j\sum_kp_{jk}z^1_k+\bar s_j\sum_kp_{jk}y^1_k+\delta_{jn}\sum_kp_{nk}z^2_k .
# $$ (eq-bar-s1)
#
# **Home.** With $G_i=\sum_j\bar s^{(1)}_{ij}u_j$, {eq}`eq-A` gives
#
# $$
# \bar A=\sum_iu_i\,G_i^{\top},\qquad \bar Q_1=K_1\bar A^{\top},\qquad \bar K_1=Q_1\bar A .
# $$ (eq-bar-A)
#
# Here again $u_i$ is a position and a content: the rows of $G$ are added up by position, and the contents of all
# tokens are one product, of width $D$ instead of $E$. The labels' rows of $G$ could be added up first, as there are
# only $L$ labels. The count below does so; the engine does not, since one large product is no slower.
#
# Count the products, two operations for each multiplication with its addition:

# %% tags=["hide-input"]
table = pd.DataFrame({"million operations a step": {k: v / 1e6 for k, v in operations.items()}})
table.loc["all"] = table.sum()
display(table.style.format("{:.1f}"))

# %% [markdown]
# ## Is it right?
#
# The gradient of every parameter in float64, after a few steps of training, by three ways: the equations
# above, PyTorch's automatic differentiation of the legible network, and, along a random direction,
# the difference of two losses.

# %%
rows = gradients.compare(task, model, seed=seed, batch=batch)
by_hand = pd.DataFrame(rows).set_index("name")
worst = float(by_hand.from_autograd.max())
gap = (by_hand.slope_by_differences - by_hand.slope).abs()
worst_slope = float((gap / by_hand.slope.abs()).max())
glue("worst", worst, display=False)
glue("worst-slope", worst_slope, display=False)

# %% tags=["hide-input"]
display(
    by_hand.rename(
        columns={
            "norm": "length of the gradient",
            "from_autograd": "relative distance from autograd",
            "slope": "slope along a direction, by hand",
            "slope_by_differences": "by differences",
        }
    )
    .style.format("{:.3g}", subset=["length of the gradient", "relative distance from autograd"])
    .format("{:.8g}", subset=["slope along a direction, by hand", "by differences"])
)

# %% tags=["nbval-check-output"]
print("every gradient agrees with autograd to 1e-10:", worst < 1e-10)
print("every slope agrees with differences to 1e-3: ", worst_slope < 1e-3)

# %% [markdown]
# The largest relative distance from automatic differentiation is {glue:text}`worst:.0e`, which is rounding;
# from differences, {glue:text}`worst-slope:.0e`, which is what differences can give. The tests ask the
# same for sizes drawn at random.
#
# Equal gradients do not make equal runs: each way rounds differently in single precision, and training
# may amplify that. So seed {glue:text}`again_seed` of {numref}`fig-network-transition`, from the store, was trained a second
# time by the legible network with automatic differentiation, on the same batches, until after its transition.

# %% mystnb={"figure": {"name": "fig-engine-again", "caption": "One run in two ways: by the gradient of this page (wide, pale), and by automatic differentiation of the legible network (dashed). Made by `python benchmarks/agreement.py`."}} tags=["hide-input"]
show(*curves.two_ways(again))

# %% mystnb={"markdown_format": "myst"} tags=["remove-input"]
Markdown(
    f"**Run** `{twice['run']}`, seed {twice['seed']}: its first {max(twice['step']):,} steps as stored, and as trained "
    f"again on {twice['machine']['processor']} by PyTorch."
)

# %% [markdown]
# In-context accuracy passes 50% at step {glue:text}`again_hand` by hand and at step {glue:text}`again_automatic`
# by autograd; at no record do the two differ by more than {glue:text}`again_apart:.3f`. The transition is abrupt,
# but when it comes does not depend on the last digits.
#
# ## Where the time goes
#
# Arithmetic is not all of it. The times of this section were measured once, on the machine in the last line
# of the page, and are stored in `benchmarks/engine.json`; `python benchmarks/engine.py` measures
# them again. The parts of one step:

# %% tags=["hide-input"]
parts = pd.DataFrame(measured["parts"]).set_index("part")
glue("draw_ms", float(parts.ms["drawing the batch"]), display=False)
parts.loc["all"] = parts.sum()
display(parts.style.format("{:.2f}"))

# %% [markdown]
# What each idea gave, alone, beside the way one would have gone without it; both give the same
# numbers (the normal numbers, the same distribution):

# %% tags=["hide-input"]
ideas = pd.DataFrame(measured["ideas"])
ideas["times faster"] = ideas.instead_ms / ideas.kept_ms
ideas.columns = ["kept", "instead of", "ms", "ms instead", "times faster"]
display(
    ideas.style.format("{:.3f}", subset=["ms", "ms instead"])
    .format("{:.1f}", subset=["times faster"])
    .hide(axis="index")
)

# %% [markdown]
# Most of the gain is mathematics: not to form what the loss does not see. The rest is memory. A softmax
# over {glue:text}`tokens` keys cannot use the width of the processor, one along the batch can; and the largest arrays
# of a step, its tokens and their products with $A$, are made once and used again by every step.
#
# Of the minimal model hardly anything but the classifier is left to compute,
# {glue:text}`minimal_flop:.0f` million operations a step. It takes {glue:text}`minimal_ms:.2f` ms,
# {glue:text}`minimal_floor:.1f` times its own floor; {glue:text}`draw_ms:.2f` ms of it are for drawing the batch, as in
# the full network.
#
# And the whole, `icl bench` in the same run. *At least* and *at most* are targets that this project has set itself,
# whether they are met or not:

# %% tags=["hide-input"]
print(bench.table(timed))
print(
    f"float64 instead of float32: {measured['whole'][1]['ms'] / measured['whole'][0]['ms']:.1f} "
    "times the time"
)
print(
    f"measured on {machine['processor']}, {machine['cores']} cores, load {machine['load']} "
    f"before; Python {machine['python']}, NumPy {machine['numpy']}"
)
