"""Where the time of a step goes, and what each idea of the fast engine gave.

    python benchmarks/engine.py            writes benchmarks/engine.json, in about two minutes

The parts are timed inside complete steps. Each idea is timed beside the way one would have gone
without it, in turns, and both must give the same numbers. Run it on a machine that does nothing
else.
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

from icl import bench
from icl.model import shapes
from icl.task import Stream, generator, normals

S, TASK = bench.SETTINGS.batch, bench.TASK
T, P, D, L, N = TASK.T, TASK.P, TASK.D, TASK.L, TASK.N
E = P + D
RATE, DECAY = np.float32(bench.SETTINGS.learning_rate), np.float32(1 - bench.SETTINGS.decay)

PARTS = {  # a part of a step, and the function whose own time it is
    "drawing the batch": "batch",
    "tokens": "set_tokens",
    "layer 1 forward": "_attention1",
    "layer 2 forward": "_forward",
    "classifier forward": "_classify",
    "loss and classifier backward": "_classify_backward",
    "layers 2 and 1 backward": "loss_and_grad",
    "gradient of A": "_gradient_of_A",
    "update": "step",
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
    while time.perf_counter() < end or len(turns["step"]) < 3:
        profile.times.clear()
        steps()
        for name, total in profile.times.items():
            turns[name].append(1e3 * total / 32)
    return [{"part": part, "ms": median(turns[name])} for part, name in PARTS.items()]


class Step:
    """The arrays of one step, for the pieces that follow."""

    def __init__(self):
        engine = bench.Steps(bench.FULL).engine
        self.world, self.theta = engine.world, engine.theta
        self.sequences = self.world.batch(0)
        self.U = self.world.tokens(self.sequences)
        self.A = self.theta["Q1"].T @ self.theta["K1"]
        logits = self.U @ self.A @ self.U.mT
        logits[:, ~np.tri(T, dtype=bool)] = -np.inf
        self.p = softmax(logits, axis=2)  # [sequence, query, key]
        self.ds1 = np.random.default_rng(0).standard_normal((S, T, T), np.float32)


def softmax(logits, axis):
    p = logits - logits.max(axis, keepdims=True)
    np.exp(p, out=p)
    p /= p.sum(axis, keepdims=True)
    return p


def softmax_along_the_batch(s):
    logits = np.random.default_rng(0).standard_normal((S, T, T), np.float32)
    turned = np.ascontiguousarray(logits.transpose(1, 2, 0))
    return (lambda: softmax(turned, 1).transpose(2, 0, 1)), (lambda: softmax(logits, 2))


def layer_2_without_keys(s):
    V1, V2, Q2, K2 = (s.theta[name] for name in ("V1", "V2", "Q2", "K2"))
    p = np.ascontiguousarray(s.p.transpose(1, 2, 0))  # [query, key, sequence]
    scratch = np.empty_like(p)

    def kept():
        v_n = (s.p[:, -1:] @ s.U)[:, 0] @ V1.T + s.U[:, -1]
        g = v_n @ Q2.T @ K2
        y0, y1 = np.ascontiguousarray((np.stack([g, g @ V1], 1) @ s.U.mT).transpose(1, 2, 0))
        p2 = softmax(y0 + np.multiply(p, y1, out=scratch).sum(1), axis=0)
        p2p = np.multiply(p, p2[:, None], out=scratch).sum(0)
        m = np.stack([p2.T, p2p.T], 1) @ s.U
        return v_n + (m[:, 0] + m[:, 1] @ V1.T) @ V2.T

    def instead():
        v = s.U + s.p @ s.U @ V1.T
        p2 = softmax(((v @ K2.T) @ (v[:, -1] @ Q2.T)[:, :, None])[:, :, 0], axis=1)
        return v[:, -1] + (p2[:, None, :] @ (v @ V2.T))[:, 0]

    return kept, instead


def rows_of_A(s):
    out = np.empty_like(s.U)

    def kept():
        items = s.sequences.items.transpose(1, 0, 2)
        np.matmul(items, s.A[P:], out=out[:, 0::2].transpose(1, 0, 2))
        out[:, 1::2] = (s.world.label_contents @ s.A[P:])[s.sequences.labels]
        windows = np.lib.stride_tricks.sliding_window_view(s.A[:P], T, axis=0).swapaxes(1, 2)
        np.add(out, windows[s.sequences.window], out=out)
        return out

    return kept, lambda: s.U @ s.A


def gradient_by_position(s):
    G = s.ds1 @ s.U
    labels = s.sequences.labels

    def kept():
        dA = np.zeros((E, E), np.float32)
        for start, rows in zip(s.sequences.window.tolist(), G, strict=True):
            dA[start : start + T] += rows
        items = s.sequences.items.transpose(1, 2, 0) @ G[:, 0::2].transpose(1, 0, 2)
        one_hot = np.zeros((N, L, S), np.float32)
        one_hot[np.arange(N), labels, np.arange(S)[:, None]] = 1
        by_label = (one_hot @ G[:, 1::2].transpose(1, 0, 2)).sum(0)
        dA[P:] = items.sum(0) + s.world.label_contents.T @ by_label
        return dA

    return kept, lambda: s.U.reshape(-1, E).T @ G.reshape(-1, E)


def distinct_labels(s):
    clocks = np.random.default_rng(0).random((S, L))
    low = np.int64(L - 1)

    def kept():
        keys = clocks.view(np.int64) & ~low
        keys |= np.arange(L)
        keys.sort(axis=1)
        return keys[:, :N] & low

    return kept, lambda: clocks.argsort(axis=1)[:, :N]


def normal_numbers(s):
    n = S * (N + 1) * D + TASK.novel * D

    def kept():
        return normals(generator(0, Stream.CONTENTS, 0), n, "float32")

    return kept, lambda: generator(0, Stream.CONTENTS, 0).standard_normal(n, np.float32)


def one_vector_of_parameters(s):
    theta, grad = (
        np.random.default_rng(seed).standard_normal(9 * E * E, np.float32) for seed in (0, 1)
    )
    count = len(shapes(bench.FULL, TASK))
    apart = list(zip(np.array_split(theta.copy(), count), np.array_split(grad, count), strict=True))

    def update(theta, grad):
        theta *= DECAY
        theta -= RATE * grad

    def kept():
        update(theta, grad)
        return theta[: len(apart[0][0])]

    def instead():
        for pair in apart:
            update(*pair)
        return apart[0][0]

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
    "gradient of A by position, item and label": (
        "one product with whole tokens",
        gradient_by_position,
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
    step, rows = Step(), []
    for kept_name, (other_name, make) in IDEAS.items():
        kept, instead = make(step)
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
