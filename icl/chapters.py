"""The book's chapters as programs: which there are, what they take, and how one is executed.

A chapter is `book/NAME.py` in jupytext's py:percent format. Its cell tagged `parameters` declares
everything that can be changed about it, one typed and documented line each:

    K: int = 256  # number of classes
"""

from __future__ import annotations

import ast
import json
import os
import signal
import sys
import threading
import tokenize
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from io import StringIO
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args, get_origin

from icl import store
from icl.settings import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from nbformat import NotebookNode

BOOK = Path(__file__).parent.parent / "book"
SHIPPED = BOOK.parent / "results"  # the book's own runs
POLL_SECONDS = 0.1
TYPES: dict[str, Any] = {"int": int, "float": float, "bool": bool, "str": str, "list": list}


class ChapterError(RuntimeError):
    """A chapter that failed while it ran; the message is one line."""


class Stopped(Exception):
    """A chapter was interrupted while it ran; the message is one line."""


class Parameter(NamedTuple):
    """One line of a chapter's `parameters` cell."""

    name: str
    annotation: str  # as written, for instance "list[int]"
    type: Any  # what the annotation stands for
    default: Any
    documentation: str  # the comment that ends the line


def names() -> list[str]:
    """List the chapters of the book, in alphabetical order.

    Raises InputError where the package is installed without the book.
    """
    found = sorted(path.stem for path in BOOK.glob("*.py"))
    if not found:
        raise InputError(f"the book is not here: its chapters belong in {BOOK}, as in a checkout")
    return found


def read(chapter: str) -> NotebookNode:
    """Read a chapter as a notebook without outputs. Raises InputError if there is none."""
    import jupytext

    if chapter not in names():
        raise InputError(f"unknown chapter {chapter!r}; known: {', '.join(names())}")
    notebook: NotebookNode = jupytext.read(BOOK / f"{chapter}.py", fmt="py:percent")
    return notebook


