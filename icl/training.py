"""Training: SGD, what is recorded on the way, and a checkpoint from which a killed run goes on.

A run's curves follow from its configuration and seed alone. A checkpoint holds everything a step
depends on (parameters and the step's number: batches are a function of it), so a run that was
killed and resumed ends with the same bits as one that was not.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from jaxtyping import Float
from pydantic import Field, model_validator

from icl import measures
from icl.fast import Output
from icl.model import Model, initial
from icl.settings import Settings
from icl.task import Array, DType, Probe, Sequences, Task, World

CHECKPOINT_SECONDS = 5.0


class Training(Settings):
    """How a network is trained and what is recorded; the defaults are the paper's."""

    steps: int = Field(150_000, ge=1, description="steps of SGD")
    batch: int = Field(128, ge=1, description="sequences a step")
    learning_rate: float = Field(0.01, gt=0, description="of SGD")
    decay: float = Field(
        1e-6,
        ge=0,
        lt=1,
        description="part of every parameter lost at each step, as in the original",
    )
    dtype: DType = Field("float32", description="of parameters and data")
    every: int = Field(500, ge=1, description="steps between two records")
    test: int = Field(1000, ge=1, description="test sequences behind each recorded number")
    maps: bool = Field(False, description="record attention maps too")
    keep_parameters: bool = Field(False, description="store the final parameters with the curves")
    stop_loss: float = Field(
        0.0,
        ge=0,
        description="stop once the mean training loss stays below this, in nats; 0: never",
    )
    stop_steps: int = Field(20_000, ge=1, description="for how many steps it must stay below")

    @model_validator(mode="after")
    def _records_fit_the_steps(self) -> Self:
        if self.steps % self.every:
            raise ValueError(f"steps={self.steps} must be a multiple of every={self.every}")
        return self

    @model_validator(mode="after")
    def _stop_rule_has_a_loss(self) -> Self:
        # It would train the same run under another hash.
        if not self.stop_loss and self.stop_steps != type(self).model_fields["stop_steps"].default:
            raise ValueError(
                f"stop_steps={self.stop_steps} needs stop_loss above 0: at 0 no run stops early"
            )
        return self


class Diverged(RuntimeError):
    """The loss of some seeds is no longer a number; the message is one line."""

    def __init__(self, message: str, seeds: list[int]) -> None:
        super().__init__(message)
        self.seeds = seeds

    @staticmethod
    @contextmanager
    def collect(found: list[Diverged]) -> Iterator[None]:
        """Note the error, so that what comes after is done first."""
        try:
            yield
        except Diverged as error:
            found.append(error)

    @staticmethod
    def raise_all(found: list[Diverged]) -> None:
        """Raise one error for all that were noted, if any."""
        if found:
            seeds = [seed for error in found for seed in error.seeds]
            raise Diverged("; ".join(map(str, found)), seeds)


class OtherRun(ValueError):
    """A checkpoint is not of the run that was to be resumed."""


@runtime_checkable  # the tests check types as they run
class Engine(Protocol):
    """What trains seeds together: one in :mod:`icl.fast`, any number in :mod:`icl.legible`."""

    def load(self, parameters: list[dict[str, Array]]) -> None:
        """Take these parameters, one dict a seed."""

    def parameters(self) -> list[dict[str, Array]]:
        """Copies of the present parameters, one dict a seed."""

    def losses(self, step: int) -> Float[Array, "seed"]:
        """Each seed's loss on its batch of a step; nothing is trained."""

    def step(self, step: int, learning_rate: float, decay: float) -> Float[Array, "seed"]:
        """One step of SGD on every seed, theta <- (1 - decay) theta - learning_rate grad.

        Gives each seed's loss before it.
        """

    def forward(self, place: int, sequences: Sequences) -> Output:
        """Logits and attention of any number of sequences, of the seed at this place, from 0."""


