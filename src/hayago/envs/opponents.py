"""Who plays the other side in the Gymnasium environments: no one, chance, the network, or a GTP engine.

`EnvSettings` holds the checked arguments of `GoEnv` and `GoVectorEnv`. Both ask for moves in the same way, so that a
board of the vector environment plays the same as a single one:

- chance draws among the legal points that its own stones do not enclose, and passes if there are none;
- the network draws from its prior, by the style of its level, among the sensible points. It passes if none are left, or
  if the agent has just passed and the network wins by the area as it stands (the environment counts every stone as
  alive, so nothing else is settled before it is played out);
- an engine is told every move, and asked for its own.

All chance comes from a *stream*, one 64-bit number per board, which `seed_stream` draws from Gymnasium's generator.
"""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn

import numpy as np
from numpy.typing import NDArray

from hayago.errors import HayagoError, whole_number
from hayago.features.planes import PLANES, SLICE, row_bytes
from hayago.gtp.client import BadReply, GtpClient
from hayago.match.match_game import Conditions, set_up_player
from hayago.network.board_sizes import named_sizes
from hayago.network.evaluator import make_evaluator
from hayago.player.styles import LEVELS, Style, pick, softmax
from hayago.rules.coordinates import BLACK, MAX_SIZE, WHITE, point_to_vertex, vertex_to_point
from hayago.rules.game_rules import PRESETS, GameRules
from hayago.rules.kernels.light_boards import draw
from hayago.rules.symmetry import point_maps

if TYPE_CHECKING:
    from hayago.network.evaluator import Evaluator
    from hayago.network.model_file import Model

OBSERVATIONS = ("board", "planes48")
COLOUR_OF = {"black": BLACK, "white": WHITE}
ENGINE_SECONDS = 120.0  # seconds per answer of an engine
RESIGNS = -1  # an opponent's answer instead of a point
SEEDS = 1 << 31  # the number of seeds an engine may be given

_AT_ONCE = 256  # positions per batch of the network, which limits its memory


@dataclass(frozen=True)
class EnvSettings:
    """The arguments of an environment; see `hayago.envs.go_env.GoEnv` for what they mean.

    Raises:
        ValueError: an argument makes no sense, is not supported, or has no effect with this opponent.
        TypeError: the size or the level is not a whole number.
    """

    board_size: int
    komi: float
    rules: str | GameRules
    opponent: str | None
    level: int
    model: "str | Path | Model | None"
    colour: Literal["black", "white", "random"]
    observation: Literal["board", "planes48"]

    def __post_init__(self) -> None:
        object.__setattr__(self, "board_size", whole_number(self.board_size, "board_size"))
        if not 1 <= self.board_size <= MAX_SIZE:
            raise ValueError(f"board_size is not 1 to {MAX_SIZE}: {self.board_size}")
        if not math.isfinite(self.komi):
            raise ValueError(f"komi is not a number of points: {self.komi}")
        if self.observation not in OBSERVATIONS:
            raise ValueError(f"observation is neither 'board' nor 'planes48': {self.observation!r}")
        if self.colour not in (*COLOUR_OF, "random"):
            raise ValueError(f"colour is not 'black', 'white' or 'random': {self.colour!r}")
        if not 1 <= whole_number(self.level, "level") <= len(LEVELS):
            raise ValueError(f"level is not 1 to {len(LEVELS)}: {self.level}")
        if not self.is_network and (self.level != len(LEVELS) or self.model is not None):
            raise ValueError(f"level and model are for opponent='network', not for {self.opponent!r}")
        if self.opponent is None and self.colour != "black":
            raise ValueError(f"without an opponent colour={self.colour!r} has no effect")
        if isinstance(self.rules, str) and self.rules not in PRESETS:
            raise ValueError(f"no such rules: {self.rules!r} (choose from {', '.join(PRESETS)})")
        rules = self.game_rules
        if rules.scoring != "area" or rules.suicide or rules.ko == "situational":
            raise ValueError(
                "the environment plays by area scoring, without suicide, with the simple ko or positional superko, "
                f"not by {self.rules!r}"
            )

    @property
    def game_rules(self) -> GameRules:
        """The rules with the komi."""
        return replace(PRESETS[self.rules] if isinstance(self.rules, str) else self.rules, komi=self.komi)

    @property
    def superko(self) -> bool:
        """Whether positional superko is in force."""
        return self.game_rules.ko == "positional"

    @property
    def is_network(self) -> bool:
        """Whether the network is the opponent."""
        return self.opponent == "network"

    @property
    def is_engine(self) -> bool:
        """Whether a GTP engine is the opponent; then `opponent` is its command line."""
        return self.opponent not in (None, "random", "network")

    def network(self, threads: int) -> "NetworkOpponent":
        """The network at its level.

        Raises:
            HayagoError: there is no such model, or it is for boards of other sizes.
        """
        return NetworkOpponent(make_evaluator(self.model, threads=threads), LEVELS[self.level - 1], self.board_size)

    def engine(self) -> "EngineOpponent":
        """The engine, started.

        Raises:
            EngineError: it does not start.
        """
        assert self.opponent is not None
        ko: Literal["simple", "positional"] = "positional" if self.superko else "simple"
        return EngineOpponent(
            self.opponent, Conditions(self.board_size, self.komi, ko=ko, timeout_seconds=ENGINE_SECONDS)
        )


