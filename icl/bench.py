"""How fast the engine is on this machine, against what the mathematics needs and what is usual.

Everything that is compared is timed in turns within one run, so that a machine that speeds up or
slows down does so for all; each number is the median over the turns. Tests look at the form alone.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any, Literal, NamedTuple, assert_never

import numpy as np
from threadpoolctl import (  # type: ignore[import-untyped]
    threadpool_info,
    threadpool_limits,
)

from icl.fast import engine
from icl.model import Model, initial, shapes
from icl.task import DType, Task, World
from icl.training import Training

TASK = Task(K=256, p_C=0.8)  # the paper's sizes, and section 3's data
FULL, MINIMAL = Model(), Model(kind="minimal")
SETTINGS = Training()
SIDE = 128  # of the product that sets the floor
TURN_SECONDS = 0.08  # of each thing timed, before the next has its turn
PROCESS_ROUNDS = 9


Clock = Literal["wall", "cpu"]


class Time(NamedTuple):
    """Seconds of one piece of work: as the clock has it, and of processor time."""

    wall: float
    cpu: float


def flops(task: Task, model: Model = FULL, S: int = SETTINGS.batch) -> dict[str, float]:
    """Floating-point operations of one step of a network, by what they are for.

    A product of an m x k and a k x n matrix counts 2mkn. Counted are the products that are left
    when nothing is formed that the loss does not need (the book's chapter on the engine derives
    them); layer 1's logits for the keys that a query may see, j <= i; and four operations a
    parameter for its update. Drawing the batch and the softmaxes are not counted.
    """
    T, D, L, N, E, H = task.T, task.D, task.L, task.N, model.width(task), model.hidden
    seen = T * (T + 1) // 2  # pairs (query, key) of a causal layer
    vectors = 2 * S * E * E  # one matrix on one vector a sequence
    items, labels = 2 * S * (N + 1) * D * E, 2 * L * D * E
    pairs = 2 * S * 2 * T * E  # two vectors with every token
    parameters = sum(int(np.prod(shape)) for shape in shapes(model, task).values())
    both: dict[str, float] = {
        "classifier": 3 * H * vectors + 3 * 2 * S * L * E,
        "update": 4 * parameters,
    }
    match model.kind:
        case "minimal":
            attention = {
                "attention: the target with every token, its reading, and back": 3 * 2 * S * T * D,
                "attention: buffers, and back": 2 * 2 * S * T * T,
            }
        case "full":
            attention = {
                "A = Q1ᵀK1, and back to Q1 and K1": 3 * 2 * E**3,
                "items and labels through A, and back": 2 * (items + labels),
                "layer 1: logits, and back": 2 * 2 * S * seen * E + 3 * 2 * S * T * T,
                "layer 1: the target's row": 2 * 2 * S * T * E,
                "layer 1: V1 on six vectors, and its gradient": (6 + 3) * vectors,
                "layer 2: Q2 and K2": 6 * vectors,
                "layer 2: V2": 3 * vectors,
                "layer 2: the target's logits and reading, and back": 4 * pairs + 4 * 2 * S * T * T,
            }
        case _:
            assert_never(model.kind)
    return attention | both


def floor_flops(task: Task = TASK, model: Model = FULL) -> float:
    """All of :func:`flops`."""
    return sum(flops(task, model).values())


def blas() -> dict[str, str]:
    """NumPy's linear algebra: library, version, and the kernel that it chose for this processor."""
    np.ones((2, 2)) @ np.ones((2, 2))
    found = [item for item in threadpool_info() if item["user_api"] == "blas"]
    if not found:  # Apple's Accelerate is none that threadpoolctl knows
        return {"name": "unknown", "version": "unknown", "kernel": "unknown"}
    return {
        "name": found[0]["internal_api"],
        "version": str(found[0]["version"]),
        "kernel": str(found[0].get("architecture", "unknown")),
    }


def machine() -> dict[str, Any]:
    """What a number was measured on, and how busy that was."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": blas(),
    }


def timed(work: Callable[[], object]) -> Time:
    """Run once."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Time(time.perf_counter() - wall, time.process_time() - cpu)


