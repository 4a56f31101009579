"""The judge of endings on positions drawn by hand: dead stones, seki, dame, false eyes, open borders."""

from dataclasses import replace

import numpy as np
import pytest

from diagrams import drawn_board
from fakes import FixedEvaluator
from hayago.player.endgame import EndgameJudge, Judgement
from hayago.player.player import Player
from hayago.rules.board import Board
from hayago.rules.coordinates import BLACK, EMPTY, WHITE, vertex_to_point
from hayago.rules.game_rules import PRESETS, GameRules

AREA = GameRules(komi=0.0)
TERRITORY = GameRules("territory", "simple", komi=0.0, handicap_bonus="0")


def judged(drawing: str, rules: GameRules = AREA) -> tuple[Board, Judgement]:
    board = drawn_board(drawing)
    return board, EndgameJudge().judge(board, rules, playouts=200)


def vertices(text: str, size: int) -> set[int]:
    return {vertex_to_point(vertex, size) for vertex in text.split()}


# Two walls; White's two stones in Black's corner and Black's one in White's have no room to live.
DEAD_IN_CORNERS = """
    . . . X O . . . .
    . O . X O . . . .
    . O . X O . . X .
    . . . X O . . . .
    X X X X O . . . .
    X . . X O O O O O
    . . . X X X X X O
    . . . . . . . X O
    . . . . . . . X .
"""


def test_stones_without_room_are_dead() -> None:
    _, judgement = judged(DEAD_IN_CORNERS)
    assert judgement.dead == vertices("B8 B7 H7", 9)
    assert not judgement.seki
    owners = judgement.owner.reshape(9, 9)
    assert (owners[:5, :4] == BLACK).all() and (owners[:5, 5:] == WHITE).all()
    assert judgement.score == np.count_nonzero(owners == BLACK) - np.count_nonzero(owners == WHITE)
    assert judgement.black_winrate > 0.9


def test_territory_counts_the_dead_twice() -> None:
    board, judgement = judged(DEAD_IN_CORNERS, TERRITORY)
    empty_or_dead = board.grid().ravel() == EMPTY
    empty_or_dead[list(judgement.dead)] = True
    black = np.count_nonzero(empty_or_dead & (judgement.owner == BLACK)) + 2
    white = np.count_nonzero(empty_or_dead & (judgement.owner == WHITE)) + 1
    assert judgement.score == black - white


def test_seki_with_two_shared_liberties() -> None:
    # Both sides' big chains share C5 and C1 and have no eye; neither may begin.
    board, judgement = judged(
        """
        X X . O O
        X X O O O
        X X O O O
        X X X O O
        X X . O O
        """
    )
    assert judgement.seki == set(np.flatnonzero(board.grid()).tolist())
    assert not judgement.dead
    assert judgement.owner[2] == judgement.owner[22] == EMPTY


def test_false_eyes_do_not_save() -> None:
    # White's chain in the corner has one real eye; the second at C5 is false once A5-B4 are taken from outside.
    _, judgement = judged(
        """
        . O . O X X .
        O O X O X . X
        X X X O X X X
        X . X X X . X
        X X . X . X X
        . X X X X X .
        X . X . X . X
        """
    )
    assert vertices("B7 A6 B6", 7) <= judgement.dead


def test_bent_four_in_the_corner_counts_as_the_playouts_have_it() -> None:
    """Japanese rules call it dead by decree; played out under superko the defender is dead too, unless it wins kos."""
    _, judgement = judged(
        """
        . X X . O O X . X
        X X X O O O X X .
        O O O O O X X . X
        X X X X X X . X X
        . X . X . X X X .
        X . X . X . X . X
        . X . X . X . X .
        X . X . X . X . X
        . X . X . X . X .
        """
    )
    assert judgement.ownership[4] > 0  # the white chain


def test_open_borders_are_counted_where_they_lean() -> None:
    board = Board(9)
    board.setup([9 * row + 3 for row in range(8)], [9 * row + 5 for row in range(8)])
    judgement = EndgameJudge().judge(board, AREA, playouts=200)
    owners = judgement.owner.reshape(9, 9)
    assert (owners[:4, :4] == BLACK).all() and (owners[:4, 5:] == WHITE).all()
    assert not judgement.settled.reshape(9, 9)[8, 4]
    assert -12 < judgement.score < 12


def test_settled_is_what_benson_or_all_playouts_say() -> None:
    _, judgement = judged(
        """
        . X . X O . O .
        X X X X O O O O
        . . . . . . . .
        . . . . . . . .
        . . . . . . . .
        . . . . . . . .
        . . . . . . . .
        . . . . . . . .
        """
    )
    settled = judgement.settled.reshape(8, 8)
    assert settled[:2].all()
    assert not settled[4].any()


