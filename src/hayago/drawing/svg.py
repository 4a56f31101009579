"""`board_svg`: a board as an SVG picture, in notebooks, in files and inside HTML pages.

Every colour stands in the picture itself, once for each group of elements, so it looks the same wherever it is put.
A unit is the distance between two lines; the point in row r and column c lies at (c, r).
"""

from collections.abc import Iterable
from html import escape

import numpy as np
from numpy.typing import NDArray

from hayago.rules.board import Board
from hayago.rules.coordinates import BLACK, COLUMNS, WHITE, star_points

WOOD, LINE, HEAT = "#e3bd70", "#6b5220", "#c0271a"
MARGIN = 1.2  # from the outer lines to the edge of the picture
NAMESPACE = "http://www.w3.org/2000/svg"
PIXELS = 480  # the width and height of the picture, unless a page sets others
_NUMBERS = 5  # how many of the likeliest points show their probability
_LEAST_HEAT, _LEAST_NUMBER = 0.12, 0.01


def board_svg(
    board: Board, *, prior: NDArray[np.float32] | None = None, played: int | None = None, label: str = ""
) -> str:
    """A complete <svg> of the position: coordinates, stones, a ring on the last move, a square on the ko point.

    Args:
        prior: probabilities (N*N,) of the points, drawn as a heat map with per cent on the likeliest points.
        played: a point to frame; nothing is framed for a pass.
        label: a description for readers who cannot see the picture; by default the board's `repr`. It is escaped here.
    """
    size, points = board.size, board.pass_point
    side = f"{size - 1 + 2 * MARGIN:g}"
    corner = f"{-MARGIN:g}"
    parts = [
        f'<svg xmlns="{NAMESPACE}" width="{PIXELS}" height="{PIXELS}" viewBox="{corner} {corner} {side} {side}"'
        f' role="img" aria-label="{escape(label or repr(board))}" font-family="system-ui,sans-serif"'
        ' text-anchor="middle">',
        f'<rect x="{corner}" y="{corner}" width="{side}" height="{side}" fill="{WOOD}"/>',
        f'<path d="{grid_path(size)}" fill="none" stroke="{LINE}" stroke-width=".045"/>',
        f'<g class="edge" fill="{LINE}" font-size=".5">',
        *(f'<text x="{n}" y="-.65">{COLUMNS[n]}</text>' for n in range(size)),
        *(f'<text x="-.83" y="{n + 0.18:g}">{size - n}</text>' for n in range(size)),
        "</g>",
        circles("star", star_points(size), size, 0.1, f'fill="{LINE}"'),
    ]
    if prior is not None:
        parts.append(_heat(prior, size))
    parts.append(stones(board, 0.46))
    if board.ko_point is not None:
        parts.append(_square("ko", board.ko_point, size, 0.2, "#3b8ae0"))
    if board.last_move is not None and board.last_move < points:
        parts.append(circles("last", [board.last_move], size, 0.24, 'fill="none" stroke="#3b8ae0" stroke-width=".13"'))
    if played is not None and played < points:
        parts.append(_square("played", played, size, 0.44, "#123f91"))
    if prior is not None:
        parts.append(_numbers(prior, size))
    return "".join(parts) + "</svg>"


def grid_path(size: int) -> str:
    """The lines of a board, as the data of a <path>."""
    return "".join(f"M0 {n}H{size - 1}M{n} 0V{size - 1}" for n in range(size))


def stones(board: Board, radius: float) -> str:
    """The stones, in one group for each colour."""
    grid = board.grid().ravel()
    black, white = (np.flatnonzero(grid == colour).tolist() for colour in (BLACK, WHITE))
    edge = 'stroke="#161616" stroke-width=".05"'
    return circles("black", black, board.size, radius, f'fill="#161616" {edge}') + circles(
        "white", white, board.size, radius, f'fill="#fbfbf8" {edge}'
    )


def circles(kind: str, points: Iterable[int], size: int, radius: float, look: str) -> str:
    """A group of circles on points; `look` holds its attributes."""
    centres = (divmod(point, size) for point in points)
    found = "".join(f'<circle cx="{column}" cy="{row}" r="{radius:g}"/>' for row, column in centres)
    return f'<g class="{kind}" {look}>{found}</g>'


def _square(kind: str, point: int, size: int, half: float, colour: str) -> str:
    row, column = divmod(point, size)
    return (
        f'<rect class="{kind}" x="{column - half:g}" y="{row - half:g}" width="{2 * half:g}" height="{2 * half:g}"'
        f' fill="none" stroke="{colour}" stroke-width=".13"/>'
    )


def _heat(prior: NDArray[np.float32], size: int) -> str:
    # The square root keeps points of a few per cent visible when another has ninety.
    heat = np.sqrt(prior / max(float(prior.max()), 1e-9))
    cells = ((*divmod(point, size), heat[point]) for point in np.flatnonzero(heat > _LEAST_HEAT).tolist())
    rects = (
        f'<rect x="{column - 0.5:g}" y="{row - 0.5:g}" width="1" height="1" opacity="{0.8 * share:.2f}"/>'
        for row, column, share in cells
    )
    return f'<g class="heat" fill="{HEAT}">{"".join(rects)}</g>'


def _numbers(prior: NDArray[np.float32], size: int) -> str:
    """Per cent on the likeliest points."""
    likeliest = np.argsort(-prior, kind="stable")[:_NUMBERS].tolist()
    shown = ((*divmod(point, size), prior[point]) for point in likeliest if prior[point] >= _LEAST_NUMBER)
    texts = "".join(f'<text x="{column}" y="{row + 0.2:g}">{share * 100:.0f}</text>' for row, column, share in shown)
    look = 'font-size=".58" font-weight="600" fill="#1a0d00" stroke="#fff4e0" stroke-width=".1" paint-order="stroke"'
    return f'<g class="numbers" {look}>{texts}</g>'