@dataclass
class State:
    """One seed's run so far: all that a checkpoint holds."""

    step: int
    theta: dict[str, Array]
    loss_sum: float = 0.0  # of the steps since the last record
    seconds: float = 0.0  # of processor time, this seed's share
    records: list[dict[str, Array]] = field(default_factory=list)

    def dump(self, run: str) -> bytes:
        """As an npz archive, which holds arrays only, and the name of the run they belong to."""
        arrays: dict[str, Any] = {f"theta/{name}": value for name, value in self.theta.items()}
        for name in self.records[0] if self.records else {}:
            arrays[f"record/{name}"] = np.stack([record[name] for record in self.records])
        scalars = json.dumps(
            {
                "run": run,
                "step": self.step,
                "loss_sum": self.loss_sum.hex(),
                "seconds": self.seconds,
            }
        )
        buffer = io.BytesIO()
        np.savez(buffer, scalars=np.array(scalars), **arrays)
        return buffer.getvalue()

    @classmethod
    def parse(cls, content: bytes, run: str) -> State:
        """The inverse of :meth:`dump`; runs no code from the file. Raises :class:`OtherRun`."""
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = dict(archive)
        scalars = json.loads(str(arrays.pop("scalars")))
        if scalars.get("run") != run:
            raise OtherRun(f"it holds another run, {scalars.get('run')}")
        parts: dict[str, dict[str, Array]] = {"theta": {}, "record": {}}
        for name, value in arrays.items():
            part, _, key = name.partition("/")
            parts[part][key] = value
        columns = parts["record"]
        length = len(next(iter(columns.values()))) if columns else 0
        return cls(
            step=scalars["step"],
            theta=parts["theta"],
            loss_sum=float.fromhex(scalars["loss_sum"]),
            seconds=scalars["seconds"],
            records=[{k: np.array(v[i]) for k, v in columns.items()} for i in range(length)],
        )


#: Dimensions of every measure that is more than a number; a stored run has "step" before them.
DIMENSIONS = {"rank_accuracy": ("rank_bin",), "map1": ("query", "key"), "row2": ("pair", "key")}


class Recorder:
    """Test sequences of a seed, drawn once, and what is measured on them."""

    def __init__(self, task: Task, training: Training, seed: int) -> None:
        self.task, self.training, self.seed = task, training, seed
        world = World(task, seed, training.dtype)
        probes: tuple[Probe, ...] = ("icl", "swapped", "iwl", "iwl_absent")
        self.probes = {name: world.probe(name, training.test) for name in probes}
        self.ranked = world.probe("rank", training.test) if task.alpha > 0 else None

    def record(
        self, forward: Callable[[Sequences], Output], theta: dict[str, Array], train_loss: float
    ) -> dict[str, Array]:
        """All measures at one moment; names are the variables of a stored run.

        - ``train_loss``, as given, and ``icl_loss``: in nats
        - ``icl_accuracy``, ``swapped_accuracy``, ``iwl_accuracy``, ``iwl_absent_accuracy``: from 0
          to 1, on the test of that name (:meth:`icl.task.World.probe`)
        - ``item_label_association``, ``previous_token_association``,
          ``target_item_label_association``, ``target_labels_association``,
          ``context_label_accuracy``, ``context_label_probability``: from 0 to 1, on the test
          ``icl`` (:mod:`icl.measures`)
        - ``alpha``, ``beta1``, ``beta2``: of the minimal model
        - ``rank_accuracy``, of shape (rank_bin,): from 0 to 1, if the task's alpha is above 0
        - ``map1``, of shape (T, T), and ``row2``, of shape (N, T): attention from 0 to 1 on the
          test ``icl``, if ``training.maps`` is set

        Raises ValueError for one whose :data:`DIMENSIONS` are not those that it has.
        """
        outputs = {name: forward(probe) for name, probe in self.probes.items()}
        numbers = {"train_loss": train_loss}
        for name, output in outputs.items():
            numbers[f"{name}_accuracy"] = measures.accuracy(output.logits, self.probes[name].target)
        icl, sequences = outputs["icl"], self.probes["icl"]
        numbers |= {
            "icl_loss": measures.cross_entropy(icl.logits, sequences.target),
            "item_label_association": measures.item_label_association(icl.p1),
            "previous_token_association": measures.previous_token_association(icl.p1),
            "target_item_label_association": measures.target_item_label_association(
                icl.p2, sequences.right
            ),
            "context_label_accuracy": measures.context_label_accuracy(icl.logits, sequences.labels),
            "context_label_probability": measures.context_label_probability(
                icl.logits, sequences.labels
            ),
            "target_labels_association": measures.target_labels_association(icl.p2),
        }
        numbers |= {k: float(theta[k]) for k in ("alpha", "beta1", "beta2") if k in theta}
        record = {name: np.array(number) for name, number in numbers.items()}
        if self.ranked is not None:
            record["rank_accuracy"] = self._rank_accuracy(forward(self.ranked))
        if self.training.maps:
            record |= self._maps(icl)
        for measure, value in record.items():  # here, and not when a trained run is to be stored
            if value.ndim != len(DIMENSIONS.get(measure, ())):
                raise ValueError(f"{measure} has shape {value.shape}: name its axes in DIMENSIONS")
        return record

    def check(self, state: State) -> None:
        """Raise :class:`OtherRun` for a state whose records have other measures than these."""

        def blank(sequences: Sequences) -> Output:  # names need no engine
            S, T = len(sequences), self.task.T
            return Output(np.zeros((S, self.task.L)), np.zeros((S, T, T)), np.zeros((S, T)))

        if not state.records:
            return
        measured = self.record(blank, state.theta, 0.0).keys()
        if differ := measured ^ state.records[0].keys():
            raise OtherRun(f"it has other measures than this version: {', '.join(sorted(differ))}")

    def _rank_accuracy(self, output: Output) -> Float[Array, "rank_bin"]:
        """In-weights accuracy (target's class absent from the context) by bin of class rank."""
        assert self.ranked is not None
        right = output.logits.argmax(1) == self.ranked.target
        bins = len(self.task.rank_bins())
        return np.array([right[b::bins].mean() for b in range(bins)])

    def _maps(self, icl: Output) -> dict[str, Array]:
        """Mean layer-1 map, and the target's mean layer-2 row by the place of its (first) pair.

        A row is NaN where no test sequence has its pair there. With B above 1 the target's class
        has more pairs, and a row does not tell where the others stand.
        """
        place = self.probes["icl"].right.argmax(1)
        rows = [icl.p2[place == j] for j in range(self.task.N)]
        nothing = np.full(self.task.T, np.nan)
        return {
            "map1": icl.p1.mean(0).astype(np.float32),
            "row2": np.array([r.mean(0) if len(r) else nothing for r in rows], np.float32),
        }


