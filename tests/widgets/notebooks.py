"""Notebooks for panels in JupyterLab."""

from __future__ import annotations

from pathlib import Path

import nbformat


def write_notebook(root: Path, name: str, *cells: str) -> str:
    """A notebook of code cells in the server's root; its name."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, root / name)
    return name
