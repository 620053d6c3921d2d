"""The command line: `icl COMMAND`, or `python -m icl COMMAND`.

Commands import what they need when they run, so that help and refusals come at once.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from icl import options
from icl.model import Model
from icl.settings import InputError
from icl.task import Task
from icl.training import Training

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
        rows = [(name, book.title(book.read(name))) for name in book.names()]
    else:
        declared = book.parameters(book.read(chapter)).values()
        rows = [(f"{p.name}: {p.annotation} = {p.default!r}", p.documentation) for p in declared]
    width = max((len(left) for left, _ in rows), default=0)
    for left, right in rows:
        typer.echo(f"{left:{width}}  {right}")


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

    try:
        typer.echo(book.run(chapter, parameter or [], output, force))
    except book.Stopped as stopped:
        typer.echo(stopped, err=True)
        raise typer.Exit(130) from None


@app.command()
@options.takes(Task, Model, Training)
def train(
    task: Task,
    model: Model,
    training: Training,
    seeds: Annotated[str, typer.Option(help="How many, or which: 0-5 or 0,2,7-9")] = "6",
    engine: Annotated[
        Literal["fast", "legible"] | None,
        typer.Option(help="NumPy, or PyTorch  [fast on the cpu, legible elsewhere]"),
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, ... as PyTorch names it")] = "cpu",
) -> None:
    """Load the runs of one configuration, or train them, and say how they ended."""
    import numpy as np

    from icl.runs import RunConfig, Store, load_or_train
    from icl.summary import summary
    from icl.training import Diverged

    wanted = options.seeds(seeds)
    engine = engine or ("fast" if device == "cpu" else "legible")
    config, to = RunConfig(task=task, model=model, training=training), Store()
    try:
        with np.errstate(all="ignore"):  # what diverges is told in one line
            dataset = load_or_train(config, wanted, engine=engine, device=device)
    except Diverged as error:
        rest = ",".join(str(seed) for seed in wanted if seed not in error.seeds)
        stored = f"; the others are stored: --seeds {rest}" if rest else ""
        typer.echo(f"error: {config.describe()}: {error}{stored}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        typer.echo("stopped; the same command goes on from the last checkpoint", err=True)
        raise typer.Exit(130) from None
    typer.echo(summary(dataset, to.root))


@app.command()
def sweep(
    experiment: Annotated[
        list[str] | None, typer.Argument(help="Names of experiments, see `icl status`")
    ] = None,
    claim: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="The runs that a claim of the scorecard needs"),
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(help="How many, or which: 0-5 or 0,2,7-9  [each experiment's own]"),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes on this machine  [one a core]")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="tcp://HOST:PORT", help="A Dask scheduler, whose workers to use"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done")] = False,
) -> None:
    """Train the runs of experiments that are not stored yet, on every core or on a Dask cluster."""
    from icl import plan as plans
    from icl import sweep as sweeps
    from icl.claims import experiments_for
    from icl.experiments import experiment as named

    names, ids = experiment or [], claim or []
    if not names and not ids:
        raise InputError("name an experiment of `icl status`, or a claim: --claim ID")
    chosen = experiments_for(ids) | {name: named(name) for name in names}
    wanted = None if seeds is None else options.seeds(seeds)
    sweeps.check_where(workers, scheduler)
    if dry_run:
        from icl.runs import Store

        typer.echo(plans.describe_plan(plans.plan(chosen.values(), wanted), Store()))
        return
    report = sweeps.sweep(chosen.values(), wanted, workers, scheduler)
    given = {"--seeds": seeds, "--workers": workers, "--scheduler": scheduler}
    words = [*names, *(x for name in ids for x in ("--claim", name))]
    words += [str(x) for pair in given.items() if pair[1] is not None for x in pair]
    typer.echo(sweeps.describe(report, shlex.join(["icl", "sweep", *words])))
    raise typer.Exit(sweeps.exit_status(report))


@app.command()
def status(
    json: Annotated[bool, typer.Option("--json", help="For programs")] = False,
) -> None:
    """Count, for each experiment, the runs that are stored, half done and missing."""
    from icl import status as state

    result = state.status()
    typer.echo(state.as_json(result) if json else state.table(result))


@app.command()
def bench(
    json: Annotated[bool, typer.Option("--json", help="For programs")] = False,
    seconds: Annotated[float, typer.Option(help="To measure; less is less exact", min=0)] = 20.0,
) -> None:
    """Time the engine: against the arithmetic it needs, the obvious way, and two processes."""
    from icl import bench as benchmark

    result = benchmark.bench(seconds)
    typer.echo(benchmark.as_json(result) if json else benchmark.table(result))


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
    if message:  # none where help is the answer
        print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
