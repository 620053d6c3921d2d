"""What is trained: settings of both models, shapes of their parameters, initial values.

Parameters are a dict of arrays under the paper's letters, so that the legible networks
(:mod:`icl.network`, :mod:`icl.minimal`) and the fast ones (:mod:`icl.fast`) share them.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, Self, assert_never

import numpy as np
from jaxtyping import Float
from pydantic import Field, model_validator

from icl.settings import Settings
from icl.task import Array, DType, Stream, Task, generator


class Model(Settings):
    """Which network is trained.

    ``full`` is section 2's: two attention layers of width P+D (eq. 2-3) and a classifier.
    ``minimal`` is section 3's induction head of three scalars (eq. 4-6) and a classifier of the
    same form, width 2D.
    """

    kind: Literal["full", "minimal"] = Field(
        "full",
        description="full: the attention-only network of section 2; "
        "minimal: the induction head of section 3",
    )
    hidden: int = Field(3, ge=1, le=8, description="hidden ReLU layers of the classifier")
    attention_scale: float = Field(
        1.0,
        gt=0,
        le=1e3,  # the square of a factor must be a number
        description="factor on the standard deviation 1/sqrt(D) of Q, K, V at the start",
    )
    train_beta2: bool = Field(
        True, description="minimal model: train beta2 (three parameters) or hold it at 0 (two)"
    )
    bias: bool = Field(True, description="train one bias in each hidden layer, or hold it at 0")
    xi0: float = Field(
        0.0, ge=0, description="minimal model: xi0 l.w^b is added to label l's logit; 1: tied to l"
    )

    @model_validator(mode="after")
    def _settings_fit_the_kind(self) -> Self:
        if self.kind == "full" and not self.train_beta2:
            raise ValueError(
                "train_beta2=False needs kind='minimal': the full network has no beta2"
            )
        if self.kind == "minimal" and self.attention_scale != 1.0:
            raise ValueError(
                f"attention_scale={self.attention_scale} needs kind='full': "
                "the minimal model's attention starts at 0"
            )
        if self.kind == "full" and self.xi0:
            raise ValueError(f"xi0={self.xi0} needs kind='minimal': its buffer holds labels")
        return self

    def width(self, task: Task) -> int:
        """Width of the classifier: P+D in the full network, 2D (content, buffer) in the minimal."""
        match self.kind:
            case "full":
                return task.P + task.D
            case "minimal":
                return 2 * task.D
            case _:
                assert_never(self.kind)


class Parameter(NamedTuple):
    """What is known of a parameter before training."""

    shape: tuple[int, ...]
    variance: float | None  # of its first values; None: they are 0 and not drawn
    trained: bool = True  # or held at 0


def parameter_table(model: Model, task: Task) -> dict[str, Parameter]:
    """Every parameter, in the order in which a flat vector holds them and first values are drawn.

    First values are those of the original experiments: Q, K, V ~ N(0, 1/D); W ~ N(0, 2/E) (He); one
    scalar bias a layer and the readout R ~ N(0, 1/E), E the width. The minimal model's alpha, beta1
    and beta2 are 0, the start of the landscape's path.
    """
    E = model.width(task)
    match model.kind:
        case "full":
            matrix = Parameter((E, E), model.attention_scale**2 / task.D)
            attention = dict.fromkeys(("Q1", "K1", "V1", "Q2", "K2", "V2"), matrix)
        case "minimal":
            attention = dict.fromkeys(("alpha", "beta1"), Parameter((), None))
            attention["beta2"] = Parameter((), None, model.train_beta2)
        case _:
            assert_never(model.kind)
    classifier = {}
    for layer in range(1, model.hidden + 1):
        classifier[f"W{layer}"] = Parameter((E, E), 2 / E)
        classifier[f"b{layer}"] = Parameter((), 1 / E, model.bias)
    return attention | classifier | {"R": Parameter((task.L, E), 1 / E)}


def shapes(model: Model, task: Task) -> dict[str, tuple[int, ...]]:
    """Shape of every parameter, in the order of :func:`parameter_table`."""
    return {name: parameter.shape for name, parameter in parameter_table(model, task).items()}


def initial(model: Model, task: Task, seed: int, dtype: DType = "float32") -> dict[str, Array]:
    """First values, as :func:`parameter_table` says; of what is held, 0."""
    rng = generator(seed, Stream.INIT)
    theta = {}
    for name, (shape, variance, trained) in parameter_table(model, task).items():
        value = np.zeros(shape, dtype)
        if variance is not None:
            drawn = rng.standard_normal(shape)  # of a bias too that is held: all else stays as is
            if trained:
                value = np.asarray(drawn * np.sqrt(variance), dtype)
        theta[name] = value
    return theta


def fixed_part(model: Model, label_contents: Float[Array, "L D"]) -> Float[Array, "L E"]:
    """The fixed part of the minimal classifier: xi0 times each label, against the buffer.

    It ties the classifier to the labels, so that the landscape's xi is xi0 from the outset, up to
    the overlap of random labels.
    """
    factor = label_contents.dtype.type(model.xi0)
    return np.concatenate([np.zeros_like(label_contents), factor * label_contents], axis=1)


CACHE_LINE = 64  # bytes


class Flat:
    """Parameters as views of one vector, so that an update of them all is one operation.

    Each view starts a cache line, where matrix products are fastest; the gaps between are 0.
    """

    def __init__(self, shapes: dict[str, tuple[int, ...]], dtype: DType) -> None:
        sizes = {name: int(np.prod(shape)) for name, shape in shapes.items()}
        line = CACHE_LINE // np.dtype(dtype).itemsize
        starts, end = {}, 0
        for name, size in sizes.items():
            starts[name] = end
            end += -(-size // line) * line
        space = np.zeros(end + line, dtype)
        first = -space.ctypes.data % CACHE_LINE // space.itemsize
        self.vector = space[first : first + end]
        self.views = {
            name: self.vector[starts[name] :][: sizes[name]].reshape(shape)
            for name, shape in shapes.items()
        }

    def __getitem__(self, name: str) -> Array:
        return self.views[name]

    def load(self, values: dict[str, Array]) -> None:
        """Copy values in, by name."""
        for name, view in self.views.items():
            view[...] = values[name]

    def copy(self) -> dict[str, Array]:
        """Values that stay as they are when the vector changes."""
        return {name: view.copy() for name, view in self.views.items()}
