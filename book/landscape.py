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
# # The loss landscape of an induction head
#
# **Why does an induction head appear so late and then all at once, and why does it often fail to
# appear when every label stands in the context ($L=N$)?** Because three logits are nested: from
# zero, gradient descent on the paper's three-parameter loss needs {glue:text}`slow:.0f` units of
# time to lose the first tenth of the loss, and {glue:text}`abrupt:.0f` more to lose the next eight
# tenths. For $L=N$ the start is a saddle instead, with an induction head on one side; on the other,
# where the paper sees a sub-optimal minimum, there is none, but a slow valley in which the loss falls
# towards zero as {glue:text}`wide:.0f`/time instead of 1/time.
#
# This chapter is about section 3 of {cite:t}`reddy2024`, equations 7 to 10 and Figures 7 and A.4.
# Nothing here is trained on data; everything is computed while the page is built.

# %% tags=["hide-input"]
from itertools import pairwise

import numpy as np
from myst_nb import glue

from icl.figures import interactive
from icl.figures import landscape as figures
from icl.figures.style import show
from icl.landscape import Landscape, first_time, minimal_model_saddle, rise_times
from icl.settings import InputError, at_least

# %% tags=["parameters"]
N: int = 8  # items in the context, at least 2
L: int = 32  # labels in all, more than N
rate: float = 0.1  # learning rate of gradient descent (the paper does not state its own)
steps: int = 1600  # steps from the origin with L labels
distance: float = 0.1  # with N labels, both alpha and xi start here, or both at minus this
steps_equal: int = 20000  # steps from these two starts
saturated: float = 40.0  # a logit started here has a sigmoid of 1, to double precision
until: float = 1e9  # time to which the longest paths are followed
distances: list[float] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0]  # starts compared at the end

# %% tags=["hide-input"]
at_least(0, saturated=saturated)
at_least(1, steps_equal=steps_equal)
if distance <= 0:
    raise InputError(f"distance={distance} must be above 0")
if len(distances) < 2 or not all(near < far for near, far in pairwise([0.0, *distances])):
    raise InputError(f"distances={distances} must be two or more rising numbers above 0")
sloped, equal = Landscape(N=N, L=L), Landscape(N=N, L=N)
if L == N:
    raise InputError(f"L={L} must be above N={N}: the first half of this page is about L > N")
saddle_y = sloped.saddle_logit()  # refuses N=1
origin = np.zeros(3)  # beta1, alpha, xi
sides = distance * np.array([[0, 1, 1], [0, -1, -1]])

path = sloped.descend(origin, rate=rate, steps=steps)
level = 0.1 * path.loss[0]
if path.loss.min() > level:
    raise InputError(
        f"steps={steps} must be more: at rate={rate} the loss does not fall to a tenth of its start"
    )
tenth, half, most = (rise_times(path, share=share, level=level) for share in (0.1, 0.5, 0.9))
fates = equal.descend(sides, rate=rate, steps=steps_equal)
long_fates = equal.flow(sides, until=until, steps=3000)

ten, ninety = (float(first_time(path, share * path.loss[0])) for share in (0.9, 0.1))
glue("slow", ten, display=False)
glue("abrupt", ninety - ten, display=False)
glue("wide", float(4 * N**2), display=False)
glue("distance", distance, display=False)
glue("until", until, display=False)

