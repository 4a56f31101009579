"""The commands of the specification (section 6), and those that clients other than analysers have added."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from hayago import __version__
from hayago.gtp.move_clock import System, TimeSystem
from hayago.gtp.protocol import CHAT, MOST_KOMI, Arguments, Engine, GtpError, GtpQuit, command, vertices
from hayago.rules.coordinates import BLACK, COLOUR_NAMES, WHITE, point_to_vertex, vertex_to_point

if TYPE_CHECKING:
    from hayago.player.player import Options

RESIGN = "resign"
_ANY_SIZE = 10**99  # what is larger is refused as a number, what is smaller as a size
EXPLAINED = 5  # how many of the likeliest moves are named

# Administrative commands (6.1, 6.2), answered before anything is loaded.


@command("protocol_version")
def _protocol_version(engine: Engine, arguments: Arguments) -> str:
    return "2"


@command("name")
def _name(engine: Engine, arguments: Arguments) -> str:
    return engine.manner.name


@command("version")
def _version(engine: Engine, arguments: Arguments) -> str:
    return __version__


@command("known_command")
def _known_command(engine: Engine, arguments: Arguments) -> str:
    return "true" if arguments and arguments[0] in engine.commands else "false"


@command("list_commands")
def _list_commands(engine: Engine, arguments: Arguments) -> str:
    return "\n".join(engine.commands)


@command("quit")
def _quit(engine: Engine, arguments: Arguments) -> NoReturn:
    raise GtpQuit


# Time (4.2, 6.3.4). A move takes a few looks of the network, less than most clocks allow; judging takes longer.


@command("time_settings")
def _time_settings(engine: Engine, arguments: Arguments) -> str:
    """Main time, period, stones per period. A period without stones is no limit; no period is absolute time."""
    main, period = _seconds(arguments, 0), _seconds(arguments, 1)
    stones = _count(arguments, 2)
    if period == 0:
        engine.clock.set(TimeSystem(System.ABSOLUTE, main))
    elif stones == 0:
        engine.clock.set(TimeSystem())
    else:
        engine.clock.set(TimeSystem(System.CANADIAN, main, period, stones))
    return ""


@command("time_left")
def _time_left(engine: Engine, arguments: Arguments) -> str:
    engine.clock.left(arguments.colour(0), arguments.number(1), _count(arguments, 2))
    return ""


@command("kgs-time_settings")
def _kgs_time_settings(engine: Engine, arguments: Arguments) -> str:
    return _set_clock(engine, arguments, (System.NONE, System.ABSOLUTE, System.BYOYOMI, System.CANADIAN))


@command("kata-time_settings")
def _kata_time_settings(engine: Engine, arguments: Arguments) -> str:
    return _set_clock(engine, arguments, tuple(System))


@command("kata-list_time_settings")
def _kata_list_time_settings(engine: Engine, arguments: Arguments) -> str:
    return " ".join(system.value for system in System)


def _set_clock(engine: Engine, arguments: Arguments, systems: tuple[System, ...]) -> str:
    """The forms of KataGo's docs/GTP_Extensions.md, which include kgsGtp's."""
    name = arguments.word(0).lower().replace("byo-yomi", "byoyomi")
    system = next((system for system in systems if system.value == name), None)
    if system is None:
        raise GtpError("syntax error")
    if system is System.NONE:
        setting = TimeSystem()
    elif system is System.ABSOLUTE:
        setting = TimeSystem(system, _seconds(arguments, 1))
    elif system is System.FISCHER:
        setting = TimeSystem(system, _seconds(arguments, 1), _seconds(arguments, 2))
    elif system is System.FISCHER_CAPPED:
        most, most_per_move = (arguments.number(index) for index in (3, 4))
        setting = TimeSystem(
            system,
            _seconds(arguments, 1),
            _seconds(arguments, 2),
            most=most if most >= 0 else None,
            most_per_move=most_per_move if most_per_move >= 0 else None,
        )
    else:
        setting = TimeSystem(system, _seconds(arguments, 1), _seconds(arguments, 2), _count(arguments, 3))
    engine.clock.set(setting)
    return ""


def _seconds(arguments: Arguments, index: int) -> float:
    return arguments.number(index, least=0)


def _count(arguments: Arguments, index: int) -> int:
    return arguments.integer(index, least=0)


# Setting up (6.3.1).


@command("boardsize", "rectangular_boardsize")
def _boardsize(engine: Engine, arguments: Arguments) -> str:
    """OGS sends two numbers for a board that may be rectangular; no network is for those."""
    words = range(min(max(len(arguments), 1), 2))
    sizes = {arguments.integer(index, -_ANY_SIZE, _ANY_SIZE) for index in words}
    if len(sizes) > 1 or not engine.game.resize(sizes.pop()):
        # The specification's words, and then what a person in front of GoGui or q5Go wants to know.
        raise GtpError(f"unacceptable size: hayago has a network for {_sizes(engine)}")
    engine.clock.reset()
    return ""


def _sizes(engine: Engine) -> str:
    from hayago.network.board_sizes import named_sizes  # it needs numpy, which the first replies do not

    return named_sizes(engine.game.sizes)


@command("clear_board")
def _clear_board(engine: Engine, arguments: Arguments) -> str:
    engine.game.clear()
    engine.clock.reset()
    return ""


@command("komi")
def _komi(engine: Engine, arguments: Arguments) -> str:
    engine.game.set_komi(arguments.number(0, -MOST_KOMI, MOST_KOMI) + 0.0)  # -0 becomes 0
    return ""


@command("fixed_handicap")
def _fixed_handicap(engine: Engine, arguments: Arguments) -> str:
    return _handicap(engine, engine.game.fixed_handicap(_stones(engine, arguments)))


@command("place_free_handicap")
def _place_free_handicap(engine: Engine, arguments: Arguments) -> str:
    return _handicap(engine, engine.game.free_handicap(_stones(engine, arguments)))


@command("set_free_handicap")
def _set_free_handicap(engine: Engine, arguments: Arguments) -> str:
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


def _stones(engine: Engine, arguments: Arguments) -> int:
    """The number of handicap stones, on a board that must be empty."""
    stones = arguments.integer(0)
    if not engine.game.is_empty():
        raise GtpError("board not empty")
    return stones


def _handicap(engine: Engine, points: list[int]) -> str:
    if not points:
        raise GtpError("invalid number of stones")
    if not engine.game.is_empty():
        raise GtpError("board not empty")
    engine.game.set_handicap(points)
    return vertices(points, engine.game.size)


@command("loadsgf")
def _loadsgf(engine: Engine, arguments: Arguments) -> str:
    """The position before the move with that number, or after the last one. A file's name may end with a number."""
    name, number = arguments.text, None
    if len(arguments) > 1 and arguments[-1].isdigit() and not os.path.isfile(_file_name(name)):  # noqa: PTH113 - never raises
        name, number = name.removesuffix(arguments[-1]), arguments.integer(len(arguments) - 1)
    if not engine.game.load(Path(_file_name(name)), number):
        raise GtpError("cannot load file")
    engine.clock.reset()
    return ""


