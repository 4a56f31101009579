"""Move codes: a move as one number, which is how games are stored and replayed.

A *move code* is a uint16. Bits 0 to 8 hold the point (size * size is a pass), and bit 15 is set if White plays. For
arrays of codes use the two masks.
"""

from hayago.jit import kernel
from hayago.rules.coordinates import BLACK, WHITE

WHITE_BIT = 0x8000
POINT_MASK = 0x01FF


@kernel
def point_of_code(code: int) -> int:
    """The point that is played."""
    return code & POINT_MASK


@kernel
def colour_of_code(code: int) -> int:
    """The colour that plays."""
    return WHITE if code & WHITE_BIT else BLACK


@kernel
def code_of(point: int, colour: int) -> int:
    """The code of a move."""
    return point | (WHITE_BIT if colour == WHITE else 0)
