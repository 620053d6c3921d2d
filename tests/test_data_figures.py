"""Figures of scans at every degree of completeness: what is missing is said, and never drawn."""

import re

import nbformat
import numpy as np
import pytest
import xarray as xr
from matplotlib.colors import to_rgba

from icl import chapters, store
from icl.experiments import EXPERIMENTS, Experiment
from icl.figures import data
from icl.figures.style import INK, to_svg
from icl.runs import VERSION, RunConfig, Store, combine, to_netcdf
from icl.task import Task

STEP = np.arange(0, 10_001, 500)
SCANS = [scan.experiment for scan in (*data.FIGURE_2, *data.FIGURE_A3)]
CURVES = ["A.1", "p_B", "layers", "A.5", "A.3-long", "open-full", "open-minimal"]
CURVES += ["2b-long", "3-unbiased", "p_B-control", "2c-long", "p_C", "p_C-unbiased"]


def level(config, seed, measure):
    """The accuracy of a made-up seed, at every step: another one for every curve."""
    task = config.task
    place = task.K + 7 * task.B + 100 * task.eps + 10 * task.alpha + 3 * task.N + task.L + seed
    return (place * 0.0137 + 0.31 * list(data.NAMES).index(measure)) % 1


def made_up(config, seeds):
    runs = []
    for seed in seeds:
        columns = {m: ("step", np.full(len(STEP), level(config, seed, m))) for m in data.NAMES}
        for measure in (
            "swapped_accuracy",
            "item_label_association",
            "target_item_label_association",
            "train_loss",
        ):
            columns[measure] = ("step", STEP / STEP[-1])
        if config.task.alpha > 0:
            ranks = np.linspace(0.9, 0.1, len(config.task.rank_bins())) + 0.01 * seed
            columns["rank_accuracy"] = (("step", "rank_bin"), np.tile(ranks, (len(STEP), 1)))
        run = xr.Dataset(columns, coords={"step": STEP})
        runs.append(run.assign_attrs(seed=seed, stopped_at=10_000 - 3_000 * (seed == 2)))
    return runs


def together(config, seeds):
    return combine(config, made_up(config, seeds))


def stored(experiment, labels=None, seeds=(0, 1, 2)):
    """Made-up runs of some configurations; all without ``labels``."""
    configs = EXPERIMENTS[experiment].configs
    return {
        label: together(configs[label], seeds) for label in (configs if labels is None else labels)
    }


def half(experiment):
    return stored(experiment, list(EXPERIMENTS[experiment].configs)[::2], seeds=(0, 2))


DEGREES = {
    "none": lambda name: {},
    "one": lambda name: stored(name, list(EXPERIMENTS[name].configs)[:1], seeds=(1,)),
    "half": half,
    "all": stored,
}


@pytest.fixture(params=DEGREES)
def degree(request):
    return DEGREES[request.param]


def marks(ax, marker, colour=None):
    """Where a marker is drawn, as (x, y) of all lines with it."""
    lines = [line for line in ax.lines if line.get_marker() == marker]
    if colour is not None:
        lines = [line for line in lines if to_rgba(line.get_color()) == to_rgba(colour)]
    return [point for line in lines for point in line.get_xydata().tolist()]


def segments(ax):
    return [line for line in ax.lines if line.get_marker() in ("None", "")]


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


# Points


def test_points_are_all_configurations_with_the_ends_of_those_that_were_run():
    configs = EXPERIMENTS["2a"].configs
    found = data.points(data.Scan("2a", "K"), stored("2a", ["K=512, B=2"], seeds=(0, 2)))
    assert {point.label for point in found} == configs.keys()
    assert [(p.B, p.x) for p in found] == sorted((c.task.B, c.task.K) for c in configs.values())
    (run,) = [point for point in found if point.seeds]
    assert (run.label, run.B, run.x, run.seeds) == ("K=512, B=2", 2, 512, [0, 2])
    for measure, values in run.ends.items():
        assert values == pytest.approx([level(configs[run.label], s, measure) for s in (0, 2)])


