"""Choosing games for a store: `prepare` reads records, keeps the good ones once, and writes them.

Every game that is not kept is counted by its reason. The file's format lives in `store`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from hayago.errors import HayagoError
from hayago.files import refuse_inputs, write_atomically
from hayago.records.archives import iter_files, source_files
from hayago.records.identity import KEY_MOVES, Split, game_keys, split_of, why_illegal
from hayago.records.seal import seal
from hayago.records.selection import Selection
from hayago.records.sgf import BadRecord, GameRecord, scan_sgf
from hayago.rules.coordinates import MAX_SIZE, WHITE
from hayago.rules.kernels.position import new_log, new_position


@dataclass(frozen=True)
class PrepareOptions(Selection):
    """Which games `prepare` keeps: the filters of `hayago.records.selection`, and those that only `prepare` has."""

    size: int = 19
    """The board's side."""
    min_moves: int = 30
    """Games with fewer moves are left out."""
    max_moves: int = 1000
    """Games with more moves are left out."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.size <= MAX_SIZE:
            raise HayagoError(f"board size must be 1 to {MAX_SIZE}: {self.size}")
        for name in ("min_moves", "max_moves"):
            if getattr(self, name) < 0:
                raise HayagoError(f"{name.replace('_', ' ')} must not be below 0: {getattr(self, name)}")


@dataclass
class PrepareReport:
    """What `prepare` did.

    Attributes:
        kept: games written.
        splits: how many of them are in each split.
        moves: moves in them, passes included.
        cuts: how many of them end early, by the reason: "end of file", "set-up stones".
        rejected: (source, reason, detail) of every unusable file and every game not kept, in order.
        fingerprint: of the file written.
    """

    kept: int = 0
    splits: Counter[str] = field(default_factory=Counter)
    moves: int = 0
    cuts: Counter[str] = field(default_factory=Counter)
    rejected: list[tuple[str, str, str]] = field(default_factory=list)
    fingerprint: str = ""

    @property
    def total(self) -> int:
        """The number of games and files, kept and rejected."""
        return self.kept + len(self.rejected)

    def reject(self, source: str, reason: str, detail: str = "") -> None:
        """Note an unusable file, or a game that is not kept."""
        self.rejected.append((source, reason, detail))

    def table(self) -> list[tuple[str, int]]:
        """(reason, count) of everything rejected, the most frequent first. With `kept` they add up to `total`."""
        return Counter(reason for _, reason, _ in self.rejected).most_common()


def prepare(
    paths: Iterable[str | Path],
    out: str | Path,
    options: PrepareOptions | None = None,
    progress: Callable[[int, int], None] | None = None,
    report: PrepareReport | None = None,
) -> PrepareReport:
    """Read all games under `paths` and write the good ones, each once, as the store `out`.

    Of several records of a game (the same moves, or the same first 80, under any symmetry) the first is kept.

    Args:
        paths: files, folders, archives, glob patterns; see `iter_files`.
        out: the Parquet file; replaced only if everything succeeds.
        progress: called after every file with the number of files read and of games kept.
        report: filled in, also if an error is raised, and returned.

    Raises:
        HayagoError: a path cannot be read or holds no games (see `iter_files`), no game is left, `out` is an
            input or cannot be written.
    """
    paths = list(paths)
    if Path(out).exists():
        refuse_inputs(out, source_files(paths))
    report = report or PrepareReport()
    return write_store(_scan(paths, report, progress), out, options, report)


def _scan(
    paths: Iterable[str | Path], report: PrepareReport, progress: Callable[[int, int], None] | None
) -> Iterator[GameRecord | BadRecord]:
    for number, (source, data) in enumerate(iter_files(paths, report.reject), 1):
        yield from scan_sgf(data, source)
        if progress is not None:
            progress(number, report.kept)


def write_store(
    records: Iterable[GameRecord | BadRecord],
    out: str | Path,
    options: PrepareOptions | None = None,
    report: PrepareReport | None = None,
) -> PrepareReport:
    """Write the good ones among the records, each game once, as the store `out`: `prepare` without files.

    Records are taken one by one. Only the keys of kept games and a few groups of games are held in memory.

    Args:
        report: filled in and returned.

    Raises:
        HayagoError: no game is left, `out` cannot be written.
    """
    from hayago.records.store import StoreWriter  # it needs pyarrow, which `choose` does not

    options, report = options or PrepareOptions(), report or PrepareReport()

    def write(file: BinaryIO) -> None:
        with StoreWriter(file, options.size) as writer:
            for game in _chosen(records, options, report):
                writer.add(*game)
            report.fingerprint = writer.finish()
        seal(file)

    write_atomically(out, write)
    return report


def choose(paths: Iterable[str | Path], options: PrepareOptions, report: PrepareReport) -> Iterator[GameRecord]:
    """The good games under `paths`, each once: what `prepare` would write.

    Raises:
        HayagoError: a path cannot be read or holds no games, or, at the end, no game was good.
    """
    return (record for record, _, _ in _chosen(_scan(paths, report, None), options, report))


def _chosen(
    records: Iterable[GameRecord | BadRecord], options: PrepareOptions, report: PrepareReport
) -> Iterator[tuple[GameRecord, bytes, Split]]:
    """The games that are kept, with their keys and splits; the report counts all."""
    chooser = _Chooser(options)
    for record in records:
        try:
            key = chooser.key(record)
        except BadRecord as error:
            report.reject(error.source, error.reason, error.detail)
            continue
        assert isinstance(record, GameRecord)  # a BadRecord has no key
        split = split_of(key)
        yield record, key, split
        report.kept += 1
        report.splits[split] += 1
        report.moves += len(record.moves)
        if record.cut:
            report.cuts[record.cut] += 1
    if not report.kept:
        reasons = ", ".join(f"{count} {reason}" for reason, count in report.table())
        raise HayagoError(f"no game is left to write: {reasons}")


class _Chooser:
    """Decides for each record whether it is kept, and remembers the games it has seen."""

    def __init__(self, options: PrepareOptions) -> None:
        self.options = options
        self._position, self._log = new_position(options.size), new_log()
        self._games: set[bytes] = set()
        self._keys: set[bytes] = set()

    def key(self, record: GameRecord | BadRecord) -> bytes:
        """The key of a record that is kept.

        Raises:
            BadRecord: what the record is, or the reason why it is not kept.
        """
        if isinstance(record, BadRecord):
            raise BadRecord(record.source, record.reason, record.detail)  # a new one: see `read_sgf`
        unwanted = self._unwanted(record)
        if unwanted is not None:
            raise BadRecord(record.source, *unwanted)
        setup = record.setup
        broken = why_illegal(self._position, self._log, record.size, setup, record.moves)
        if broken is not None:
            raise BadRecord(record.source, *broken)
        key, whole = game_keys(record.size, setup, record.moves)
        if whole in self._games:
            raise BadRecord(record.source, "same game again")
        if key in self._keys:
            raise BadRecord(record.source, f"same first {KEY_MOVES} moves")
        self._games.add(whole)
        self._keys.add(key)
        return key

    def _unwanted(self, record: GameRecord) -> tuple[str, str] | None:
        """(reason, detail) if the options leave the record out, or it lacks its handicap stones."""
        options = self.options
        stones = bool(record.setup_black or record.setup_white)
        if record.size != options.size:
            return "board size", f"{record.size}x{record.size}"
        if len(record.moves) < options.min_moves:
            return "too few moves", str(len(record.moves))
        if len(record.moves) > options.max_moves:
            return "too many moves", str(len(record.moves))
        if record.handicap >= 2 and not stones and record.to_play == WHITE:
            return "handicap stones missing", f"HA[{record.handicap}], and White begins"
        ranks, names = (record.black_rank, record.white_rank), (record.black, record.white)
        return options.objection(record.date, ranks, names, record.handicap, stones)
