"""The Go Text Protocol, version 2, as text: lines, ids, arguments and replies, and the one register of commands.

There are three layers. This file and the handlers in `standard`, `analyze`, `kata` and `gogui` turn lines into replies.
`hayago.player.game` keeps the position and undoes moves. `hayago.player.player` picks the move. Nothing in this layer
imports numpy, numba or a network, because clients take an engine that is slow to answer `name` for a dead one. The game
is loaded after the first reply (`hayago.gtp.process.serve`).

Section numbers are those of "Specification of the Go Text Protocol, version 2, draft 2", G. Farneback, 2002.
"""

import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from hayago.gtp.move_clock import MoveClock
from hayago.rules.coordinates import BLACK, WHITE, point_to_vertex, vertex_to_point

if TYPE_CHECKING:
    from hayago.player.game import Game

# 3.1: tabs become spaces, other control characters vanish
_CONTROL_CHARACTERS = dict.fromkeys([*range(32), 127]) | {ord("\t"): " "}
_MOST = 1e10  # larger numbers are not meant seriously


class GtpError(Exception):
    """The command fails; the message is the reply's text."""


class GtpQuit(Exception):
    """The session ends after an empty reply."""


class GtpFatal(Exception):
    """The game could not be loaded; the cause is the first argument."""


class Arguments(list[str]):
    """The words after the command. `text` is the unsplit text, for arguments that may contain spaces.

    An argument that cannot be read is a "syntax error" (2.11). Additional words are ignored, because clients send them.
    """

    def __init__(self, text: str) -> None:
        super().__init__(word for word in text.split(" ") if word)  # no other character counts as white space
        self.text = text

    def word(self, index: int) -> str:
        """The word at an index, which must exist."""
        if index >= len(self):
            raise GtpError("syntax error")
        return self[index]

    def integer(self, index: int) -> int:
        """An integer."""
        try:
            return int(self._numeral(index))
        except ValueError:
            raise GtpError("syntax error") from None

    def number(self, index: int) -> float:
        """A number that is neither infinite nor NaN."""
        try:
            number = float(self._numeral(index))
        except ValueError:
            raise GtpError("syntax error") from None
        if not abs(number) <= _MOST:
            raise GtpError("syntax error")
        return number

    def _numeral(self, index: int) -> str:
        """The word, unless only Python would take it for a number."""
        word = self.word(index)
        if not word.isascii() or "_" in word:
            raise GtpError("syntax error")
        return word

    def colour(self, index: int) -> int:
        """BLACK or WHITE."""
        colour = read_colour(self.word(index))
        if colour is None:
            raise GtpError("syntax error")
        return colour

    def point(self, index: int, size: int) -> int:
        """A point or the pass."""
        try:
            return vertex_to_point(self.word(index), size)
        except ValueError:
            raise GtpError("syntax error") from None


Handler = Callable[["Engine", Arguments], str | Iterator[str]]

COMMANDS: dict[str, Handler] = {}


def command(*names: str) -> Callable[[Handler], Handler]:
    """Register a handler. `list_commands`, `known_command` and dispatch use this register and nothing else.

    A handler takes the engine and the words after the command. It returns the text of the reply, or an iterator of
    lines for a reply that is written as it grows. It raises only GtpError, before its first line, and GtpQuit. Any
    other exception is answered as an internal error.
    """

    def register(handler: Handler) -> Handler:
        for name in names:
            COMMANDS[name] = handler
        return handler

    return register


class Engine:
    """Turns lines into replies.

    Args:
        wait_for_game: returns the game; called whenever a command needs it.
        input_within: whether the client sends something within a number of seconds, which ends a growing reply.
        name: the answer to `name`.

    Attributes:
        clock: how long our moves may take.
        finished: whether the client has quit.
    """

    def __init__(
        self,
        wait_for_game: "Callable[[], Game]",
        input_within: Callable[[float], bool] = lambda seconds: True,
        name: str = "hayago",
    ) -> None:
        self._wait_for_game = wait_for_game
        self.input_within = input_within
        self.name = name
        self.clock = MoveClock()
        self.finished = False

    @property
    def game(self) -> "Game":
        """The game, once it is loaded.

        Raises:
            GtpFatal: it cannot be loaded.
        """
        try:
            return self._wait_for_game()
        except Exception as error:
            raise GtpFatal(error) from error

    def answer(self, line: str) -> str | None:
        """The whole reply to a line, its blank line included; None if the line is not a command.

        Raises:
            GtpFatal: the command needs the game and it cannot be loaded.
        """
        return "".join(self.replies(line)) or None

    def replies(self, line: str) -> Iterator[str]:
        """The reply to a line, piece by piece as it grows; nothing if the line is not a command.

        Raises:
            GtpFatal: the command needs the game and it cannot be loaded.
        """
        text = line.translate(_CONTROL_CHARACTERS).partition("#")[0].strip(" ")
        if not text:
            return
        first, _, rest = text.partition(" ")
        identity = first if first.isascii() and first.isdigit() else ""
        name, _, arguments = (rest.lstrip(" ") if identity else text).partition(" ")
        begun = False
        try:
            handler = COMMANDS.get(name)
            if handler is None:
                raise GtpError("unknown command")
            result = handler(self, Arguments(arguments.strip(" ")))
            if isinstance(result, str):
                yield _reply("=", identity, result)
            else:
                begun = True
                yield f"={identity}\n"
                for part in result:
                    yield part + "\n"
                yield "\n"
        except GtpQuit:
            self.finished = True
            yield _reply("=", identity, "")
        except GtpError as error:
            yield "\n" if begun else _reply("?", identity, str(error))
        except GtpFatal:
            raise
        except Exception as error:  # an engine that dies loses its client's game: so answer, report and continue
            sys.stderr.write(f"hayago: internal error in {text[:200]!r}: {place_of(error)}\n")
            failure = f"internal error: {type(error).__name__}: {error}"
            yield "\n" if begun else _reply("?", identity, failure)


def place_of(error: Exception) -> str:
    """The error and its place, in one line."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())}{where}"


def _reply(mark: str, identity: str, text: str) -> str:
    """2.6 and 2.7: a reply ends with two newlines, so its text must not contain an empty line."""
    lines = [line.rstrip() for line in text.split("\n")]
    body = "\n".join([lines[0], *(line for line in lines[1:] if line)])
    between = " " if lines[0] else ""
    return f"{mark}{identity}{between}{body}\n\n"


def read_colour(word: str) -> int | None:
    """BLACK or WHITE; None for any other word."""
    return {"b": BLACK, "black": BLACK, "w": WHITE, "white": WHITE}.get(word.lower())


def vertices(points: Iterable[int], size: int) -> str:
    """The vertices of the points in one line."""
    return " ".join(point_to_vertex(point, size) for point in points)
