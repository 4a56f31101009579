"""From a network's outcomes on the examples to measures and their intervals. Networks and boards are elsewhere.

`Outcomes` hold a few small numbers for each example. A *measure* is a mean of one of them over the examples, or follows
from such means. Its 95 % interval comes from a bootstrap that draws whole games with replacement. The positions of one
game depend on each other, so drawing single positions would make the intervals too narrow.

The prior is the plain softmax over all N*N points, as in the paper: illegal points are not masked. Ties count against
the network in a rank.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hayago.errors import HayagoError

TOP_K = 20
SAMPLES = 1000
BINS = 15  # of the reliability diagram
_DRAWS_AT_ONCE = 100  # of the bootstrap; keeps its table small when there are many games


class Outcomes(NamedTuple):
    """How a network did on K examples, at T temperatures.

    Attributes:
        rank: uint16 (K,), the number of other points that it considers at least as likely as the played one.
        log_prior: float32 (K, T), the logarithm of the probability of the played point.
        log_top: float32 (K, T), the logarithm of the probability of its first choice.
    """

    rank: NDArray[np.uint16]
    log_prior: NDArray[np.float32]
    log_top: NDArray[np.float32]

    @classmethod
    def empty(cls, count: int, temperatures: int) -> "Outcomes":
        """Space for the outcomes of `count` examples."""
        shape = count, temperatures
        return cls(np.zeros(count, np.uint16), np.zeros(shape, np.float32), np.zeros(shape, np.float32))

    def fill(
        self, first: int, logits: NDArray[np.float32], labels: NDArray[np.uint16], temperatures: tuple[float, ...]
    ) -> None:
        """Write the outcomes of the examples from `first` on, from their logits (B, N*N) and labels (B,)."""
        part = slice(first, first + len(labels))
        played = np.take_along_axis(logits, labels[:, None].astype(np.int64), 1)
        top = logits.max(1, keepdims=True)
        self.rank[part] = (logits >= played).sum(1) - 1
        for t, temperature in enumerate(temperatures):
            log_sum = np.log(np.exp((logits - top) / np.float32(temperature)).sum(1))
            self.log_top[part, t] = -log_sum
            self.log_prior[part, t] = (played - top)[:, 0] / np.float32(temperature) - log_sum


class Measure(NamedTuple):
    """A value and the ends of its 95 % interval, which are NaN where a single game allows no interval."""

    value: float
    low: float
    high: float

    @property
    def has_interval(self) -> bool:
        return bool(np.isfinite(self.low) and np.isfinite(self.high))


class Bootstrap:
    """Resamples games, SAMPLES times. All uses of one Bootstrap share the same draws, so differences are paired.

    Args:
        game: (K,), the game of each example; any numbers will do.
        seed: determines the draws.
    """

    def __init__(self, game: NDArray[np.int64], seed: int = 0) -> None:
        names, self._index = np.unique(game, return_inverse=True)
        self.games = len(names)
        generator = np.random.Generator(np.random.Philox(seed))
        # How often each game is drawn. A count above 255 would need more than 255 games, and then it never happens.
        self._drawn = np.empty((SAMPLES if self.games > 1 else 0, self.games), np.uint8)
        for first in range(0, len(self._drawn), _DRAWS_AT_ONCE):
            part = self._drawn[first : first + _DRAWS_AT_ONCE]
            drawn = generator.integers(0, self.games, part.shape) + np.arange(len(part))[:, None] * self.games
            part[:] = np.bincount(drawn.ravel(), minlength=part.size).reshape(part.shape)

    def sums(
        self, columns: Iterable[NDArray[Any]], classes: NDArray[np.integer] | None = None, count: int = 1
    ) -> "Sums":
        """The sum of each column, (K,), over the examples of each of `count` classes (by default one class of all).

        Examples whose class number is `count` or more are left out.
        """
        cell = self._index * count
        inside: slice | NDArray[np.bool_] = slice(None)
        if classes is not None:
            inside = classes < count
            cell = (cell + classes)[inside]
        cells = self.games * count
        tables = [np.bincount(cell, minlength=cells)]
        tables += [np.bincount(cell, column[inside], cells) for column in columns]
        table = np.stack(tables, 1).reshape(self.games, count * len(tables))
        drawn = [
            self._drawn[first : first + _DRAWS_AT_ONCE].astype(np.float64) @ table
            for first in range(0, len(self._drawn), _DRAWS_AT_ONCE)
        ]
        shape = count, len(tables)
        samples = np.concatenate(drawn).reshape(-1, *shape) if drawn else np.empty((0, *shape))
        games = (table.reshape(self.games, *shape)[:, :, 0] > 0).sum(0)
        return Sums(table.sum(0).reshape(shape), samples, games)

    def means(self, columns: Iterable[NDArray[Any]]) -> list[Measure]:
        """The mean of each column, (K,)."""
        return self.sums(columns).means()[0]


class Sums(NamedTuple):
    """Sums over classes of examples.

    Attributes:
        real: (C, 1 + M), the number of examples and the sums of the columns.
        samples: (S, C, 1 + M), the same for each draw.
        games: (C,), the number of games with an example in the class.
    """

    real: NDArray[np.float64]
    samples: NDArray[np.float64]
    games: NDArray[np.int64]

    def means(self) -> list[list[Measure]]:
        """The mean of each column, for each class."""
        with np.errstate(invalid="ignore", divide="ignore"):
            real = self.real[:, 1:] / self.real[:, :1]
            samples = self.samples[:, :, 1:] / self.samples[:, :, :1]
        low, high = interval(samples)
        low, high = (np.where(self.games[:, None] > 1, end, np.nan) for end in (low, high))
        return [
            [Measure(*numbers) for numbers in zip(*row, strict=True)]
            for row in zip(real.tolist(), low.tolist(), high.tolist(), strict=True)
        ]


def interval(samples: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The 2.5th and 97.5th percentiles along the first axis; NaN without samples."""
    if not len(samples):
        nothing = np.full(samples.shape[1:], np.nan)
        return nothing, nothing
    ordered = np.sort(samples, axis=0)  # a draw without such an example gives NaN, which sorts last
    known = (~np.isnan(ordered)).sum(0)
    low, high = (
        np.take_along_axis(ordered, np.round(share * np.maximum(known - 1, 0)).astype(np.int64)[None], 0)[0]
        for share in (0.025, 0.975)
    )
    return low, high


