"""The games that the page plays and reviews, kept in memory: whose turn it is, what is allowed, how they ended.

`WebGame` is a `hayago.player.game.Game` with what a page needs in addition; its lock makes requests to one game wait
for each other. `Room` holds the network and a limited number of games; the game idle for longest makes way for a new
one.
"""

import re
import secrets
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import replace
from datetime import date
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hayago.errors import HayagoError
from hayago.network.board_sizes import named_sizes
from hayago.network.evaluator import Evaluator
from hayago.player.game import Game
from hayago.player.player import Player
from hayago.player.styles import LEVELS, LIKE_HUMAN, Style, rank_in
from hayago.records.sgf import BadRecord, GameRecord, read_comments, scan_sgf, write_sgf
from hayago.rules.board import Board, IllegalMove
from hayago.rules.coordinates import BLACK, MAX_SIZE, WHITE, opponent, vertex_of, vertex_to_point
from hayago.rules.game_rules import PRESETS, score_text
from hayago.web import schema
from hayago.web.agreement import Opinion, opinions, show_moves, summarise
from hayago.web.views import describe_style, letter, show_position, show_score

GAMES = 64
MOVES = 2000  # most moves of a game; the longest real ones have several hundred
REVIEWED = 64  # most moves of one part of a review
NAME, COMMENT = 200, 5000  # characters kept of a name and of a comment in an SGF file
HANDICAP_KOMI = 0.5  # komi in handicap games; half a point avoids draws
# The beginning of a game without moves: a root property, the comment, or a game that says nothing at all.
_ROOT = re.compile(
    rb"(?:\(\s*;|\A\s*;?)\s*(?:AB|AN|AP|AW|BR|BT|C|CA|CP|DT|EV|FF|GC|GM|GN|HA|KM|N|ON|OT|PB|PC|PL|PW|RE|RO|RU|SO|ST|SZ"
    rb"|TM|US|WR|WT)\s*\[|\A[\xEF\xBB\xBF\xFE\xFF]*\s*\(\s*;\s*\)\s*\Z"
)
RESIGN = 0.05  # chance of winning below which the network resigns


class Refused(HayagoError):
    """A request that cannot be granted.

    Attributes:
        status: the HTTP status.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


# Set when the client no longer waits.
CLIENT_GONE: ContextVar[threading.Event | None] = ContextVar("CLIENT_GONE", default=None)


class OneAtATime:
    """An evaluator for many threads. Each look uses all cores, so looks are made one at a time, in order.

    No look is made for a request whose client has gone: `Refused` ends its work.
    """

    def __init__(self, evaluator: Evaluator) -> None:
        self.info, self.sizes = evaluator.info, evaluator.sizes
        self._evaluator = evaluator
        self._worker = ThreadPoolExecutor(1, "network")

    def logits(self, rows: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Evaluator`."""
        return self._worker.submit(self._look, rows, CLIENT_GONE.get()).result()

    def _look(self, rows: NDArray[np.uint8], gone: threading.Event | None) -> NDArray[np.float32]:
        if gone is not None and gone.is_set():
            raise Refused(400, "the request broke off")
        return self._evaluator.logits(rows)