@pytest.mark.parametrize("scans", [data.FIGURE_2, data.FIGURE_A3], ids=["2", "A.3"])
def test_every_figure_is_drawn_at_every_degree_of_completeness(scans, degree):
    runs = {scan.experiment: degree(scan.experiment) for scan in scans}
    figure, words = data.data_dependence(scans, runs)
    assert to_svg(figure)
    missing = sum(len(EXPERIMENTS[name].configs) - len(found) for name, found in runs.items())
    for row in (figure.axes[:3], figure.axes[3:]):
        crosses = [cross for ax in row for cross in marks(ax, "x")]
        assert len(crosses) == missing
    assert (data.MISSING in legend(figure)) == (missing > 0)
    assert (data.MISSING in words) == (missing > 0)


@pytest.mark.parametrize("scan", data.FIGURE_2)
def test_a_scan_can_stand_alone(scan, degree):
    figure, words = data.data_dependence([scan], {scan.experiment: degree(scan.experiment)})
    assert to_svg(figure)
    assert len(figure.axes) == 2
    assert f"Against {scan.along}: " in words


@pytest.mark.parametrize("seeds", [(), (0, 1)])
@pytest.mark.parametrize("along", ["p_C", "N", "novel"])
def test_a_scan_may_be_along_any_setting_at_any_burstiness(along, seeds, monkeypatch):
    values = {"p_C": (0.2, 0.4, 0.8), "N": (8, 16, 24), "novel": (32, 128)}[along]
    tasks = [Task(B=B, **{along: x}) for B in (1, 8) for x in values]
    configs = {f"{along}={t.B}{getattr(t, along)}": RunConfig(task=t) for t in tasks}
    monkeypatch.setitem(EXPERIMENTS, "new", Experiment("new", "", configs))
    runs = {"new": stored("new", seeds=seeds) if seeds else {}}
    part, figure, words = data.explore([data.Scan("new", along)], runs)
    [column] = part["columns"]
    assert column["sign"] == along
    assert column["ticks"] == [[x, f"{x:g}"] for x in values]
    assert part["bursts"].keys() == {"1", "8"}
    shown = [tick.get_text() for tick in figure.axes[1].get_xticklabels()]
    assert shown == [f"{x:g}" for x in values]
    assert f"Against {along}: " in words
    assert to_svg(figure)


def test_without_a_run_nothing_is_drawn_but_crosses():
    figure, words = data.data_dependence(data.FIGURE_2, {})
    for ax in figure.axes:
        assert {line.get_marker() for line in ax.lines} == {"x"}
    assert words.startswith("Accuracies at the end of training, all 33 configurations not yet run.")
    assert not re.search(r"\d\.\d\d", words)
    assert not any("mean" in text for text in legend(figure))


def test_a_point_is_the_mean_and_every_seed_has_a_mark():
    label = "eps=0.4"
    runs = {"2b": stored("2b", [label], seeds=(0, 1, 4))}
    figure, words = data.data_dependence(data.FIGURE_2, runs)
    config = EXPERIMENTS["2b"].configs[label]
    above, below = figure.axes[1], figure.axes[4]
    for ax, measures in ((above, (data.IWL, data.PAPERS_IWL)), (below, (data.ICL,))):
        each = {m: [level(config, seed, m) for seed in (0, 1, 4)] for m in measures}
        assert sorted(marks(ax, "_")) == pytest.approx(
            np.array(sorted([0.4, y] for values in each.values() for y in values))
        )
        means = sorted([0.4, np.mean(values)] for values in each.values())
        assert sorted(marks(ax, "o")) == pytest.approx(np.array(means))
        assert not segments(ax)
    assert "mean of 3 seeds" in legend(figure)
    icl = np.mean([level(config, seed, data.ICL) for seed in (0, 1, 4)])
    missing = ", ".join([data.MISSING] * 3)
    assert "Against eps: at 0, 0.1, 0.2, 0.4, 0.8, 1.6; " in words
    assert f"in-context learning: {missing}, {icl:.2f}, {data.MISSING}, {data.MISSING}." in words


