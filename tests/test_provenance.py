"""The line under a figure is true, and its command makes the very runs it names."""

import shlex
import subprocess
import sys
from typing import Literal

import numpy as np
import pytest
import typer
import xarray as xr
from IPython.display import Markdown
from pydantic import Field

from icl import __main__ as command_line
from icl import options, provenance
from icl.experiments import EXPERIMENTS, Experiment
from icl.model import Model
from icl.runs import RunConfig, Store, load_or_train
from icl.task import Task
from icl.training import Training

CONFIGS = [
    *(config for e in EXPERIMENTS.values() for config in e.configs.values()),
    RunConfig(
        task=Task(K=64, L=16, N=4, B=2, p_B=0.5, p_C=0.25, alpha=1.5, eps=0.0, D=8, P=33, novel=32),
        model=Model(kind="full", hidden=2, attention_scale=0.1),
        training=Training(
            steps=60, batch=8, learning_rate=1e-3, decay=0.0, dtype="float64", every=20, test=50,
            maps=True, keep_parameters=True, stop_loss=1e-5, stop_steps=7,
        ),
    ),
]  # fmt: skip


@pytest.fixture
def asked(monkeypatch):
    """What `icl train` asks for, instead of training it."""
    calls = []

    def load_or_train(config, seeds, **_):
        calls.append((config, list(seeds)))

    monkeypatch.setattr("icl.runs.load_or_train", load_or_train)
    monkeypatch.setattr("icl.summary.summary", lambda dataset, root: "")
    return calls


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_the_command_asks_for_the_same_configuration(config, asked):
    words = shlex.split(provenance.command(config, range(6)))
    assert words[0] == "icl"
    assert command_line.main(words[1:]) == 0
    assert asked == [(config, [0, 1, 2, 3, 4, 5])]


class Wider(Training):
    """Settings that somebody adds: one that is on, one that is off, and a word."""

    clip_norm: bool = Field(True, description="on at first")
    warm: bool = Field(False, description="off at first")
    schedule: Literal["flat", "cosine"] = Field("flat", description="a word")


WIDER = Wider(clip_norm=False, warm=True, schedule="cosine")


def test_the_command_has_a_setting_that_is_new():
    asked, app = [], typer.Typer()
    app.command()(options.takes(Wider)(lambda settings, *, seeds="": asked.append(settings)))
    app(shlex.split(provenance.command(RunConfig(training=WIDER), [0]))[2:], standalone_mode=False)
    assert asked == [WIDER]


def test_the_line_has_a_setting_that_is_new():
    configs = {str(t): RunConfig(training=t) for t in (WIDER, WIDER.replace(schedule="flat"))}
    line = provenance.experiment_line(Experiment("new", "", configs), {})
    assert "D=63; clip_norm=no; warm=yes; schedule ∈ {cosine, flat}; 150,000" in line


@pytest.mark.parametrize("seeds", [[0], [0, 1, 2], [3], [2, 0], [5, 7], [5, 6, 7]])
def test_the_command_asks_for_the_same_seeds(seeds):
    words = shlex.split(provenance.command(RunConfig(), seeds))
    assert options.seeds(words[words.index("--seeds") + 1]) == sorted(seeds)


def dataset(config, stopped):
    return xr.Dataset(
        {"stopped_at": ("seed", np.array(stopped))},
        coords={"seed": np.arange(len(stopped))},
        attrs={"config": config.model_dump_json()},
    )


