"""What every figure of the book shares, and the figures of the landscape."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.colors import rgb_to_hsv, to_hex, to_rgb

from icl.figures import data, style
from icl.figures import landscape as figures
from icl.figures.task import _readable
from icl.landscape import Landscape
from icl.settings import InputError


@pytest.mark.parametrize(
    ("colour", "expected"),
    [
        ("#000000", 0.0),
        ("#ffffff", 1.0),
        ("#ff0000", 0.2126),
        ("#00ff00", 0.7152),
        ("#0000ff", 0.0722),
        ("#0a0a0a", 0.003035),  # 10 / 255 / 12.92
        ("#808080", 0.215861),  # ((128 / 255 + 0.055) / 1.055) ** 2.4
        ("#ff8000", 0.366983),  # 0.2126, and 0.7152 of the grey above
    ],
)
def test_luminance_is_that_of_wcag_2(colour: str, expected: float) -> None:
    assert style.luminance(colour) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("page", ["#ffffff", "#121212", "#14181e"])
def test_colours_are_readable_on_light_and_dark_pages(page: str) -> None:
    colours = {measure.colour for measure in style.MEASURES.values()}
    bursts = {colour for colour, _ in (*data.BURSTS.values(), *data.OTHER_BURSTS)}
    scale = {to_hex(style.SCALE(share)) for share in np.linspace(0, 1, 256)}
    for colour in colours | {style.INK, style.START, style.END} | bursts | scale:
        darker, lighter = sorted((style.luminance(page), style.luminance(colour)))
        assert (lighter + 0.05) / (darker + 0.05) >= 3, f"{colour} on {page}"


@pytest.mark.parametrize("page", ["#ffffff", "#121212", "#14181e"])
def test_a_legend_is_written_in_ink_as_far_as_can_be_from_every_page(page: str) -> None:
    assert style.RC["legend.labelcolor"] == style.INK
    darker, lighter = sorted((style.luminance(page), style.luminance(style.INK)))
    assert (lighter + 0.05) / (darker + 0.05) > 4
    landscape = Landscape(N=2, L=4)
    path = landscape.descend(np.zeros(3), rate=0.5, steps=100)
    figure, _ = figures.chains({"a": path, "b": path})
    legend = figure.axes[0].get_legend()
    assert {to_hex(text.get_color()) for text in legend.get_texts()} == {style.INK}
    assert style.INK not in {to_hex(line.get_color()) for line in legend.get_lines()}


@pytest.mark.parametrize("face", [*map(to_hex, colormaps["tab20"].colors), "#2ca02c", "#808080"])
def test_letters_on_a_colour_are_black_or_white_whichever_stands_out(face: str) -> None:
    on = style.luminance(face) + 0.05
    contrast = {"black": on / 0.05, "white": 1.05 / on}
    assert _readable(face) == max(contrast, key=lambda letters: contrast[letters])


def test_a_figure_drawn_again_is_the_same_svg_without_a_date() -> None:
    landscape = Landscape(N=2, L=4)
    path = landscape.descend(np.zeros(3), rate=0.5, steps=100)
    first, second = (style.to_svg(figures.loss_curve(landscape, path)[0]) for _ in range(2))
    assert first == second
    assert "<dc:date>" not in first
    assert ElementTree.fromstring(first).tag.endswith("svg")
    opaque = re.search(r'id="patch_1">\s*<path[^>]*style="fill: (?!none)', first)
    assert opaque is None, "the page must show through"


def test_show_publishes_svg_with_its_alternative_text(monkeypatch: pytest.MonkeyPatch) -> None:
    published: list[tuple[dict[str, str], dict[str, dict[str, str]]]] = []
    monkeypatch.setattr(
        style, "publish_display_data", lambda data, metadata: published.append((data, metadata))
    )
    fig = style.figure()
    fig.subplots()
    style.show(fig, "a line\n  that rises")
    [(data, metadata)] = published
    assert data["image/svg+xml"].startswith("<?xml")
    assert metadata == {"image/svg+xml": {"alt": "a line that rises"}}
    with pytest.raises(InputError, match=r"^alt='' must say"):
        style.show(fig, " ")


def test_alternative_texts_state_the_numbers_of_their_data() -> None:
    landscape = Landscape(N=4, L=8)
    path = landscape.descend(np.zeros(3), rate=0.1, steps=800)
    below = {share: int((path.loss <= share * path.loss[0]).argmax()) for share in (0.9, 0.1)}
    _, alt = figures.loss_curve(landscape, path)
    assert f"from {np.log(8):.2f} to {0.9 * np.log(8):.2f} until time " in alt
    slow, end, passed = map(float, re.findall(r"time (\d+(?:\.\d)?)", alt))
    assert slow == pytest.approx(path.time[below[0.9]], abs=0.6)
    assert end == pytest.approx(path.time[below[0.1]], abs=0.6)
    assert passed == pytest.approx(path.time[(path.loss <= np.log(4)).argmax()], abs=0.1)
    _, alt = figures.path_on_surface(landscape, path)
    assert f"; {path.loss[-1]:.2f} at xi = {path.theta[-1, 2]:.1f}, y = " in alt


def test_layers_have_the_colours_of_the_papers_figure_4() -> None:
    hues = {
        name: rgb_to_hsv(to_rgb(style.MEASURES[name].colour))[0]
        for name in ("ila1", "tila2", "cla", "tla2")
    }
    orange, green, blue, red = (0.05, 0.17), (0.25, 0.52), (0.55, 0.72), (0.93, 1.0)
    for (low, high), hue in zip((orange, green, blue, red), hues.values(), strict=True):
        assert low < hue < high, hues
    for parameter, measure in (("beta1", "ila1"), ("alpha", "tila2"), ("beta2", "tla2")):
        assert style.MEASURES[parameter].colour == style.MEASURES[measure].colour


def test_a_name_begins_with_the_abbreviation_of_the_text() -> None:
    assert style.MEASURES["ila1"].name == "ILA1, item–label association"
    assert style.MEASURES["loss"].name == "loss"


def test_measures_are_found_by_the_variable_of_a_run() -> None:
    found = style.by_variable("cla", "icl")
    assert found == {"context_label_accuracy": "cla", "icl_accuracy": "icl"}
    variables = [measure.variable for measure in style.MEASURES.values() if measure.variable]
    assert len(set(variables)) == len(variables)
