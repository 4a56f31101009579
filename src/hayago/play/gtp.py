"""The Go Text Protocol, version 2: lines, ids and replies, the commands, the process that speaks it.

Three layers. This file reads lines and words replies; `hayago.play.game` keeps the position and undoes moves;
`hayago.play.player` picks the move. Nothing here imports numpy, numba or a network: clients take an engine
that is slow to answer `name` for a dead one, so the game is loaded behind the first reply (`serve`).

The law: "Specification of the Go Text Protocol, version 2, draft 2", G. Farneback, 2002. Section numbers
below are its.
"""

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from queue import SimpleQueue
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from hayago import __version__
from hayago.rules.coords import BLACK, WHITE, point_to_vertex, vertex_to_point

if TYPE_CHECKING:
    from hayago.play.game import Game

Handler = Callable[["Engine", list[str]], str]

_COMMANDS: dict[str, Handler] = {}
# 3.1: tabs are spaces, the rest vanishes
_CONTROL_CHARACTERS = dict.fromkeys([*range(32), 127]) | {ord("\t"): " "}


class GtpError(Exception):
    """The command fails; the message is the reply's text."""


class GtpQuit(Exception):
    """The session ends after an empty reply."""


class LoadError(Exception):
    """The game could not be loaded, so there is nothing to speak for; the cause is the first argument."""


def command(name: str) -> Callable[[Handler], Handler]:
    """Register a handler: `list_commands`, `known_command` and dispatch all look here and nowhere else.

    A handler takes the engine and the words after the command, gives the reply's text, and leaves by no other
    exceptions than GtpError and GtpQuit. Any other is answered as an internal error.
    """

    def register(handler: Handler) -> Handler:
        _COMMANDS[name] = handler
        return handler

    return register


class Engine:
    """Turns lines into replies.

    Args:
        wait_for_game: gives the game, and is called whenever a command needs it.

    Attributes:
        finished: whether the client has quit.
    """

    def __init__(self, wait_for_game: "Callable[[], Game]") -> None:
        self._wait_for_game = wait_for_game
        self.finished = False

    @property
    def game(self) -> "Game":
        """The game, once it is loaded.

        Raises:
            LoadError: it cannot be loaded.
        """
        try:
            return self._wait_for_game()
        except Exception as error:
            raise LoadError(error) from error

    def answer(self, line: str) -> str | None:
        """The whole reply to a line, its blank line included; None to a line that is no command.

        Raises:
            LoadError: the command needs the game and it cannot be loaded.
        """
        words = line.translate(_CONTROL_CHARACTERS).partition("#")[0].split()
        if not words:
            return None
        identity = words.pop(0) if words[0].isascii() and words[0].isdigit() else ""
        try:
            return _reply("=", identity, self._run(words))
        except GtpQuit:
            self.finished = True
            return _reply("=", identity, "")
        except GtpError as error:
            return _reply("?", identity, str(error))
        except LoadError:
            raise
        except Exception as error:  # an engine that dies loses its client's game: answer, report, go on
            traceback.print_exc()
            return _reply("?", identity, f"internal error: {type(error).__name__}: {error}")

    def _run(self, words: list[str]) -> str:
        handler = _COMMANDS.get(words[0]) if words else None
        if handler is None:
            raise GtpError("unknown command")
        return handler(self, words[1:])


def _reply(mark: str, identity: str, text: str) -> str:
    """2.6 and 2.7: a reply ends with two newlines, so its text must hold no empty line."""
    lines = [line.rstrip() for line in text.split("\n")]
    body = "\n".join([lines[0], *(line for line in lines[1:] if line)])
    return f"{mark}{identity} {body}".rstrip() + "\n\n" if body else f"{mark}{identity}\n\n"


# Arguments (2.11). Whatever cannot be read as what a command needs is a "syntax error"; arguments beyond
# those needed are let pass, since clients send them.


def _argument(arguments: list[str], index: int) -> str:
    if index >= len(arguments):
        raise GtpError("syntax error")
    return arguments[index]


def _integer(arguments: list[str], index: int) -> int:
    try:
        return int(_argument(arguments, index))
    except ValueError:
        raise GtpError("syntax error") from None


