"""From examples, through the planes and the networks, to outcomes.

How to read it: in `answers`, threads encode the next parts while a network computes. Each part is encoded once for all
networks (a smaller set of planes is the beginning of the larger one's row) and under all symmetries. `measure` runs
over all examples and keeps a few numbers for each; `hayago.evaluation.evaluation` draws the conclusions.

*Symmetries*: the network sees each position under 1, 2, 4 or 8 symmetries. Its probabilities are turned back and
averaged, as in the paper. The logarithms of these averages then take the place of the logits.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hayago.cores import cores
from hayago.errors import HayagoError
from hayago.evaluation.examples import Examples
from hayago.evaluation.measures import Outcomes, fit_temperature
from hayago.evaluation.traits import Tactics, joined_tactics, tactics_of
from hayago.features.incremental import encode_positions
from hayago.features.planes import PLANE_SETS, PLANES, forget_history, row_bytes
from hayago.network.board_sizes import named_sizes
from hayago.network.evaluator import Evaluator
from hayago.network.model_file import ModelError
from hayago.rules.symmetry import point_maps

# The number of symmetries, and which: the identity, rotation by 180 degrees, by 90 and 270, and all these mirrored.
SYMMETRY_SETS = {1: (0,), 2: (0, 3), 4: (0, 3, 5, 6), 8: tuple(range(8))}
TEMPERATURES = (1.0, 0.25, 0.5, 0.75, 1.25, 1.5)  # the network's own first
ROWS = 256  # computed by a network at once
_WORKERS = 4


class Part(NamedTuple):
    """B consecutive examples with the networks' answers.

    Attributes:
        first: the index of the first of them among all examples.
        labels: uint16 (B,), the played points.
        tactics: what these moves do.
        logits: for each network by name, float32 (B * S, N*N): S symmetries of each example.
    """

    first: int
    labels: NDArray[np.uint16]
    tactics: Tactics
    logits: dict[str, NDArray[np.float32]]


def check_fit(evaluator: Evaluator, size: int) -> None:
    """Raise HayagoError unless the network plays on boards of this size and reads a known set of planes."""
    info = evaluator.info
    if size not in evaluator.sizes:
        raise HayagoError(f"the network plays on {named_sizes(evaluator.sizes)}, the games on {size}x{size}")
    if info.planes not in PLANE_SETS:
        raise HayagoError(f"the network reads {info.planes} planes, but no set of that many is known")


def answers(
    evaluators: Mapping[str, Evaluator], examples: Examples, symmetries: int = 1, rows: int = ROWS
) -> Iterator[Part]:
    """The networks' answers to all examples, in parts of at most `rows` rows.

    Raises:
        HayagoError: a network does not fit the examples, or answers with NaN or infinity.
    """
    for evaluator in evaluators.values():
        check_fit(evaluator, examples.games.size)
    size = examples.games.size
    kinds = np.array(SYMMETRY_SETS[symmetries], np.uint8)
    step = max(1, rows // symmetries)

    def encode(first: int) -> tuple[int, NDArray[np.uint8], NDArray[np.uint16], Tactics]:
        game, ply = examples.game[first : first + step], examples.ply[first : first + step]
        encoded, labels = encode_positions(
            examples.games, np.repeat(game, symmetries), np.repeat(ply, symmetries), np.tile(kinds, len(game))
        )
        if examples.history is not None:
            forget_history(encoded, np.full(len(encoded), examples.history), PLANES, size)
        plain = labels[::symmetries]
        return first, encoded, plain, tactics_of(encoded[::symmetries], plain, size)

    with ThreadPoolExecutor(_workers(), "encode") as pool:
        starts = iter(range(0, len(examples), step))
        ahead = deque(pool.submit(encode, first) for first in islice(starts, _workers() + 1))
        while ahead:
            first, encoded, labels, tactics = ahead.popleft().result()
            if (start := next(starts, None)) is not None:
                ahead.append(pool.submit(encode, start))
            logits = {name: _logits(name, evaluator, encoded, size) for name, evaluator in evaluators.items()}
            yield Part(first, labels, tactics, logits)


def _logits(name: str, evaluator: Evaluator, rows: NDArray[np.uint8], size: int) -> NDArray[np.float32]:
    """The network's logits for rows of all planes; the network may read only the beginning of each row."""
    info = evaluator.info
    own = rows if info.planes == PLANES else rows[:, : row_bytes(info.planes, size)]
    try:
        logits = evaluator.logits(np.ascontiguousarray(own))
    except ModelError as error:
        raise HayagoError(f"{name}: {error}") from error
    if not np.isfinite(logits).all():
        raise HayagoError(f"{name}: answers with NaN or infinite values")
    return logits


