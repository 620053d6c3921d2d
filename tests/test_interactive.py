"""The interactive parts: what is put into the page, and that a script computes what Python does.

The scripts are loaded into an empty page of a real browser; no built book is needed.
"""

import base64
import json
import math
import random
from urllib.parse import unquote

import numpy as np
import pytest
import xarray as xr
from browser import ROOT
from bs4 import BeautifulSoup
from chance import assert_counts_fit, assert_fraction, assert_mean, assert_normal
from test_task import assert_sequential, rank_frequency

from icl.experiments import EXPERIMENTS
from icl.figures import interactive, style
from icl.figures.curves import PROGRESS
from icl.landscape import Landscape
from icl.runs import config_of
from icl.settings import InputError
from icl.strategies import from_context, from_weights
from icl.task import Kind, Task, World

SCRIPTS = ["icl.js", "icl-landscape.js", "icl-training.js", "icl-sequence.js"]
FIELDS = interactive.limits(Task)


@pytest.fixture(scope="module")
def page(browser):
    """An empty page with the scripts."""
    page = browser.new_page()
    for script in SCRIPTS:
        page.add_script_tag(path=ROOT / "book" / "_static" / script)
    return page


@pytest.fixture
def published(monkeypatch):
    """What `show_part` publishes."""
    bundles = []
    monkeypatch.setattr(interactive, "publish_display_data", bundles.append)
    return bundles


def picture():
    fig = style.figure(1, 1)
    fig.subplots()
    return fig


# What a part leaves in the page


def test_a_part_is_a_picture_with_words_and_its_data(published):
    data = {"text": "</script><b> \"&' é", "numbers": [1, 0.5, None]}
    interactive.show_part("some-part", data, picture(), ' "a" line <that>\n rises & falls ')
    [bundle] = published
    assert bundle["text/plain"] == '"a" line <that> rises & falls'
    page = BeautifulSoup(bundle["text/html"], "html.parser")
    [part] = page.find_all(recursive=False)
    assert (part["class"], part["data-part"]) == (["icl-part"], "some-part")
    [image, script] = part.find_all(recursive=False)
    assert image["alt"] == bundle["text/plain"]
    kind, _, svg = image["src"].partition(",")
    assert (kind, unquote(svg)) == ("data:image/svg+xml", style.to_svg(picture()))
    assert script["type"] == "application/json"
    assert json.loads(script.string) == data


@pytest.mark.parametrize(
    ("part", "data", "alt"),
    [
        ("Part", {}, "a picture"),
        ("a b", {}, "a picture"),
        ("part", {}, " "),
        ("part", {"x": math.nan}, "a picture"),
        ("part", {"x": np.zeros(1)}, "a picture"),
    ],
)
def test_a_part_that_would_not_work_is_refused(published, part, data, alt):
    with pytest.raises(InputError, match="must"):
        interactive.show_part(part, data, picture(), alt)
    assert not published


def test_the_picture_of_a_part_is_seen_without_javascript(browser, published):
    interactive.show_part("part", {}, picture(), "a picture")
    page = browser.new_page(java_script_enabled=False)
    page.set_content(published[0]["text/html"])
    assert page.locator("img").bounding_box()["width"] > 50
    page.close()


def test_a_script_that_fails_leaves_the_picture(page, published):
    interactive.show_part("broken", {}, picture(), "a picture")
    page.set_content(published[0]["text/html"])
    message = page.evaluate(
        """() => {
            const broken = () => { throw new Error("no"); };
            try { icl.part("broken", broken); } catch (error) { return error.message; }
        }"""
    )
    assert message == "no"
    assert page.locator("img.icl-static").count() == 1
    page.evaluate('icl.part("broken", (root) => root.append("works"))')
    assert page.locator("img.icl-static").count() == 0
    assert page.locator(".icl-live").inner_text() == "works"


def test_measures_have_the_colours_of_every_figure():
    for name, pen in interactive.measures(*style.MEASURES).items():
        measure = style.MEASURES[name]
        assert pen["colour"] == measure.colour
        assert bool(pen["dash"]) == (measure.dash != "-")
        assert "$" not in pen["label"]
        assert "\\" not in pen["label"]


