"""Diagrams of numbers that change over time, among them the curve of a training run."""

import csv
from pathlib import Path
from typing import Any, NamedTuple

from hayago.drawing.figure import new_figure
from hayago.files import write_atomically

MEASURED, NOISY = {"color": "#b03a2e", "marker": "o"}, {"color": "#9ab8d8"}


class Curve(NamedTuple):
    """A line of a diagram: its name in the legend, its points (x, y), and matplotlib's keywords for its look."""

    label: str
    points: list[tuple[float, float]]
    style: dict[str, Any]


class Diagram(NamedTuple):
    """A diagram with its curves; curves without points are left out."""

    title: str
    x_label: str
    curves: list[Curve]


def save_training_curve(log: Path, path: Path) -> None:
    """Draw loss and top-1 of a log.csv over the positions seen."""
    with log.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    diagrams = []
    for name, title, scale in (("loss", "cross-entropy, nats", 1), ("top1", "top-1, %", 100)):
        curves = [
            Curve(kind, points_of(rows, "positions", f"{kind}_{name}", scale), style)
            for kind, style in (("train", NOISY), ("validation", MEASURED))
        ]
        diagrams.append(Diagram(title, "positions seen", curves))
    save_diagrams(diagrams, path)


def points_of(rows: list[dict[str, str]], x: str, y: str, scale: float = 1) -> list[tuple[float, float]]:
    """The points (x, scale * y) of the rows of a CSV file in which column `y` is not empty."""
    return [(float(row[x]), float(row[y]) * scale) for row in rows if row[y]]


def save_diagrams(diagrams: list[Diagram], path: Path) -> None:
    """Draw the diagrams side by side as a PNG.

    Raises:
        HayagoError: the file cannot be written.
    """
    figure = new_figure(4.5 * len(diagrams), 4)
    for axes, diagram in zip(figure.subplots(1, len(diagrams), squeeze=False)[0], diagrams, strict=True):
        for curve in diagram.curves:
            if curve.points:
                axes.plot(*zip(*curve.points, strict=True), label=curve.label, **curve.style)
        axes.locator_params("x", nbins=6)  # more numbers of five digits overlap
        axes.set_xlabel(diagram.x_label)
        axes.set_title(diagram.title)
        axes.grid(alpha=0.3)
        axes.legend()
    write_atomically(path, lambda file: figure.savefig(file, dpi=120, format="png"))