def test_a_line_over_what_is_missing_is_faint():
    whole = {"2c": stored("2c")}
    gap = {"2c": {k: v for k, v in whole["2c"].items() if k != "alpha=0.75"}}
    for runs, alphas in ((whole, [1] * 6), (gap, [1, 0.35, 1, 1, 1])):
        figure, _ = data.data_dependence(data.FIGURE_2, runs)
        assert [line.get_alpha() for line in segments(figure.axes[5])] == alphas


def test_the_papers_test_is_dashed_and_hollow():
    figure, _ = data.data_dependence(data.FIGURE_2, {"2c": stored("2c")})
    dashed = [line for line in segments(figure.axes[2]) if line.get_linestyle() == "--"]
    papers = [
        level(c, s, data.PAPERS_IWL) for c in EXPERIMENTS["2c"].configs.values() for s in (0,)
    ]
    assert len(dashed) == len(papers) - 1
    hollow = [line for line in figure.axes[2].lines if line.get_markerfacecolor() == "none"]
    assert len([line for line in hollow if line.get_marker() == "o"]) == 7


def test_curves_are_named_by_their_burstiness_and_names_do_not_overlap():
    figure, _ = data.data_dependence(data.FIGURE_2, {"2a": stored("2a")})
    for ax in (figure.axes[0], figure.axes[3]):
        assert [text.get_text() for text in ax.texts] == [f"$B={B}$" for B in (0, 1, 2, 4)]
        heights = sorted(text.xy[1] for text in ax.texts)
        assert min(np.diff(heights)) > 0.08
    assert not figure.axes[1].texts  # one curve needs no name


@pytest.mark.parametrize("heights", [[0.5, 0.5, 0.5], [0.1, 0.9], [0.3, 0.29, 0.31, 0.9], []])
def test_names_are_moved_apart_no_more_than_they_must(heights):
    moved = data._apart(heights, gap=0.1)
    order = np.argsort(heights, kind="stable")
    assert (np.diff(np.array(moved)[order]) >= 0.1 - 1e-6).all()
    if min(np.diff(sorted(heights)), default=1) >= 0.1:
        assert moved == heights
    assert sum(moved) == pytest.approx(sum(heights))


@pytest.mark.parametrize("heights", [[0.0, -0.02, 0.01], [1.0, 1.0, 0.99, 0.02], [0.5], []])
def test_names_stay_within_the_axes(heights):
    moved = data._apart(heights, gap=0.1, between=(0.03, 0.98))
    order = np.argsort(heights, kind="stable")
    assert (np.diff(np.array(moved)[order]) >= 0.1 - 1e-6).all()
    assert all(0.03 <= height <= 0.98 for height in moved)


def test_the_number_of_seeds_is_a_range_where_it_differs():
    runs = {"2b": stored("2b", ["eps=0.0"], (0,)) | stored("2b", ["eps=1.6"], (0, 1, 2))}
    figure, words = data.data_dependence(data.FIGURE_2, runs)
    assert "mean of 1 to 3 seeds" in legend(figure)
    assert "means of 1 to 3 seeds; 2 of 33 configurations are stored" in words


# Panels


@pytest.mark.parametrize("name", CURVES)
def test_every_configuration_has_a_panel_at_every_degree_of_completeness(name, degree):
    runs = degree(name)
    figure, words = data.panels(name, runs)
    assert to_svg(figure)
    configs = EXPERIMENTS[name].configs
    assert len(figure.axes) == len(configs)
    for ax, label in zip(figure.axes, configs, strict=True):
        said = [text.get_text() for text in ax.texts]
        if label in runs:
            assert said == []
            assert ax.lines
            number = runs[label].sizes["seed"]
            assert ax.get_title(loc="left").endswith(f", {number} seed{'s' * (number > 1)}")
            assert f"{label}, {number} seed" in words
        else:
            assert said == [data.MISSING]
            assert not ax.lines
            assert "seed" not in ax.get_title(loc="left")
            assert f"{label}: {data.MISSING}" in words