@command("printsgf")
def _printsgf(engine: Engine, arguments: Arguments) -> str:
    """The game as SGF, in the reply or (GNU Go) into a file."""
    data = engine.game.sgf()
    if not arguments or arguments.text == "-":
        return data.decode()
    from hayago.errors import HayagoError
    from hayago.files import write_atomically

    try:
        write_atomically(_file_name(arguments.text), lambda file: file.write(data))
    except (HayagoError, ValueError):
        raise GtpError("cannot save file") from None
    return ""


def _file_name(text: str) -> str:
    """A file name, which may contain spaces; GoGui then puts it in double quotes.

    Its bytes are those that the client has sent, whatever their encoding.
    """
    try:
        name = os.fsdecode(text.strip().encode(errors="surrogateescape"))
    except ValueError:  # on Windows, where a name is text
        raise GtpError("syntax error") from None
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = name[1:-1]
    if not name:
        raise GtpError("syntax error")
    return name


# Playing (6.3.2).


@command("play")
def _play(engine: Engine, arguments: Arguments) -> str:
    colour = arguments.colour(0)
    if not engine.game.accept(colour, arguments.point(1, engine.game.size)):
        raise GtpError("illegal move")
    return ""


@command("genmove")
def _genmove(engine: Engine, arguments: Arguments) -> str:
    return genmove(engine, arguments.colour(0))


@command("kgs-genmove_cleanup")
def _kgs_genmove_cleanup(engine: Engine, arguments: Arguments) -> str:
    """KGS sends it when the players disagree on dead stones: pass only when all are captured."""
    return genmove(engine, arguments.colour(0), clean_up=True)


@command("reg_genmove")
def _reg_genmove(engine: Engine, arguments: Arguments) -> str:
    colour = arguments.colour(0)
    point = engine.game.choose(colour, engine.clock.seconds(colour))
    return RESIGN if point is None else point_to_vertex(point, engine.game.size)


