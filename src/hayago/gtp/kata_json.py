"""KataGo's JSON analysis protocol (its docs/Analysis_Engine.md), for KaTrain and other clients.

A *query* asks for the analysis of some turns of one game. Each turn is a *task* and gets one answer, a line of JSON.
`read` checks a query and words its errors and warnings. `Desk` keeps the tasks in order of priority and answers at once
what needs no network. `serve_json` works through them. `hayago.player.analysis` says what the numbers mean. Like
KataGo's, they are Black's unless the query says otherwise.
"""

import heapq
import json
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from hayago import __version__
from hayago.errors import HayagoError
from hayago.gtp.analyze import LINE, Shown, shown
from hayago.gtp.pipes import (
    MOST_JSON_BYTES,
    PATIENCE,
    WAKE,
    Inbox,
    TooLong,
    end_on_sigterm,
    leave,
    start_reader,
    take_stdout,
)
from hayago.gtp.protocol import place_of, read_colour, read_integer
from hayago.gtp.rules_text import NEAREST, changed_rules, named_rules, nearest_fields, read_fields
from hayago.player.restrictions import Restriction, restriction
from hayago.rules.coordinates import BLACK, MAX_SIZE, WHITE, point_to_vertex, vertex_of, vertex_to_point
from hayago.rules.game_rules import GameRules, plain_name

if TYPE_CHECKING:
    from hayago.player.analysis import Report
    from hayago.player.game import Game

MOST_PRIORITY = 2**31
AREA_KOMI, TERRITORY_KOMI = 7.5, 6.5

Json = dict[str, Any]
View = Literal["BLACK", "WHITE", "SIDETOMOVE"]

_FLAGS = ("includePolicy", "includeOwnership", "includeMovesOwnership", "includePVVisits")
# Fields about search, which hayago does not have.
_LET_PASS = (
    "maxVisits",
    "priority",
    "priorities",
    "rootPolicyTemperature",
    "rootFpuReductionMax",
    "reportDuringSearchEvery",
    "includeMovesOwnershipStdev",
    "includeOwnershipStdev",
    "includeNoResultValue",
)
_KNOWN = {
    *_FLAGS,
    *_LET_PASS,
    *("id", "action", "moves", "initialStones", "initialPlayer", "rules", "komi", "whiteHandicapBonus"),
    *("boardXSize", "boardYSize", "analyzeTurns", "avoidMoves", "allowMoves", "overrideSettings"),
}


