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
# # The task
#
# **How can one ask a network a question that it may answer from memory or from what it was just shown,
# and tell afterwards which it did?** By sequences whose target belongs to one of $K$ classes and also
# stands, with its label, in the context; and by tests in which only one of the two sources knows the
# answer. A perfect memory scores {glue:text}`weights_novel:.2f` on novel classes and a perfect copyist
# {glue:text}`context_absent:.2f` on an in-weights test, but only if that test keeps the target's class
# out of the context, which the paper's own does not.
#
# This chapter is about section 2 of {cite:t}`reddy2024`: Figures 1a and 1b, equation 1, and what each
# parameter of the data does. Nothing is trained; every sequence on this page is drawn while it is built.

# %% tags=["hide-input"]
from typing import Literal

import numpy as np
from myst_nb import glue

from icl.figures import interactive
from icl.figures import task as figures
from icl.figures.style import show
from icl.settings import at_least
from icl.strategies import (
    class_in_context,
    from_context,
    from_weights,
    some_context_label,
)
from icl.task import Kind, Task, World
from icl.training import Training

# %% tags=["parameters"]
K: int = 512  # number of classes
L: int = 32  # number of labels, L <= K; class k has label k mod L
N: int = 8  # item-label pairs in the context
B: int = 2  # copies of a class in a bursty context, 0 if there are no bursty sequences
p_B: float = 1.0  # fraction of the sequences of trained classes that are bursty
p_C: float = 0.0  # fraction of sequences with novel classes
alpha: float = 0.0  # rank-frequency exponent of the classes, f(k) ~ k^-alpha
eps: float = 0.1  # within-class variability
D: int = 63  # dimensions of a token's content
P: int = 65  # dimensions of a token's one-hot position
dtype: Literal["float32", "float64"] = "float32"  # of the sequences
seed: int = 0  # of the classes, the labels and all that is drawn
size: int = 4000  # sequences behind each share that this page prints
alphas: list[float] = [0.0, 0.5, 1.0, 1.5]  # rank-frequency exponents that are compared
epsilons: list[float] = [0.0, 0.1, 0.2, 0.4, 0.8, 1.6]  # within-class variabilities compared
bursts: list[int] = [0, 1, 2, 4]  # burstinesses B that are compared
fractions: list[float] = [0.0, 0.5, 0.9, 1.0]  # fractions p_B of bursty sequences compared
classes: list[int] = [128, 512, 2048]  # numbers of classes K that are compared

# %%
at_least(1, size=size, classes=classes)
at_least(0, alphas=alphas, epsilons=epsilons, bursts=bursts, fractions=fractions)
task = Task(K=K, L=L, N=N, B=B, p_B=p_B, p_C=p_C, alpha=alpha, eps=eps, D=D, P=P)
world = World(task, seed, dtype)

# %% tags=["hide-input"]
answers = {
    "context": from_context,
    "weights": lambda probe: from_weights(world, probe),
    "guess": some_context_label,
}
probes = {name: world.probe(name, size) for name in figures.PROBES}
scores = {
    (strategy, name): float((answer(probe) == probe.target).mean())
    for strategy, answer in answers.items()
    for name, probe in probes.items()
}
glue("weights_novel", scores["weights", "icl"], display=False)
glue("context_absent", scores["context", "iwl_absent"], display=False)

# %% [markdown]
# ## One sequence
#
# $N$ items and their labels alternate, $x_1,\ell_1,x_2,\ell_2,\dots,x_N,\ell_N$, and a target item
# $x_q$ follows. The network has to name the target's label, one of $L$. An item is drawn from one of $K$
# classes. Each class has one label, which it shares with $K/L-1$ others; in these sequences a class stands in the
# context $B$ times, and the target's class is among them.

# %% mystnb={"figure": {"name": "fig-task-sequence", "caption": "The paper's Figure 1a: a training sequence, as it is drawn. Coloured boxes are items, numbered by their class; open boxes are labels; the arrow points at the right answer."}} tags=["hide-input"]
show(*figures.sequence(world, world.batch(0)))

# %% [markdown]
# A token has $P+D$ dimensions. The first $P$ hold its position, one-hot; the sequence stands in a random
# window of them, so that only a translation-invariant rule can work. The other $D$ hold its content. Class
# means $\mu_k$, label contents and the noise $\eta$ have independent normal components of variance $1/D$,
# and an item of class $k$ is
#
# $$
# \tilde x=\frac{\mu_k+\varepsilon\,\eta}{\sqrt{1+\varepsilon^2}} ,
# $$ (eq-item)
#
# which has a length near 1 at every $\varepsilon$. Class $k$ has label $k \bmod L$.

