"""Write the reference notebooks: each chapter of the profile, executed, with the checked outputs.

    python tests/reference/make.py [CHAPTER ...]

Look at the difference before committing it: a reference is what the tests believe.
"""

import json
import os
import sys
import tempfile
import tomllib
from pathlib import Path

from icl import chapters

HERE = Path(__file__).parent
CHECKED = "nbval-check-output"


def profile() -> dict[str, dict[str, object]]:
    return tomllib.loads((HERE / "profile.toml").read_text())


def assignments(parameters: dict[str, object]) -> list[str]:
    return [f"{name}={json.dumps(value)}" for name, value in parameters.items()]


def make(chapter: str, parameters: dict[str, object]) -> None:
    path = HERE / f"{chapter}.ipynb"
    with tempfile.TemporaryDirectory() as folder:
        executed = Path(folder) / path.name
        os.environ["ICL_STORE"] = folder  # empty, so that every number is made anew
        chapters.run(chapter, assignments(parameters), executed)
        notebook = json.loads(executed.read_text())
    path.write_text(json.dumps(bare(notebook), indent=1, ensure_ascii=False) + "\n")
    print(path)


def bare(notebook: dict) -> dict:
    """Keep what is compared: sources, tags, and the outputs of checked cells."""
    kept = []
    for number, cell in enumerate(c for c in notebook["cells"] if c["cell_type"] == "code"):
        tags = cell["metadata"].get("tags", [])
        outputs = [o for o in cell["outputs"] if CHECKED in tags and o.get("name") != "stderr"]
        for output in outputs:
            if output["output_type"] == "execute_result":
                output["execution_count"] = number + 1
        kept.append(
            {
                "cell_type": "code",
                "execution_count": number + 1,  # nbval takes a cell without one for never executed
                "id": f"cell-{number}",
                "metadata": {"tags": tags} if tags else {},
                "outputs": outputs,
                "source": cell["source"],
            }
        )
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": kept, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


if __name__ == "__main__":
    chosen = sys.argv[1:] or profile()
    for name in chosen:
        make(name, profile()[name])
