"""One game of a match: two engines, a board that judges every move, and the question of who won.

A *seat* is one engine in one game, with its colour and its clock. A game ends by two passes, by resignation, at the
move limit, or when an engine is *charged*: it dies, breaks the protocol, is late, plays an illegal move, or refuses a
legal one. A charged engine loses the game, and nothing it does ends more than that game.

After two passes or at the move limit, the referee decides who won. Without a referee, both engines must agree. If no
one decides, the game is *void*.
"""

import contextlib
import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple, NoReturn

from hayago.gtp.client import BadReply, CommandFailed, EngineDied, EngineError, EngineTimeout, GtpClient
from hayago.match.match_clock import MatchClock, TimeSettings
from hayago.match.openings import opening_board
from hayago.records.games import move_codes
from hayago.records.sgf import GameRecord, write_sgf
from hayago.rules.board import Board, IllegalMove
from hayago.rules.coordinates import BLACK, COLOUR_NAMES, WHITE, opponent, point_to_vertex, vertex_to_point

CHARGES = ("crash", "time-out", "junk", "refusal", "illegal move", "clock")
SCORED = ("passes", "move limit")  # how a game ends that is scored
ENDINGS = (*SCORED, "resignation")  # how one ends in which no one is charged
REFEREE = "referee"
DRAW = "draw"

_LETTERS = {BLACK: "B", WHITE: "W"}
_CHARGE_OF: dict[type[EngineError], str] = {
    EngineDied: "crash",
    EngineTimeout: "time-out",
    BadReply: "junk",
    CommandFailed: "refusal",
}
# A lead of up to 9,999 points, not 0, or a word of SGF's; an engine's remark may follow.
_SCORE = re.compile(
    r"([BW])\+(?:(?=[\d.]*[1-9])\d{1,4}(?:\.\d{0,9})?|R|Resign|T|Time|F|Forfeit)?(?!\S)|(0(?:\.0*)?|draw|jigo)\s*$",
    re.IGNORECASE,
)

Hire = Callable[[str], GtpClient]  # gives the engine of a player or of the referee, by name; starts it if necessary


@dataclass(frozen=True)
class Conditions:
    """What all games of a match have in common.

    Attributes:
        size: the board's side.
        komi: points for White.
        rules: sent to the engines that can be told, and written to the SGF. The referee decides who won.
        ko: "simple" forbids retaking a ko at once, "positional" every repetition of a position.
        move_limit: after this many moves, including the opening's, a game is scored as it stands.
        timeout_seconds: per answer of an engine.
        time: the clock, or None.
    """

    size: int = 19
    komi: float = 7.5
    rules: Literal["chinese", "japanese"] = "chinese"
    ko: Literal["simple", "positional"] = "simple"
    move_limit: int = 722
    timeout_seconds: float = 120.0
    time: TimeSettings | None = None


class Pairing(NamedTuple):
    """A game to play: its number in the match, its opening, the players' colours, and its seed."""

    number: int
    opening: int
    black: str
    white: str
    seed: int


class GameResult(NamedTuple):
    """A finished game, as one line of the match's results; JSON values only.

    Attributes:
        number, opening, black, white, seed: see `Pairing`.
        winner: the winner's name, DRAW, or "" for a void game.
        result: SGF's RE: B+12.5, W+R, B+F (charged), W+T (clock or time-out), 0, Void.
        ending: "passes", "resignation", "move limit", or one of CHARGES.
        charged: the name of the charged player, or "".
        detail: what exactly went wrong, if anything did.
        scores: the final score according to each that was asked; keys are "black", "white", "referee".
        disputed: whether these name different winners.
        moves: number of moves, including the opening's.
        fingerprint: equal for two games exactly if their moves are equal.
        black_seconds, white_seconds: time the players took for their moves.
    """

    number: int
    opening: int
    black: str
    white: str
    seed: int
    winner: str
    result: str
    ending: str
    charged: str
    detail: str
    scores: dict[str, str]
    disputed: bool
    moves: int
    fingerprint: str
    black_seconds: float
    white_seconds: float


class _Over(Exception):
    """The game has ended: how, who won (None if it must be scored), who is charged and why."""

    def __init__(self, ending: str, winner: int | None = None, charged: int | None = None, detail: str = "") -> None:
        super().__init__(ending)
        self.ending, self.winner, self.charged, self.detail = ending, winner, charged, detail


def play_game(
    pairing: Pairing, opening: GameRecord, conditions: Conditions, hire: Hire, *, referee: bool
) -> tuple[GameResult, bytes]:
    """Play one game. Returns its result and its SGF."""
    game = _Game(pairing, opening, conditions, hire)
    try:
        game.play()
    except _Over as over:
        return game.conclude(over, referee)