def test_shares_are_packed_to_1_over_508_and_nan_is_kept(page):
    values = np.append(np.linspace(0, 1, 1001), np.nan)
    packed = interactive.pack(values)
    assert len(base64.b64decode(packed)) == 1002
    unpacked = page.evaluate("text => [...icl.unpack(text)]", packed)
    np.testing.assert_allclose(unpacked, values, atol=1 / 508 + 1e-12)
    for wrong in (-0.01, 1.01, np.inf):
        with pytest.raises(InputError, match="must be shares"):
            interactive.pack(np.array([wrong]))


def test_ticks_are_round_and_inside(page):
    for low, high in [(0, 1), (-7, 7), (0, 150_000), (-49.3, 5.2), (0, 0.11), (0, 2.18)]:
        ticks = page.evaluate("domain => icl.ticks(domain)", [low, high])
        assert 2 <= len(ticks) <= 7
        assert all(low - 1e-9 <= place <= high + 1e-9 for place, _ in ticks)
        assert [float(text.replace("−", "-")) for _, text in ticks] == pytest.approx(
            [place for place, _ in ticks]
        )


# The landscape


def test_loss_gradient_and_attention_equal_those_of_python(page):
    rng = np.random.default_rng(0)
    cases = [
        (int(N), int(N + more), theta.tolist())
        for N, more, theta in zip(
            rng.integers(1, 17, 600),
            rng.integers(0, 49, 600) * rng.integers(0, 2, 600),  # half of them have L = N
            rng.normal(size=(600, 3)) * rng.choice([0.0, 0.1, 3.0, 40.0], (600, 1)),
            strict=True,
        )
    ]
    got = page.evaluate(
        """cases => cases.map(([N, L, theta]) => [
            icl.landscape.loss(N, L, theta),
            ...icl.landscape.gradient(N, L, theta),
            icl.landscape.logit(N, theta),
            icl.landscape.surface(N, L, icl.landscape.logit(N, theta), theta[2]),
        ])""",
        cases,
    )
    for (N, L, theta), values in zip(cases, got, strict=True):
        landscape, point = Landscape(N=N, L=L), np.array(theta)
        loss = float(landscape.loss(point))
        expected = [loss, *landscape.gradient(point), landscape.attention_logit(point), loss]
        np.testing.assert_allclose(values, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("N", "L", "start", "steps"),
    [
        (8, 32, [0, 0, 0], 1600),
        (8, 8, [0, 0.1, 0.1], 20_000),
        (8, 8, [0, -0.1, -0.1], 20_000),
        (8, 8, [0, 0, 0], 100),
        (2, 2, [0.5, -0.3, 0.2], 5_000),
        (16, 64, [-1, 1, -1], 50_000),
        (3, 5, [1, -1, -1], 10_000),
    ],
)
def test_whole_paths_equal_those_of_python(page, N, L, start, steps):
    landscape = Landscape(N=N, L=L)
    path = landscape.descend(start, rate=0.1, steps=steps)
    names = ["time", "beta1", "alpha", "xi", "y", "loss"]
    text = page.evaluate(
        """([N, L, start, steps, names]) => {
            const path = icl.landscape.descend(N, L, start, 0.1, steps);
            return JSON.stringify(names.map((name) => [...path[name]]));
        }""",
        [N, L, start, steps, names],
    )
    expected = [path.time, *path.theta.T, landscape.attention_logit(path.theta), path.loss]
    np.testing.assert_allclose(np.array(json.loads(text)), expected, rtol=0, atol=1e-6)


def test_no_setting_of_the_sliders_overflows(page):
    """At the steepest corners of what can be chosen every loss stays finite and ends no higher."""
    corners = [
        [N, L, [b, a, x]]
        for N, L in [(2, 2), (2, 64), (16, 16), (16, 64)]
        for b in (-1, 1)
        for a in (-1, 1)
        for x in (-1, 1)
    ]
    losses = page.evaluate(
        """corners => corners.map(([N, L, start]) => {
            const { loss } = icl.landscape.descend(N, L, start, 0.1, 50000);
            return [loss[0], Math.max(...loss.slice(1).map((value, i) => value - loss[i])),
                    loss[50000]];
        })""",
        corners,
    )
    for first, steepest_rise, last in losses:
        assert math.isfinite(last)
        assert last < first
        assert steepest_rise < 1e-9


