"""Encoded games for other programs: `encode_games` in memory, `export_planes` as files.

Both stream: however many games there are, only some of them are held at a time. An example is a position in which a
move was played that is not a pass. Games that cannot be encoded are left out and reported, each with its reason.
"""

import json
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self, Union

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from hayago import __version__
from hayago.errors import HayagoError, whole_number
from hayago.features.incremental import all_positions, encode_positions
from hayago.features.planes import FEATURES_VERSION, PLANES, check_planes, plane_name, row_bytes, unpack
from hayago.files import new_folder
from hayago.records.archives import is_store, iter_files
from hayago.records.games import Games, check_games, records_to_games, some_games
from hayago.records.identity import why_illegal
from hayago.records.sgf import BadRecord, GameRecord, scan_sgf
from hayago.rules.coordinates import MAX_SIZE
from hayago.rules.kernels.position import new_log, new_position
from hayago.rules.symmetry import SYMMETRIES

if TYPE_CHECKING:
    from hayago.records.store import GameStore

GAMES_AT_A_TIME = 64
POSITIONS_AT_A_TIME = 4096
EXPORT_VERSION = 1

Source = Union[str, Path, GameRecord, Games, "GameStore"]


class EncodedBatch(NamedTuple):
    """B examples as numpy arrays; index 0 of each array is the same position.

    Attributes:
        planes: uint8 (B, planes, N, N), 0 and 1; plane p means `hayago.plane_name(p)`, row 0 is the board's top. Or, if
            rows were asked for packed, uint8 (B, bytes): the same bits in the same order, the first one the lowest bit
            of the first byte; `hayago.unpack` gives the planes.
        labels: int64 (B,), the point that was played there, row * N + column: what a network is trained to predict.
        games: int64 (B,), the number of the game, from 0, in the order of the input; games left out keep their numbers.
        plies: int64 (B,), the number of moves, passes included, before this position.
    """

    planes: NDArray[np.uint8]
    labels: NDArray[np.int64]
    games: NDArray[np.int64]
    plies: NDArray[np.int64]

    def take(self, chosen: slice | NDArray[np.int64]) -> "EncodedBatch":
        """Some of them, in the order asked for."""
        return EncodedBatch(self.planes[chosen], self.labels[chosen], self.games[chosen], self.plies[chosen])


def encode_games(
    games: Source | Iterable[str | Path] | Iterable[GameRecord],
    *,
    planes: int = PLANES,
    packed: bool = False,
    batch_size: int = 256,
    symmetry: int | Literal["random"] = 0,
    seed: int = 0,
    size: int | None = None,
    on_bad: Callable[[BadRecord], object] | None = None,
) -> Iterator[EncodedBatch]:
    """Every example of the games, encoded, in batches, game after game and move after move.

    Args:
        games: one or many paths (SGF files, folders, glob patterns, archives), or the path of one store (.parquet); one
            or many records, as `read_sgf` returns them; or what `read_store` returns.
        planes: the first 4, 12, 20 or all 48 of the feature planes.
        packed: eight points a byte, an eighth of the memory: see `EncodedBatch`.
        batch_size: examples in each batch; the last one may have fewer.
        symmetry: 0 to 7 turns and mirrors every position and its label in that way (0: not at all); "random" picks one
            of the 8 ways for each position.
        seed: the same seed repeats the same random symmetries.
        size: the board's side; games of another size are left out. By default 19, or the size of the store.
        on_bad: called for every game, or file, that is left out: not SGF, another size, an illegal move. Without it, a
            warning at the end says how many there were.

    Raises:
        ValueError: an option has no such value, or a path is empty.
        TypeError: an argument has another type.
        HayagoError: a path cannot be read.
    """
    check_planes(planes)
    is_symmetry = not isinstance(symmetry, str) and whole_number(symmetry, "symmetry") in range(SYMMETRIES)
    if symmetry != "random" and not is_symmetry:
        raise ValueError(f"symmetry must be 0 to {SYMMETRIES - 1} or 'random': {symmetry!r}")
    if whole_number(batch_size, "batch_size") < 1:
        raise ValueError(f"batch_size must be at least 1: {batch_size}")
    if whole_number(seed, "seed") < 0:
        raise ValueError(f"seed must be 0 or more: {seed}")
    source: Any = games
    if isinstance(source, str | Path) and is_store(source):
        from hayago.records.store import read_store  # it needs pyarrow, which few callers have

        source = read_store(source)
    source = getattr(source, "games", source)  # of a GameStore
    if isinstance(source, Games):
        check_games(source)
        if size not in (None, source.size):
            raise ValueError(f"the games have the size {source.size}, not {size}")
    if isinstance(source, str | Path | GameRecord):
        source = [source]
    if not isinstance(source, Games):
        if not isinstance(source, Iterable):
            raise TypeError(f"games are paths, records or a store, not {source!r}")
        source = _sources(source) if isinstance(source, Iterator) else list(_sources(source))
    board = source.size if isinstance(source, Games) else MAX_SIZE if size is None else whole_number(size, "size")
    if not 1 <= board <= MAX_SIZE:
        raise ValueError(f"size must be 1 to {MAX_SIZE}: {board}")
    pieces = _encoded(_good_games(source, board, on_bad), planes, symmetry, seed)
    batches = _rebatched(pieces, batch_size)
    return batches if packed else (b._replace(planes=unpack(b.planes, planes, board)) for b in batches)


