"""The Gymnasium environment `hayago/Go-v0`: a game of Go in which the agent plays both sides."""

from typing import Any, Literal

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from hayago.features.planes import encode
from hayago.rules.board import Board
from hayago.rules.coords import BLACK, EMPTY, MAX_SIZE

Observation = NDArray[np.int8] | NDArray[np.uint8]


class GoEnv(gymnasium.Env[Any, np.int64]):
    """A game of Go on one board; each step is a move of the side whose turn it is.

    ## Description
    Area scoring (Tromp-Taylor: every stone on the board counts as alive), positional superko, suicide
    forbidden.

    ## Action Space
    `Discrete(board_size ** 2 + 1)`: the point `row * board_size + column`, row 0 at the top; the last one is
    the pass.

    ## Observation Space
    Always seen by the side to move. "board": int8 (board_size, board_size), 0 empty, 1 own stone, 2
    opponent's stone.
    "planes48": uint8 (48, board_size, board_size), the planes of `hayago.features.planes`.

    ## Rewards
    0 until the end, then for the side that made the last move: 1 if it has won, -1 if it has lost, 0 for a
    draw.

    ## Episode End
    Two passes in a row, or an illegal action: that loses the game (reward -1) and leaves the board unchanged.
    Superko lets no game go on for ever, but at random they are long; wrap in `TimeLimit` where that matters.

    ## Information
    `action_mask`: int8 (board_size ** 2 + 1,), 1 where the action is legal, as `Discrete.sample(mask)` takes
    it.
    `to_play`: 1 black, 2 white. `score`: black's area less white's less komi, once two passes have ended the
    game.

    ## Arguments
    `board_size` (1 to 19), `komi`, `observation` ("board" or "planes48"), `render_mode` (None or "ansi").

    ## Version History
    v0: the first.
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi"], "render_fps": 4}  # noqa: RUF012

    def __init__(
        self,
        board_size: int = MAX_SIZE,
        komi: float = 7.5,
        observation: Literal["board", "planes48"] = "board",
        render_mode: str | None = None,
    ) -> None:
        if observation not in ("board", "planes48"):
            raise ValueError(f"observation is neither 'board' nor 'planes48': {observation!r}")
        if render_mode not in (None, "ansi"):
            raise ValueError(f"render_mode is neither None nor 'ansi': {render_mode!r}")
        self.render_mode = render_mode
        self._board = Board(board_size, superko=True)
        self._komi = komi
        self._planes = observation == "planes48"
        self.action_space = spaces.Discrete(board_size * board_size + 1)
        self.observation_space = (
            spaces.Box(0, 1, (48, board_size, board_size), np.uint8)
            if self._planes
            else spaces.Box(0, 2, (board_size, board_size), np.int8)
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """An empty board, black to play. The game has no chance in it: the seed only sets `np_random`."""
        super().reset(seed=seed, options=options)
        self._board = Board(self._board.size, superko=True)
        return self._observe(), self._information()

    def step(self, action: np.int64) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Play; see the class for what comes back."""
        board, point = self._board, int(action)
        if not board.is_legal(point):
            return self._observe(), -1.0, True, False, self._information()
        mover = board.to_play
        board.play(point)
        information = self._information()
        reward = 0.0
        if board.is_over:
            score = board.area_score(self._komi)
            information["score"] = score
            reward = float(np.sign(score)) * (1.0 if mover == BLACK else -1.0)
        return self._observe(), reward, board.is_over, False, information

    def render(self) -> str | None:
        """The board in ASCII, for render_mode "ansi"."""
        return str(self._board) if self.render_mode == "ansi" else None

    def _observe(self) -> Observation:
        if self._planes:
            return encode(self._board)
        grid = self._board.grid()
        return np.where(grid == EMPTY, 0, np.where(grid == self._board.to_play, 1, 2)).astype(np.int8)

    def _information(self) -> dict[str, Any]:
        return {"action_mask": self._board.legal_points().astype(np.int8), "to_play": self._board.to_play}
