"""The files of a match, which can be stopped at any moment and continued:

    match.json      everything that decides what is played, and the versions that play
    openings.sgf    the openings, one game each
    results.jsonl   one line per finished game: the fields of `GameResult`
    games/0001.sgf  the game with that number

A game counts once its line is in the results; its SGF is written before that. An incomplete last line, as after a
power cut, is dropped.
"""

import json
import os
import platform
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout

from hayago import __version__
from hayago.errors import HayagoError
from hayago.files import read_file, refuse_links, write_atomically
from hayago.match.match_game import CHARGES, DRAW, ENDINGS, REFEREE, SCORED, GameResult
from hayago.match.openings import fingerprint, write_openings
from hayago.network.file_header import check_fields, number, text, whole
from hayago.records.sgf import GameRecord, read_sgf
from hayago.rules.coordinates import COLOUR_NAMES

FORMAT = 1
_MOST_BYTES = 1 << 30  # of a file in the folder; a game takes half a KiB
_MOST_MOVES = 1_000_000
_UNDECIDED = {DRAW: "0", "": "Void"}  # the results of games that no one has won
MAX_SECONDS = 1e9  # of a player in a game


class MatchFolder:
    """The folder of one match, locked while it is open.

    Args:
        path: the folder; created if it does not exist.

    Attributes:
        path: the same.
        results: the finished games, in the order they finished.
        openings: see `agree`.

    Raises:
        HayagoError: the folder cannot be used, or another process plays this match.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.results: list[GameResult] = []
        self.openings: list[GameRecord] = []
        self._results_path = path / "results.jsonl"
        refuse_links(path, ("match.json", "openings.sgf", "results.jsonl", "games", ".lock"))
        self._lock = FileLock(path / ".lock")
        try:
            (path / "games").mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise HayagoError(f"{path}: another process is playing this match") from error
        except OSError as error:
            raise HayagoError(f"cannot use {path}: {error.strerror or error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    def agree(self, agreement: dict[str, Any], make_openings: Callable[[], list[GameRecord]]) -> None:
        """Begin a match under this agreement, or check that the match in the folder has the same one.

        Args:
            agreement: JSON values, everything that decides what is played. The openings are added here.
            make_openings: called for a new match; a continued match has kept its openings.

        Raises:
            HayagoError: the match in the folder has another agreement, or is damaged.
        """
        path = self.path / "match.json"
        if path.exists():
            kept = _read_json(path)
            if kept.get("format") != FORMAT:
                raise HayagoError(f"{path}: written by another version of hayago ({kept.get('hayago')})")
            self.openings = read_sgf(self.path / "openings.sgf")
            _compare(self.path, kept["match"], {**agreement, "openings_hash": fingerprint(self.openings)})
            self.results = self._read_results()
            return
        if self._results_path.exists():
            raise HayagoError(f"{self.path}: holds results, but no match.json that describes the match")
        self.openings = make_openings()
        write_atomically(self.path / "openings.sgf", lambda file: file.write(write_openings(self.openings)))
        about = {
            "format": FORMAT,
            "hayago": __version__,
            "python": platform.python_version(),
            "system": platform.platform(),
            "began": datetime.now(UTC).isoformat(timespec="seconds"),
            "match": {**agreement, "openings_hash": fingerprint(self.openings)},
        }
        text = json.dumps(about, indent=2, ensure_ascii=False) + "\n"
        write_atomically(path, lambda file: file.write(text.encode()))

    def add(self, result: GameResult, sgf: bytes) -> None:
        """Keep a finished game.

        Raises:
            HayagoError: it cannot be written.
        """
        game = self.path / "games" / f"{result.number:04d}.sgf"
        write_atomically(game, lambda file: file.write(sgf), follow=False)
        line = json.dumps(result._asdict(), ensure_ascii=False) + "\n"
        try:
            with self._results_path.open("ab") as file:
                file.write(line.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise HayagoError(f"cannot write {self._results_path}: {error.strerror}") from error
        self.results.append(result)

    def _read_results(self) -> list[GameResult]:
        if not self._results_path.exists():
            return []
        data = read_file(self._results_path, _MOST_BYTES)
        lines = data[: data.rfind(b"\n") + 1]
        if lines != data:
            write_atomically(self._results_path, lambda file: file.write(lines))
        results = []
        for count, line in enumerate(lines.split(b"\n")[:-1], start=1):
            try:
                fields = json.loads(line)
                results.append(GameResult(**fields))
                check_fields(fields, _KINDS)
                _check_sense(results[-1])
            except (ValueError, TypeError, RecursionError) as error:
                raise HayagoError(f"{self._results_path}: line {count} is damaged") from error
        return results


def _is_scores(value: Any) -> bool:
    return isinstance(value, dict) and all(map(text, value.values()))


def _check_sense(game: GameResult) -> None:
    """Raise ValueError unless a result's fields fit together."""
    wins = {game.black: "B+", game.white: "W+"}
    won, charged = game.winner in wins, game.ending in CHARGES
    sensible = (
        charged or game.ending in ENDINGS,
        game.result.startswith(wins[game.winner]) if won else game.result == _UNDECIDED.get(game.winner),
        game.charged in wins if charged else not game.charged,
        not charged or (won and game.winner != game.charged),
        not game.disputed or game.ending in SCORED,
        game.scores.keys() <= {*COLOUR_NAMES, REFEREE},
        game.moves <= _MOST_MOVES,
    )
    if not all(sensible):
        raise ValueError("it makes no sense")


# A result's fields. The rest of the line's checks is `Match.agree`: whether this game is one of the match.
_KINDS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("number", "opening", "seed", "moves"), whole),
    **dict.fromkeys(("black", "white", "winner", "result", "ending", "charged", "detail", "fingerprint"), text),
    **dict.fromkeys(("black_seconds", "white_seconds"), lambda value: number(value) and value <= MAX_SECONDS),
    "scores": _is_scores,
    "disputed": lambda value: isinstance(value, bool),
}


def _compare(path: Path, kept: dict[str, Any], agreement: dict[str, Any]) -> None:
    asked = json.loads(json.dumps(agreement))  # tuples become lists
    for key in {**kept, **asked}:
        if kept.get(key) != asked.get(key):
            before, now = (json.dumps(side.get(key), ensure_ascii=False) for side in (kept, asked))
            raise HayagoError(f"{path}: this match was begun with {key} {before}, not {now}; use another folder")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(read_file(path, _MOST_BYTES))
    except (ValueError, RecursionError) as error:
        raise HayagoError(f"{path}: damaged: {error}") from error
    if not isinstance(value, dict) or not isinstance(value.get("match"), dict):
        raise HayagoError(f"{path}: not a description of a match")
    return value