def in_turns(works: Mapping[str, Callable[[], object]], seconds: float) -> dict[str, list[Time]]:
    """Times of one call of each, measured in turns for so many seconds, at least three turns.

    A turn repeats a call until it takes :data:`TURN_SECONDS`.
    """
    repeats = {}
    for name, work in works.items():
        work()  # first calls allocate
        repeats[name] = max(1, round(TURN_SECONDS / max(timed(work).cpu, 1e-6)))
    times: dict[str, list[Time]] = {name: [] for name in works}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or min(map(len, times.values())) < 3:
        for name, work in works.items():
            n = repeats[name]
            total = timed(lambda work=work, n=n: [work() for _ in range(n)])  # type: ignore[misc]
            times[name].append(Time(total.wall / n, total.cpu / n))
    return times


class Steps:
    """Complete steps of one seed: the batch, forward, backward, update."""

    def __init__(
        self, model: Model, task: Task = TASK, seed: int = 0, dtype: DType = "float32"
    ) -> None:
        self.engine = engine(World(task, seed, dtype), model, SETTINGS.batch)
        self.engine.load([initial(model, task, seed, dtype)])
        self._next = 0

    def __call__(self) -> None:
        """Thirty-two steps: as many as share one draw of indices."""
        for _ in range(32):
            self.engine.step(self._next, SETTINGS.learning_rate, SETTINGS.decay)
            self._next += 1


def legible_steps(device: str, seeds: int) -> Callable[[], object]:
    """A step of the legible engine, its seeds in one tensor."""
    from icl.legible import LegibleEngine

    worlds = [World(TASK, seed) for seed in range(seeds)]
    trained = LegibleEngine(worlds, FULL, SETTINGS.batch, device)
    trained.load([initial(FULL, TASK, seed) for seed in range(seeds)])
    return lambda: trained.step(0, SETTINGS.learning_rate, SETTINGS.decay)


def bench(seconds: float = 20.0) -> dict[str, Any]:
    """All measurements.

    Parameters
    ----------
    seconds
        For what is timed in turns; the processes take about two thirds as long again.
    """
    here = machine()  # before PyTorch brings a library of its own
    import torch

    from icl.obvious import Trainer

    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((SIDE, SIDE), np.float32) for _ in range(2))
    c = np.empty_like(a)
    with threadpool_limits(1):
        times = in_turns(
            {
                "matmul": lambda: np.matmul(a, b, out=c),
                "full": Steps(FULL),
                "minimal": Steps(MINIMAL),
                "obvious": Trainer(World(TASK, 0), FULL, SETTINGS).step,
                "legible": legible_steps("cpu", 1),
            },
            seconds,
        )
        cuda = median_ms(in_turns({"": legible_steps("cuda", 6)}, 2.0)[""], 6) if _gpu() else None
    steps = {"matmul": 1, "full": 32, "minimal": 32, "obvious": 1, "legible": 1}

    def over_floor(name: str, model: Model, clock: Clock) -> float:
        """Time of 32 steps over the time their arithmetic would take at the matmul's rate."""
        products = floor_flops(TASK, model) / (2 * SIDE**3)
        return ratio(times[name], times["matmul"], 32 * products, clock)

    return {
        "full": {
            **median_ms(times["full"], steps["full"]),
            "floor_ratio": over_floor("full", FULL, "wall"),
            "floor_ratio_cpu": over_floor("full", FULL, "cpu"),
            "obvious_ratio": ratio(times["obvious"], times["full"], 1 / 32, "wall"),
            "obvious_ratio_cpu": ratio(times["obvious"], times["full"], 1 / 32, "cpu"),
        },
        "minimal": {
            **median_ms(times["minimal"], steps["minimal"]),
            "floor_ratio": over_floor("minimal", MINIMAL, "wall"),
            "floor_ratio_cpu": over_floor("minimal", MINIMAL, "cpu"),
        },
        "legible": median_ms(times["legible"], steps["legible"]),
        "obvious": median_ms(times["obvious"], steps["obvious"]),
        "processes": {"speedup_2": process_speedup(seconds / 30)},
        "matmul_gflops": 2e-9 * SIDE**3 / median(t.wall for t in times["matmul"]),
        "floor_mflop": floor_flops() / 1e6,
        "floor_mflop_minimal": floor_flops(TASK, MINIMAL) / 1e6,
        "turns": len(times["full"]),
        "blas": here["blas"],
        "machine": here,
        "cuda": cuda,
    }


