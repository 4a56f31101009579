"""KataGo's and Leela Zero's extensions other than analysis: rules, parameters, and the network's raw output.

Formats: KataGo, docs/GTP_Extensions.md; Leela Zero, `heatmap`.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from hayago.gtp.protocol import (
    Arguments,
    Engine,
    GtpError,
    colour_points,
    command,
    read_colour,
    read_integer,
    read_number,
)
from hayago.rules.coordinates import BLACK, WHITE

if TYPE_CHECKING:
    from hayago.player.game import Game
    from hayago.rules.game_rules import GameRules

SYMMETRIES = range(8)

# Rules.


@command("kata-get-rules")
def _get_rules(engine: Engine, arguments: Arguments) -> str:
    from hayago.gtp.rules_text import rules_as_json

    return rules_as_json(engine.game.rules)


@command("kata-set-rules")
def _set_rules(engine: Engine, arguments: Arguments) -> str:
    from hayago.gtp.rules_text import read_rules

    arguments.word(0)
    return _agree(engine, lambda: read_rules(arguments.text, engine.game.rules))


@command("kata-set-rule")
def _set_rule(engine: Engine, arguments: Arguments) -> str:
    from hayago.gtp.rules_text import changed_rules

    field, value = arguments.word(0), arguments.word(1)
    return _agree(engine, lambda: changed_rules(engine.game.rules, {field: value}))


@command("kgs-rules")
def _kgs_rules(engine: Engine, arguments: Arguments) -> str:
    from hayago.gtp.rules_text import named_rules

    name = arguments.word(0).lower()
    if name not in ("chinese", "aga", "japanese", "new_zealand"):
        raise GtpError("syntax error")
    name = "chinese-kgs" if name == "chinese" else name
    return _agree(engine, lambda: named_rules(name, engine.game.rules.komi))


def _agree(engine: Engine, read: "Callable[[], GameRules]") -> str:
    try:
        engine.game.rules = read()
    except ValueError as error:
        raise GtpError(str(error)) from None
    return ""


# The position and the komi, as KataGo has them.


@command("set_position")
def _set_position(engine: Engine, arguments: Arguments) -> str:
    """Set up stones in place of the position, Black to play and no history; without arguments, clear the board."""
    stones = colour_points(arguments, engine.game.size)
    black, white = ([point for colour, point in stones if colour == side] for side in (BLACK, WHITE))
    if not engine.game.set_up(black, white):
        raise GtpError("illegal position")
    engine.clock.reset()
    return ""


@command("get_komi")
def _get_komi(engine: Engine, arguments: Arguments) -> str:
    return f"{engine.game.rules.komi:g}"


# Parameters: how moves are picked. See `hayago.player.styles.Style`.


class Parameter(NamedTuple):
    """A parameter: its values if they are few, how to get it, and how to set it (ValueError: not a value)."""

    values: tuple[str, ...]
    get: "Callable[[Game], str]"
    set: "Callable[[Game, str], None]"


def _level(game: "Game") -> str:
    from hayago.player.styles import LEVELS

    return str(LEVELS.index(game.style) + 1) if game.style in LEVELS else "none"


def _set_level(game: "Game", value: str) -> None:
    from hayago.player.styles import LEVELS

    if value == "none":  # a dialog sends back what it was shown
        return
    game.set_style(LEVELS[read_integer(value, 1, len(LEVELS)) - 1])


def _like_human(game: "Game") -> str:
    from hayago.player.styles import LIKE_HUMAN

    return str(game.style == LIKE_HUMAN).lower()


def _set_like_human(game: "Game", value: str) -> None:
    from hayago.player.styles import LIKE_HUMAN, STRONGEST

    game.set_style({"true": LIKE_HUMAN, "1": LIKE_HUMAN, "false": STRONGEST, "0": STRONGEST}[value.lower()])


def _set_resign(game: "Game", value: str) -> None:
    game.set_resign(None if value == "never" else read_number(value, 0, 1))


def _set_temperature(game: "Game", value: str) -> None:
    game.change_style(temperature=read_number(value, 0, 100))


def _opening_temperature(game: "Game") -> str:
    style = game.style
    return f"{style.temperature if style.opening_temperature is None else style.opening_temperature:g}"


def _set_opening_temperature(game: "Game", value: str) -> None:
    game.change_style(opening_temperature=read_number(value, 0, 100))


def _set_opening_moves(game: "Game", value: str) -> None:
    game.change_style(opening_moves=read_integer(value, 0, 1000))


def _set_top_p(game: "Game", value: str) -> None:
    top_p = read_number(value, 0, 1)
    if top_p == 0:
        raise ValueError
    game.change_style(top_p=top_p)


def _set_symmetries(game: "Game", value: str) -> None:
    if value not in ("1", "8"):
        raise ValueError
    game.change_style(symmetries=int(value))


PARAMETERS = {
    "level": Parameter(("none", *map(str, range(1, 11))), _level, _set_level),  # none: the other parameters say it
    "likeHuman": Parameter(("true", "false"), _like_human, _set_like_human),
    "temperature": Parameter((), lambda game: f"{game.style.temperature:g}", _set_temperature),
    "openingTemperature": Parameter((), _opening_temperature, _set_opening_temperature),
    "openingMoves": Parameter((), lambda game: str(game.style.opening_moves), _set_opening_moves),
    "topP": Parameter((), lambda game: f"{game.style.top_p:g}", _set_top_p),
    "symmetries": Parameter(("1", "8"), lambda game: str(game.style.symmetries), _set_symmetries),
    "resignThreshold": Parameter((), lambda game: "never" if game.resign is None else f"{game.resign:g}", _set_resign),
}


# KataGo's parameters of its search, and their bounds. LizzieYzy sets them; hayago keeps them, and they change nothing.
OF_A_SEARCH = {"playoutDoublingAdvantage": (-3, 3), "analysisWideRootNoise": (0, 5)}


def set_parameter(engine: Engine, name: str, value: str) -> None:
    """Set a parameter, or fail with the reason."""
    if name not in PARAMETERS and name not in OF_A_SEARCH:
        raise GtpError(f"unknown parameter: {name}")
    try:
        if name in OF_A_SEARCH:
            engine.of_a_search[name] = read_number(value, *OF_A_SEARCH[name])
        else:
            PARAMETERS[name].set(engine.game, value)
    except (ValueError, KeyError):
        raise GtpError(f"{name} cannot be {value}") from None


@command("kata-list-params")
def _list_params(engine: Engine, arguments: Arguments) -> str:
    return " ".join([*PARAMETERS, *OF_A_SEARCH])


@command("kata-get-param")
def _get_param(engine: Engine, arguments: Arguments) -> str:
    name = arguments.word(0)
    if name in OF_A_SEARCH:
        return f"{engine.of_a_search.get(name, 0):g}"
    if name not in PARAMETERS:
        raise GtpError(f"unknown parameter: {name}")
    return PARAMETERS[name].get(engine.game)


@command("kata-set-param")
def _set_param(engine: Engine, arguments: Arguments) -> str:
    set_parameter(engine, arguments.word(0), arguments.word(1))
    return ""


# The network's raw output.


@command("kata-raw-nn")
def _raw_nn(engine: Engine, arguments: Arguments) -> str:
    """The policy under one symmetry or under each in turn; the playouts give what the network does not know."""
    colour = read_colour(arguments[0]) if arguments else None
    symmetry = arguments.word(0 if colour is None else 1)
    game = engine.game
    report = game.analyst(colour).report()
    white = report if report.colour == 2 else report.seen_by(2)
    ownership = _rows([f"{value:8.6f}" for value in white.ownership.tolist()], game.size)
    legal = game.legal_points(colour).tolist()
    blocks = []
    for number in _symmetries(symmetry):
        prior = game.prior(number, colour).tolist()
        policy = [f"{value:8.6f}" if here else "     NAN" for value, here in zip(prior, legal, strict=True)]
        blocks.append(
            f"symmetry {number}\nwhiteWin {white.winrate:.6f}\nwhiteLoss {1 - white.winrate:.6f}\n"
            f"noResult 0.000000\nwhiteLead {white.lead:.3f}\n"
            f"policy\n{_rows(policy, game.size)}\npolicyPass {0 if any(legal) else 1:.6f}\n"
            f"whiteOwnership\n{ownership}"
        )
    return "\n".join(blocks)


def _symmetries(word: str) -> list[int]:
    if word == "all":
        return list(SYMMETRIES)
    if word in map(str, SYMMETRIES):
        return [int(word)]
    raise GtpError("syntax error")


def _rows(cells: list[str], size: int) -> str:
    return "\n".join(" ".join(cells[start : start + size]) for start in range(0, size * size, size))


@command("heatmap")
def _heatmap(engine: Engine, arguments: Arguments) -> str:
    """Leela Zero's: `heatmap`, `heatmap average`, `heatmap all` or the number of a symmetry; in thousandths."""
    game, word = engine.game, arguments[0] if arguments else "average"
    if word == "average":
        chosen: list[int | None] = [None]
    else:
        chosen = [*_symmetries(word)]
    winrate = game.analyst().report().winrate
    blocks = []
    for symmetry in chosen:
        cells = [f"{int(1000 * value):3d}" for value in game.prior(symmetry).tolist()]
        blocks.append(f"{_rows(cells, game.size)}\npass: 0\nwinrate: {winrate:.6f}")
    return "\n" + "\n".join(blocks)


# What an analysis keeps of a position.


@command("clear_cache")
def _clear_cache(engine: Engine, arguments: Arguments) -> str:
    """Restart the analysis of the position."""
    engine.game.forget_analysis()
    return ""


@command("stop", "stop-ponder")
def _stop(engine: Engine, arguments: Arguments) -> str:
    """Any line stops an analysis; this one does nothing else."""
    return ""
