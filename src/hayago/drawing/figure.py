"""The door to matplotlib, which is imported on use and never opens a window."""

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def new_figure(width: float, height: float) -> "Figure":
    """An empty figure, in inches. Its `savefig` draws PNG and SVG without a window system."""
    load_matplotlib()
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def load_matplotlib() -> None:
    """Import matplotlib whatever MPLBACKEND says.

    A cell `!hayago ...` of a notebook inherits the notebook's backend. Where that backend is not installed, the import
    of matplotlib fails. Here an unknown backend is ignored: nothing is shown, so none is needed.
    """
    if "matplotlib" in sys.modules:
        return
    backend = os.environ.pop("MPLBACKEND", None)
    try:
        import matplotlib
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
    if backend is not None:
        with suppress(ValueError):
            matplotlib.rcParams["backend"] = backend