# %% [markdown]
# ## Three nested logits
#
# A softmax classifier with a vector $\gamma_j$ for each of $L$ labels reads $w$, and gives the
# right label $t$ the probability
#
# $$
# \pi_t = \frac{e^{\gamma_t\cdot w}}{\sum_{j=1}^{L} e^{\gamma_j\cdot w}} .
# $$ (eq-classifier)
#
# What it reads is a mean of the labels in the context, weighted by the attention that the target
# pays them. The right label stands at index $\tau$ and has the attention logit $y$; each of the other
# $2N$ tokens has the logit 0. What the items among them add to $w$ is left out:
#
# $$
# w = \frac{e^{y}}{e^{y}+2N}\,\ell_\tau + \frac{1}{e^{y}+2N}\sum_{k\neq\tau}\ell_k ,
# $$ (eq-reading)
#
# $$
# y = \alpha\,\frac{e^{\beta_1}}{e^{\beta_1}+N_1} .
# $$ (eq-attention)
#
# The fraction in {eq}`eq-attention` is the attention that the right label pays, in layer 1, to the
# item before it, against $N_1$ other tokens. A label at index $\tau$ has $2\tau-1$ of them; the paper
# takes the intermediate value $N_1=N$. If all labels are alike, so that $\gamma_i\cdot\ell_i=\zeta$ and
# $\gamma_i\cdot\ell_j=\zeta'$, only $\xi=\zeta-\zeta'$ matters, and the loss $-\log\pi_t$ is
#
# $$
# \mathcal L = \log\!\left(1+(N-1)\,e^{-z}+(L-N)\,e^{-z'}\right),\qquad
# z=\frac{e^{y}-1}{e^{y}+2N}\,\xi,\qquad z'=\frac{e^{y}}{e^{y}+2N}\,\xi .
# $$ (eq-landscape)
#
# *Is this really what the first three equations give?* Yes, and exactly. The $N-1$ other labels of
# the context are read with weight $1/(e^y+2N)$ themselves, which is where the $-1$ in $z$ comes from;
# the $L-N$ labels outside are not read at all, so $z'$ has none. The items stay in the denominators,
# since they take attention, and drop out of the numerators. The tests evaluate
# {eq}`eq-classifier` to {eq}`eq-attention` with explicit vectors, label by label and with the items
# put back (at right angles to every $\gamma_j$), for random $N$, $L$, $N_1$, $\zeta'$ and logits. They find
# the probabilities of {eq}`eq-landscape` to $10^{-10}$.
#
# The loss thus has three parameters: $\beta_1$ in layer 1 sits inside $\alpha$ in layer 2, which sits
# inside $\xi$ of the classifier. Write $p$ for the probability of the context's other labels, $q$
# for that of the labels outside, $r=e^y/(e^y+2N)$ and $g=(e^y-1)/(e^y+2N)$. Then
#
# $$
# \frac{\partial\mathcal L}{\partial\xi}=-(p\,g+q\,r),\qquad
# \frac{\partial\mathcal L}{\partial\alpha}
#   =-\Big(\tfrac{2N+1}{2N}\,p+q\Big)\,\xi\;r(1-r)\,\frac{\partial y}{\partial\alpha},
# $$ (eq-slopes)
#
# and the same with $\partial y/\partial\beta_1$ for $\beta_1$. At the origin the last two vanish and the
# first is what the paper says, $-(L-N)/\big(L(2N+1)\big)$:

# %% tags=["nbval-check-output"]
print("gradient at the origin (beta1, alpha, xi):", sloped.gradient(origin))
print("-(L-N) / (L(2N+1)):", sloped.origin_slope())

# %% [markdown]
# ## A shelf, then a cliff
#
# Figure 7a starts gradient descent at the origin. The axis counts learning rate times steps, which
# makes runs with different learning rates comparable: with ten times the rate, the loss is at a tenth
# {glue:text}`coarse:.1f` units of time later.

# %% mystnb={"figure": {"name": "fig-landscape-loss", "caption": "The paper's Figure 7a. The loss {eq}`eq-landscape` along gradient descent from the origin, for more labels than items in the context. Computed on this page by `Landscape.descend`."}} tags=["hide-input"]
show(*figures.loss_curve(sloped, path))

# %% tags=["nbval-check-output"]
print(f"loss: {path.loss[0]:.4f} at the start, log N = {np.log(N):.4f}")
print(f"falls to 90% at time {ten:.2f}, to 10% at time {ninety:.2f}")
edge = np.array([np.interp(ten, path.time, logit) for logit in path.theta.T])
right, others, outside = sloped.probabilities(edge)
print(f"at 90%: right label {right:.4f}, context's others {others:.4f}, outside {outside:.4f}")

