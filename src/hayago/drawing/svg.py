"""A board as a small SVG picture to stand inside an HTML page: stones, heat map, marks. No library, no script, no link.

Strokes and fills are styled by the page through the classes `b-*` (`STYLE`), so that twenty boards cost little. A unit
is the distance between two lines.
"""

import numpy as np
from numpy.typing import NDArray

from hayago.drawing.plots import star_points
from hayago.rules.board import Board
from hayago.rules.coordinates import BLACK, COLUMNS

SHOWN = 3  # of the likeliest points have a number
_LEAST_HEAT = 0.12

STYLE = """
.b-wood{fill:#e3bd70}.b-line{stroke:#6b5220;stroke-width:.045}.b-star{fill:#6b5220}
.b-black{fill:#161616}.b-white{fill:#fbfbf8;stroke:#333;stroke-width:.05}
.b-heat{fill:#c0271a}.b-last{fill:none;stroke:#3b8ae0;stroke-width:.13}
.b-played{fill:none;stroke:#123f91;stroke-width:.13}
.b-text{font:600 .58px system-ui,sans-serif;text-anchor:middle;fill:#1a0d00}
.b-text{stroke:#fff4e0;stroke-width:.1;paint-order:stroke}
.b-edge{font:.5px system-ui,sans-serif;text-anchor:middle;fill:#6b5220}
"""


def board_svg(board: Board, prior: NDArray[np.float32], played: int, label: str) -> str:
    """An <svg> of the position: the prior (N*N,) as a heat map, per cent on the likeliest points, a ring on the last
    move and a frame around the point that was played. `label` is for those who cannot see it and must be escaped.
    """
    size = board.size
    parts = [
        f'<svg viewBox="-1.1 -1.1 {size + 1.2:g} {size + 1.2:g}" role="img" aria-label="{label}">',
        f'<rect class="b-wood" x="-1.1" y="-1.1" width="{size + 1.2:g}" height="{size + 1.2:g}"/>',
    ]
    lines = "".join(f"M0 {n}H{size - 1}M{n} 0V{size - 1}" for n in range(size))
    parts.append(f'<path class="b-line" d="{lines}"/>')
    for n in range(size):
        parts.append(f'<text class="b-edge" x="{n}" y="-.62">{COLUMNS[n]}</text>')
        parts.append(f'<text class="b-edge" x="-.8" y="{n + 0.18:g}">{size - n}</text>')
    parts += [_circle("b-star", point, size, 0.1) for point in star_points(size)]
    # The square root lets points of a few per cent be seen beside one of ninety.
    heat = np.sqrt(prior / max(float(prior.max()), 1e-9))
    for point in np.flatnonzero(heat > _LEAST_HEAT).tolist():
        row, column = divmod(point, size)
        parts.append(
            f'<rect class="b-heat" x="{column - 0.5:g}" y="{row - 0.5:g}" width="1" height="1"'
            f' opacity="{0.8 * heat[point]:.2f}"/>'
        )
    grid = board.grid().ravel()
    for point in np.flatnonzero(grid).tolist():
        parts.append(_circle("b-black" if grid[point] == BLACK else "b-white", point, size, 0.46))
    if board.last_move is not None and board.last_move < size * size:
        parts.append(_circle("b-last", board.last_move, size, 0.24))
    row, column = divmod(played, size)
    parts.append(f'<rect class="b-played" x="{column - 0.44:g}" y="{row - 0.44:g}" width=".88" height=".88"/>')
    for point in np.argsort(-prior, kind="stable")[:SHOWN].tolist():
        row, column = divmod(point, size)
        if prior[point] >= 0.01:
            parts.append(f'<text class="b-text" x="{column}" y="{row + 0.2:g}">{prior[point] * 100:.0f}</text>')
    return "".join(parts) + "</svg>"


def _circle(kind: str, point: int, size: int, radius: float) -> str:
    row, column = divmod(point, size)
    return f'<circle class="{kind}" cx="{column}" cy="{row}" r="{radius:g}"/>'
