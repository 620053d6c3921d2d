"""pyproject.toml, constraints.txt and environment.yml agree, and name what the code imports."""

import ast
import platform
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
EXTRAS = PROJECT["optional-dependencies"]
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text())
[PYTHON] = [
    line.removeprefix("python=")
    for line in ENVIRONMENT["dependencies"]
    if isinstance(line, str) and line.startswith("python=")
]
DECLARED = [*PROJECT["dependencies"], *(line for extra in EXTRAS.values() for line in extra)]
PINS = {
    canonicalize_name(name): Version(version)
    for name, version in (
        line.split("==")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if not line.startswith("#")
    )
}


def needed(requirement: Requirement) -> list[Requirement]:
    """What an installed distribution requires here, given the extras asked of it."""
    lines = metadata.requires(requirement.name) or []
    extras = requirement.extras or {""}
    return [
        other
        for other in map(Requirement, lines)
        if other.marker is None or any(other.marker.evaluate({"extra": e}) for e in extras)
    ]


@pytest.mark.parametrize("line", DECLARED)
def test_pin_satisfies_the_declared_range(line):
    requirement = Requirement(line)
    assert PINS[canonicalize_name(requirement.name)] in requirement.specifier


def why_pins_are_incomplete_here():
    """What is pulled in depends on Python, the system and PyTorch's wheel; None where pins hold."""
    here = ".".join(platform.python_version_tuple()[:2])
    if (here, sys.platform) != (PYTHON, "linux"):
        wanted = f"Python {PYTHON} on linux"
        return f"constraints.txt is complete for {wanted}, this is {here} on {sys.platform}"
    if any(line.startswith(("cuda", "nvidia", "triton")) for line in metadata.requires("torch")):
        return "this wheel of PyTorch brings CUDA, and constraints.txt is of the CPU's"
    return None


@pytest.mark.skipif(
    why_pins_are_incomplete_here() is not None, reason=f"{why_pins_are_incomplete_here()}"
)
def test_what_is_pulled_in_is_pinned_and_nothing_else():
    to_visit = [Requirement(line) for line in DECLARED]
    seen = set()
    while to_visit:
        requirement = to_visit.pop()
        key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if key not in seen:
            seen.add(key)
            to_visit += needed(requirement)
    assert {name for name, _ in seen} == PINS.keys()


def test_nothing_is_pinned_twice():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert len([line for line in lines if not line.startswith("#")]) == len(PINS)


def test_environment_defers_to_pyproject_and_constraints():
    (pip,) = (item["pip"] for item in ENVIRONMENT["dependencies"] if isinstance(item, dict))
    assert pip[0] == "-c constraints.txt"
    (extras,) = re.fullmatch(r"-e \.\[(.*)\]", pip[1]).groups()
    assert set(extras.split(",")) == set(EXTRAS)
    assert len(pip) == 2


def test_environment_python_is_allowed():
    assert Version(PYTHON) in SpecifierSet(PROJECT["requires-python"])


def test_the_workflow_tests_with_the_python_of_the_environment():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "book.yml").read_text())
    job = workflow["jobs"]["test"]
    [python] = [s["with"]["python-version"] for s in job["steps"] if "setup-python" in str(s)]
    assert (python, job["runs-on"].partition("-")[0]) == (PYTHON, "ubuntu")


# What is imported is declared, and the other way round

SOURCES = {  # folders of Python, and the groups that are installed where they run
    "icl": ("icl/**/*.py", ()),
    "chapters": ("book/*.py", ()),
    "benchmarks": ("benchmarks/*.py", ()),
    "extensions": ("book/_ext/*.py", ("book",)),
    "tests": ("tests/**/*.py", ("book", "test", "sweep")),
}
PARTS = {"pydantic-core": "pydantic"}  # which alone says the version that it works with
NEVER_IMPORTED = {
    "check-jsonschema": "a command of the Makefile",
    "dask": "imported by name where there is a scheduler",
    "ipykernel": "executes the chapters",
    "jupyter-book": "a command of the Makefile",
    "mypy": "a command of the Makefile",
    "pytest-xdist": "pytest's option -n",
    "ruff": "a command of the Makefile",
    "sphinx-mathjax-offline": "an extension in _config.yml",
    "sphinxcontrib-bibtex": "an extension in _config.yml",
    "types-tqdm": "read by mypy",
}
DISTRIBUTIONS = metadata.packages_distributions()


def imported(pattern):
    """Modules outside the standard library and this repository, and where they are imported."""
    found = {}
    own = {"icl", *(path.stem for path in (ROOT / "tests").glob("*.py"))}
    for path in ROOT.glob(pattern):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [item.name for item in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
            for name in {name.partition(".")[0] for name in names} - own:
                if name not in sys.stdlib_module_names:
                    found.setdefault(name, path.relative_to(ROOT).as_posix())
    return found


def distributions(module):
    names = {canonicalize_name(name) for name in DISTRIBUTIONS[module]}
    return {PARTS.get(name, name) for name in names}


def declared(groups):
    lines = [*PROJECT["dependencies"], *(line for group in groups for line in EXTRAS[group])]
    return {canonicalize_name(Requirement(line).name) for line in lines}


@pytest.mark.parametrize("folder", SOURCES)
def test_every_import_is_declared(folder):
    pattern, groups = SOURCES[folder]
    found = imported(pattern)
    assert found
    names = declared(groups)
    assert {m: where for m, where in found.items() if not distributions(m) & names} == {}


def test_every_declared_distribution_is_imported_or_known_to_be_used_otherwise():
    modules = {module for pattern, _ in SOURCES.values() for module in imported(pattern)}
    used = {name for module in modules for name in distributions(module)}
    assert declared(EXTRAS) - used == NEVER_IMPORTED.keys()


def test_mypy_makes_exceptions_for_nothing_but_imports():
    overrides = [m for rule in PYPROJECT["tool"]["mypy"]["overrides"] for m in rule["module"]]
    assert {module.partition(".")[0] for module in overrides} <= imported("icl/**/*.py").keys()
