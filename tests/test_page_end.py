"""What extensions add to the built pages: downloads of the runs a page shows, and how to cite it.

The pages are those of `_build/html`, which `make test` builds first.
"""

import re
from functools import cache
from pathlib import PurePosixPath
from urllib.parse import urljoin

import pandas as pd
import pytest
import yaml
from browser import HTML, ROOT, missing
from bs4 import BeautifulSoup

from icl import chapters
from icl.experiments import EXPERIMENTS
from icl.runs import Store

STORE = Store(ROOT / "results")
NAMED = re.compile(r"\b(?:full|minimal)-K\d+-B\d+-[0-9a-f]{12}\b")
RUN = re.compile(rf"({NAMED.pattern})-seed\d+\.nc")
SWEEP = re.compile(
    r"(?P<stored>\d+) of \d+ configurations? stored, with (?P<runs>\d+) of .* "
    r"made by icl sweep (?P<name>\S+) --seeds"
)


@pytest.fixture(scope="module", autouse=True)
def built():
    if not (HTML / "book" / "introduction.html").exists():
        missing("there is no built book: make book")


@cache
def article(name):
    page = BeautifulSoup((HTML / "book" / f"{name}.html").read_text(), "html.parser")
    return page.select_one("article")


def provenance_lines(name):
    return [line for line in article(name).select("small") if line.text.startswith("Runs ")]


def files(part):
    """What a part of a page leads to in the built book."""
    links = (link["href"] for link in part.select("a[href]"))
    return {PurePosixPath(urljoin("book/", link)) for link in links if "//" not in link}


def seeds(config):
    return {int(path.stem) for path in (STORE.root / config).glob("[0-9]*.nc")}


def test_there_are_provenance_lines_of_both_kinds():
    lines = [line.text for name in chapters.names() for line in provenance_lines(name)]
    assert any(map(NAMED.search, lines))
    assert any(map(SWEEP.search, lines))


@pytest.mark.parametrize("name", chapters.names())
def test_a_line_below_a_figure_leads_to_the_curves_and_to_every_seed_of_its_runs(name):
    for line in provenance_lines(name):
        sweep = SWEEP.search(line.text)
        if sweep and sweep["stored"] == "0":
            continue
        [link] = line.select('a[href^="#data-"]')
        item = article(name).select_one(f".page-end #{link['href'][1:]}")
        reached = {path.name for path in files(item)}
        configs = {file.removesuffix(".csv") for file in reached if file.endswith(".csv")}
        runs = reached - {f"{config}.csv" for config in configs}
        assert {RUN.fullmatch(run)[1] for run in runs} == configs
        if sweep:
            experiment = EXPERIMENTS[sweep["name"]]
            assert configs <= {config.name for config in experiment.configs.values()}
            assert (len(configs), len(runs)) == (int(sweep["stored"]), int(sweep["runs"]))
        else:
            assert configs == set(NAMED.findall(line.text))
            assert len(runs) == sum(len(seeds(config)) for config in configs)


@pytest.mark.parametrize("name", chapters.names())
def test_the_end_of_a_chapter_says_what_it_took_and_offers_its_source(name):
    [end] = article(name).select(".page-end")
    took = (
        r"This page took \d+\.\d s to execute on \d+ cores of .+, with Python 3\.\d+\.\d+, NumPy "
    )
    assert re.match(took, end.text.strip())
    assert {path.suffix for path in files(end) if path.stem == name} >= {".ipynb", ".py"}
    assert [path for path in files(end) if not (HTML / path).is_file()] == []


@pytest.mark.parametrize(("experiment", "label"), [("2c", "alpha=1.0"), ("6a", "")])
def test_the_last_rows_of_a_table_are_the_ends_of_the_stored_runs(experiment, label):
    config = EXPERIMENTS[experiment].configs[label]
    rows = pd.read_csv(HTML / "data" / f"{config.name}.csv").groupby("seed").last()
    assert set(rows.index) == seeds(config.name)
    for seed, row in rows.iterrows():
        run = STORE.load(config, seed)
        assert row["step"] == run.attrs["stopped_at"]
        end = {name: float(values[-1]) for name, values in run.items() if values.dims == ("step",)}
        if "rank_accuracy" in run:
            ranks = enumerate(run.rank_accuracy.values[-1])
            end |= {f"rank_accuracy_{rank}": value for rank, value in ranks}
        assert row.drop("step").to_dict() == pytest.approx(end, rel=1e-5)


def test_a_downloaded_run_is_the_stored_one():
    config = EXPERIMENTS["6a"].configs[""]
    for seed in seeds(config.name):
        copy = HTML / "data" / f"{config.name}-seed{seed}.nc"
        assert copy.read_bytes() == STORE.path(config, seed).read_bytes()


def test_the_book_says_how_to_cite_it():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    entry, *_ = article("references").select(".highlight-bibtex")
    line = entry.find_previous_sibling("p").text
    for part in (cited["title"], f"Version {cited['version']}", cited["license"]):
        assert part in line
    assert f"title   = {{{{{cited['title']}}}}}" in entry.text
    assert f"version = {{{cited['version']}}}" in entry.text
    for author in cited["authors"]:
        assert author["name"] in line
        assert author["name"] in entry.text
