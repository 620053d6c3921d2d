"""How to cite the book, from CITATION.cff: a directive `how-to-cite` without content."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from sphinx.application import Sphinx

FILE = Path(__file__).parent.parent.parent / "CITATION.cff"


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("how-to-cite", HowToCite)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


class HowToCite(SphinxDirective):
    """The book as one line and as BibTeX."""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(FILE))
        cited = yaml.safe_load(FILE.read_text())
        entry = nodes.literal_block(text=bibtex(cited), language="bibtex")
        return [nodes.paragraph(text=in_words(cited)), entry]


def in_words(cited: dict[str, Any]) -> str:
    """Authors, title, version and licence in one line."""
    return f"{authors(cited)}. {cited['title']}. Version {cited['version']}, {cited['license']}."


def bibtex(cited: dict[str, Any]) -> str:
    """An entry for reference managers; what the file does not say is left out."""
    fields = {
        "author": "{" + authors(cited) + "}",
        "title": "{" + cited["title"] + "}",
        "version": cited["version"],
        "year": str(cited.get("date-released", ""))[:4],
        "url": cited.get("repository-code", ""),
    }
    lines = [f"  {name:7} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join(["@software{icl,", *lines, "}"])


def authors(cited: dict[str, Any]) -> str:
    """Names as they are, or family names after given ones."""
    names = (a.get("name") or f"{a['given-names']} {a['family-names']}" for a in cited["authors"])
    return " and ".join(names)