@pytest.mark.parametrize(("name", "columns"), [("2c", 3), ("layers", 2), ("layers", 4)])
def test_a_grid_that_is_not_full_ends_in_nothing(name, columns, degree):
    figure, _ = data.panels(name, degree(name), columns=columns)
    assert to_svg(figure)
    number = len(EXPERIMENTS[name].configs)
    columns = min(columns, number)
    panels = figure.axes[:number]
    assert [ax.axison for ax in figure.axes] == [ax in panels for ax in figure.axes]
    at_foot = [ax.xaxis.get_tick_params()["labelbottom"] for ax in panels]
    assert at_foot == [place >= number - columns for place in range(number)]
    assert [ax.get_xlabel() for ax in panels] == ["steps" if foot else "" for foot in at_foot]
    assert [bool(ax.get_ylabel()) for ax in panels] == [i % columns == 0 for i in range(number)]


@pytest.mark.parametrize("kind", [tuple, list])
def test_in_context_accuracy_alone_has_the_level_of_chance(kind):
    labels = ["K=512, B=1", "K=512, B=2"]
    figure, _ = data.panels("2a", stored("2a", labels), measures=kind([data.ICL]))
    configs = list(EXPERIMENTS["2a"].configs)
    for label, level in zip(labels, (1 / 8, 1 / 4), strict=True):
        lines = figure.axes[configs.index(label)].lines
        heights = [set(line.get_ydata()) for line in lines if line.get_linestyle() == "--"]
        assert heights == [{level}]


def test_a_panel_of_one_seed_has_its_verb():
    label = "p_B=0.5"
    for seeds, words in (((1,), "1 seed that ends with "), ((1, 2), "2 seeds that end with ")):
        assert words in data.panels("p_B", stored("p_B", [label], seeds))[1]


def test_a_panels_words_have_the_range_over_seeds():
    runs = stored("A.1", ["p_B=0.5, p_C=0.5"])
    config = EXPERIMENTS["A.1"].configs["p_B=0.5, p_C=0.5"]
    _, words = data.panels("A.1", runs, measures=(data.ICL,))
    ends = [level(config, seed, data.ICL) for seed in (0, 1, 2)]
    assert f"3 seeds that end with in-context learning {min(ends):.2f} to {max(ends):.2f}" in words


def test_labels_become_formulas():
    figure, _ = data.panels("layers", {})
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles == ["1 hidden layer", "2 hidden layers", "3 hidden layers"]
    figure, _ = data.panels("A.3-long", {}, columns=2)
    assert figure.axes[0].get_title(loc="left") == r"$\alpha=0.0$"
    figure, _ = data.panels("open-minimal", {}, columns=2)
    assert figure.axes[0].get_title(loc="left") == "no decay"
    figure, _ = data.panels("p_B", {}, columns=2)
    assert figure.axes[0].get_title(loc="left") == "$p_B=0.5$"


@pytest.mark.parametrize("for_all", [True, False])
def test_the_same_seeds_of_other_runs_stand_behind_in_grey_until_they_stopped(for_all):
    label, configs = "p_B=0.5", EXPERIMENTS["p_B"].configs
    runs = {label: together(configs[label], (1, 2, 4))}
    other = together(configs["p_B=0.9"], (0, 1, 2))
    beside = other if for_all else {label: other, "p_B=0.9": other}
    figure, words = data.panels("p_B", runs, measures=(data.ICL,), beside=beside)
    first, second = figure.axes
    grey = [line for line in first.lines if line.get_color() == INK and len(line.get_xdata()) > 2]
    known = [np.isfinite(np.asarray(line.get_ydata(), float)).sum() for line in grey]
    assert known == [21, 15]  # seed 1, and seed 2 that was stopped at step 7,000
    assert marks(first, ".") == [[7_000, pytest.approx(level(configs["p_B=0.9"], 2, data.ICL))]]
    assert "(in grey 2 seeds that end with in-context learning " in words
    assert not second.lines  # not yet run
    for none in (None, {}, together(configs["p_B=0.9"], (0, 3))):
        plain, said = data.panels("p_B", runs, measures=(data.ICL,), beside=none)
        assert "grey" not in said
        assert len(plain.axes[0].lines) == len(first.lines) - 3


