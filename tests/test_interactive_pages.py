"""The interactive parts in the built book: by mouse, touch and keyboard, and without JavaScript."""

import re
from itertools import pairwise

import numpy as np
import pytest
from browser import HTML, missing, opened
from playwright.sync_api import expect

from icl.figures.task import PROBES
from icl.landscape import Landscape
from icl.settings import InputError
from icl.task import Task

PARTS = {"landscape": "landscape", "training": "progress_measures", "sequence": "task"}
TEXT_CONTRAST = 4.5  # WCAG 2, level AA


def address(part):
    return (HTML / "book" / f"{PARTS[part]}.html").as_uri()


@pytest.fixture(scope="module", autouse=True)
def built():
    if not all((HTML / "book" / f"{page}.html").exists() for page in PARTS.values()):
        missing("there is no built book: make book")


@pytest.fixture
def page(request, browser):
    """The page of a part, which a test may change."""
    with opened(browser, address(request.param)) as page:
        page.part = page.locator(f'.icl-part[data-part="{request.param}"]')
        yield page
        assert page.complaints == []


each = pytest.mark.parametrize("page", PARTS, indirect=True)
landscape = pytest.mark.parametrize("page", ["landscape"], indirect=True)
training = pytest.mark.parametrize("page", ["training"], indirect=True)
sequence = pytest.mark.parametrize("page", ["sequence"], indirect=True)


def said(page):
    return page.part.locator(".icl-status").inner_text()


def put(page, label, value):
    """Set a slider to a value, as a reader's hand would: change and say so."""
    page.part.get_by_label(label, exact=True).evaluate(
        """(input, value) => {
            input.value = value;
            input.dispatchEvent(new Event("input", { bubbles: true }));
        }""",
        str(value),
    )


def contrast(a, b):
    """WCAG 2's contrast of two colours, shares of red, green and blue."""

    def luminance(colour):
        c = np.array(colour)
        return float(
            np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
            @ [0.2126, 0.7152, 0.0722]
        )

    darker, lighter = sorted((luminance(a), luminance(b)))
    return (lighter + 0.05) / (darker + 0.05)


def shares(colour):
    """Red, green and blue of a colour as a browser computes it."""
    numbers = [float(x) for x in re.findall(r"[\d.]+(?:e-\d+)?", colour.removeprefix("color(srgb"))]
    return [x / 255 if colour.startswith("rgb") else x for x in numbers[:3]]


# Every part


@each
def test_a_part_takes_the_place_of_its_picture_in_a_numbered_figure(page):
    assert page.part.locator(".icl-static").count() == 0
    assert page.part.locator(".icl-live").count() == 1
    figure = page.locator("figure").filter(has=page.part)
    assert re.match(r"Fig\. \d+ ", figure.locator("figcaption").inner_text())
    assert said(page)


@pytest.mark.parametrize("part", PARTS)
def test_without_javascript_there_is_a_picture_with_words(browser, part):
    with opened(browser, address(part), java_script_enabled=False) as page:
        image = page.locator(f'.icl-part[data-part="{part}"] img')
        box = image.bounding_box()
        assert box["width"] > 300
        assert box["height"] > 100
        assert len(image.get_attribute("alt")) > 50
        assert page.locator(".icl-live").count() == 0


@each
def test_every_control_has_a_name_and_says_its_value(page):
    controls = page.part.locator("input, select, button")
    assert controls.count() >= 3
    for control in controls.all():
        name = control.evaluate("e => e.labels?.[0]?.textContent ?? e.textContent")
        assert name.strip()
    for slider in page.part.get_by_role("slider").all():
        output = page.part.locator(f'output[for="{slider.get_attribute("id")}"]')
        assert slider.get_attribute("aria-valuetext") == output.inner_text()


@each
def test_what_stands_beside_a_slider_is_not_announced_as_well(page):
    outputs = page.part.locator("output")
    assert {node.get_attribute("aria-live") for node in outputs.all()} == {"off"}


@each
def test_every_slider_works_with_the_keyboard_and_shows_its_focus(page):
    for slider in page.part.get_by_role("slider").all():
        value = float(slider.input_value())
        key = "ArrowRight" if value < float(slider.get_attribute("max")) else "ArrowLeft"
        before = slider.get_attribute("aria-valuetext")
        page.keyboard.press("Tab")  # so that the browser takes the keyboard to be in use
        slider.focus()
        outline = slider.evaluate("e => getComputedStyle(e).outline")
        assert "solid" in outline
        assert re.search(r"\b[2-9]px", outline)
        slider.press(key)
        assert slider.input_value() != str(value)
        assert slider.get_attribute("aria-valuetext") != before
        slider.press("ArrowLeft" if key == "ArrowRight" else "ArrowRight")
        assert slider.get_attribute("aria-valuetext") == before