@pytest.mark.parametrize(
    ("L", "start", "words"),
    [
        (8, [0, 0, 0], "the gradient is exactly zero, it never leaves"),
        (8, [0, 0.1, 0.1], "it has found the induction head"),
        (8, [0, -0.1, -0.1], "it has found a solution by elimination"),
        (32, [0, 0, 0], "it has found the induction head"),
    ],
)
def test_fates_are_told_apart(page, L, start, words):
    data, _, _ = interactive.landscape(*walk())
    said = page.evaluate(
        """([L, start, fates]) => {
            const path = icl.landscape.descend(8, L, start, 0.1, 50000);
            return icl.landscape.fate(8, L, path, fates);
        }""",
        [L, start, data["fates"]],
    )
    assert said == words


def walk():
    landscape = Landscape(N=8, L=32)
    return landscape, landscape.descend(np.zeros(3), rate=0.1, steps=1600)


def test_the_landscape_begins_where_its_picture_does():
    landscape, path = walk()
    data, _, alt = interactive.landscape(landscape, path)
    assert (data["N"], data["L"], data["start"]) == (8, 32, [0, 0, 0])
    assert data["rate"] == pytest.approx(0.1)
    assert data["until"] in data["horizons"]
    assert data["until"] == pytest.approx(160)
    assert f"to {path.loss[-1]:.2f}" in alt


# Training


def training_runs(T=5, records=41, transition=10_000):
    """Two made-up seeds, the second without a transition; the last pair is never asked for."""
    rng, step = np.random.default_rng(0), 500 * np.arange(records)
    N = (T - 1) // 2
    curve = np.array([(step > transition).astype(float), np.zeros(records)])
    map1 = np.tril(rng.random((2, records, T, T)))
    row2 = rng.random((2, records, N, T))
    row2[:, :, -1] = np.nan
    data = dict.fromkeys(PROGRESS, (("seed", "step"), curve))
    data["map1"] = (("seed", "step", "query", "key"), map1)
    data["row2"] = (("seed", "step", "pair", "key"), row2)
    config = EXPERIMENTS["3"].configs[""]
    config = config.replace(task=config.task.replace(N=N))
    attributes = {"config": config.model_dump_json()}
    return xr.Dataset(data, coords={"seed": [3, 4], "step": step}, attrs=attributes)


def test_maps_in_the_page_are_those_of_the_runs(page):
    runs = training_runs()
    data, _, _ = interactive.training(runs, near=2_000, apart=5_000)
    assert [run["seed"] for run in data["seeds"]] == [3, 4]
    for run, seed in zip(data["seeds"], runs.seed.values, strict=True):
        kept = runs.sel(seed=seed).isel(step=run["frames"])
        text = page.evaluate(
            """([run, tokens]) => {
                const maps = icl.training.maps(run, tokens);
                const all = (name) => run.frames.map((_, frame) => [...maps[name](frame)]);
                return JSON.stringify([all("map1"), all("row2")]);
            }""",
            [run, data["tokens"]],
        )
        map1, row2 = (np.array(maps, dtype=float) for maps in json.loads(text))
        T = data["tokens"]
        above = np.triu(np.ones((T, T), bool), 1)
        assert np.isnan(map1.reshape(-1, T, T)[:, above]).all()
        expected = kept.map1.values[:, ~above]
        np.testing.assert_allclose(map1.reshape(-1, T, T)[:, ~above], expected, atol=1 / 508)
        np.testing.assert_allclose(row2.reshape(kept.row2.shape), kept.row2, atol=1 / 508)


def test_records_are_kept_near_a_transition_and_sparsely_elsewhere():
    step = 500 * np.arange(41)
    frames = interactive.chosen(step, 10_250.0, near=1_000, apart=5_000)
    assert step[frames].tolist() == [0, 5_000, 9_500, 10_000, 10_500, 11_000, 15_000, 20_000]
    without = interactive.chosen(step[:-1], math.nan, near=1_000, apart=5_000)
    assert step[:-1][without].tolist() == [0, 5_000, 10_000, 15_000, 19_500]


def test_curves_of_training_are_exact_for_a_thousand_test_sequences():
    runs = training_runs()
    runs["icl_accuracy"][0, 5] = 0.123
    data, _, _ = interactive.training(runs)
    assert data["seeds"][0]["curves"]["icl"][5] == 123
    assert data["seeds"][0]["transition"] == 10_250
    assert data["seeds"][1]["transition"] is None
    json.dumps(data, allow_nan=False)


