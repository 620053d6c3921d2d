"""The book's own Sphinx extensions: no stale numbers, no figure without words, no training."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from bs4 import BeautifulSoup

from icl import chapters
from icl.experiments import EXPERIMENTS
from icl.runs import RunConfig, Store, train
from icl.store import CorruptFile
from icl.task import Task
from icl.training import Training

ROOT = Path(__file__).parent.parent
EXTENSIONS = ROOT / "book" / "_ext"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path d="M0 0h{}"/></svg>'
ALT = 'A line that "rises" & falls'


def loaded(name):
    spec = importlib.util.spec_from_file_location(name, EXTENSIONS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def extension(tmp_path, monkeypatch):
    """The extension, for a repository with one module and one result."""
    module = loaded("icl_book")
    for path in ("icl/figures/a.py", "results/full/0.nc", "benchmarks/engine.json"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("1")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return module


def test_the_cache_has_one_name_as_long_as_nothing_changes(extension, tmp_path):
    before = extension.fingerprint()
    (tmp_path / "icl" / "__pycache__").mkdir()
    (tmp_path / "icl" / "__pycache__" / "a.pyc").write_text("2")
    (tmp_path / "results" / "full" / ".0.nc.tmp").write_text("2")
    (tmp_path / "results" / "full" / "1.checkpoint.npz").write_text("2")
    assert extension.fingerprint() == before


@pytest.mark.parametrize(
    "path",
    [
        "icl/figures/a.py",
        "icl/new.py",
        "results/full/0.nc",
        "results/full/1.nc",
        "benchmarks/engine.json",
    ],
)
def test_the_cache_has_another_name_when_something_changes(extension, tmp_path, path):
    before = extension.fingerprint()
    (tmp_path / path).write_text("2")
    assert extension.fingerprint() != before


def test_the_cache_has_another_name_for_another_store(extension, tmp_path, monkeypatch):
    """And chapters, which run in folders of their own, look for it where the build did."""
    before = extension.fingerprint()
    (tmp_path / "other" / "full").mkdir(parents=True)
    (tmp_path / "other" / "full" / "0.nc").write_text("1")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ICL_STORE", "other")
    assert extension.fingerprint() != before
    app = SimpleNamespace(outdir=str(tmp_path / "_build" / "html"))
    config = SimpleNamespace(nb_execution_cache_path="")
    connected(extension)["config-inited"](app, config)
    assert Path(os.environ["ICL_STORE"]) == tmp_path / "other"
    (tmp_path / "other" / "full" / "0.nc").write_text("2")
    assert config.nb_execution_cache_path != str(
        Path(config.nb_execution_cache_path).parent / extension.fingerprint()
    )


def test_the_cache_has_another_name_when_a_library_changes(extension, monkeypatch):
    before = extension.fingerprint()
    version = extension.metadata.version
    monkeypatch.setattr(
        extension.metadata, "version", lambda name: "0" if name == "torch" else version(name)
    )
    assert extension.fingerprint() != before


def test_chapters_are_kept_under_the_present_name_and_under_no_other(extension, tmp_path):
    """As Sphinx calls it: outdated results are gone, and a second build finds the first one's."""
    caches = tmp_path / "_build" / ".jupyter_cache"
    outdated, present = caches / "0123456789abcdef", caches / extension.fingerprint()
    for folder in (outdated, present):
        folder.mkdir(parents=True)
        (folder / "global.db").write_text("1")
    config = SimpleNamespace(nb_execution_cache_path="")
    app = SimpleNamespace(outdir=str(tmp_path / "_build" / "html"))
    connected(extension)["config-inited"](app, config)
    assert config.nb_execution_cache_path == str(present)
    assert list(caches.iterdir()) == [present]
    assert (present / "global.db").exists()


def connected(extension):
    """What the extension has Sphinx call, by event; of several for one event the last."""
    listeners = {}
    app = SimpleNamespace(
        connect=lambda event, listener, priority=500: listeners.update({event: listener}),
        add_post_transform=lambda transform: None,
    )
    extension.setup(app)
    return listeners


