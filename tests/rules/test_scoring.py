"""Counting under area and territory rules, drawn by hand."""

import numpy as np
import pytest

from diagrams import drawn_board
from hayago.rules.board import Board
from hayago.rules.coordinates import BLACK, WHITE
from hayago.rules.game_rules import PRESETS, GameRules
from hayago.rules.scoring import count, handicap_stones

AREA, TERRITORY = GameRules(komi=0.0), GameRules("territory", "simple", komi=0.0, handicap_bonus="0")

# Black has the left (10 empty points and 5 stones), White the right; the middle column holds two dame.
FINISHED = """
    . . X . O .
    . . X O O .
    . . X O . .
    . . X O . .
    . . X . O .
    . . X O . .
"""


def test_area_is_stones_and_surrounded_points() -> None:
    counted = count(drawn_board(FINISHED), AREA)
    assert counted.score == 18 - 16
    assert "".join(".XO"[owner] for owner in counted.owner[:6]) == "XXX.OO"


def test_territory_is_surrounded_points_alone() -> None:
    assert count(drawn_board(FINISHED), TERRITORY).score == 12 - 9


def test_dead_stones_count_twice_as_territory_and_not_at_all_as_area() -> None:
    board = drawn_board(FINISHED.replace(". . X O . .\n    . . X O . .", "O . X O . .\n    . . X O X .", 1))
    dead = [2 * 6, 3 * 6 + 4]
    assert count(board, AREA, dead).score == count(drawn_board(FINISHED), AREA).score
    assert count(board, TERRITORY, dead).score == (12 + 1) - (9 + 1)
    assert count(board, TERRITORY, dead[:1]).score != count(board, TERRITORY, dead).score


def test_prisoners_count_as_territory_only() -> None:
    board = Board(5)
    for vertex in ((1, 0), (0, 0), (0, 1)):  # Black takes the corner stone
        board.play(vertex[0] * 5 + vertex[1])
    assert board.captures[BLACK] == 1
    board.play(board.pass_point)
    assert count(board, TERRITORY).score == 5 * 5 - 2 + 1
    assert count(board, AREA).score == 25


def test_nothing_surrounded_in_seki_is_territory() -> None:
    # Each side has one eye (A1 and E1) and both share C1 and C5.
    board = drawn_board(
        """
        X X . O O
        X X O O O
        X X O O O
        X X X O O
        . X . O .
        """
    )
    seki = np.flatnonzero(board.grid()).tolist()
    assert count(board, TERRITORY, seki=seki).score == 0
    assert count(board, AREA, seki=seki).score == count(board, AREA).score == 11 - 12
    one_sided = [point for point in seki if board.colour_at(point) == BLACK]
    assert count(board, TERRITORY, seki=one_sided).score == -1


def test_open_borders_go_where_they_lean_and_dame_to_neither() -> None:
    board = Board(9)
    board.setup([9 * row + 3 for row in range(8)], [9 * row + 5 for row in range(8)])
    leaning = np.where(np.arange(81) % 9 < 4, 0.9, -0.9).astype(np.float32)
    assert count(board, AREA).score == 0
    assert count(board, AREA, leaning=leaning).score == 4 * 9 - 5 * 9
    assert count(board, AREA, leaning=leaning / 2).score == 0
    dame = count(drawn_board(FINISHED), AREA, leaning=np.ones(36, np.float32))
    assert dame.score == count(drawn_board(FINISHED), AREA).score


def test_handicap_stones_are_those_before_whites_first() -> None:
    board = Board(9)
    assert handicap_stones(board) == 0
    board.play(20)
    assert handicap_stones(board) == 0  # an even game's first move
    board.play(24, BLACK)
    board.play(40, WHITE)
    board.play(60, BLACK)
    assert handicap_stones(board) == 2
    placed = Board(9)
    placed.setup([20, 24, 56], to_play=WHITE)
    assert handicap_stones(placed) == 3
    diagram = Board(9)
    diagram.setup([20, 24], [40], to_play=WHITE)
    assert handicap_stones(diagram) == 0


@pytest.mark.parametrize(("bonus", "points"), [("0", 0), ("N-1", 2), ("N", 3)])
def test_compensation_for_handicap(bonus: str, points: int) -> None:
    board = Board(9)
    board.setup([20, 24, 56], to_play=WHITE)
    rules = GameRules(komi=0.5, handicap_bonus=bonus)  # type: ignore[arg-type]
    assert count(board, rules).score == 81 - 0.5 - points


def test_presets_are_katagos() -> None:
    """https://github.com/lightvector/KataGo, docs/GTP_Extensions.md, kata-set-rules."""
    fields = {name: (r.scoring, r.ko, r.suicide, r.handicap_bonus) for name, r in PRESETS.items()}
    assert fields == {
        "tromp-taylor": ("area", "positional", True, "0"),
        "chinese": ("area", "simple", False, "N"),
        "chinese-ogs": ("area", "positional", False, "N"),
        "chinese-kgs": ("area", "positional", False, "N"),
        "japanese": ("territory", "simple", False, "0"),
        "korean": ("territory", "simple", False, "0"),
        "aga": ("area", "situational", False, "N-1"),
        "bga": ("area", "situational", False, "N-1"),
        "new-zealand": ("area", "situational", True, "0"),
    }
    assert GameRules() == PRESETS["chinese-ogs"]
