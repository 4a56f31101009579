"""How a move is picked from a prior: styles, the ten levels, and the arithmetic of sampling. No network, no board.

A *prior* is float32 (N*N,), the network's probability of each point. `LEVELS[0]` to `LEVELS[9]` are the levels 1 to 10.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hayago.errors import whole_number
from hayago.rules.symmetry import SYMMETRIES


@dataclass(frozen=True)
class Style:
    """How a move is picked from the prior.

    Attributes:
        temperature: 0 plays the likeliest move; above it moves are sampled from prior ** (1 / temperature).
        opening_temperature: the same for the opening; None means `temperature`.
        opening_moves: how many moves of both sides the opening lasts.
        top_p: sampling keeps the likeliest moves that together have this much of the prior.
        symmetries: 1 looks at the position once, 8 averages the prior over all symmetries of the board.
    """

    temperature: float = 0.0
    opening_temperature: float | None = None
    opening_moves: int = 30
    top_p: float = 1.0
    symmetries: int = 8

    def __post_init__(self) -> None:
        for temperature in (self.temperature, self.opening_temperature or 0.0):
            if not 0 <= temperature < float("inf"):
                raise ValueError(f"temperature is not 0 or more: {temperature}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p is not above 0 and at most 1: {self.top_p}")
        check_symmetries(self.symmetries)

    def temperature_at(self, moves: int) -> float:
        """The temperature after so many moves of both sides."""
        if self.opening_temperature is not None and moves < self.opening_moves:
            return self.opening_temperature
        return self.temperature


def check_symmetries(symmetries: int) -> None:
    """Raise ValueError unless this is 1 or 8, and TypeError unless it is a whole number."""
    if whole_number(symmetries, "symmetries") not in (1, SYMMETRIES):
        raise ValueError(f"symmetries are not 1 or {SYMMETRIES}: {symmetries}")


STRONGEST = Style()
# The box's cross-entropy with people's moves is lowest at 1.006 on 145 validation games of professionals, at 0.975 on
# 117 of KGS 2016-2017, where it gains 0.0015 over 1 (docs/model-cards.md).
LIKE_HUMAN = Style(temperature=1.0, symmetries=1)
# Levels 1 to 10, weakest first. How far apart they are: docs/experiments.md, Matches.
LEVELS: tuple[Style, ...] = (
    *(Style(temperature, symmetries=1) for temperature in (1.5, 1.42, 1.35, 1.27, 1.2, 1.1, 0.97, 0.8, 0.55)),
    STRONGEST,
)


def pick(
    style: Style,
    prior: NDArray[np.float32],
    among: NDArray[np.bool_],
    moves: int,
    draw: Callable[[NDArray[np.float64]], int],
) -> int:
    """Pick a point of the mask by the style, after `moves` moves; `draw` draws an index given all probabilities."""
    temperature = style.temperature_at(moves)
    if temperature == 0:
        return int(np.where(among, prior, -1).argmax())
    weights = tempered(prior, among, temperature).astype(np.float64)
    if style.top_p < 1:
        order = np.argsort(-weights)
        kept = np.cumsum(weights[order]) - weights[order] < style.top_p
        weights[order[~kept]] = 0
    return int(draw(weights / weights.sum()))


def tempered(prior: NDArray[np.float32], among: NDArray[np.bool_], temperature: float) -> NDArray[np.float32]:
    """float32 (N*N,): the prior ** (1 / temperature) of the points of the mask, adding up to 1; temperature above 0."""
    top = prior[among].max(initial=0) or 1  # so that the likeliest stay at 0, however low the temperature
    with np.errstate(divide="ignore", over="ignore"):  # the logarithm of 0 is -inf, a weight of 0
        return softmax(np.log(prior / top, dtype=np.float64) / temperature, among)


def rank_in(prior: NDArray[np.float32], point: int) -> int:
    """The rank of the point by its prior, from 1; of points that are equally likely the first comes first."""
    return int(np.flatnonzero(np.argsort(-prior, kind="stable") == point)[0]) + 1


def softmax(logits: NDArray[np.floating], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """float32, of the shape of both: the softmax over the points of the mask, 0 elsewhere; all 0 for an empty mask.

    Points of the mask that all are -inf (a prior that has underflowed) share equally.
    """
    if not mask.any():
        return np.zeros(mask.shape, np.float32)
    top = logits[mask].max()
    weights = mask.astype(np.float32) if np.isneginf(top) else np.exp(np.where(mask, logits - top, -np.inf))
    shares: NDArray[np.float32] = (weights / weights.sum()).astype(np.float32)
    return shares
