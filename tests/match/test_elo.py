"""Score, Elo and the sequential test against figures that others have published."""

import math

import pytest

from hayago.match.elo import Cluster, Sprt, elo, estimate, expected_score


def pairs_of(*counts):
    """The scores of pairs, given how many scored 0, 1/4, 1/2, 3/4, 1."""
    return [score for score, count in zip((0, 0.25, 0.5, 0.75, 1), counts, strict=True) for _ in range(count)]


@pytest.mark.parametrize(
    ("score", "difference"), [(0.5, 0), (10 / 11, 400), (1 / 11, -400), (0.75, 190.85), (76 / 78, 631.91)]
)
def test_elo(score, difference):
    assert elo(score) == pytest.approx(difference, abs=0.005)
    assert expected_score(elo(score)) == pytest.approx(score)


def test_elo_at_the_ends():
    assert elo(0) == -math.inf and elo(1) == math.inf


@pytest.mark.parametrize(
    ("counts", "mean"),
    [
        # Matches of chess engines whose figures were published by fishtest.
        ((485, 1923, 2942, 1937, 594), 5.11),
        ((261, 739, 2683, 737, 253), -0.67),
        ((63, 252, 385, 250, 74), 3.39),
        ((175, 305, 694, 291, 157), -5.36),
    ],
)
def test_elo_of_published_matches(counts, mean):
    clusters = [Cluster(2 * score, 2) for score in pairs_of(*counts)]
    assert elo(estimate(clusters).score) == pytest.approx(mean, abs=0.005)


@pytest.mark.parametrize(
    ("clusters", "interval"),
    [
        # Wilson's interval as in Newcombe (1998), Table I: 81 of 263, 15 of 148, 0 of 20.
        ([Cluster(1, 1)] * 81 + [Cluster(0, 1)] * 182, (0.2553, 0.3662)),
        ([Cluster(1, 1)] * 15 + [Cluster(0, 1)] * 133, (0.0624, 0.1605)),
        ([Cluster(0, 1)] * 20, (0, 0.1611)),
        # Won throughout: openings count, not games.
        ([Cluster(2, 2)] * 20, (0.8389, 1)),
        # Both games of an opening always end alike: they are one.
        ([Cluster(2, 2)] * 81 + [Cluster(0, 2)] * 182, (0.2553, 0.3662)),
        # Each opening is won once by each: never narrower than independent games, here 20 of 40.
        ([Cluster(1, 2)] * 20, (0.3520, 0.6480)),
    ],
)
def test_intervals(clusters, interval):
    _, low, high = estimate(clusters)
    assert (low, high) == pytest.approx(interval, abs=0.0006)


def test_no_game_has_no_score():
    assert estimate([]) is None
    assert estimate([Cluster(0, 0)]) is None


def test_one_game_says_little():
    assert estimate([Cluster(1, 1)]) == pytest.approx((1, 0.2065, 1), abs=1e-3)


def test_wald_bounds():
    assert (Sprt(0, 5).lower, Sprt(0, 5).upper) == pytest.approx((-2.944, 2.944), abs=1e-3)
    assert (Sprt(0, 5, 0.05, 0.1).lower, Sprt(0, 5, 0.05, 0.1).upper) == pytest.approx((-2.251, 2.890), abs=1e-3)


@pytest.mark.parametrize(
    ("counts", "elos", "ratio"),
    [
        # The values that fastchess's own tests expect of this model.
        ((223, 9863, 20279 + 1000, 10037, 246), (0.5, 2.5), -3.07),
        ((871, 26175, 55003 + 980, 26678, 821), (0, 2), -4.98),
        ((0, 0, 0, 0, 0), (0, 5), 0),
    ],
)
def test_likelihood_ratios_of_published_matches(counts, elos, ratio):
    assert Sprt(*elos).ratio(pairs_of(*counts)) == pytest.approx(ratio, abs=0.01)


@pytest.mark.parametrize(
    ("counts", "elos", "verdict"),
    [
        # Finished tests of fishtest, alpha 0.05, beta 0.1.
        ((485, 1923, 2942, 1937, 594), (0, 5), "elo1"),
        ((261, 739, 2683, 737, 253), (-10, 0), "elo1"),
        ((63, 252, 385, 250, 74), (0, 10), None),
        ((527, 1007, 1932, 933, 511), (0, 5), "elo0"),
        ((175, 305, 694, 291, 157), (0, 10), "elo0"),
    ],
)
def test_verdicts_of_published_matches(counts, elos, verdict):
    assert Sprt(*elos, alpha=0.05, beta=0.1).verdict(pairs_of(*counts)) == verdict


def test_the_ratio_turns_round_with_the_players():
    there = Sprt(0, 10).ratio(pairs_of(3, 0, 2, 0, 9))
    back = Sprt(-10, 0).ratio(pairs_of(9, 0, 2, 0, 3))
    assert there == pytest.approx(-back)
