"""Chapters are read, checked and executed; whatever will not do is refused in one line."""

import errno
import json
import os
import signal
import subprocess
import sys
from textwrap import dedent
from typing import Literal

import jupytext
import pytest
from sweeps import wait_until

from icl import __main__ as command_line
from icl import chapters

TOY = """\
# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # A toy

# %%
from typing import Literal

from icl.settings import InputError

# %% tags=["parameters"]
K: int = 64  # number of classes
eps: float = 0.1  # noise within a class
swap: bool = False  # whether labels are swapped
widths: list[int] = [1, 2]  # layers
label: str = "a=b # c"  # a name
steps: int | None = None  # None: to the end
model: Literal["full", "minimal"] = "full"  # which model

# %%
if K == 7:
    raise InputError("K=7 must be a multiple of L=32")
if K == 8:
    raise ZeroDivisionError("division\\nby zero")
print(K, eps, swap, widths, label, steps, model)
"""


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A book with one chapter, and a working folder beside it."""
    book, work = tmp_path / "book", tmp_path / "work"
    book.mkdir()
    work.mkdir()
    (book / "toy.py").write_text(TOY)
    monkeypatch.setattr(chapters, "BOOK", book)
    monkeypatch.chdir(work)
    return work


def printed(path):
    notebook = json.loads(path.read_text())
    texts = [
        "".join(output["text"])
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        if output.get("name") == "stdout"
    ]
    return "".join(texts)


# The book's own chapters


@pytest.mark.parametrize("chapter", chapters.names())
def test_every_parameter_of_the_book_is_typed_and_documented(chapter):
    for parameter in chapters.parameters(chapters.read(chapter)).values():
        assert parameter.documentation, f"{parameter.name} needs a comment at the end of its line"
        text = str(parameter.default)
        again = chapters.check({parameter.name: parameter}, [f"{parameter.name}={text}"])
        assert again == {parameter.name: parameter.default}


@pytest.mark.parametrize("chapter", chapters.names())
def test_every_chapter_has_a_title(chapter):
    assert chapters.title(chapters.read(chapter))


# Parameters


def test_parameters_are_read_from_the_chapter(toy):
    declared = chapters.parameters(chapters.read("toy"))
    assert {name: (p.type, p.default, p.documentation) for name, p in declared.items()} == {
        "K": (int, 64, "number of classes"),
        "eps": (float, 0.1, "noise within a class"),
        "swap": (bool, False, "whether labels are swapped"),
        "widths": (list[int], [1, 2], "layers"),
        "label": (str, "a=b # c", "a name"),
        "steps": (int | None, None, "None: to the end"),
        "model": (Literal["full", "minimal"], "full", "which model"),
    }


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        ("K=128", 128),
        ("K = -3", -3),
        ("K=1e5", 100_000),
        ("eps=1", 1.0),
        ("eps=1e-3", 1e-3),
        ("swap=false", False),
        ("swap=False", False),
        ("swap=TRUE", True),
        ("widths=[3]", [3]),
        ("widths=[]", []),
        ("label=false", "false"),
        ("label=3", "3"),
        ("label=x = y", "x = y"),
        ("label=", ""),
        ("steps=None", None),
        ("steps=null", None),
        ("steps=5", 5),
        ("model=minimal", "minimal"),
    ],
)
def test_values_have_the_declared_type(toy, assignment, value):
    declared = chapters.parameters(chapters.read("toy"))
    (converted,) = chapters.check(declared, [assignment]).values()
    assert converted == value
    assert type(converted) is type(value)


REFUSALS = {
    "K=abc": "K='abc' must be an integer",
    "K=1.5": "K='1.5' must be an integer",
    "K=true": "K='true' must be an integer",
    "K=": "K='' must be an integer",
    "eps=nan": "eps='nan' must be a number",
    "eps=1e999": "eps='1e999' must be a number",
    "swap=1": "swap='1' must be true or false",
    "swap=no": "swap='no' must be true or false",
    "widths=3": "widths='3' must be a list in brackets, each an integer",
    "widths=[1.5]": "widths='[1.5]' must be a list in brackets, each an integer",
    "steps=soon": "steps='soon' must be an integer or None",
    "model=mini": "model='mini' must be 'full' or 'minimal'",
    "K": "parameter 'K' must be of the form NAME=VALUE",
    "k=1": "unknown parameter 'k'; known: K, eps, swap, widths, label, steps, model",
}


@pytest.mark.parametrize(("assignment", "message"), REFUSALS.items(), ids=REFUSALS)
def test_refused_parameters(toy, capsys, assignment, message):
    assert command_line.main(["run", "toy", "-p", assignment]) == 2
    assert capsys.readouterr() == ("", f"error: {message}\n")
    assert not list(toy.iterdir())


@pytest.mark.parametrize(
    "cell", ["K = 64", "K: int", "K: complex = 1j", "K: int = 2 * 3", "print(1)"]
)
def test_a_parameters_cell_declares_and_does_nothing_else(cell):
    notebook = jupytext.reads(f'# %% tags=["parameters"]\n{cell}\n', fmt="py:percent")
    with pytest.raises(ValueError, match=r"parameter|malformed"):
        chapters.parameters(notebook)


# Running


@pytest.mark.parametrize(
    ("chapter", "value", "message"),
    [
        ("network", "seeds_1d=0", "seeds_1d=0 must be at least 1"),
        ("minimal", "seeds_equal=0", "seeds_equal=0 must be at least 1"),
        ("progress_measures", "shortly=-1", "shortly=-1 must be at least 0"),
        ("task", "alphas=[]", "alphas=[] must hold a number"),
        ("engine", "batch=0", "batch=0 must be at least 1"),
        *(
            ("landscape", given, f"{given} must be two or more rising numbers above 0")
            for given in ("distances=[]", "distances=[0.3, 0.1]", "distances=[0.0, 0.1]")
        ),
        ("landscape", "distance=-0.1", "distance=-0.1 must be above 0"),
        ("landscape", "steps_equal=0", "steps_equal=0 must be at least 1"),
        (
            "landscape",
            "steps=400",
            "steps=400 must be more: at rate=0.1 the loss does not fall to a tenth of its start",
        ),
        ("task", "dtype=float16", "dtype='float16' must be 'float32' or 'float64'"),
        ("run_it_yourself", "dtype=x", "dtype='x' must be 'float32' or 'float64'"),
    ],
)
def test_what_a_chapter_cannot_use_is_refused_before_any_work(
    chapter, value, message, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ICL_STORE", str(tmp_path / "store"))
    assert command_line.main(["run", chapter, "-p", value]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"error: {message}"
    assert not list(tmp_path.iterdir())


def test_run_executes_with_the_given_values(toy, capsys):
    line = "run toy -p K=1e2 -p swap=true -p widths=[3] -p label=c=d -o out.ipynb"
    assert command_line.main(line.split()) == 0
    assert capsys.readouterr().out == f"{toy / 'out.ipynb'}\n"
    assert printed(toy / "out.ipynb") == "100 0.1 True [3] c=d None full\n"
    assert [path.name for path in toy.iterdir()] == ["out.ipynb"]


def test_a_store_that_the_environment_names_is_the_callers_own(toy, monkeypatch):
    """Not one of that name in the folder where chapters run."""
    with (chapters.BOOK / "toy.py").open("a") as file:
        file.write("from icl.runs import Store\nprint(Store().root)\n")
    monkeypatch.setenv("ICL_STORE", "runs")
    assert command_line.main(["run", "toy"]) == 0
    assert printed(toy / "toy.ipynb").splitlines()[-1] == str(toy / "runs")
    assert os.environ["ICL_STORE"] == "runs"


def test_run_without_parameters_writes_beside(toy):
    assert command_line.main(["run", "toy"]) == 0
    assert printed(toy / "toy.ipynb") == "64 0.1 False [1, 2] a=b # c None full\n"
    assert str(toy.parent) not in (toy / "toy.ipynb").read_text(), "a path of this machine"


def test_what_parameters_mean_stands_in_one_column(toy, capsys):
    assert command_line.main(["chapters", "toy"]) == 0
    lines = capsys.readouterr().out.splitlines()
    meanings = [item.documentation for item in chapters.parameters(chapters.read("toy")).values()]
    starts = {line.index(f"  {text}") for line, text in zip(lines, meanings, strict=True)}
    assert len(starts) == 1
    assert starts.pop() == max(len(line.partition("  ")[0]) for line in lines)


def test_an_output_is_replaced_only_when_asked(toy, capsys):
    kept = toy / "{kept}.ipynb"
    kept.write_text("before")
    assert command_line.main(["run", "toy", "-o", kept.name]) == 2
    message = f"output {kept.name!r} exists; give another with -o, or --force"
    assert capsys.readouterr().err == f"error: {message}\n"
    assert kept.read_text() == "before"
    assert command_line.main(["run", "toy", "-o", kept.name, "--force"]) == 0
    assert printed(kept).startswith("64")


def test_a_value_which_the_chapter_refuses_leaves_no_trace(toy, capsys):
    kept = toy / "kept.ipynb"
    kept.write_text("before")
    assert command_line.main(["run", "toy", "-p", "K=7", "-o", kept.name, "--force"]) == 2
    assert capsys.readouterr().err == "error: K=7 must be a multiple of L=32\n"
    assert [path.read_text() for path in toy.iterdir()] == ["before"]


def test_a_failing_cell_is_told_and_the_rest_is_kept(toy, capsys):
    assert command_line.main(["run", "toy", "-p", "K=8"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    kept = toy / "toy.ipynb"
    assert line.startswith("error: toy, cell ")
    assert line.endswith(f": ZeroDivisionError: division by zero; what was reached is in {kept}")
    assert "ZeroDivisionError" in kept.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("run nope", "unknown chapter 'nope'; known: toy"),
        ("run ../toy", "unknown chapter '../toy'; known: toy"),
        ("run toy -o no/such.ipynb", "output 'no/such.ipynb' must be in a folder that exists"),
        ("run toy -o toy.py", "output 'toy.py' must end in .ipynb"),
        ("chapters nope", "unknown chapter 'nope'; known: toy"),
    ],
)
def test_refused_commands(toy, capsys, arguments, message):
    assert command_line.main(arguments.split()) == 2
    assert capsys.readouterr() == ("", f"error: {message}\n")
    assert not list(toy.iterdir())


def test_without_a_command_there_is_help_and_no_error(capsys):
    assert command_line.main([]) == 2
    out, err = capsys.readouterr()
    assert "Usage" in out
    assert err == ""


SLOW = """\
import signal
import sys
from pathlib import Path

