"""Pictures: the curve of a training run, and a board with the policy as a heat map. matplotlib is imported on use."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hayago.files import write_atomically
from hayago.rules.board import Board
from hayago.rules.coords import BLACK, COLUMNS

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save_training_curve(log: Path, path: Path) -> None:
    """Draw loss and top-1 of a log.csv over the positions seen."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with log.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    figure = Figure(figsize=(9, 4), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, name, title, scale in zip(
        figure.subplots(1, 2), ("loss", "top1"), ("cross-entropy, nats", "top-1, %"), (1, 100), strict=True
    ):
        for kind, style in (
            ("train", {"color": "#9ab8d8"}),
            ("validation", {"color": "#b03a2e", "marker": "o"}),
        ):
            points = [
                (int(row["positions"]), float(row[f"{kind}_{name}"]) * scale) for row in rows if row[f"{kind}_{name}"]
            ]
            if points:
                axes.plot(*zip(*points, strict=True), label=kind, **style)
        axes.set_xlabel("positions seen")
        axes.set_title(title)
        axes.grid(alpha=0.3)
        axes.legend()
    _save(figure, path)


def save_board_image(path: Path | str, board: Board, prior: NDArray[np.float32], played: int | None = None) -> None:
    """Draw a board with the policy as a heat map, and per cent on the five likeliest points, as a PNG.

    Args:
        prior: probabilities (N*N,) of the points.
        played: the point that was really played, marked with a square; the board's last move has a dot.

    Raises:
        HayagoError: the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Circle, Rectangle

    size = board.size
    figure = Figure(figsize=(8, 8), layout="constrained", facecolor="#f5ead6")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.set(xlim=(-0.8, size - 0.2), ylim=(size - 0.2, -0.8), aspect="equal", facecolor="#dcb35c")
    axes.set_xticks(range(size), COLUMNS[:size])
    axes.set_yticks(range(size), [str(size - row) for row in range(size)])
    axes.tick_params(length=0, labeltop=True, labelright=True)
    axes.hlines(range(size), 0, size - 1, colors="#5a4518", linewidth=0.8, zorder=1)
    axes.vlines(range(size), 0, size - 1, colors="#5a4518", linewidth=0.8, zorder=1)
    for point in star_points(size):
        axes.add_patch(Circle((point % size, point // size), 0.1, color="#5a4518", zorder=1))

    # The square root lets points of a few per cent be seen beside one of ninety.
    heat = np.sqrt(prior.reshape(size, size) / max(float(prior.max()), 1e-9))
    for row, column in np.argwhere(heat > 0.1).tolist():
        patch = Rectangle((column - 0.5, row - 0.5), 1, 1, color="#c0271a", alpha=0.75 * heat[row, column], linewidth=0)
        axes.add_patch(patch).set_zorder(2)
    for row, column in np.argwhere(board.grid()).tolist():
        colour = "#151515" if board.grid()[row, column] == BLACK else "#fafafa"
        axes.add_patch(Circle((column, row), 0.47, facecolor=colour, edgecolor="#151515", linewidth=0.8, zorder=3))
    if board.last_move is not None and board.last_move < size * size:
        row, column = divmod(board.last_move, size)
        axes.add_patch(Circle((column, row), 0.16, color="#2f7fd6", zorder=4))
    if played is not None and played < size * size:
        row, column = divmod(played, size)
        frame = Rectangle((column - 0.46, row - 0.46), 0.92, 0.92, fill=False, edgecolor="#1648a0", linewidth=2)
        axes.add_patch(frame).set_zorder(4)
    for point in np.argsort(-prior, kind="stable")[:5].tolist():
        row, column = divmod(point, size)
        text = f"{prior[point] * 100:.0f}" if prior[point] >= 0.01 else "<1"
        axes.text(column, row, text, ha="center", va="center", fontsize=160 / size, weight="bold", zorder=5)
    _save(figure, path)


def star_points(size: int) -> list[int]:
    """The points marked on a board, by custom; none on boards that have no custom."""
    if size not in (9, 13, 19):
        return []
    near, middle = (2 if size == 9 else 3), size // 2
    lines = (near, middle, size - 1 - near)
    corners_and_centre = {
        (near, near),
        (near, lines[2]),
        (lines[2], near),
        (lines[2], lines[2]),
        (middle, middle),
    }
    return [
        row * size + column for row in lines for column in lines if size == 19 or (row, column) in corners_and_centre
    ]


def _save(figure: "Figure", path: Path | str) -> None:
    write_atomically(path, lambda file: figure.savefig(file, dpi=120, format="png"))
