"""The store: games as one Parquet file, written by `prepare` and read back as flat arrays by `read_store`.

The file has one row per game and is compressed with zstd:

| column                   | type         | meaning |
|--------------------------|--------------|---------|
| moves                    | list<uint16> | move codes (see `games`), in order, passes included |
| setup                    | list<uint16> | codes of the stones before the first move, by point |
| key                      | 16 bytes     | the game's identity, `identity.game_keys` |
| split                    | string       | "train", "validation" or "test" |
| komi                     | float, null  | points for White, null if the record says nothing |
| handicap                 | int16        | HA as stated, 0 for none |
| date                     | string       | YYYY-MM-DD, YYYY-MM, YYYY or "" |
| black, white             | string       | the players |
| black_rank, white_rank   | string       | as in the record; `sgf_values.rank_number` compares them |
| rules, result, event     | string       | RU, RE and EV as in the record |
| source                   | string       | the file, `archive!member`, `#number` in a file of several games |

All games have one board size. A *group* (Parquet's row group) holds at most GROUP_GAMES games of one split. So writing
needs the memory of a few groups, and reading a split touches no other. The file's metadata hold:

- `hayago.version` and `hayago.size`: STORE_VERSION and the board's side;
- `hayago.groups`: JSON, [split, games, moves, set-up stones] of every group;
- `hayago.fingerprint`: a SHA-256 of the content, equal for the same games in the same order, whatever wrote them;
- `hayago.seal`: a SHA-256 of the file's bytes (see `seal`), checked before anything else.

A game's key is a hash of its set-up and its first 80 moves in canonical form. The split depends only on the key: 2 % of
all keys are for testing, 1 % for validation, the rest for training. So a game, its rotations and reflections, and other
records of it that differ only after move 80 are in the same split, and adding games moves none.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Self, get_args

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hayago.errors import HayagoError
from hayago.files import write_atomically
from hayago.records.archives import iter_files
from hayago.records.games import Games
from hayago.records.identity import KEY_BYTES, KEY_MOVES, Split, game_keys, split_of, why_illegal
from hayago.records.seal import UNSEALED, is_intact, seal, seal_place
from hayago.records.selection import Selection
from hayago.records.sgf import BadRecord, GameRecord, scan_sgf
from hayago.rules.coordinates import MAX_SIZE, WHITE
from hayago.rules.kernels.position import new_log, new_position

STORE_VERSION = 2
GROUP_GAMES = 8192

SPLITS: tuple[Split, ...] = get_args(Split)

_TEXTS = ("date", "black", "white", "black_rank", "white_rank", "rules", "result", "event", "source")
_SCHEMA = pa.schema(
    [
        ("moves", pa.list_(pa.uint16())),
        ("setup", pa.list_(pa.uint16())),
        ("key", pa.binary(KEY_BYTES)),
        ("split", pa.string()),
        ("komi", pa.float32()),
        ("handicap", pa.int16()),
        *((name, pa.string()) for name in _TEXTS),
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


@dataclass(frozen=True)
class GameStore:
    """Games read from a store.

    Attributes:
        path: the file.
        split: the split that was asked for, None for all games.
        fingerprint: of the whole store, whatever split was asked for.
        games: set-up and moves as flat arrays, in the file's order.
    """

    path: Path
    split: Split | None
    fingerprint: str
    games: Games

    def __len__(self) -> int:
        return len(self.games.offsets) - 1

    @cached_property
    def table(self) -> Any:
        """A pyarrow Table of the other columns, row g for game g; read from the file when it is first asked for.

        Raises:
            HayagoError: the file can no longer be read, or has other games now.
        """
        with _opened(self.path) as store:
            if store.fingerprint != self.fingerprint:
                raise HayagoError(f"{self.path}: the store has changed since its games were read")
            return store.parquet.read_row_groups(store.numbers(self.split), columns=_SCHEMA.names[2:])


def prepare(
    paths: Iterable[str | Path],
    out: str | Path,
    options: PrepareOptions | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> PrepareReport:
    """Read all games under `paths` and write the good ones, each once, as the store `out`.

    Of several records of a game (the same moves, or the same first 80, under any symmetry) the first is kept.

    Args:
        paths: files, folders, archives, glob patterns; see `iter_files`.
        out: the Parquet file; replaced only if everything succeeds.
        progress: called after every file with the number of files read and of games kept.

    Raises:
        HayagoError: a path cannot be read or holds no games (see `iter_files`), no game is left, `out` cannot
            be written.
    """
    report = PrepareReport()
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
    options, report = options or PrepareOptions(), report or PrepareReport()
    chooser = _Chooser(options)

    def write(file: BinaryIO) -> None:
        with _Writer(file, options.size) as writer:
            for record in records:
                try:
                    key = chooser.key(record)
                except BadRecord as error:
                    report.reject(error.source, error.reason, error.detail)
                    continue
                assert isinstance(record, GameRecord)  # a BadRecord has no key
                split = split_of(key)
                writer.add(record, key, split)
                report.kept += 1
                report.splits[split] += 1
                report.moves += len(record.moves)
                if record.cut:
                    report.cuts[record.cut] += 1
            if not report.kept:
                reasons = ", ".join(f"{count} {reason}" for reason, count in report.table())
                raise HayagoError(f"no game is left to write: {reasons}")
            report.fingerprint = writer.finish()
        seal(file)

    write_atomically(out, write)
    return report


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
            BadRecord: the record itself if it is one, or the reason why it is not kept.
        """
        if isinstance(record, BadRecord):
            raise record
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
        return options.objection(record.date, (record.black_rank, record.white_rank), record.handicap, stones)


