"""`hayago match`."""

import json
import math
import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from hayago.errors import printable
from hayago.match.elo import Estimate
from hayago.match.match_game import CHARGES, GameResult
from hayago.match.match_record import MatchFolder
from hayago.match.runner import Match, MatchOptions, read_players
from hayago.match.standings import PairStanding, Standings, standings
from hayago.player import kernels

WIDTH = 160
VALUES = ("value", "low", "high")


def match(
    players: list[str],
    /,
    *,
    out: Path,
    options: Annotated[MatchOptions | None, Parameter(name="*", negative_iterable=())] = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Play matches between engines or networks and estimate the Elo difference.

    Args:
        players: Two or more players: the command line of a GTP engine as one argument, a .safetensors file, or "box"
            for the network in the box. NAME=PLAYER names a player.
        out: Folder of the match, for results, games and openings. The same command continues an interrupted match.
        as_json: Print the result as JSON.
    """
    there = read_players(players)
    contest = Match(there, options or MatchOptions())
    if any(player.model for player in there):
        kernels.compile_now()  # or each of hayago's processes would
    try:
        contest.start()
        with MatchFolder(out) as folder:
            contest.agree(folder)
            _play(contest, folder)
            table = standings(folder.results, contest.names, contest.options.test)
    finally:
        contest.close()
    if as_json:
        sys.stdout.write(json.dumps(_as_dict(table, contest, out), ensure_ascii=False) + "\n")
    else:
        terminal = sys.stdout.isatty()  # elsewhere each row is one line
        Console(file=sys.stdout, width=None if terminal else WIDTH).print(_tables(table, contest))


def _play(contest: Match, folder: MatchFolder) -> None:
    """Play the missing games, with a live table on stderr, or one line per game where stderr is not a terminal."""
    options, console = contest.options, Console(stderr=True)
    planned = contest.planned_games
    shown = len(folder.results)

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    if len(folder.openings) * 2 < options.games:
        say(f"openings: {len(folder.openings)}, games: {options.games}; some games may repeat others")
    if shown:
        say(f"{printable(str(folder.path))}: continuing after {shown} of {planned} games")

    def render() -> Group:
        title = f"{len(folder.results)} of {planned} games"
        return _tables(standings(folder.results, contest.names, options.test), contest, title)

    with Live(console=console, auto_refresh=False, transient=True) as live:

        def show() -> None:
            nonlocal shown
            if console.is_terminal:
                live.update(render(), refresh=True)
            for result in folder.results[shown:]:
                if not console.is_terminal or result.charged or result.disputed or not result.winner:
                    say(_line(result))
            shown = len(folder.results)

        try:
            contest.play(folder, show)
        except KeyboardInterrupt:
            sys.stderr.write(
                f"{printable(str(folder.path))}: {len(folder.results)} games are kept; the same command continues\n"
            )
            raise


def _line(result: GameResult) -> str:
    """A game in one line, with its faults."""
    said = ", ".join(f"{who} says {score}" for who, score in result.scores.items())
    remarks = [f"{result.charged} is charged: {result.ending}"] * bool(result.charged)
    remarks += ["disputed"] * result.disputed + [said] * (result.disputed or not result.winner)
    remarks += [result.detail] * bool(result.detail)
    text = f"game {result.number}: {result.black} (black) - {result.white} (white): {result.result}"
    return "; ".join([f"{text}, {result.moves} moves, {result.ending}", *filter(None, remarks)])


def _tables(table: Standings, contest: Match, title: str = "") -> Group:
    pairs = _table("", "won", "drawn", "lost", "as black", "as white", "score, 95 %", "Elo, 95 %", title=title)
    for pair in table.pairs:
        as_white = pair.wins + pair.draws + pair.losses - pair.games_as_black
        pairs.add_row(
            f"{pair.first} - {pair.second}",
            *map(str, (pair.wins, pair.draws, pair.losses)),
            f"{pair.wins_as_black} of {pair.games_as_black}",
            f"{pair.wins - pair.wins_as_black} of {as_white}",
            _interval(pair.estimate, "{:.1%}"),
            _interval(pair.elo, "{:+.0f}"),
        )
    players = _table("", "points", "charged", "s a game")
    for player in table.players:
        players.add_row(
            Text(f"{player.name} ({contest.identities[player.name]})"),  # an engine's words are not markup
            f"{player.points:g} of {player.games}",
            ", ".join(f"{kind} {player.charges[kind]}" for kind in CHARGES if player.charges[kind]) or "-",
            f"{player.seconds_per_game:.1f}",
        )
    lines = [f"{table.distinct} different games of {table.played}, {table.mean_moves:.0f} moves a game"]
    listed = {"disputed": table.disputed, "void": table.void, "ended at the move limit": table.limited}
    lines += [f"{what}: games {', '.join(map(str, numbers))}" for what, numbers in listed.items() if numbers]
    lines += [f"the same game: {', '.join(map(str, numbers))}" for numbers in table.repeated]
    if table.sprt:
        test, ratio, verdict = table.sprt
        accepted = {"elo0": f"{test.elo0:+g} is accepted", "elo1": f"{test.elo1:+g} is accepted", None: "not decided"}
        bounds = f"{test.lower:.2f} to {test.upper:.2f}"
        lines.append(f"Elo {test.elo0:+g} or {test.elo1:+g}: {accepted[verdict]} ({ratio:.2f} in {bounds})")
    return Group(pairs, players, *map(Text, lines))


def _table(*headings: str, title: str = "") -> Table:
    table = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading)
    return table


def _interval(estimate: Estimate | None, form: str) -> str:
    if estimate is None:
        return "-"
    score, low, high = map(form.format, estimate)
    return f"{score} ({low} to {high})"


def _as_dict(table: Standings, contest: Match, out: Path) -> dict[str, Any]:
    sprt = table.sprt
    return {
        "folder": str(out),
        "planned": contest.planned_games,
        "played": table.played,
        "pairs": [_pair_dict(pair) for pair in table.pairs],
        "players": [
            {
                "name": player.name,
                "identity": contest.identities[player.name],
                "points": player.points,
                "games": player.games,
                "charges": {kind: player.charges[kind] for kind in CHARGES},
                "seconds_per_game": round(player.seconds_per_game, 3),
            }
            for player in table.players
        ],
        "distinct": table.distinct,
        "repeated": table.repeated,
        "disputed": table.disputed,
        "void": table.void,
        "move_limit": table.limited,
        "mean_moves": round(table.mean_moves, 1),
        "sprt": {**sprt.test._asdict(), "ratio": sprt.ratio, "accepted": sprt.verdict} if sprt else None,
    }


def _pair_dict(pair: PairStanding) -> dict[str, Any]:
    return {**pair._asdict(), "estimate": _estimate_dict(pair.estimate), "elo": _estimate_dict(pair.elo)}


def _estimate_dict(estimate: Estimate | None) -> dict[str, float | None] | None:
    if estimate is None:
        return None
    # JSON has no infinity
    return {name: round(x, 6) if math.isfinite(x) else None for name, x in zip(VALUES, estimate, strict=True)}
