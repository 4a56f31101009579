"""Which games and whose moves are wanted: the filters that `prepare` and `evaluate` share, and the recipes.

A *recipe* is a named set of filters for a test set that others can repeat. Applied to the same public archive, it gives
the same positions, as their fingerprint (`hayago.evaluation.examples`) shows.

- `kgs-YEAR`: games on KGS in that year without handicap. Only moves by players of 6 dan and more count. 2015 is the
  test set of Cazenave (Residual Networks for Computer Go, 2017) and GoNN, from the archive at
  https://u-go.net/gamerecords/. The opponent may be weaker.
- `pro-YEAR`: games of that year without handicap. Whether the players are professionals is the archive's business:
  many collections leave the ranks out.

A recipe includes short games. Filters that it does not set may narrow it further.
"""

import re
from dataclasses import dataclass, fields
from typing import Any, Literal

from hayago.errors import HayagoError
from hayago.records.sgf_values import rank_number

_BELOW_ALL_RANKS, _ABOVE_ALL_RANKS = -99, 99
_LAST_YEAR = 9999


def recipe_filters(recipe: str) -> dict[str, Any]:
    """The filters that a recipe stands for, by the names of the options.

    Raises:
        HayagoError: there is no such recipe.
    """
    match = re.fullmatch(r"(kgs|pro)-(\d{4})", recipe)
    if match is None:
        raise HayagoError(f"no such recipe: {recipe!r} (kgs-2015, pro-2015, or another year)")
    year = int(match[2])
    filters = {"since": year, "until": year, "handicap": "none", "min_moves": 1}
    return {**filters, "moves_by": "6d"} if match[1] == "kgs" else filters


@dataclass(frozen=True)
class Selection:
    """Which games are wanted, and whose moves in them."""

    recipe: str = ""
    """A set of filters that others can repeat: kgs-2015 (no handicap, moves by 6 dan and more), pro-2015, any year."""
    min_rank: str = ""
    """Both players must have at least this rank: 6d, 1p, 3k. Professionals stand above all amateurs."""
    moves_by: str = ""
    """Leave out games without a player of at least this rank, or of a rank from one to another: 6d, 3k-1d. Only the
    moves of such players are measured or learned."""
    player: str = ""
    """Leave out games without this player, named as in the records. Only the player's moves are measured or learned."""
    since: int | None = None
    """The first year; games without a date are left out."""
    until: int | None = None
    """The last year; games without a date are left out."""
    handicap: Literal["any", "none", "only"] = "any"
    """Handicap games (HA of 2 or more, or set-up stones): keep any, none of them, or only them."""

    def __post_init__(self) -> None:
        if self.recipe:
            filters = recipe_filters(self.recipe)
            for field in fields(self):
                if field.name not in filters:
                    continue
                wanted = filters[field.name]
                if getattr(self, field.name) not in (field.default, wanted):
                    raise HayagoError(
                        f"{self.recipe} sets {field.name.replace('_', '-')} to {wanted}; it cannot be changed"
                    )
                object.__setattr__(self, field.name, wanted)
        for name in ("since", "until"):
            year = getattr(self, name)
            if year is not None and not 1 <= year <= _LAST_YEAR:
                raise HayagoError(f"{name} must be a year from 1 to {_LAST_YEAR}: {year}")
        if self.min_rank and not rank_number(self.min_rank):
            raise HayagoError(f"not a rank: {self.min_rank!r} (6d, 1p, 3k)")
        _rank_range(self.moves_by)

    def objection(
        self, date: str, ranks: tuple[str, str], names: tuple[str, str], handicap: int, stones: bool
    ) -> tuple[str, str] | None:
        """(reason, detail) why a game is not wanted, or None.

        Args:
            date: YYYY-MM-DD, YYYY-MM, YYYY or "".
            ranks: Black's and White's, as in the record.
            names: theirs.
            handicap: the number of handicap stones in the record.
            stones: whether there are set-up stones.
        """
        if self.handicap != "any" and (stones or handicap >= 2) == (self.handicap == "none"):
            return "handicap", f"handicap {handicap}"
        numbers = [rank_number(rank) or _BELOW_ALL_RANKS for rank in ranks]
        shown = " and ".join(rank or "none" for rank in ranks)
        if self.min_rank and min(numbers) < rank_number(self.min_rank):
            return "rank", shown
        lowest, highest = _rank_range(self.moves_by)
        if not any(lowest <= number <= highest for number in numbers):
            return "rank", shown
        if not any(map(self.counts, ranks, names)):
            return "player", " and ".join(name or "no name" for name in names)
        year = int(date[:4] or 0)
        if self.since is not None and year < self.since:
            return "year", date or "no date"
        if self.until is not None and not 0 < year <= self.until:
            return "year", date or "no date"
        return None

    def counts(self, rank: str, name: str) -> bool:
        """Whether moves by this player, of this rank, are measured and learned."""
        lowest, highest = _rank_range(self.moves_by)
        is_wanted = not self.player or name.strip().casefold() == self.player.strip().casefold()
        return is_wanted and lowest <= (rank_number(rank) or _BELOW_ALL_RANKS) <= highest


def _rank_range(text: str) -> tuple[int, int]:
    """The lowest and highest rank number of "6d" (and more), "3k-1d", or "" (any rank, and none).

    Raises:
        HayagoError: it is none of these, or ends below its beginning.
    """
    if not text:
        return _BELOW_ALL_RANKS, _ABOVE_ALL_RANKS
    first, dash, last = text.partition("-")
    lowest, highest = rank_number(first), rank_number(last) if dash else _ABOVE_ALL_RANKS
    if not lowest or not highest or lowest > highest:
        raise HayagoError(f"not a rank, nor from one to another: {text!r} (6d, 3k-1d)")
    return lowest, highest