def test_training_has_short_names_and_the_levels_of_chance():
    runs = training_runs(T=9)
    data, _, _ = interactive.training(runs)
    short = [pen["short"] for pen in data["measures"].values()]
    assert short == ["ICL", "ILA1", "TILA2", "CLA", "TLA2"]
    assert data["levels"] == {"1/L": 1 / 32, "1/N": 1 / 4}
    config = config_of(runs)
    config = config.replace(task=config.task.replace(B=2))
    data, _, _ = interactive.training(runs.assign_attrs(config=config.model_dump_json()))
    assert data["levels"] == {"1/L": 1 / 32, "B/N": 1 / 2}


# Sequences: the tests of `icl.task`'s draws, of the page's


def drawn(page, task, name, n, seed=0):
    """Sequences as the page draws them, one generator each: classes, labels, target, ... ."""
    text = page.evaluate(
        """([task, name, n, seed]) => {
            const { world, generator } = icl.sequence;
            const from = world(task);
            const one = (_, index) => from.draw(name, generator(seed, 0, index));
            return JSON.stringify(Array.from({ length: n }, one));
        }""",
        [task.model_dump(), name, n, seed],
    )
    return json.loads(text)


def classes_of(sequences):
    return np.array([one["classes"] for one in sequences])


@pytest.mark.parametrize(
    ("p_B", "p_C", "B"), [(1.0, 0.8, 1), (0.5, 0.0, 1), (0.9, 0.2, 2), (0.0, 0.3, 1), (1.0, 0.0, 0)]
)
def test_kinds_have_the_shares_asked_for(page, p_B, p_C, B):
    task = Task(K=8, L=4, N=2, B=B, p_B=p_B, p_C=p_C, D=1)
    kinds = np.array([one["kind"] for one in drawn(page, task, "training", 20_000)])
    assert_fraction(kinds == "novel", p_C)
    assert_fraction(kinds[kinds != "novel"] == "bursty", p_B if B else 0.0)
    assert set(kinds) <= {"novel", "bursty", "i.i.d."}


@pytest.mark.parametrize("alpha", [0.0, 1.0, 1.5])
@pytest.mark.parametrize("B", [0, 1, 2])
def test_target_class_follows_the_rank_frequency(page, alpha, B):
    task = Task(K=64, L=8, N=4, B=B, alpha=alpha, D=1)
    target = classes_of(drawn(page, task, "training", 30_000))[:, -1]
    assert_counts_fit(np.bincount(target, minlength=64), rank_frequency(64, alpha))