# %% tags=["nbval-check-output"]
batch = world.batch(0, size)
lengths = np.linalg.norm(batch.items.astype(float), axis=-1)
print(f"tokens: {task.T} of {P + D} dimensions; windows begin at 0 to {P - task.T}")
print(f"length of an item: {lengths.mean():.3f} on average, standard deviation {lengths.std():.3f}")
for kind in Kind:
    print(f"share of {kind.name.lower()} sequences: {(batch.kind == kind).mean():.4f}")

# %% [markdown]
# ## Two ways to solve it
#
# A network can learn which class has which label, as in any classification: *in-weights learning* (IWL).
# Or it can look for the item like the target and repeat the label beside it: *in-context learning*
# (ICL). If every training sequence is bursty, either alone brings the loss to zero. Four tests tell
# them apart.

# %% mystnb={"figure": {"name": "fig-task-probes", "caption": "The paper's Figure 1b: a test sequence of each kind and its right answer. Primes mark novel classes."}} tags=["hide-input"]
show(*figures.probes(world))

# %% [markdown]
# - **ICL, novel classes**: class means are drawn anew, so nothing learned in weights applies. Each novel
#   class gets one of the $L$ labels, and the target's class is in the context $B$ times.
# - **ICL, swapped labels**: trained classes, but every label $l$ is shown as $l+1 \bmod L$, and that is the
#   right answer. Weights would give the old label.
# - **IWL**: items and target are drawn independently from the training frequencies. The context is
#   useless, unless it holds the target's class by chance.
# - **IWL, target's class absent**: the same, given that it does not. This test is ours.
#
# What would each solution score, done perfectly? `icl.strategies` holds both, and a third: to name *some*
# label of the context, which is what networks turn out to do before they can do better.

# %% tags=["nbval-check-output"]
print(f"{'':44}from context  from weights  some context label")
for name, title in figures.PROBES.items():
    row = [scores[strategy, name] for strategy in answers]
    print(f"{title:44}" + "".join(f"{score:14.3f}" for score in row))

# %% [markdown]
# ## Build a sequence
#
# The page can draw sequences itself, by the same rules, from other settings. Under each it says what the
# context and what trained weights know about the answer. Raise $\varepsilon$ and watch two items of one
# class drift apart; set $B=0$ and the context stops helping.

# %% mystnb={"figure": {"name": "fig-task-build", "caption": "A training sequence. With JavaScript, the settings of the task can be changed, and sequences are drawn from training or from a test, each token with its content: frames of one colour are items of one class, numbered by frequency, a prime marks a novel class; no frame is a label. The page has a random generator of its own, so a seed gives other sequences than in Python."}} tags=["hide-input"]
interactive.show_part("sequence", *interactive.sequence(world))

# %% [markdown]
# ## The leak in the in-weights test
#
# The paper's in-weights test holds the target's class by chance in
#
# $$
# 1-\sum_k f_k\,(1-f_k)^N
# $$ (eq-leak)
#
# of its sequences, where $f_k$ is the frequency of class $k$. For the task of this page that is
# {glue:text}`leak:.1%`, and a copyist that knows nothing in its weights scores
# {glue:text}`context_iwl:.3f` there, against {glue:text}`context_absent:.3f` with the class kept out. The
# steeper the frequencies, the larger the leak.

# %% mystnb={"figure": {"name": "fig-task-leak", "caption": "Share of in-weights test sequences that hold the target's class by chance, {eq}`eq-leak`, for several numbers of classes."}} tags=["hide-input"]
show(*figures.class_by_chance(task, classes, alphas))

# %% tags=["nbval-check-output"]
for exponent in alphas:
    steep = task.replace(alpha=exponent)
    drawn = World(steep, seed, dtype).probe("iwl", size).right.any(1).mean()
    print(f"alpha={exponent}: {class_in_context(steep):.4f} by the formula, {drawn:.4f} drawn")

# %% [markdown]
# At $\alpha=$ {glue:text}`steepest:g` and $K=$ {glue:text}`fewest` the class is there in
# {glue:text}`leak_steep:.0%` of the test. So this book goes by the test with the target's class absent, and shows the
# paper's test beside it where the data are varied. For $\alpha=1$ {numref}`fig-data-ranks` adds accuracy by rank of
# the class.
#
# ## What each parameter does
#
# **Burstiness $B$ and the bursty fraction $p_B$** set how many copies of the target's class the context
# holds. Without burstiness ($B=0$, or the fraction $1-p_B$) items and target are independent, and the
# context almost never helps; in-context learning alone then cannot bring the loss to zero.

# %% mystnb={"figure": {"name": "fig-task-repeats", "caption": "How many copies of the target's class the context holds (numbers in the bars), by burstiness with $p_B=1$, and by $p_B$ with this page's burstiness."}} tags=["hide-input"]
show(*figures.repeats(task, bursts, fractions, seed, size))