class QueryError(Exception):
    """A query cannot be answered; it holds the message and the field concerned."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field


class Query(NamedTuple):
    """A valid query. Whether its moves can be played is seen when it is answered."""

    identity: str
    size: int
    stones: list[tuple[int, int]]
    moves: list[tuple[int, int]]
    first: int | None
    rules: GameRules
    turns: list[int]
    priorities: list[float]
    flags: frozenset[str]
    restrictions: tuple[Restriction, ...]
    view: View
    warnings: list[Json]


class Task(NamedTuple):
    """One turn of a query."""

    query: Query
    turn: int


# ---- Reading a query.


def read(query: Json) -> Query:
    """Read a query from a JSON object.

    Raises:
        QueryError: it is not valid.
    """
    identity = query["id"]
    size = _size(query)
    moves = _placed(query, "moves", size, required=True)
    stones = _placed(query, "initialStones", size)
    warnings: list[Json] = []

    def warn(field: str, message: str) -> None:
        warnings.append({"warning": message, "field": field, "id": identity})

    agreed = _rules(query, warn)
    turns = query.get("analyzeTurns", [len(moves)])
    if not isinstance(turns, list) or not all(_is_integer(turn) and 0 <= turn <= len(moves) for turn in turns):
        raise QueryError(f"Must specify an array of integers from 0 to {len(moves)}", "analyzeTurns")
    if not turns:  # nothing would answer this query
        raise QueryError("Must specify at least one turn", "analyzeTurns")
    first = None
    if "initialPlayer" in query:
        first = read_colour(str(query["initialPlayer"]))
        if first is None:
            raise QueryError('Must be "b" or "w"', "initialPlayer")
    view = "BLACK"
    settings = query.get("overrideSettings", {})
    if not isinstance(settings, dict):
        raise QueryError("Must be a JSON object", "overrideSettings")
    for key, value in settings.items():
        if key == "reportAnalysisWinratesAs":
            view = str(value).upper()
            if view not in ("BLACK", "WHITE", "SIDETOMOVE"):
                raise QueryError("reportAnalysisWinratesAs must be BLACK, WHITE or SIDETOMOVE", "overrideSettings")
    for flag in _FLAGS:
        if not isinstance(query.get(flag, False), bool):
            raise QueryError("Must be a boolean", flag)
    if unknown := sorted(set(query) - _KNOWN):
        warn(unknown[0], f"Unexpected or unused field: {unknown[0]}")
    return Query(
        identity,
        size,
        stones,
        moves,
        first,
        agreed,
        turns,
        _priorities(query, len(turns)),
        frozenset(flag for flag in _FLAGS if query.get(flag)),
        _restrictions(query, size),
        view,  # type: ignore[arg-type]
        warnings,
    )


def _size(query: Json) -> int:
    sides: list[int] = []
    for field in ("boardXSize", "boardYSize"):
        side = query.get(field)
        if not isinstance(side, int) or isinstance(side, bool) or not 2 <= side <= MAX_SIZE:
            raise QueryError(f"Must specify an integer from 2 to {MAX_SIZE}", field)
        sides.append(side)
    if sides[0] != sides[1]:
        raise QueryError("hayago has networks only for square boards", "boardYSize")
    return sides[0]


def _placed(query: Json, field: str, size: int, required: bool = False) -> list[tuple[int, int]]:
    """The (colour, point) of `[["B", "Q4"], ...]`."""
    entries = query.get(field)
    if entries is None and not required:
        return []
    if not isinstance(entries, list):
        raise QueryError("Must be an array of pairs of the form: [color, board location]", field)
    placed = []
    for entry in entries:
        if not isinstance(entry, list) or len(entry) != 2 or not all(isinstance(word, str) for word in entry):
            raise QueryError("Must be an array of pairs of the form: [color, board location]", field)
        colour = read_colour(entry[0])
        if colour is None:
            raise QueryError(f"Could not parse player: {entry[0]}", field)
        placed.append((colour, _point(entry[1], size, field)))
    return placed


def _point(text: str, size: int, field: str) -> int:
    """A vertex, or `(column,row)` counted from the upper left."""
    try:
        if text.startswith("("):
            column, row = (read_integer(number.strip(), 0, size - 1) for number in text.strip("()").split(","))
            return row * size + column
        return vertex_to_point(text, size)
    except ValueError:
        raise QueryError(f"Could not parse board location: {text}", field) from None


def _rules(query: Json, warn: Callable[[str, str], None]) -> GameRules:
    rules, komi = query.get("rules"), query.get("komi")
    if komi is not None and (not isinstance(komi, (int, float)) or isinstance(komi, bool) or not abs(komi) <= 150):
        raise QueryError("Must be a number from -150 to 150", "komi")
    try:
        if isinstance(rules, str) and rules.lstrip().startswith("{"):
            rules = read_fields(rules)
        if isinstance(rules, str):
            name = plain_name(rules)
            if name in NEAREST:
                warn("rules", f"hayago cannot count {name}; it uses {NEAREST[name]} rules instead")
            agreed = named_rules(NEAREST.get(name, name), 0.0)
        elif isinstance(rules, dict):
            fields, uncounted = nearest_fields(rules)
            for each in uncounted:
                warn("rules", f"hayago cannot count {each}; it uses the rules without it instead")
            agreed = changed_rules(GameRules(), fields)
        else:
            raise QueryError("Must specify rules as a string or an object", "rules")
        if "whiteHandicapBonus" in query:
            agreed = changed_rules(agreed, {"whiteHandicapBonus": query["whiteHandicapBonus"]})
    except ValueError as error:
        raise QueryError(f"Could not parse rules: {error}", "rules") from None
    if komi is None:
        komi = AREA_KOMI if agreed.scoring == "area" else TERRITORY_KOMI
    return replace(agreed, komi=float(komi))


def _priorities(query: Json, turns: int) -> list[float]:
    priorities = query.get("priorities", [query.get("priority", 0)] * turns)
    if not isinstance(priorities, list) or len(priorities) != turns:
        raise QueryError("Must be an array as long as analyzeTurns", "priorities")
    if not all(isinstance(each, (int, float)) and abs(each) <= MOST_PRIORITY for each in priorities):
        raise QueryError(f"Must be a number from {-MOST_PRIORITY} to {MOST_PRIORITY}", "priority")
    return priorities


def _restrictions(query: Json, size: int) -> tuple[Restriction, ...]:
    found = []
    for field in ("avoidMoves", "allowMoves"):
        entries = query.get(field, [])
        if not isinstance(entries, list):
            raise QueryError("Must be an array of objects", field)
        if field == "allowMoves" and len(entries) > 1:  # together they would allow nothing
            raise QueryError("Must be an array of at most one object", field)
        for entry in entries:
            colour = read_colour(str(entry.get("player"))) if isinstance(entry, dict) else None
            if colour is None or not isinstance(entry.get("moves"), list) or not _is_integer(entry.get("untilDepth")):
                raise QueryError("Must be objects with player, moves and untilDepth", field)
            if entry["untilDepth"] < 1:
                raise QueryError("untilDepth must be at least 1", field)
            points = [_point(str(move), size, field) for move in entry["moves"]]
            found.append(restriction(field.removesuffix("Moves"), colour, points, entry["untilDepth"], size))
    return tuple(found)


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


# ---- Answering.


def analyse(game: "Game", task: Task, show_policy: bool = False) -> Json:
    """The answer to one turn; see `hayago.gtp.analyze.shown` for `show_policy`.

    Raises:
        QueryError: there is no network for the size, or a stone or move cannot be there.
    """
    from hayago.rules.scoring import handicap_stones  # imports numpy, which the first answers do not need

    query, turn = task
    if not game.resize(query.size):
        raise QueryError(f"hayago has no network for boards of {query.size}x{query.size}", "boardXSize")
    black, white = ([point for colour, point in query.stones if colour == side] for side in (BLACK, WHITE))
    if not game.set_up(black, white):
        raise QueryError("Illegal initial stones", "initialStones")
    first = query.first if query.first is not None else query.moves[0][0] if query.moves else BLACK
    game.set_to_play(first)
    for number, (colour, point) in enumerate(query.moves):
        if number == turn:
            break
        if not game.accept(colour, point):
            raise QueryError(f"Illegal move {number}: {point_to_vertex(point, query.size)}", "moves")
    # A bonus for handicap stones goes into the komi, since they are here without being called so.
    komi = query.rules.komi_and_compensation(handicap_stones(game.board))
    game.rules = replace(query.rules, komi=komi, handicap_bonus="0")
    # Behind the last move it is the other one's turn, unless a next move says whose it is.
    colour = query.moves[turn][0] if turn < len(query.moves) else game.to_play
    analyst = game.analyst(colour, query.restrictions)
    analyst.refine(moves=LINE)
    report = analyst.report()
    sees = {"BLACK": BLACK, "WHITE": WHITE, "SIDETOMOVE": colour}[query.view]
    answer = {
        "id": query.identity,
        "isDuringSearch": False,
        "moveInfos": _moves(report, query, sees, show_policy),
        "rootInfo": _root(report.seen_by(sees), game),
        "turnNumber": turn,
    }
    if "includeOwnership" in query.flags:
        answer["ownership"] = _rounded(report.seen_by(sees).ownership.tolist())
    if "includePolicy" in query.flags:
        answer["policy"] = _policy(game, colour, analyst.shares.tolist())
    return answer


def _judged(report: "Report", seen: Shown) -> Json:
    winrate, lead = round(seen.winrate, 6), round(seen.lead, 3)
    utility = round(2 * winrate - 1, 6)
    return {
        "winrate": winrate,
        "lcb": winrate,
        "utility": utility,
        "utilityLcb": utility,
        "scoreLead": lead,
        "scoreMean": lead,
        "scoreSelfplay": lead,
        "scoreStdev": round(report.spread, 3),
    }


def _moves(report: "Report", query: Query, sees: int, show_policy: bool) -> list[Json]:
    """The candidates; `report` is seen by the colour to play, the numbers by `sees`."""
    infos = []
    ownership = _rounded(report.seen_by(sees).ownership.tolist())
    for order, (move, seen) in enumerate(zip(report.candidates, shown(report, show_policy), strict=True)):
        if sees != report.colour:
            seen = Shown(1 - seen.winrate, 0.0 - seen.lead)
        info = {
            "move": vertex_of(move.point, query.size),
            "order": order,
            "prior": round(move.prior, 6),
            "visits": move.visits,
            "pv": [vertex_of(point, query.size) for point in move.line],
            **_judged(report, seen),
        }
        if "includePVVisits" in query.flags:
            info["pvVisits"] = [move.visits] * len(move.line)
        if "includeMovesOwnership" in query.flags:
            info["ownership"] = ownership
        infos.append(info)
    return infos


def _root(report: "Report", game: "Game") -> Json:
    board = game.board
    identity = f"{board.position_hash & (1 << 64) - 1:016X}{report.colour}{board.ko_point or 0:03d}"
    return {
        "currentPlayer": "B" if report.colour == BLACK else "W",
        "visits": sum(move.visits for move in report.candidates),
        "thisHash": identity,
        "symHash": identity,
        **_judged(report, Shown(report.winrate, report.lead)),
    }


def _policy(game: "Game", colour: int, shares: list[float]) -> list[float]:
    """The prior of each point, -1 where illegal, and of the pass, as `Analyst.shares` has them."""
    legal = [*game.legal_points(colour).tolist(), True]
    return [round(value, 7) if here else -1 for value, here in zip(shares, legal, strict=True)]


def _rounded(values: list[float]) -> list[float]:
    return [round(value, 4) for value in values]


# ---- The desk, and the process.


class Desk:
    """Takes lines, answers what can be answered at once, and keeps the remaining tasks.

    Lines come from one thread; another takes the tasks.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._tasks: list[tuple[float, int, Task]] = []
        self._number = count()
        self._changed = threading.Condition()
        self._closed = False
        self.describe_models: Callable[[], list[Json]] | None = None
        self._model_queries: list[Json] = []

    def say(self, answer: Json) -> None:
        """Write one answer."""
        self._write(json.dumps(answer, separators=(",", ":")) + "\n")

    def take(self) -> Task | None:
        """The next task; None when the input has ended and all are done."""
        with self._changed:
            while not self._tasks and not self._closed:
                self._changed.wait(WAKE)  # see Inbox
            return heapq.heappop(self._tasks)[2] if self._tasks else None

    def put(self, line: str | None) -> None:
        """A line of the input, or None for its end."""
        if line is None:
            with self._changed:
                self._closed = True
                self._changed.notify_all()
        elif isinstance(line, TooLong):
            self.say({"error": f"Could not parse input line as json request: more than {MOST_JSON_BYTES:,} bytes"})
        elif line.strip():
            self._read(line)

    def _read(self, line: str) -> None:
        try:
            query = json.loads(line)
        except (ValueError, RecursionError) as error:
            self.say({"error": f"Could not parse input line as json request: {error}"})
            return
        if not isinstance(query, dict):
            self.say({"error": "Request was not a json object"})
            return
        if not isinstance(query.get("id"), str):
            self.say({"error": 'Request must have a string "id" field', "field": "id"})
            return
        try:
            if "action" in query:
                self._act(query)
            else:
                self._enqueue(read(query))
        except QueryError as error:
            self.say({"error": str(error), "field": error.field, "id": query["id"]})

    def _enqueue(self, query: Query) -> None:
        for warning in query.warnings:
            self.say(warning)
        with self._changed:
            for turn, priority in zip(query.turns, query.priorities, strict=True):
                heapq.heappush(self._tasks, (-priority, next(self._number), Task(query, turn)))
            self._changed.notify_all()

    def _act(self, query: Json) -> None:
        match query["action"]:
            case "query_version":
                self.say({**query, "version": __version__, "git_hash": "<omitted>"})
            case "query_models":
                self._tell_models(query)
            case "clear_cache":
                self.say(query)
            case "terminate":
                if not isinstance(query.get("terminateId"), str):
                    raise QueryError("Must be a string", "terminateId")
                self._terminate(query, query["terminateId"])
            case "terminate_all":
                self._terminate(query, None)
            case action:
                raise QueryError(f"'action' field must be 'query_version' or ..., not {action}", "action")

    def _terminate(self, query: Json, identity: str | None) -> None:
        """Remove the tasks that have not begun; each is answered without results."""
        turns = query.get("turnNumbers")
        if turns is not None and not (isinstance(turns, list) and all(_is_integer(turn) for turn in turns)):
            raise QueryError("Must be an array of integers", "turnNumbers")
        among = None if turns is None else set(turns)
        ended: list[Task] = []
        left: list[tuple[float, int, Task]] = []
        with self._changed:
            for entry in self._tasks:
                task = entry[2]
                if identity in (None, task.query.identity) and (among is None or task.turn in among):
                    ended.append(task)
                else:
                    left.append(entry)
            heapq.heapify(left)
            self._tasks = left
        for task in ended:
            self.say({"id": task.query.identity, "isDuringSearch": False, "noResults": True, "turnNumber": task.turn})
        self.say(query)

    def _tell_models(self, query: Json) -> None:
        """At once, or as soon as the networks are loaded."""
        with self._changed:
            if self.describe_models is None:
                self._model_queries.append(query)
                return
        self.say({**query, "models": self.describe_models()})

    def loaded(self, describe_models: Callable[[], list[Json]]) -> None:
        """The networks are loaded: answer the queries about them."""
        with self._changed:
            self.describe_models = describe_models
            waiting, self._model_queries = self._model_queries, []
        for query in waiting:
            self.say({**query, "models": describe_models()})


