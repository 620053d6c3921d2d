"""What this book adds to Jupyter Book.

1. No stale numbers: the execution cache's name is a hash of all that the chapters depend on, so that
   an edit of the package or a new stored run executes the chapters again.
2. Every figure must say in words what it shows: an image without alternative text is a warning.
3. Every page offers its executed notebook for download.
4. The bibliography, what opens a cell's code, and what opens a chapter's sections in the table of
   contents, are marked up as a screen reader expects it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from packaging.requirements import Requirement
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

from icl.bench import machine
from icl.runs import default_root

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sphinx.application import Sphinx
    from sphinx.config import Config

ROOT = Path(__file__).parent.parent.parent
LOGGER = logging.getLogger(__name__)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", name_execution_cache)
    app.connect("html-page-context", offer_notebook, priority=100)  # before the theme's buttons
    app.connect("html-page-context", mend_roles_and_names)
    app.connect("html-page-context", name_toggles, priority=900)  # after the theme's contents
    app.add_post_transform(RequireAlternativeText)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def name_execution_cache(app: Sphinx, config: Config) -> None:
    """Keep the results of chapters under a name that changes with what they depend on.

    Sphinx reads all pages again when this setting changes, which an unchanged chapter needs. A store
    that $ICL_STORE names is meant as seen from here, and chapters run in folders of their own.
    """
    if os.environ.get("ICL_STORE"):
        os.environ["ICL_STORE"] = str(default_root().absolute())
    caches = Path(app.outdir).parent / ".jupyter_cache"
    cache = caches / fingerprint()
    for outdated in caches.glob("*"):
        if outdated != cache:
            shutil.rmtree(outdated)
    config.nb_execution_cache_path = str(cache)


def fingerprint() -> str:
    """Hash the package's sources, the stored runs, the libraries below them and the machine.

    The machine, since pages say how long something took, and on what.
    """
    digest = hashlib.sha256()
    here = machine()
    digest.update("\n".join(f"{here[key]}" for key in ("processor", "cores", "python")).encode())
    for path in sorted(dependencies()):
        name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
        digest.update(name.as_posix().encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    for requirement in map(Requirement, metadata.requires("icl") or []):
        if requirement.marker is None or requirement.marker.evaluate({"extra": "book"}):
            version = metadata.version(requirement.name)
            digest.update(f"{requirement.name}=={version}\n".encode())
    return digest.hexdigest()[:16]


def dependencies() -> Iterable[Path]:
    yield from (ROOT / "icl").rglob("*.py")
    yield from (ROOT / "benchmarks").glob("*.json")
    for store in {ROOT / "results", default_root().absolute()}:  # some pages show the first alone
        yield from store.glob("*/[0-9]*.nc")


class RequireAlternativeText(SphinxPostTransform):
    """Warn of an image that a screen reader would announce by its file name."""

    default_priority = 900  # after myst-nb has chosen one representation of each output
    formats = ("html",)

    def run(self, **_: Any) -> None:
        for image in self.document.findall(nodes.image):
            if not image.get("alt", "").strip():
                LOGGER.warning(
                    "image %s has no alternative text", Path(image["uri"]).name, location=image
                )


def offer_notebook(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object
) -> None:
    """Copy a chapter's executed notebook beside its source; the theme then shows a button."""
    executed = Path(app.outdir).parent / "jupyter_execute" / f"{pagename}.ipynb"
    if doctree is not None and executed.exists():
        copy = Path(app.outdir) / "_sources" / f"{pagename}.ipynb"
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(executed, copy)
        context["ipynb_source"] = f"{pagename}.ipynb"


def mend_roles_and_names(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object
) -> None:
    """Take back two attributes of the page's text.

    docutils' role "list", since what stands in it has a role of its own, not "listitem"; and
    myst-nb's name for the line that opens a cell's code, since its own word is the better one.
    """
    if "body" in context:
        context["body"] = (
            context["body"]
            .replace('<div role="list" class="citation-list">', '<div class="citation-list">')
            .replace('<summary aria-label="Toggle hidden content">', "<summary>")
        )


def name_toggles(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object
) -> None:
    """Give the arrow that opens a chapter's sections in the table of contents a name."""
    generate = context.get("generate_toctree_html")
    if generate is None:
        return

    def named(*args: Any, **options: Any) -> str:
        contents = str(generate(*args, **options))
        return contents.replace("<summary>", '<summary aria-label="Sections">')

    context["generate_toctree_html"] = named
