"""Measures and intervals, compared with counts by hand and with known statistics."""

import numpy as np
import pytest
from numpy.typing import NDArray

from hayago.evaluation.breakdown import as_csv, break_down
from hayago.evaluation.measures import (
    BINS,
    TOP_K,
    Bootstrap,
    Measure,
    Outcomes,
    calibration,
    differences,
    fit_temperature,
    summarise,
)
from hayago.evaluation.traits import NONE, Trait


def outcomes_of(logits: NDArray[np.float32], labels: list[int], *temperatures: float) -> Outcomes:
    heats = temperatures or (1.0,)
    outcomes = Outcomes.empty(len(labels), len(heats))
    outcomes.fill(0, logits.astype(np.float32), np.array(labels, np.uint16), heats)
    return outcomes


def random_outcomes(count: int, seed: int = 0) -> Outcomes:
    rng = np.random.default_rng(seed)
    return outcomes_of(rng.normal(size=(count, 30)) * 2, rng.integers(0, 30, count).tolist())


def test_outcomes_of_known_logits() -> None:
    logits = np.array([[3, 1, 2, 0], [1, 1, 1, 1], [0, 5, 5, 1], [-1e30, 1e30, 0, 0]])
    outcomes = outcomes_of(logits, [2, 0, 1, 1], 1.0, 0.5)
    assert outcomes.rank.tolist() == [1, 3, 1, 0]  # ties count against the network
    for t, temperature in enumerate((1.0, 0.5)):
        for k, label in enumerate([2, 0, 1]):
            weights = np.exp(logits[k] / temperature)
            assert outcomes.log_prior[k, t] == pytest.approx(np.log(weights[label] / weights.sum()), rel=1e-5)
            assert outcomes.log_top[k, t] == pytest.approx(np.log(weights.max() / weights.sum()), rel=1e-5)
    assert outcomes.log_prior[3].tolist() == [0.0, 0.0]  # huge logits do no harm