def build(folder, alternative_texts):
    """Build a page that shows an image for each text; return the status, the page, the warnings."""
    outputs = [
        nbformat.v4.new_output(
            "display_data",
            data={"image/svg+xml": SVG.format(number), "text/plain": "a figure"},
            metadata={"image/svg+xml": {"alt": alt}} if alt is not None else {},
        )
        for number, alt in enumerate(alternative_texts)
    ]
    title = nbformat.v4.new_markdown_cell("# Page")
    cell = nbformat.v4.new_code_cell("show()", outputs=outputs, execution_count=1)
    cell.metadata.tags = ["hide-input"]
    notebook = nbformat.v4.new_notebook(cells=[title, cell])
    notebook.metadata.language_info = {"name": "python", "pygments_lexer": "python"}
    nbformat.write(notebook, folder / "index.ipynb")
    (folder / "conf.py").write_text(
        'extensions = ["myst_nb", "icl_book"]\nnb_execution_mode = "off"\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", str(folder), str(folder / "out")],
        env=os.environ | {"PYTHONPATH": str(EXTENSIONS), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    page = BeautifulSoup((folder / "out" / "index.html").read_text(), "html.parser")
    return done.returncode, page, done.stderr


def test_alternative_text_goes_from_the_output_to_the_page(tmp_path):
    status, page, warnings = build(tmp_path, [ALT, "two\nlines"])
    assert (status, warnings) == (0, "")
    assert [image["alt"] for image in page.select("img")] == [ALT, "two lines"]


def test_what_opens_a_cells_code_has_the_name_that_is_seen(tmp_path):
    _, page, _ = build(tmp_path, [ALT])
    [line] = page.select("details > summary")
    assert "aria-label" not in line.attrs
    assert line.text.strip()


@pytest.mark.parametrize("alt", [None, "", " "])
def test_an_image_without_alternative_text_fails_the_build(tmp_path, alt):
    status, _, warnings = build(tmp_path, [ALT, alt])
    assert status == 1
    assert warnings.count("has no alternative text") == 1


# What chapters train

TRAINS = {
    "introduction": ["3"],
    "network": ["3", "1d"],
    "progress_measures": ["3"],
    "minimal": ["6a", "6b", "6c", "A.2"],
}


def asked_for(chapter):
    """What a chapter asks for with its defaults: configurations and seeds. Nothing is trained."""
    calls = []
    scope = {}
    for cell in chapters.read(chapter).cells:
        if cell.cell_type != "code":
            continue
        exec(compile(cell.source, chapter, "exec"), scope)
        if "load_or_train" in scope and "load_or_train(" in cell.source:
            return calls
        scope["load_or_train"] = lambda config, seeds: calls.append((config, seeds))
    return calls


def chapters_that_train():
    sources = {
        name: "\n".join(c.source for c in chapters.read(name).cells) for name in chapters.names()
    }
    return {name for name, source in sources.items() if "= load_or_train(config" in source}


def test_every_chapter_that_trains_is_known_here():
    assert chapters_that_train() == TRAINS.keys()


@pytest.mark.parametrize("chapter", TRAINS)
def test_a_chapters_defaults_are_the_experiments_that_ship(chapter):
    needed = [EXPERIMENTS[name] for name in TRAINS[chapter]]
    asked = asked_for(chapter)
    assert [config for config, _ in asked] == [experiment.configs[""] for experiment in needed]
    for (_, seeds), experiment in zip(asked, needed, strict=True):
        assert experiment.seeds[:seeds] == tuple(range(seeds))


@pytest.mark.parametrize("chapter", TRAINS)
def test_a_chapter_with_its_defaults_finds_all_its_runs_stored(chapter):
    shipped = Store(ROOT / "results")
    missing = [
        f"{config.name}/{seed}"
        for config, seeds in asked_for(chapter)
        for seed in range(seeds)
        if not shipped.has(config, seed)
    ]
    assert not missing


def test_a_corrupt_run_is_not_trained_again_to_be_published(tmp_path, monkeypatch):
    monkeypatch.setenv("ICL_STORE", str(tmp_path / "store"))
    task = Task(K=16, L=8, N=4, D=7, P=9)
    config = RunConfig(task=task, training=Training(steps=4, every=2, test=8, batch=4))
    train(config, [0, 1], Store())
    path = Store().path(config, 1)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CorruptFile):
        loaded("icl_page_end").publish(config.name, tmp_path / "data")
    assert not Store().has(config, 1)
    assert list((tmp_path / "data").iterdir()) == []