@each
def test_tab_goes_through_the_controls_in_their_order(page):
    controls = page.part.locator("input:visible, select:visible, button:visible")
    controls.first.focus()
    for i in range(1, controls.count()):
        page.keyboard.press("Tab")
        assert controls.nth(i).evaluate("e => e === document.activeElement")


@pytest.mark.parametrize("part", PARTS)
def test_sliders_work_by_touch_on_a_narrow_screen(browser, part):
    phone = {"viewport": {"width": 360, "height": 800}, "has_touch": True, "is_mobile": True}
    with opened(browser, address(part), **phone) as page:
        live = page.locator(f'.icl-part[data-part="{part}"] .icl-live')
        slider = live.get_by_role("slider").first
        slider.scroll_into_view_if_needed()
        box = slider.bounding_box()
        assert box["height"] >= 24  # WCAG 2.2, target size
        before = live.locator(".icl-status").inner_text(), slider.input_value()
        slider.tap(position={"x": 0.8 * box["width"], "y": box["height"] / 2})
        high = slider.input_value()
        slider.tap(position={"x": 0.2 * box["width"], "y": box["height"] / 2})
        low = slider.input_value()
        assert float(low) < float(high)
        assert {low, high} != {before[1]}
        page.mouse.move(0, 0)
        assert page.evaluate("document.scrollingElement.scrollWidth") <= 360
        assert page.complaints == []


@each
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_of_pictures_can_be_read(page, scheme):
    """Axe does not look at the text of an SVG."""
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function(f"document.documentElement.dataset.theme === '{scheme}'")
    ground = page.part.evaluate(
        """e => {
            for (; e; e = e.parentElement) {
                const colour = getComputedStyle(e).backgroundColor;
                if (!/, 0\\)$/.test(colour)) return colour;
            }
        }"""
    )
    fills = page.part.evaluate(
        """part => [...part.querySelectorAll("svg text")]
            .filter((e) => e.textContent).map((e) => getComputedStyle(e).fill)"""
    )
    for fill in set(fills):
        assert contrast(shares(fill), shares(ground)) >= TEXT_CONTRAST, (fill, ground)


@pytest.mark.parametrize("part", ["landscape", "training"])
def test_play_moves_only_for_those_who_did_not_ask_for_less_motion(browser, part):
    with opened(browser, address(part), reduced_motion="reduce") as page:
        expect(page.get_by_role("button", name="Play")).to_have_count(0)
    with opened(browser, address(part), reduced_motion="no-preference") as page:
        live = page.locator(f'.icl-part[data-part="{part}"] .icl-live')
        slider = live.locator(".icl-walk").get_by_role("slider")
        slider.focus()
        slider.press("Home")
        live.get_by_role("button", name="Play").click()
        page.wait_for_function("slider => Number(slider.value) > 0", arg=slider.element_handle())
        live.get_by_role("button", name="Stop").click()
        stopped = slider.input_value()
        page.wait_for_timeout(200)
        assert slider.input_value() == stopped
        live.get_by_role("button", name="Play").click()
        page.emulate_media(reduced_motion="reduce")
        expect(live.locator("button:visible")).to_have_count(0)
        assert page.complaints == []


# Walk the landscape


def numbers(words):
    """loss, beta1, alpha, xi and y of the line that says them."""
    named = re.search(r"loss (\S+), β₁ (\S+), α (\S+), ξ (\S+); y (\S+)\.", words)
    return [float(text.replace("−", "-")) for text in named.groups()]


@landscape
def test_the_words_of_a_walk_are_the_numbers_of_python(page):
    for N, L, start, index in [
        (8, 32, [0, 0, 0], 1000),
        (8, 8, [0, -0.1, -0.1], 500),
        (4, 12, [0.5, 0.2, -0.3], 250),
    ]:
        put(page, "N, items", N)
        put(page, "L, labels", L)
        for letter, value in zip(["β₁", "α", "ξ"], start, strict=True):
            put(page, f"{letter} at the start", value)
        put(page, "walk along the path", index)
        until = float(
            page.part.locator("output").filter(has_text="time").first.inner_text().split()[-1]
        )
        path = Landscape(N=N, L=L).descend(start, rate=0.1, steps=round(10 * until))
        at = round(index / 1000 * 10 * until)
        y = float(Landscape(N=N, L=L).attention_logit(path.theta[at]))
        words = said(page)
        assert words.startswith(f"N = {N}, L = {L}. At time {path.time[at]:.1f}: ")
        expected = [path.loss[at], *path.theta[at], y]
        assert numbers(words) == pytest.approx(expected, abs=0.0051)
        pictures = page.part.get_by_role("img").all()
        assert len(pictures) == 3
        assert all(words in picture.get_attribute("aria-label") for picture in pictures)