def _sources(sources: Iterable[Any]) -> Iterator[str | Path | GameRecord]:
    """The same, each checked."""
    for source in sources:
        if not isinstance(source, str | Path | GameRecord):
            raise TypeError(f"games are paths, records or a store, not {source!r}")
        if source == "":  # which would be the current folder
            raise ValueError("a path is empty")
        yield source


class _Chunk(NamedTuple):
    """Some games that can be encoded, and their numbers in the input, int64 (G,)."""

    games: Games
    numbers: NDArray[np.int64]


def _good_games(source: Any, size: int, on_bad: Callable[[BadRecord], object] | None) -> Iterator[_Chunk]:
    """The good games, as chunks; the others are reported."""
    reasons: Counter[str] = Counter()

    def report(bad: BadRecord) -> None:
        reasons[bad.reason] += 1
        if on_bad is not None:
            on_bad(bad)

    if isinstance(source, Games):
        yield from _cut(source, report)
    else:
        yield from _collected(_records(source, report), size, report)
    if reasons and on_bad is None:
        found = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
        warnings.warn(f"left out: {found}", stacklevel=3)


def _cut(games: Games, report: Callable[[BadRecord], object]) -> Iterator[_Chunk]:
    """The games in pieces of GAMES_AT_A_TIME or fewer, cut where one is bad."""
    position, log = new_position(games.size), new_log()
    first, end = 0, len(games.offsets) - 1
    for number in range(end):
        _, moves, _, setup, _ = some_games(games, number, number + 1)
        broken = why_illegal(position, log, games.size, setup, moves)
        if broken is not None or number - first == GAMES_AT_A_TIME:
            yield _Chunk(some_games(games, first, number), np.arange(first, number))
            first = number
        if broken is not None:
            report(BadRecord(f"game {number}", *broken))
            first = number + 1
    yield _Chunk(some_games(games, first, end), np.arange(first, end))


def _records(
    sources: Iterable[str | Path | GameRecord], report: Callable[[BadRecord], object]
) -> Iterator[GameRecord | BadRecord]:
    """The records, and those in the files."""

    def skip(name: str, reason: str) -> None:
        report(BadRecord(name, reason))

    for source in sources:
        if isinstance(source, GameRecord):
            yield source
        elif is_store(source):
            raise HayagoError(f"{source}: a store is encoded alone, not together with other files")
        else:
            for name, data in iter_files([source], skip):
                yield from scan_sgf(data, name)


def _collected(
    records: Iterable[GameRecord | BadRecord], size: int, report: Callable[[BadRecord], object]
) -> Iterator[_Chunk]:
    """The good ones among the records, GAMES_AT_A_TIME together."""
    position, log = new_position(size), new_log()
    good: dict[int, GameRecord] = {}
    for number, record in enumerate(records):
        if isinstance(record, BadRecord):
            report(record)
        elif record.size != size:
            report(BadRecord(record.source, "board size", f"{record.size}x{record.size}"))
        elif (broken := why_illegal(position, log, size, record.setup, record.moves)) is not None:
            report(BadRecord(record.source, *broken))
        else:
            good[number] = record
        if len(good) == GAMES_AT_A_TIME:
            yield _Chunk(records_to_games(list(good.values())), np.array(list(good)))
            good.clear()
    if good:
        yield _Chunk(records_to_games(list(good.values())), np.array(list(good)))


def _encoded(
    chunks: Iterable[_Chunk], planes: int, symmetry: int | Literal["random"], seed: int
) -> Iterator[EncodedBatch]:
    """All examples of the games, packed, at most POSITIONS_AT_A_TIME together."""
    generator = np.random.Generator(np.random.Philox(seed))
    for games, numbers in chunks:
        game, ply = all_positions(games)
        if symmetry == "random":
            symmetries = generator.integers(SYMMETRIES, size=len(game), dtype=np.uint8)
        else:
            symmetries = np.full(len(game), symmetry, np.uint8)
        for first in range(0, len(game), POSITIONS_AT_A_TIME):
            part = slice(first, first + POSITIONS_AT_A_TIME)
            rows, labels = encode_positions(games, game[part], ply[part], symmetries[part], planes)
            yield EncodedBatch(rows, labels.astype(np.int64), numbers[game[part]], ply[part])