def test_the_line_names_task_seeds_steps_run_and_command():
    config = RunConfig(task=Task(K=512, B=2))
    line = provenance.line(dataset(config, [150_000, 150_000]))
    assert "K=512, L=32, N=8, B=2, p_B=1, p_C=0, α=0, ε=0.1, D=63" in line
    assert "2 seeds, 150,000 steps of 128 sequences, float32" in line
    assert "attention-only network" in line
    assert f"`{config.name}`" in line
    assert f"`{provenance.command(config, [0, 1])}`" in line
    assert "stop" not in line


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("open-full", "D=63; first Q, K, V times ∈ {0.5, 1, 2}; decay ∈ {0, 1e-06}; 150,000"),
        (
            "open-minimal",
            "D=63; decay ∈ {0, 1e-06}; biases or none; labels of a context distinct, or they may",
        ),
        ("3-unbiased", "D=63; no biases; 150,000"),
    ],
)
def test_what_is_seldom_changed_is_named_where_it_is(name, words):
    assert words in provenance.experiment_line(EXPERIMENTS[name], {})


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (RunConfig(model=Model(hidden=2)), "D=63; hidden layers=2; 1 seed"),
        (RunConfig(model=Model(attention_scale=0.5)), "D=63; first Q, K, V times=0.5; 1 seed"),
        (RunConfig(task=Task(distinct=False)), "D=63; labels of a context may repeat; 1 seed"),
        (RunConfig(), "D=63; 1 seed"),
        (
            RunConfig(task=Task(P=80, novel=64), training=Training(learning_rate=0.1)),
            "D=63; P=80; novel classes=64; learning rate=0.1; 1 seed",
        ),
    ],
    ids=["hidden", "attention_scale", "distinct", "usual", "several"],
)
def test_a_single_configuration_names_it_too(config, words):
    assert words in provenance.line(dataset(config, [150_000]))


@pytest.mark.parametrize(
    ("stopped", "words"),
    [
        ([150_000, 150_000], "no seed did"),
        ([40_000, 150_000], "1 of 2 did, at 40,000"),
        ([40_000, 30_500], "2 of 2 did, at 30,500 to 40,000"),
    ],
)
def test_the_line_says_where_the_stop_rule_ended_seeds(stopped, words):
    config = EXPERIMENTS["6b"].configs[""]
    line = provenance.line(dataset(config, stopped))
    assert f"below 0.01 for 20,000 steps: {words}. " in line
    assert "two parameters" in line


def scan(experiment, seeds_by_label, stopped=150_000):
    configs = EXPERIMENTS[experiment].configs
    return {
        label: dataset(configs[label], [stopped] * len(seeds)).assign_coords(seed=list(seeds))
        for label, seeds in seeds_by_label.items()
    }


def test_the_line_of_an_experiment_has_what_varies_and_how_much_is_stored():
    runs = scan("2b", {"eps=0.0": [0, 1, 2], "eps=1.6": [1]})
    line = provenance.experiment_line(EXPERIMENTS["2b"], runs)
    assert "K=1024, L=32, N=8, B=1, p_B=1, p_C=0, α=0, ε ∈ {0, 0.1, 0.2, 0.4, 0.8, 1.6}" in line
    assert "hidden" not in line
    assert (
        "150,000 steps of 128 sequences, float32; to stop once the training loss was below" in line
    )
    assert "steps: no seed did; 2 of 6 configurations stored, with 4 of 36 runs (seeds 0-2)" in line
    assert line.endswith("Experiment 2b, made by `icl sweep 2b --seeds 0-2`.")


def test_the_line_of_an_experiment_says_what_was_trained_for_longer_or_without_a_rule():
    early = Training(stop_loss=0.01)
    trainings = {"a": early, "b": Training(steps=300_000), "c": early.replace(decay=0.0)}
    configs = {label: RunConfig(training=training) for label, training in trainings.items()}
    runs = {"b": dataset(configs["b"], [300_000]), "c": dataset(configs["c"], [40_000])}
    assert (
        "a and c: 150,000 steps of 128 sequences, float32, to stop once the training loss was "
        "below 0.01 for 20,000 steps: 1 of 1 did, at 40,000; "
        "b: 300,000 steps of 128 sequences, float32; 2 of 3 configurations stored"
    ) in provenance.experiment_line(Experiment("new", "", configs), runs)


def test_the_line_of_an_experiment_counts_where_the_stop_rule_ended_runs():
    runs = scan("layers", {"1 hidden layer": [0], "3 hidden layers": [0, 2]}, stopped=40_000)
    line = provenance.experiment_line(EXPERIMENTS["layers"], runs)
    assert "hidden layers ∈ {1, 2, 3}" in line
    assert (
        "3 of 3 did, at 40,000; 2 of 3 configurations stored, with 3 of 18 runs (seeds 0,2)" in line
    )
    assert "--seeds 0,2`" in line


