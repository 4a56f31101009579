import numpy as np
import pytest

from diagrams import drawn_board
from fakes import FixedEvaluator
from hayago.errors import HayagoError
from hayago.player.endgame import EndgameJudge
from hayago.player.player import HOPELESS_MOVES, SURE, Player
from hayago.player.styles import LEVELS, Style, rank_in, tempered
from hayago.rules.board import Board
from hayago.rules.coordinates import BLACK, WHITE, vertex_to_point
from hayago.rules.game_rules import GameRules

LOOK_ONCE = Style(symmetries=1)


def point(vertex, size=5):
    return vertex_to_point(vertex, size)


def board_of(black, white=(), size=5, to_play=BLACK):
    board = Board(size)
    board.setup([point(v, size) for v in black.split()], [point(v, size) for v in white], to_play)
    return board


def test_prior_is_the_softmax_over_legal_points():
    board = board_of("A1 B2")
    prior = Player(FixedEvaluator()).prior(board, symmetries=1)
    legal = board.legal_points()[:-1]
    weights = np.exp(np.arange(25.0)) * legal
    assert prior.dtype == np.float32
    np.testing.assert_allclose(prior, weights / weights.sum(), rtol=1e-5)


def test_another_size_is_refused():
    with pytest.raises(HayagoError, match="boards of 5x5, not 9x9"):
        Player(FixedEvaluator()).prior(Board(9))


def test_strongest_takes_the_likeliest_and_leaves_the_board_alone():
    board = Board(5)
    assert Player(FixedEvaluator(), LOOK_ONCE).choose(board).point == point("E1")
    assert not board.moves and board.to_play == BLACK
    assert not board.superko


def test_colour_out_of_turn():
    # E1 is an eye of Black's: no sensible move for Black, suicide for White.
    board = board_of("D1 E2 D2")
    player = Player(FixedEvaluator(), LOOK_ONCE)
    assert player.choose(board, WHITE).point == point("C1")
    assert player.choose(board, BLACK).point == point("C1")
    assert board.to_play == BLACK


def test_logits_of_minus_infinity_still_give_a_move():
    logits = np.full(25, -np.inf, np.float32)
    for temperature in (0, 1):
        chosen = Player(FixedEvaluator(logits=logits), Style(temperature), seed=1).choose(Board(5)).point
        assert 0 <= chosen < 25


def test_passes_when_nothing_sensible_is_left():
    board = board_of("A2 B1 B2 C1 C2 D1 D2 E1 E2 A4 B3 B4 C4 C3 D3 D4 E3 E4 B5 D5")
    # What is left is true eyes of Black's.
    assert board.true_eyes(BLACK).sum() == board.legal_points(BLACK)[:-1].sum()
    assert Player(FixedEvaluator()).choose(board, BLACK).point == board.pass_point


def test_what_is_barred_is_not_played():
    board, player = Board(5), Player(FixedEvaluator(), LOOK_ONCE)
    assert player.choose(board, barred=frozenset(range(3, 25))).point == 2
    # E1 is an eye of Black's: to be played only where it is that or a pass that is barred, too.
    board = board_of("D1 E2 D2")
    others = frozenset(range(24))
    assert player.choose(board, BLACK, barred=others).point == board.pass_point
    assert player.choose(board, BLACK, barred=others | {board.pass_point}).point == point("E1")
    assert player.choose(board, BLACK, barred=frozenset(range(26))).point == board.pass_point
    assert {Player(FixedEvaluator(), Style(5.0)).choose(board, barred=others - {0, 1}).point for _ in range(20)} == {
        0,
        1,
    }


def test_a_pass_that_is_barred_is_no_pass():
    for komi in (-81.5, 81.5):
        board, player = finished()
        board.play(board.pass_point, BLACK)
        barred = frozenset([board.pass_point])
        chosen = player.choose(board, WHITE, rules=GameRules(komi=komi), barred=barred).point
        assert chosen != board.pass_point and board.is_legal(chosen)


def test_own_moves_keep_positional_superko_even_where_the_board_does_not():
    # A fight in the corner where A1 is all that the network wants.
    board = Board(5)
    board.setup([point(v) for v in ("C1", "C2", "B2", "A3")], [point(v) for v in ("B1", "A2")], to_play=BLACK)
    seen = [board.position_hash]
    player = Player(
        FixedEvaluator(logits=np.where(np.arange(25) == point("A1"), 9.0, 0.0).astype(np.float32)), LOOK_ONCE
    )
    for _ in range(6):
        chosen = player.choose(board).point
        board.play_tolerant(chosen, board.to_play)
        assert board.position_hash not in seen or chosen == board.pass_point
        seen.append(board.position_hash)


