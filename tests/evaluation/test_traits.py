"""Traits of moves, read from the planes, compared with the board when the moves are played on it."""

from random import Random

import numpy as np
import pytest

from comparison import as_games, random_game
from hayago.evaluation.examples import Examples, Facts, choose_examples
from hayago.evaluation.traits import NONE, Tactics, Trait, distances, legal_points, surprising, tactics_of, traits_of
from hayago.features.incremental import encode_positions
from hayago.records.games import POINT_MASK, Games
from hayago.rules.coordinates import opponent
from learning import demo_games


def tactics(examples: Examples) -> Tactics:
    rows, labels = encode_positions(examples.games, examples.game, examples.ply, np.zeros(len(examples), np.uint8))
    return tactics_of(rows, labels, examples.games.size)


def small_games() -> Games:
    random = Random(4)
    return as_games([random_game(random, 7, 60, set_up=10) for _ in range(12)])


@pytest.mark.parametrize("games", [small_games(), demo_games()], ids=["random 7x7", "demo"])
def test_tactics_agree_with_the_board(games: Games) -> None:
    examples = choose_examples(games, limit=600)
    found = tactics(examples)
    seen = {"captures": 0, "saves": 0, "saves by capture": 0}
    for k in range(len(examples)):
        board = examples.board(k)
        own, point = board.to_play, int(examples.codes[k]) & POINT_MASK
        grid = board.grid().ravel()
        assert found.stones[k] == (grid > 0).sum()
        in_atari = [p for p in np.flatnonzero(grid == own).tolist() if board.liberties(p) == 1]
        chains = {board.chain(p) for p in in_atari}
        board.play_tolerant(point, own)
        after = board.grid().ravel()
        captures = (after == opponent(own)).sum() < (grid == opponent(own)).sum()
        saved = [chain for chain in chains if board.liberties(min(chain)) > 1]
        assert found.captures[k] == captures
        assert found.saves[k] == bool(saved), str(board)
        seen["captures"] += captures
        seen["saves"] += bool(saved)
        seen["saves by capture"] += any(min(chain) not in board.chain(point) for chain in saved)
    assert min(seen.values()) > 3, seen


def test_legal_points_and_ladders_are_the_planes_of_these_names() -> None:
    examples = choose_examples(small_games(), limit=80)
    rows, labels = encode_positions(examples.games, examples.game, examples.ply, np.zeros(80, np.uint8))
    legal = legal_points(rows, 7)
    bits = np.unpackbits(rows, axis=1, bitorder="little")
    for k in range(80):
        np.testing.assert_array_equal(legal[k], examples.board(k).legal_points()[:-1])
    found = tactics_of(rows, labels, 7)
    for name, plane in (("ladder_capture", 44), ("ladder_escape", 45)):
        expected = bits[np.arange(80), plane * 49 + labels.astype(np.int64)]
        np.testing.assert_array_equal(getattr(found, name), expected)
    assert found.ladder_escape.any() and found.ladder_capture.any()
    labels_seen = np.array(labels_of(by_name(examples)["ladder"]))
    np.testing.assert_array_equal(labels_seen == "capture", found.ladder_capture)
    np.testing.assert_array_equal(labels_seen == "escape", found.ladder_escape & ~found.ladder_capture)


def by_name(examples: Examples) -> dict[str, Trait]:
    return {trait.name: trait for trait in traits_of(examples, tactics(examples))}


def labels_of(trait: Trait) -> list[str | None]:
    return [None if code == NONE else trait.labels[code] for code in trait.codes.tolist()]


def test_classes_that_follow_from_the_record() -> None:
    # W pass, then moves in a corner of 19x19; the second game begins with a set-up stone.
    codes = np.array([0, 0x8000 | 361, 20, 0x8000 | 22, 200, 0x8000 | 300, 72], np.uint16)
    games = Games(19, codes, np.array([0, 5, 7]), np.array([60], np.uint16), np.array([0, 0, 1]))
    facts = [
        Facts("2015-02-03", black_rank="7d", white_rank="9p"),
        Facts("2019", handicap=0, black_rank="?", white_rank="3k"),
    ]
    traits = by_name(choose_examples(games, facts))
    assert labels_of(traits["colour"]) == ["Black", "Black", "White", "Black", "White", "Black"]
    assert labels_of(traits["rank"]) == ["7d", "7d", "9p", "7d", "kyu", None]
    assert labels_of(traits["year"]) == ["2015"] * 4 + ["2019"] * 2
    assert labels_of(traits["handicap"]) == ["none"] * 4 + ["set-up stones"] * 2
    assert labels_of(traits["distance"]) == [None, None, "2", "7-9", None, "10 or more"]
    assert labels_of(traits["move number"]) == ["1-30"] * 6
    assert labels_of(traits["phase"]) == ["opening"] * 6


def test_stated_handicaps_and_many_years() -> None:
    codes = np.full(40, 72, np.uint16)
    games = Games(19, codes, np.arange(41), np.empty(0, np.uint16), np.zeros(41, np.int64))
    facts = [Facts(str(1990 + n), handicap=n % 4) for n in range(40)]
    traits = by_name(choose_examples(games, facts))
    assert traits["year"].labels == ("1990s", "2000s", "2010s", "2020s")
    assert labels_of(traits["year"])[9:11] == ["1990s", "2000s"]
    assert traits["handicap"].labels == ("none", "2", "3")
    assert labels_of(traits["handicap"])[:4] == ["none", "none", "2", "3"]


def test_bins_and_phases_on_real_games() -> None:
    examples = choose_examples(demo_games(), limit=3000)
    traits = by_name(examples)
    for ply, label in zip(examples.ply.tolist(), labels_of(traits["move number"]), strict=True):
        low = int(label.split("-")[0].split(" ")[0])
        assert low <= ply + 1 < low + 30 or (label == "271 or more" and ply >= 270)
    stones = tactics(examples).stones
    for label, low, high in (("opening", 0, 49), ("middle game", 50, 149), ("endgame", 150, 361)):
        inside = stones[[name == label for name in labels_of(traits["phase"])]]
        assert low <= inside.min() and inside.max() <= high
    for label, far in zip(labels_of(traits["distance"]), distances(examples).tolist(), strict=True):
        assert (label == "5-6") == (far in (5, 6)) and (label is None) == (far == 0)


def test_surprising_moves_are_far_away_and_do_nothing_at_once() -> None:
    examples = choose_examples(demo_games(), limit=3000)
    found = tactics(examples)
    chosen = surprising(examples, found)
    assert 20 < chosen.sum() < 1500
    does_something = found.captures | found.saves | found.ladder_capture | found.ladder_escape
    expected = (found.stones >= 50) & (distances(examples) >= 8) & ~does_something
    np.testing.assert_array_equal(chosen, expected)