def test_komi_and_handicap_move_the_score_and_the_winrate() -> None:
    board = Board(9)
    board.setup(vertices("C3 G7 C7 G3", 9), to_play=WHITE)
    judge = EndgameJudge()
    plain = judge.judge(board, GameRules(komi=0.0, handicap_bonus="0"), playouts=100)
    chinese = judge.judge(board, PRESETS["chinese"], playouts=100)
    heavy = judge.judge(board, GameRules(komi=81.5, handicap_bonus="0"), playouts=100)
    assert 4 <= plain.score < 81 and plain.score - chinese.score == 7.5 + 4 and plain.score - heavy.score == 81.5
    assert 0 < plain.lead < 81 and np.isclose(plain.lead - heavy.lead, 81.5) and plain.lead - chinese.lead == 7.5 + 4
    assert heavy.black_winrate < 0.5 < plain.black_winrate < 0.75


def test_the_same_seed_and_number_give_the_same_judgement() -> None:
    board = drawn_board(DEAD_IN_CORNERS)
    one, two = (EndgameJudge(seed=3).judge(board, AREA, playouts=70) for _ in range(2))
    other = EndgameJudge(seed=4).judge(board, AREA, playouts=70)
    assert np.array_equal(one.ownership, two.ownership) and one[5:] == two[5:]
    assert not np.array_equal(one.ownership, other.ownership)


def test_time_is_kept_and_some_playouts_are_made_without_any() -> None:
    board = Board(9)
    hurried = EndgameJudge(playouts=10**9).judge(board, AREA, 0.0)
    assert hurried.spread > 0  # and it has come back
    assert np.array_equal(board.grid(), Board(9).grid()) and not board.moves


def test_the_hand_can_be_random() -> None:
    board = drawn_board(DEAD_IN_CORNERS)
    policy, random = (EndgameJudge(heuristics=on).judge(board, AREA, playouts=200) for on in (True, False))
    assert not np.array_equal(random.ownership, policy.ownership)


def test_a_judgement_without_a_time_limit_does_not_look_at_the_clock(monkeypatch) -> None:
    """So it is the same on an idle machine and a loaded one."""
    board = drawn_board(DEAD_IN_CORNERS)
    idle = EndgameJudge().judge(board, AREA)
    monkeypatch.setattr("time.perf_counter", lambda: 1 / 0)
    again = EndgameJudge().judge(board, AREA)
    assert np.array_equal(again.ownership, idle.ownership) and again[5:] == idle[5:]


def test_the_count_does_not_depend_on_the_player_s_seed() -> None:
    board = drawn_board(DEAD_IN_CORNERS)
    judged = [Player(FixedEvaluator(9), seed=seed).judge.judge(board, AREA) for seed in (None, 1, 2)]
    assert all(np.array_equal(each.ownership, judged[0].ownership) for each in judged)


@pytest.mark.parametrize("stones", ["D4", "D4 Q16", "D4 Q16 D16 Q4 D10 Q10 K4 K16 K10", ""])
def test_nothing_is_known_in_the_opening(stones: str) -> None:
    """A stone of one colour does not own the board: an outsider saw 353.5 points and 100 %."""
    board = Board(19)
    board.setup(vertices(stones, 19), to_play=WHITE)
    for rules in (PRESETS["chinese"], PRESETS["japanese"]):
        judgement = EndgameJudge().judge(board, rules)
        assert 0.45 < judgement.black_winrate < 0.55
        handicap = 13 * (len(stones.split()) - 0.5)
        assert abs(judgement.lead - handicap) < 20 + 0.4 * abs(handicap)


@pytest.mark.parametrize("drawing", [DEAD_IN_CORNERS])
@pytest.mark.parametrize("name", list(PRESETS))
@pytest.mark.parametrize("komi", [-100.5, -30.5, -2.5, 0.5, 7.5, 30.5, 100.5])
def test_at_the_end_the_winrate_names_the_winner_of_the_count(drawing: str, name: str, komi: float) -> None:
    board = drawn_board(drawing)
    for _ in range(2):
        board.play(board.pass_point)
    judgement = EndgameJudge().judge(board, replace(PRESETS[name], komi=komi))
    assert judgement.lead == judgement.score
    assert (judgement.black_winrate > 0.5) == (judgement.score > 0)
    assert abs(judgement.black_winrate - 0.5) > 0.45 or abs(judgement.score) < 10


def test_before_the_end_dead_stones_can_still_be_captured_by_tromp_taylor() -> None:
    board = drawn_board(DEAD_IN_CORNERS)
    chinese, strict = (EndgameJudge().judge(board, PRESETS[name]) for name in ("chinese", "tromp-taylor"))
    assert strict.score != chinese.score  # counted now, they live
    assert strict.lead == chinese.lead and strict.black_winrate == chinese.black_winrate
    assert strict.dead == chinese.dead  # so they can be found, and captured