@pytest.mark.parametrize(("K", "L", "N", "B"), [(6, 3, 2, 1), (6, 3, 4, 2), (8, 4, 3, 1)])
@pytest.mark.parametrize("alpha", [0.0, 1.5])
@pytest.mark.parametrize("name", ["training", "swapped"])
def test_other_classes_of_a_bursty_context(page, K, L, N, B, alpha, name):
    task = Task(K=K, L=L, N=N, B=B, alpha=alpha, D=1)
    classes = classes_of(drawn(page, task, name, 20_000))
    assert_sequential(classes, rank_frequency(K, alpha), L, N // B)


@pytest.mark.parametrize("novel", [8, 10])
@pytest.mark.parametrize("name", ["training", "icl"])
def test_novel_classes_are_equally_frequent(page, novel, name):
    task = Task(K=4, L=4, N=4, B=2, p_C=1.0, alpha=1.5, D=1, novel=novel)
    classes = classes_of(drawn(page, task, name, 20_000))
    assert_sequential(classes, np.full(novel, 1 / novel), 4, 2, first=4)


@pytest.mark.parametrize("alpha", [0.0, 1.0])
@pytest.mark.parametrize("name", ["training", "iwl"])
def test_iid_sequences_are_independent(page, alpha, name):
    task = Task(K=4, L=2, N=2, p_B=0.0, alpha=alpha, D=1)
    f, counts = rank_frequency(4, alpha), np.zeros((4, 4, 4))
    np.add.at(counts, tuple(classes_of(drawn(page, task, name, 30_000)).T), 1)
    assert_counts_fit(counts, np.einsum("i,j,k->ijk", f, f, f))


@pytest.mark.parametrize("alpha", [0.0, 1.0, 3.0])
def test_absent_classes_are_those_of_f_but_for_the_targets(page, alpha):
    task = Task(K=4, L=2, N=2, alpha=alpha, D=1)
    f, counts = rank_frequency(4, alpha), np.zeros((4, 4, 4))
    np.add.at(counts, tuple(classes_of(drawn(page, task, "iwl_absent", 30_000)).T), 1)
    p = np.einsum("i,j,k->ijk", f, f, f / (1 - f) ** 2)
    k = np.arange(4)
    p[k, :, k] = p[:, k, k] = 0
    assert_counts_fit(counts, p)


def test_copies_stand_in_random_places(page):
    sequences = drawn(page, Task(K=3, L=3, N=6, B=2, D=1), "training", 20_000)
    counts = {}
    for *context, target in classes_of(sequences).tolist():
        assert {context.count(k) for k in context} == {2}
        places = tuple(i for i, k in enumerate(context) if k == target)
        counts[places] = counts.get(places, 0) + 1
    assert len(counts) == 15  # two places of six
    assert_counts_fit(list(counts.values()), np.full(15, 1 / 15))


@pytest.mark.parametrize("name", ["training", "icl", "swapped", "iwl", "iwl_absent"])
def test_labels_shown_are_those_of_the_rules(page, name):
    task = Task(K=64, L=16, N=8, B=2, p_B=0.5, p_C=0.3, alpha=1.0, D=1)
    for one in drawn(page, task, name, 300):
        classes = np.array(one["classes"])
        shown = (classes + (name == "swapped")) % task.L
        assert [*one["labels"], one["target"]] == shown.tolist()
        assert (classes >= task.K).all() == (one["kind"] == "novel")
        assert classes.max() < task.K + task.novel
        if one["kind"] != "i.i.d.":
            assert {one["labels"].count(label) for label in one["labels"]} == {2}
            assert len(set(one["labels"])) == 4


def test_every_window_is_as_likely(page):
    sequences = drawn(page, Task(K=4, L=4, N=2, D=1, P=12), "training", 20_000)
    assert_counts_fit(np.bincount([one["window"] for one in sequences]), np.full(8, 1 / 8))


@pytest.mark.parametrize("eps", [0.0, 0.1, 1.6])
def test_contents_are_those_of_eq_1(page, eps):
    task = Task(K=4, L=4, N=4, D=500, eps=eps)
    text = page.evaluate(
        """task => {
            const of = (index) => icl.sequence.contents(task, 7, index, {classes: [0, 0, 1, 2]});
            return JSON.stringify([of(0), of(1)].map((items) => items.map((item) => [...item])));
        }""",
        task.model_dump(),
    )
    items = np.array(json.loads(text))  # (sequence, item, dimension)
    for item in items.reshape(-1, 500):
        assert_normal(item * math.sqrt(500))
    root = math.sqrt(500)
    for a, b, mean in [
        (items[0, 0], items[0, 1], 1 / (1 + eps**2)),  # two items of a class
        (items[0, 0], items[1, 0], 1 / (1 + eps**2)),  # also in different sequences
        (items[0, 1], items[0, 2], 0.0),
        (items[0, 0], items[0, 3], 0.0),
    ]:
        assert_mean(500 * a * b, mean, root * math.sqrt(1 + mean**2) / root)
    assert (items[0, 0] == items[0, 1]).all() == (eps == 0)


def test_a_seed_gives_the_same_sequences_and_another_gives_others(page):
    task = Task(K=512, L=32, D=1)
    first, again, other = (drawn(page, task, "training", 20, seed) for seed in (3, 3, 4))
    assert first == again
    assert first != other
    assert len({tuple(one["classes"]) for one in [*first, *other]}) == 40


def test_the_generator_is_uniform_across_its_three_numbers(page):
    values = page.evaluate(
        """() => [[i => [i, 0, 0]], [i => [0, i, 0]], [i => [0, 0, i]]].map(([of]) =>
            Array.from({length: 5000}, (_, i) => icl.sequence.generator(...of(i))()))"""
    )
    for firsts in values:
        assert_counts_fit(np.histogram(firsts, 20, (0, 1))[0], np.full(20, 1 / 20))


# What the page says of a setting and of a sequence


def python_says(values):
    try:
        Task(**values)
    except InputError as error:
        return str(error)
    return None


def settings_good_and_bad():
    rng = random.Random(0)
    some = {
        "K": [64, 128, 100, 1, 0, 2048, 8.5, ""],
        "L": [32, 8, 4, 1, 33, 256],
        "N": [8, 4, 6, 0, -1, 12, 40],
        "B": [1, 2, 0, 3, 4, -1, 9],
        "p_B": [1.0, 0.5, 0.0, 1.5],
        "p_C": [0.0, 0.25, 0.5, 1.0, -0.5],
        "alpha": [0.0, 1.0, 1.5, 11.0],
        "eps": [0.1, 0.0, 1e4, -1.0],
        "P": [65, 9, 2],
        "novel": [128, 16, 0],
    }
    yield Task().model_dump()
    for name, values in some.items():  # each alone, then many together
        for value in values:
            yield Task().model_dump() | {name: value}
    for _ in range(600):
        names = rng.sample(sorted(some), rng.randint(2, 5))
        yield Task().model_dump() | {name: rng.choice(some[name][:-1]) for name in names}


def test_a_bad_setting_is_refused_in_the_words_of_python(page):
    cases = list(settings_good_and_bad())
    said = page.evaluate(
        "([cases, fields]) => cases.map((task) => icl.sequence.problem(task, fields))",
        [cases, FIELDS],
    )
    expected = [python_says(case) for case in cases]
    assert said == expected
    assert expected.count(None) > 40
    kinds = {text.split("=")[0] for text in expected if text}
    assert {"K", "L", "N", "B", "N/B", "2N+1", "novel", "p_B", "p_C", "alpha", "eps", "P"} <= kinds
    assert any("a novel class must be in its context" in text for text in expected if text)


@pytest.mark.parametrize("name", ["icl", "swapped", "iwl", "iwl_absent"])
def test_context_and_weights_are_said_to_know_what_perfect_solutions_know(page, name):
    """With eps = 0 an item is its class, so the two perfect solutions read it off exactly."""
    task = Task(K=64, L=16, N=8, B=2, eps=0.0)
    world = World(task, 0)
    probe = world.probe(name, 200)
    context, weights = from_context(probe), from_weights(world, probe)
    sequences = [
        {"classes": c, "labels": label, "target": t}
        for c, label, t in zip(
            probe.classes.tolist(), probe.labels.tolist(), probe.target.tolist(), strict=True
        )
    ]
    said = page.evaluate(
        "([task, all]) => all.map((one) => icl.sequence.explain(task, one))",
        [task.model_dump(), sequences],
    )
    for i, one in enumerate(said):
        assert f"Right answer: {probe.target[i]}." in one["words"]
        assert one["context"] == (context[i] if probe.right[i].any() else None)
        assert one["weights"] == (None if probe.kind[i] == Kind.NOVEL else weights[i])
        if not probe.right[i].any():
            assert "it cannot help" in one["words"]
        if probe.kind[i] == Kind.NOVEL:
            assert "never trained" in one["words"]
    if name == "swapped":
        assert all(one["weights"] != one["context"] for one in said)
        assert all(one["words"].endswith("in training, wrong.") for one in said)


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        (["bursty"] * 3, "three bursty sequences"),
        (["i.i.d.", "bursty", "i.i.d."], "two i.i.d. and one bursty sequence"),
        (["novel", "i.i.d.", "i.i.d."], "one novel and two i.i.d. sequences"),
        (["bursty", "novel", "i.i.d."], "one bursty, one novel and one i.i.d. sequence"),
    ],
)
def test_kinds_of_sequences_are_counted(page, kinds, words):
    assert page.evaluate("(kinds) => icl.sequence.counted(kinds)", kinds) == words


def test_labels_that_may_repeat_are_refused():
    with pytest.raises(InputError, match=r"^distinct=False has no interactive part"):
        interactive.sequence(World(Task(distinct=False), 0))


def test_limits_are_those_of_the_task():
    assert FIELDS.keys() == Task.model_fields.keys() - {"distinct"}  # no number
    for name, field in FIELDS.items():
        least = field["ge"]
        below = least - 1 if field["integer"] else least - 0.5
        assert f"{name}={below} must be greater than or equal to {least}" in python_says(
            {name: below}
        )
        if "le" in field:
            above = f"{name}={field['le'] + 1} must be less than or equal to {field['le']:g}"
            assert above in python_says({name: field["le"] + 1})
    assert {name for name, field in FIELDS.items() if "le" in field} == {
        "p_B",
        "p_C",
        "alpha",
        "eps",
    }
