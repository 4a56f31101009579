"""The analyze commands: lines until the client sends something, and moves chosen after one such line.

`hayago.player.analysis` says what the numbers mean. The formats:

- lz: Leela Zero's, winrate and prior as integers, times 10000.
- `analyze`, Sabaki's: the same with KataGo's scoreLead. Sabaki from 0.60 on takes every winrate but that of KataGo's
commands for ten-thousandths. Older ones do so where it has no point.
- kata: KataGo's, docs/GTP_Extensions.md; every float has a point.
- cgos: one line of JSON (zakki/cgos, wiki, "GTP tournament game expansion").
"""

import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from hayago.gtp.protocol import Arguments, Engine, GtpError, command, read_colour
from hayago.gtp.standard import genmove
from hayago.player.restrictions import Restriction, restriction
from hayago.rules.coordinates import vertex_of, vertex_to_point
from hayago.rules.game_rules import PRESETS

if TYPE_CHECKING:
    from hayago.player.analysis import Analyst, Report

SHORTEST, LONGEST = 0.01, 1e6  # seconds; without an interval there is only one line
LINE = 5  # the length of the lines in the report before a move
POINTS = 5.0  # that look lost where the prior is e times smaller
# Keys of KataGo's that hayago has nothing for.
_LET_PASS = ("ownershipstdev", "movesownership", "movesownershipstdev", "pvedgevisits", "noresultvalue")
LEAST_PRIOR = 1e-6  # smaller ones are drawn like this
UNHURRIED = 1.0  # seconds for a move from which on there is time for those lines


class Request(NamedTuple):
    """What an analyze command asks for."""

    colour: int | None
    interval: float
    least: int
    most: int | None
    restrictions: tuple[Restriction, ...]
    ownership: bool
    rootinfo: bool
    pvvisits: bool
    show_policy: bool


class Shown(NamedTuple):
    """What a client draws on a candidate, seen by the colour to play."""

    winrate: float
    lead: float


def shown(report: "Report", show_policy: bool) -> list[Shown]:
    """For each candidate the judgement of the position, the same for all; or the policy in its place.

    q5Go, Lizzie and KaTrain draw winrates and lost points and nothing else. So with `show_policy` the winrate *is* the
    prior, and points look lost by the logarithm of the prior: 3.5 for each halving of the likeliest move's. KaTrain's
    ScoreLoss takes moves in proportion to exp(-0.2 points) (katrain/core/ai.py), and so in proportion to the prior.
    """
    if not show_policy:
        return [Shown(report.winrate, report.lead)] * len(report.candidates)
    priors = [max(move.prior, LEAST_PRIOR) for move in report.candidates]
    return [Shown(prior, report.lead - POINTS * math.log(max(priors) / prior)) for prior in priors]


Format = Callable[["Report", Request, int], str]


def _request(engine: Engine, arguments: Arguments) -> Request:
    """`[colour] [interval] [key value ...]`, as KataGo reads it. Its keys that hayago does not have are ignored."""
    words = list(arguments)
    colour = read_colour(words[0]) if words else None
    if colour is not None:
        words.pop(0)
    interval, least, most = LONGEST, 1, None
    flags = {"ownership": False, "rootinfo": False, "pvvisits": False}
    restrictions: list[Restriction] = []
    if words and words[0].isascii() and words[0].replace(".", "", 1).isdigit():
        interval = Arguments(words.pop(0)).number(0, least=0) / 100
    while words:
        key = words.pop(0).lower()
        if key in ("avoid", "allow"):
            restrictions.append(_restriction(engine, key, words))
            del words[:3]
            continue
        value = Arguments(words.pop(0) if words else "")
        if key == "interval":
            interval = value.number(0, least=0) / 100
        elif key == "minmoves":
            least = value.integer(0, least=0)
        elif key == "maxmoves":
            most = max(value.integer(0, least=0), 1)
        elif key in flags:
            flags[key] = value.word(0).lower() == "true"
        elif key in _LET_PASS:
            value.word(0)
        else:
            raise GtpError("syntax error")
    interval = min(max(interval, SHORTEST), LONGEST)
    return Request(colour, interval, least, most, tuple(restrictions), show_policy=engine.manner.show_policy, **flags)


def _restriction(engine: Engine, key: str, words: list[str]) -> Restriction:
    """`avoid|allow COLOUR VERTEX,VERTEX,... DEPTH`."""
    arguments, size = Arguments(" ".join(words[:3])), engine.game.size
    try:
        points = [vertex_to_point(vertex, size) for vertex in arguments.word(1).split(",")]
    except ValueError:
        raise GtpError("syntax error") from None
    return restriction(key, arguments.colour(0), points, arguments.integer(2, least=0), size)


def _report(analyst: "Analyst", request: Request, form: Format) -> "Report":
    """Sabaki draws no pass, and a move with it: without another one it would have no winrate where hayago passes."""
    return analyst.report(max(request.least, 2) if form is _sabaki else request.least, request.most)


def _analyze(engine: Engine, arguments: Arguments, form: Format) -> Iterator[str]:
    """A line at once, then one per interval, until the client sends something."""
    request = _request(engine, arguments)
    analyst, size = engine.game.analyst(request.colour, request.restrictions), engine.game.size

    def lines() -> Iterator[str]:
        while True:
            analyst.refine()
            yield form(_report(analyst, request, form), request, size)
            if engine.input_within(request.interval):
                return

    return lines()