def set_up(client: GtpClient, conditions: Conditions) -> None:
    """Prepare an engine, a player or the referee, for a new game under these conditions.

    Raises:
        EngineError: it refuses, or does not work.
    """
    client.send(f"boardsize {conditions.size}")
    client.send("clear_board")
    client.send(f"komi {conditions.komi:g}")
    for command in ("kata-set-rules", "kgs-rules"):
        if client.known(command):
            client.send(f"{command} {conditions.rules}")
            break


def set_up_player(client: GtpClient, conditions: Conditions, seed: int) -> None:
    """Prepare a player, with its clock and, if it takes one, its seed.

    Raises:
        EngineError: see `set_up`.
    """
    set_up(client, conditions)
    if conditions.time is not None:
        client.send("time_settings {} {} {}".format(*conditions.time))
    if client.known("set_random_seed"):
        client.send(f"set_random_seed {seed}")


class _Seat:
    """One engine in one game."""

    def __init__(self, name: str, colour: int, conditions: Conditions) -> None:
        self.name, self.colour = name, colour
        self.clock = MatchClock(conditions.time) if conditions.time else None
        self.seconds = 0.0
        self._limit = conditions.timeout_seconds
        self._client: GtpClient | None = None

    def sit_down(self, hire: Hire, conditions: Conditions, seed: int) -> None:
        try:
            self._client = hire(self.name)
            set_up_player(self._client, conditions, seed)
        except EngineError as error:
            self.charge(error)

    @property
    def client(self) -> GtpClient:
        assert self._client is not None
        return self._client

    def charge(self, error: EngineError) -> NoReturn:
        raise _Over(_CHARGE_OF.get(type(error), "crash"), opponent(self.colour), self.colour, str(error)) from error

    def told(self, colour: int, vertex: str) -> None:
        """Tell the engine a move that was played."""
        try:
            self.client.send(f"play {_LETTERS[colour]} {vertex}")
        except EngineError as error:
            self.charge(error)

    def genmove(self) -> str:
        """The engine's move, within its time."""
        letter, limit = _LETTERS[self.colour], self._limit
        try:
            if self.clock is not None:
                if self.client.known("time_left"):
                    self.client.send(f"time_left {letter} {round(self.clock.seconds_left)} {self.clock.stones_left}")
                limit = min(limit, self.clock.seconds_for_move)  # the clock starts only now
            began = time.monotonic()
            answer = self.client.send(f"genmove {letter}", limit)
        except EngineError as error:
            if isinstance(error, EngineTimeout) and limit < self._limit:
                raise self._out_of_time() from error
            self.charge(error)
        seconds = time.monotonic() - began
        self.seconds += seconds
        if self.clock is not None and not self.clock.spend(seconds):
            raise self._out_of_time()
        return answer.strip()

    def explanation(self) -> str:
        """The engine's comment on the move it has just played, if it gives one."""
        try:
            if self.client.known("gomill-explain_last_move"):
                with contextlib.suppress(CommandFailed):
                    return self.client.send("gomill-explain_last_move").strip()
        except EngineError as error:
            self.charge(error)
        return ""

    def final_score(self) -> tuple[str, str]:
        """The engine's final score, or "" and the reason. The game is over, so no one is charged."""
        try:
            return self.client.send("final_score").strip(), ""
        except CommandFailed:
            return "", ""
        except EngineError as error:
            return "", str(error)

    def _out_of_time(self) -> _Over:
        return _Over("clock", opponent(self.colour), self.colour, f"{self.name}: the time has run out")