class _Group(NamedTuple):
    """What a store says about one of its groups."""

    split: Split
    games: int
    moves: int
    stones: int


class _Writer:
    """Writes games group by group; games of a split wait until they fill a group."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._size = size
        self._parquet = pq.ParquetWriter(file, _SCHEMA, compression="zstd", write_statistics=False)
        self._waiting: dict[Split, list[tuple[GameRecord, bytes]]] = {split: [] for split in SPLITS}
        self._groups: list[_Group] = []
        self._digests: defaultdict[tuple[Split, str], Any] = defaultdict(hashlib.sha256)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self._parquet.close()

    def add(self, record: GameRecord, key: bytes, split: Split) -> None:
        """Add a game; it is written now or with later ones."""
        self._waiting[split].append((record, key))
        if len(self._waiting[split]) == GROUP_GAMES:
            self._write_group(split)

    def finish(self) -> str:
        """Write the waiting games and the metadata. Returns the fingerprint."""
        for split in SPLITS:
            if self._waiting[split]:
                self._write_group(split)
        content = hashlib.sha256(f"hayago store {STORE_VERSION}, size {self._size}".encode())
        for (split, part), digest in sorted(self._digests.items()):
            content.update(f"{split} {part} {digest.hexdigest()}".encode())
        notes = {
            "hayago.version": str(STORE_VERSION),
            "hayago.size": str(self._size),
            "hayago.groups": json.dumps(self._groups),
            "hayago.fingerprint": content.hexdigest(),
            "hayago.seal": UNSEALED,
        }
        self._parquet.add_key_value_metadata(notes)
        return content.hexdigest()

    def _write_group(self, split: Split) -> None:
        records, keys = zip(*self._waiting[split], strict=True)
        self._waiting[split] = []
        games = records_to_games(records)
        columns: dict[str, Any] = {
            "moves": pa.ListArray.from_arrays(games.offsets.astype(np.int32), games.codes),
            "setup": pa.ListArray.from_arrays(games.setup_offsets.astype(np.int32), games.setup),
            "key": keys,
            "split": [split] * len(records),
        }
        for name in _SCHEMA.names[len(columns) :]:
            columns[name] = [getattr(record, name) for record in records]
        table = pa.table(columns, schema=_SCHEMA)
        self._parquet.write_table(table, row_group_size=len(records))
        self._groups.append(_Group(split, len(records), len(games.codes), len(games.setup)))
        for name in _SCHEMA.names:
            for part, data in _parts(table[name].chunk(0)):
                self._digests[split, f"{name} {part}"].update(np.ascontiguousarray(data, data.dtype.newbyteorder("<")))


def _parts(array: Any) -> Iterator[tuple[str, NDArray[Any]]]:
    """The content of a column as plain arrays, with its chunks concatenated."""
    if pa.types.is_fixed_size_binary(array.type):
        yield "bytes", np.frombuffer(b"".join(array.to_pylist()), np.uint8)
    elif pa.types.is_list(array.type):
        yield "values", array.flatten().to_numpy()
        yield "lengths", array.value_lengths().to_numpy()
    elif pa.types.is_string(array.type):
        _, offsets_buffer, bytes_buffer = array.buffers()
        offsets = np.frombuffer(offsets_buffer, np.int32)[: len(array) + 1]
        yield "bytes", np.frombuffer(bytes_buffer or b"", np.uint8)[: offsets[-1]]
        yield "lengths", np.diff(offsets)
    else:
        yield "values", array.cast(pa.float64()).to_numpy(zero_copy_only=False)  # null becomes NaN


# ---- Reading.

_NO_STORE = "not a game store, or cut short (make one with hayago prepare)"


class _Contents(NamedTuple):
    """An open store: what it says about itself, and its file."""

    size: int
    fingerprint: str
    groups: list[_Group]
    parquet: Any

    def numbers(self, split: Split | None) -> list[int]:
        """The numbers of the groups of a split."""
        return [number for number, group in enumerate(self.groups) if split in (None, group.split)]


@contextmanager
def _opened(path: Path) -> Iterator[_Contents]:
    """Open a store and check its seal.

    Raises:
        HayagoError: see `read_store`.
    """
    try:
        with path.open("rb") as file:
            try:
                place = seal_place(file)
                if place is not None and not is_intact(file, place):
                    raise HayagoError(f"{path}: the content does not match its checksum; the file is damaged")
                parquet = pq.ParquetFile(file)
                yield _contents(path, parquet, sealed=place is not None)
            except (ValueError, pa.ArrowException) as error:
                raise HayagoError(f"{path}: {_NO_STORE}") from error
    except OSError as error:
        if error.strerror is None:  # pyarrow's own errors about the content
            raise HayagoError(f"{path}: {_NO_STORE}") from error
        raise HayagoError(f"cannot read {path}: {error.strerror}") from error


def _contents(path: Path, parquet: Any, sealed: bool) -> _Contents:
    notes = {key.decode(): value.decode() for key, value in (parquet.metadata.metadata or {}).items()}
    version = notes.get("hayago.version")
    if version is None:
        raise HayagoError(f"{path}: a Parquet file, but not a game store (make one with hayago prepare)")
    if version != str(STORE_VERSION):
        raise HayagoError(f"{path}: a store of version {version}, not {STORE_VERSION}; prepare it again")
    if not sealed:
        raise HayagoError(f"{path}: the store has lost its checksum; the file is damaged")
    if not parquet.schema_arrow.remove_metadata().equals(_SCHEMA):
        raise HayagoError(f"{path}: the columns of this store are not those of version {STORE_VERSION}")
    groups = [_Group(*group) for group in json.loads(notes["hayago.groups"])]
    return _Contents(int(notes["hayago.size"]), notes["hayago.fingerprint"], groups, parquet)


class _Flat:
    """Lists of codes, joined into the flat arrays of `Games`."""

    def __init__(self, lists: int, codes: int) -> None:
        self.codes = np.empty(codes, np.uint16)
        self.offsets = np.zeros(lists + 1, np.int64)
        self._lists = self._codes = 0

    def extend(self, column: Any) -> None:
        """Add all lists of a pyarrow column."""
        for chunk in column.chunks:
            codes, lengths = chunk.flatten().to_numpy(), chunk.value_lengths().to_numpy()
            self.codes[self._codes : self._codes + len(codes)] = codes
            np.cumsum(lengths, out=self.offsets[self._lists + 1 : self._lists + 1 + len(lengths)])
            self.offsets[self._lists + 1 : self._lists + 1 + len(lengths)] += self._codes
            self._lists += len(lengths)
            self._codes += len(codes)


def read_store(path: str | Path, split: Split | None = None) -> GameStore:
    """The games of a store, all of them or those of one split.

    Raises:
        HayagoError: there is no such file, or it is not a store, cut short, damaged, or of another version.
    """
    path = Path(path)
    with _opened(path) as store:
        numbers = store.numbers(split)
        groups = [store.groups[number] for number in numbers]
        games = sum(group.games for group in groups)
        moves = _Flat(games, sum(group.moves for group in groups))
        setup = _Flat(games, sum(group.stones for group in groups))
        for number in numbers:
            table = store.parquet.read_row_group(number, columns=["moves", "setup"])
            moves.extend(table["moves"])
            setup.extend(table["setup"])
        arrays = moves.codes, moves.offsets, setup.codes, setup.offsets
        return GameStore(path, split, store.fingerprint, Games(store.size, *arrays))


def records_to_games(records: Sequence[GameRecord]) -> Games:
    """The records as flat arrays.

    Raises:
        ValueError: there are no records, or they differ in size.
    """
    sizes = {record.size for record in records}
    if len(sizes) != 1:
        raise ValueError(f"all games must have one size, not {sorted(sizes)}")
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
