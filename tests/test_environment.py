"""pyproject.toml, constraints.txt and environment.yml agree."""

import re
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
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
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
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (pip,) = (item["pip"] for item in environment["dependencies"] if isinstance(item, dict))
    assert pip[0] == "-c constraints.txt"
    (extras,) = re.fullmatch(r"-e \.\[(.*)\]", pip[1]).groups()
    assert set(extras.split(",")) == set(EXTRAS)
    assert len(pip) == 2


def test_environment_python_is_allowed():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (python,) = (
        item.split("=")[1]
        for item in environment["dependencies"]
        if isinstance(item, str) and item.startswith("python=")
    )
    assert Version(python) in SpecifierSet(PROJECT["requires-python"])
