"""The standings of a match, counted from its results in whatever order they came."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import NamedTuple

from hayago.match.elo import Cluster, Estimate, Sprt, elo, estimate
from hayago.match.match_game import DRAW, GameResult


class PairStanding(NamedTuple):
    """Two players against each other, from the first one's side. Void games are counted apart.

    Attributes:
        estimate: the score with its interval; None without a decided game.
        elo: the same in Elo.
    """

    first: str
    second: str
    wins: int
    draws: int
    losses: int
    void: int
    wins_as_black: int
    games_as_black: int
    estimate: Estimate | None
    elo: Estimate | None


class PlayerStanding(NamedTuple):
    """One player against all others.

    Attributes:
        points: 1 for each win, 0.5 for each draw.
        games: decided games.
        charges: the games it was charged with, by kind (`hayago.match.match_game.CHARGES`).
        seconds_per_game: mean time for its moves in a game.
    """

    name: str
    points: float
    games: int
    charges: Counter[str]
    seconds_per_game: float


class SprtStanding(NamedTuple):
    """The sequential test: its log-likelihood ratio, its bounds, and the accepted hypothesis, if any."""

    test: Sprt
    ratio: float
    verdict: str | None


class Standings(NamedTuple):
    """Everything the games of a match say so far.

    Attributes:
        played: finished games.
        distinct: different games among them, by their players and their moves.
        repeated: lists of the numbers of equal games.
        disputed: the numbers of games on whose winner players and referee disagree.
        void: the numbers of undecided games.
        limited: the numbers of games that ended at the move limit.
        mean_moves: mean number of moves per game.
    """

    played: int
    pairs: list[PairStanding]
    players: list[PlayerStanding]
    distinct: int
    repeated: list[list[int]]
    disputed: list[int]
    void: list[int]
    limited: list[int]
    mean_moves: float
    sprt: SprtStanding | None


def standings(results: Iterable[GameResult], names: Sequence[str], sprt: Sprt | None = None) -> Standings:
    """Count the results of the named players. The sequential test compares the first two."""
    results = sorted(results, key=lambda result: result.number)
    same: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for result in results:
        same[result.black, result.white, result.fingerprint].append(result.number)
    return Standings(
        played=len(results),
        pairs=[_pair(results, first, second) for first, second in combinations(names, 2)],
        players=[_player(results, name) for name in names],
        distinct=len(same),
        repeated=[numbers for numbers in same.values() if len(numbers) > 1],
        disputed=[result.number for result in results if result.disputed],
        void=[result.number for result in results if not result.winner],
        limited=[result.number for result in results if result.ending == "move limit"],
        mean_moves=sum(result.moves for result in results) / len(results) if results else 0.0,
        sprt=sprt_standing(results, sprt, names[0]) if sprt else None,
    )


def sprt_standing(results: Iterable[GameResult], sprt: Sprt, first: str) -> SprtStanding:
    """The sequential test of a match of two. Its unit is a pair of games from one opening with both colours. A pair
    with a void or unfinished game does not count."""
    pairs: dict[int, list[float]] = defaultdict(list)
    for result in results:
        if result.winner:
            pairs[(result.number - 1) // 2].append(_points(result, first))
    scores = [sum(points) / 2 for points in pairs.values() if len(points) == 2]
    return SprtStanding(sprt, sprt.ratio(scores), sprt.verdict(scores))


def _points(result: GameResult, name: str) -> float:
    return 0.5 if result.winner == DRAW else float(result.winner == name)


def _pair(results: Sequence[GameResult], first: str, second: str) -> PairStanding:
    ours = [result for result in results if {result.black, result.white} == {first, second}]
    decided = [result for result in ours if result.winner]
    clusters: dict[int, list[float]] = defaultdict(list)
    for result in decided:
        clusters[result.opening].append(_points(result, first))
    score = estimate([Cluster(sum(points), len(points)) for points in clusters.values()])
    winners = Counter(result.winner for result in decided)
    as_black = [result for result in decided if result.black == first]
    return PairStanding(
        first,
        second,
        wins=winners[first],
        draws=winners[DRAW],
        losses=winners[second],
        void=len(ours) - len(decided),
        wins_as_black=sum(result.winner == first for result in as_black),
        games_as_black=len(as_black),
        estimate=score,
        elo=Estimate(*map(elo, score)) if score else None,
    )


def _player(results: Sequence[GameResult], name: str) -> PlayerStanding:
    ours = [result for result in results if name in (result.black, result.white)]
    decided = [result for result in ours if result.winner]
    seconds = sum(result.black_seconds if result.black == name else result.white_seconds for result in ours)
    return PlayerStanding(
        name,
        points=sum(_points(result, name) for result in decided),
        games=len(decided),
        charges=Counter(result.ending for result in ours if result.charged == name),
        seconds_per_game=seconds / len(ours) if ours else 0.0,
    )
