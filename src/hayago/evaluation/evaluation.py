"""From outcomes to results: measures, breakdowns, gains and differences, all in one `Evaluation`.

The outcomes come from `hayago.evaluation.outcomes`. `hayago.evaluation.formatting` and `hayago.evaluation.report` turn
an Evaluation into text, JSON and HTML.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hayago.errors import HayagoError
from hayago.evaluation.breakdown import Row, break_down
from hayago.evaluation.examples import Examples
from hayago.evaluation.measures import Bootstrap, Measure, Outcomes, Summary, calibration, differences, summarise
from hayago.evaluation.move_predictors import Answers
from hayago.evaluation.outcomes import TEMPERATURES, Measured
from hayago.evaluation.traits import Tactics, Trait, traits_of
from hayago.network.model_file import ModelInfo
from hayago.records.identity import split_of


class Fit(NamedTuple):
    """The temperature fitted for a network on other games, and the measures of these games at that temperature.

    Attributes:
        temperature: the fitted temperature.
        cross_entropy: the cross-entropy at it.
        gain: the cross-entropy at temperature 1 minus the one at it, paired; above 0 the fitted temperature is better.
        sampled: how often a move drawn at it is the played one.
        calibration_error: the calibration error at it.
    """

    temperature: float
    cross_entropy: Measure
    gain: Measure
    sampled: Measure
    calibration_error: Measure


class Gain(NamedTuple):
    """What averaging over symmetries adds: the measures without it, and the paired differences."""

    top1_without: Measure
    cross_entropy_without: Measure
    top1: Measure
    top5: Measure
    cross_entropy: Measure


class EvaluatedModel(NamedTuple):
    """One network of an evaluation with all its measures; None stands for what was not requested."""

    name: str
    temperatures: tuple[float, ...]
    outcomes: Outcomes
    summary: Summary
    rows: list[Row]
    fit: Fit | None
    gain: Gain | None


class Difference(NamedTuple):
    """Two predictors compared on the positions that both answered: theirs minus ours, paired.

    top5 and cross_entropy are None where one of the two names only a single move.
    """

    ours: str
    theirs: str
    positions: int
    games: int
    ours_top1: Measure
    theirs_top1: Measure
    top1: Measure
    top5: Measure | None = None
    cross_entropy: Measure | None = None


@dataclass
class Evaluation:
    """Everything that was measured.

    Attributes:
        examples: the examples.
        traits: their traits.
        tactics: what their moves do.
        symmetries: the number of symmetries under which the networks saw each position.
        models: the networks, in the order in which they were named.
        engines: the answers of other predictors.
        differences: of the other networks from the first, and of each engine from each network.
        positions_per_s: examples per second, all networks together.
        notes: warnings and losses that a reader must know, one line each.
    """

    examples: Examples
    traits: list[Trait]
    tactics: Tactics
    symmetries: int
    models: list[EvaluatedModel]
    engines: Sequence[Answers]
    differences: list[Difference]
    positions_per_s: float
    notes: Sequence[str]


def conclude(
    examples: Examples, measured: Measured, engines: Sequence[Answers] = (), notes: Sequence[str] = ()
) -> Evaluation:
    """From outcomes to measures, breakdowns and differences."""
    bootstrap = Bootstrap(examples.game)
    traits = traits_of(examples, measured.tactics)
    models = []
    for name, outcomes in measured.outcomes.items():
        heats = measured.temperatures[name]
        fit = _fit(outcomes, heats[-1], bootstrap) if len(heats) > len(TEMPERATURES) else None
        gain = _gain(measured.plain[name], outcomes, bootstrap) if name in measured.plain else None
        rows = break_down(outcomes, traits, bootstrap)
        summary = summarise(outcomes, bootstrap)
        models.append(EvaluatedModel(name, heats, outcomes, summary, rows, fit, gain))
    first = models[0]
    compared = [
        Difference(
            first.name,
            other.name,
            len(examples),
            bootstrap.games,
            first.summary.top_k[0],
            other.summary.top_k[0],
            *differences(first.outcomes, other.outcomes, bootstrap),
        )
        for other in models[1:]
    ]
    for engine in engines:
        if len(engine.answered):
            compared += [_compare(model, engine, examples) for model in models]
    pace = len(examples) / max(measured.seconds, 1e-9)
    return Evaluation(examples, traits, measured.tactics, measured.symmetries, models, engines, compared, pace, notes)


def _fit(outcomes: Outcomes, temperature: float, bootstrap: Bootstrap) -> Fit:
    own, fitted = (outcomes.log_prior[:, t].astype(np.float64) for t in (0, len(TEMPERATURES)))
    cross_entropy, gain, sampled = bootstrap.means((-fitted, fitted - own, np.exp(fitted)))
    return Fit(temperature, cross_entropy, gain, sampled, calibration(outcomes, bootstrap, len(TEMPERATURES))[1])


def _gain(plain: Outcomes, outcomes: Outcomes, bootstrap: Bootstrap) -> Gain:
    top1, cross_entropy = bootstrap.means((plain.rank < 1, -plain.log_prior[:, 0]))
    return Gain(top1, cross_entropy, *differences(plain, outcomes, bootstrap))


def _compare(model: EvaluatedModel, engine: Answers, examples: Examples) -> Difference:
    """An engine compared with a network on the positions that the engine answered."""
    answered = engine.answered
    bootstrap = Bootstrap(examples.game[answered])
    ours, theirs = model.outcomes.rank[answered] < 1, engine.right(examples)
    means = bootstrap.means((ours, theirs, theirs - ours.astype(np.float64)))
    return Difference(model.name, engine.name, len(answered), bootstrap.games, *means)


def learned_from(info: ModelInfo, examples: Examples, stored: tuple[str, frozenset[bytes]] | None = None) -> int:
    """How many of the games with an example the network may have been trained on.

    The split of a game follows from the game alone. So without the network's store, every game of the "train" split
    counts if the network was trained on any store: an upper bound.

    Args:
        stored: the fingerprint of the store that the network was trained on, and the keys of its training games.

    Raises:
        HayagoError: the network was trained on another store.
    """
    if not info.data_fingerprint:
        return 0
    keys = [examples.key(g)[0] for g in examples.used.tolist()]
    if stored is None:
        return sum(split_of(key) == "train" for key in keys)
    fingerprint, trained = stored
    # A network that was fine-tuned has learned from the stores of all its runs.
    stores = dict.fromkeys([info.data_fingerprint, *(run.get("data_fingerprint", "") for run in info.history)])
    if fingerprint not in stores:
        named = " and ".join(str(each)[:16] for each in stores if each)
        raise HayagoError(f"the network was trained on store {named}, not on {fingerprint[:16]}")
    return sum(key in trained for key in keys)