class WebGame:
    """A game on the page.

    Args:
        id: its name in URLs.
        kind: "play" or "review".
        game: the board, the rules, and the player for the network's side.
        human: the colour that the user plays, or "both".
        level: the network's level, unless it plays as people do.
        like_human: whether it plays as people do.
        record: what an SGF file says besides the moves, or who plays.
        comments: the SGF file's, by the index of the move.

    Attributes:
        lock: held while the game is used; reading a position only copies the board.
    """

    def __init__(
        self,
        id: str,
        kind: Literal["play", "review"],
        game: Game,
        record: GameRecord,
        *,
        human: schema.Side = "both",
        level: int = len(LEVELS),
        like_human: bool = False,
        comments: dict[int, str] | None = None,
    ) -> None:
        self.id, self.kind = id, kind
        self.lock = threading.Lock()
        self._reviewing = threading.Lock()
        self._game, self._record = game, record
        self._human, self._level, self._like_human = human, level, like_human
        self._comments = comments or {}
        self._resigned: int | None = None
        self._opinions: dict[int | None, dict[int, Opinion]] = {}
        self._guesses: dict[int, tuple[bool, bool]] = {}  # whether the user's guess was right, and the network's

    # What stands there

    @property
    def player(self) -> Player:
        """The network's side."""
        return self._game.player

    def board_at(self, ply: int) -> Board:
        """A copy of the board after so many moves."""
        board = self._game.board
        if ply > len(board.moves):
            raise Refused(404, f"the game has {len(board.moves)} moves, so no position {ply}")
        return board.after(ply)

    def show(self) -> schema.GameState:
        """The game as the API gives it."""
        board, record, over = self._game.board, self._record, self._over()
        return schema.GameState(
            id=self.id,
            kind=self.kind,
            board_size=board.size,
            rules=record.rules,
            komi=record.komi if self.kind == "review" else self._game.rules.komi,
            handicap=self._game.handicap,
            human=self._human,
            level=self._level,
            like_human=self._like_human,
            players={
                "B": schema.Person(name=record.black, rank=record.black_rank),
                "W": schema.Person(name=record.white, rank=record.white_rank),
            },
            event=record.event,
            date=record.date,
            result=over.score_text if over else record.result,
            comment=self._comments.get(-1, ""),
            note=f"the record ends early: {record.cut}" if record.cut else "",
            moves=[
                schema.Move(
                    colour=letter(colour), vertex=vertex_of(point, board.size), comment=self._comments.get(index, "")
                )
                for index, (colour, point) in enumerate(board.moves)
            ],
            position=show_position(board.after(0) if self.kind == "review" else board),
            over=over,
        )

    def score(self) -> schema.Score:
        """The last position counted."""
        return show_score(self._game.judge(), self._game.size)

    def sgf(self) -> bytes:
        """The game as an SGF file."""
        if self.kind == "review":
            return write_sgf(self._record, self._comments)
        over = self._over()
        named = self._record._asdict()
        names = {name: named[name] for name in ("black", "white", "date", "rules")}
        result = over.score_text if over else ""
        return write_sgf(self._game.record()._replace(**names, result=result))

    def _over(self) -> schema.Over | None:
        if self.kind == "review":
            return None
        if self._resigned is not None:
            other = letter(opponent(self._resigned))
            return schema.Over(reason="resignation", winner=other, score_text=f"{other}+R")
        if self._game.board.is_over:
            score = self._game.judge().score
            winner = None if score == 0 else letter(BLACK if score > 0 else WHITE)
            return schema.Over(reason="passes", winner=winner, score_text=score_text(score))
        return None

    # Playing

    def play(self, vertex: schema.Vertex) -> None:
        """The user's move."""
        board = self._turn(user=True)
        board.play(read_vertex(vertex, board.size))

    def reply(self) -> None:
        """The network's move, or its resignation."""
        board = self._turn(user=False)
        colour = board.to_play
        point = self._game.choose(colour)
        if point is None:
            self._resigned = colour
        else:
            board.play(point)

    def undo(self) -> None:
        """Go back to before the user's last move, or to before the user's resignation."""
        self._check_played()
        board, resigned = self._game.board, self._resigned
        if resigned is not None and self._is_users(resigned):
            self._resigned = None
            return
        last = max((n for n, (colour, _) in enumerate(board.moves) if self._is_users(colour)), default=None)
        if last is None:
            raise Refused(409, "there is no move to take back")
        self._resigned = None
        self._game.undo(len(board.moves) - last)
        self._guesses = {ply: guess for ply, guess in self._guesses.items() if ply < last}
        for look, seen in self._opinions.items():
            self._opinions[look] = {ply: opinion for ply, opinion in seen.items() if ply < last}

    def resign(self, colour: schema.Colour) -> None:
        """The user resigns."""
        self._check_played()
        if self._over():
            raise Refused(409, "the game is over")
        side = BLACK if colour == "B" else WHITE
        if not self._is_users(side):
            raise Refused(409, "that is the network's colour")
        self._resigned = side

    def _turn(self, user: bool) -> Board:
        """The board, if it is the turn of the user (or of the network)."""
        self._check_played()
        board = self._game.board
        if self._resigned is not None or board.is_over:
            raise Refused(409, "the game is over")
        if len(board.moves) >= MOVES:
            raise Refused(409, f"the game has {MOVES} moves: no more are played here")
        if self._is_users(board.to_play) != user:
            raise Refused(409, f"it is {'the network' if user else 'the user'}'s turn")
        return board

    def _check_played(self) -> None:
        if self.kind == "review":
            raise Refused(409, "this game is reviewed, not played")

    def _is_users(self, colour: int) -> bool:
        return self._human in ("both", letter(colour))

    # Looking back

    def review(self, first: int, last: int | None, symmetry: schema.Symmetry) -> schema.Review:
        """What the network thinks of some moves, `last` included, at most REVIEWED. The lock must not be held.

        Who asks for the same moves meanwhile waits for them, so that they are looked at once.
        """
        with self._reviewing:
            return self._review(first, last, symmetry)

    def _review(self, first: int, last: int | None, symmetry: schema.Symmetry) -> schema.Review:
        look = which(symmetry)
        with self.lock:
            board = self._game.board.copy()
            known = dict(self._opinions.get(look, {}))
        count = len(board.moves)
        end = min(count, first + REVIEWED, count if last is None else last + 1)
        plies = range(min(first, count), end)
        new = opinions(self.player, board, [ply for ply in plies if ply not in known], look)
        with self.lock:
            # The opinion on a move that was taken back meanwhile is dropped.
            now = self._game.board.moves
            kept = self._opinions.setdefault(look, {})
            kept.update({ply: opinion for ply, opinion in new.items() if now[: ply + 1] == board.moves[: ply + 1]})
        known |= new
        players, chart = summarise(board, known) if len(known) == count else (None, None)
        return schema.Review(symmetry=symmetry, moves=show_moves(board, known, plies), players=players, chart=chart)

    def guess(self, ply: int, vertex: schema.Vertex) -> schema.Guess:
        """The user's guess at a move and the network's. The lock must not be held."""
        with self.lock:
            board = self._game.board.copy()
        if ply >= len(board.moves):
            raise Refused(404, f"the game has {len(board.moves)} moves, none after position {ply}")
        before, size = board.after(ply), board.size
        played, point = board.moves[ply][1], read_vertex(vertex, size)
        if board.pass_point in (played, point):
            raise Refused(409, "the next move is a pass, which the network does not know")
        before.copy().play(point)  # a guess must be legal
        prior = self.player.priors([before])[0]
        best = int(prior.argmax())
        with self.lock:
            if self._game.board.moves[: ply + 1] != board.moves[: ply + 1]:
                raise Refused(409, "the move was taken back")
            self._guesses.setdefault(ply, (point == played, best == played))
            users, networks = zip(*self._guesses.values(), strict=True)
        return schema.Guess(
            played=vertex_of(played, size),
            network=vertex_of(best, size),
            guess=schema.GuessAbout(
                rank=rank_in(prior, point), prior=round(float(prior[point]), 6), right=point == played
            ),
            score=schema.GuessScore(user=sum(users), network=sum(networks), of=len(users)),
        )


