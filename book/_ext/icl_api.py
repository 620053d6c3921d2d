"""How docstrings become pages of the API reference.

The package writes docstrings to be read in the source. What reStructuredText or napoleon would
take otherwise is put into their form here:

- settings (:class:`icl.settings.Settings`) list their fields, with type, bounds and default, and
  records (named tuples, data classes) theirs, with the comments behind them;
- an indented block is a formula or code, and no quotation;
- a line that begins with a name in double backticks and two blanks defines that name;
- the first line of a property says what it is, also where it has a colon.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import sys
import textwrap
from enum import Enum
from typing import TYPE_CHECKING, Any

from icl.settings import Settings

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from sphinx.application import Sphinx

DEFINED = re.compile(r"(?P<name>``\w+``) {2,}(?P<rest>.+)")
BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("autodoc-process-docstring", rewrite, priority=100)  # before napoleon
    app.connect("autodoc-process-signature", shorten)
    app.connect("autodoc-skip-member", skip_machinery)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def rewrite(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Rewrite the lines of a docstring in place."""
    written = define(quote_blocks(lines))
    if is_settings(obj):
        written += fields(obj)
    elif is_record(obj):
        written += attributes(obj)
    if what in ("property", "attribute"):
        written[:0] = ["..", ""]  # napoleon takes what is before a first line's colon for a type
    lines[:] = written


def is_settings(obj: Any) -> bool:
    return inspect.isclass(obj) and issubclass(obj, Settings) and bool(obj.model_fields)


def is_record(obj: Any) -> bool:
    return inspect.isclass(obj) and (dataclasses.is_dataclass(obj) or hasattr(obj, "_fields"))


def fields(settings: type[Settings]) -> list[str]:
    """A section "Parameters" made from the fields, unless the docstring has one."""
    if "Parameters\n" in (settings.__doc__ or ""):
        return []
    lines = ["", "Parameters", "----------"]
    for name, info in settings.model_fields.items():
        lines += [f"{name} : {type_of(info)}", f"    {in_words(info)}"]
    return lines


def type_of(info: FieldInfo) -> str:
    """A field's annotation, without the module of a class."""
    kind = info.annotation
    return kind.__name__ if inspect.isclass(kind) else str(kind).replace("typing.", "")


def in_words(info: FieldInfo) -> str:
    """What a field is, its bounds and its default."""
    bounds = [
        f"{words} {getattr(limit, key):g}"
        for limit in info.metadata
        for key, words in BOUNDS.items()
        if hasattr(limit, key)
    ]
    default = "its own defaults" if info.default_factory else f"``{info.default!r}``"
    parts = [info.description, ", ".join(bounds), f"default: {default}"]
    return "; ".join(part for part in parts if part)


def attributes(record: type) -> list[str]:
    """A section "Attributes" made from the source of a named tuple or a data class."""
    source = textwrap.dedent(inspect.getsource(record))
    (definition,) = ast.parse(source).body
    assert isinstance(definition, ast.ClassDef)
    lines = ["", "Attributes", "----------"]
    for line in definition.body:
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            comment = source.splitlines()[(line.end_lineno or line.lineno) - 1].partition("  # ")[2]
            kind = ast.unparse(line.annotation).replace("*", r"\*")
            lines += [f"{line.target.id} : {kind}", f"    {comment}"]
    return lines


def quote_blocks(lines: list[str]) -> list[str]:
    """Mark indented blocks after a paragraph as literal ones."""
    marked: list[str] = []
    for line in lines:
        after_paragraph = len(marked) > 1 and not marked[-1] and not marked[-2].startswith(" ")
        if line.startswith("    ") and after_paragraph and not marked[-2].endswith("::"):
            marked += ["::", ""]
        marked.append(line)
    return marked


def define(lines: list[str]) -> list[str]:
    """Make a definition list of lines that begin with a name in backticks and two blanks."""
    defined: list[str] = []
    inside = False
    for line in lines:
        if match := DEFINED.fullmatch(line):
            defined += [match["name"], f"    {match['rest']}"]
            inside = True
        else:
            inside = inside and bool(line)
            defined.append(f"    {line.strip()}" if inside else line)
    return defined


def shorten(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str, returned: str
) -> tuple[str, str | None] | None:
    """Leave out of a signature what stands below it, and what is only the machinery's."""
    listed = is_settings(obj) or is_record(obj)
    if listed or (inspect.isclass(obj) and issubclass(obj, Enum | BaseException)):
        return "", None
    return None


def skip_machinery(
    app: Sphinx, what: str, name: str, obj: Any, skip: bool, options: Any
) -> bool | None:
    """Leave out the fields that are listed with their class, and what pydantic adds to it."""
    here = app.env.temp_data
    module = sys.modules.get(here.get("autodoc:module") or "")
    owner = getattr(module, here.get("autodoc:class") or "", None)
    listed = is_record(owner) and name in inspect.get_annotations(owner)
    return True if listed or name.startswith("model_") else None
