"""The Gymnasium environment `hayago/Go-v0`: a game of Go, with the agent on both sides or against an opponent."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from hayago.drawing.raster import Window, draw_board
from hayago.envs.opponents import COLOUR_OF, RESIGNS, SEEDS, EnvSettings, seed_stream
from hayago.errors import HayagoError, whole_number
from hayago.features.plain import encode
from hayago.features.planes import PLANES, pack
from hayago.rules.board import Board
from hayago.rules.coordinates import BLACK, EMPTY, MAX_SIZE, WHITE, opponent
from hayago.rules.game_rules import GameRules
from hayago.rules.kernels.light_boards import draw

if TYPE_CHECKING:
    from hayago.network.model_file import Model

Observation = NDArray[np.int8] | NDArray[np.uint8]


def spaces_of(setting: EnvSettings) -> tuple[spaces.Discrete, spaces.Box]:
    """The spaces of actions and of observations."""
    size = setting.board_size
    actions = spaces.Discrete(size * size + 1)
    if setting.observation == "planes48":
        return actions, spaces.Box(0, 1, (PLANES, size, size), np.uint8)
    return actions, spaces.Box(0, 2, (size, size), np.int8)


class GoEnv(gymnasium.Env[Any, np.int64]):
    """A game of Go on one board; each step is a move of the agent and, if there is one, of its opponent.

    ## Description
    Go by area scoring (Tromp-Taylor: every stone on the board counts as alive), positional superko, suicide forbidden.
    Without an opponent the agent plays both sides in turn. Many boards at once: `gymnasium.make_vec`, see
    `hayago.envs.vector_env.GoVectorEnv`.

    ## Action Space
    `Discrete(board_size ** 2 + 1)`: the point `row * board_size + column`, row 0 at the top; the last one is
    the pass.

    ## Observation Space
    From the agent's side, or from the side to move if the agent plays both. "board": int8 (board_size, board_size), 0
    empty, 1 own stone, 2 opponent's stone. "planes48": uint8 (48, board_size, board_size), the planes of
    `hayago.features.planes`.

    ## Starting State
    The empty board, Black to play. An opponent with Black has made its first move.

    ## Rewards
    0 until the end, then 1 if the agent has won, -1 if it has lost, 0 for a draw, by area and komi. If the agent plays
    both sides, the reward is that of the side that made the last move.

    ## Episode End
    Termination: two passes in a row; an illegal action, which loses the game (reward -1) and leaves the board
    unchanged; an engine that resigns or plays an illegal move, which wins it (reward 1).
    A game that ends by an error (an engine that dies, does not answer or refuses a move) has no result; call `reset`.
    Superko makes every game end, but random games are long: set `max_episode_steps` if that matters.

    ## Information
    `action_mask`: int8 (board_size ** 2 + 1,), 1 where the action is legal, superko included, as
    `Discrete.sample(mask)` takes it.
    `to_play`: 1 black, 2 white. `score`: black's area less white's less komi, once two passes have ended the
    game.

    ## Arguments
    `board_size`: 1 to 19.
    `komi`: points for White.
    `rules`: a name ("chinese-ogs", "chinese-kgs": positional superko; "chinese": simple ko) or a `GameRules`; those
    with territory scoring, suicide or situational superko are refused.
    `opponent`: None, the agent plays both sides; "random", random legal moves, but not onto points that its own stones
    enclose; "network"; or the command line of any GTP engine, as in "gnugo --mode gtp".
    `level`: of the network, 1 to 10, as `hayago gtp --level` has it. No other opponent has one.
    `model`: the network's file; None is the one in the box, which is for 19x19.
    `colour`: the agent's colour against an opponent: "black", "white", or "random" for each game.
    `observation`: "board" or "planes48".
    `render_mode`: None, "ansi" (text), "rgb_array" (a picture), "human" (a window, redrawn at each step; needs pygame).

    Seeding: `reset(seed=...)` repeats games exactly; games against an engine if it knows `set_random_seed` or is
    deterministic.

    ## Version History
    v0: the first.

    Raises:
        ValueError: an argument makes no sense, or has no effect with this opponent.
        TypeError: a number or an action is not a whole number.
        HayagoError: the network or the engine cannot be used.
        ResetNeeded: a step without a game: before `reset`, or after the end or an error.
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi", "rgb_array", "human"], "render_fps": 4}  # noqa: RUF012

    def __init__(
        self,
        board_size: int = MAX_SIZE,
        komi: float = 7.5,
        rules: str | GameRules = "chinese-ogs",
        opponent: str | None = None,
        level: int = 10,
        model: "str | Path | Model | None" = None,
        colour: Literal["black", "white", "random"] = "black",
        observation: Literal["board", "planes48"] = "board",
        render_mode: str | None = None,
    ) -> None:
        setting = EnvSettings(board_size, komi, rules, opponent, level, model, colour, observation)
        board_size = setting.board_size
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise ValueError(f"render_mode is not one of {self.metadata['render_modes']}: {render_mode!r}")
        self.render_mode = render_mode
        self.action_space, self.observation_space = spaces_of(setting)
        self._setting = setting
        self._board = Board(board_size, superko=setting.superko)
        self._playing = False  # whether a game is in progress
        self._agent = EMPTY  # its colour; EMPTY if it plays both
        self._stream: NDArray[np.uint64] | None = None
        self._network = setting.network(threads=1) if setting.is_network else None
        self._engine = setting.engine() if setting.is_engine else None
        self._window: Window | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start a game. A seed restarts the random stream; without one it continues."""
        super().reset(seed=seed, options=options)
        self._playing = False
        if seed is not None or self._stream is None:
            self._stream = np.array([seed_stream(self.np_random)])
        setting = self._setting
        self._board = Board(setting.board_size, superko=setting.superko)
        if setting.opponent is not None:
            self._agent = COLOUR_OF.get(setting.colour) or 1 + draw(self._stream, 0, 2)
        if self._engine is not None:
            self._engine.begin(opponent(self._agent), draw(self._stream, 0, SEEDS))
        if self._agent == WHITE and not self._answer(None):
            raise HayagoError(f"{setting.opponent}: lost by its first move")
        self._playing = True
        if self.render_mode == "human":
            self.render()
        return self._observe(), self._information()

    def step(self, action: np.int64) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Play a move; see the class for the result."""
        if not self._playing:
            raise gymnasium.error.ResetNeeded("no game is in progress: call reset")
        board, point = self._board, whole_number(action, "an action")
        self._playing = False  # until everything has succeeded
        mover = self._agent or board.to_play
        won = None  # from the agent's side, or the side that has just moved
        if not board.is_legal(point):
            won = False
        else:
            board.play(point)
            if self._agent != EMPTY and not board.is_over and not self._answer(point):
                won = True
        if self.render_mode == "human":
            self.render()
        information = self._information()
        reward = 0.0 if won is None else 1.0 if won else -1.0
        if board.is_over:
            score = board.area_score(self._setting.komi)
            information["score"] = score
            reward = float(np.sign(score)) * (1.0 if mover == BLACK else -1.0)
        over = board.is_over or won is not None
        self._playing = not over
        return self._observe(), reward, over, False, information

    def render(self) -> Any:
        """The board: text for "ansi", a picture uint8 (height, width, 3) for "rgb_array", a window for "human"."""
        if self.render_mode is None:
            gymnasium.logger.warn("render() does nothing: no render_mode was given to gymnasium.make")
            return None
        if self.render_mode == "ansi":
            return str(self._board)
        picture = draw_board(self._board)
        if self.render_mode == "rgb_array":
            return picture
        if self._window is None:
            self._window = Window(len(picture), "hayago")
        self._window.show(picture, self.metadata["render_fps"])
        return None

    def close(self) -> None:
        """End the engine and the window."""
        if self._engine is not None:
            self._engine.close()
        if self._window is not None:
            self._window.close()
            self._window = None

    def _answer(self, point: int | None) -> bool:
        """The opponent's move after the agent's; False if it has lost by it."""
        board, stream, area = self._board, self._stream, self._board.pass_point
        assert stream is not None
        legal = board.legal_points()
        if self._engine is not None:
            answer = self._engine.answer(point)
        elif self._network is not None:
            planes = encode(board)
            rows = np.stack([pack(planes, symmetry)[None] for symmetry in range(self._network.style.symmetries)])
            score = board.area_score(self._setting.komi) * (1 if board.to_play == BLACK else -1)
            may_end = np.array([point == area and score > 0])
            plies = np.array([len(board.moves)])
            answer = int(self._network.choose(rows, legal[None].astype(np.int8), plies, may_end, stream)[0])
        else:
            open_points = np.flatnonzero(legal[:-1] & ~board.enclosed_points())
            answer = int(open_points[draw(stream, 0, len(open_points))]) if len(open_points) else area
        if answer == RESIGNS or not board.is_legal(answer):
            return False
        board.play(answer)
        return True

    def _observe(self) -> Observation:
        view = self._view()
        if self._setting.observation == "planes48":
            return encode(view)
        grid = view.grid()
        return np.where(grid == EMPTY, 0, np.where(grid == view.to_play, 1, 2)).astype(np.int8)

    def _information(self) -> dict[str, Any]:
        return {"action_mask": self._view().legal_points().astype(np.int8), "to_play": self._board.to_play}

    def _view(self) -> Board:
        """The board from the agent's side, even if the game is over and the opponent has not answered."""
        if self._agent in (EMPTY, self._board.to_play):
            return self._board
        view = self._board.copy()
        view.to_play = self._agent
        return view
