"""What is made of measured times, the count of operations, and the scripts of benchmarks/."""

import importlib.util
import itertools
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from icl import bench
from icl.bench import Time
from icl.model import Model, initial
from icl.runs import Store
from icl.task import Task

ROOT = Path(__file__).parent.parent
TINY = Task(K=4, L=2, N=2, D=2, P=5, novel=4)


class TestTimes:
    def test_a_ratio_is_taken_turn_by_turn_and_then_its_median(self):
        of = [Time(6.0, 3.0), Time(8.0, 8.0), Time(100.0, 50.0)]
        to = [Time(2.0, 3.0), Time(8.0, 2.0), Time(10.0, 1.0)]
        assert bench.ratio(of, to, 2, "wall") == 1.5  # of 1.5, 0.5 and 5
        assert bench.ratio(of, to, 2, "cpu") == 2  # of 0.5, 2 and 25

    def test_milliseconds_are_the_medians_of_a_call_by_its_steps(self):
        times = [Time(0.3, 0.2), Time(0.1, 0.1), Time(9.0, 0.4)]
        assert bench.median_ms(times, 10) == pytest.approx(
            {"ms_per_step_seed": 30, "cpu_ms_per_step_seed": 20}
        )

    @pytest.mark.parametrize(("seconds", "turns"), [(0.0, 3), (1.0, 4)])
    def test_works_take_turns_of_the_same_length(self, monkeypatch, seconds, turns):
        """A clock by hand: a turn is 0.08 s of processor time, both together take 0.28 s."""
        clock, calls = {"wall": 50.0, "cpu": 7.0}, []

        def work(name, wall, cpu):
            calls.append(name)
            clock["wall"] += wall
            clock["cpu"] += cpu

        by_hand = SimpleNamespace(
            perf_counter=lambda: clock["wall"], process_time=lambda: clock["cpu"]
        )
        monkeypatch.setattr(bench, "time", by_hand)
        monkeypatch.setattr(bench, "TURN_SECONDS", 0.08)
        works = {"a": lambda: work("a", 0.02, 0.01), "b": lambda: work("b", 0.06, 0.04)}
        times = bench.in_turns(works, seconds)
        before = ["a"] * 2 + ["b"] * 2  # a call that allocates, and one that tells how long it is
        assert calls == before + turns * (["a"] * 8 + ["b"] * 2)
        np.testing.assert_allclose(times["a"], [Time(0.02, 0.01)] * turns)
        np.testing.assert_allclose(times["b"], [Time(0.06, 0.04)] * turns)


def product(rows, inner, columns):
    """Multiplications and additions of a matrix product, counted one by one."""
    return sum(2 for _ in itertools.product(range(rows), range(inner), range(columns)))


class TestFlops:
    """Term by term, from the products that need be formed; S is 3 sequences."""

    S, T, D, L, N = 3, TINY.T, TINY.D, TINY.L, TINY.N

    def both(self, model):
        E, per_layer = model.width(TINY), 3  # forward, back to its input, back to its weights
        return {
            "classifier": per_layer * model.hidden * product(self.S, E, E)
            + per_layer * product(self.S, E, self.L),
            "update": 4 * sum(value.size for value in initial(model, TINY, 0).values()),
        }

    def test_full_network(self):
        model = Model(hidden=2)
        E = model.width(TINY)
        vector = product(self.S, E, E)  # a matrix on one vector a sequence
        token = self.S * product(self.T, E, 1)  # every token with one vector
        square = self.S * product(self.T, self.T, 1)  # an attention map with one vector
        seen = sum(self.S * product(1, E, query + 1) for query in range(self.T))
        rows = self.S * (self.N + 1)
        expected = [
            3 * product(E, E, E),
            product(rows, self.D, E) + product(self.L, self.D, E)
            + product(self.D, rows, E) + product(self.D, self.L, E),
            2 * seen + 3 * square,
            2 * token,
            9 * vector,
            6 * vector,
            3 * vector,
            4 * 2 * token + 4 * square,
            *self.both(model).values(),
        ]  # fmt: skip
        assert list(bench.flops(TINY, model, self.S).values()) == expected

    def test_minimal_model(self):
        model = Model(kind="minimal", hidden=2)
        expected = [
            3 * self.S * product(self.T, self.D, 1),
            2 * self.S * product(self.T, self.T, 1),
            *self.both(model).values(),
        ]
        assert list(bench.flops(TINY, model, self.S).values()) == expected


