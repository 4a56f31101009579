"""`planes_svg`: all 48 feature planes of a position in one picture, with the board and what the features mean."""

import textwrap
from html import escape

import numpy as np
from numpy.typing import NDArray

from hayago.drawing.svg import HEAT, NAMESPACE, PIXELS, board_svg, grid_path, stones
from hayago.features.planes import FEATURES, SLICE, plane_name
from hayago.rules.board import Board
from hayago.rules.coordinates import COLOUR_NAMES, point_to_vertex

_WIDTH, _HEIGHT = 1320, 760
_LEFT = 350  # the width of the board and the text below it
_CELL, _SIDE, _ROW = 120, 108, 124  # from one plane to the next, a plane's own width, from one row to the next
_COLUMNS = 8
_LETTERS = 68  # in a line of text


def planes_svg(board: Board, planes: NDArray[np.uint8]) -> str:
    """A complete <svg>. A cell is red where its plane is 1; the number above a plane counts these cells.

    Args:
        planes: (48, N, N), as `hayago.encode(board)` returns them.
    """
    # A feature of eight planes fills a row; the first row holds the eight planes of the narrow features.
    narrow = [plane for feature in FEATURES if feature.planes < 8 for plane in range(len(planes))[SLICE[feature.name]]]
    order = narrow + [plane for plane in range(len(planes)) if plane not in narrow]
    size = board.size
    position = (
        f'<g id="position"><path d="{grid_path(size)}" fill="none" stroke="#d8c294" stroke-width=".06"/>'
        f'<g opacity=".7">{stones(board, 0.28)}</g></g>'
    )
    parts = [
        f'<svg xmlns="{NAMESPACE}" width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
        f' role="img" aria-label="The feature planes of {escape(repr(board))}" font-family="system-ui,sans-serif">',
        f"<defs>{position}</defs>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fbf6ec"/>',
        f'<svg x="10" y="10" width="{_LEFT - 10}" height="{_LEFT - 10}" viewBox="0 0 {PIXELS} {PIXELS}">',
        board_svg(board),
        "</svg>",
        _explanation(board),
    ]
    for place, plane in enumerate(order):
        x, y = _LEFT + 15 + place % _COLUMNS * _CELL, 10 + place // _COLUMNS * _ROW
        parts.append(f'<g transform="translate({x} {y})">{_plane(plane, planes[plane])}</g>')
    return "".join(parts) + "</svg>"


def _plane(plane: int, cells: NDArray[np.uint8]) -> str:
    size = len(cells)
    marked = "".join(f"M{column} {row}h1v1h-1z" for row, column in np.argwhere(cells).tolist())
    return (
        f'<text y="9" font-size="8">{plane}  {escape(plane_name(plane))}</text>'
        f'<text x="{_SIDE}" y="9" font-size="7" text-anchor="end" fill="#8a7a58">{int(cells.sum())}</text>'
        f'<g transform="translate(0 12) scale({_SIDE / size:.4f})">'
        f'<rect width="{size}" height="{size}" fill="#f4e6c8"/>'
        f'<path id="plane-{plane}" d="{marked}" fill="{HEAT}"/><use href="#position" x=".5" y=".5"/></g>'
    )


def _explanation(board: Board) -> str:
    """The text below the board."""
    last = "none" if board.last_move is None else point_to_vertex(board.last_move, board.size)
    entries = [
        (
            f"Move {len(board.moves) + 1}, {COLOUR_NAMES[board.to_play]} to play",
            f"Last move {last} (blue ring). A plane is 1 where it is red; the number above it counts these points."
            f" The own stones are {COLOUR_NAMES[board.to_play]}.",
        )
    ]
    for feature in FEATURES:
        planes = SLICE[feature.name]
        numbers = f"{planes.start}-{planes.stop - 1}" if feature.planes > 1 else f"{planes.start}"
        entries.append((f"{numbers}  {feature.name.replace('_', ' ')}", feature.meaning))
    lines, y = [], _LEFT + 18.0
    for title, meaning in entries:
        lines.append(f'<text x="12" y="{y:g}" font-weight="bold">{escape(title)}</text>')
        for line in textwrap.wrap(meaning, _LETTERS):
            y += 10.5
            lines.append(f'<text x="12" y="{y:g}">{escape(line)}</text>')
        y += 14
    return f'<g class="explanation" font-size="8.6">{"".join(lines)}</g>'
