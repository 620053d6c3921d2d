"""The command line: `icl COMMAND`, or `python -m icl COMMAND`.

Commands import what they need when they run, so that help and refusals come at once.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from icl.settings import InputError

app = typer.Typer(
    name="icl",
    help="In-context learning in a small classification task: Reddy (ICLR 2024), reproduced.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def chapters(
    chapter: Annotated[
        str | None, typer.Argument(help="One chapter, to see its parameters")
    ] = None,
) -> None:
    """List the chapters of the book, or the parameters of one."""
    from icl import chapters as book

    if chapter is None:
        for name in book.names():
            typer.echo(f"{name:20}{book.title(book.read(name))}")
    else:
        for item in book.parameters(book.read(chapter)).values():
            declaration = f"{item.name}: {item.annotation} = {item.default!r}"
            typer.echo(f"{declaration:40}{item.documentation}")


@app.command()
def run(
    chapter: Annotated[str, typer.Argument(help="A chapter's name, see `icl chapters`")],
    parameter: Annotated[
        list[str] | None,
        typer.Option("-p", "--parameter", metavar="NAME=VALUE", help="Change a parameter"),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The notebook to write  [CHAPTER.ipynb]")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the output if it exists")] = False,
) -> None:
    """Execute a chapter, with some of its parameters changed, into a notebook."""
    from icl import chapters as book

    typer.echo(book.run(chapter, parameter or [], output, force))


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return 0, or 1 if it failed, or 2 if what it was given will not do."""
    try:
        return app(arguments, standalone_mode=False) or 0
    except InputError as error:
        return _refuse(str(error), 2)
    except Exception as error:
        # What the parser of the command line raises, under whichever name typer bundles it.
        if hasattr(error, "format_message"):
            return _refuse(error.format_message(), 2)
        from icl.chapters import ChapterError

        if isinstance(error, ChapterError):
            return _refuse(str(error), 1)
        raise


def _refuse(message: str, status: int) -> int:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