def _gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def median_ms(times: list[Time], steps: int) -> dict[str, float]:
    """Milliseconds a step and seed, by the clock and of processor time."""
    return {
        "ms_per_step_seed": 1e3 * median(t.wall for t in times) / steps,
        "cpu_ms_per_step_seed": 1e3 * median(t.cpu for t in times) / steps,
    }


def ratio(of: list[Time], to: list[Time], calls: float, clock: Clock) -> float:
    """Median over the turns of a call of one to so many calls of the other in the same turn."""
    i = Time._fields.index(clock)
    return median(x[i] / (calls * y[i]) for x, y in zip(of, to, strict=True))


# -- processes ------------------------------------------------------------------------------------


def process_speedup(seconds: float) -> float:
    """Steps a second of two processes over those of one, in turns; the median."""
    from icl.worker import ONE_THREAD

    command = [sys.executable, "-m", "icl.bench", str(seconds)]
    options: dict[str, Any] = {
        "stdin": subprocess.PIPE,
        "stdout": subprocess.PIPE,
        "text": True,
        "env": os.environ | ONE_THREAD,
    }
    with subprocess.Popen(command, **options) as one, subprocess.Popen(command, **options) as two:
        for process in (one, two):
            _answer(process)  # ready
        speedups = [
            _rate([one, two]) / _rate([one if turn % 2 else two]) for turn in range(PROCESS_ROUNDS)
        ]
    return median(speedups)


def _rate(processes: list[subprocess.Popen[str]]) -> float:
    """Ask processes for one measurement at the same time; the sum of their steps a second."""
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return sum(map(_answer, processes))


def _answer(process: subprocess.Popen[str]) -> float:
    assert process.stdout is not None
    return float(process.stdout.readline())


def _serve(seconds: float) -> None:
    """In a process: for every line of input, steps a second over so many seconds."""
    steps = Steps(FULL)
    steps()
    print(0.0, flush=True)
    for _ in sys.stdin:
        start, calls = time.perf_counter(), 0
        while not calls or time.perf_counter() - start < seconds:
            steps()
            calls += 1
        print(32 * calls / (time.perf_counter() - start), flush=True)


# -- for people -----------------------------------------------------------------------------------


def table(result: Mapping[str, Any]) -> str:
    """The same as a table, with the targets of the project beside what was measured."""
    full, library = result["full"], result["blas"]
    rows = [
        ("full network, ms a step and seed", full["ms_per_step_seed"], ""),
        ("  of processor time", full["cpu_ms_per_step_seed"], ""),
        ("  over the floor", full["floor_ratio"], "at most 2.3"),
        ("  over the floor, processor time", full["floor_ratio_cpu"], "at most 2.3"),
        ("  times faster than the obvious way", full["obvious_ratio"], "at least 8"),
        ("minimal model, ms a step and seed", result["minimal"]["ms_per_step_seed"], "at most 0.7"),
        ("  of processor time", result["minimal"]["cpu_ms_per_step_seed"], "at most 0.7"),
        ("  over its floor", result["minimal"]["floor_ratio"], ""),
        ("legible network, ms a step", result["legible"]["ms_per_step_seed"], ""),
        ("obvious way, ms a step", result["obvious"]["ms_per_step_seed"], ""),
        ("two processes over one", result["processes"]["speedup_2"], "at least 1.9"),
        (f"product of side {SIDE}, GFLOP/s", result["matmul_gflops"], ""),
    ]
    lines = [f"{name:38}{value:9.2f}  {target}".rstrip() for name, value, target in rows]
    gpu = result["cuda"]
    lines += [
        f"floor: {result['floor_mflop']:.1f} MFLOP at the rate of that product, "
        f"{result['floor_mflop_minimal']:.1f} for the minimal model",
        f"linear algebra: {library['name']} {library['version']}, kernel {library['kernel']}",
        f"cuda: {gpu['ms_per_step_seed']:.2f} ms a step and seed"
        if gpu
        else "cuda: not timed, there is no GPU here",
        f"medians of {result['turns']} turns; where no clock is named, wall time; one thread",
    ]
    return "\n".join(lines)


def as_json(result: Mapping[str, Any]) -> str:
    """For programs."""
    return json.dumps(result, indent=2)


if __name__ == "__main__":
    _serve(float(sys.argv[1]))
