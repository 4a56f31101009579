"""`EnginePredictor`: asks a GTP engine for its move in one position after another, for `hayago evaluate`.

The engine replays the recorded games up to the positions. It is asked by `reg_genmove`, which does not change the
board; else by `genmove` and `undo`; else by `genmove`, after which the game is replayed.
"""

from contextlib import suppress
from types import TracebackType
from typing import Self

from hayago.evaluation.move_predictors import NoAnswer
from hayago.gtp.client import CommandFailed, EngineError, GtpClient
from hayago.records.games import POINT_MASK, WHITE_BIT, Games
from hayago.rules.coordinates import point_to_vertex, vertex_to_point


class EnginePredictor:
    """See `hayago.evaluation.move_predictors.MovePredictor`.

    An engine that died, was late or printed junk is restarted for the next position.

    Args:
        command: the command line, split as `hayago.gtp.client.split_command` says.
        timeout_seconds: how long an answer may take.

    Attributes:
        name: the command line.
    """

    def __init__(self, command: str, timeout_seconds: float) -> None:
        self.name = command
        self._timeout_seconds = timeout_seconds
        self._client: GtpClient | None = None
        self._at: tuple[int, int] | None = None  # the game and ply of the engine's board

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def predict(self, games: Games, game: int, ply: int) -> int:
        """See `MovePredictor`.

        Raises:
            NoAnswer: the engine cannot be started, fails, or does not answer with a vertex.
        """
        try:
            if self._client is None:
                self._client = GtpClient(self.name, self._timeout_seconds)
            self._go_to(self._client, games, game, ply)
            return self._ask(self._client, games, game, ply)
        except CommandFailed as error:
            self._at = None
            raise NoAnswer(str(error)) from error
        except EngineError as error:
            self._leave()
            raise NoAnswer(str(error)) from error

    def _go_to(self, client: GtpClient, games: Games, game: int, ply: int) -> None:
        """Bring the engine to the position before the move."""
        if self._at is None or self._at[0] != game or self._at[1] > ply:
            client.send(f"boardsize {games.size}")
            client.send("clear_board")
            for code in games.setup[games.setup_offsets[game] : games.setup_offsets[game + 1]].tolist():
                client.send(_play(code, games.size))
            self._at = game, 0
        while self._at[1] < ply:
            now = self._at[1]
            self._at = None  # unknown if the engine refuses the move
            client.send(_play(int(games.codes[games.offsets[game] + now]), games.size))
            self._at = game, now + 1

    def _ask(self, client: GtpClient, games: Games, game: int, ply: int) -> int:
        colour = _colour(int(games.codes[games.offsets[game] + ply]))
        if client.known("reg_genmove"):
            return _point(client, client.send(f"reg_genmove {colour}"), games.size)
        self._at = None  # unknown until the move is taken back
        answer = client.send(f"genmove {colour}")
        point = _point(client, answer, games.size)
        if not _is_resignation(answer) and client.known("undo"):  # a resignation plays nothing
            with suppress(CommandFailed):
                client.send("undo")
                self._at = game, ply
        return point

    def _leave(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = self._at = None


def _play(code: int, size: int) -> str:
    return f"play {_colour(code)} {point_to_vertex(code & POINT_MASK, size)}"


def _colour(code: int) -> str:
    return "white" if code & WHITE_BIT else "black"


def _is_resignation(vertex: str) -> bool:
    return vertex.strip().lower() == "resign"


def _point(client: GtpClient, vertex: str, size: int) -> int:
    """The point of an engine's answer; a resignation counts as a pass."""
    if _is_resignation(vertex):
        return size * size
    try:
        return vertex_to_point(vertex.strip(), size)
    except ValueError as error:
        raise NoAnswer(f"{client.name}: {str(error)[:80]}") from error
