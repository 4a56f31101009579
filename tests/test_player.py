import numpy as np
import pytest

from fakes import FixedEvaluator
from hayago.errors import HayagoError
from hayago.play.player import Player
from hayago.rules.board import Board
from hayago.rules.coords import BLACK, WHITE, vertex_to_point


def point(vertex, size=5):
    return vertex_to_point(vertex, size)


def board_of(black, white=(), size=5, to_play=BLACK):
    board = Board(size)
    board.setup([point(v, size) for v in black.split()], [point(v, size) for v in white], to_play)
    return board


def test_prior_is_the_softmax_over_legal_points():
    board = board_of("A1 B2")
    prior = Player(FixedEvaluator()).prior(board)
    legal = board.legal_points()[:-1]
    weights = np.exp(np.arange(25.0)) * legal
    assert prior.dtype == np.float32
    np.testing.assert_allclose(prior, weights / weights.sum(), rtol=1e-5)


def test_another_size_is_refused():
    with pytest.raises(HayagoError, match="boards of 5, not 9"):
        Player(FixedEvaluator()).prior(Board(9))


def test_strongest_takes_the_likeliest_and_leaves_the_board_alone():
    board = Board(5)
    assert Player(FixedEvaluator()).choose(board) == point("E1")
    assert not board.moves and board.to_play == BLACK
    assert not board.superko


def test_colour_out_of_turn():
    # E1 is an eye of Black's: no sensible move for Black, suicide for White.
    board = board_of("D1 E2 D2")
    player = Player(FixedEvaluator())
    assert player.choose(board, WHITE) == point("C1")
    assert player.choose(board, BLACK) == point("C1")
    assert board.to_play == BLACK


def test_logits_of_minus_infinity_still_give_a_move():
    logits = np.full(25, -np.inf, np.float32)
    for temperature in (0, 1):
        chosen = Player(FixedEvaluator(logits=logits), temperature=temperature, seed=1).choose(Board(5))
        assert 0 <= chosen < 25


def test_passes_when_nothing_sensible_is_left():
    board = board_of("A2 B1 B2 C1 C2 D1 D2 E1 E2 A4 B3 B4 C4 C3 D3 D4 E3 E4 B5 D5")
    # What is left is true eyes of Black's.
    assert board.true_eyes(BLACK).sum() == board.legal_points(BLACK)[:-1].sum()
    assert Player(FixedEvaluator()).choose(board, BLACK) == board.pass_point


def test_answers_a_pass_only_late():
    player, board = Player(FixedEvaluator(size=3)), Board(3)
    board.play(board.pass_point)
    assert player.choose(board) != board.pass_point
    for vertex in ("A3", "B1", "C3", "A1"):
        board.play(point(vertex, 3))
    assert player.choose(board) != board.pass_point
    board.play(board.pass_point)
    assert player.choose(board) == board.pass_point


def test_own_moves_keep_positional_superko_even_where_the_board_does_not():
    # A fight in the corner where A1 is all that the network wants.
    board = Board(5)
    board.setup([point(v) for v in ("C1", "C2", "B2", "A3")], [point(v) for v in ("B1", "A2")], to_play=BLACK)
    seen = [board.position_hash]
    player = Player(FixedEvaluator(logits=np.where(np.arange(25) == point("A1"), 9.0, 0.0).astype(np.float32)))
    for _ in range(6):
        chosen = player.choose(board)
        board.play_tolerant(chosen, board.to_play)
        assert board.position_hash not in seen or chosen == board.pass_point
        seen.append(board.position_hash)


def test_sampling_follows_the_prior_and_the_seed():
    logits = np.full(25, -30.0, np.float32)
    logits[[3, 7]] = np.log([0.75, 0.25])

    def counts(temperature, seed):
        player = Player(FixedEvaluator(logits=logits), temperature=temperature, seed=seed)
        moves = [player.choose(Board(5)) for _ in range(400)]
        return moves, moves.count(3) / 400

    moves, share = counts(1.0, 1)
    assert set(moves) == {3, 7}
    assert share == pytest.approx(0.75, abs=0.06)
    assert counts(1.0, 1)[0] == moves
    assert counts(1.0, 2)[0] != moves
    assert counts(0.5, 1)[1] == pytest.approx(0.9, abs=0.05)  # 9 : 1


def test_negative_temperature():
    with pytest.raises(ValueError, match="below 0"):
        Player(FixedEvaluator(), temperature=-1)