@landscape
def test_at_the_saddle_it_stands_still_and_beside_it_there_are_two_fates(page):
    put(page, "L, labels", 8)
    assert "the gradient is exactly zero" in said(page)
    put(page, "follow until", 7)
    for sign, fate in ((1, "the induction head"), (-1, "by elimination")):
        put(page, "α at the start", 0.1 * sign)
        put(page, "ξ at the start", 0.1 * sign)
        assert fate in said(page)


@landscape
def test_there_are_never_fewer_labels_than_items(page):
    put(page, "L, labels", 8)
    put(page, "N, items", 16)
    assert said(page).startswith("N = 16, L = 16.")
    assert page.part.locator("output").all_inner_texts()[:2] == ["16", "16"]


# Scrub through training


@training
def test_scrubbing_through_every_frame_of_every_seed(page):
    slider = page.part.get_by_role("slider")
    options = page.part.locator("option")
    assert options.count() >= 1
    for option in options.all_inner_texts():
        page.part.get_by_label("seed", exact=True).select_option(label=option)
        slider.focus()
        slider.press("Home")
        steps = []
        for _ in range(int(slider.get_attribute("max")) + 1):
            words = said(page)
            assert words.startswith(f"Seed {option}, step ")
            steps.append(int(slider.get_attribute("aria-valuetext").replace(",", "")))
            slider.press("ArrowRight")
        assert steps[0] == 0
        assert all(a < b for a, b in pairwise(steps))
        first, last = said(page), steps[-1]
        assert f"step {last:,}" in first
        assert "nan" not in first.lower()


def test_another_seed_stops_what_plays(browser):
    with opened(browser, address("training"), reduced_motion="no-preference") as page:
        page.part = page.locator('.icl-part[data-part="training"]')
        put(page, "step of training", 0)
        page.part.get_by_role("button", name="Play").click()
        page.part.get_by_role("button", name="Stop").wait_for()
        page.part.get_by_label("seed", exact=True).select_option(index=1)
        step = said(page)
        page.part.get_by_role("button", name="Play").wait_for()
        page.wait_for_timeout(200)
        assert said(page) == step
        assert page.complaints == []


@training
def test_another_seed_is_shown_at_the_same_step(page):
    slider = page.part.get_by_role("slider")
    slider.focus()
    slider.press("End")
    last = slider.get_attribute("aria-valuetext")
    page.part.get_by_label("seed", exact=True).select_option(index=1)
    assert slider.get_attribute("aria-valuetext") == last


@training
def test_maps_change_with_the_step(page):
    slider = page.part.get_by_role("slider")
    slider.focus()
    slider.press("Home")
    maps = "part => [...part.querySelectorAll('canvas')].map((canvas) => canvas.toDataURL())"
    before = page.part.evaluate(maps)
    slider.press("End")
    after = page.part.evaluate(maps)
    assert len(before) == 2
    assert all(a != b for a, b in zip(before, after, strict=True))


# Build a sequence


@sequence
def test_a_bad_setting_shows_the_line_of_python(page):
    pictures = page.part.get_by_role("img")
    assert pictures.count() == 3
    values = {"N, pairs": 8, "B, copies": 3}
    for label, value in values.items():
        put(page, label, value)
    K, L = (int(page.part.get_by_label(f"{name}, ").input_value()) for name in "KL")
    with pytest.raises(InputError) as error:
        Task(K=K, L=L, N=8, B=3)
    assert page.part.locator(".icl-problem").inner_text() == str(error.value)
    assert pictures.count() == 0
    put(page, "B, copies", 4)
    assert page.part.locator(".icl-problem").inner_text() == ""
    assert pictures.count() == 3
    page.part.get_by_label("K, classes").fill("100")
    assert page.part.locator(".icl-problem").inner_text() == f"K=100 must be a multiple of L={L}"
    page.part.get_by_label("K, classes").fill("")
    assert page.part.locator(".icl-problem").inner_text() == "K='' must be an integer"


