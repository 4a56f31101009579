"""The store: games as one Parquet file, written by `prepare` and read back as flat arrays by `read_store`.

The file, one row a game, compressed with zstd:

| column                   | type         | meaning |
|--------------------------|--------------|---------|
| moves                    | list<uint16> | move codes (see `games`), in order, passes included |
| setup                    | list<uint16> | codes of the stones before the first move, by point |
| key                      | 16 bytes     | the game's identity, `identity.game_keys` |
| split                    | string       | "train", "validation" or "test" |
| komi                     | float, null  | points for White, null where the record says nothing |
| handicap                 | int16        | HA as stated, 0 for none |
| date                     | string       | YYYY-MM-DD, YYYY-MM, YYYY or "" |
| black, white             | string       | the players |
| black_rank, white_rank   | string       | as the record has them; `sgf.rank_number` compares them |
| rules, result, event     | string       | RU, RE and EV as the record has them |
| source                   | string       | the file, `archive!member`, `#number` in a file of several games |

All games have one board size. The file's metadata hold `hayago.version` (STORE_VERSION), `hayago.size` and
`hayago.fingerprint`, a SHA-256 over version, size and the content of all columns, checked on reading.

Splits. A game's key is a hash of its set-up and its first 80 moves in the canonical one of the 8
symmetries. The split is a function of the key alone: 2 % of all keys are for testing, 1 % for validation,
the rest for training. So a game, its rotations and reflections, and another record of it that differs only
behind move 80, are always on the same side, and adding games moves none.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hayago.errors import HayagoError
from hayago.files import write_atomically
from hayago.records.archives import iter_files
from hayago.records.games import Games
from hayago.records.identity import (
    ILLEGAL_SETUP,
    KEY_BYTES,
    KEY_MOVES,
    LEGAL,
    Split,
    first_fault,
    game_keys,
    split_of,
)
from hayago.records.selection import Selection
from hayago.records.sgf import BadRecord, GameRecord, scan_sgf
from hayago.rules.coords import MAX_SIZE, WHITE
from hayago.rules.kernels import new_position

STORE_VERSION = 1

_TEXTS = ("date", "black", "white", "black_rank", "white_rank", "rules", "result", "event", "source")
_SCHEMA = pa.schema(
    [
        ("moves", pa.large_list(pa.uint16())),
        ("setup", pa.large_list(pa.uint16())),
        ("key", pa.binary(KEY_BYTES)),
        ("split", pa.large_string()),
        ("komi", pa.float32()),
        ("handicap", pa.int16()),
        *((name, pa.large_string()) for name in _TEXTS),
    ]
)


@dataclass(frozen=True)
class PrepareOptions(Selection):
    """Which games `prepare` keeps."""

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


@dataclass
class PrepareReport:
    """What `prepare` did.

    Attributes:
        kept: games written.
        splits: how many of them are in each split.
        moves: moves in them, passes included.
        cut: how many of them end early, because the file ended or set-up stones followed.
        rejected: (source, reason, detail) of every file that is no game and every game not kept, in order.
        fingerprint: of the file written.
    """

    kept: int = 0
    splits: Counter[str] = field(default_factory=Counter)
    moves: int = 0
    cut: int = 0
    rejected: list[tuple[str, str, str]] = field(default_factory=list)
    fingerprint: str = ""

    @property
    def total(self) -> int:
        """All games, and all files that are none: kept and rejected."""
        return self.kept + len(self.rejected)

    def table(self) -> list[tuple[str, int]]:
        """(reason, how many) of what was rejected, the most frequent first. With `kept` they make `total`."""
        return Counter(reason for _, reason, _ in self.rejected).most_common()


@dataclass(frozen=True)
class GameStore:
    """Games read from a store.

    Attributes:
        path: the file.
        fingerprint: of the whole file, whatever split was asked for.
        games: set-up and moves as flat arrays, in the file's order.
        table: a pyarrow Table of the other columns, row g for game g.
    """

    path: Path
    fingerprint: str
    games: Games
    table: Any

    def __len__(self) -> int:
        return len(self.games.offsets) - 1


def prepare(
    paths: Iterable[str | Path],
    out: str | Path,
    options: PrepareOptions | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> PrepareReport:
    """Read all games under `paths`, keep the good ones once, and write them as the store `out`.

    Of several records of a game (the same moves, or the same first 80, under any symmetry) the first is kept.

    Args:
        paths: files, folders, archives, glob patterns; see `iter_files`.
        out: the Parquet file; it is replaced only when everything went well.
        progress: called after every file with the numbers of files read and of games kept.

    Raises:
        HayagoError: a path cannot be read or holds no games (see `iter_files`), no game is left, `out` cannot
            be written.
    """
    report = PrepareReport()
    chooser = _Chooser(options or PrepareOptions())
    records: list[GameRecord] = []
    keys: list[bytes] = []

    def reject(source: str, reason: str, detail: str = "") -> None:
        report.rejected.append((source, reason, detail))

    for number, (source, data) in enumerate(iter_files(paths, reject), 1):
        for record in scan_sgf(data, source):
            try:
                keys.append(chooser.key(record))
            except BadRecord as error:
                reject(error.source, error.reason, error.detail)
            else:
                assert isinstance(record, GameRecord)  # a BadRecord has no key
                records.append(record)
        if progress is not None:
            progress(number, len(records))
    if not records:
        reasons = ", ".join(f"{count} {reason}" for reason, count in report.table())
        raise HayagoError(f"no game is left to write: {reasons}")
    table = _to_table(records, keys)
    report.kept = len(records)
    report.splits.update(table["split"].to_pylist())
    report.moves = sum(len(record.moves) for record in records)
    report.cut = sum(record.cut != "" for record in records)
    report.fingerprint = _write(table, chooser.options.size, out)
    return report


class _Chooser:
    """Says of one record after the other whether it is kept. It remembers the games that it has seen."""

    def __init__(self, options: PrepareOptions) -> None:
        self.options = options
        self._position = new_position(options.size)
        self._games: set[bytes] = set()
        self._keys: set[bytes] = set()

    def key(self, record: GameRecord | BadRecord) -> bytes:
        """The key of a record that is kept.

        Raises:
            BadRecord: the record itself if it is one, else why it is not kept.
        """
        if isinstance(record, BadRecord):
            raise record
        fault = self._unwanted(record)
        if fault is not None:
            raise BadRecord(record.source, *fault)
        setup = record.setup
        illegal = first_fault(self._position, record.size, setup, record.moves)
        if illegal == ILLEGAL_SETUP:
            raise BadRecord(record.source, "illegal set-up", "a chain without a liberty")
        if illegal != LEGAL:
            raise BadRecord(record.source, "illegal move", f"move {illegal + 1} of {len(record.moves)}")
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
        return options.objection(record.date, (record.black_rank, record.white_rank), record.handicap, stones)


def _to_table(records: Sequence[GameRecord], keys: Sequence[bytes]) -> Any:
    games = records_to_games(records)
    columns: dict[str, Any] = {
        "moves": pa.LargeListArray.from_arrays(games.offsets, games.codes),
        "setup": pa.LargeListArray.from_arrays(games.setup_offsets, games.setup),
        "key": keys,
        "split": [split_of(key) for key in keys],
    }
    for name in _SCHEMA.names[len(columns) :]:
        columns[name] = [getattr(record, name) for record in records]
    return pa.table(columns, schema=_SCHEMA)


def _write(table: Any, size: int, out: str | Path) -> str:
    fingerprint = _fingerprint(table, size)
    notes = {
        "hayago.version": str(STORE_VERSION),
        "hayago.size": str(size),
        "hayago.fingerprint": fingerprint,
    }

    def write(file: BinaryIO) -> None:
        pq.write_table(table.replace_schema_metadata(notes), file, compression="zstd")

    write_atomically(out, write)
    return fingerprint


def _fingerprint(table: Any, size: int) -> str:
    """SHA-256 of what is stored, the same whatever pyarrow's version or the file's layout."""
    digest = hashlib.sha256(f"hayago store {STORE_VERSION}, size {size}".encode())
    for name in _SCHEMA.names:
        column = table[name]
        if pa.types.is_large_list(column.type) or pa.types.is_large_string(column.type):
            parts = _flat(column)
        elif name == "key":
            parts = (np.frombuffer(b"".join(column.to_pylist()), np.uint8),)
        else:
            parts = (column.cast(pa.float64()).to_numpy(),)  # null becomes NaN
        for part in parts:
            digest.update(np.ascontiguousarray(part, part.dtype.newbyteorder("<")).data)
    return digest.hexdigest()


def _flat(column: Any) -> tuple[NDArray[Any], ...]:
    """The values (bytes) of all rows of a list (text) column, and the offsets (rows + 1,) into them."""
    array = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    _, offsets_buffer, *values_buffer = array.buffers()
    offsets = np.zeros(1, np.int64)
    if len(array):
        offsets = np.frombuffer(offsets_buffer, np.int64)[array.offset : array.offset + len(array) + 1]
    if pa.types.is_large_list(array.type):
        values = array.values.to_numpy()
    else:
        values = np.frombuffer(values_buffer[0] or b"", np.uint8)
    return values[offsets[0] : offsets[-1]], offsets - offsets[0]


def read_store(path: str | Path, split: Split | None = None) -> GameStore:
    """The games of a store, all of them or those of one split.

    Raises:
        HayagoError: there is no such file; it is no store, cut short, of another version, or its content does
            not match its fingerprint.
    """
    path = Path(path)
    try:
        table = pq.read_table(path.open("rb"))
    except OSError as error:
        if error.strerror is None:  # pyarrow's own, about the content
            raise HayagoError(f"{path}: no game store, or cut short (make it with hayago prepare)") from error
        raise HayagoError(f"cannot read {path}: {error.strerror}") from error
    except pa.ArrowException as error:
        raise HayagoError(f"{path}: no game store, or cut short (make it with hayago prepare)") from error
    notes = table.schema.metadata or {}
    version = notes.get(b"hayago.version", b"").decode()
    if not version:
        raise HayagoError(f"{path}: a Parquet file, but no game store (make one with hayago prepare)")
    if version != str(STORE_VERSION):
        raise HayagoError(f"{path}: a store of version {version}, not {STORE_VERSION}; prepare it anew")
    if not table.schema.remove_metadata().equals(_SCHEMA):
        raise HayagoError(f"{path}: the columns of this store are not those of version {STORE_VERSION}")
    size, fingerprint = int(notes[b"hayago.size"]), notes[b"hayago.fingerprint"].decode()
    if _fingerprint(table, size) != fingerprint:
        raise HayagoError(f"{path}: the content does not match its fingerprint; the file is damaged")
    if split is not None:
        table = table.filter(pc.equal(table["split"], split))
    codes, offsets = _flat(table["moves"])
    setup, setup_offsets = _flat(table["setup"])
    return GameStore(
        path,
        fingerprint,
        Games(size, codes, offsets, setup, setup_offsets),
        table.drop_columns(["moves", "setup"]),
    )


def records_to_games(records: Sequence[GameRecord]) -> Games:
    """The records as flat arrays.

    Raises:
        ValueError: there is none, or they are of different sizes.
    """
    sizes = {record.size for record in records}
    if len(sizes) != 1:
        raise ValueError(f"games of one size are needed, not of sizes {sorted(sizes)}")
    setups = [record.setup for record in records]
    return Games(
        sizes.pop(),
        np.concatenate([record.moves for record in records]),
        _offsets([len(record.moves) for record in records]),
        np.concatenate(setups),
        _offsets([len(setup) for setup in setups]),
    )


def _offsets(lengths: Sequence[int]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
