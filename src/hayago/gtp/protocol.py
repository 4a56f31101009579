"""The Go Text Protocol, version 2, as text: lines, ids, arguments and replies, and the one register of commands.

There are three layers. This file and the handlers in `standard`, `analyze`, `kata` and `gogui` turn lines into replies.
`hayago.player.game` keeps the position and undoes moves. `hayago.player.player` picks the move. Nothing in this layer
imports numpy, numba or a network, because clients take an engine that is slow to answer `name` for a dead one. The game
is loaded after the first reply (`hayago.gtp.process.serve`).

Section numbers are those of "Specification of the Go Text Protocol, version 2, draft 2", G. Farneback, 2002.
"""

import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from hayago.errors import HayagoError
from hayago.gtp.move_clock import MoveClock
from hayago.gtp.pipes import TooLong
from hayago.rules.coordinates import BLACK, WHITE, point_to_vertex, vertex_to_point

if TYPE_CHECKING:
    from hayago.player.game import Game

# 3.1: tabs become spaces, other control characters vanish
_CONTROL_CHARACTERS = dict.fromkeys([*range(32), 127]) | {ord("\t"): " "}
_MOST, _LARGEST = 1e10, 10**9  # larger numbers are not meant seriously
MOST_KOMI = 1000.0  # more than any board has points


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

    def integer(self, index: int, least: int = -_LARGEST, most: int = _LARGEST) -> int:
        """An integer within these bounds."""
        try:
            return read_integer(self.word(index), least, most)
        except ValueError:
            raise GtpError("syntax error") from None

    def number(self, index: int, least: float = -_MOST, most: float = _MOST) -> float:
        """A number within these bounds."""
        try:
            return read_number(self.word(index), least, most)
        except ValueError:
            raise GtpError("syntax error") from None

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
CHAT = "kgs-chat"  # some versions of kgsGtp are said to crash when it is listed


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


class Manner(NamedTuple):
    """What an engine does only if its user asks for it.

    Attributes:
        name: the answer to `name`.
        show_policy: analyses show the policy where programs draw winrates and points (`analyze.shown`).
        chat: `kgs-chat` is answered.
    """

    name: str = "hayago"
    show_policy: bool = False
    chat: bool = False


class Engine:
    """Turns lines into replies.

    Args:
        wait_for_game: returns the game; called whenever a command needs it.
        input_within: whether the client sends something within a number of seconds, which ends a growing reply.
        manner: see there.

    Attributes:
        manner: see there.
        clock: how long our moves may take.
        of_a_search: the parameters of KataGo's search that the client has set; they change nothing.
        finished: whether the client has quit.
    """

    def __init__(
        self,
        wait_for_game: "Callable[[], Game]",
        input_within: Callable[[float], bool] = lambda seconds: True,
        manner: Manner = Manner(),  # noqa: B008 - frozen
    ) -> None:
        self._wait_for_game = wait_for_game
        self.input_within = input_within
        self.manner = manner
        self.clock = MoveClock()
        self.of_a_search: dict[str, float] = {}
        self.finished = False

    @property
    def commands(self) -> "Mapping[str, Handler]":
        """The commands that this engine knows: the register, less what its manner leaves out."""
        return COMMANDS if self.manner.chat else {name: COMMANDS[name] for name in COMMANDS if name != CHAT}

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
            if isinstance(line, TooLong):
                raise GtpError("the line is too long")
            handler = self.commands.get(name)
            if handler is None:
                raise GtpError("unknown command")
            result = handler(self, Arguments(arguments.strip(" ")))
            if isinstance(result, str):
                yield _reply("=", identity, result)
            else:
                begun = True
                yield f"={identity} \n"
                for part in result:
                    yield _printable(part) + "\n"
                yield "\n"
        except GtpQuit:
            self.finished = True
            yield _reply("=", identity, "")
        except GtpError as error:
            yield "\n" if begun else _reply("?", identity, str(error))
        except GtpFatal:
            raise
        except HayagoError as error:  # a network that cannot answer here
            yield "\n" if begun else _reply("?", identity, str(error))
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
    """2.6 and 2.7: a reply ends with two newlines, so its text must not contain an empty line.

    The space after the mark is always there, as in GNU Go. GoGui takes what follows the first space for the text.
    """
    lines = [line.rstrip() for line in _printable(text).split("\n")]
    body = "\n".join([lines[0], *(line for line in lines[1:] if line)])
    return f"{mark}{identity} {body}\n\n"


def _printable(text: str) -> str:
    """The text with what cannot be printed spelled out: control characters, and surrogates, which cannot be written."""
    if text.replace("\n", "").isprintable():
        return text
    return "".join(each if each.isprintable() or each == "\n" else ascii(each)[1:-1] for each in text)


def read_integer(word: str, least: int, most: int) -> int:
    """An integer in plain ASCII digits.

    Raises:
        ValueError: it is none, or not within the bounds.
    """
    number = int(_numeral(word))
    if not least <= number <= most:
        raise ValueError(f"not from {least} to {most}")
    return number


def read_number(word: str, least: float, most: float) -> float:
    """A number in plain ASCII digits.

    Raises:
        ValueError: it is none, or not within the bounds (as infinity and NaN never are).
    """
    number = float(_numeral(word))
    if not least <= number <= most:
        raise ValueError(f"not from {least} to {most}")
    return number


def _numeral(word: str) -> str:
    """The word, unless only Python would take it for a number (1_0, full-width digits)."""
    if not word.isascii() or "_" in word:
        raise ValueError("not a number")
    return word


def read_colour(word: str) -> int | None:
    """BLACK or WHITE; None for any other word."""
    return {"b": BLACK, "black": BLACK, "w": WHITE, "white": WHITE}.get(word.lower())


def colour_points(arguments: Arguments, size: int) -> list[tuple[int, int]]:
    """The (colour, point) of `COLOUR VERTEX COLOUR VERTEX ...`."""
    return [(arguments.colour(n), arguments.point(n + 1, size)) for n in range(0, len(arguments), 2)]


def vertices(points: Iterable[int], size: int) -> str:
    """The vertices of the points in one line."""
    return " ".join(point_to_vertex(point, size) for point in points)
