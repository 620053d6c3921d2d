"""The seeds behind a point of Figure 2, in a real browser: by mouse, touch and keyboard.

The part is shown in an empty page with its scripts; no built book is needed.
"""

import json
import re

import numpy as np
import pytest
from browser import ROOT
from playwright.sync_api import expect
from test_data_figures import DEGREES, level, stored

from icl.experiments import EXPERIMENTS
from icl.figures import data, interactive

SCRIPTS = ["icl.js", "icl-data-dependence.js"]
STATIC = ROOT / "book" / "_static"
SEEDS = (0, 2)


def made(degree):
    return {scan.experiment: DEGREES[degree](scan.experiment) for scan in data.FIGURE_2}


def html(monkeypatch, runs):
    published = []
    monkeypatch.setattr(interactive, "publish_display_data", published.append)
    interactive.show_part("data-dependence", *data.explore(data.FIGURE_2, runs))
    return published[0]["text/html"]


@pytest.fixture
def show(browser, monkeypatch):
    """A page with the part, as these runs make it."""
    pages = []

    def show(runs, **options):
        page = browser.new_page(**options)
        page.complaints = []
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.set_content(html(monkeypatch, runs))
        page.add_style_tag(path=STATIC / "icl.css")
        for script in SCRIPTS:
            page.add_script_tag(path=STATIC / script)
        pages.append(page)
        return page

    yield show
    for page in pages:
        assert page.complaints == []
        page.close()


def said(page):
    return page.get_by_role("status").inner_text()


def point(page, experiment, row, label):
    """A point by the number of its row: 0 for in-weights, 1 for in-context accuracy."""
    column = [scan.experiment for scan in data.FIGURE_2].index(experiment)
    config = EXPERIMENTS[experiment].configs[label]
    x = getattr(config.task, data.FIGURE_2[column].along)
    sign = "KεαB"[column]
    plot = page.locator("svg").nth(2 * column + row)
    return plot.get_by_role("button", name=f"{sign} = {x:g}, B = {config.task.B}:")


def words(experiment, label, seeds):
    """What the line must say of a made-up configuration."""
    config = EXPERIMENTS[experiment].configs[label]
    parts = []
    for name, title in {
        data.IWL: "in weights, target's class absent",
        data.PAPERS_IWL: "in weights, the paper's test",
        data.ICL: "in context",
    }.items():
        values = [level(config, seed, name) for seed in seeds]
        each = ", ".join(f"{value:.3f}" for value in values)
        parts.append(f"{title} {np.mean(values):.3f} ({each})")
    return f"mean and in brackets seeds {', '.join(map(str, seeds))}: {'; '.join(parts)}."


def without_last_digits(text):
    """Numbers to three decimals may differ by their rounding; the rest of the text may not."""
    numbers = [float(number) for number in re.findall(r"\d\.\d{3}", text)]
    return re.sub(r"\d\.\d{3}", "#", text), pytest.approx(numbers, abs=0.0011)


@pytest.mark.parametrize("degree", DEGREES)
def test_the_data_are_json_with_every_configuration(degree):
    runs = made(degree)
    content, figure, alt = data.explore(data.FIGURE_2, runs)
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    for scan, column in zip(data.FIGURE_2, content["columns"], strict=True):
        configs = EXPERIMENTS[scan.experiment].configs
        assert len(column["points"]) == len(configs)
        assert sum(bool(p["seeds"]) for p in column["points"]) == len(runs[scan.experiment])
        for p in column["points"]:
            assert {len(values) for values in p["ends"].values()} == {len(p["seeds"])}
            assert [p["at"], p["x"]] in column["ticks"]
    again, words = data.data_dependence(data.FIGURE_2, runs)
    assert alt == words
    assert len(figure.axes) == len(again.axes)