class Room:
    """The network, and the games played and reviewed with it.

    Args:
        evaluator: the network.
    """

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = OneAtATime(evaluator)
        self.size = evaluator.info.board_size
        self._games: OrderedDict[str, WebGame] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, asked: schema.NewGame) -> WebGame:
        """A game to play."""
        if asked.handicap == 1:  # one stone is just the first move
            raise Refused(422, "handicap: 0, or 2 to 9 stones")
        style = LIKE_HUMAN if asked.like_human else LEVELS[asked.level - 1]
        game = self._new(style)
        size = self.size if asked.size is None else asked.size
        if not game.resize(size):
            raise Refused(422, f"size: the network is for boards of {named_sizes(game.sizes)}")
        rules = PRESETS[asked.rules]
        usual = rules.komi if asked.handicap == 0 else HANDICAP_KOMI
        game.rules = replace(rules, komi=usual if asked.komi is None else asked.komi + 0.0)  # no -0
        if asked.handicap:
            points = game.fixed_handicap(asked.handicap)
            if not points:
                raise Refused(422, f"handicap: {size}x{size} has no {asked.handicap} fixed stones")
            game.set_handicap(points)
        game.board.superko = rules.ko != "simple"
        network = f"hayago, {'like a human' if asked.like_human else f'level {asked.level}'}"
        users = ("B", "W") if asked.human == "both" else (asked.human,)
        record = game.record()._replace(
            black="" if asked.human == "both" else "You" if "B" in users else network,
            white="" if asked.human == "both" else "You" if "W" in users else network,
            date=date.today().isoformat(),
            rules=asked.rules,
        )
        return self._keep(
            WebGame(
                secrets.token_urlsafe(9),
                "play",
                game,
                record,
                human=asked.human,
                level=asked.level,
                like_human=asked.like_human,
            )
        )

    def take_up(self, data: bytes) -> WebGame:
        """A game to review: the first one of an SGF file, its main line."""
        record = next(scan_sgf(data))
        if isinstance(record, BadRecord):
            raise record
        if not _is_game(record, data):
            raise BadRecord("", "not SGF", "no game begins in it")
        if len(record.moves) > MOVES:
            raise Refused(422, f"the game has {len(record.moves):,} moves; at most {MOVES:,} are taken")
        game = self._new(LEVELS[-1])
        try:
            game.take_up(record)
        except IllegalMove as error:
            raise Refused(422, str(error)) from error
        game.board.superko = False  # the rules of the record
        short = {name: getattr(record, name)[:NAME] for name in ("black", "white", "event", "result", "rules")}
        ranks = {name: getattr(record, name)[:NAME] for name in ("black_rank", "white_rank")}
        comments = {index: text[:COMMENT] for index, text in read_comments(data).items()}
        kept = record._replace(**short, **ranks)
        return self._keep(WebGame(secrets.token_urlsafe(9), "review", game, kept, comments=comments))

    def get(self, id: str) -> WebGame:
        """The game with that id."""
        with self._lock:
            game = self._games.get(id)
            if game is None:
                raise Refused(404, f"there is no such game; the last {GAMES} are kept while the server runs")
            self._games.move_to_end(id)
            return game

    def drop(self, id: str) -> None:
        """Forget a game."""
        self.get(id)
        with self._lock:
            self._games.pop(id, None)

    def levels(self) -> list[schema.Level]:
        """The levels that can be chosen."""
        return [schema.Level(level=n, text=describe_style(style)) for n, style in enumerate(LEVELS, 1)]

    def _new(self, style: Style) -> Game:
        return Game(Player(self.evaluator, style, resign=RESIGN))

    def _keep(self, game: WebGame) -> WebGame:
        with self._lock:
            self._games[game.id] = game
            while len(self._games) > GAMES:
                self._games.popitem(last=False)
        return game


def _is_game(record: GameRecord, data: bytes) -> bool:
    """Whether there is more of a game than a parenthesis and a semicolon, which other files have, too."""
    counts = len(record.moves), len(record.setup_black), len(record.setup_white), record.handicap
    texts = (record.black, record.white, record.rules, record.date, record.result, record.event)
    if any(counts) or any(texts) or record.komi is not None or record.size != MAX_SIZE:
        return True
    return _ROOT.search(data.replace(b"\0", b"")) is not None  # of UTF-16, only the letters


def read_vertex(vertex: schema.Vertex, size: int) -> int:
    """The point of a vertex from a request."""
    try:
        return vertex_to_point(vertex, size)
    except ValueError as error:
        raise Refused(422, str(error)) from error


def which(symmetry: schema.Symmetry) -> int | None:
    """The symmetry's number, None for the average of all."""
    return None if symmetry == "average" else int(symmetry)