def _number(arguments: list[str], index: int) -> float:
    try:
        number = float(_argument(arguments, index))
    except ValueError:
        raise GtpError("syntax error") from None
    if abs(number) > 1e6 or number != number:
        raise GtpError("syntax error")
    return number


def _colour(arguments: list[str], index: int) -> int:
    try:
        return {"b": BLACK, "black": BLACK, "w": WHITE, "white": WHITE}[_argument(arguments, index).lower()]
    except KeyError:
        raise GtpError("syntax error") from None


def _point(text: str, size: int) -> int:
    try:
        return vertex_to_point(text, size)
    except ValueError:
        raise GtpError("syntax error") from None


def _vertices(points: list[int], size: int) -> str:
    return " ".join(point_to_vertex(point, size) for point in points)


# Administrative commands (6.1, 6.2): answered before anything is loaded.


@command("protocol_version")
def _protocol_version(engine: Engine, arguments: list[str]) -> str:
    return "2"


@command("name")
def _name(engine: Engine, arguments: list[str]) -> str:
    return "hayago"


@command("version")
def _version(engine: Engine, arguments: list[str]) -> str:
    return __version__


@command("known_command")
def _known_command(engine: Engine, arguments: list[str]) -> str:
    return "true" if arguments and arguments[0] in _COMMANDS else "false"


@command("list_commands")
def _list_commands(engine: Engine, arguments: list[str]) -> str:
    return "\n".join(_COMMANDS)


@command("quit")
def _quit(engine: Engine, arguments: list[str]) -> NoReturn:
    raise GtpQuit


@command("time_settings")
def _time_settings(engine: Engine, arguments: list[str]) -> str:
    """Accepted and not used: a move takes one run of the network, far less than any clock allows."""
    for index in range(3):
        if _integer(arguments, index) < 0:
            raise GtpError("syntax error")
    return ""


@command("time_left")
def _time_left(engine: Engine, arguments: list[str]) -> str:
    """Accepted and not used, as `time_settings`."""
    _colour(arguments, 0)
    _integer(arguments, 1)
    _integer(arguments, 2)
    return ""


# Setting up (6.3.1).


@command("boardsize")
def _boardsize(engine: Engine, arguments: list[str]) -> str:
    """One size: the network's. OGS sends two numbers for a board that may be oblong."""
    sizes = {_integer(arguments, index) for index in range(min(max(len(arguments), 1), 2))}
    if sizes != {engine.game.size}:
        raise GtpError("unacceptable size")
    engine.game.clear()
    return ""


@command("clear_board")
def _clear_board(engine: Engine, arguments: list[str]) -> str:
    engine.game.clear()
    return ""


@command("komi")
def _komi(engine: Engine, arguments: list[str]) -> str:
    engine.game.komi = _number(arguments, 0)
    return ""


@command("fixed_handicap")
def _fixed_handicap(engine: Engine, arguments: list[str]) -> str:
    return _handicap(engine, engine.game.fixed_handicap(_stones(engine, arguments)))


@command("place_free_handicap")
def _place_free_handicap(engine: Engine, arguments: list[str]) -> str:
    return _handicap(engine, engine.game.free_handicap(_stones(engine, arguments)))


@command("set_free_handicap")
def _set_free_handicap(engine: Engine, arguments: list[str]) -> str:
    size = engine.game.size
    try:
        points = [vertex_to_point(vertex, size) for vertex in arguments]
    except ValueError:
        raise GtpError("bad vertex list") from None
    most = size * size - 1
    if not 2 <= len(points) <= most or len(set(points)) < len(points) or size * size in points:
        raise GtpError("bad vertex list")
    _handicap(engine, points)
    return ""


def _stones(engine: Engine, arguments: list[str]) -> int:
    """How many handicap stones are asked for, on a board that must be empty."""
    stones = _integer(arguments, 0)
    if not engine.game.is_empty():
        raise GtpError("board not empty")
    return stones


def _handicap(engine: Engine, points: list[int]) -> str:
    if not points:
        raise GtpError("invalid number of stones")
    if not engine.game.is_empty():
        raise GtpError("board not empty")
    engine.game.set_handicap(points)
    return _vertices(points, engine.game.size)


# Playing (6.3.2).