def script(name):
    spec = importlib.util.spec_from_file_location(f"{name}_script", ROOT / f"benchmarks/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def called(work):
    """The package's functions that run in it."""
    found = set()

    def note(frame, event, _):
        if event == "call" and Path(frame.f_code.co_filename).is_relative_to(ROOT / "icl"):
            found.add(frame.f_code)

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return found


def written(name):
    return json.loads((ROOT / f"benchmarks/{name}.json").read_text())


class TestScripts:
    def test_every_script_is_tested_here_and_has_written_its_numbers(self):
        names = {path.stem for path in (ROOT / "benchmarks").glob("*.py")}
        assert names == {"agreement", "engine", "scaling"}
        assert names == {path.stem for path in (ROOT / "benchmarks").glob("*.json")}

    def test_parts_of_a_step_are_functions_that_a_step_calls(self):
        engine = script("engine")
        parts = engine.parts(0.0)
        assert [row["part"] for row in parts] == list(engine.PARTS)
        assert all(row["ms"] > 0 for row in parts)
        assert [row["part"] for row in written("engine")["parts"]] == list(engine.PARTS)

    def test_ideas_give_the_same_numbers_both_ways(self, monkeypatch):
        monkeypatch.setattr(bench, "TURN_SECONDS", 1e-3)
        engine = script("engine")
        names = [(name, other) for name, (other, _) in engine.IDEAS.items()]
        for rows in (engine.ideas(0.0), written("engine")["ideas"]):
            assert [(row["kept"], row["instead"]) for row in rows] == names

    def test_an_idea_is_timed_by_what_a_step_calls_and_the_other_way_without(self):
        engine = script("engine")
        steps = bench.Steps(bench.FULL)
        of_a_step = called(lambda: steps.engine.step(0, 0.01, 0.0))
        for name, (_, make) in engine.IDEAS.items():
            kept, instead = map(called, make(engine.Step()))
            assert kept - instead, name
            assert kept <= of_a_step, name

    def test_scaling_varies_settings_of_the_task(self):
        scaling = script("scaling")
        rows = written("scaling")["rows"]
        assert [row["name"] for row in rows] == [*scaling.SWEPT, "seeds", "seeds"]
        for name, values in scaling.SWEPT.items():
            assert getattr(bench.TASK, name) in values
            assert all(bench.TASK.replace(**{name: value}) for value in values)

    def test_an_exponent_is_the_slope_of_logarithms(self):
        scaling = script("scaling")
        values = (2, 4, 8)
        assert scaling.exponent(values, [5 * v**1.5 for v in values]) == pytest.approx(1.5)
        times = {str(v): [Time(1.0, 0.032 * v**2)] * 3 for v in values}
        row = scaling.row("N", "fast engine", values, times, values)
        assert row["ms"] == pytest.approx([4, 16, 64])
        assert (row["exponent"], row["exponent_of_arithmetic"]) == pytest.approx((2, 1))

    def test_agreement_compares_curves_of_a_stored_run(self):
        agreement, result = script("agreement"), written("agreement")
        stored = Store(ROOT / "results").load(agreement.FIGURE_3, result["seed"])
        assert result["run"] == agreement.FIGURE_3.name
        assert list(result["curves"]) == list(agreement.CURVES)
        for name, ways in result["curves"].items():
            curve = stored[name].sel(step=result["step"])
            np.testing.assert_allclose(ways["fast"], curve, rtol=1e-6)
