"""Pictures: the curve of a training run, a board with the policy as a heat map, the planes of a position.

matplotlib is imported on use.
"""

import csv
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hayago.features.planes import FEATURES, SLICE, plane_name
from hayago.files import write_atomically
from hayago.rules.board import Board
from hayago.rules.coordinates import BLACK, COLOUR_NAMES, COLUMNS, WHITE, point_to_vertex

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WOOD, LINES, HOT = "#dcb35c", "#5a4518", "#c0271a"


class Curve(NamedTuple):
    """A line of a diagram: its name in the legend, its points (x, y), and matplotlib's words for its look."""

    label: str
    points: list[tuple[float, float]]
    style: dict[str, Any]


class Diagram(NamedTuple):
    """A diagram with its curves; those without points are left out."""

    title: str
    x_label: str
    curves: list[Curve]


MEASURED, NOISY = {"color": "#b03a2e", "marker": "o"}, {"color": "#9ab8d8"}


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
    """The points of the rows of a CSV file that have something in column `y`, which is multiplied by `scale`."""
    return [(float(row[x]), float(row[y]) * scale) for row in rows if row[y]]


def save_diagrams(diagrams: list[Diagram], path: Path) -> None:
    """Draw the diagrams side by side, as a PNG.

    Raises:
        HayagoError: the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.5 * len(diagrams), 4), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, diagram in zip(figure.subplots(1, len(diagrams), squeeze=False)[0], diagrams, strict=True):
        for curve in diagram.curves:
            if curve.points:
                axes.plot(*zip(*curve.points, strict=True), label=curve.label, **curve.style)
        axes.locator_params("x", nbins=6)  # more numbers of five figures run into each other
        axes.set_xlabel(diagram.x_label)
        axes.set_title(diagram.title)
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


def save_planes_image(path: Path | str, board: Board, planes: NDArray[np.uint8]) -> None:
    """Draw the 48 planes of a position as a PNG: on the left the board itself, and what the features mean.

    Args:
        planes: (48, N, N), as `hayago.encode(board)` gives them.

    Raises:
        HayagoError: the file cannot be written.
    """
    _save(planes_figure(board, planes), path)


def planes_figure(board: Board, planes: NDArray[np.uint8]) -> "Figure":
    """The picture that `save_planes_image` writes; the axes labelled "plane k" hold plane k as an image."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure

    figure = Figure(figsize=(21, 12.4), facecolor="#fbf6ec")
    FigureCanvasAgg(figure)
    halves = figure.add_gridspec(1, 2, width_ratios=(3, 8), left=0.02, right=0.99, top=0.96, bottom=0.01, wspace=0.03)
    left = halves[0].subgridspec(2, 1, height_ratios=(5.2, 6), hspace=0.02)
    _draw_position(figure.add_subplot(left[0]), board)
    _explain(figure.add_subplot(left[1]), board)

    # Each row a feature of eight planes; the first one the eight planes that are left.
    narrow = [plane for feature in FEATURES if feature.planes < 8 for plane in range(len(planes))[SLICE[feature.name]]]
    order = narrow + [plane for plane in range(len(planes)) if plane not in narrow]
    marks = ListedColormap(["#f4e6c8", HOT])
    right = halves[1].subgridspec(6, 8, hspace=0.16, wspace=0.06)
    for place, plane in enumerate(order):
        axes = figure.add_subplot(right[place], label=f"plane {plane}")
        axes.imshow(planes[plane], marks, vmin=0, vmax=1, interpolation="nearest")
        axes.set(xticks=[], yticks=[])
        _draw_grid(axes, board.size, "#d8c294", 0.4)
        _draw_stones(axes, board, 0.56, 0.7)
        axes.set_title(f"{plane}  {plane_name(plane)}", loc="left", fontsize=10, pad=3)
        axes.set_title(f"{planes[plane].sum()}", loc="right", fontsize=8, pad=3, color="#8a7a58")
    return figure


def _draw_position(axes: "Axes", board: Board) -> None:
    """The board with its coordinates, the last move with a dot, the ko point with a square."""
    size = board.size
    axes.set(xlim=(-0.8, size - 0.2), ylim=(size - 0.2, -0.8), aspect="equal", facecolor=WOOD, anchor="N")
    axes.set_xticks(range(size), COLUMNS[:size])
    axes.set_yticks(range(size), [str(size - row) for row in range(size)])
    axes.tick_params(length=0, labeltop=True, labelright=True, labelsize=9)
    _draw_grid(axes, size, LINES, 0.7)
    stars = np.array(star_points(size), int)
    axes.plot(stars % size, stars // size, "o", color=LINES, markersize=3)
    _draw_stones(axes, board, 0.94)
    for point, style in ((board.last_move, {"marker": "o", "markersize": 5}), (board.ko_point, {"marker": "s"})):
        if point is not None and point < size * size:
            axes.plot(point % size, point // size, color="#2f7fd6", zorder=4, **style)


def _explain(axes: "Axes", board: Board) -> None:
    """What the picture shows, in words."""
    axes.axis("off")
    last = "none" if board.last_move is None else point_to_vertex(board.last_move, board.size)
    entries = [
        (
            f"Move {len(board.moves) + 1}, {COLOUR_NAMES[board.to_play]} to play",
            f"Last move {last} (blue dot). A plane is 1 where it is red; the number above it says at how many points."
            f" The own stones are {COLOUR_NAMES[board.to_play]}.",
        )
    ]
    for feature in FEATURES:
        planes = SLICE[feature.name]
        numbers = f"{planes.start}-{planes.stop - 1}" if feature.planes > 1 else f"{planes.start}"
        entries.append((f"{numbers}  {feature.name.replace('_', ' ')}", feature.meaning))
    line = 0.0275
    height = 0.955  # below the board's letters
    for title, meaning in entries:
        text = textwrap.fill(meaning, 76)
        axes.text(0, height, title, va="top", fontsize=10.5, weight="bold")
        axes.text(0, height - line, text, va="top", fontsize=10, linespacing=1.2)
        height -= line * (text.count("\n") + 2) + 0.014


def _draw_grid(axes: "Axes", size: int, colour: str, width: float) -> None:
    axes.hlines(range(size), 0, size - 1, colors=colour, linewidth=width, zorder=1)
    axes.vlines(range(size), 0, size - 1, colors=colour, linewidth=width, zorder=1)


def _draw_stones(axes: "Axes", board: Board, diameter: float, alpha: float = 1.0) -> None:
    from matplotlib.collections import EllipseCollection

    for colour, face in ((BLACK, "#151515"), (WHITE, "#fafafa")):
        centres = np.argwhere(board.grid() == colour)[:, ::-1]
        circles = EllipseCollection(
            diameter, diameter, 0, units="xy", offsets=centres, offset_transform=axes.transData, facecolor=face,
            edgecolor="#151515", linewidth=0.5, alpha=alpha, zorder=3,
        )  # fmt: skip
        axes.add_collection(circles)


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