def genmove(
    engine: Engine, colour: int, clean_up: bool = False, began: float | None = None, options: "Options | None" = None
) -> str:
    """Choose a move, play it, and return its name.

    After an analysis, `options` are what it has found, and `began` is when it began (monotonic), with our time.
    """
    began = time.monotonic() if began is None else began
    point = engine.game.move(colour, engine.clock.seconds(colour), clean_up, options)
    engine.clock.spend(colour, time.monotonic() - began)
    return RESIGN if point is None else point_to_vertex(point, engine.game.size)


@command("undo")
def _undo(engine: Engine, arguments: Arguments) -> str:
    if not engine.game.undo():
        raise GtpError("cannot undo")
    return ""


@command("gg-undo")
def _gg_undo(engine: Engine, arguments: Arguments) -> str:
    """GNU Go's: take back several moves at once, or none."""
    if not engine.game.undo(_count(arguments, 0) if arguments else 1):
        raise GtpError("cannot undo")
    return ""


# Looking, and the end (6.3.3, 6.3.5).


@command("showboard")
def _showboard(engine: Engine, arguments: Arguments) -> str:
    return "\n" + engine.game.diagram()


@command("final_score")
def _final_score(engine: Engine, arguments: Arguments) -> str:
    from hayago.rules.game_rules import score_text

    return score_text(engine.game.judge().score)


@command("final_status_list")
def _final_status_list(engine: Engine, arguments: Arguments) -> str:
    """The stones of that status, one chain per line. A stone has one status: in seki it is not `alive`. By rules that
    leave dead stones on the board, none is dead."""
    status = arguments.word(0)
    if status not in ("alive", "dead", "seki"):
        raise GtpError("syntax error")
    board, judgement = engine.game.board, engine.game.judge()
    dead = judgement.dead if engine.game.rules.friendly_pass_ok else frozenset[int]()
    chains, seen = [], set[int]()
    for point in range(board.pass_point):
        if point in seen or not board.colour_at(point):
            continue
        chain = board.chain(point)
        seen |= chain
        is_status = {
            "dead": point in dead,
            "seki": point in judgement.seki,
            "alive": point not in dead and point not in judgement.seki,
        }
        if is_status[status]:
            chains.append(vertices(sorted(chain), board.size))
    return "\n".join(chains)


# KGS.


@command("kgs-game_over")
def _kgs_game_over(engine: Engine, arguments: Arguments) -> str:
    """The game is over; stop its clock."""
    engine.clock.set(TimeSystem())
    return ""


@command(CHAT)
def _kgs_chat(engine: Engine, arguments: Arguments) -> str:
    """`kgs-chat game|private NAME WORDS`: the reply is said in the chat, so it must be one line."""
    if len(arguments) < 2 or arguments[0] not in ("game", "private"):
        raise GtpError("syntax error")
    return f"I am hayago {__version__}, a program that plays the moves people are likely to play."


# The processor time used so far: GNU Go's name for it, and gomill's.


@command("cputime", "gomill-cpu_time")
def _cputime(engine: Engine, arguments: Arguments) -> str:
    return f"{time.process_time():.3f}"


# gomill (its documentation, "GTP extensions").


@command("gomill-describe_engine")
def _describe_engine(engine: Engine, arguments: Arguments) -> str:
    return f"hayago {__version__}\nA policy network without search, for boards of {_sizes(engine)}."


@command("gomill-explain_last_move")
def _explain_last_move(engine: Engine, arguments: Arguments) -> str:
    """One line: the reason, the likeliest moves with their priors, and the score if it was judged."""
    game, choice = engine.game, engine.game.last_choice
    if choice is None:
        return ""
    parts, prior, judgement = [choice.reason], choice.prior, choice.judgement
    if prior is not None and choice.point is not None:
        parts[0] += f", prior {prior[choice.point]:.3f}"
        likeliest = prior.argsort()[::-1][:EXPLAINED].tolist()
        parts.append(", ".join(f"{point_to_vertex(point, game.size)} {prior[point]:.3f}" for point in likeliest))
    if judgement is not None:
        leader, points = COLOUR_NAMES[BLACK if judgement.lead > 0 else WHITE], f"{abs(judgement.lead):.1f}"
        parts.append(f"{leader} is ahead by {points}" if points != "0.0" else "neither is ahead")
    return "; ".join(parts)


@command("gomill-genmove_ex")
def _genmove_ex(engine: Engine, arguments: Arguments) -> str:
    """`genmove` with options; without arguments, the known options. `claim`: say so if the game is won."""
    if not arguments:
        return "claim"
    colour = arguments.colour(0)
    if "claim" in arguments[1:]:
        judgement = engine.game.judge()
        if judgement.settled.all() and (judgement.score > 0) == (colour == BLACK) and judgement.score != 0:
            return "claim"
    return genmove(engine, colour)