def _rebatched(pieces: Iterable[EncodedBatch], batch_size: int) -> Iterator[EncodedBatch]:
    """The same examples in batches of one size; the last one may be smaller."""
    held: list[EncodedBatch] = []
    wanted = batch_size
    for piece in pieces:
        first, end = 0, len(piece.labels)
        while first < end:
            held.append(piece.take(slice(first, first + wanted)))
            first += wanted
            wanted -= len(held[-1].labels)
            if not wanted:
                yield _joined(held)
                held, wanted = [], batch_size
    if held:
        yield _joined(held)


def _joined(batches: list[EncodedBatch]) -> EncodedBatch:
    return batches[0] if len(batches) == 1 else EncodedBatch(*map(np.concatenate, zip(*batches, strict=True)))


# ---- The same as files.

_MEANINGS = {
    "planes.npy": "the planes of each example, packed: see bit_order",
    "labels.npy": "the point that was played there, row * board_size + column, row 0 at the top",
    "games.npy": "the number of the game, from 0, in the order of the games (of the split)",
    "plies.npy": "the number of moves, passes included, before this position",
}


def export_planes(
    folder: str | Path,
    store: "GameStore",
    *,
    planes: int = PLANES,
    progress: Callable[[int], object] | None = None,
    on_bad: Callable[[BadRecord], object] | None = None,
) -> dict[str, Any]:
    """Write every example of a store as a folder of .npy files, which nearly every program can read or map into memory.

    The files are planes.npy (packed rows), labels.npy, games.npy and plies.npy, row k of each for the same example, and
    about.json, which says what they mean and is returned. The folder appears only when it is complete.

    Args:
        progress: called with the number of examples written so far.
        on_bad: see `encode_games`.

    Raises:
        ValueError: `planes` is not one of PLANE_SETS.
        HayagoError: the folder exists already, or cannot be written; the games hold no move.
    """
    size = store.games.size
    batches = encode_games(store, planes=planes, packed=True, batch_size=POSITIONS_AT_A_TIME, on_bad=on_bad)
    rows = 0
    with new_folder(folder) as temporary:
        with ExitStack() as stack:
            files = {
                name: stack.enter_context(_NpyFile(temporary / name, dtype, shape))
                for name, dtype, shape in (
                    ("planes.npy", np.uint8, (row_bytes(planes, size),)),
                    ("labels.npy", np.int16, ()),
                    ("games.npy", np.int32, ()),
                    ("plies.npy", np.int32, ()),
                )
            }
            for batch in batches:
                arrays: tuple[NDArray[Any], ...] = batch
                for file, array in zip(files.values(), arrays, strict=True):
                    file.append(array)
                rows += len(batch.labels)
                if progress is not None:
                    progress(rows)
        if not rows:
            raise HayagoError(f"{store.path}: the games hold no move")
        about: dict[str, Any] = {
            "format": "hayago planes",
            "version": EXPORT_VERSION,
            "hayago": __version__,
            "features_version": FEATURES_VERSION,
            "data_fingerprint": store.fingerprint,
            "split": store.split or "all",
            "games": len(store),
            "positions": rows,
            "board_size": size,
            "planes": [plane_name(plane) for plane in range(planes)],
            "bit_order": "little: the planes one after the other, in each the points in their order; number k of these"
            " bits is bit k % 8, counted from the lowest, of byte k // 8",
            "files": {
                name: {"shape": file.shape, "dtype": str(file.dtype), "meaning": _MEANINGS[name]}
                for name, file in files.items()
            },
        }
        (temporary / "about.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    return about


class _NpyFile:
    """A .npy file that grows row by row. Its header is written again at the end; numpy leaves room in it for that."""

    def __init__(self, path: Path, dtype: Any, row_shape: tuple[int, ...]) -> None:
        self.dtype = np.dtype(dtype)
        self.rows = 0
        self._row_shape = row_shape
        self._file = path.open("wb")
        self._write_header()

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the whole array, as far as it is written."""
        return (self.rows, *self._row_shape)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        with self._file:
            self._file.seek(0)
            self._write_header()

    def append(self, rows: NDArray[Any]) -> None:
        """Add rows, converted to the file's type."""
        self._file.write(np.ascontiguousarray(rows, self.dtype.newbyteorder("<")).data)
        self.rows += len(rows)

    def _write_header(self) -> None:
        header = {"descr": self.dtype.newbyteorder("<").str, "fortran_order": False, "shape": self.shape}
        npy.write_array_header_1_0(self._file, header)