def seed_stream(generator: np.random.Generator) -> np.uint64:
    """The state of a stream; never 0."""
    return generator.integers(1, 2**64 - 1, dtype=np.uint64)


class NetworkOpponent:
    """The network, asked for many boards at once.

    Args:
        evaluator: the network.
        style: how moves are picked.
        size: the side of the boards.

    Raises:
        HayagoError: the network is for boards of other sizes.
    """

    def __init__(self, evaluator: "Evaluator", style: Style, size: int) -> None:
        if size not in evaluator.sizes:
            raise HayagoError(f"the network is for boards of {named_sizes(evaluator.sizes)}, not {size}x{size}")
        self.style = style
        self._evaluator = evaluator
        self._area = size * size
        self._bytes = row_bytes(evaluator.info.planes, size)  # the planes of a smaller set are the first ones of all
        self._maps = point_maps(size)[:, :-1]

    def choose(
        self,
        rows: NDArray[np.uint8],
        legal: NDArray[np.int8],
        plies: NDArray[np.int64],
        may_end: NDArray[np.bool_],
        streams: NDArray[np.uint64],
    ) -> NDArray[np.int64]:
        """int64 (n,): its move, or the pass, on each of n boards.

        Args:
            rows: uint8 (symmetries, n, bytes), all planes packed, under as many symmetries as its style has.
            legal: (n, N * N + 1), not 0 where it may play.
            plies: (n,), how many moves were played.
            may_end: (n,), whether a pass would end the game and win it.
            streams: (n,), the state of each board's stream, which drawing advances.
        """
        chosen = np.full(len(legal), self._area, np.int64)
        sensible = np.unpackbits(rows[0], axis=1, count=self._area * PLANES, bitorder="little")
        sensible = sensible.reshape(-1, PLANES, self._area)[:, SLICE["sensibleness"].start].astype(np.bool_)
        sensible &= legal[:, :-1] != 0  # the planes ignore superko
        playing = np.flatnonzero(sensible.any(axis=1) & ~may_end)
        for first in range(0, len(playing), _AT_ONCE):
            boards = playing[first : first + _AT_ONCE]
            seen = rows[:, boards, : self._bytes]
            logits = self._evaluator.logits(np.ascontiguousarray(seen.reshape(-1, self._bytes)))
            logits = logits.reshape(len(rows), len(boards), self._area)
            for n, board in enumerate(boards.tolist()):
                allowed = legal[board, :-1] != 0
                priors = [softmax(logits[s, n, self._maps[s]], allowed) for s in range(len(rows))]
                prior: NDArray[np.float32] = np.mean(priors, axis=0)

                def by_lot(weights: NDArray[np.float64], board: int = board) -> int:
                    unit = draw(streams, board, 1 << 31) / (1 << 31)
                    return int(np.searchsorted(np.cumsum(weights), unit, side="right"))

                among = sensible[board]
                chosen[board] = pick(self.style, np.where(among, prior, 0), among, int(plies[board]), by_lot)
        return chosen


class EngineOpponent:
    """A GTP engine for one board, in its own process.

    Args:
        command: its command line.
        conditions: the conditions of the game.

    Raises:
        EngineNotStarted: it does not start.
    """

    def __init__(self, command: str, conditions: Conditions) -> None:
        self._command, self._conditions = command, conditions
        self._client = GtpClient(command, conditions.timeout_seconds)

    def __deepcopy__(self, memo: object) -> NoReturn:
        raise TypeError("an environment with a GTP engine cannot be copied: the engine is a process")

    def begin(self, colour: int, seed: int) -> None:
        """Start a game in which the engine has that colour; an engine that has ended is restarted.

        Raises:
            EngineError: it cannot be started.
        """
        self._letter = "B" if colour == BLACK else "W"
        self._other = "W" if colour == BLACK else "B"
        if not self._client.is_alive():
            self._client.close()
            self._client = GtpClient(self._command, self._conditions.timeout_seconds)
        set_up_player(self._client, self._conditions, seed)

    def answer(self, point: int | None) -> int:
        """Its move, or RESIGNS, after the agent's move (None at the beginning). Whether it is legal is not checked.

        Raises:
            EngineError: it does not answer, or not with a move.
        """
        size = self._conditions.size
        if point is not None:
            self._client.send(f"play {self._other} {point_to_vertex(point, size)}")
        said = self._client.send(f"genmove {self._letter}").strip()
        if said.lower() == "resign":
            return RESIGNS
        try:
            return vertex_to_point(said, size)
        except ValueError as error:
            raise BadReply(f"{self._client.name}: answered {said[:40]!r} where a move was asked for") from error

    def close(self) -> None:
        """End the engine."""
        self._client.close()
