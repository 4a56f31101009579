"""What sgfmill reads in a file, in the terms of `GameRecord`, to compare the two readers."""

from typing import Any, NamedTuple

from sgfmill import sgf, sgf_grammar

from hayago.records.sgf import BadRecord, GameRecord, scan_sgf
from hayago.records.sgf_values import normal_komi
from hayago.rules.coordinates import MAX_SIZE, WHITE


class View(NamedTuple):
    """What both readers must agree on; None where sgfmill refuses a value that is there."""

    size: int
    setup_black: set[int]
    setup_white: set[int]
    moves: list[tuple[str, int]]
    komi: float | None
    handicap: int | None
    black: str | None
    white: str | None


def our_view(record: GameRecord) -> View:
    """The record as a view."""
    return View(
        record.size,
        set(record.setup_black),
        set(record.setup_white),
        [("w" if colour == WHITE else "b", point) for colour, point in record.plays()],
        record.komi or 0.0,
        record.handicap,
        record.black,
        record.white,
    )


def sgfmill_views(data: bytes) -> list[View] | None:
    """All games of a file as sgfmill has them, the first if it refuses another, None if it refuses that."""
    try:
        trees = sgf_grammar.parse_sgf_collection(data)
    except ValueError:
        try:
            trees = [sgf_grammar.parse_sgf_game(data)]
        except ValueError:
            return None
    views = []
    for tree in trees:
        try:
            views.append(_view(sgf.Sgf_game.from_coarse_game_tree(tree)))
        except (ValueError, LookupError):  # LookupError: CA names no codec
            break
    return views or None


def _view(game: sgf.Sgf_game) -> View:
    size = game.get_size()

    def point(place: tuple[int, int] | None) -> int:
        return size * size if place is None else (size - 1 - place[0]) * size + place[1]

    black: set[int] = set()
    white: set[int] = set()
    moves: list[tuple[str, int]] = []
    for node in game.main_sequence_iter():
        added_black, added_white, emptied = ({point(p) for p in places} for places in node.get_setup_stones())
        if moves and (added_black or added_white or emptied):
            break  # where a record of ours ends
        black = (black | added_black) - added_white - emptied
        white = (white - added_black | added_white) - emptied
        colour, place = node.get_move()
        if colour is not None:
            moves.append((colour, point(place)))
    return View(
        size,
        black,
        white,
        moves,
        _value(lambda: normal_komi(game.get_komi())),
        _value(lambda: game.get_handicap() or 0),
        _value(lambda: _name(game, "b")),
        _value(lambda: _name(game, "w")),
    )


def _value(read: Any) -> Any:
    try:
        return read()
    except (ValueError, LookupError):
        return None


def _name(game: sgf.Sgf_game, colour: str) -> str | None:
    name: str = game.get_player_name(colour) or ""
    if game.get_root().has_property("CA"):
        return name
    try:  # a file in UTF-8 that does not say so: sgfmill keeps to the letter, and reads it as ISO-8859-1
        return name.encode("iso-8859-1").decode("utf-8")
    except ValueError:
        return None  # in another encoding, which hayago guesses


def differences(data: bytes) -> tuple[bool, bool, list[str]]:
    """(we read its first game, sgfmill does, what differs between them in any game that both read)."""
    ours = list(scan_sgf(data))
    theirs = sgfmill_views(data)
    we_read = not isinstance(ours[0], BadRecord)
    if theirs is None:
        return we_read, False, []
    found = []
    for number, view in enumerate(theirs, 1):
        if number > len(ours):
            found.append(f"game {number}: only sgfmill sees it")
            break
        record = ours[number - 1]
        if isinstance(record, BadRecord):
            if view.size <= MAX_SIZE:
                found.append(f"game {number}: only sgfmill reads it ({record})")
            continue
        for name, mine, other in zip(View._fields, our_view(record), view, strict=True):
            if other is not None and mine != other:
                found.append(f"game {number}: {name} is {mine!r}, sgfmill has {other!r}")
    return we_read, True, found