@pytest.mark.parametrize("degree", DEGREES)
def test_every_configuration_can_be_chosen_in_both_of_its_plots(show, degree):
    runs = made(degree)
    page = show(runs)
    assert page.locator(".icl-static").count() == 0
    expect(page.locator("svg")).to_have_count(6)
    total = sum(len(EXPERIMENTS[name].configs) for name in runs)
    run = sum(map(len, runs.values()))
    expect(page.locator(".icl-point")).to_have_count(2 * total)
    expect(page.locator(".icl-missing")).to_have_count(2 * (total - run))
    expect(page.locator(".icl-mean")).to_have_count(2 * run)
    key = page.locator(".icl-key").inner_text()
    assert (data.MISSING in key) == (run < total)
    assert ("thin marks: seeds" in key) == (run > 0)


def test_a_chosen_point_says_the_seeds_behind_it(show):
    label = "K=512, B=2"
    page = show({"2a": stored("2a", [label], SEEDS)})
    for row in (0, 1):
        point(page, "2a", row, label).focus()
        text = said(page)
        assert text.startswith("K = 512, B = 2, ")
        expected = without_last_digits(words("2a", label, SEEDS))
        assert without_last_digits(text.removeprefix("K = 512, B = 2, "))[0] == expected[0]
        numbers = [float(number) for number in re.findall(r"\d\.\d{3}", text)]
        assert numbers == expected[1]
        expect(page.locator(".icl-chosen")).to_have_count(2)  # the same one in both plots
    point(page, "2a", 1, "K=128, B=0").focus()
    assert said(page) == "K = 128, B = 0: not yet run."


def test_a_mean_stands_where_it_should(show):
    label = "eps=0.4"
    page = show({"2b": stored("2b", [label, "eps=0.0"], SEEDS)})
    config = EXPERIMENTS["2b"].configs[label]
    axis = page.locator("svg").nth(3).locator(".icl-axes path").get_attribute("d")
    _, top, bottom, _ = map(float, re.findall(r"[\d.]+", axis))
    mark = point(page, "2b", 1, label).locator(".icl-mean").get_attribute("transform")
    y = float(re.findall(r"[\d.]+", mark)[1])
    share = (bottom - y) / (bottom - top) * 1.06 - 0.03  # the axis goes from -0.03 to 1.03
    assert share == pytest.approx(np.mean([level(config, s, data.ICL) for s in SEEDS]), abs=1e-3)
    marks = point(page, "2b", 1, label).locator(".icl-seed")
    assert marks.count() == len(SEEDS)


def test_every_plot_has_a_name_of_its_own_and_a_curve_the_marks_of_the_picture(show):
    page = show({"2a": stored("2a", seeds=SEEDS)})
    names = [plot.get_attribute("aria-label") for plot in page.locator("svg").all()]
    assert names == [
        f"{scan.experiment}, in-{kind} accuracy against {sign}"
        for scan, sign in zip(data.FIGURE_2, "Kεα", strict=True)
        for kind in ("weights", "context")
    ]
    shapes = {
        B: point(page, "2a", 1, f"K=512, B={B}").locator(".icl-mean").get_attribute("d")
        for B in (0, 1, 2, 4)
    }
    assert len(set(shapes.values())) == 4
    script = (STATIC / "icl-data-dependence.js").read_text()
    marks = {marker for _, marker in (*data.BURSTS.values(), *data.OTHER_BURSTS)}
    assert all(re.search(rf'^ +"?{re.escape(marker)}"?: "M', script, re.M) for marker in marks)


@pytest.mark.parametrize("width", [360, 640, 1000, 2560])
def test_where_there_is_room_a_scan_is_a_column_as_in_the_picture(show, width):
    page = show(made("half"), viewport={"width": width, "height": 800})
    places = [plot.bounding_box() for plot in page.locator("svg").all()]
    if width < 400:
        assert len({round(place["x"]) for place in places}) == 1
    else:
        above, below = places[::2], places[1::2]
        assert len({round(place["y"]) for place in above}) == 1
        assert above[0]["x"] < above[1]["x"] < above[2]["x"]
        assert all(a["x"] == b["x"] and a["y"] < b["y"] for a, b in zip(above, below, strict=True))
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width


