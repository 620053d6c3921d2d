"""The end of an executed page: what executing it took, on what, and the data of the runs it shows.

A page shows a run if it names the run's configuration, or the `icl sweep` of its experiment, as the
lines below figures do (:mod:`icl.provenance`). From there a link leads to the downloads at the end
of the page: the curves of all stored seeds as one table, and each run whole.
"""

from __future__ import annotations

import re
import shutil
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xarray as xr
import yaml
from docutils import nodes
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.util.osutil import relative_uri

from icl import table
from icl.bench import machine
from icl.experiments import EXPERIMENTS
from icl.runs import Store, combine, config_of

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).parent.parent.parent
SWEEP = re.compile(rf"icl sweep (?P<name>{'|'.join(map(re.escape, EXPERIMENTS))}) --seeds\b")
LIBRARIES = ("NumPy", "PyTorch", "xarray", "Matplotlib")
DIGITS = "%.6g"  # of a number in a table; accuracies are counts of a few thousand sequences


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-resolved", end_page)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def end_page(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Append the end of a page to its document, and copy what it offers into the built book."""
    executed = NbMetadataCollector.get_exec_data(app.env, docname)
    if app.builder.format != "html" or executed is None or executed["runtime"] is None:
        return
    page = app.builder.get_target_uri(docname)
    end = nodes.container(classes=["page-end"])
    end += paragraph(f"This page took {executed['runtime']:.1f} s to execute {on_what()}")
    source = Path(app.env.doc2path(docname)).relative_to(app.srcdir).as_posix()
    end += paragraph(
        "Download: ",
        link(page, f"_sources/{docname}.ipynb", "the executed notebook"),
        ", ",
        link(page, f"_sources/{source}", "its source"),
        *((", ", on_the_web) if (on_the_web := on_repository(source)) else ()),
        ".",
    )
    shown = link_runs(doctree)
    if shown:
        end += paragraph(
            "Data of the runs above: curves of all stored seeds (CSV), and each run with all that "
            "is kept of it (NetCDF)."
        )
        end += nodes.bullet_list("", *(downloads(app, page, *runs) for runs in shown.items()))
    doctree += end


def on_what() -> str:
    """The machine and the libraries, in words.

    Pages taken from the cache were executed here as well: its name is a hash of the same.
    """
    here = machine()
    known = [f"{name} {metadata.version(package(name))}" for name in LIBRARIES]
    return (
        f"on {here['cores']} cores of {here['processor']}, "
        f"with Python {here['python']}, {', '.join(known)}."
    )


def package(library: str) -> str:
    return {"PyTorch": "torch"}.get(library, library.lower())


def on_repository(source: str) -> nodes.reference | None:
    """The page's source in the repository that CITATION.cff names, if it names one."""
    home = yaml.safe_load((ROOT / "CITATION.cff").read_text()).get("repository-code")
    if home is None:
        return None
    address = f"{home.rstrip('/')}/blob/main/{source}"
    return nodes.reference("", "its source in the repository", refuri=address)


def link_runs(doctree: nodes.document) -> dict[str, dict[str, str]]:
    """Lead from each mention of stored runs to their downloads.

    Returns headings of the list of downloads, each with names of configurations by label. A
    configuration of its own has itself as heading and no label.
    """
    stored = {path.name for path in Store().root.glob("*") if any(path.glob("[0-9]*.nc"))}
    shown: dict[str, dict[str, str]] = {}
    for node in list(doctree.findall(nodes.literal)):
        if (name := node.astext()) in stored:
            shown[name] = {"": name}
            node.replace_self(nodes.reference("", "", node.deepcopy(), refuri=f"#{anchor(name)}"))
        elif sweep := SWEEP.match(name):
            heading = f"Experiment {sweep['name']}"
            configs = EXPERIMENTS[sweep["name"]].configs
            found = {label: c.name for label, c in configs.items() if c.name in stored}
            if found:
                shown[heading] = found
                data = nodes.reference("", "data", refuri=f"#{anchor(heading)}")
                node.replace_self([node.deepcopy(), nodes.Text(" ("), data, nodes.Text(")")])
    return shown


def anchor(heading: str) -> str:
    return "data-" + nodes.make_id(heading)


def downloads(app: Sphinx, page: str, heading: str, configs: dict[str, str]) -> nodes.list_item:
    """What can be downloaded of one configuration, or of an experiment's."""
    item = nodes.list_item("", ids=[anchor(heading)])
    if list(configs) == [""] and configs[""] == heading:
        item += line(app, page, nodes.literal("", heading), heading)
        return item
    parts = (
        nodes.list_item("", line(app, page, nodes.Text(label or name), name))
        for label, name in configs.items()
    )
    item += [paragraph(heading), nodes.bullet_list("", *parts)]
    return item


def line(app: Sphinx, page: str, label: nodes.Node, name: str) -> nodes.paragraph:
    """One configuration: its curves, then its runs."""
    publish(name, Path(app.outdir) / "data")
    links: list[nodes.Node] = [link(page, f"data/{name}.csv", "curves")]
    for seed in stored_seeds(name):
        links += [nodes.Text(", "), link(page, f"data/{run_file(name, seed)}", f"seed {seed}")]
    return paragraph(label, ": ", *links)


@cache  # once a build
def publish(name: str, folder: Path) -> None:
    """Copy a configuration's runs into the built book, under names that say what they are.

    Nothing is trained. Raises :class:`icl.store.CorruptFile` for a file that is not what was
    written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    store, seeds = Store(), stored_seeds(name)
    with xr.open_dataset(store.root / name / f"{seeds[0]}.nc") as first:
        config = config_of(first)
    runs = [run for seed in seeds if (run := store.load(config, seed)) is not None]
    for seed in seeds:
        shutil.copyfile(store.path(config, seed), folder / run_file(name, seed))
    curves = table.curves(combine(config, runs))
    curves.to_csv(folder / f"{name}.csv", index=False, float_format=DIGITS)


def run_file(name: str, seed: int) -> str:
    return f"{name}-seed{seed}.nc"


def stored_seeds(name: str) -> list[int]:
    return sorted(int(path.stem) for path in (Store().root / name).glob("[0-9]*.nc"))


def link(page: str, file: str, text: str) -> nodes.reference:
    """A link from a page of the book to a file in it."""
    return nodes.reference("", text, refuri=relative_uri(page, file), internal=True)


def paragraph(*parts: str | nodes.Node) -> nodes.paragraph:
    return nodes.paragraph("", "", *(nodes.Text(p) if isinstance(p, str) else p for p in parts))
