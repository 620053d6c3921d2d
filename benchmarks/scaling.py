"""How the cost of a step grows with N, L, K, D and the number of seeds.

    python benchmarks/scaling.py            writes benchmarks/scaling.json, in about two minutes

Processor time, the median over turns in which all values of a parameter are timed one after the
other. Beside each measured exponent stands that of the arithmetic alone. Run it on a machine that
does nothing else: the load is written down with the numbers.
"""

import argparse
import json
from pathlib import Path
from statistics import median

import numpy as np
from threadpoolctl import threadpool_limits

from icl import bench

SWEPT = {
    "N": (2, 4, 8, 16, 32),
    "L": (8, 16, 32, 64, 128),
    "K": (64, 256, 1024, 4096),
    "D": (15, 31, 63, 127, 255),
}
SEEDS = (1, 2, 4, 6)


def exponent(values, costs):
    """b of cost ~ value^b, by least squares of the logarithms."""
    return float(np.polyfit(np.log(values), np.log(costs), 1)[0])


def row(name, what, values, times, arithmetic, steps=32):
    ms = [1e3 * median(t.cpu for t in times[str(value)]) / steps for value in values]
    return {
        "name": name,
        "what": what,
        "values": values,
        "ms": ms,
        "exponent": exponent(values, ms),
        "exponent_of_arithmetic": exponent(values, arithmetic),
    }


def parameter(name, values, seconds):
    """One parameter of the task, the others at the paper's sizes."""
    tasks = {str(value): bench.TASK.replace(**{name: value}) for value in values}
    works = {value: bench.Steps(bench.FULL, task) for value, task in tasks.items()}
    arithmetic = [bench.floor_flops(task) for task in tasks.values()]
    return row(name, "fast engine", values, bench.in_turns(works, seconds), arithmetic)


def seeds_apart(seconds):
    """The fast engine's way: one seed after the other."""
    engines = [bench.Steps(bench.FULL, seed=seed) for seed in range(max(SEEDS))]
    works = {str(n): lambda n=n: [steps() for steps in engines[:n]] for n in SEEDS}
    return row("seeds", "fast engine", SEEDS, bench.in_turns(works, seconds), SEEDS)


def seeds_together(seconds):
    """The legible engine's way: one tensor of all seeds."""
    works = {str(n): bench.legible_steps("cpu", n) for n in SEEDS}
    return row("seeds", "legible engine", SEEDS, bench.in_turns(works, seconds), SEEDS, steps=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=15.0, help="for each row of the table")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".json"))
    given = parser.parse_args()
    machine = bench.machine()
    with threadpool_limits(1):
        rows = [parameter(name, values, given.seconds) for name, values in SWEPT.items()]
        rows += [seeds_apart(given.seconds), seeds_together(given.seconds)]
    result = {"machine": machine, "task": bench.TASK.model_dump(), "rows": rows}
    given.output.write_text(json.dumps(result, indent=2) + "\n")
    for item in rows:
        ms = ", ".join(f"{v}: {x:.2f}" for v, x in zip(item["values"], item["ms"], strict=True))
        print(f"{item['name']:6}{item['what']:15} ms {ms}; exponent {item['exponent']:.2f}")


if __name__ == "__main__":
    main()