@sequence
def test_what_a_page_cannot_draw_is_refused(page):
    problem = page.part.locator(".icl-problem")
    page.part.get_by_label("K, classes").fill("6400000000")
    assert problem.inner_text() == "K=6400000000 is more than the 65,536 of this page"
    page.part.get_by_label("K, classes").fill("65536")
    assert problem.inner_text() == ""
    for seed in ("4294967296", "-1", "0.5"):
        page.part.get_by_label("seed", exact=True).fill(seed)
        assert problem.inner_text() == f"seed={seed} must be a whole number from 0 to 2**32 - 1"
    page.part.get_by_label("seed", exact=True).fill("4294967295")
    assert problem.inner_text() == ""


@sequence
def test_another_seed_draws_another_sequence_and_the_same_seed_the_same(page):
    names = "part => [...part.querySelectorAll('[role=img]')].map((e) => e.ariaLabel)"
    first = page.part.evaluate(names)
    page.part.get_by_role("button", name="Draw another").click()
    assert page.part.get_by_label("seed", exact=True).input_value() == "1"
    second = page.part.evaluate(names)
    assert not set(first) & set(second)
    page.part.get_by_label("seed", exact=True).fill("0")
    assert page.part.evaluate(names) == first
    assert said(page).startswith("Seed 0: ")


@sequence
def test_eps_moves_the_contents_and_nothing_else(page):
    names = "part => [...part.querySelectorAll('[role=img]')].map((e) => e.ariaLabel)"
    patches = "part => [...part.querySelectorAll('.icl-token canvas')].map((e) => e.toDataURL())"
    put(page, "ε, variability", 0)
    exact, same = page.part.evaluate(names), page.part.evaluate(patches)
    put(page, "ε, variability", 1)
    assert page.part.evaluate(names) == exact
    noisy = page.part.evaluate(patches)
    changed = [a != b for a, b in zip(same, noisy, strict=True)]
    tokens = len(same) // 3  # item, label, ..., item
    assert changed == [t % 2 == 0 for t in range(tokens)] * 3
    assert len(set(same)) < len(set(noisy))  # without noise the copies of a class are equal


@sequence
@pytest.mark.parametrize("probe", PROBES)
def test_each_test_is_explained_on_what_is_drawn(page, probe):
    put(page, "B, copies", 2)
    page.part.get_by_label("draw from").select_option(PROBES[probe])
    words = page.part.locator(".icl-sequence p:last-child").all_inner_texts()
    drawn = [e.get_attribute("aria-label") for e in page.part.get_by_role("img").all()]
    for text, sequence in zip(words, drawn, strict=True):
        asked, answer = re.search(r"target of class (\S+), answer (\d+)$", sequence).groups()
        shown = re.findall(rf"class {asked} with label (\d+)", sequence)
        assert text.startswith(f"Right answer: {answer}.")
        assert ("it cannot help" in text) == (not shown)
        if probe in ("icl", "swapped"):
            assert set(shown) == {answer}
            assert len(shown) == 2
        if probe == "icl":
            assert asked.endswith("′")
            assert "never trained" in text
        if probe == "swapped":
            assert text.endswith("in training, wrong.")
        if probe.startswith("iwl"):
            assert text.endswith("in training, right.")
        if probe == "iwl_absent":
            assert not shown


@sequence
def test_the_longest_sequence_fits_a_narrow_screen(page):
    page.set_viewport_size({"width": 360, "height": 800})
    put(page, "N, pairs", 16)
    put(page, "B, copies", 1)
    assert page.part.locator(".icl-token").count() == 3 * 33
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 360
    for token in page.part.locator(".icl-token").all()[:33]:
        box = token.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360


# The seeds behind a point


@pytest.mark.parametrize("chapter", ["data_dependence", "minimal"])
@pytest.mark.parametrize("width", [360, 1100])
def test_the_seeds_behind_a_point_are_in_view_as_it_is_chosen(browser, chapter, width):
    viewport = {"width": width, "height": 740}
    with opened(browser, (HTML / "book" / f"{chapter}.html").as_uri(), viewport=viewport) as page:
        part = page.locator('.icl-part[data-part="data-dependence"]')
        part.locator(".icl-plot").first.scroll_into_view_if_needed()
        part.locator(".icl-point").first.focus()
        box = part.get_by_role("status").bounding_box()
        assert box["y"] > 0
        assert box["y"] + box["height"] <= 741
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width
        assert page.complaints == []
