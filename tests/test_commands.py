"""The commands train, status and bench: what they refuse, and the form of what they say."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import xarray as xr
from sweeps import SHORT, TASK, config, reference, registry
from threadpoolctl import threadpool_info, threadpool_limits
from typer.main import get_command

from icl import bench, network, options, status, store
from icl.__main__ import app, main
from icl.experiments import EXPERIMENTS
from icl.model import Model, initial
from icl.obvious import Trainer
from icl.plan import plan
from icl.runs import RunConfig, Store, load_or_train, to_netcdf
from icl.settings import InputError
from icl.summary import SHOWN, summary, transition
from icl.task import Task, World
from icl.training import Diverged, Training, start

SMALL = "--model minimal --K 8 --L 4 --N 2 --D 8 --P 9 --steps 40 --every 20 --test 50 --batch 16"


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("ICL_STORE", str(tmp_path / "store"))
    return tmp_path / "store"


class TestSeeds:
    @pytest.mark.parametrize(
        ("text", "seeds"),
        [
            ("3", [0, 1, 2]),
            (" 3 ", [0, 1, 2]),
            ("03", [0, 1, 2]),
            ("0-2", [0, 1, 2]),
            ("0-0", [0]),
            ("5-5", [5]),
            ("4, 0,7-8", [4, 0, 7, 8]),
            ("4294967295-4294967295", [2**32 - 1]),
        ],
    )
    def test_are_read_as_one_writes_them(self, text, seeds):
        assert options.seeds(text) == seeds

    @pytest.mark.parametrize(
        "text",
        [
            *("0", "00", " 0 ", "", "-1", "2-1", "1,1", "0-3,2", "1.5", "a", "1,", "1,a"),
            *("4294967297", "4294967296-4294967296", "0,4294967296", "9" * 5000),
            *("4294967296", "10001", "0-4294967295"),
        ],
    )
    def test_anything_else_is_refused(self, text):
        with pytest.raises(InputError, match="seeds="):
            options.seeds(text)


class TestTrain:
    def test_every_setting_is_an_option_with_its_description_and_default(self):
        shown = {item.name: item for item in get_command(app).commands["train"].params}
        for group in (Task, Model, Training):
            for name, field in group.model_fields.items():
                assert field.description, f"{name} has no help"
                assert shown[name].help == field.description
                assert shown[name].default == field.default

    def test_options_make_the_configuration(self, monkeypatch):
        class Seen(Exception):
            pass

        def load_or_train(config, seeds, engine, device):
            raise Seen(config, seeds, engine, device)

        monkeypatch.setattr("icl.runs.load_or_train", load_or_train)
        line = "train --model minimal --two-parameters --K 512 --p-C 0.5 --D 64 --stop-loss 0.01"
        with pytest.raises(Seen) as seen:
            main([*line.split(), "--dtype", "float64", "--maps", "--seeds", "1,3"])
        wanted = RunConfig(
            task=Task(K=512, p_C=0.5, D=64),
            model=Model(kind="minimal", train_beta2=False),
            training=Training(stop_loss=0.01, dtype="float64", maps=True),
        )
        assert seen.value.args == (wanted, [1, 3], "fast", "cpu")

    def test_prints_where_runs_end_and_lie_and_loads_them_the_next_time(self, root, capsys):
        assert main(["train", *SMALL.split(), "--seeds", "2"]) == 0
        first = capsys.readouterr().out
        c = config()
        runs = [Store(root).load(c, seed) for seed in (0, 1)]
        assert first.startswith(c.describe())
        assert first.endswith(f"stored in {root / c.name}\n")
        cells = [re.split(r"\s{2,}", line) for line in first.splitlines()]
        rows = {label: values for label, *values in cells}
        for name in set(SHOWN) & set(runs[0]):
            last = [float(run[name].mean()) for run in runs]  # there are three records
            assert [float(cell) for cell in rows[SHOWN[name]]] == pytest.approx(
                [*last, np.mean(last)], rel=1e-3
            )

        times = [p.stat().st_mtime_ns for p in sorted(root.rglob("*.nc"))]
        assert main(["train", *SMALL.split(), "--seeds", "2"]) == 0
        assert capsys.readouterr().out == first
        assert [p.stat().st_mtime_ns for p in sorted(root.rglob("*.nc"))] == times

    def test_transition_is_where_the_line_between_two_records_passes_half(self):
        accuracy = [[0.1, 0.5, 0.4, 0.9], [0.1, 0.2, 0.3, 0.49], [0.1, 0.4, 0.45, 0.95]]
        curves = xr.Dataset(
            {"icl_accuracy": (("seed", "step"), accuracy)}, {"step": [0, 500, 1000, 1500]}
        )
        assert transition(curves) == [500, None, 1050]

    def test_what_is_shown_as_final_is_the_mean_of_the_last_records_as_on_the_pages(self, tmp_path):
        c = config(SHORT.replace(steps=240))
        curves = load_or_train(c, 1, tmp_path, progress=False)
        accuracy = np.arange(13) / 100
        curves["icl_accuracy"] = (("seed", "step"), accuracy[None])
        lines = summary(curves, tmp_path).splitlines()
        line = next(line for line in lines if line.startswith("in-context"))
        assert line.split()[-2:] == ["0.075", "0.075"]

    @pytest.mark.parametrize(
        ("line", "error"),
        [
            ("--K 100", "K=100 must be a multiple of L=32"),
            ("--K many", "Invalid value for '--K'"),
            ("--p-C 1.5", "p_C=1.5 must be less than or equal to 1"),
            ("--steps 700", "steps=700 must be a multiple of every=500"),
            ("--two-parameters", "train_beta2=False needs kind='minimal'"),
            ("--seeds 0", "seeds='0' must be a number above 0"),
            ("--device cuda --engine fast", "device='cuda' needs engine='legible'"),
            ("--device abacus", "device='abacus' cannot be used here"),
            ("--layers 2", "No such option: --layers"),
            ("--attention-scale 1e200", "attention_scale=1e+200 must be less than or equal to"),
        ],
    )
    def test_bad_values_are_refused_in_one_line_before_any_work(self, line, error, root, capsys):
        assert main(["train", *line.split()]) == 2
        said = capsys.readouterr()
        assert said.err.startswith(f"error: {error}")
        assert said.err.count("\n") == 1
        assert said.out == ""
        assert not root.exists()

    def test_a_run_that_diverges_is_one_line_and_status_1(self, capsys):
        assert main(["train", *SMALL.split(), "--learning-rate", "1e30", "--seeds", "1"]) == 1
        last = capsys.readouterr().err.splitlines()[-1]
        assert last.startswith("error: minimal model, K=8")
        assert "the training loss of seed 0 is" in last

    def test_of_seeds_that_diverge_the_others_are_named(self, monkeypatch, capsys):
        def diverge(*_, **__):
            raise Diverged("the training loss of seed 3 is nan at step 20", [3])

        monkeypatch.setattr("icl.runs.load_or_train", diverge)
        assert main(["train", *SMALL.split(), "--seeds", "2-5"]) == 1
        error = capsys.readouterr().err
        assert error.endswith(" at step 20; the others are stored: --seeds 2,4,5\n")
        assert error.count("\n") == 1


class TestStatus:
    def test_json_counts_every_experiment(self, monkeypatch, capsys):
        monkeypatch.setattr(status, "_trial", lambda *_: 3.6e-3)  # seconds a step
        assert main(["status", "--json"]) == 0
        rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["experiments"]}
        assert list(rows) == list(EXPERIMENTS)
        for name, row in rows.items():
            units = plan([EXPERIMENTS[name]])
            hours = sum(unit.config.training.steps for unit in units) * 1e-6
            assert row == {
                "name": name,
                "needed": len(units),
                "stored": 0,
                "partial": 0,
                "core_hours_left": pytest.approx(hours, abs=0.01),
            }

    def test_a_trial_is_the_time_of_one_step(self, monkeypatch):
        """By a clock that goes on by eight seconds between two looks, around sixteen steps."""
        clock = iter((100.0, 108.0))
        monkeypatch.setattr(status, "time", SimpleNamespace(process_time=lambda: next(clock)))
        assert status._trial(config(), steps=16) == 0.5

    @pytest.mark.parametrize(
        ("part", "values"),
        [
            ("task", {"p_C": 0.5}),
            ("task", {"novel": 64}),
            ("training", {"batch": 64}),
            ("training", {"dtype": "float64"}),
            ("model", {"hidden": 2}),
        ],
    )
    def test_what_a_step_costs_depends_on(self, part, values):
        changed = RunConfig(**{part: values})
        assert status._size(changed) != status._size(RunConfig())

    def test_the_table_tells_half_done_runs_from_missing_ones(self, tmp_path):
        row = status.Row("small", "a small one", needed=6, stored=3, partial=1, core_hours_left=1)
        text = status.table(status.Status(tmp_path, [row]))
        assert text.splitlines()[2].split()[:6] == ["small", "6", "3", "1", "2", "1.0"]

    def test_what_is_left_is_estimated_from_what_is_known(self, tmp_path, monkeypatch):
        """Seeds of the same configuration, then runs of the same size, then a trial."""
        monkeypatch.setattr(status, "_trial", lambda *_: 90.0)
        known, sized, unknown = config(), config(SHORT.replace(steps=80)), config(N=4)
        reference(tmp_path, [known])
        stamp(tmp_path, known, seconds=3600.0)  # 90 s a step
        half_done = start(unknown.task, unknown.model, unknown.training, 1)
        half_done.step, half_done.seconds = 10, 450.0  # 45 s a step
        Store(tmp_path).save_checkpoint(unknown, 1, half_done)

        def hours(*configs):
            result = status.status(tmp_path, registry(*configs, seeds=(0, 1)))
            [row] = result.rows
            return row.stored, row.partial, row.core_hours_left, dict(result.runs_by_basis)

        assert hours(known) == (1, 0, pytest.approx(1), {"seeds": 1})
        assert hours(known, sized) == (1, 0, pytest.approx(1 + 2 + 2), {"seeds": 1, "size": 2})
        assert hours(unknown) == (0, 1, pytest.approx(45 * (40 + 30) / 3600), {"size": 2})
        assert hours(config(L=2)) == (0, 0, pytest.approx(2), {"trial": 2})

    def test_a_run_that_two_experiments_share_is_counted_once_in_all(self, tmp_path, monkeypatch):
        monkeypatch.setattr(status, "_trial", lambda *_: 90.0)
        shared = registry(config(), config(eps=0.5), seeds=(0, 1))
        twice = {
            **shared,
            "again": replace(*registry(config(), seeds=(1, 2)).values(), name="again"),
        }
        result = status.status(tmp_path, twice)
        assert [row.core_hours_left for row in result.rows] == [4, 2]
        assert result.core_hours_left == 5
        assert dict(result.runs_by_basis) == {"trial": 5}
        assert "about 5.0 core-hours left" in status.table(result)

    def test_runs_that_their_rule_ended_say_where_others_will_end(self, tmp_path, monkeypatch):
        """Two seeds stopped at 50 of 150 steps, one stands at 45 and one has not begun."""
        c = config(SHORT.replace(steps=150, every=50, stop_loss=100.0, stop_steps=1))
        reference(tmp_path, [c], seeds=(0, 1))
        for seed in (0, 1):
            stamp(tmp_path, c, seed, seconds=3600.0)  # 72 s a step
        half_done = start(c.task, c.model, c.training, 2)
        half_done.step, half_done.seconds = 45, 1.0
        Store(tmp_path).save_checkpoint(c, 2, half_done)

        def hours(*seeds):
            [row] = status.status(tmp_path, registry(c, seeds=(0, 1, *seeds))).rows
            return row.core_hours_left

        assert hours(2) == pytest.approx(0.1)
        assert hours(2, 3) == pytest.approx(1.1)
        half_done.step = 60  # later than the others did: any step may be the last
        Store(tmp_path).save_checkpoint(c, 2, half_done)
        assert hours(2) == 0

    @pytest.mark.parametrize(
        "task",
        [Task(K=128, L=2, N=8, B=4), Task(K=128, L=4, N=8, distinct=False)],
        ids=["few labels", "labels repeat"],
    )
    def test_every_task_can_be_tried(self, task, tmp_path, monkeypatch):
        monkeypatch.setattr(status, "_trial", lambda c: 90.0 if c.task == task else None)
        c = RunConfig(task=task, training=SHORT)
        [row] = status.status(tmp_path, registry(c, seeds=(0, 1))).rows
        assert row.core_hours_left == 2

    def test_one_trial_does_for_runs_of_one_size(self, tmp_path, monkeypatch):
        tried = []
        monkeypatch.setattr(status, "_trial", lambda c: tried.append(c) or 90.0)
        status.status(tmp_path, registry(config(), config(eps=0.5), config(L=2), seeds=(0, 1)))
        assert tried == [config(), config(L=2)]

    def test_a_trial_runs_on_one_thread_as_a_run_does(self, monkeypatch):
        """A second thread that waits would count as processor time."""
        threads = set()

        class Engine:
            def load(self, parameters):
                pass

            def step(self, *_):
                threads.update(pool["num_threads"] for pool in threadpool_info())

        monkeypatch.setattr(status.fast, "engine", lambda *_: Engine())
        with threadpool_limits(limits=2):
            assert {pool["num_threads"] for pool in threadpool_info()} == {2}
            assert status._trial(RunConfig(training=SHORT)) < 1
        assert threads == {1}

    def test_first_weights_of_another_size_cost_the_same(self):
        assert status._size(RunConfig(model=Model(attention_scale=0.5))) == status._size(
            RunConfig()
        )
        assert status._size(RunConfig(model=Model(hidden=2))) != status._size(RunConfig())

    def test_corrupt_files_are_named_and_strangers_listed(self, tmp_path, capsys):
        known, stranger = config(), config(eps=0.7)
        to = reference(tmp_path, [known, stranger])
        content = bytearray(to.path(known, 0).read_bytes())
        content[100] ^= 1
        to.path(known, 0).write_bytes(content)

        result = status.status(tmp_path, registry(known))
        assert result.rows[0].stored == 0
        assert f"{to.path(known, 0)} cannot be used" in capsys.readouterr().err
        text = status.table(result)
        assert f"  {stranger.name}: seeds 0" in text
        assert f"  {to.path(known, 0)}.corrupt" in text

    def test_a_run_that_a_sweep_ends_meanwhile_is_no_stranger(self, tmp_path, monkeypatch):
        """It is missing when it is looked for, and there when strangers are."""
        reference(tmp_path, [config()])
        monkeypatch.setattr(Store, "look", lambda *_: None)
        result = status.status(tmp_path, registry(config()))
        assert (result.rows[0].stored, result.others) == (0, {})

    def test_starts_without_torch(self):
        code = "import sys, icl.status, icl.sweep, icl.__main__; sys.exit('torch' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def stamp(root, c, seed=0, **attrs):
    """Change attributes of a stored run."""
    to = Store(root)
    store.write(to.path(c, seed), to_netcdf(to.load(c, seed).assign_attrs(attrs)))


class TestBench:
    def test_the_floor_is_184_mflop_at_the_papers_sizes(self):
        assert round(bench.floor_flops(Task()) / 1e6) == 184

    def test_the_floor_grows_with_what_is_larger(self):
        base = bench.floor_flops(Task())
        for larger in ({"N": 16}, {"D": 64}, {"P": 66}, {"L": 64}):
            assert bench.floor_flops(Task(**larger)) > base
        assert bench.floor_flops(Task(K=1024)) == base  # classes cost no arithmetic

    def test_the_minimal_models_floor_is_its_classifier_but_for_a_twentieth(self):
        """By hand, of width 126: three products a layer and for the readout, 128 sequences."""
        classifier = 3 * (3 * 2 * 128 * 126 * 126) + 3 * 2 * 128 * 32 * 126
        floor = bench.floor_flops(Task(), bench.MINIMAL)
        assert classifier < floor < 1.05 * classifier
        assert bench.floor_flops(Task(P=100), bench.MINIMAL) == floor  # it sees no positions

    def test_json_and_table(self, monkeypatch, capsys):
        """Tiny measurements, whose form alone counts."""
        monkeypatch.setattr(bench, "TURN_SECONDS", 0.005)
        threads = torch.get_num_threads()
        assert main(["bench", "--json", "--seconds", "0"]) == 0
        torch.set_num_threads(threads)
        result = json.loads(capsys.readouterr().out)
        assert set(result["full"]) >= {"ms_per_step_seed", "floor_ratio", "obvious_ratio"}
        numbers = [
            *result["full"].values(),
            *result["minimal"].values(),
            result["processes"]["speedup_2"],
            result["matmul_gflops"],
        ]
        assert all(isinstance(number, float) and number > 0 for number in numbers)
        assert set(result["blas"]) == {"name", "version", "kernel"}
        text = bench.table(result)
        assert "over the floor" in text
        assert result["blas"]["version"] in text
        assert ("no GPU here" in text) == (not torch.cuda.is_available())


class TestObvious:
    """The way that the engine is compared with computes the same thing."""

    def test_logits_are_those_of_the_legible_network(self):
        task, model = Task(K=8, L=4, N=2, D=8, P=9, p_C=0.5), Model()
        trainer = Trainer(World(task, 0), model, SHORT)
        theta = initial(model, task, 0)
        trainer.network.load(theta)
        u, _ = trainer.batch()
        theirs = network.forward({k: torch.from_numpy(v) for k, v in theta.items()}, u).logits
        torch.testing.assert_close(trainer.network(u)[:, -1], theirs)

    def test_its_batches_are_of_the_task(self):
        task = TASK.replace(p_C=0.5, eps=0.0, L=4, K=16, N=4, B=2, P=12)
        world = World(task, 0)
        trainer = Trainer(world, Model(), Training(batch=200))
        u, target = (x.numpy() for x in trainer.batch())
        contents = u[:, :, task.P :]
        assert (u[:, :, : task.P].sum(2) == 1).all()
        position = u[:, :, : task.P].argmax(2)
        assert (np.diff(position) == 1).all()
        match = (contents[:, 1::2, None] == world.label_contents).all(3)
        labels = match.argmax(2)
        assert match.any(2).all()
        assert all((np.bincount(row, minlength=4) % 2 == 0).all() for row in labels)
        same = np.isclose(contents[:, :-1:2], contents[:, -1:]).all(2)
        assert (same.sum(1) == task.B).all()
        assert (labels[same].reshape(-1, task.B) == target[:, None]).all()
        known = np.isclose(contents[:, -1:], world.means).all(2).any(1)
        assert 0.35 < known.mean() < 0.65
