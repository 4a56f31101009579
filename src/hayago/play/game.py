"""The game that a GTP engine plays: a board, its komi, and the player who picks our moves. No text, no
protocol."""

from hayago.play.player import Player
from hayago.rules.board import Board, IllegalMove
from hayago.rules.coords import BLACK, WHITE, handicap_points

DEFAULT_KOMI = 7.5


class Game:
    """One game after another on boards of one size.

    Other people's moves are taken tolerantly (suicide, ko, superko): an engine that disagrees with its client
    about the position is lost. Our own obey the strictest rule, positional superko.
    """

    def __init__(self, player: Player, size: int = 19) -> None:
        self.size = size
        self.komi = DEFAULT_KOMI
        self._player = player
        self._board = Board(size, superko=True)

    def warm_up(self) -> None:
        """Do once what a move needs, so that the first move does not wait for kernels and network."""
        board = Board(self.size, superko=True)
        board.play(0)
        board.sensible_points()
        self._player.prior(board)

    def clear(self) -> None:
        """An empty board; the komi stays."""
        self._board = Board(self.size, superko=True)

    def is_empty(self) -> bool:
        """Whether no stone lies on the board."""
        return not self._board.grid().any()

    def accept(self, colour: int, point: int) -> bool:
        """Play a move or a pass of either colour; False, and nothing changed, where a stone lies there
        already."""
        try:
            self._board.play_tolerant(point, colour)
        except IllegalMove:
            return False
        return True

    def choose(self, colour: int) -> int:
        """Our move for `colour`, not yet played."""
        point = self._player.choose(self._board, colour).point
        return self._board.pass_point if point is None else point

    def undo(self) -> bool:
        """Take the last move back; False where none was played since the set-up."""
        if not self._board.moves:
            return False
        self._board.undo()
        return True

    def fixed_handicap(self, stones: int) -> list[int]:
        """The points that GTP fixes for so many stones; none where it fixes none."""
        try:
            return handicap_points(stones, self.size)
        except ValueError:
            return []

    def free_handicap(self, stones: int) -> list[int]:
        """As many points as asked: the fixed ones, and above nine the likeliest of the rest; none where
        impossible."""
        if not 2 <= stones < self.size * self.size:
            return []
        points = self.fixed_handicap(stones)
        if not points:
            points = self.fixed_handicap(9) if stones > 9 else []
            board = Board(self.size)
            board.setup(points, to_play=BLACK)
            prior = self._player.prior(board)
            likeliest = [point for point in prior.argsort()[::-1].tolist() if point not in points]
            points += likeliest[: stones - len(points)]
        return points

    def set_handicap(self, points: list[int]) -> None:
        """Black stones on an empty board, White to play."""
        self.clear()  # passes may have been played
        self._board.setup(points, to_play=WHITE)

    def score(self) -> float:
        """Area score of the board as it stands, komi included: positive where Black is ahead."""
        return self._board.area_score(self.komi)

    def diagram(self) -> str:
        """The board drawn in ASCII."""
        return str(self._board)