def test_the_line_of_an_experiment_of_one_seed_names_it():
    line = provenance.experiment_line(EXPERIMENTS["2b"], scan("2b", {"eps=1.6": [2]}))
    assert "with 1 of 36 runs (seed 2). Experiment" in line
    assert line.endswith("`icl sweep 2b --seeds 2-2`.")  # --seeds 2 are the first two


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_line_of_an_experiment_without_runs_says_how_to_make_them(name):
    experiment = EXPERIMENTS[name]
    line = provenance.experiment_line(experiment, {})
    needed = len(experiment.configs) * len(experiment.seeds)
    assert f"0 of {len(experiment.configs)} configuration" in line
    assert f"with 0 of {needed} runs." in line
    words = shlex.split(line.split("`")[1])
    assert words[:3] == ["icl", "sweep", name]
    assert tuple(options.seeds(words[words.index("--seeds") + 1])) == experiment.seeds


@pytest.mark.parametrize("seeds", [[0], [3], [0, 1, 2], [0, 2], [5, 4, 7]])
def test_seeds_are_written_as_they_are_read(seeds):
    assert options.seeds(provenance._ranges(seeds)) == sorted(seeds)


def test_every_setting_that_changes_what_is_trained_or_measured_changes_the_line():
    minimal, stops = {"model": {"kind": "minimal"}}, {"training": {"stop_loss": 0.1}}
    changes = {
        "task": {
            "K": 64, "L": 16, "N": 4, "B": 2, "p_B": 0.5, "p_C": 0.5, "alpha": 1.0, "eps": 0.2,
            "D": 64, "P": 66, "novel": 64, "distinct": False,
        },
        "model": {
            "kind": "minimal", "hidden": 2, "attention_scale": 0.5, "train_beta2": False,
            "xi0": 1.0, "bias": False,
        },
        "training": {
            "steps": 1000, "batch": 64, "learning_rate": 0.1, "decay": 0.0, "dtype": "float64",
            "every": 250, "test": 100, "stop_loss": 0.1, "stop_steps": 1000,
        },
    }  # fmt: skip
    needs = {"train_beta2": minimal, "xi0": minimal, "stop_steps": stops}
    recorded = {"maps", "keep_parameters"}
    for group, values in changes.items():
        assert set(values) == set(type(getattr(RunConfig(), group)).model_fields) - recorded
        for name, value in values.items():
            base = needs.get(name, {})
            other = {**base, group: {**base.get(group, {}), name: value}}
            lines = [
                provenance.line(dataset(RunConfig.model_validate(c), [1000])).split("`")[0]
                for c in (base, other)
            ]
            assert lines[0] != lines[1], name


def test_looking_at_runs_needs_nothing_that_makes_them():
    code = "import sys, icl.provenance; print(*sorted(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    made_by = {"icl.sweep", "icl.cluster", "icl.worker", "icl.status", "icl.plan"}
    assert not made_by & set(run.stdout.split())


def test_lines_are_displayed_as_markdown_in_small_print(monkeypatch):
    displayed = []
    monkeypatch.setattr("IPython.display.display", displayed.append)
    experiment, ds = EXPERIMENTS["2b"], dataset(RunConfig(), [150_000])
    provenance.experiment_provenance(experiment, {})
    provenance.provenance(ds)
    assert [type(shown) for shown in displayed] == [Markdown, Markdown]
    assert [shown.data for shown in displayed] == [
        f"<small>{provenance.experiment_line(experiment, {})}</small>",
        f"<small>{provenance.line(ds)}</small>",
    ]


def test_stored_counts_and_times_what_is_done(tmp_path):
    task = Task(K=4, L=2, N=2, D=4, P=5, novel=8)
    config = RunConfig(task=task, training=Training(steps=20, every=10, test=8, batch=4))
    experiment = Experiment("one", "One", {"": config}, seeds=(0, 1, 2))
    assert provenance.stored(experiment, Store(tmp_path)) == (3, 0, [], [])
    load_or_train(config, [1], tmp_path, progress=False)
    made = provenance.stored(experiment, Store(tmp_path))
    assert (made.needed, made.stored) == (3, 1)
    assert made.ms_a_step == [1000 * made.seconds[0] / 20]
