"""A board as a picture, drawn with numpy alone, and as a window, which needs pygame."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hayago.rules.board import Board
from hayago.rules.coordinates import BLACK, EMPTY, WHITE, star_points

CELL = 24  # pixels from line to line
_WOOD, _LINE, _MARK = (222, 184, 112), (70, 50, 20), (200, 40, 40)
_STONE = {BLACK: (25, 25, 25), WHITE: (245, 245, 240)}


def draw_board(board: Board) -> NDArray[np.uint8]:
    """uint8 (height, width, 3): lines, star points and stones, with a mark on the last move."""
    size = board.size
    side = CELL * size
    picture = np.full((side, side, 3), _WOOD, np.float32)
    first, last = CELL // 2, side - CELL // 2
    for n in range(size):
        at = first + n * CELL
        picture[at, first : last + 1] = _LINE
        picture[first : last + 1, at] = _LINE
    for point in star_points(size):
        _disc(picture, point, size, CELL / 10, _LINE)
    for point, colour in enumerate(board.grid().ravel().tolist()):
        if colour != EMPTY:
            _disc(picture, point, size, CELL * 0.48, _LINE)
            _disc(picture, point, size, CELL * 0.44, _STONE[colour])
    if board.last_move is not None and board.last_move != board.pass_point:
        _disc(picture, board.last_move, size, CELL / 7, _MARK)
    return picture.astype(np.uint8)


def _disc(picture: NDArray[np.float32], point: int, size: int, radius: float, colour: tuple[int, int, int]) -> None:
    """A disc with a smooth edge on a point."""
    row, column = divmod(point, size)
    across = np.arange(CELL) - CELL // 2
    cover = np.clip(radius + 0.5 - np.hypot(across[:, None], across), 0, 1)[..., None]
    there = picture[row * CELL : (row + 1) * CELL, column * CELL : (column + 1) * CELL]
    there[:] = cover * np.array(colour) + (1 - cover) * there


class Window:
    """A window that shows one board after another.

    Raises:
        gymnasium.error.DependencyNotInstalled: pygame is not installed.
    """

    def __init__(self, pixels: int, title: str) -> None:
        from gymnasium.error import DependencyNotInstalled

        try:
            import pygame
        except ImportError as error:
            raise DependencyNotInstalled(
                'pygame is not installed, run `pip install "gymnasium[classic-control]"`'
            ) from error
        self._pygame: Any = pygame
        pygame.display.init()
        pygame.display.set_caption(title)
        self._surface = pygame.display.set_mode((pixels, pixels))
        self._clock = pygame.time.Clock()

    def show(self, picture: NDArray[np.uint8], frames_per_s: float) -> None:
        """Show a picture, after waiting if needed, so that at most `frames_per_s` appear in a second."""
        pygame = self._pygame
        pygame.event.pump()
        self._surface.blit(pygame.surfarray.make_surface(picture.swapaxes(0, 1)), (0, 0))
        pygame.display.flip()
        self._clock.tick(frames_per_s)

    def close(self) -> None:
        """Close the window."""
        self._pygame.display.quit()
