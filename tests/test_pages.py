"""The built book in a real browser: every page, from a file and from a sub-folder of a server.

The pages are those of `_build/html`, which `make test` builds first.
"""

import gzip
import re
import threading
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlparse

import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe
from browser import HTML, ROOT, missing, opened
from bs4 import BeautifulSoup

from icl import claims, scorecard
from icl.model import Model
from icl.task import Task
from icl.training import Training

AXE = {"resultTypes": ["violations"], "preload": False}  # it would load style sheets once more
WEIGHT = 2_000_000  # bytes a page may take over the wire


def chapters(table):
    """All files of the table of contents, as pages."""
    if isinstance(table, list):
        return [page for item in table for page in chapters(item)]
    own = [table[key] for key in ("root", "file") if key in table]
    below = [table[key] for key in ("parts", "chapters", "sections") if key in table]
    return [str(Path(name).with_suffix(".html")) for name in own] + chapters(below)


CHAPTERS = chapters(yaml.safe_load((ROOT / "_toc.yml").read_text()))
PAGES = [*CHAPTERS, "search.html", "genindex.html"]


@pytest.fixture(scope="module", autouse=True)
def built():
    if not (HTML / PAGES[0]).exists():
        missing("there is no built book: make book")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address of the book in a sub-folder of a web server."""
    root = tmp_path_factory.mktemp("server")
    (root / "sub").mkdir()
    (root / "sub" / "book").symlink_to(HTML)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=root))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/sub/book/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module", params=PAGES)
def page(request, browser, server):
    """One page after the other, each opened once; a test leaves it as it found it."""
    with opened(browser, server + request.param) as page:
        page.name, page.base = request.param, server
        yield page


def outside(page, base):
    return [url for url in page.requests if not url.startswith((base, "data:", "blob:"))]


@pytest.mark.parametrize("name", PAGES)
def test_page_opens_from_a_file(browser, name):
    base = HTML.as_uri() + "/"
    with opened(browser, base + name) as page:
        assert page.complaints == []
        assert page.requests, "the browser reported nothing"
        assert outside(page, base) == []


def test_every_formula_is_rendered(page):
    written = BeautifulSoup(source(page.name), "html.parser").select(".math")
    formulas = page.locator(".math")
    assert formulas.count() == len(written)
    raw = "elements => elements.filter(e => !e.querySelector('mjx-container')).length"
    assert formulas.evaluate_all(raw) == 0
    assert page.locator("mjx-merror").all_inner_texts() == []


def test_every_image_is_loaded_and_said_in_words(page):
    for image in page.locator("main img").all():
        assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
        alt = image.get_attribute("alt")
        assert alt
        assert alt.strip()
        assert Path(image.get_attribute("src")).name not in alt
        assert not re.search(r"\.(svg|png|jpe?g)$", alt)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_violation(page, scheme):
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function(f"document.documentElement.dataset.theme === '{scheme}'")
    found = Axe().run(page, options=AXE).response["violations"]
    page.emulate_media(color_scheme="light")
    assert [
        (violation["id"], [node["html"][:200] for node in violation["nodes"]])
        for violation in found
        if violation["impact"] in ("serious", "critical")
    ] == []


def test_nothing_overflows_a_narrow_screen(page):
    before = page.viewport_size
    page.set_viewport_size({"width": 360, "height": 800})
    width = page.evaluate("document.scrollingElement.scrollWidth")
    # Also what is cut off, or scrolls the column of the text, of which the document says nothing.
    wide = page.evaluate(
        """() => {
            const column = '.bd-article, .bd-article-container, .bd-content, .bd-main';
            const scrolls = e => ['auto', 'scroll'].includes(getComputedStyle(e).overflowX);
            const boxed = e => e !== document.body && (scrolls(e) && !e.matches(column)
                || boxed(e.parentElement));
            return [...document.querySelectorAll('.bd-article *')]
                .filter(e => e.getBoundingClientRect().right > innerWidth + 1)
                .filter(e => e.checkVisibility({visibilityProperty: true}))
                .filter(e => !boxed(e.parentElement))
                .map(e => e.outerHTML.slice(0, 200));
        }"""
    )
    page.set_viewport_size(before)
    assert wide == []
    assert width <= 360


def test_page_is_light_enough(page):
    paths = {unquote(urlparse(url).path) for url in page.requests if url.startswith(page.base)}
    prefix = urlparse(page.base).path
    files = [HTML / path.removeprefix(prefix) for path in paths]
    assert sum(len(gzip.compress(file.read_bytes())) for file in files) < WEIGHT


def test_what_scrolls_on_a_narrow_screen_can_be_reached_and_has_a_name(page):
    before = page.viewport_size
    page.set_viewport_size({"width": 360, "height": 800})
    page.wait_for_timeout(300)  # until the boxes have been looked at
    boxes = page.evaluate(
        """() => [...document.querySelectorAll('.bd-article :is(figure, mjx-container)')]
            .filter(e => getComputedStyle(e).overflowX === 'auto')
            .map(e => [e.scrollWidth > e.clientWidth + 1, e.getAttribute('tabindex'),
                       e.getAttribute('aria-label'), e.querySelector('figcaption')?.innerText])"""
    )
    page.set_viewport_size(before)
    for scrolls, stop, name, caption in boxes:
        assert (stop, bool(name)) == (("0", True) if scrolls else (None, False))
        if scrolls and caption:
            assert name.partition(":")[0] == re.match(r"Fig\. \d+", caption)[0]


def test_no_formula_is_a_stop_of_the_tab_key(page):
    assert page.locator("mjx-container[tabindex]:not([data-scrolls])").count() == 0
    formulas = page.locator("mjx-container").count()
    assert page.locator("mjx-assistive-mml math").count() == formulas


def test_what_opens_the_code_is_named_by_its_own_word(page):
    for line in page.locator("div.cell details.hide > summary").all():
        assert line.get_attribute("aria-label") is None
        assert "Code" in line.inner_text()


def test_page_asked_for_nothing_outside_and_never_complained(page):
    """Last, so that it also sees what the checks above brought about."""
    assert page.complaints == []
    assert outside(page, page.base) == []


# Without a browser: what the pages say


def source(name):
    return (HTML / name).read_text()


@cache
def anchors(path):
    soup = BeautifulSoup(path.read_text(), "html.parser")
    return {tag["id"] for tag in soup.find_all(id=True)}


@pytest.mark.parametrize("name", [*PAGES, "index.html"])
def test_every_internal_link_leads_somewhere(name):
    soup = BeautifulSoup(source(name), "html.parser")
    addresses = [tag["href"] for tag in soup.find_all(href=True)]
    addresses += [tag["src"] for tag in soup.find_all(src=True)]
    addresses += re.findall(r"url=([^\"]+)", source(name)) if name == "index.html" else []
    broken = []
    for address in addresses:
        parts = urlparse(address)
        if parts.scheme or parts.netloc:
            continue
        path, fragment = urldefrag(address)
        target = HTML / name
        if path:
            target = (target.parent / unquote(path.partition("?")[0])).resolve()
        if not target.is_file() or (fragment and unquote(fragment) not in anchors(target)):
            broken.append(address)
    assert not broken


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_executed_chapter_offers_its_notebook(name):
    if (ROOT / name).with_suffix(".py").exists():
        notebook = Path("_sources") / Path(name).with_suffix(".ipynb")
        assert f"{notebook}" in source(name)
        assert (HTML / notebook).is_file()


def test_the_introduction_leads_to_every_chapter():
    first, *others = (name for name in CHAPTERS if (ROOT / name).with_suffix(".py").exists())
    links = BeautifulSoup(source(first), "html.parser").select("article a.internal")
    led_to = {tag["href"].partition("#")[0] for tag in links}
    assert {Path(name).name for name in others} <= led_to


REFERENCE = [name for name in CHAPTERS if "/api/" in name and not name.endswith("/index.html")]


@cache
def documented(name):
    """The signatures of a page of the reference, by the full name of what they are of."""
    soup = BeautifulSoup(source(name), "html.parser")
    return {tag["id"]: tag for tag in soup.select("dt.sig[id]")}


@pytest.mark.parametrize("name", REFERENCE)
def test_the_reference_has_members_of_every_module_and_spells_out_no_long_value(name):
    markdown = (ROOT / name).with_suffix(".md").read_text()
    modules = re.findall(r"automodule:: (\S+)", markdown)
    signatures = documented(name)
    assert modules
    assert {key.rpartition(".")[0] for key in signatures} >= set(modules)
    assert max(len(tag.text) for tag in signatures.values()) < 400


def test_a_signature_of_the_reference_names_types_and_constants():
    name = "icl.bench.flops"
    [signature] = (found[name] for found in map(documented, REFERENCE) if name in found)
    assert "(task: Task, model: Model = FULL, S: int = SETTINGS.batch)" in signature.text


@pytest.mark.parametrize("settings", [Task, Model, Training], ids=lambda kind: kind.__name__)
def test_the_reference_lists_every_setting_with_what_it_is_and_its_default(settings):
    name = f"{settings.__module__}.{settings.__qualname__}"
    [signature] = (found[name] for found in map(documented, REFERENCE) if name in found)
    listed = {
        item.strong.text: " ".join(item.text.split())
        for item in signature.find_next_sibling("dd").select_one(".field-list").select("li")
    }
    assert list(listed) == list(settings.model_fields)
    for field, info in settings.model_fields.items():
        assert typeset(info.description or "") in listed[field]
        assert listed[field].endswith(f" default: {info.default!r}")


def typeset(text):
    """As Sphinx prints it."""
    return text.replace("'", "\u2019").replace("...", "\u2026")


@pytest.fixture(scope="module")
def verdicts():
    return claims.scorecard(ROOT / "results")


def words(name):
    return " ".join(BeautifulSoup(source(name), "html.parser").select_one("article").text.split())


@pytest.mark.parametrize("name", ["introduction", "scorecard"])
def test_the_summary_is_that_of_the_stored_runs(name, verdicts):
    assert scorecard.summary(verdicts) in words(f"book/{name}.html")


def test_the_scorecards_page_has_every_verdict_and_check_of_the_stored_runs(verdicts):
    assert " ".join(scorecard.text(verdicts).split()) in words("book/scorecard.html")