def serve_json(load: "Callable[[], Game]", patience: float = PATIENCE, show_policy: bool = False) -> None:
    """Answer all queries on stdin until it ends, or until SIGTERM, or until the reader of the answers has ended."""
    output = take_stdout()
    # A thread of its own writes, because the reading thread must never wait for a client that does not read.
    lines: Inbox[str | None] = Inbox()

    def write() -> None:
        try:
            while (line := lines.get()) is not None:
                output.write(line)
        except OSError:  # the reader has ended
            leave()

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    desk = Desk(lines.put)
    end_on_sigterm()
    start_reader(desk.put, output, patience, MOST_JSON_BYTES)
    try:
        game = load()
        desk.loaded(lambda: [_model(size) for size in sorted({info.board_size for info in game.player.sizes.values()})])
        while (task := desk.take()) is not None:
            work_off(game, task, desk, show_policy)
    finally:
        lines.put(None)
        writer.join(patience)


def work_off(game: "Game", task: Task, desk: Desk, show_policy: bool = False) -> None:
    """Answer a task; a failure is an answer too."""
    try:
        answer = analyse(game, task, show_policy)
    except QueryError as error:
        answer = {"error": str(error), "field": error.field, "id": task.query.identity}
    except HayagoError as error:  # a network that cannot answer here
        answer = {"error": str(error), "id": task.query.identity}
    except Exception as error:
        sys.stderr.write(f"hayago: internal error in query {task.query.identity!r}: {place_of(error)}\n")
        answer = {"error": f"internal error: {type(error).__name__}: {error}", "id": task.query.identity}
    desk.say(answer)


def _model(size: int) -> Json:
    return {
        "name": f"hayago {__version__}, {size}x{size}",
        "internalName": f"hayago-{size}",
        "maxBatchSize": 8,
        "usesHumanSLProfile": False,
        "version": 1,
        "usingFP16": "false",
    }
