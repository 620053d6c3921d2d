"""Where the time of a step goes, and what each idea of the fast engine gave.

    python benchmarks/engine.py            writes benchmarks/engine.json, in about two minutes

The parts are timed inside complete steps. Each idea is timed beside the way one would have gone
without it, in turns, and both must give the same numbers: the idea by the function that a step
calls, the other way written here. Run it on a machine that does nothing else.
"""

import argparse
import json
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from icl import bench, fast
from icl.task import Stream, generator, normals

S, TASK = bench.SETTINGS.batch, bench.TASK
T, P, D, L, N = TASK.T, TASK.P, TASK.D, TASK.L, TASK.N
E = P + D

PARTS = {  # a part of a step, and the function whose own time it is
    "drawing the batch": "batch",
    "tokens": "set_tokens",
    "layer 1 forward": "_attention1",
    "layer 2 forward": "_forward",
    "classifier forward": "_classify",
    "loss and classifier backward": "_classify_backward",
    "layers 2 and 1 backward": "loss_and_grad",
    "gradient of A": "_gradient_of_A",
    "update": "_update",
}


class Profile:
    """Own time of functions that call each other."""

    def __init__(self):
        self.times = defaultdict(float)
        self._inner = [0.0]

    def wrap(self, owner, name):
        function = getattr(owner, name)

        def timed(*args, **options):
            self._inner.append(0.0)
            start = time.perf_counter()
            try:
                return function(*args, **options)
            finally:
                total = time.perf_counter() - start
                self.times[name] += total - self._inner.pop()
                self._inner[-1] += total

        setattr(owner, name, timed)


def parts(seconds):
    """Milliseconds of each part of a step: medians over turns of 32 steps."""
    steps, profile = bench.Steps(bench.FULL), Profile()
    steps()
    engine = steps.engine
    owners = {"batch": engine.world, "set_tokens": engine._space(S)}
    for name in PARTS.values():
        profile.wrap(owners.get(name, engine), name)
    turns, end = defaultdict(list), time.perf_counter() + seconds
    while time.perf_counter() < end or len(turns["loss_and_grad"]) < 3:
        profile.times.clear()
        steps()
        for name, total in profile.times.items():
            turns[name].append(1e3 * total / 32)
    return [{"part": part, "ms": median(turns[name])} for part, name in PARTS.items()]


class Step:
    """An engine in the middle of a step, for the pieces that follow."""

    def __init__(self):
        self.engine = bench.Steps(bench.FULL).engine
        self.world, self.theta = self.engine.world, self.engine.theta
        self.space = self.engine._space(S)
        self.sequences = self.world.batch(0, S)
        self.p = self.engine._forward(self.sequences, self.space).p.copy()
        self.U, self.A = self.space.U, self.engine._A
        self.ds1 = np.random.default_rng(0).standard_normal((T, T, S), np.float32)


def softmax(logits, axis):
    logits -= logits.max(axis, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis, keepdims=True)
    return logits


def layer_2_without_keys(s):
    V1, V2, Q2, K2 = (s.theta[name] for name in ("V1", "V2", "Q2", "K2"))
    p = s.p.transpose(2, 0, 1).copy()  # [sequence, query, key]

    def kept():
        return s.engine._layer2(s.U, s.p, s.space).w

    def instead():
        v = s.U + p @ s.U @ V1.T
        p2 = softmax(((v @ K2.T) @ (v[:, -1] @ Q2.T)[:, :, None])[:, :, 0], axis=1)
        return v[:, -1] + (p2[:, None, :] @ (v @ V2.T))[:, 0]

    return kept, instead


def rows_of_A(s):
    tokens, out = s.U.reshape(-1, E), np.empty_like(s.U)

    def kept():
        return s.engine._times_A(s.sequences, s.space)

    def instead():
        np.matmul(tokens, s.A, out=out.reshape(-1, E))
        return out

    return kept, instead


def gradient_of_A(s):
    tokens, out, dA = s.U.reshape(-1, E), np.empty_like(s.U), np.empty_like(s.A)

    def kept():
        return s.engine._gradient_of_A(s.ds1, s.sequences, s.space)

    def instead():
        G = np.matmul(s.ds1.transpose(2, 0, 1).copy(), s.U, out=out)
        return np.matmul(tokens.T, G.reshape(-1, E), out=dA)

    return kept, instead


