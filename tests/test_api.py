"""The API reference names what there is, wherever it lists modules; no built book is needed."""

import ast
import inspect
import re
from importlib.util import find_spec

from icl import chapters

API = chapters.BOOK / "api"
PACKAGE = chapters.BOOK.parent / "icl"
NAMES = re.compile(r"\*{0,2}\w+(, \*{0,2}\w+)*( : .+)?")


def modules_that_a_chapter_imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom):
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        yield from (name for name in names if re.match(r"icl\.", name) and is_module(name))


def is_module(name):
    """Whether a name is a module's, and not a package's or that of something in a module."""
    try:
        found = find_spec(name)
    except ModuleNotFoundError:
        return False
    return found is not None and found.submodule_search_locations is None


def pages():
    """The modules of each page in its order, by the page's name."""
    return {
        path.stem: re.findall(r"automodule:: (\S+)", path.read_text())
        for path in API.glob("*.md")
        if path.stem != "index"
    }


def test_every_module_that_a_chapter_imports_is_in_the_reference():
    imported = {
        name for path in chapters.BOOK.glob("*.py") for name in modules_that_a_chapter_imports(path)
    }
    assert {"icl.task", "icl.figures.curves", "icl.scorecard"} <= imported
    assert imported <= {name for listed in pages().values() for name in listed}


def test_the_index_of_the_reference_lists_what_its_pages_hold():
    index = (API / "index.md").read_text()
    groups = re.findall(r"\{doc\}`(\w+)`(.+?)```\n", index, re.DOTALL)
    listed = {page: re.findall(r"^   (icl\S+)$", text, re.MULTILINE) for page, text in groups}
    assert listed == pages()


def docstrings():
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, documented) and (text := ast.get_docstring(node, clean=False)):
                yield f"{path.name}, {getattr(node, 'name', 'module')}", inspect.cleandoc(text)


def test_sections_of_a_docstring_are_written_as_numpydoc_reads_them():
    """A name, or for what is raised a class, on a line of its own, and below it what it is."""
    sections = 0
    for where, text in docstrings():
        for body in re.findall(
            r"^(?:Parameters|Raises)\n-+\n(.+?)(?=\n\n\w+\n---|\Z)", text, re.M | re.S
        ):
            sections += 1
            heads = [line for line in body.splitlines() if not line.startswith("    ")]
            assert all(map(NAMES.fullmatch, heads)), f"{where}: {heads}"
    assert sections > 20