@command("play")
def _play(engine: Engine, arguments: list[str]) -> str:
    colour = _colour(arguments, 0)
    point = _point(_argument(arguments, 1), engine.game.size)
    if not engine.game.accept(colour, point):
        raise GtpError("illegal move")
    return ""


@command("genmove")
def _genmove(engine: Engine, arguments: list[str]) -> str:
    colour = _colour(arguments, 0)
    point = engine.game.choose(colour)
    engine.game.accept(colour, point)
    return point_to_vertex(point, engine.game.size)


@command("reg_genmove")
def _reg_genmove(engine: Engine, arguments: list[str]) -> str:
    return point_to_vertex(engine.game.choose(_colour(arguments, 0)), engine.game.size)


@command("undo")
def _undo(engine: Engine, arguments: list[str]) -> str:
    if not engine.game.undo():
        raise GtpError("cannot undo")
    return ""


# Looking (6.3.3, 6.3.5).


@command("final_score")
def _final_score(engine: Engine, arguments: list[str]) -> str:
    """Area score of the board as it stands: dead stones must have been captured."""
    score = engine.game.score()
    return "0" if score == 0 else f"{'B' if score > 0 else 'W'}+{abs(score):g}"


@command("showboard")
def _showboard(engine: Engine, arguments: list[str]) -> str:
    return "\n" + engine.game.diagram()


# The process.


def serve(prepare: "Callable[[], Callable[[], Game]]") -> None:
    """Speak GTP on this process's stdin and stdout until `quit`, the input's end, SIGTERM or a reader that is
    gone.

    `prepare` runs at once in a thread of its own and must stay light (it reads the command line); what it
    gives is called there once the first reply has gone out or needs the game, and loads it.

    Raises:
        Exception: whatever stopped `prepare` or the loading, even while no command needs the game.
    """
    output = _take_stdout()
    # A line; None where the input has ended; an exception where the game cannot be loaded.
    inbox: SimpleQueue[str | Exception | None] = SimpleQueue()
    loader: Future[Callable[[], Game]] = Future()
    game: Future[Game] = Future()
    wanted = threading.Event()

    def wait_for_game() -> "Game":
        wanted.set()
        return game.result()

    def load() -> None:
        try:
            loader.set_result(prepare())
            wanted.wait()
            game.set_result(loader.result()())
        except Exception as error:
            if not loader.done():
                loader.set_exception(error)
            game.set_exception(error)
            inbox.put(error)

    def read() -> None:
        for line in _lines():
            inbox.put(line)
        inbox.put(None)

    signal.signal(signal.SIGTERM, _end)
    for target in (load, read):
        threading.Thread(target=target, daemon=True).start()
    engine = Engine(wait_for_game)
    while not engine.finished and (line := inbox.get()) is not None:
        if isinstance(line, Exception):
            raise line
        try:
            reply = engine.answer(line)
        except LoadError as error:
            raise error.args[0] from None
        if reply is not None:
            try:
                _write(output, reply)
            except OSError:  # nobody reads any more, so nobody plays
                break
            wanted.set()
    loader.result()  # wrong usage is said even to a client that has gone at once
    if not game.done():
        # The loader may be deep in an import or compiling; winding the interpreter up under it can crash.
        sys.stderr.flush()
        os._exit(0)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)


def _take_stdout() -> int:
    """Keep stdout for replies alone: give a descriptor of it, and lead whatever else prints there to stderr.

    This is done to the descriptor, not only to sys.stdout, since compiled libraries print too.
    """
    replies = os.dup(1)
    if sys.stderr is None:  # a windowed program's child
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123
    os.dup2(sys.stderr.fileno(), 1)
    sys.stdout = sys.stderr
    return replies


def _lines() -> Iterator[str]:
    """The lines of stdin; what stands after the last newline counts as one too.

    Read from the descriptor: a thread that waits inside sys.stdin holds its lock and cannot be left at the
    end.
    """
    rest = b""
    while True:
        try:
            block = os.read(0, 1 << 16)
        except OSError:
            block = b""
        if not block:
            break
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            yield line.decode(errors="replace")
    if rest:
        yield rest.decode(errors="replace")


def _write(descriptor: int, text: str) -> None:
    data = text.encode()
    while data:
        data = data[os.write(descriptor, data) :]