def softmax_along_the_batch(s):
    turned = s.ds1
    logits = turned.transpose(2, 0, 1).copy()
    turned_p, p = np.empty_like(turned), np.empty_like(logits)

    def kept():
        np.copyto(turned_p, turned)  # a softmax is formed in place
        return fast._softmax(turned_p).transpose(2, 0, 1)

    def instead():
        np.copyto(p, logits)
        return softmax(p, axis=2)

    return kept, instead


class Drawn(np.random.Generator):
    """Has drawn its exponentials already, so that drawing them is not timed."""

    def __init__(self, shape):
        super().__init__(np.random.PCG64(0))
        self.drawn = super().standard_exponential(shape)

    def standard_exponential(self, shape):
        return self.drawn.copy()


def distinct_labels(s):
    rng, rates = Drawn((S, L)), np.ones(L)

    def kept():
        return s.world._race(rng, S, rates)

    def instead():
        times = rng.standard_exponential((S, L))
        times /= rates
        return times.argsort(axis=1)[:, :N]

    return kept, instead


def normal_numbers(s):
    n = S * (N + 1) * D + TASK.novel * D

    def kept():
        return normals(generator(0, Stream.CONTENTS, 0), n, "float32")

    def instead():
        return generator(0, Stream.CONTENTS, 0).standard_normal(n, np.float32)

    return kept, instead


def one_vector_of_parameters(s):
    rate, decay = 1.0, bench.SETTINGS.decay  # at a smaller rate the gradient would soon be zero
    s.engine.loss_and_grad(s.sequences)
    theta, grad = s.theta.copy(), s.engine.grad.copy()

    def kept():
        s.engine._update(rate, decay)
        return s.theta["Q1"]

    def instead():
        for name, value in theta.items():
            value *= np.float32(1 - decay)
            grad[name] *= np.float32(rate)
            value -= grad[name]
        return theta["Q1"]

    return kept, instead


IDEAS = {
    "layer 2 and its reading with no key and no value formed": (
        "a key and a value for every token",
        layer_2_without_keys,
    ),
    "u A by rows of A, a table of labels, a product for items": (
        "one product with whole tokens",
        rows_of_A,
    ),
    "gradient of A by adding up positions, a product for contents": (
        "one product with whole tokens",
        gradient_of_A,
    ),
    "softmax of [query, key, sequence], along the batch": (
        "of [sequence, query, key], along 17 keys",
        softmax_along_the_batch,
    ),
    "distinct labels by sorting integers that carry them": ("argsort", distinct_labels),
    "normal numbers by Box and Muller": ("NumPy's ziggurat", normal_numbers),
    "update of one flat vector": ("a parameter at a time", one_vector_of_parameters),
}
SAME_LAW_ONLY = (normal_numbers,)  # other numbers of the same distribution


def ideas(seconds):
    rows = []
    for kept_name, (other_name, make) in IDEAS.items():
        kept, instead = make(Step())
        if make not in SAME_LAW_ONLY:
            np.testing.assert_allclose(kept(), instead(), rtol=2e-3, atol=2e-3)
        times = bench.in_turns({"kept": kept, "instead": instead}, seconds)
        rows.append(
            {
                "kept": kept_name,
                "instead": other_name,
                "kept_ms": 1e3 * median(t.cpu for t in times["kept"]),
                "instead_ms": 1e3 * median(t.cpu for t in times["instead"]),
            }
        )
    return rows


def whole_steps(seconds):
    """The dtype, which only a whole step shows."""
    works = {dtype: bench.Steps(bench.FULL, dtype=dtype) for dtype in ("float32", "float64")}
    times = bench.in_turns(works, seconds)
    return [
        {"choice": dtype, "ms": 1e3 * median(t.cpu for t in times[dtype]) / 32} for dtype in works
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=8.0, help="for each thing measured")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".json"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    machine = bench.machine()
    with threadpool_limits(1):
        result = {
            "machine": machine,
            "parts": parts(given.seconds),
            "ideas": ideas(given.seconds),
            "whole": whole_steps(given.seconds),
        }
    result["bench"] = bench.bench(2.5 * given.seconds)
    given.output.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