def averaged(logits: NDArray[np.float32], symmetries: int) -> NDArray[np.float32]:
    """float32 (B, N*N): for one symmetry the logits themselves, otherwise the logarithms of averaged probabilities."""
    if symmetries == 1:
        return logits
    area = logits.shape[1]
    size = round(area**0.5)
    maps = point_maps(size)[:, :-1].astype(np.int64)
    turned = logits.reshape(-1, symmetries, area)
    turned = np.stack([turned[:, n, maps[s]] for n, s in enumerate(SYMMETRY_SETS[symmetries])], 1)
    turned -= turned.max(2, keepdims=True)
    turned -= np.log(np.exp(turned).sum(2, keepdims=True))
    top = turned.max(1, keepdims=True)
    mean: NDArray[np.float32] = np.log(np.exp(turned - top).mean(1)) + top[:, 0]
    return mean


class Measured(NamedTuple):
    """What `measure` keeps.

    Attributes:
        symmetries: under how many each position was seen.
        temperatures: for each network by name, its temperatures: TEMPERATURES, then the fitted one if there is one.
        outcomes: for each network, averaged over the symmetries.
        plain: the same without symmetries; empty if `symmetries` is 1.
        tactics: what the moves of all examples do.
        seconds: how long it took.
    """

    symmetries: int
    temperatures: dict[str, tuple[float, ...]]
    outcomes: dict[str, Outcomes]
    plain: dict[str, Outcomes]
    tactics: Tactics
    seconds: float


def measure(
    evaluators: Mapping[str, Evaluator],
    examples: Examples,
    *,
    symmetries: int = 1,
    fitted: Mapping[str, float] | None = None,
    rows: int = ROWS,
    progress: Callable[[int, int], None] | None = None,
) -> Measured:
    """Ask all networks about the same examples, and keep a few numbers for each example.

    Args:
        symmetries: the number of symmetries under which the networks see each position.
        fitted: for each network, a temperature to measure in addition to TEMPERATURES.
        rows: the number of rows that a network computes at once.
        progress: called after each part with the number of examples done and the number of all examples.

    Raises:
        HayagoError: a network does not fit the examples, or answers with NaN or infinity.
    """
    started = time.perf_counter()
    heats: dict[str, tuple[float, ...]] = {
        name: (*TEMPERATURES, fitted[name]) if fitted else TEMPERATURES for name in evaluators
    }
    outcomes = {name: Outcomes.empty(len(examples), len(heats[name])) for name in evaluators}
    plain = {name: Outcomes.empty(len(examples), 1) for name in evaluators if symmetries > 1}
    tactics = []

    def keep(name: str, part: Part) -> None:
        logits = part.logits[name]
        outcomes[name].fill(part.first, averaged(logits, symmetries), part.labels, heats[name])
        if name in plain:
            plain[name].fill(part.first, logits[::symmetries], part.labels, (1.0,))

    with ThreadPoolExecutor(_workers(), "outcomes") as pool:
        keeping: deque[Future[None]] = deque()
        for part in answers(evaluators, examples, symmetries, rows):
            tactics.append(part.tactics)
            keeping += [pool.submit(keep, name, part) for name in evaluators]
            while len(keeping) > 2 * len(evaluators):
                keeping.popleft().result()
            if progress is not None:
                progress(part.first + len(part.labels), len(examples))
        for future in keeping:
            future.result()
    return Measured(symmetries, heats, outcomes, plain, joined_tactics(tactics), time.perf_counter() - started)


def fit_temperatures(
    evaluators: Mapping[str, Evaluator], examples: Examples, *, symmetries: int = 1, rows: int = ROWS
) -> dict[str, float]:
    """For each network, the temperature at which its cross-entropy on these examples is smallest.

    The logits of all examples are in memory at once: 1.4 KB for each example on 19x19.
    """
    parts = [
        (part.labels, {name: averaged(logits, symmetries) for name, logits in part.logits.items()})
        for part in answers(evaluators, examples, symmetries, rows)
    ]
    labels = np.concatenate([labels for labels, _ in parts])
    return {name: fit_temperature(np.concatenate([logits[name] for _, logits in parts]), labels) for name in evaluators}


def priors(evaluator: Evaluator, examples: Examples, symmetries: int = 1) -> NDArray[np.float32]:
    """float32 (K, N*N): the probabilities of all points; meant for a few examples."""
    parts = answers({"": evaluator}, examples, symmetries)
    logits = np.concatenate([averaged(part.logits[""], symmetries) for part in parts])
    weights = np.exp(logits - logits.max(1, keepdims=True))
    shares: NDArray[np.float32] = weights / weights.sum(1, keepdims=True)
    return shares


def _workers() -> int:
    return min(_WORKERS, cores())