def test_sampling_follows_the_prior_and_the_seed():
    logits = np.full(25, -30.0, np.float32)
    logits[[3, 7]] = np.log([0.75, 0.25])

    def counts(temperature, seed):
        player = Player(FixedEvaluator(logits=logits), Style(temperature, symmetries=1), seed=seed)
        moves = [player.choose(Board(5)).point for _ in range(400)]
        return moves, moves.count(3) / 400

    moves, share = counts(1.0, 1)
    assert set(moves) == {3, 7}
    assert share == pytest.approx(0.75, abs=0.06)
    assert counts(1.0, 1)[0] == moves
    assert counts(1.0, 2)[0] != moves
    assert counts(0.5, 1)[1] == pytest.approx(0.9, abs=0.05)  # 9 : 1


@pytest.mark.parametrize(
    "wrong", [{"temperature": -1}, {"opening_temperature": -1}, {"top_p": 0}, {"top_p": 1.5}, {"symmetries": 2}]
)
def test_styles_that_make_no_sense(wrong):
    with pytest.raises(ValueError, match=r"temperature|top_p|symmetries"):
        Style(**wrong)


def test_all_symmetries_are_averaged():
    # A network that always likes one corner best, seen from all sides, likes all corners alike.
    logits = np.zeros(25, np.float32)
    logits[24] = 5
    prior = Player(FixedEvaluator(logits=logits)).prior(Board(5))
    np.testing.assert_allclose(prior[[0, 4, 20, 24]], prior[0], rtol=1e-5)
    assert prior[0] > prior[12]
    once = Player(FixedEvaluator(logits=logits)).prior(Board(5), symmetries=1)
    assert once.argmax() == 24
    assert prior.sum() == pytest.approx(1, abs=1e-5)


def test_positions_looked_at_together_are_as_those_looked_at_alone():
    logits = np.random.default_rng(0).standard_normal(25).astype(np.float32)
    player, boards = Player(FixedEvaluator(logits=logits)), [board_of("A1 B2"), board_of("C3", ["D4"]), Board(5)]
    together = player.priors(boards)
    assert together.shape == (3, 25) and together.dtype == np.float32
    for board, prior in zip(boards, together, strict=True):
        np.testing.assert_allclose(prior, player.prior(board, symmetries=8), atol=1e-6)
        np.testing.assert_array_equal(player.priors([board], 0)[0], player.prior(board, symmetries=1))
    # Under symmetry 1, which flips the columns, the network sees A1 where E1 is.
    np.testing.assert_allclose(
        player.priors([Board(5)], 1)[0].reshape(5, 5), player.priors([Board(5)], 0)[0].reshape(5, 5)[:, ::-1]
    )


def test_ranks_and_temperatures():
    prior = np.array([0.1, 0.4, 0.0, 0.4, 0.1], np.float32)
    assert [rank_in(prior, point) for point in range(5)] == [3, 1, 5, 2, 4]
    mask = np.array([True, True, True, False, True])
    np.testing.assert_allclose(tempered(prior, mask, 0.5), prior**2 * mask / 0.18, rtol=1e-5)
    for coldest in (1e-10, 1e-45, 5e-324):
        assert tempered(prior, mask, coldest).tolist() == [0, 1, 0, 0, 0]
    assert tempered(prior * 0, mask, 0.5).tolist() == (mask / 4).tolist()
    assert not tempered(prior, mask & False, 0.5).any()


def test_one_symmetry_where_eight_take_too_long():
    logits = np.arange(25, dtype=np.float32)
    player = Player(FixedEvaluator(logits=logits))
    np.testing.assert_array_equal(player.prior(Board(5), seconds=0.0), player.prior(Board(5), symmetries=1))


def test_opening_has_its_own_temperature():
    style = Style(temperature=0, opening_temperature=1.0, opening_moves=2, symmetries=1)
    logits = np.zeros(25, np.float32)
    board = Board(5)
    player = Player(FixedEvaluator(logits=logits), style, seed=1)
    assert len({player.choose(board).point for _ in range(30)}) > 5
    board.play(24)
    board.play(23)
    assert {player.choose(board).point for _ in range(5)} == {0}


def test_top_p_keeps_the_likeliest():
    logits = np.full(25, -30.0, np.float32)
    logits[[3, 7, 9]] = np.log([0.6, 0.3, 0.1])

    def chosen(top_p):
        player = Player(FixedEvaluator(logits=logits), Style(1.0, top_p=top_p, symmetries=1), seed=1)
        return {player.choose(Board(5)).point for _ in range(100)}

    assert chosen(1.0) == {3, 7, 9}
    assert chosen(0.8) == {3, 7}
    assert chosen(0.5) == {3}


def test_ten_levels_from_flat_to_the_strongest():
    assert len(LEVELS) == 10
    temperatures = [style.temperature for style in LEVELS]
    assert temperatures == sorted(temperatures, reverse=True) and temperatures[-1] == 0
    assert LEVELS[-1].symmetries == 8


# --- the end of a game ------------------------------------------------------------------------------------------------

# Black has the left, White the right, White's stone at A5 and Black's at G5 are dead.
FINISHED = """
    . . X . X O . O .
    . . X X X O O O O
    X X X X O O . . .
    . X . X O . . . .
    O X X X O . X . .
    . X . X O . . . .
    X X X X O O O O O
    . X . X X O . O .
    X . X . X O O O .
"""