from icl import chapters
from icl.__main__ import main

signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background have it ignored
chapters.BOOK = Path(sys.argv[1])
sys.exit(main(["run", "slow"]))
"""


STUBBORN = "while True:\n    try:\n        time.sleep(60)\n    except KeyboardInterrupt:\n        "


@pytest.mark.parametrize(
    ("numbers", "cell"),
    [
        ([signal.SIGINT], "time.sleep(60)"),
        ([signal.SIGTERM], "time.sleep(60)"),
        ([signal.SIGINT] * 2, STUBBORN + "asked.touch()"),
    ],
    ids=["interrupt", "termination", "twice"],
)
def test_a_run_that_is_stopped_keeps_what_was_reached(toy, numbers, cell):
    (chapters.BOOK / "slow.py").write_text(
        "# %% [markdown]\n# # Slow\n\n# %%\nprint('first')\n\n# %%\nimport time\n"
        "from pathlib import Path\n\n"
        f"asked = Path({str(toy.parent / 'asked')!r})\n"
        f"Path({str(toy.parent / 'begun')!r}).touch()\n{cell}\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, str(chapters.BOOK)], stderr=subprocess.PIPE, text=True
    )
    wait_until((toy.parent / "begun").exists)
    for number in numbers:
        process.send_signal(number)
        if len(numbers) == 2:
            wait_until((toy.parent / "asked").exists)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    target = toy / "slow.ipynb"
    told = f"stopped; what was reached is in {target}; add --force to go on"
    assert told in said.splitlines()  # a kernel that is ended may have words of its own
    assert printed(target) == "first\n"
    assert [path.name for path in toy.iterdir()] == ["slow.ipynb"]


def test_a_run_that_is_stopped_before_its_first_cell_says_so(toy, monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(chapters, "_execute", interrupt)
    assert command_line.main(["run", "toy"]) == 130
    assert capsys.readouterr() == ("", "stopped before the first cell\n")
    assert not list(toy.iterdir())


@pytest.mark.parametrize("arguments", ["nope", "run", "run toy --nope", "run toy -p"])
def test_a_command_line_that_cannot_be_read(toy, capsys, arguments):
    assert command_line.main(arguments.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_a_folder_that_cannot_be_written(toy, capsys, monkeypatch):
    monkeypatch.setattr(chapters.os, "access", lambda *_: False)  # tests may run as root
    assert command_line.main(["run", "toy"]) == 2
    message = "output 'toy.ipynb' must be in a folder that can be written to"
    assert capsys.readouterr().err == f"error: {message}\n"


def test_chapters_are_listed(toy, capsys):
    assert command_line.main(["chapters"]) == 0
    assert capsys.readouterr().out.split() == ["toy", "A", "toy"]
    assert command_line.main(["chapters", "toy"]) == 0
    assert "K: int = 64" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", ["chapters", "chapters toy", "run toy"])
def test_without_the_book_its_absence_is_told(toy, capsys, arguments, monkeypatch):
    monkeypatch.setattr(chapters, "BOOK", toy / "nowhere")
    assert command_line.main(arguments.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: the book is not here: its chapters belong in ")


def test_a_notebook_that_cannot_be_written_leaves_what_was_there(toy, capsys, monkeypatch):
    kept = toy / "kept.ipynb"
    kept.write_text("before")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("icl.store.os.fsync", full)
    assert command_line.main(["run", "toy", "-o", kept.name, "--force"]) == 2
    assert capsys.readouterr().err == (
        f"error: cannot write {kept}: No space left on device; nothing was changed\n"
    )
    assert [path.read_text() for path in toy.iterdir()] == ["before"]


def test_the_module_is_the_command_and_starts_without_torch():
    program = """
        import sys
        from icl.__main__ import main
        assert main(["run", "toy", "-p", "K"]) == 2
        assert "torch" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", dedent(program)], check=True, capture_output=True)
    done = subprocess.run(
        [sys.executable, "-m", "icl", "nope"], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
