"""KataGo's `avoid` and `allow`: moves that a colour shall not play in the next few moves.

Read while nothing else is loaded, so there is no numpy here.
"""

from collections.abc import Collection, Iterable
from typing import NamedTuple


class Restriction(NamedTuple):
    """`colour` plays none of these points (the pass is one) in the next `depth` moves, those of both colours.

    Of several that allow the rest, as Leela Zero has it, each may allow what the others do not: see `barred`.
    """

    colour: int
    points: frozenset[int]
    depth: int
    allows_the_rest: bool = False


def restriction(key: str, colour: int, points: Collection[int], depth: int, size: int) -> Restriction:
    """Of "avoid" these points, or "allow" these alone."""
    if key == "allow":
        return Restriction(colour, frozenset(range(size * size + 1)).difference(points), depth, allows_the_rest=True)
    return Restriction(colour, frozenset(points), depth)


def barred(restrictions: Iterable[Restriction], colour: int, ply: int = 0) -> frozenset[int]:
    """The points that `colour` may not play after `ply` more moves."""
    active = [each for each in restrictions if each.colour == colour and ply < each.depth]
    avoided = frozenset[int]().union(*(each.points for each in active if not each.allows_the_rest))
    not_allowed = [each.points for each in active if each.allows_the_rest]
    return avoided.union(frozenset.intersection(*not_allowed)) if not_allowed else avoided
