"""The store: games as one Parquet file, written by `StoreWriter` and read back as flat arrays by `read_store`.

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
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Self, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hayago.errors import HayagoError
from hayago.files import open_file
from hayago.records.footer import column_counts
from hayago.records.games import Games, check_codes, movers_of, records_to_games
from hayago.records.identity import KEY_BYTES, Split
from hayago.records.seal import UNSEALED, is_intact, seal_place
from hayago.records.selection import Selection
from hayago.records.sgf import GameRecord
from hayago.rules.coordinates import BLACK, MAX_SIZE, WHITE

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
_READ_SCHEMA = pa.schema(
    [(f.name, pa.dictionary(pa.int32(), f.type) if f.type == pa.string() else f.type) for f in _SCHEMA]
)


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

    def movers(self, selection: Selection) -> NDArray[np.uint8]:
        """uint8 (G,): the colours in each game whose moves the selection wants, BLACK and WHITE as bits.

        Raises:
            HayagoError: as for `table`.
        """
        if not (selection.moves_by or selection.player):
            return movers_of(self.games)
        movers = np.zeros(len(self), np.uint8)
        for side, colour in (("black", BLACK), ("white", WHITE)):
            ranks, names = (self.table[column].to_pylist() for column in (f"{side}_rank", side))
            movers += np.array([colour * selection.counts(*who) for who in zip(ranks, names, strict=True)], np.uint8)
        return movers

    @cached_property
    def table(self) -> Any:
        """A pyarrow Table of the other columns, row g for game g; read from the file when it is first asked for.

        Raises:
            HayagoError: the file can no longer be read, or has other games now.
        """
        with _opened(self.path) as store:
            if store.fingerprint != self.fingerprint:
                raise HayagoError(f"{self.path}: the store has changed since its games were read")
            numbers = store.numbers(self.split)
            table = _plain(
                store.parquet.read_row_groups(numbers, columns=_SCHEMA.names[2:], use_threads=False), self.path
            )
            _check_table(table, [store.groups[number] for number in numbers])
            return table


class _Group(NamedTuple):
    """What a store says about one of its groups."""

    split: Split
    games: int
    moves: int
    stones: int


class StoreWriter:
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

# Codes for each byte of a file. A game has a key of 16 bytes that cannot be compressed, and so fewer codes than this.
_MOST_CODES_PER_BYTE = 1000
# Bytes of text and indices that a file may unpack to, whatever its size, and for each of its bytes.
_FREE_BYTES, _MOST_BYTES_PER_BYTE = 64 << 20, 1000
_DATE = re.compile(r"(\d{4}(-\d\d){0,2})?")


class _Nonsense(Exception):
    """What a store holds is not what `StoreWriter` writes."""


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
        with open_file(path) as file:
            try:
                place = seal_place(file)
                if place is not None and not is_intact(file, place):
                    raise HayagoError(f"{path}: the content does not match its checksum; the file is damaged")
                # A text that many games share is read once, so that a small file cannot fill the memory.
                schema = pq.read_metadata(file).schema
                there = {schema.column(number).path for number in range(len(schema))}
                texts = [name for name in (*_TEXTS, "split") if name in there]
                # pyarrow's threads may still hold our memory when Python ends, and abort the process: none are started.
                parquet = pq.ParquetFile(file, read_dictionary=texts, pre_buffer=False)
                yield _contents(path, parquet, column_counts(file), sealed=place is not None)
            except _Nonsense as error:
                raise HayagoError(f"{path}: sealed, but not as hayago prepare writes a store: {error}") from error
            except MemoryError as error:
                raise HayagoError(f"{path}: there is not enough memory to read it") from error
            except (ValueError, pa.ArrowException) as error:
                raise HayagoError(f"{path}: {_NO_STORE}") from error
    except OSError as error:
        if error.strerror is None:  # pyarrow's own errors about the content
            raise HayagoError(f"{path}: {_NO_STORE}") from error
        raise HayagoError(f"cannot read {path}: {error.strerror}") from error


def _contents(path: Path, parquet: Any, counts: list[list[int]], sealed: bool) -> _Contents:
    notes = {key.decode(): value.decode() for key, value in (parquet.metadata.metadata or {}).items()}
    version = notes.get("hayago.version")
    if version is None:
        raise HayagoError(f"{path}: a Parquet file, but not a game store (make one with hayago prepare)")
    if version != str(STORE_VERSION):
        raise HayagoError(f"{path}: a store of version {version}, not {STORE_VERSION}; prepare it again")
    if not sealed:
        raise HayagoError(f"{path}: the store has lost its checksum; the file is damaged")
    if not parquet.schema_arrow.remove_metadata().equals(_READ_SCHEMA):
        raise HayagoError(f"{path}: the columns of this store are not those of version {STORE_VERSION}")
    size, fingerprint = notes.get("hayago.size", ""), notes.get("hayago.fingerprint", "")
    if size not in map(str, range(1, MAX_SIZE + 1)):
        raise _Nonsense("no size of a board")
    if not re.fullmatch("[0-9a-f]{64}", fingerprint):
        raise _Nonsense("no fingerprint")
    groups = _groups(notes.get("hayago.groups", ""), parquet, counts, path)
    return _Contents(int(size), fingerprint, groups, parquet)


def _groups(text: str, parquet: Any, counts: list[list[int]], path: Path) -> list[_Group]:
    """The groups that the metadata name, if they are those of the file.

    Args:
        counts: how many values each column of each row group has.
    """
    try:
        groups = [_Group(*group) for group in json.loads(text)]
    except (ValueError, TypeError, RecursionError) as error:
        raise _Nonsense("no list of groups") from error
    if not all(group.split in SPLITS and all(type(n) is int and n >= 0 for n in group[1:]) for group in groups):
        raise _Nonsense("a group of no split, or with a number that is none")
    rows = [parquet.metadata.row_group(number).num_rows for number in range(parquet.num_row_groups)]
    if [group.games for group in groups] != rows:
        raise _Nonsense("the groups do not have the games that they are said to have")
    if sum(group.moves + group.stones for group in groups) > _MOST_CODES_PER_BYTE * path.stat().st_size:
        raise _Nonsense("more moves than its bytes can hold")
    for group, values in zip(groups, counts, strict=True):
        _check_sizes(values, group)
    unpacked = sum(parquet.metadata.row_group(number).total_byte_size for number in range(len(groups)))
    if unpacked > _most_bytes(path):
        raise _Nonsense("more than its bytes can hold")
    return groups


def _most_bytes(path: Path) -> int:
    return _FREE_BYTES + _MOST_BYTES_PER_BYTE * path.stat().st_size


def _check_sizes(values: list[int], group: _Group) -> None:
    """Raise _Nonsense if a column has more values than the group is said to have, before any is decoded."""
    # An empty list counts as a value.
    most = {"moves": group.moves + group.games, "setup": group.stones + group.games}
    for name, count in zip(_SCHEMA.names, values, strict=True):
        if count > most.get(name, group.games):
            what = "moves or set-up stones" if name in most else "texts"
            raise _Nonsense(f"more {what} than its groups are said to have")


def _plain(table: Any, path: Path) -> Any:
    """The table with its texts written out, if they are not too long for that."""
    texts = [(name, chunk) for name in table.column_names for chunk in table[name].chunks if name in (*_TEXTS, "split")]
    lengths = [pc.binary_length(chunk.dictionary).take(chunk.indices) for _, chunk in texts]
    if sum(pc.sum(length.cast(pa.int64())).as_py() or 0 for length in lengths) > _most_bytes(path):
        raise _Nonsense("more text than its bytes can hold")
    return table.cast(pa.schema([_SCHEMA.field(name) for name in table.column_names]))


def _check_table(table: Any, groups: list[_Group]) -> None:
    """Raise _Nonsense unless these are the other columns of games of these groups."""
    table.validate(full=True)  # texts are UTF-8
    if any(table[name].null_count for name in table.column_names if name != "komi"):
        raise _Nonsense("an entry is missing")
    if table["split"].to_pylist() != [group.split for group in groups for _ in range(group.games)]:
        raise _Nonsense("a game is not of the split of its group")
    if not all(map(_DATE.fullmatch, table["date"].to_pylist())):
        raise _Nonsense("a date that is none")
    if not all(komi is None or isfinite(komi) for komi in table["komi"].to_pylist()):
        raise _Nonsense("a komi that is NaN or infinite")


class _Flat:
    """Lists of codes, joined into the flat arrays of `Games`."""

    def __init__(self, lists: int, codes: int) -> None:
        self.codes = np.empty(codes, np.uint16)
        self.offsets = np.zeros(lists + 1, np.int64)
        self._lists = self._codes = 0

    def extend(self, column: Any) -> None:
        """Add all lists of a pyarrow column."""
        for chunk in column.chunks:
            if chunk.null_count:
                raise _Nonsense("a game without a list of moves or set-up stones")
            codes, lengths = chunk.flatten().to_numpy(), chunk.value_lengths().to_numpy()
            if self._codes + len(codes) > len(self.codes):
                raise _Nonsense("more moves or set-up stones than its groups are said to have")
            self.codes[self._codes : self._codes + len(codes)] = codes
            np.cumsum(lengths, out=self.offsets[self._lists + 1 : self._lists + 1 + len(lengths)])
            self.offsets[self._lists + 1 : self._lists + 1 + len(lengths)] += self._codes
            self._lists += len(lengths)
            self._codes += len(codes)

    @property
    def is_full(self) -> bool:
        """Whether all lists and codes have come."""
        return (self._lists + 1, self._codes) == (len(self.offsets), len(self.codes))


def read_store(path: str | Path, split: Split | None = None) -> GameStore:
    """The games of a store, all of them or those of one split.

    Raises:
        HayagoError: there is no such file, or it is not a store, cut short, damaged, of another version, or holds what
            `prepare` never writes. (A move on an occupied point is found where its game is replayed.)
    """
    path = Path(path)
    with _opened(path) as store:
        numbers = store.numbers(split)
        groups = [store.groups[number] for number in numbers]
        games = sum(group.games for group in groups)
        moves = _Flat(games, sum(group.moves for group in groups))
        setup = _Flat(games, sum(group.stones for group in groups))
        for number in numbers:
            table = store.parquet.read_row_group(number, columns=["moves", "setup"], use_threads=False)
            moves.extend(table["moves"])
            setup.extend(table["setup"])
        if not (moves.is_full and setup.is_full):
            raise _Nonsense("fewer moves or set-up stones than its groups are said to have")
        read = Games(store.size, moves.codes, moves.offsets, setup.codes, setup.offsets)
        try:
            check_codes(read)
        except ValueError as error:
            raise _Nonsense(str(error)) from error
        return GameStore(path, split, store.fingerprint, read)
