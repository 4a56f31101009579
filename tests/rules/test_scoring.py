"""Counting under area and territory rules, drawn by hand."""

from dataclasses import replace

import numpy as np
import pytest
from sgfmill import boards

from diagrams import drawn_board
from hayago.rules.board import Board
from hayago.rules.coordinates import BLACK, WHITE
from hayago.rules.game_rules import PRESETS, GameRules, sgf_name
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


# Black's two stones on the upper edge hold on to the rest through C7 alone; C1 is dame.
FALSE_EYE = """
    . X . X X O .
    X X X O O O .
    . X O O . . .
    X X O . . O .
    . X O . . . .
    X X O O . . .
    . X . O . . .
"""


def test_a_false_eye_is_no_territory() -> None:
    # Black has to connect at C7, whoever fills the dame: four points, not five. As area nothing changes.
    assert count(drawn_board(FALSE_EYE), TERRITORY).score == 4 - 18
    assert count(drawn_board(FALSE_EYE), AREA).score == (13 + 5) - (12 + 18)


@pytest.mark.parametrize(
    ("change", "points"),
    [
        # D6 connects the two stones: a real eye.
        ((". X . X X O .\n    X X X O O O .", ". X . X X O .\n    X X X X O O ."), 5),
        # The stones have a second liberty, a dame that Black may take and so connect to nothing: still false.
        ((". X . X X O .", ". X . X X . ."), 4),
        # Two false eyes in a row: first D7 is filled, then B7 is the only liberty left.
        ((". X . X X O .\n    X X X O O O .", "X . X . X O .\n    X X O X O O ."), None),
    ],
)
def test_what_is_a_false_eye_and_what_is_not(change: tuple[str, str], points: int | None) -> None:
    drawing = FALSE_EYE.replace(*change)
    assert drawing != FALSE_EYE
    board = drawn_board(drawing)
    owner = count(board, AREA).owner
    surrounded = int(np.count_nonzero((owner == BLACK) & (board.grid().ravel() == 0)))
    white = int(np.count_nonzero((owner == WHITE) & (board.grid().ravel() == 0)))
    counted = count(board, TERRITORY).score + white
    if points is not None:
        assert counted == points
    else:
        assert counted < surrounded


def test_a_dame_that_connects_saves_the_eye() -> None:
    # White's stone at C3 has two dame beside it, B3 and C2; by taking either it connects, and D3 stays a point.
    board = drawn_board(
        """
        X X O O .
        X X O . O
        X . O . O
        X X . O O
        X X X O .
        """
    )
    owner = count(board, AREA).owner
    points = int(np.count_nonzero((owner == WHITE) & (board.grid().ravel() == 0)))
    assert count(board, TERRITORY).score == -points


@pytest.mark.parametrize("name", ["japanese", "korean"])
def test_false_eyes_count_nothing_under_every_name_of_territory(name: str) -> None:
    assert count(drawn_board(FALSE_EYE), PRESETS[name]).score == 4 - 18 - 6.5


def test_tromp_taylor_removes_nothing() -> None:
    """As sgfmill counts the board as it stands."""
    board = drawn_board(FINISHED.replace(". . X . O .", "O . X . O .", 1))
    oracle = boards.Board(6)
    for point, colour in enumerate(board.grid().ravel().tolist()):
        if colour:
            oracle.board[5 - point // 6][point % 6] = "bw"[colour == WHITE]
    rules = PRESETS["tromp-taylor"]
    everything = np.full(36, 0.9, np.float32)
    assert count(board, rules, dead=[0], leaning=everything).score == oracle.area_score() - 7.5
    assert count(board, PRESETS["chinese"], dead=[0]).score != oracle.area_score() - 7.5


def test_ru_names_the_rules_in_force() -> None:
    names = {name: sgf_name(rules) for name, rules in PRESETS.items()}
    assert names == {
        "chinese": "Chinese",
        "chinese-ogs": "Chinese",
        "chinese-kgs": "Chinese",
        "japanese": "Japanese",
        "korean": "Japanese",
        "aga": "AGA",
        "bga": "AGA",
        "new-zealand": "NZ",
        "tromp-taylor": "Tromp-Taylor",
    }
    assert sgf_name(replace(PRESETS["aga"], komi=0.5)) == "AGA"
    # KataGo's own form (cpp/game/rules.cpp), which it reads back.
    assert sgf_name(replace(PRESETS["japanese"], suicide=True)) == "koSIMPLEscoreTERRITORYtaxSEKIsui1fpok1"
    changed = replace(PRESETS["tromp-taylor"], handicap_bonus="N-1")
    assert sgf_name(changed) == "koPOSITIONALscoreAREAtaxNONEsui1whbN-1"
