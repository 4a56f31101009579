"""What the results of a match say about strength: score and Elo with their intervals, and the sequential test.

A *score* is points per game: 1 for a win, 0.5 for a draw. Games from one opening are not independent: an opening may
favour a colour, and players who always choose the same move repeat their answers. So the games of one opening form a
*cluster*, and the unit here is the cluster, not the game.

The interval is Wilson's (1927) for a proportion. It stays inside 0 and 1, and is sensible even if one side won every
game. Its number of trials is the number of independent games that would scatter as the clusters do, but at least the
number of clusters and at most the number of games.

The sequential test is Wald's (1945) with the generalised likelihood ratio over the scores of pairs, as chess engines
are tested: M. Van den Bergh, "The generalized maximum likelihood ratio for the expectation value of a distribution".
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Literal, NamedTuple

Z95 = 1.959963984540054  # 97.5 % of a normal distribution lie below this
PAIR_SCORES = (0.0, 0.25, 0.5, 0.75, 1.0)
_UNSEEN = 1e-3  # the count of a pair score not seen yet, whose probability is not 0


class Cluster(NamedTuple):
    """The games of one opening: how many, and the points won in them."""

    points: float
    games: int


class Estimate(NamedTuple):
    """A score with its 95 % interval."""

    score: float
    low: float
    high: float


def elo(score: float) -> float:
    """The Elo difference that corresponds to a score; infinite at 0 and 1."""
    if score <= 0:
        return -math.inf
    if score >= 1:
        return math.inf
    return 400 * math.log10(score / (1 - score))


def expected_score(difference: float) -> float:
    """The score that corresponds to an Elo difference."""
    return 1 / (1 + 10 ** (-difference / 400))


def estimate(clusters: Sequence[Cluster]) -> Estimate | None:
    """The score over all games with its interval (see the top of this file); None without games.

    `elo` turns the score and both ends of its interval into Elo; `hayago.match.standings` does.
    """
    clusters = [cluster for cluster in clusters if cluster.games]
    games, count = sum(cluster.games for cluster in clusters), len(clusters)
    if not games:
        return None
    score = sum(cluster.points for cluster in clusters) / games
    squares = sum((cluster.points - score * cluster.games) ** 2 for cluster in clusters)
    trials = float(count)
    if count > 1 and 0 < score < 1:
        variance = squares * count / (count - 1) / games**2
        trials = min(max(score * (1 - score) / variance, count), games) if variance else games
    return Estimate(score, *_wilson(score, trials))


def _wilson(score: float, trials: float) -> tuple[float, float]:
    width = Z95 * math.sqrt(score * (1 - score) / trials + Z95**2 / (4 * trials**2))
    scale, centre = 1 + Z95**2 / trials, score + Z95**2 / (2 * trials)
    return max(0.0, (centre - width) / scale), min(1.0, (centre + width) / scale)


class Sprt(NamedTuple):
    """A sequential test whether the first player is `elo1` stronger than the second, or only `elo0`.

    `alpha` is the risk of accepting `elo1` when `elo0` is true, `beta` the reverse.
    """

    elo0: float
    elo1: float
    alpha: float = 0.05
    beta: float = 0.05

    @property
    def lower(self) -> float:
        """The log-likelihood ratio at which `elo0` is accepted."""
        return math.log(self.beta / (1 - self.alpha))

    @property
    def upper(self) -> float:
        """The log-likelihood ratio at which `elo1` is accepted."""
        return math.log((1 - self.beta) / self.alpha)

    def ratio(self, pairs: Sequence[float]) -> float:
        """The log-likelihood ratio of `elo1` to `elo0`, given the score of each pair of games (one of PAIR_SCORES)."""
        if not pairs:
            return 0.0
        seen = Counter(pairs)
        counts = [seen[score] or _UNSEEN for score in PAIR_SCORES]
        total = sum(counts)
        observed = [count / total for count in counts]
        weaker, stronger = (_tilt(observed, expected_score(difference)) for difference in (self.elo0, self.elo1))
        return total * sum(p * math.log(a / b) for p, a, b in zip(observed, stronger, weaker, strict=True))

    def verdict(self, pairs: Sequence[float]) -> Literal["elo0", "elo1"] | None:
        """The accepted hypothesis; None while the match must continue."""
        ratio = self.ratio(pairs)
        return "elo1" if ratio >= self.upper else "elo0" if ratio <= self.lower else None


def _tilt(observed: Sequence[float], mean: float) -> list[float]:
    """The likeliest distribution over PAIR_SCORES with this mean, given the observed one: p / (1 + t (score - mean)).

    The t that makes it a distribution is the root of a falling function between two poles.
    """
    low, high = -1 / (1 - mean), 1 / mean
    for _ in range(100):
        t = (low + high) / 2
        slope = sum(p * (a - mean) / (1 + t * (a - mean)) for p, a in zip(observed, PAIR_SCORES, strict=True))
        low, high = (t, high) if slope > 0 else (low, t)
    return [p / (1 + t * (a - mean)) for p, a in zip(observed, PAIR_SCORES, strict=True)]