def finished(to_play=BLACK, **changes):
    board = drawn_board(FINISHED, to_play)
    return board, Player(FixedEvaluator(9, np.zeros(81, np.float32)), LOOK_ONCE, **changes)


def test_nothing_is_played_inside_settled_area():
    for colour in (BLACK, WHITE):
        board, player = finished(colour)
        choice = player.choose(board)
        assert choice.point == board.pass_point, board
        assert choice.judgement is not None and choice.prior is None


def test_a_sure_network_counts_for_more_than_the_playouts():
    """Near the end playouts overlook threats that any player answers."""
    board, player = finished()
    judgement = player.judge.judge(board, GameRules())
    inside = int(np.flatnonzero(judgement.settled & board.sensible_points())[0])
    for share, chosen in ((SURE + 0.02, inside), (SURE - 0.02, board.pass_point)):
        others = int(board.legal_points()[:-1].sum()) - 1
        logits = np.full(81, np.log((1 - share) / others), np.float32)
        logits[inside] = np.log(share)
        choice = Player(FixedEvaluator(9, logits), LOOK_ONCE).choose(board)
        assert choice.point == chosen
        assert ("though the playouts call it settled" in choice.reason) == (chosen == inside)


def test_cleanup_takes_what_is_dead_and_then_passes():
    board, player = finished(WHITE)
    dead = point("G5", 9)
    for _ in range(6):
        choice = player.choose(board, WHITE, cleanup=True)
        if choice.point == board.pass_point:
            break
        board.play(choice.point, WHITE)
        assert board.chain_liberties(choice.point)
        board.play(board.pass_point, BLACK)
    assert board.colour_at(dead) == 0
    assert player.choose(board, WHITE, cleanup=True).point == board.pass_point
    assert EndgameJudge().judge(board, GameRules()).dead == {point("A5", 9)}


def test_cleanup_keeps_its_time():
    board, player = finished(WHITE)
    given = []
    judge = player.judge.judge

    def judge_and_tell(board, rules, seconds=None):
        given.append(seconds)
        kept = judge(board, rules)
        return kept if len(given) == 1 else kept._replace(dead=frozenset(range(81)))  # no try will do

    player.judge.judge = judge_and_tell
    assert player.choose(board, seconds=2.0, cleanup=True).point == board.pass_point
    assert len(given) > 2 and sum(given) <= 2.0


def test_a_pass_is_answered_by_a_pass_when_won_and_by_a_move_when_not():
    # The lower right is open; whoever is ahead need not play there once the opponent has passed.
    board = drawn_board(
        FINISHED.replace(". X . X X O . O .\n    X . X . X O O O .", ". X . X X . . O .\n    X . X . X . . . .")
    )
    board.play(board.pass_point, WHITE)
    player = Player(FixedEvaluator(9), LOOK_ONCE)
    won = player.choose(board, BLACK, rules=GameRules(komi=-40))
    lost = player.choose(board, BLACK, rules=GameRules(komi=60))
    assert won.point == board.pass_point and "won" in won.reason
    assert lost.point != board.pass_point


def test_an_early_pass_is_no_reason_to_pass():
    # By komi White has won an empty board.
    board = Board(9)
    board.play(board.pass_point, BLACK)
    choice = Player(FixedEvaluator(9), LOOK_ONCE).choose(board, WHITE)
    assert choice.judgement is not None and choice.judgement.score < 0
    assert choice.point == point("J1", 9)


def test_no_judgement_before_the_late_game():
    choice = Player(FixedEvaluator(9), LOOK_ONCE).choose(Board(9))
    assert choice.judgement is None and choice.prior is not None


def test_resigns_only_after_several_hopeless_moves_in_a_row():
    def play(board, player, komi):
        choices = []
        for _ in range(HOPELESS_MOVES + 1):
            choices.append(player.choose(board, BLACK, rules=GameRules(komi=komi)).point)
            board.play(board.pass_point, BLACK)
            board.play(board.pass_point, WHITE)
        return choices

    hopeless, won = 81.5, -81.5
    assert play(*finished(resign=0.05), hopeless).index(None) == HOPELESS_MOVES - 1
    assert None not in play(*finished(resign=0.05), won)
    assert None not in play(*finished(resign=None), hopeless)


def test_hopeless_positions_of_another_game_do_not_count():
    board, player = finished(resign=0.05)
    for _ in range(HOPELESS_MOVES - 1):
        assert player.choose(board, BLACK, rules=GameRules(komi=81.5)).point is not None
        board.play(board.pass_point, BLACK)
        board.play(board.pass_point, WHITE)
    other = drawn_board(FINISHED.replace("O X X X O . X . .", "O X X X O . . . ."))
    assert player.choose(other, BLACK, rules=GameRules(komi=81.5)).point is not None


def test_a_seki_is_left_alone():
    board = drawn_board(
        """
        X X . O O
        X X O O O
        X X O O O
        X X X O O
        X X . O O
        """
    )
    for colour in (BLACK, WHITE):
        assert Player(FixedEvaluator(), LOOK_ONCE).choose(board, colour).point == board.pass_point