class Summary(NamedTuple):
    """The measures of one network.

    Attributes:
        top_k: for k = 1 to TOP_K, the share of examples in which one of the k most likely points was played.
        cross_entropy: the mean of -log(prior of the played point), in nats.
        perplexity: the exponential of the cross-entropy.
        mean_rank: the mean rank of the played point; 1 is the best.
        sampled: for each temperature, how often a move drawn from the prior is the played one. This is the mean
            probability of the played move; nothing is really drawn.
        reliability: the bins of the reliability diagram with at least one example.
        calibration_error: the mean over the examples of |share right - mean probability| of their bin (ECE).
    """

    top_k: list[Measure]
    cross_entropy: Measure
    perplexity: Measure
    mean_rank: Measure
    sampled: list[Measure]
    reliability: list["Bin"]
    calibration_error: Measure


class Bin(NamedTuple):
    """The examples in which the probability of the first choice is between `low` and `high`."""

    low: float
    high: float
    positions: int
    probability: float
    right: Measure


def summarise(outcomes: Outcomes, bootstrap: Bootstrap) -> Summary:
    """The measures of a network on the examples of the bootstrap; the first of its temperatures must be 1."""
    means = bootstrap.means(_columns(outcomes))
    cross_entropy = means[TOP_K]
    with np.errstate(over="ignore"):
        perplexity = Measure(*np.exp(cross_entropy).tolist())
    reliability, error = calibration(outcomes, bootstrap)
    return Summary(means[:TOP_K], cross_entropy, perplexity, means[TOP_K + 1], means[TOP_K + 2 :], reliability, error)


def _columns(outcomes: Outcomes) -> Iterator[NDArray[Any]]:
    """What `summarise` averages, one column after another; all at once would take much memory."""
    for k in range(1, TOP_K + 1):
        yield outcomes.rank < k
    yield -outcomes.log_prior[:, 0]
    yield outcomes.rank + 1.0
    for log_prior in outcomes.log_prior.T:
        yield np.exp(log_prior.astype(np.float64))


def calibration(outcomes: Outcomes, bootstrap: Bootstrap, t: int = 0) -> tuple[list[Bin], Measure]:
    """The reliability diagram of the first choices, in BINS bins of equal width, and the calibration error.

    Source: Guo et al., On Calibration of Modern Neural Networks, 2017.
    """
    probability = np.exp(outcomes.log_top[:, t].astype(np.float64))
    bins = np.minimum((probability * BINS).astype(np.int64), BINS - 1)
    sums = bootstrap.sums((probability, outcomes.rank == 0), bins, BINS)
    found = [
        Bin(b / BINS, (b + 1) / BINS, int(sums.real[b, 0]), probable.value, right)
        for b, (probable, right) in enumerate(sums.means())
        if sums.real[b, 0]
    ]
    error = float(_calibration_error(sums.real))
    low, high = interval(_calibration_error(sums.samples))
    # Noise can only increase this error: the draws lie above the value by about as much as the value lies above the
    # truth. So the interval of the draws is mirrored at the value (the basic bootstrap) and extended to contain it.
    return found, Measure(error, float(np.maximum(2 * error - high, 0)), float(np.maximum(2 * error - low, error)))


def _calibration_error(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """(...,): the error for sums (..., BINS, 3) of examples, probability and right."""
    error: NDArray[np.float64] = abs(sums[..., 1] - sums[..., 2]).sum(-1) / sums[..., 0].sum(-1)
    return error


def differences(ours: Outcomes, theirs: Outcomes, bootstrap: Bootstrap) -> tuple[Measure, Measure, Measure]:
    """Theirs minus ours, paired: top-1, top-5 and cross-entropy."""
    top1, top5, cross_entropy = bootstrap.means(
        (
            (theirs.rank < 1) - (ours.rank < 1).astype(np.float64),
            (theirs.rank < 5) - (ours.rank < 5).astype(np.float64),
            ours.log_prior[:, 0].astype(np.float64) - theirs.log_prior[:, 0],
        )
    )
    return top1, top5, cross_entropy


def fit_temperature(logits: NDArray[np.float32], labels: NDArray[np.uint16]) -> float:
    """The temperature between 0.05 and 20 at which the cross-entropy of these examples is smallest.

    The cross-entropy is convex in b = 1 / temperature. Its slope is the mean over the examples of the expected logit
    under the prior at b, minus the logit of the played point. Bisection finds the b where the slope is 0.

    Raises:
        HayagoError: the examples are empty.
    """
    if not len(labels):
        raise HayagoError("no example to fit the temperature on")
    wide = logits - logits.max(1, keepdims=True)
    played = float(np.take_along_axis(wide, labels[:, None].astype(np.int64), 1).mean(dtype=np.float64))
    low, high = 1 / 20, 1 / 0.05
    for _ in range(30):
        b = (low + high) / 2
        weights = np.exp(wide * np.float32(b))
        expected = float(((wide * weights).sum(1) / weights.sum(1)).mean(dtype=np.float64))
        low, high = (b, high) if expected < played else (low, b)
    return 2 / (low + high)