def title(notebook: NotebookNode) -> str:
    """Return the first heading."""
    texts = (cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    lines = (line for text in texts for line in text.splitlines())
    return next((line[2:] for line in lines if line.startswith("# ")), "")


def parameters(notebook: NotebookNode) -> dict[str, Parameter]:
    """Return what the notebook's cell tagged `parameters` declares; empty without such a cell.

    Raises ValueError if a line is not of the form `NAME: TYPE = LITERAL  # documentation`.
    """
    cells = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    return {item.name: item for cell in cells for item in _declarations(cell.source)}


def _declarations(source: str) -> Iterable[Parameter]:
    comments = {
        token.start[0]: token.string.lstrip("# ").strip()
        for token in tokenize.generate_tokens(StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    for line in ast.parse(source).body:
        if not (isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)):
            raise ValueError(f"no declaration of a parameter: {ast.unparse(line)}")
        if line.value is None:
            raise ValueError(f"parameter without a default: {ast.unparse(line)}")
        yield Parameter(
            name=line.target.id,
            annotation=ast.unparse(line.annotation),
            type=_type(line.annotation),
            default=ast.literal_eval(line.value),
            documentation=comments.get(line.end_lineno or line.lineno, ""),
        )


def _type(node: ast.expr) -> Any:
    """Read an annotation without evaluating it: int, list[int], int | None, Literal["a", "b"]."""
    match node:
        case ast.Constant(value=None):
            return None
        case ast.Name(id=name) if name in TYPES:
            return TYPES[name]
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _type(left) | _type(right)
        case ast.Subscript(value=ast.Name(id="list"), slice=item):
            return list[_type(item)]  # type: ignore[misc]
        case ast.Subscript(value=ast.Name(id="Literal"), slice=choices):
            options = ast.literal_eval(choices)
            return Literal[options]  # a tuple here is the same as several options
    raise ValueError(f"no type for a parameter: {ast.unparse(node)}")


def check(declared: dict[str, Parameter], assignments: Iterable[str]) -> dict[str, Any]:
    """Turn lines NAME=VALUE into values of the declared types; of two for one name the last holds.

    Raises InputError for a line without `=`, an unknown name and a value of the wrong type.
    """
    values = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        name = name.strip()
        if not equals:
            raise InputError(f"parameter {assignment!r} must be of the form NAME=VALUE")
        if name not in declared:
            known = ", ".join(declared) or "none"
            raise InputError(f"unknown parameter {name!r}; known: {known}")
        values[name] = _convert(declared[name], text.strip())
    return values


def _convert(parameter: Parameter, text: str) -> Any:
    """Read a value as the declared type; `1e5` is an integer, `false` is False and `1` no bool."""
    from pydantic import ConfigDict, TypeAdapter, ValidationError

    config = ConfigDict(strict=True, allow_inf_nan=False)
    adapter = TypeAdapter[Any](parameter.type, config=config)
    for candidate in _readings(text):
        with suppress(ValidationError):
            return adapter.validate_python(candidate)
    raise InputError(f"{parameter.name}={text!r} must be {_in_words(parameter.type)}")


def _readings(text: str) -> Iterable[Any]:
    """Yield what a text may stand for: JSON, Python, a whole number as 1e5, and the text itself."""
    with suppress(ValueError):
        value = json.loads(text)
        yield value
        if isinstance(value, float) and value.is_integer():
            yield int(value)
    with suppress(ValueError, SyntaxError, MemoryError, RecursionError):
        yield ast.literal_eval(text)
    if text.lower() in ("true", "false"):
        yield text.lower() == "true"
    yield text


def _in_words(kind: Any) -> str:
    words = {int: "an integer", float: "a number", bool: "true or false", str: "a text"}
    if get_origin(kind) is Literal:
        return " or ".join(map(repr, get_args(kind)))
    if get_origin(kind) is list:
        return f"a list in brackets, each {_in_words(get_args(kind)[0])}"
    if isinstance(kind, UnionType):
        return " or ".join(map(_in_words, get_args(kind)))
    return "None" if kind is NoneType else words.get(kind, "a list in brackets")


def run(
    chapter: str, assignments: Iterable[str] = (), output: Path | None = None, force: bool = False
) -> Path:
    """Execute a chapter with some parameters changed, and return where the notebook lies.

    All input is checked before any work. The notebook appears at `output` (by default CHAPTER.ipynb
    in the current folder) when the run ends, whole; after a failing cell it holds what was reached.

    Raises
    ------
    InputError
        For an unknown chapter or parameter, a value that will not do (also when only the chapter
        itself finds that out; nothing is written then), an output that cannot be written, or one
        that exists unless `force`.
    ChapterError
        When a cell fails.
    Stopped
        After Ctrl-C or a termination, which the running cell gets. What it trained so far is kept.
    """
    notebook = read(chapter)
    values = check(parameters(notebook), assignments)
    target = _writable(output or Path(f"{chapter}.ipynb"), force)
    partial = target.with_name(f".{target.stem}.partial-{os.getpid()}.ipynb")
    try:
        _execute(chapter, notebook, values, partial)
    except ChapterError as error:
        _publish(partial, target)
        raise ChapterError(f"{error}; what was reached is in {target}") from None
    except KeyboardInterrupt:
        if not partial.exists():
            raise Stopped("stopped before the first cell") from None
        _publish(partial, target)
        raise Stopped(f"stopped; what was reached is in {target}; add --force to go on") from None
    else:
        _publish(partial, target)
    finally:
        partial.unlink(missing_ok=True)
    return target


def _writable(output: Path, force: bool) -> Path:
    """Check a file's place before any work is done for it."""
    target = Path(output).absolute()
    if target.suffix != ".ipynb":
        raise InputError(f"output {str(output)!r} must end in .ipynb")
    if not target.parent.is_dir():
        raise InputError(f"output {str(output)!r} must be in a folder that exists")
    if not os.access(target.parent, os.W_OK):
        raise InputError(f"output {str(output)!r} must be in a folder that can be written to")
    if target.exists() and not (force and target.is_file()):
        raise InputError(f"output {str(output)!r} exists; give another with -o, or --force")
    return target


def _execute(chapter: str, notebook: NotebookNode, values: dict[str, Any], partial: Path) -> None:
    """Run the cells, saving after each into `partial`; messages name the chapter, not the cell."""
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.iorw import load_notebook_node
    from papermill.parameterize import parameterize_notebook

    kernel = {"kernel_name": "python3", "language": "python"}
    if values:  # by hand, since papermill's own reader misses declarations that hold a second "="
        notebook = parameterize_notebook(load_notebook_node(notebook), values, **kernel)
    place = str(partial).replace("{", "{{").replace("}", "}}")  # papermill formats it
    try:
        with _same_store():
            _interruptibly(
                papermill.execute_notebook,
                notebook,
                place,
                cwd=BOOK,
                progress_bar=sys.stderr.isatty(),
                stderr_file=sys.stderr,  # where a cell that trains shows how far it is
                **kernel,
            )
    except papermill.PapermillExecutionError as error:
        message = " ".join(str(error.evalue).split())
        if error.ename == InputError.__name__:
            raise InputError(message) from None
        raise ChapterError(
            f"{chapter}, cell {error.exec_count}: {error.ename}: {message}"
        ) from None
    except (CellTimeoutError, DeadKernelError) as error:
        raise ChapterError(f"{chapter}: {' '.join(str(error).split())}") from None


def _interruptibly(execute: Callable[..., object], *arguments: Any, **options: Any) -> None:
    """Execute a notebook in a thread; Ctrl-C or a termination is for the cell that runs.

    In the main thread nbclient would answer them itself, and end the kernel under the cell. A
    second one ends the kernel.
    """
    from jupyter_client.manager import AsyncKernelManager
    from jupyter_core.utils import ensure_event_loop

    kernels: list[AsyncKernelManager] = []

    class Noted(AsyncKernelManager):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            kernels.append(self)

    def work() -> None:
        try:
            execute(*arguments, kernel_manager_class=Noted, **options)
        finally:
            ensure_event_loop().close()  # the thread's own, which nobody else ends

    asked = sent = 0
    with ThreadPoolExecutor(1) as thread, _terminations_as_interrupts():
        running = thread.submit(work)
        while not running.done():
            try:
                wait([running], timeout=POLL_SECONDS)
            except KeyboardInterrupt:
                asked += 1
            pid = getattr(kernels[0].provisioner, "pid", None) if kernels else None
            if pid and asked > sent:  # asked before there was a kernel, it is told then
                with suppress(ProcessLookupError):  # it ended by itself
                    os.kill(pid, signal.SIGTERM if sent else signal.SIGINT)
                sent += 1
        try:
            running.result()
        except Exception:
            if asked:  # whatever it is that an interrupted cell, or a killed kernel, comes to
                raise KeyboardInterrupt from None
            raise


@contextmanager
def _terminations_as_interrupts() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _same_store() -> Iterator[None]:
    """A store that $ICL_STORE names from here is the same for a kernel, which works elsewhere."""
    from icl.runs import default_root

    named = os.environ.get("ICL_STORE")
    try:
        if named:
            os.environ["ICL_STORE"] = str(default_root().absolute())
        yield
    finally:
        if named:
            os.environ["ICL_STORE"] = named


def _publish(partial: Path, target: Path) -> None:
    """Take away the machine's paths and the input's copy, and put the notebook in its place."""
    notebook = json.loads(partial.read_text(encoding="utf-8"))
    for key in ("input_path", "output_path"):
        notebook["metadata"].get("papermill", {}).pop(key, None)
    text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    store.replace(target, text.encode())
