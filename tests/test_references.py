"""The reference notebooks are the chapters, and nbval sees what changes in them.

nbval itself runs on tests/reference/*.ipynb in the same session as these tests.
"""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest
from conftest import FLOAT, Output

from icl import chapters

ROOT = Path(__file__).parent.parent
REFERENCE = Path(__file__).parent / "reference"
PROFILE = tomllib.loads((REFERENCE / "profile.toml").read_text())
CHECKED = "nbval-check-output"
INJECTED = "injected-parameters"


def reference(chapter):
    return json.loads((REFERENCE / f"{chapter}.ipynb").read_text())


def tags(cell):
    return cell["metadata"].get("tags", [])


def code(notebook):
    return [
        ("".join(cell["source"]), CHECKED in tags(cell))
        for cell in notebook["cells"]
        if cell["cell_type"] == "code" and INJECTED not in tags(cell)
    ]


def injected(notebook):
    (cell,) = (cell for cell in notebook["cells"] if INJECTED in tags(cell))
    assignments = ast.parse("".join(cell["source"])).body
    return {line.targets[0].id: ast.literal_eval(line.value) for line in assignments}


def test_every_chapter_with_checked_numbers_has_a_reference():
    with_numbers = {
        name
        for name in chapters.names()
        if any(CHECKED in tags(cell) for cell in chapters.read(name).cells)
    }
    assert with_numbers == PROFILE.keys() == {path.stem for path in REFERENCE.glob("*.ipynb")}


@pytest.mark.parametrize("chapter", PROFILE)
def test_reference_has_the_code_of_its_chapter(chapter):
    assert code(reference(chapter)) == code(chapters.read(chapter))


@pytest.mark.parametrize("chapter", PROFILE)
def test_reference_has_the_parameters_of_the_profile(chapter):
    assert injected(reference(chapter)) == PROFILE[chapter]


@pytest.mark.parametrize("chapter", PROFILE)
def test_reference_checks_a_float(chapter):
    assert any(FLOAT.search("".join(lines)) for lines in checked_texts(reference(chapter)))


def test_a_changed_cell_of_the_chapter_is_seen():
    chapter = next(iter(PROFILE))
    altered = chapters.read(chapter)
    cell = next(cell for cell in altered.cells if cell.cell_type == "code")
    cell.source += "\npass"
    assert code(reference(chapter)) != code(altered)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("loss 1.2345 at 3", "loss 1.2346 at 3"),
        ("1e-05", "1.0001e-05"),
        ("-2.5e-17 nan", "3.1e-17 nan"),
        ("[0.5, inf]", "[0.50001, inf]"),
        ("[ 0.  1.]", "[-0.  1.]"),
    ],
)
def test_nearly_equal_floats_are_equal(a, b):
    assert Output(a) == Output(b)
    assert (Output(a) != Output(b)) is False


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("loss 1.2345 at 3", "loss 1.2468 at 3"),
        ("loss 1.2345 at 3", "loss 1.2345 at 4"),
        ("loss 1.2345 at 3", "Loss 1.2345 at 3"),
        ("0.5", "-0.5"),
        ("0.5", "nan"),
        ("0.5", "0.5 0.5"),
        ("1.0", "1"),
        ("1000", "1001"),
        ("1000.", "1001."),
        ("ab", "a b"),
    ],
)
def test_other_outputs_differ(a, b):
    assert Output(a) != Output(b)
    assert (Output(a) == Output(b)) is False


def checked_texts(notebook):
    """The lists of lines which nbval compares, to read or to alter."""
    for cell in notebook["cells"]:
        if CHECKED in tags(cell):
            for output in cell["outputs"]:
                if "text" in output:
                    yield output["text"]
                elif "text/plain" in output.get("data", {}):
                    yield output["data"]["text/plain"]


def beginning():
    """A reference up to its first checked cell, which is enough to alter and quick to execute."""
    notebook = reference(next(iter(PROFILE)))
    first = next(n for n, cell in enumerate(notebook["cells"]) if CHECKED in tags(cell))
    notebook["cells"] = notebook["cells"][: first + 1]
    return notebook


def alter(notebook, pattern, replacement):
    """Change the first place of a checked output where the pattern matches."""
    for lines in checked_texts(notebook):
        for number, line in enumerate(lines):
            if re.search(pattern, line):
                lines[number] = re.sub(pattern, replacement, line, count=1)
                return
    pytest.fail(f"nothing in the checked outputs matches {pattern}")


def one_percent_more(match):
    digits = len(match[0].partition("e")[0].partition(".")[2])
    return f"{float(match[0]) * 1.01:.{max(digits, 4)}{'e' if 'e' in match[0] else 'f'}}"


def altered_notebooks():
    """The beginning of a reference as it is, with an altered output, and with an altered cell."""
    made = {name: beginning() for name in ("same", "number", "word", "cell")}
    alter(made["number"], r"[-+]?(?!0\.0+\b)\d+\.\d{3,}(?:e[-+]\d+)?", one_percent_more)
    alter(made["word"], r"[A-Za-z]{3,}", "other")
    made["cell"]["cells"][-1]["source"] = ["print('something else')"]
    return made


@pytest.fixture(scope="module")
def nbval(tmp_path_factory):
    """What nbval makes of each of them, run as these tests run it: outcomes, and what it says."""
    folder = tmp_path_factory.mktemp("altered")
    for name, notebook in altered_notebooks().items():
        (folder / f"{name}.ipynb").write_text(json.dumps(notebook))
    report = folder / "report.xml"
    options = ["-n0", "-p", "conftest", "-p", "no:cacheprovider", f"--junitxml={report}"]
    options += ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(folder)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(folder)],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout
    said = {}
    for case in ElementTree.parse(report).iter("testcase"):
        notebook = case.attrib["classname"].partition(".")[0]
        said.setdefault(notebook, []).append([f"{part.tag}: {part.text}" for part in case])
    return said


def test_nbval_accepts_what_is_not_altered(nbval):
    assert len(nbval["same"]) > 1
    assert not any(nbval["same"])


@pytest.mark.parametrize("altered", ["number", "word", "cell"])
def test_nbval_sees_what_is_altered_and_where(nbval, altered):
    *before, [last] = nbval[altered]
    assert not any(before)
    assert last.startswith("failure: ")
    assert "mismatch" in last
