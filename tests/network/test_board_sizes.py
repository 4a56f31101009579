"""One network on boards of every size: the last bias goes by the distance to the edges."""

import numpy as np
import pytest

from hayago.errors import HayagoError
from hayago.features.planes import row_bytes
from hayago.network.board_sizes import bias_for_board, for_board, named_sizes, sizes_of
from hayago.network.evaluator import make_evaluator
from hayago.network.model_file import ModelInfo
from hayago.player.player import Player
from hayago.rules.board import Board
from hayago.rules.symmetry import point_maps
from learning import small_model

NUMBERS = {size: np.random.default_rng(size).standard_normal(size * size).astype(np.float32) for size in range(1, 20)}
PAIRS = [(5, 5), (19, 19), (19, 9), (19, 13), (19, 10), (9, 19), (9, 13), (8, 13), (8, 19), (8, 6), (7, 8), (19, 5)]


@pytest.mark.parametrize("size", range(1, 20))
def test_its_own_size_keeps_every_number(size: int) -> None:
    assert (bias_for_board(NUMBERS[size], size) == NUMBERS[size]).all()


@pytest.mark.parametrize(("own", "size"), PAIRS)
def test_it_follows_every_symmetry(own: int, size: int) -> None:
    before, after = point_maps(own)[:, :-1], point_maps(size)[:, :-1]
    moved = bias_for_board(NUMBERS[own], size)
    for old, new in zip(before, after, strict=True):
        np.testing.assert_allclose(bias_for_board(NUMBERS[own][old], size), moved[new], rtol=1e-6)


@pytest.mark.parametrize(("own", "size"), [pair for pair in PAIRS if min(pair) > 4])
def test_near_the_edges_it_is_the_original(own: int, size: int) -> None:
    old, new = NUMBERS[own].reshape(own, own), bias_for_board(NUMBERS[own], size).reshape(size, size)
    for rows in (slice(None, 2), slice(-2, None)):
        for columns in (slice(None, 2), slice(-2, None)):
            assert (new[rows, columns] == old[rows, columns]).all()


def test_far_from_the_edges_a_larger_board_takes_the_middle() -> None:
    new = bias_for_board(NUMBERS[5], 19).reshape(19, 19)
    assert (new[2:17, 2:17] == NUMBERS[5].reshape(5, 5)[2, 2]).all()
    assert (new[0, 2:17] == NUMBERS[5].reshape(5, 5)[0, 2]).all()


def test_a_middle_line_is_the_mean_of_two() -> None:
    old, new = NUMBERS[9].reshape(9, 9), bias_for_board(NUMBERS[9], 5).reshape(5, 5)
    np.testing.assert_allclose(new[0, 2], (old[0, 2] + old[0, 6]) / 2, rtol=1e-6)


def test_the_network_that_learned_on_a_size_goes_first() -> None:
    nine, nineteen, three = (ModelInfo(8, 48, 3, size) for size in (9, 19, 3))
    assert sizes_of([nineteen]) == dict.fromkeys(range(5, 20), nineteen)
    both = sizes_of([nineteen, nine])
    assert both == {**dict.fromkeys(range(5, 10), nine), **dict.fromkeys(range(10, 20), nineteen)}
    assert sizes_of([three]) == {3: three, **dict.fromkeys(range(5, 20), three)}


def test_sizes_as_people_read_them() -> None:
    assert named_sizes([9]) == "9x9"
    assert named_sizes([19, 9, 13]) == "9x9 and 13x13 and 19x19"
    assert named_sizes([3, *range(5, 20)]) == "3x3 and 5x5 to 19x19"


def test_a_model_for_its_own_size_is_itself() -> None:
    model = small_model(board_size=9)
    assert for_board(model, 9) is model
    other = for_board(model, 13)
    assert other.info.board_size == 13 and other.weights["last.bias"].shape == (169,)
    assert model.weights["last.bias"].shape == (81,)
    assert other.weights["hidden.0.weight"] is model.weights["hidden.0.weight"]


@pytest.mark.parametrize("backend", ["onnx", "torch"])
def test_an_evaluator_takes_every_size(backend: str, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = small_model(board_size=9), small_model(board_size=13, layers=4)
    evaluator = make_evaluator([one, two], backend=backend)
    for size, model in ((9, one), (13, two), (7, one), (11, two), (19, two), (7, one)):
        rows = np.random.default_rng(0).integers(0, 256, (3, row_bytes(size=size)), np.uint8)
        alone = make_evaluator(for_board(model, size)).logits(rows)
        np.testing.assert_allclose(evaluator.logits(rows), alone, atol=1e-4)
        assert evaluator.logits(rows[:0]).shape == (0, size * size)
    said = [line for line in capsys.readouterr().err.splitlines() if "no network learned" in line]
    assert said == [
        f"hayago: no network learned on {a}x{a}: that of {b}x{b} plays" for a, b in ((7, 9), (11, 13), (19, 13))
    ]
    with pytest.raises(ValueError, match="shape"):
        evaluator.logits(np.zeros((1, row_bytes(size=4)), np.uint8))


def test_what_does_not_fit_together_is_refused() -> None:
    model = small_model(board_size=9)
    with pytest.raises(HayagoError, match="a second network for boards of 9x9"):
        make_evaluator([model, model])
    with pytest.raises(HayagoError, match="reads 20 planes, and the first network 48"):
        make_evaluator([model, small_model(board_size=13, planes=20)])
    with pytest.raises(HayagoError, match="boards of 5x5 to 19x19, not 4x4"):
        Player(make_evaluator(model)).prior(Board(4))


def test_every_board_opens_in_its_middle_or_corners() -> None:
    player = Player(make_evaluator())
    for size in range(5, 20):
        prior = player.prior(Board(size), symmetries=8).reshape(size, size)
        assert prior.shape == (size, size) and prior[0].sum() < 0.02  # the first line is no opening
        np.testing.assert_allclose(prior, prior.T, atol=1e-5)