# %% tags=["hide-input"]
coarse = sloped.descend(origin, rate=10 * rate, steps=steps // 10)
glue("coarse", float(first_time(coarse, 0.1 * path.loss[0])) - ninety, display=False)
glue("edge_right", float(right), display=False)
glue("edge_context", float(right + others), display=False)
glue("one_in_N", 1 / N, display=False)
glue("one_in_L", 1 / L, display=False)
glue("N_in_L", N / L, display=False)

# %% [markdown]
# The claim holds: {glue:text}`slow:.1f` units of time on the shelf, {glue:text}`abrupt:.1f` for the
# cliff. But what happens *on* the shelf is less than the paper's words suggest. In the network the slow
# phase takes the accuracy from $1/L$ to $1/N$, as the network learns to name some label of the
# context. Here the cliff opens long before. At its edge the right label has a probability of
# {glue:text}`edge_right:.3f`, up from $1/L=$ {glue:text}`one_in_L:.3f` and nowhere near $1/N=$
# {glue:text}`one_in_N:.3f`; all labels of the context together have {glue:text}`edge_context:.2f`, up
# from {glue:text}`N_in_L:.2f`. The dotted line at $\log N$, where the loss would rest if the network
# chose among the context's labels, is crossed in mid-fall. So the landscape shows why a slow start can
# end abruptly; the network's slow climb from $1/L$ to $1/N$ it does not show.
#
# ## In which order
#
# The paper says that $\xi$ rises first and that this leads to a cliff, where $\alpha$ and $\beta_1$ are
# learned rapidly. Equation {eq}`eq-slopes` says in which order they *must* start. Only $\xi$ has a slope
# at the origin, so $\xi\propto t$. The slope of $\alpha$ is proportional to $\xi$, so $\alpha\propto t^2$.
# The slope of $\beta_1$ is proportional to $\xi\alpha$, so $\beta_1\propto t^4$: each logit waits for those
# around it.

# %% mystnb={"figure": {"name": "fig-landscape-parameters", "caption": "The paper's Figure 7b. The three logits along the path of {numref}`fig-landscape-loss`. Dots: half of the size that each has once the loss is at a tenth of its start."}} tags=["hide-input"]
show(*figures.parameter_curves(path))

# %% tags=["nbval-check-output"]
early = sloped.flow(origin, until=1.0, steps=200)
powers = np.log(early.theta[100] / early.theta[50]) / np.log(early.time[100] / early.time[50])
print("powers of time at the start (beta1, alpha, xi):", powers.round(2))
for share, times in {"10%": tenth, "50%": half, "90%": most}.items():
    print(f"time of {share} of the rise (beta1, alpha, xi):", times.round(1))

# %% tags=["hide-input"]
for name, times in {"tenth": tenth, "half": half, "most": most}.items():
    for logit, time in zip(("beta1", "alpha", "xi"), times.tolist(), strict=True):
        glue(f"{name}_{logit}", time, display=False)

# %% [markdown]
# So "sequentially" is right about the beginning: a tenth of the rise is there at time
# {glue:text}`tenth_xi:.0f` for $\xi$, {glue:text}`tenth_alpha:.0f` for $\alpha$ and
# {glue:text}`tenth_beta1:.0f` for $\beta_1$. It is right about $\xi$ before the other two at half of the
# rise ({glue:text}`half_xi:.0f` against {glue:text}`half_alpha:.1f` and {glue:text}`half_beta1:.1f`). The
# two attention logits, however, go over the cliff together, and they take $\xi$ along: nine tenths are
# reached at {glue:text}`most_xi:.1f`, {glue:text}`most_alpha:.1f` and {glue:text}`most_beta1:.1f`.
#
# For a single $N_1$ the loss depends on $\alpha$ and $\beta_1$ through $y$ alone. So the surface in
# {numref}`fig-landscape-surface` is the whole landscape and no cut through it. At $y=0$, its shelf, only
# the labels outside the context can be told apart from the right one, and that gently: the target
# pays each label only one part in $2N+1$ of its attention.

# %% mystnb={"figure": {"name": "fig-landscape-surface", "caption": "The paper's Figure 7c. The path of {numref}`fig-landscape-loss` on the loss, over the classifier's logit $\\xi$ and the attention logit $y$ of {eq}`eq-attention`."}} tags=["hide-input"]
show(*figures.path_on_surface(sloped, path))

# %% [markdown]
# ## What each logit adds
#
# Why is the fall so abrupt? The paper's answer is general: logits nested in one another make sharp gradients, and a
# chain of them “cliffs”. On the landscape this can be tried, by taking logits out of the chain. A sigmoid that is
# 1 from the outset has no slope left and nothing to learn. With $\beta_1$ started so high, $y=\alpha$, and two nested
# logits are left; with $\alpha$ so high as well, the target reads the right label alone, and only $\xi$ is learned.

# %% tags=["hide-input"]
chains = {
    "three nested": path,
    "two nested": sloped.descend([saturated, 0, 0], rate=rate, steps=steps),
    "one": sloped.descend([saturated, saturated, 0], rate=rate, steps=steps),
}
falls = {
    logits: [float(first_time(chain, share * chain.loss[0])) for share in (0.75, 0.25)]
    for logits, chain in chains.items()
}

# %% mystnb={"figure": {"name": "fig-landscape-chain", "caption": "The loss along gradient descent, as a share of its start, with three nested logits ({numref}`fig-landscape-loss`), with $\\beta_1$ saturated (two), and with both $\\beta_1$ and $\\alpha$ saturated (one). Time is counted in units of the time until a quarter of the loss is lost. Computed on this page."}} tags=["hide-input"]
show(*figures.chains(chains))

# %% tags=["nbval-check-output"]
for logits, (high, low) in falls.items():
    share = (low - high) / high
    print(
        f"{logits}: a quarter is lost at time {high:.2f}, the next half takes {low - high:.2f}, {share:.3f} of it"
    )

# %% [markdown]
# One logit alone has no cliff: its loss falls fastest at the start. Each one that is nested in it puts a shelf before
# the fall, and so makes the fall a smaller part of the whole; in time it is not shorter. That is what the paper says, and it needs no noise, no data and no other part of
# a network. (A rule for it was not written before the numbers were known.)

# %% [markdown]
# ## When every label stands in the context
#
# For $L=N$ the term in $z'$ is gone, and with it the slope at the origin. To second order
# $y\approx\alpha/(N_1+1)$ and $z\approx y\,\xi/(2N+1)$, so that
#
# $$
# \mathcal L\approx\log N-h\,\alpha\,\xi,\qquad h=\frac{N-1}{N\,(N_1+1)\,(2N+1)} .
# $$ (eq-saddle)
#
# This is a saddle: the eigenvalues of the Hessian are $-h$ along $\alpha=\xi$, $h$ along $\alpha=-\xi$, and 0
# along $\beta_1$.

# %% tags=["nbval-check-output"]
print("gradient:             ", equal.gradient(origin))
print("eigenvalues, Hessian: ", np.linalg.eigvalsh(equal.hessian(origin)).round(12) + 0.0)
print("eigenvalues, by hand: ", equal.origin_saddle().eigenvalues.round(12))

# %% mystnb={"figure": {"name": "fig-landscape-fates", "caption": "The paper's Figure A.4a. The loss for $L=N$ from two starts beside the origin, $\\alpha=\\xi=\\pm d$ with $d=$ {glue:text}`distance:g`."}} tags=["hide-input"]
show(*figures.two_fates(equal, fates))

# %% mystnb={"figure": {"name": "fig-landscape-saddle", "caption": "The paper's Figure A.4b. The two paths of {numref}`fig-landscape-fates` over the contours of the loss. Dashed: the level of the saddle, $\\log N$."}} tags=["hide-input"]
show(*figures.saddle(equal, fates))

# %% [markdown]
# From the upper right the path finds the induction head. From the lower left both $\alpha$ and $\xi$
# become negative, and this, too, is a way to solve the task. The target looks away from the label that
# belongs to it and at all others, and the classifier votes *against* what it sees. Since every label
# stands in the context, the one that is missing from the view is the right one: classification by
# elimination.
#
# ## Walk it yourself
#
# Choose $N$, $L$ and a start, and follow gradient descent from there; nothing is stored, the page computes
# {eq}`eq-landscape` and its gradient itself. Lower $L$ to $N$ with the start at the origin: the slope is
# gone, and the path does not move. Then move $\alpha$ and $\xi$ a little to one side, or to the other.

# %% mystnb={"figure": {"name": "fig-landscape-walk", "caption": "Left: the loss over the two logits on which it depends, and the path of gradient descent. Right: loss and logits along it. With JavaScript, sliders set $N$, $L$, the start and how long the path is followed, and move a marker along it; a path may leave the picture."}} tags=["hide-input"]
interactive.show_part("landscape", *interactive.landscape(sloped, path))

# %% [markdown]
# ## Is the sub-optimal minimum a minimum?
#
# No. For $L=N$ the loss is $\log(1+(N-1)e^{-z})$, which falls whenever $z=g(y)\,\xi$ grows. Its gradient
# can vanish only where that of $z$ does: $\partial z/\partial\xi=g$ is zero only at $y=0$, so $\alpha=0$, and
# $\partial z/\partial\alpha=\xi\,g'(y)\,\partial y/\partial\alpha$ only at $\xi=0$, because
# $g'(y)=(2N+1)e^y/(e^y+2N)^2$ is positive everywhere. So the $\beta_1$ axis holds *all* critical points,
# and each is a saddle. There is no minimum anywhere.
#
# What looks like one is a slow valley. There $y\to-\infty$, but only like the logarithm of a logarithm of time, and
# $g\to-1/(2N)$, so that soon hardly anything but $\xi$ moves, towards $-\infty$. With
# $\mathcal L\approx(N-1)e^{-z}$ the gradient in $\xi$ is $-g\,\mathcal L$, hence $d\mathcal L/dt\approx-g^2\mathcal L^2$ and
#
# $$
# \mathcal L\approx\frac{1}{g^2\,t}\;\to\;\frac{4N^2}{t} .
# $$ (eq-slow-fate)
#
# On the side of the induction head $g\to1$, and the loss falls as $1/t$.

# %% mystnb={"figure": {"name": "fig-landscape-long", "caption": "The two paths of {numref}`fig-landscape-fates`, followed as gradient flow to time {glue:text}`until:.0e`. Dotted: $1/t$ and $4N^2/t$ of {eq}`eq-slow-fate`. Computed on this page by `Landscape.flow`."}} tags=["hide-input"]
show(*figures.long_descent(equal, long_fates))

# %% tags=["nbval-check-output"]
for at in (1200, 1800, 2400, 3000):  # records are log-spaced
    time, theta, loss = (values[at] for values in long_fates)
    slope = np.linalg.norm(equal.gradient(theta[1]))
    print(
        f"time {time:.0e}: loss {loss[1]:.2e}, loss x time {loss[1] * time:.2f}, "
        f"gradient {slope:.1e}, xi {theta[1, 2]:.1f}"
    )
print("induction head, loss x time at the end:", round(float(loss[0] * time), 3))

# %% tags=["hide-input"]
glue("long_loss", float(long_fates.loss[-1, 1]), display=False)
glue("long_product", float(long_fates.loss[-1, 1] * long_fates.time[-1]), display=False)
glue("long_xi", float(long_fates.theta[-1, 1, 2]), display=False)
glue("floor", float(np.log(L - N + 1)), display=False)
glue("saddle_y", saddle_y, display=False)
glue("saddle_alpha", saddle_y * (1 + N), display=False)

# %% [markdown]
# At time {glue:text}`until:.0e` the second path stands at a loss of {glue:text}`long_loss:.1e` with
# $\xi=$ {glue:text}`long_xi:.0f`, and loss times time is {glue:text}`long_product:.1f`, as
# {eq}`eq-slow-fate` demands. Within the time in which the first path is done it does look like a plateau
# that is worse.
#
# The same algebra says what $L>N$ changes. The critical points, again a line of saddles at $\xi=0$,
# move to $e^y=(N-1)/(L-1)$, here $y=$ {glue:text}`saddle_y:.2f`, which at $\beta_1=0$ is
# $\alpha=$ {glue:text}`saddle_alpha:.1f`. The origin now lies well inside the basin of the induction head.
# And elimination no longer works: if $\xi<0$ then $z'<0$, a label outside the context is always
# likelier than the right one, and the loss stays above $\log(L-N+1)=$ {glue:text}`floor:.2f`.
#
# ## How much longer does it take?
#
# The paper finds that the induction head takes much longer for $L=N$. How much longer depends on the
# start, which the paper does not state: near a saddle the distance grows like $e^{ht}$, so that every
# factor of ten by which the start is nearer costs another $\ln(10)/h$. For $L>N$ the origin has a slope,
# and the distance hardly matters.

# %% tags=["hide-input"]
starts = np.array(distances)[:, None] * np.array([0, 1, 1])
labels = sorted({N, N + 1, 2 * N, L})
halfway = {
    labels_: first_time(
        Landscape(N=N, L=labels_).flow(starts, until=1e5, steps=2500), np.log(2)
    ).tolist()
    for labels_ in labels
}

# %% mystnb={"figure": {"name": "fig-landscape-times", "caption": "Time until the right label has probability ½, for several $L$, from starts at several distances. Gradient flow, computed on this page."}} tags=["hide-input"]
show(*figures.times_by_start(N, distances, halfway))

# %% tags=["nbval-check-output"]
for labels_, times in halfway.items():
    print(f"L={labels_}:", np.round(times, 1))
h = equal.origin_saddle().eigenvalues[2]
decades = np.log10(distances[1] / distances[0])
print("more time a decade nearer:", round((halfway[N][0] - halfway[N][1]) / decades, 1))
print("ln(10) / h:", round(float(np.log(10) / h), 1))

# %% tags=["hide-input"]
ratios = np.array(halfway[N]) / halfway[L]
glue("nearest", distances[0], display=False)
glue("farthest", distances[-1], display=False)
glue("ratio_near", float(ratios[0]), display=False)
glue("ratio_far", float(ratios[-1]), display=False)

# %% [markdown]
# From the same start $L=N$ takes {glue:text}`ratio_far:.1f` times as long as the larger $L$ from a distance
# of {glue:text}`farthest:.3g`, and {glue:text}`ratio_near:.0f` times as long from {glue:text}`nearest:.3g`.
# So "longer" holds at every start tried, and "much longer" at those near the saddle. The reason is not so
# much a *shallower* gradient at the origin, as the paper writes, as none at all.

# %% [markdown]
# ## With a classifier that knows the labels from the outset
#
# Language models often tie the classifier's weights to the embeddings. The paper has not tried it, and
# conjectures that it may make the slow phase unnecessary, since it aligns the classifier with the labels and so
# increases $\xi$ from the outset. Here that is a start with $\xi>0$ while the two attention logits are still zero:

# %% tags=["nbval-check-output"]
quarter = 0.75 * path.loss[0]  # the loss has lost a quarter of what the origin has
xi_there = float(np.interp(first_time(path, quarter), path.time, path.theta[:, 2]))
aligned = np.array([0.0, 1.0, 2.0, 4.0, xi_there, 8.0, 16.0])
waits = first_time(sloped.descend(aligned[:, None] * [0, 0, 1], rate=rate, steps=steps), quarter)
for xi, wait in zip(aligned, waits, strict=True):
    print(f"xi = {xi:5.2f} at the start: a quarter is lost at time {wait:.3f}")

# %% tags=["hide-input"]
glue("xi_there", xi_there, display=False)
glue("aligned_share", float(waits[4] / waits[0]), display=False)
glue("one_share", float(waits[1] / waits[0]), display=False)

# %% [markdown]
# It shortens the wait and does not make it unnecessary. On its way from the origin $\xi$ is
# {glue:text}`xi_there:.1f` when a quarter of the loss is lost. A path that *starts* with that much still waits
# {glue:text}`aligned_share:.0%` of the time, since $\alpha$ and $\beta_1$ have to come from zero all the
# same, by {eq}`eq-slopes`; with $\xi=1$, a vector for each label that is the label itself, at unit length, it waits
# {glue:text}`one_share:.0%`. Only a classifier that is far surer than the cliff needs takes the shelf away. What a
# tied classifier does to the minimal model is {ref}`tried there <fig-minimal-tied>`.
#
# ## Does $N_1=N$ matter?
#
# The paper leaves out the expectation over the position $\tau$ of the right label, in which $N_1=2\tau-1$.
# There is a second simplification, which it does not mention. By {eq}`eq-attention` only the right label
# carries its item; in the minimal model every token *after* that item carries a share of it, since
# attention in layer 1 spreads over all earlier tokens, and so competes for the target's attention in
# layer 2. For orthonormal contents the second-order expansion can be done for the minimal model
# itself, and gives $h=(H_N-1)/\big(2N(2N+1)\big)$ with the harmonic number $H_N$.

# %% tags=["nbval-check-output"]
averaged = sloped.replace(over_tau=True)
averaged_path = averaged.descend(origin, rate=rate, steps=steps)
for name, times in {"N1 = N": path, "mean over tau": averaged_path}.items():
    shares = [float(first_time(times, share * times.loss[0])) for share in (0.9, 0.1)]
    print(f"{name}: 90% of the loss at time {shares[0]:.1f}, 10% at {shares[1]:.1f}")
print(f"h, N1 = N:          {h:.6f}")
print(f"h, mean over tau:   {equal.replace(over_tau=True).origin_saddle().eigenvalues[2]:.6f}")
print(f"h, minimal model:   {minimal_model_saddle(N):.6f}")

# %% tags=["hide-input"]
averaged_ten = float(first_time(averaged_path, 0.9 * path.loss[0]))
h_averaged = float(equal.replace(over_tau=True).origin_saddle().eigenvalues[2])
glue("averaged_ten", averaged_ten, display=False)
glue("averaged_share", averaged_ten / ten, display=False)
glue("h_paper", float(h) / minimal_model_saddle(N) - 1, display=False)
glue("h_averaged", h_averaged / minimal_model_saddle(N) - 1, display=False)

# %% [markdown]
# With the expectation the cliff comes at time {glue:text}`averaged_ten:.0f` instead of
# {glue:text}`slow:.0f`, with the same shape: on average over $\tau$, $1/(N_1+1)$ is larger than at
# $N_1=N$. But taken alone the expectation is not the better model. Against the minimal model's own
# saddle, $h$ is off by {glue:text}`h_paper:+.0%` with $N_1=N$ and by {glue:text}`h_averaged:+.0%` with the
# expectation but without the competing tokens.
#
# ## What this does not show
#
# - The landscape has no noise, no finite $D$, no items in what the classifier reads, and one number
#   where the network has a deep classifier. It cannot learn in weights. That its cliff is the cause of
#   the abrupt transition in the network is an analogy, and not tested here. {doc}`minimal` and
#   {doc}`progress_measures` show what it would have to explain.
# - Times are in units of this model. They say nothing about iterations of the network.
# - The paper does not state its learning rate, its starts for $L=N$, or the values of $N$ and $L$ behind
#   its Figure 7. Here $N$ and $L$ are those of its other experiments; all can be changed above.
# - That there is no minimum is a statement about {eq}`eq-landscape`. How the seeds of the minimal model end at $L=N$
#   is shown in {doc}`minimal`.