class _Game:
    """A game in progress."""

    def __init__(self, pairing: Pairing, opening: GameRecord, conditions: Conditions, hire: Hire) -> None:
        self._pairing, self._opening, self._conditions, self._hire = pairing, opening, conditions, hire
        names = {BLACK: pairing.black, WHITE: pairing.white}
        self._seats = {colour: _Seat(name, colour, conditions) for colour, name in names.items()}
        self._board = opening_board(opening, superko=conditions.ko == "positional")
        self._comments: dict[int, str] = {}

    def play(self) -> NoReturn:
        """Play until the game is over.

        Raises:
            _Over: it is over.
        """
        for seat in self._seats.values():
            seat.sit_down(self._hire, self._conditions, self._pairing.seed)
            for colour, point in _stones(self._opening):
                seat.told(colour, point_to_vertex(point, self._conditions.size))
        while True:
            if self._board.is_over:
                raise _Over("passes")
            if len(self._board.moves) >= self._conditions.move_limit:
                raise _Over("move limit")
            self._move(self._board)

    def _move(self, board: Board) -> None:
        colour = board.to_play
        mover, other = self._seats[colour], self._seats[opponent(colour)]
        answer = mover.genmove()
        if answer.lower() == "resign":
            raise _Over("resignation", opponent(colour))
        try:
            point = vertex_to_point(answer, board.size)
            board.play(point)
        except ValueError as error:  # an IllegalMove is a ValueError
            reason = str(error).splitlines()[0] if isinstance(error, IllegalMove) else f"answered {answer[:40]!r}"
            raise _Over("illegal move", opponent(colour), colour, f"{mover.name}: {reason}") from error
        if comment := mover.explanation():
            self._comments[len(board.moves) - 1] = comment
        other.told(colour, point_to_vertex(point, board.size))

    def conclude(self, over: _Over, referee: bool) -> tuple[GameResult, bytes]:
        """The result of the finished game."""
        scores: dict[str, str] = {}
        details = [over.detail]
        disputed = False
        if over.winner is not None:
            winner: int | None = over.winner
            how = "R" if over.charged is None else "T" if over.ending in ("clock", "time-out") else "F"
            result = f"{_LETTERS[over.winner]}+{how}"
        else:
            asked = {COLOUR_NAMES[colour]: seat.final_score() for colour, seat in self._seats.items()}
            if referee:
                asked[REFEREE] = self._ask_referee()
            scores = {who: said for who, (said, _) in asked.items() if said}
            details += [trouble for _, trouble in asked.values()]
            winner, result, disputed = _judge(scores)
        black, white = self._seats[BLACK], self._seats[WHITE]
        outcome = GameResult(
            *self._pairing,
            winner={BLACK: black.name, WHITE: white.name, 0: DRAW, None: ""}[winner],
            result=result,
            ending=over.ending,
            charged=self._seats[over.charged].name if over.charged else "",
            detail="; ".join(filter(None, details)),
            scores=scores,
            disputed=disputed,
            moves=len(self._board.moves),
            fingerprint=self._fingerprint(),
            black_seconds=round(black.seconds, 3),
            white_seconds=round(white.seconds, 3),
        )
        return outcome, self._sgf(outcome)

    def _ask_referee(self) -> tuple[str, str]:
        """The referee's score, or "" and the reason. A referee that fails is restarted and asked again once."""
        trouble = ""
        for _ in range(2):
            try:
                client = self._hire(REFEREE)
                set_up(client, self._conditions)
                for colour, point in [*_stones(self._opening, moves=False), *self._board.moves]:
                    client.send(f"play {_LETTERS[colour]} {point_to_vertex(point, self._conditions.size)}")
                return client.send("final_score").strip(), ""
            except EngineError as error:
                trouble = str(error)
                if isinstance(error, CommandFailed):
                    break
        return "", trouble

    def _fingerprint(self) -> str:
        stones = self._board.setup_stones, self._board.moves
        return hashlib.sha256(repr(stones).encode()).hexdigest()[:16]

    def _sgf(self, outcome: GameResult) -> bytes:
        moves = self._board.moves
        record = self._opening._replace(
            komi=self._conditions.komi,
            rules=self._conditions.rules.capitalize(),
            moves=move_codes(moves),
            black=outcome.black,
            white=outcome.white,
            black_rank="",
            white_rank="",
            date=date.today().isoformat(),
            result=outcome.result,
            event=f"game {outcome.number}, opening {outcome.opening + 1}",
        )
        said = [f"{who}: {score}" for who, score in outcome.scores.items()]
        last = "\n".join([outcome.ending, *filter(None, [outcome.detail]), *said])
        end = len(moves) - 1
        comments = {**self._comments, end: "\n\n".join(filter(None, [self._comments.get(end, ""), last]))}
        return write_sgf(record, comments)


def _stones(opening: GameRecord, *, moves: bool = True) -> list[tuple[int, int]]:
    """An opening as (colour, point), to be sent one by one; in GTP a colour may play several times in a row."""
    stones = [(BLACK, point) for point in opening.setup_black] + [(WHITE, point) for point in opening.setup_white]
    return stones + (list(opening.plays()) if moves else [])


def _winner(score: str) -> int | None:
    """The winner by a final score: BLACK, WHITE, 0 for neither; None if it is not a score."""
    match = _SCORE.match(score)
    if match is None:
        return None
    return {"B": BLACK, "W": WHITE, "": 0}[(match[1] or "").upper()]


def _judge(scores: dict[str, str]) -> tuple[int | None, str, bool]:
    """The winner by the reported scores, the result as in SGF, and whether it is disputed."""
    named = {who: winner for who, score in scores.items() if (winner := _winner(score)) is not None}
    disputed = len(set(named.values())) > 1
    deciding = REFEREE if REFEREE in named else "black"
    agreed = not disputed and {"black", "white"} <= named.keys()
    if deciding not in named or not (deciding == REFEREE or agreed):
        return None, "Void", disputed
    winner = named[deciding]
    return winner, "0" if winner == 0 else scores[deciding].split()[0].upper(), disputed
