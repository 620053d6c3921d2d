"""Every admissible setting, small: what property tests draw from; and parameters for it."""

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from icl.model import Model, shapes
from icl.task import Task

# On a busy machine an example may take seconds.
settings.register_profile("icl", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("icl")


@st.composite
def tasks(draw):
    N = draw(st.integers(1, 6))
    B = draw(st.sampled_from([0, *(b for b in range(1, N + 1) if N % b == 0)]))
    together = N // max(B, 1)  # classes of a bursty context
    distinct = draw(st.booleans())
    L = draw(st.integers(max(2, together if distinct else 2), together + 4))
    T = 2 * N + 1
    return Task(
        K=L * draw(st.integers(-(-together // L), 4 if distinct else 6)),
        L=L,
        N=N,
        B=B,
        p_B=draw(st.sampled_from([0.0, 0.4, 1.0])),
        p_C=draw(st.sampled_from([0.0, 0.5, 1.0])) if B else 0.0,
        alpha=draw(st.sampled_from([0.0, 0.5, 1.0, 2.5])),
        eps=draw(st.sampled_from([0.0, 0.1, 1.5])),
        D=draw(st.integers(1, 9)),
        P=T + draw(st.integers(0, 5)),
        novel=max(L, together) + draw(st.integers(0, 5)),
        distinct=distinct,
    )


def full_models():
    return st.builds(Model, hidden=st.integers(1, 4), bias=st.booleans())


def minimal_models():
    return st.builds(
        Model,
        kind=st.just("minimal"),
        hidden=st.integers(1, 4),
        train_beta2=st.booleans(),
        bias=st.booleans(),
        xi0=st.sampled_from([0.0, 1.0, 2.5]),
    )


def parameters(model, task, seed):
    """Parameters of size 1, so that attention is neither uniform nor hard: by name, float64."""
    rng = np.random.default_rng(seed)
    theta = {}
    for name, shape in shapes(model, task).items():
        size = (2 if name[0] in "QK" else 1) / (shape[-1] if shape else 1) ** 0.5
        theta[name] = np.asarray(size * rng.normal(size=shape))
    return theta | {name: np.array(0.0) for name in held(model)}


def held(model):
    """Names of parameters that stay at 0."""
    names = [] if model.train_beta2 else ["beta2"]
    return names if model.bias else names + [f"b{i}" for i in range(1, model.hidden + 1)]
