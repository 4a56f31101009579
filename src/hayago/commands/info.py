"""`hayago info`."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from hayago.errors import printable
from hayago.network.architecture import layer_table
from hayago.network.model_file import load_model, model_path, model_paths


def info(model: Path | None = None, *, as_json: Annotated[bool, Parameter(name="--json", negative=())] = False) -> None:
    """Print the layers of a network, their sizes and costs, and how it was trained.

    Args:
        model: The network; by default the one in the box.
        as_json: Print JSON: the file's header, the number of parameters and of multiply-adds.
    """
    path = model_path(model)
    about = load_model(path).info
    if as_json:
        totals = {"parameters": about.parameters, "multiply_adds": about.multiply_adds}
        sys.stdout.write(json.dumps({"path": str(path), **asdict(about), **totals}) + "\n")
        return
    origin = [
        printable(str(path)),
        *(f"for another board: {printable(str(other))}" for other in model_paths(model)[1:]),
        f"{about.filters} filters, {about.planes} planes, written by hayago {about.hayago_version}",
        *(f"learned: {json.dumps(run)}" for run in about.history),
    ]
    sys.stdout.write("\n".join([*origin, "", layer_table(about)]) + "\n")
