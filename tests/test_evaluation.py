"""Metrics are counted right, by a fake network whose logits are known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from hayago.errors import HayagoError
from hayago.features.encoder import all_positions
from hayago.learn.checkpoint import ModelInfo
from hayago.learn.evaluation import evaluate, trained_on
from hayago.learn.evaluator import make_evaluator
from hayago.records.games import Games
from hayago.records.store import read_store
from learning import demo_games, small_model


class Fake:
    """Gives the logits it is told to, one row after the other."""

    def __init__(self, logits: NDArray[np.float32], size: int = 19, fingerprint: str = "") -> None:
        self.info = ModelInfo(8, 48, 13, size, data_fingerprint=fingerprint)
        self._rows = iter(logits)

    def logits(self, rows: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.array([next(self._rows) for _ in rows], np.float32)


def first_moves(count: int) -> Games:
    """The first demonstration game, cut to `count` moves."""
    games = demo_games()
    return Games(19, games.codes[:count], np.array([0, count]), np.empty(0, np.uint16), np.array([0, 0]))


def test_ranks_and_cross_entropy() -> None:
    games = first_moves(4)
    labels = (games.codes & 0x1FF).astype(int)
    others = [point for point in range(361) if point not in labels]
    logits = np.zeros((4, 361), np.float32)
    logits[0, labels[0]] = 9  # first
    logits[1, labels[1]] = 5  # fifth
    logits[1, others[:4]] = 9
    logits[2, labels[2]] = 5  # sixth
    logits[2, others[:5]] = 9
    # the fourth: all alike, which is no merit
    metrics = evaluate(Fake(logits), games, batch_size=3)
    assert (metrics.top1, metrics.top5) == (0.25, 0.5)
    assert (metrics.positions, metrics.games) == (4, 1)
    exact = logits.astype(float)
    expected = np.mean([np.log(np.exp(row).sum()) - row[label] for row, label in zip(exact, labels, strict=True)])
    assert metrics.cross_entropy == pytest.approx(expected)


def test_passes_are_left_out_and_huge_logits_do_no_harm() -> None:
    games = Games(
        19, np.array([361, 0x8000 | 3], np.uint16), np.array([0, 2]), np.empty(0, np.uint16), np.array([0, 0])
    )
    logits = np.full((1, 361), -1e30, np.float32)
    logits[0, 3] = 1e30
    metrics = evaluate(Fake(logits), games)
    assert metrics == (1.0, 1.0, 0.0, 1, 1)


def test_batches_change_nothing_and_the_limit_spreads() -> None:
    evaluator = make_evaluator(small_model(layers=2), threads=1)
    games = first_moves(100)
    positions = len(all_positions(games)[0])
    assert evaluate(evaluator, games, batch_size=7) == pytest.approx(evaluate(evaluator, games, batch_size=64))
    assert evaluate(evaluator, games).positions == positions
    assert evaluate(evaluator, demo_games(), limit=90).positions == 90
    assert evaluate(evaluator, demo_games(), limit=90).games > 60


def test_progress_ends_where_all_is_done() -> None:
    told: list[tuple[int, int]] = []
    evaluate(Fake(np.zeros((10, 361), np.float32)), first_moves(10), batch_size=4, progress=lambda *n: told.append(n))
    assert told == [(4, 10), (8, 10), (10, 10)]


def test_other_board_sizes_and_empty_games_are_refused() -> None:
    with pytest.raises(HayagoError, match="9x9, the games on 19x19"):
        evaluate(Fake(np.zeros((1, 81), np.float32), size=9), first_moves(1))
    with pytest.raises(HayagoError, match="no move to predict"):
        evaluate(Fake(np.zeros((1, 361), np.float32)), first_moves(0))


def test_games_learned_from_are_counted() -> None:
    from learning import store_path

    logits = np.zeros((1, 361), np.float32)
    held_out = read_store(store_path(), "test").games
    count = len(demo_games().offsets) - 1
    assert trained_on(Fake(logits), demo_games()) == 0
    assert trained_on(Fake(logits, fingerprint="ab"), demo_games()) == count
    assert trained_on(Fake(logits, fingerprint="ab"), held_out) == 0