def start(task: Task, model: Model, training: Training, seed: int) -> State:
    """A run before its first step."""
    return State(0, initial(model, task, seed, training.dtype))


def finished(state: State, training: Training) -> bool:
    """Whether the last step was made or the stop rule holds."""
    return state.step >= training.steps or _converged(state, training)


def _converged(state: State, training: Training) -> bool:
    needed = -(-training.stop_steps // training.every)
    last = state.records[1:][-needed:]  # the first is of no steps
    return len(last) == needed and all(r["train_loss"] < training.stop_loss for r in last)


# A loss that overflows becomes Diverged, in one line, at the next record.
@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def advance(
    engine: Engine,
    states: list[State],
    recorders: list[Recorder],
    training: Training,
    save: Callable[[State, int], None],
    tick: Callable[[int], object],
    due: Callable[[], bool] = lambda: False,
) -> None:
    """Train seeds that stand at the same step until at least one of them has finished.

    ``save(state, place in the list)`` is called every few seconds, at the end, and before the next
    step once ``due()``; ``tick(n)`` after n further steps of a seed. Raises :class:`Diverged` when
    a loss is no longer finite.
    """
    engine.load([state.theta for state in states])
    step = states[0].step
    processor, wall = time.process_time(), time.monotonic()
    while True:
        due_record = step % training.every == 0
        if due_record and not all(_recorded(state, training) for state in states):
            _record(engine, states, recorders, training, step)
            tick(training.every * len(states) if step else 0)
        done = any(finished(state, training) for state in states)
        if done or due() or time.monotonic() - wall > CHECKPOINT_SECONDS:
            share = (time.process_time() - processor) / len(states)
            for i, (state, theta) in enumerate(zip(states, engine.parameters(), strict=True)):
                state.theta = theta
                state.seconds += share
                save(state, i)
            processor, wall = time.process_time(), time.monotonic()
        if done:
            return
        losses = engine.step(step, training.learning_rate, training.decay)
        step += 1
        for state, loss in zip(states, losses, strict=True):
            state.loss_sum += float(loss)
            state.step = step


def _recorded(state: State, training: Training) -> bool:
    """Whether the record of the present step was made, as a checkpoint's may have been."""
    return len(state.records) > state.step // training.every


def _record(
    engine: Engine,
    states: list[State],
    recorders: list[Recorder],
    training: Training,
    step: int,
) -> None:
    if step:
        losses = [state.loss_sum / training.every for state in states]
    else:
        losses = [float(loss) for loss in engine.losses(0)]
    parameters = engine.parameters()
    for i, (state, recorder) in enumerate(zip(states, recorders, strict=True)):
        if _recorded(state, training):
            continue
        if not np.isfinite(losses[i]):
            raise Diverged(
                f"the training loss of seed {recorder.seed} is {losses[i]} at step {step}",
                [recorder.seed],
            )
        forward = partial(engine.forward, i)
        state.records.append(recorder.record(forward, parameters[i], losses[i]))
        state.loss_sum = 0.0
