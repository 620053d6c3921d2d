"""Every command that the README and the book tell a reader to type is one that there is."""

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from icl import chapters, options
from icl.__main__ import app
from icl.claims import CLAIMS
from icl.experiments import EXPERIMENTS
from icl.model import Model
from icl.runs import RunConfig
from icl.task import Task
from icl.training import Training

ROOT = Path(__file__).parent.parent
FORMS = {  # how a file writes a command, up to the end of the line or cell
    "README.md": r"^    \.venv/bin/icl (.*)$",
    "book/at_scale.py": r"^# \$ icl (.*)$",
    "book/run_it_yourself.py": r"^# \| `icl (.*?)` \|",
}
COMMANDS = [
    (name, line)
    for name, form in FORMS.items()
    for line in re.findall(form, (ROOT / name).read_text(), re.MULTILINE)
]


def parsed(line):
    """A command's name and what its parameters are; raises what the parser of commands raises."""
    name, *words = shlex.split(line, comments=True)
    return name, get_command(app).commands[name].make_context(name, words).params


def check(line):
    """Raise an error if a command would be refused; nothing is run."""
    name, given = parsed(line)
    if given.get("chapter") is not None:
        declared = chapters.parameters(chapters.read(given["chapter"]))
        chapters.check(declared, given.get("parameter") or [])
    if given.get("seeds") is not None:
        options.seeds(given["seeds"])
    if name == "train":
        groups = {"task": Task, "model": Model, "training": Training}
        RunConfig(**{key: g(**{f: given[f] for f in g.model_fields}) for key, g in groups.items()})
    if name == "sweep":
        assert given["experiment"] or given["claim"]
        assert set(given["experiment"] or []) <= EXPERIMENTS.keys()
        assert set(given["claim"] or []) <= {claim for claim in CLAIMS if CLAIMS[claim].needs}


@pytest.mark.parametrize("name", FORMS)
def test_commands_are_found(name):
    found = [line for where, line in COMMANDS if where == name]
    assert len(found) >= 6
    assert len(found) == len(set(found))


@pytest.mark.parametrize(("name", "line"), COMMANDS, ids=[line for _, line in COMMANDS])
def test_a_command_is_accepted(name, line):
    check(line)


@pytest.mark.parametrize(
    "line",
    [
        "chapter",
        "chapters weather",
        "run landscape -p M=4",
        "run landscape -p N=many",
        "train --layers 2",
        "train --K 100",
        "train --seeds 0",
        "sweep",
        "sweep 9z",
        "sweep --claim nothing",
    ],
)
def test_a_command_with_a_slip_would_be_seen(line):
    with pytest.raises(Exception, match=r".") as seen:
        check(line)
    assert seen.type.__name__ in {"KeyError", "InputError", "NoSuchOption", "AssertionError"}