def _genmove_analyze(engine: Engine, arguments: Arguments, form: Format) -> Iterator[str]:
    """One line, then the move, as `play VERTEX`."""
    request, began = _request(engine, arguments), time.monotonic()
    game = engine.game
    colour = game.to_play if request.colour is None else request.colour
    analyst = game.analyst(colour, request.restrictions)

    def lines() -> Iterator[str]:
        limit = engine.clock.seconds(colour)
        unhurried = limit is None or limit >= UNHURRIED
        analyst.refine(limit, LINE if unhurried else 1)
        yield form(_report(analyst, request, form), request, game.size)
        move = genmove(engine, colour, began=began, options=analyst.options)
        yield f"play {move}".replace("PASS", "pass")

    return lines()


# ---- The formats.


def _leela_zero(report: "Report", request: Request, size: int, with_lead: bool = False) -> str:
    parts = []
    for order, (move, seen) in enumerate(zip(report.candidates, shown(report, request.show_policy), strict=True)):
        winrate, lead = seen
        parts.append(
            f"info move {vertex_of(move.point, size)} visits {move.visits} winrate {round(10000 * winrate)}"
            f" prior {round(10000 * move.prior)} lcb {round(10000 * winrate)} order {order}"
            f"{f' scoreLead {lead:.3f}' if with_lead else ''} pv {_line(move.line, size)}"
        )
    return " ".join(parts)


def _sabaki(report: "Report", request: Request, size: int) -> str:
    return _leela_zero(report, request, size, with_lead=True)


def _katago(report: "Report", request: Request, size: int) -> str:
    def judged(seen: Shown) -> str:
        return (
            f"winrate {seen.winrate:.6f} scoreMean {seen.lead:.3f}"
            f" scoreStdev {report.spread:.3f} scoreLead {seen.lead:.3f}"
        )

    parts = []
    for order, (move, seen) in enumerate(zip(report.candidates, shown(report, request.show_policy), strict=True)):
        parts.append(
            f"info move {vertex_of(move.point, size)} visits {move.visits} {judged(seen)} prior {move.prior:.6f}"
            f" lcb {seen.winrate:.6f} order {order} pv {_line(move.line, size)}"
        )
        if request.pvvisits:
            parts.append("pvVisits " + " ".join([str(move.visits)] * len(move.line)))
    if request.rootinfo:
        root = judged(Shown(report.winrate, report.lead))
        parts.append(f"rootInfo visits {sum(move.visits for move in report.candidates)} {root}")
    if request.ownership:
        parts.append("ownership " + " ".join(f"{value:.4f}" for value in report.ownership.tolist()))
    return " ".join(parts)


_OWNERSHIP_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+"  # -1 to 1


@contextmanager
def _as_cgos_counts(engine: Engine) -> Iterator[None]:
    """CGOS counts by Tromp-Taylor and does not say so: what is dead must be captured before a pass."""
    game = engine.game
    before, game.rules = game.rules, replace(PRESETS["tromp-taylor"], komi=game.rules.komi)
    try:
        yield
    finally:
        game.rules = before


def _cgos(report: "Report", request: Request, size: int) -> str:
    moves = [
        {
            "move": vertex_of(move.point, size),
            "winrate": round(report.winrate, 4),
            "score": round(report.lead, 2),
            "prior": round(move.prior, 6),
            "pv": _line(move.line[1:], size),
            "visits": move.visits,
        }
        for move in report.candidates
    ]
    return json.dumps(
        {
            "winrate": round(report.winrate, 4),
            "score": round(report.lead, 2),
            "visits": sum(move.visits for move in report.candidates),
            "moves": moves,
            "ownership": "".join(
                _OWNERSHIP_LETTERS[round((value + 1) / 2 * 62)] for value in report.ownership.tolist()
            ),
        },
        separators=(",", ":"),
    )


def _line(points: list[int], size: int) -> str:
    return " ".join(vertex_of(point, size) for point in points)


# ---- The commands.


@command("lz-analyze")
def _lz_analyze(engine: Engine, arguments: Arguments) -> Iterator[str]:
    return _analyze(engine, arguments, _leela_zero)


@command("kata-analyze")
def _kata_analyze(engine: Engine, arguments: Arguments) -> Iterator[str]:
    return _analyze(engine, arguments, _katago)


@command("analyze")
def _sabaki_analyze(engine: Engine, arguments: Arguments) -> Iterator[str]:
    return _analyze(engine, arguments, _sabaki)


@command("cgos-analyze")
def _cgos_analyze(engine: Engine, arguments: Arguments) -> Iterator[str]:
    with _as_cgos_counts(engine):
        return _analyze(engine, arguments, _cgos)


@command("lz-genmove_analyze")
def _lz_genmove_analyze(engine: Engine, arguments: Arguments) -> Iterator[str]:
    return _genmove_analyze(engine, arguments, _leela_zero)


@command("kata-genmove_analyze")
def _kata_genmove_analyze(engine: Engine, arguments: Arguments) -> Iterator[str]:
    return _genmove_analyze(engine, arguments, _katago)


@command("genmove_analyze")
def _sabaki_genmove_analyze(engine: Engine, arguments: Arguments) -> Iterator[str]:
    return _genmove_analyze(engine, arguments, _sabaki)


@command("cgos-genmove_analyze")
def _cgos_genmove_analyze(engine: Engine, arguments: Arguments) -> Iterator[str]:
    with _as_cgos_counts(engine):
        return iter(list(_genmove_analyze(engine, arguments, _cgos)))
