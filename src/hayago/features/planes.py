"""The 48 feature planes: what each means, and how they are packed. This file imports no encoder.

Source: Silver et al., "Mastering the game of Go with deep neural networks and tree search", Nature 529 (2016), Extended
Data Table 2, in its order. A *plane* is a board of 0 and 1. Everything is relative to the side to move, and every
integer is one-hot. `FEATURES` and these words settle what the paper leaves open:

- *legal*: the point is empty, it is not the simple-ko point, and the move is not suicide. The planes ignore superko.
  The ko point is legal for no colour, though who has taken the ko may fill it if the sides do not alternate.
- *turns since*: a pass counts as a turn. Stones that were set up were never moves, and count as the oldest.
- *new own chain*: the chain of the stone just played, after captured stones are taken off.
- *ladder*: the hunter plays one of the prey's two liberties. The prey then tries its last liberty and every capture of
  an adjacent hunter chain in atari. It is saved with three liberties, or with two and no working ladder. The ko counts
  inside the reading. After 50 hunter moves the prey counts as saved.
- *true eye*: see `hayago.rules.kernels.plain_rules.mark_true_eyes`.

A *row* is one position bit-packed: the planes one after the other, in each plane the points in their order. Bit k of
the whole is in byte k // 8 at place k % 8 (numpy's packbits with bitorder="little").
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hayago.errors import whole_number
from hayago.features.bits import unpack_bits
from hayago.rules.coordinates import MAX_SIZE
from hayago.rules.symmetry import point_maps

FEATURES_VERSION = 1  # changes when the meaning of any plane does; networks of another version are refused


class Feature(NamedTuple):
    """One feature: its name, how many planes it takes, and what each plane tells."""

    name: str
    planes: int
    meaning: str


FEATURES = (
    Feature("stone_colour", 3, "own stones; opponent's stones; empty points"),
    Feature("ones", 1, "1 everywhere"),
    Feature("turns_since", 8, "at each stone: it was put there 1, 2, ... 7, 8 or more turns ago"),
    Feature("liberties", 8, "at each stone: its chain has 1, 2, ... 7, 8 or more liberties"),
    Feature("capture_size", 8, "at each legal point: playing there captures 0, 1, ... 6, 7 or more stones"),
    Feature(
        "self_atari_size",
        8,
        "at each legal point after which the new own chain has one liberty: it has 1, ... 7, 8 or more stones",
    ),
    Feature("liberties_after", 8, "at each legal point: the new own chain has 1, 2, ... 7, 8 or more liberties"),
    Feature("ladder_capture", 1, "legal points that begin a working ladder on an opponent chain of two liberties"),
    Feature("ladder_escape", 1, "legal points that save one of the player's chains in atari"),
    Feature("sensibleness", 1, "legal points that do not fill a true eye of the player"),
    Feature("zeros", 1, "0 everywhere"),
)


def _slices() -> dict[str, slice]:
    slices, start = {}, 0
    for feature in FEATURES:
        slices[feature.name] = slice(start, start + feature.planes)
        start += feature.planes
    return slices


SLICE = _slices()
# The first plane of each feature, for kernels, which cannot use the dictionary.
(
    STONE_COLOUR, ONES, TURNS_SINCE, LIBERTIES, CAPTURE_SIZE, SELF_ATARI_SIZE, LIBERTIES_AFTER, LADDER_CAPTURE,
    LADDER_ESCAPE, SENSIBLENESS, ZEROS,
) = (where.start for where in SLICE.values())  # fmt: skip
OWN, OPPONENT, VACANT = STONE_COLOUR, STONE_COLOUR + 1, STONE_COLOUR + 2

PLANES = sum(feature.planes for feature in FEATURES)
PLANE_SETS = (4, 12, 20, 48)  # Extended Data Table 3; each is a prefix of the next


def row_bytes(planes: int = PLANES, size: int = 19) -> int:
    """The length of a row: 2,166 bytes for all planes on 19x19."""
    return (planes * size * size + 7) // 8


@cache
def plane_name(plane: int) -> str:
    """ "liberties 8+" for plane 19: the feature, and which value of it the plane stands for.

    Raises:
        ValueError: there is no such plane.
        TypeError: not a whole number.
    """
    if not 0 <= whole_number(plane, "a plane") < PLANES:
        raise ValueError(f"a plane is 0 to {PLANES - 1}, not {plane}")
    name = next(name for name, where in SLICE.items() if where.start <= plane < where.stop)
    width = SLICE[name].stop - SLICE[name].start
    number = plane - SLICE[name].start
    if name == "stone_colour":
        return ("own", "opponent", "empty")[number]
    if width == 1:
        return name.replace("_", " ")
    value = number + (name != "capture_size")
    return f"{name.replace('_', ' ')} {value}{'+' if number == width - 1 else ''}"


def check_planes(planes: int) -> None:
    """Raise ValueError unless this is one of PLANE_SETS, TypeError unless it is a whole number."""
    if whole_number(planes, "planes") not in PLANE_SETS:
        raise ValueError(f"planes must be one of {', '.join(map(str, PLANE_SETS))}: {planes}")


def unpack(rows: NDArray[np.uint8], planes: int = PLANES, size: int = 19) -> NDArray[np.uint8]:
    """uint8 (B, planes, size, size), 0 and 1, of rows uint8 (B, row_bytes(planes, size)).

    Raises:
        ValueError: there are not so many planes, no such size, or the rows have another shape.
        TypeError: the rows are not an array of uint8, or a number is not a whole one.
    """
    if not 1 <= whole_number(planes, "planes") <= PLANES:
        raise ValueError(f"planes must be 1 to {PLANES}: {planes}")
    if not 1 <= whole_number(size, "size") <= MAX_SIZE:
        raise ValueError(f"size must be 1 to {MAX_SIZE}: {size}")
    check_rows(rows, planes, size)
    return unpack_bits(rows)[:, : planes * size * size].reshape(len(rows), planes, size, size)


MOST_KNOWN = SLICE["turns_since"].stop - TURNS_SINCE - 1  # the last so many moves are told apart


def forget_history(rows: NDArray[np.uint8], known: NDArray[np.integer], planes: int = PLANES, size: int = 19) -> None:
    """Change rows (B, row_bytes) into those of the same positions set up before their last `known` (B,) moves.

    Older stones then count as the oldest. The planes of legal points keep a ko, which a set-up would not know.
    """
    if planes <= TURNS_SINCE:
        return
    first, oldest = TURNS_SINCE * size * size, (TURNS_SINCE + MOST_KNOWN) * size * size
    changed = np.flatnonzero(known < MOST_KNOWN)
    bits = np.unpackbits(rows[changed], axis=1, bitorder="little")
    turns = bits[:, first : oldest + size * size].reshape(len(changed), MOST_KNOWN + 1, size * size)
    forgotten = turns & (np.arange(MOST_KNOWN + 1) >= known[changed, None])[..., None]
    turns ^= forgotten
    turns[:, -1] |= forgotten.any(axis=1)
    rows[changed] = np.packbits(bits, axis=1, bitorder="little")


def check_rows(rows: NDArray[np.uint8], planes: int, size: int) -> None:
    """Check that these are rows of so many planes, uint8 (B, row_bytes(planes, size)); B may be 0.

    Raises:
        ValueError: they have another shape.
        TypeError: they are not an array of uint8.
    """
    if not isinstance(rows, np.ndarray) or rows.dtype != np.uint8:
        raise TypeError(f"rows must be an array of uint8, not {getattr(rows, 'dtype', type(rows).__name__)}")
    if rows.ndim != 2 or rows.shape[1] != row_bytes(planes, size):
        raise ValueError(f"rows must have the shape (B, {row_bytes(planes, size)}), not {rows.shape}")


def transform(planes: NDArray[np.uint8], symmetry: int) -> NDArray[np.uint8]:
    """The planes (..., N, N) as a board seen under the symmetry has them."""
    size = planes.shape[-1]
    flat = planes.reshape(*planes.shape[:-2], size * size)
    moved = np.empty_like(flat)
    moved[..., point_maps(size)[symmetry, :-1]] = flat
    return moved.reshape(planes.shape)


def pack(planes: NDArray[np.uint8], symmetry: int = 0) -> NDArray[np.uint8]:
    """uint8 (row_bytes,): planes (planes, N, N) as a board seen under the symmetry has them, as a row."""
    return np.packbits(transform(planes, symmetry), bitorder="little")
