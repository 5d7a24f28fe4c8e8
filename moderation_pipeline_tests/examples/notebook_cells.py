"""The cells of a notebook, run one after the other in one namespace, as a kernel does.

A kernel of its own would be some twenty packages (nbclient, ipykernel) for the same: the notebooks print what they
show. `python -m moderation_pipeline_tests.examples.notebook_cells` writes the outputs into every notebook.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NOTEBOOKS = sorted((Path(__file__).parents[2] / "examples").glob("*.ipynb"))

Cell = dict[str, Any]


def read(path: Path) -> dict[str, Any]:
    """Return a notebook as it is stored."""
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return content


def code_cells(notebook: dict[str, Any]) -> list[Cell]:
    """Return the cells that run."""
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def printed(cells: list[Cell]) -> Iterator[str]:
    """Run the cells and yield what each prints; working directory and warnings are the caller's."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for cell in cells:
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(compile("".join(cell["source"]), "cell", "exec"), namespace)
        yield said.getvalue()


def stored(cell: Cell) -> str:
    """Return the output that stands below a cell."""
    return "".join("".join(each["text"]) for each in cell["outputs"])


def write_outputs(path: Path) -> None:
    """Run a notebook and write what its cells print below them."""
    notebook = read(path)
    for number, (cell, said) in enumerate(
        zip(code_cells(notebook), printed(code_cells(notebook)), strict=True), 1
    ):
        lines = said.splitlines(keepends=True)
        cell["outputs"] = [{"name": "stdout", "output_type": "stream", "text": lines}] if lines else []
        cell["execution_count"] = number
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    for each in NOTEBOOKS:
        write_outputs(each)