def test_each_plot_is_one_stop_of_the_tab_key_and_arrows_go_through_it(show):
    page = show(made("half"))
    stops = page.locator('.icl-point[tabindex="0"]')
    expect(stops).to_have_count(6)
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    assert said(page).startswith("K = 256, B = 0")
    page.keyboard.press("End")
    assert said(page).startswith("K = 2048, B = 0")
    page.keyboard.press("ArrowRight")  # no further
    assert said(page).startswith("K = 2048, B = 0")
    page.keyboard.press("ArrowUp")
    assert said(page).startswith("K = 2048, B = 1")
    page.keyboard.press("Home")
    assert said(page).startswith("K = 128, B = 1")
    page.keyboard.press("ArrowDown")
    assert said(page).startswith("K = 128, B = 0")
    for sign in ("K", "ε", "ε", "α", "α"):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith(sign)
    expect(stops).to_have_count(6)


def test_the_focus_can_be_seen(show):
    page = show(made("half"))
    page.keyboard.press("Tab")
    ring = page.locator(".icl-point:focus .icl-ring")
    assert ring.evaluate("e => getComputedStyle(e).strokeWidth") == "2px"
    page.mouse.move(*centre(point(page, "2b", 0, "eps=0.4")))
    assert said(page).startswith("ε = 0.4, ")  # the choice is elsewhere, the focus is not
    assert ring.evaluate("e => getComputedStyle(e).strokeWidth") == "2px"


def centre(locator):
    box = locator.locator("circle").first.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_pointer_near_a_point_chooses_it(show):
    page = show({"2b": stored("2b", ["eps=0.4"], SEEDS)})
    x, y = centre(point(page, "2b", 0, "eps=0.4"))
    page.mouse.move(x + 6, y - 6)
    assert said(page).startswith("ε = 0.4, B = 1, mean")
    page.mouse.move(x, y - 150)
    assert said(page).startswith("ε = 0.4, B = 1, mean")  # nothing is near: as it was


@pytest.mark.parametrize("press", ["click", "tap"])
def test_points_that_lie_on_each_other_are_chosen_in_turn_from_the_top(show, press):
    [ends] = stored("2a", ["K=128, B=1"], SEEDS).values()
    runs = {"2a": {f"K=128, B={B}": ends for B in (1, 2, 4)}}
    page = show(runs, has_touch=press == "tap")
    place = centre(point(page, "2a", 0, "K=128, B=1"))
    if press == "click":
        page.mouse.move(*place)
        assert said(page).startswith("K = 128, B = 4, mean")
    seen = []
    for _ in range(4):
        (page.mouse.click if press == "click" else page.touchscreen.tap)(*place)
        seen.append(re.match("K = 128, B = (.)", said(page))[1])
    assert seen == (["2", "1", "4", "2"] if press == "click" else ["4", "2", "1", "4"])


def test_a_finger_chooses_on_a_narrow_screen(show):
    phone = {"viewport": {"width": 360, "height": 800}, "has_touch": True}
    page = show({"2b": stored("2b", ["eps=0.4"], SEEDS)}, **phone)
    chosen = point(page, "2b", 1, "eps=0.4")
    chosen.scroll_into_view_if_needed()
    x, y = centre(chosen)
    page.touchscreen.tap(x + 8, y + 8)
    assert said(page).startswith("ε = 0.4, B = 1, mean")
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 360
    line = page.get_by_role("status").bounding_box()
    assert line["y"] + line["height"] <= 801  # in view, wherever the reader is


def test_without_javascript_there_is_the_picture(browser, monkeypatch):
    page = browser.new_page(java_script_enabled=False)
    page.set_content(html(monkeypatch, made("one")))
    assert page.locator("img.icl-static").bounding_box()["width"] > 300
    assert "not yet run" in page.locator("img.icl-static").get_attribute("alt")
    page.close()