def test_the_summary_is_what_its_names_say() -> None:
    outcomes = random_outcomes(400)
    summary = summarise(outcomes, Bootstrap(np.arange(400) // 10))
    assert len(summary.top_k) == TOP_K
    for k, measure in enumerate(summary.top_k, 1):
        assert measure.value == pytest.approx((outcomes.rank < k).mean())
        assert measure.low <= measure.value <= measure.high
    assert summary.cross_entropy.value == pytest.approx(-outcomes.log_prior.mean(), rel=1e-5)
    assert summary.perplexity == pytest.approx(np.exp(summary.cross_entropy), rel=1e-5)
    assert summary.mean_rank.value == pytest.approx(outcomes.rank.mean() + 1)
    assert summary.sampled[0].value == pytest.approx(np.exp(outcomes.log_prior).mean(), rel=1e-5)


def test_games_are_drawn_not_positions() -> None:
    """80 games of 50 positions that are all right or all wrong hold no more information than 80 positions."""
    right = np.random.default_rng(1).random(80) < 0.4
    (measure,) = Bootstrap(np.repeat(np.arange(80), 50)).means([np.repeat(right, 50)])
    expected = 2 * 1.96 * np.sqrt(right.mean() * (1 - right.mean()) / 80)
    assert measure.high - measure.low == pytest.approx(expected, rel=0.15)


def test_intervals_hold_the_truth_about_19_times_in_20() -> None:
    rng = np.random.default_rng(2)
    held = 0
    for seed in range(100):
        game = np.repeat(np.arange(60), rng.integers(5, 30, 60))  # games of different lengths
        share = rng.beta(4, 6, 60)[game]  # the mean is 0.4
        (measure,) = Bootstrap(game, seed).means([rng.random(len(game)) < share])
        held += measure.low <= 0.4 <= measure.high
    assert 88 <= held <= 99


def test_one_game_has_no_interval_and_the_same_seed_the_same() -> None:
    values = np.arange(10.0)
    (alone,) = Bootstrap(np.zeros(10, np.int64)).means([values])
    assert alone.value == 4.5 and not alone.has_interval
    values = np.arange(60.0) ** 2
    game = np.arange(60) // 2
    assert Bootstrap(game, 3).means([values]) == Bootstrap(game, 3).means([values])
    assert Bootstrap(game, 3).means([values]) != Bootstrap(game, 4).means([values])


def test_differences_are_paired() -> None:
    ours = random_outcomes(300)
    bootstrap = Bootstrap(np.arange(300) // 10)
    assert differences(ours, ours, bootstrap) == (Measure(0, 0, 0),) * 3
    better = ours._replace(rank=np.zeros_like(ours.rank), log_prior=ours.log_prior + 0.5)
    top1, top5, cross_entropy = differences(ours, better, bootstrap)
    assert top1.value == pytest.approx((ours.rank > 0).mean()) and top1.low > 0
    assert top5.value == pytest.approx((ours.rank > 4).mean())
    assert cross_entropy == pytest.approx((-0.5, -0.5, -0.5), abs=1e-6)  # the same everywhere, so every draw gives it


def test_calibration_by_hand() -> None:
    probability = np.array([0.05, 0.05, 0.5, 0.5, 0.5, 0.5, 1.0, 1.0])
    right = np.array([0, 0, 1, 1, 0, 1, 1, 0], np.bool_)
    outcomes = Outcomes.empty(8, 1)._replace(
        rank=(~right).astype(np.uint16), log_top=np.log(probability)[:, None].astype(np.float32)
    )
    bins, error = calibration(outcomes, Bootstrap(np.arange(8)))
    assert [(b.positions, round(b.probability, 6), b.right.value) for b in bins] == [
        (2, 0.05, 0.0),
        (4, 0.5, 0.75),
        (2, 1.0, 0.5),
    ]
    assert bins[1].low <= 0.5 <= bins[1].high and bins[1].high - bins[1].low == pytest.approx(1 / BINS)
    assert error.value == pytest.approx((2 * 0.05 + 4 * 0.25 + 2 * 0.5) / 8)
    assert error.low < error.value <= error.high
    rng = np.random.default_rng(0)
    probability = rng.uniform(0.1, 0.9, 300)
    calibrated = Outcomes.empty(300, 1)._replace(
        rank=(rng.random(300) > probability).astype(np.uint16), log_top=np.log(probability)[:, None].astype(np.float32)
    )
    _, noise = calibration(calibrated, Bootstrap(np.arange(300)))
    assert noise.low < noise.value / 2  # most of it is noise
    _, alone = calibration(outcomes, Bootstrap(np.zeros(8, np.int64)))
    assert alone.value == error.value and not alone.has_interval


def test_a_temperature_is_recovered() -> None:
    rng = np.random.default_rng(3)
    logits = (rng.normal(size=(4000, 40)) * 2).astype(np.float32)
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = (shares.cumsum(1) > rng.random((4000, 1))).argmax(1).astype(np.uint16)
    assert fit_temperature(logits, labels) == pytest.approx(1.0, abs=0.06)
    assert fit_temperature(logits * 3, labels) == pytest.approx(3.0, abs=0.18)
    # No nearby temperature is better.
    found = fit_temperature(logits * 3, labels)
    heats = (found, found * 0.97, found * 1.03)
    losses = -outcomes_of(logits * 3, labels.tolist(), *heats).log_prior.mean(0, dtype=np.float64)
    assert losses.argmin() == 0


def test_breakdown_rows_are_the_measures_of_their_positions() -> None:
    outcomes = random_outcomes(200)
    game = np.arange(200) // 10
    codes = (np.arange(200) % 3).astype(np.uint8)
    codes[:7] = NONE
    trait = Trait("third", "", ("a", "b", "c", "never"), codes)
    rows = break_down(outcomes, [trait, Trait("unknown", "", (), codes)], Bootstrap(game))
    assert [row.label for row in rows] == ["a", "b", "c"]
    assert sum(row.positions for row in rows) == 193
    for code, row in enumerate(rows):
        inside = codes == code
        assert row.positions == inside.sum() and row.games == len(np.unique(game[inside]))
        assert row.top1.value == pytest.approx((outcomes.rank[inside] < 1).mean())
        assert row.top5.value == pytest.approx((outcomes.rank[inside] < 5).mean())
        assert row.cross_entropy.value == pytest.approx(-outcomes.log_prior[inside].mean(), rel=1e-5)
    one_game, two_games = (np.where(np.isin(np.arange(200), some), 0, NONE) for some in ([50, 51], [50, 150]))
    for codes, known in ((one_game, False), (two_games, True)):  # although some draws contain neither of the two
        (row,) = break_down(outcomes, [trait._replace(codes=codes.astype(np.uint8))], Bootstrap(game))
        assert row.positions == 2 and row.cross_entropy.has_interval == known
    lines = as_csv({"one, or two": rows}).splitlines()
    assert len(lines) == 4
    assert lines[1].startswith(f'"one, or two",third,a,{rows[0].positions},20,{rows[0].top1.value:.6f},')
