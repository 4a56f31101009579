"""The game that a GTP engine plays: a board, its rules, and the player that picks moves. No text, no protocol."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hayago.errors import HayagoError
from hayago.network.board_sizes import named_sizes
from hayago.player.analysis import Analyst
from hayago.player.endgame import Judgement
from hayago.player.player import Choice, Options, Player
from hayago.player.restrictions import Restriction
from hayago.player.styles import Style
from hayago.records.games import move_codes
from hayago.records.sgf import GameRecord, read_first, write_sgf
from hayago.rules.board import Board, IllegalMove
from hayago.rules.coordinates import BLACK, WHITE, handicap_points
from hayago.rules.game_rules import GameRules, rules_of_sgf, sgf_name
from hayago.rules.scoring import handicap_stones

Moves = Sequence[tuple[int, int]]  # (colour, point)


class Game:
    """One game after another, on boards of the sizes that the player's network takes.

    A client's moves are taken as they are (suicide, ko, superko), because an engine that disagrees with its client
    about the position is lost. Our own moves obey the strictest rule, positional superko.

    Args:
        player: picks our moves; the first board has the size that its network learned on.

    Attributes:
        player: see above.
        rules: how the game is counted.
        last_choice: how our last move was chosen, if it was played in this game and not taken back; or why we resigned.
    """

    def __init__(self, player: Player) -> None:
        self.player = player
        self.rules = GameRules()
        self._analyst: Analyst | None = None
        self._judged: tuple[object, Judgement] | None = None  # a position and its judgement
        self._size = player.board_size
        self.clear()

    # What stands there

    @property
    def size(self) -> int:
        """The board's side."""
        return self._size

    @property
    def sizes(self) -> list[int]:
        """The sizes of board that can be played on."""
        return list(self.player.sizes)

    @property
    def board(self) -> Board:
        """The position. Changing it changes the game."""
        return self._board

    @property
    def to_play(self) -> int:
        """The colour whose turn it is."""
        return self._board.to_play

    @property
    def handicap(self) -> int:
        """The number of Black's handicap stones: set as such, or played before White's first move."""
        if self._handicap or self._board.setup_stones:
            return self._handicap
        return handicap_stones(self._board)

    def is_empty(self) -> bool:
        """Whether no stone lies on the board."""
        return not self._board.grid().any()

    def diagram(self) -> str:
        """The board drawn in ASCII."""
        return str(self._board)

    # Setting up

    def resize(self, size: int) -> bool:
        """An empty board of another size. False, and nothing changed, if the network does not take it."""
        if size not in self.player.sizes:
            return False
        self._size = size
        self.clear()
        return True

    def clear(self) -> None:
        """An empty board; the rules stay."""
        self._board = Board(self._size, superko=True)
        self._handicap = 0
        self.forget_analysis()
        self._note(None)

    def set_komi(self, komi: float) -> None:
        """Points for White."""
        self.rules = replace(self.rules, komi=komi)

    def fixed_handicap(self, stones: int) -> list[int]:
        """The points that GTP fixes for a number of stones; none if it fixes none."""
        try:
            return handicap_points(stones, self.size)
        except ValueError:
            return []

    def free_handicap(self, stones: int) -> list[int]:
        """Handicap points: the fixed ones, and above nine the likeliest of the rest; none if impossible."""
        if not 2 <= stones < self.size * self.size:
            return []
        points = self.fixed_handicap(stones)
        if not points:
            points = self.fixed_handicap(9) if stones > 9 else []
            board = Board(self.size)
            board.setup(points, to_play=BLACK)
            prior = self.player.prior(board)
            likeliest = [point for point in prior.argsort()[::-1].tolist() if point not in points]
            points += likeliest[: stones - len(points)]
        return points

    def set_handicap(self, points: list[int]) -> None:
        """Black stones on an empty board, White to play."""
        self.clear()  # passes may have been played before
        self._board.setup(points, to_play=WHITE)
        self._handicap = len(points)

    def set_up(self, black: Iterable[int], white: Iterable[int]) -> bool:
        """Stones on an empty board, Black to play. False, and nothing changed, if they cannot stand there."""
        board = Board(self.size, superko=True)
        try:
            board.setup(black, white)
        except ValueError:
            return False
        self.clear()
        self._board = board
        return True

    def set_to_play(self, colour: int) -> None:
        """Set whose turn it is before the first move."""
        stones = self._board.setup_stones
        black, white = ([point for side, point in stones if side == each] for each in (BLACK, WHITE))
        board = Board(self.size, superko=True)
        board.setup(black, white, colour)
        self.forget_analysis()
        self._board = board

    # Playing

    def accept(self, colour: int, point: int) -> bool:
        """Play a move or a pass of either colour. False, and nothing changed, if the point is occupied."""
        return self.accept_all([(colour, point)])

    def accept_all(self, moves: Moves) -> bool:
        """Play all the moves. False, and nothing changed, if one of the points is occupied."""
        board = self._board if len(moves) == 1 else self._board.copy()
        try:
            for colour, point in moves:
                board.play_tolerant(point, colour)
        except IllegalMove:
            return False
        self._board = board
        return True

    def choose(self, colour: int, seconds: float | None = None) -> int | None:
        """Our move for `colour`, not yet played; None resigns. `seconds` is a limit, None is no limit."""
        return self._choose(colour, seconds).point

    def move(
        self, colour: int, seconds: float | None = None, clean_up: bool = False, options: Options | None = None
    ) -> int | None:
        """The same, played; of an analysis's options, where there is one."""
        choice = self._choose(colour, seconds, clean_up, options)
        if choice.point is not None:
            self.accept(colour, choice.point)
        self._note(choice)
        return choice.point

    def _choose(
        self, colour: int, seconds: float | None, clean_up: bool = False, options: Options | None = None
    ) -> Choice:
        return self.player.choose(
            self._board, colour, rules=self._counted(), seconds=seconds, cleanup=clean_up, options=options
        )

    def _note(self, choice: Choice | None) -> None:
        """Keep how our last move was chosen, and how many moves there are with it."""
        self.last_choice, self._moves_then = choice, len(self._board.moves)

    def undo(self, moves: int = 1) -> bool:
        """Take moves back. False, and nothing changed, if fewer were played since the set-up."""
        if not 0 <= moves <= len(self._board.moves):
            return False
        self._board.undo(moves)
        if len(self._board.moves) < self._moves_then:
            self._note(None)
        return True

    # The end

    def judge(self) -> Judgement:
        """Who owns what, which stones are dead, and the score; always the same for one position."""
        board, rules = self._board, self._counted()
        position = (board.moves.copy(), rules)
        if self._judged is None or self._judged[0] != position:
            self._judged = position, self.player.judge.judge(board, rules)
        return self._judged[1]

    def _counted(self) -> GameRules:
        """The rules, with the compensation for Black's handicap added to the komi."""
        return replace(self.rules, komi=self.rules.komi_and_compensation(self.handicap), handicap_bonus="0")

    # The network's view

    def prior(self, symmetry: int | None = None, colour: int | None = None) -> NDArray[np.float32]:
        """float32 (N*N,): the prior under one symmetry, or its average over all of them."""
        board = self._seen_by(colour)
        if symmetry is None:
            return self.player.prior(board, 8)
        prior: NDArray[np.float32] = self.player.priors([board], symmetry)[0]
        return prior

    def legal_points(self, colour: int | None = None) -> NDArray[np.bool_]:
        """bool (N*N,): where `colour` may play."""
        return self._seen_by(colour).legal_points()[:-1]

    def analyst(self, colour: int | None = None, restrictions: tuple[Restriction, ...] = ()) -> Analyst:
        """An analyst of this position for `colour`. Asked again for the same position, it continues."""
        board, rules = self._seen_by(colour), self._counted()
        if self._analyst is None or not self._analyst.is_of(board, rules, restrictions):
            self._analyst = Analyst(self.player, board, rules, restrictions)
        return self._analyst

    def forget_analysis(self) -> None:
        """Start the next analysis from nothing."""
        self._analyst = self._judged = None

    def _seen_by(self, colour: int | None) -> Board:
        board = self._board.copy()
        if colour is not None:
            board.to_play = colour
        return board

    # How we play

    @property
    def style(self) -> Style:
        """How moves are picked."""
        return self.player.style

    def set_style(self, style: Style) -> None:
        """Pick moves in another way from now on."""
        self.player.style = style
        self._analyst = None  # it may have looked at fewer symmetries, or at more

    def change_style(self, **changes: Any) -> None:
        """Change some of a style's attributes."""
        self.set_style(replace(self.style, **changes))

    @property
    def resign(self) -> float | None:
        """The chance of winning below which hayago resigns, or None."""
        return self.player.resign

    def set_resign(self, resign: float | None) -> None:
        """Resign below another chance of winning from now on, or never (None)."""
        self.player.resign = resign

    # Records

    def load(self, path: Path, move_number: int | None = None) -> bool:
        """Set up the game of an SGF file before that move, or at its end.

        False, and nothing changed, if the file cannot be used or is for another size.
        """
        try:
            self.take_up(read_first(path), move_number)
        except (ValueError, HayagoError):
            return False
        return True

    def take_up(self, record: GameRecord, move_number: int | None = None) -> None:
        """Set up the game of a record before that move, or at its end, under its rules and komi if it names them.

        Raises:
            HayagoError: there is no network for its size, or its stones cannot stand there. Nothing is changed.
        """
        if record.size not in self.player.sizes:
            sizes = named_sizes(self.sizes)
            raise HayagoError(f"the network is for boards of {sizes}, not {record.size}x{record.size}")
        ply = None if move_number is None else min(max(move_number - 1, 0), len(record.moves))
        board = Board.from_record(record, ply, superko=True)
        self.resize(record.size)
        self._board, self._handicap = board, record.handicap if record.handicap >= 2 else 0
        if record.rules != sgf_name(self.rules) and (rules := rules_of_sgf(record.rules)) is not None:
            self.rules = replace(rules, komi=self.rules.komi)
        if record.komi is not None:
            self.set_komi(record.komi)

    def sgf(self) -> bytes:
        """The game as an SGF file."""
        return write_sgf(self.record())

    def record(self) -> GameRecord:
        """The game as a record without names."""
        board = self._board
        black, white = (
            tuple(sorted(point for side, point in board.setup_stones if side == colour)) for colour in (BLACK, WHITE)
        )
        return GameRecord(
            size=board.size,
            komi=self.rules.komi,
            handicap=self._handicap,
            rules=sgf_name(self.rules),
            setup_black=black,
            setup_white=white,
            moves=move_codes(board.moves),
            black="",
            white="",
            black_rank="",
            white_rank="",
            date="",
            result="",
            event="",
            to_play=board.moves[0][0] if board.moves else board.to_play,
            source="",
            cut="",
        )