# %% [markdown]
# **Within-class variability $\varepsilon$** makes two items of a class less alike: their dot product is
# $1/(1+\varepsilon^2)$ on average, while that of items of different classes stays at 0, give or take
# $1/\sqrt{D}=$ {glue:text}`noise:.3f`. It hurts the memory, which has to learn a region instead of a point,
# and it hurts the copyist, whose match gets fainter.

# %% mystnb={"figure": {"name": "fig-task-similarity", "caption": "Dot product of the target with context items of its own class and of others: mean, and band of the middle 90%. Dotted: $1/(1+\\varepsilon^2)$."}} tags=["hide-input"]
show(*figures.similarity(task, epsilons, seed))

# %% [markdown]
# **The exponent $\alpha$** makes some classes common and most of them rare, $f(k)\propto k^{-\alpha}$.
# **The number of classes $K$** says how much there is to remember; a context does not get harder with it.
# **The fraction $p_C$** of sequences with novel classes adds questions that weights cannot answer at all.
#
# ## How a sequence is drawn, and a trap in it
#
# The paper asks for two things that do not fit together of themselves: classes with the frequencies $f$,
# and labels that appear equally often in a sequence, so that in a bursty context the $N/B$ classes must
# have different labels. Drawing that many labels uniformly, and then a class among each label's $K/L$,
# satisfies the second and forgets the first: every class is then the target in $1/K$ of the sequences, and
# a scan over $\alpha$ changes nothing.
#
# Here the target's class follows $f$ exactly. The other classes of the context are then drawn one by one
# from the same $f$, given that their labels are not yet taken. Dots in {numref}`fig-task-ranks` are drawn
# from bursty sequences and lie on the lines.

# %% mystnb={"figure": {"name": "fig-task-ranks", "caption": "Frequency of the target's class in bursty sequences, by rank. Lines: $f(k)\\propto k^{-\\alpha}$. Dots: drawn."}} tags=["hide-input"]
show(*figures.rank_frequency(task, alphas, seed))

# %% tags=["nbval-check-output"]
print("share of the first class  expected as target  as target  in the context")
for exponent in alphas:
    bursty = task.replace(alpha=exponent, B=task.copies, p_B=1.0, p_C=0.0)
    drawn = World(bursty, seed, dtype).batch(0, size).classes
    print(
        f"alpha={exponent:<18}{bursty.rank_frequency()[0]:14.4f}"
        f"{(drawn[:, -1] == 0).mean():13.4f}{(drawn[:, :-1] == 0).mean():13.4f}"
    )

# %% tags=["hide-input"]
steep = task.replace(alpha=max(alphas), K=min(classes))
by_label = steep.rank_frequency().reshape(-1, L).sum(0)
glue("context_iwl", scores["context", "iwl"], display=False)
glue("leak", class_in_context(task), display=False)
glue("steepest", max(alphas), display=False)
glue("fewest", min(classes), display=False)
glue("leak_steep", class_in_context(steep), display=False)
glue("noise", 1 / D**0.5, display=False)
glue("label_most", float(by_label.max()), display=False)
glue("label_least", float(by_label.min()), display=False)
glue("one_in_L", 1 / L, display=False)

# %% [markdown]
# The last column shows what the rule of different labels costs: a class fills $B$ of a context's $N$ places or none,
# so common classes fill less of it than their frequency asks for. And since the
# first class and the last do not share a label, labels are not equally frequent either: at
# $\alpha=$ {glue:text}`steepest:g` and $K=$ {glue:text}`fewest` the commonest has a share of
# {glue:text}`label_most:.3f` and the rarest {glue:text}`label_least:.4f`, where $1/L=$
# {glue:text}`one_in_L:.3f`. Chance level in a skewed task is therefore not $1/L$.
#
# Test sequences come from generators of their own, {glue:text}`tested:,` of them a test for every number
# recorded in training. Within an evaluation they stay the same; novel classes are a pool of
# {glue:text}`pool`, drawn anew for every training batch.

# %% tags=["hide-input"]
glue("tested", Training().test, display=False)
glue("pool", task.novel, display=False)

# %% [markdown]
# ## What this does not show
#
# - That a network scores like one of the two perfect solutions does not prove that it works like it. What
#   it computes is the matter of {doc}`network` and {doc}`progress_measures`.
# - The paper does not say how classes are drawn at $\alpha>0$ with different labels. The rule above is
#   ours; another rule that keeps the target's frequency would give other contexts.
# - The paper gives each novel class a label at random. Here the pool's classes take the labels in turn,
#   which for a pool drawn anew is the same but for an equal number of classes a label.