@pytest.mark.parametrize("longer", ["own", "other"])
def test_of_several_measures_the_grey_ones_are_named_and_the_longer_runs_fit(longer):
    label, configs = "p_B=0.5", EXPERIMENTS["p_B"].configs
    whole = together(configs[label], (0, 1))
    half = whole.isel(step=slice(11)).assign(stopped_at=whole.stopped_at // 2)
    own, other = (whole, half) if longer == "own" else (half, whole)
    figure, words = data.panels("p_B", {label: own}, beside={label: other}, named=True)
    [first, _] = figure.axes
    assert "in-weights learning " not in words.partition("(in grey ")[2].partition(")")[0]
    assert {text.get_text() for text in first.texts} == {"ICL", "IWL"}
    grey = [line for line in first.lines if line.get_color() == INK and len(line.get_xdata()) > 2]
    assert len(grey) == 2 * 2  # not the paper's test, whose line would be as that of the other
    assert first.get_xlim()[1] >= 10_000
    ends = [x for x, _ in marks(first, ".")]
    assert ends == ([5_000] * 4 if longer == "own" else [])


def test_grey_names_stand_beside_their_lines_where_nothing_else_does():
    label, configs = "p_B=0.5", EXPERIMENTS["p_B"].configs
    own, other = together(configs[label], (0, 1)), together(configs[label], (0, 1))
    for name, value in {data.ICL: 1.0, data.IWL: 0.0, data.PAPERS_IWL: 0.0}.items():
        own[name] = xr.full_like(own[name], value)
    for name, value in {data.ICL: 0.98, data.IWL: 0.05}.items():
        other[name] = xr.full_like(other[name], value)
    other["stopped_at"] = xr.full_like(other.stopped_at, 4_000)
    other["carried"] = (other.step > 4_000) & xr.ones_like(other.carried)
    figure, _ = data.panels("p_B", {label: own}, beside={label: other}, named=True)
    places = {text.get_text(): text.xy for text in figure.axes[0].texts}
    assert {x for x, _ in places.values()} == {4_000}
    assert places["ICL"][1] == pytest.approx(0.94, abs=0.02)
    assert places["IWL"][1] == pytest.approx(0.06, abs=0.02)


@pytest.mark.parametrize("height", [0.0, 0.5, 1.0])
def test_the_height_of_a_name_is_free_or_else_the_freest(height):
    taken = np.array([0.0, 0.48, 0.52, 1.0])
    found = data._free(height, taken)
    assert 0.03 <= found <= 0.98
    assert abs(found - taken).min() >= 0.06 - 1e-9
    assert abs(found - height) < 0.1
    assert data._free(height, np.array([])) == pytest.approx(np.clip(height, 0.03, 0.98))
    assert data._free(height, np.linspace(0, 0.95, 200)) == 0.98


def test_steps_may_be_on_a_logarithmic_axis_from_the_first_record_on():
    figure, _ = data.panels("p_B", stored("p_B"), measures=(data.ICL,), log=True)
    for ax in figure.axes:
        assert ax.get_xscale() == "symlog"
        assert ax.xaxis.get_transform().linthresh == 500
        assert ax.get_xlim() == (0, 10_000)
        assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0", "1k"]
    figure, _ = data.panels("p_B", stored("p_B"), measures=(data.ICL,))
    assert figure.axes[0].get_xscale() == "linear"
    assert data.panels("p_B", {}, log=True)[1].count(data.MISSING) == 2


def test_a_panels_words_have_the_way_to_the_end():
    label, config = "p_B=0.5", EXPERIMENTS["p_B"].configs["p_B=0.5"]
    ds = together(config, (0, 1))
    step = ds.step.values
    rises = np.interp(step, [0, 4_000, 8_000], [0, 0.8, 0.8])
    falls = np.interp(step, [0, 4_000, 5_000], [0, 0.8, 0.1])
    for name, curves in {data.ICL: (rises, falls), data.IWL: (rises, 0 * rises)}.items():
        ds[name] = (("seed", "step"), np.array(curves))
    _, words = data.panels("p_B", {label: ds})
    assert (
        "in-context learning 0.10 to 0.80 (50% at step 2,500; highest 0.80 at step 4,000) and "
        "in-weights learning, target's class absent 0.00 to 0.80 (50% in 1 seed at step 2,500) and "
        "in-weights learning (the paper's test) "
    ) in words


# Ranks


def test_ranks_have_a_point_a_bin_and_a_mark_a_seed():
    label = "alpha=1.0"
    config = EXPERIMENTS["2c"].configs[label]
    figure, words = data.by_rank(config.task, stored("2c", [label])[label])
    (ax,) = figure.axes
    (means,) = (line for line in ax.lines if line.get_marker() == "o")
    assert means.get_ydata() == pytest.approx(np.linspace(0.9, 0.1, 8) + 0.01)
    assert len(marks(ax, "_")) == 3 * 8
    assert [text.get_text() for text in ax.get_xticklabels()][-1] == "128–1024"
    assert "1: 0.91, 2–3: 0.80" in words
    assert "3 seeds" in words
    assert "3 seeds" in ax.get_title(loc="left")


def test_ranks_that_are_not_yet_run_say_so():
    figure, words = data.by_rank(EXPERIMENTS["2c"].configs["alpha=1.0"].task, None)
    assert [text.get_text() for text in figure.axes[0].texts] == [data.MISSING]
    assert words == "In-weights accuracy by rank of the class at alpha = 1: not yet run."
    assert not figure.axes[0].lines


# Tables


@pytest.mark.parametrize("name", [*SCANS, *CURVES])
def test_a_table_has_a_row_a_configuration(name):
    runs = half(name)
    _, _, *rows = data.table(name, runs).splitlines()
    cells = {row.split(" | ")[0].removeprefix("| "): row for row in rows}
    assert cells.keys() == EXPERIMENTS[name].configs.keys()
    for label, row in cells.items():
        assert row.count("|") == 6
        assert (data.MISSING in row) == (label not in runs)
        if label in runs:
            config = EXPERIMENTS[name].configs[label]
            ends = [level(config, seed, data.ICL) for seed in (0, 2)]
            assert f"({min(ends):.2f} to {max(ends):.2f}) |" in row


# The chapter


def fill(root, experiment, labels, seeds):
    """Write made-up runs into a store."""
    to = Store(root)
    for label in labels:
        config = EXPERIMENTS[experiment].configs[label]
        for run in made_up(config, seeds):
            run.attrs |= {"config": config.model_dump_json(), "version": VERSION}
            store.write(to.path(config, run.attrs["seed"]), to_netcdf(run))


def outputs(notebook, kind):
    cells = nbformat.read(notebook, as_version=4).cells
    data = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    return [content[kind] for content in data if kind in content]


def test_the_chapter_shows_what_is_stored_and_trains_nothing(tmp_path, monkeypatch):
    root = tmp_path / "store"
    monkeypatch.setenv("ICL_STORE", str(root))
    for name in ("2c", "A.5", "layers"):
        fill(root, name, list(EXPERIMENTS[name].configs)[::2], seeds=(0, 2))
    files = sorted(root.rglob("*"))
    chapters.run("data_dependence", [], tmp_path / "page.ipynb")
    assert sorted(root.rglob("*")) == files
    pictures = outputs(tmp_path / "page.ipynb", "text/plain")
    scan = next(words for words in pictures if words.startswith("Accuracies at the end"))
    assert "means of 2 seeds" in scan
    assert f"B = 4: {', '.join([data.MISSING] * 5)}" in scan
    panels = next(words for words in pictures if "N=2, L=2" in words)
    assert "N=2, L=2, 2 seeds" in panels
    assert "N=2, L=4: not yet run" in panels
    said = "\n".join(outputs(tmp_path / "page.ipynb", "text/markdown"))
    assert "5 of 9 configurations stored, with 10 of 54 runs (seeds 0,2)" in said
    assert "experiment A.5: 0 of 9 configurations have 3 seeds (10 seeds in all)" in said
    assert "2 of 3 configurations stored" in said
