"""`report`: an evaluation as one HTML file that needs nothing else.

This file prepares the values as text, and `report.html` lays them out. Jinja2 escapes every value, player names first
of all. Only the boards go in as HTML; `board_svg` escapes their labels.
"""

import base64
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from numpy.typing import NDArray

from hayago.drawing.svg import board_svg
from hayago.evaluation.evaluation import Evaluation
from hayago.evaluation.examples import Examples
from hayago.evaluation.formatting import SHOWN_K, engine_line, percent, plain, points, short_names
from hayago.evaluation.measures import BINS, SAMPLES, Measure
from hayago.evaluation.outcomes import priors
from hayago.evaluation.published import PUBLISHED
from hayago.evaluation.traits import Trait, surprising
from hayago.network.evaluator import Evaluator
from hayago.records.games import POINT_MASK
from hayago.rules.coordinates import COLOUR_NAMES, point_to_vertex

BOARDS = 6  # of the worst misses, and of the best surprises


class Picked(NamedTuple):
    """An example that is shown as a picture: its number and the prior (N*N,) of the first network."""

    k: int
    prior: NDArray[np.float32]


class Picture(NamedTuple):
    """A board of the page, with what was played and what was expected, and the game it comes from."""

    svg: str
    moves: str
    source: str


def report(evaluation: Evaluation, evaluator: Evaluator, charts: Mapping[str, bytes]) -> bytes:
    """The report, UTF-8.

    Args:
        evaluator: the first network; it is asked again for the boards that are shown.
        charts: the evaluation's `hayago.evaluation.charts.pictures`.
    """
    examples = evaluation.examples
    names = [model.name for model in evaluation.models]
    short = short_names(names)
    misses, surprises = pick(evaluation, evaluator)
    folder = FileSystemLoader(Path(__file__).parent)
    jinja = Environment(loader=folder, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page = jinja.get_template("report.html").render(
        title=f"How well {' and '.join(short)} {'predict' if len(names) > 1 else 'predicts'} moves",
        today=date.today().isoformat(),
        description=examples.describe(),
        fingerprint=examples.fingerprint(),
        notes=evaluation.notes,
        names=names,
        short_names=short,
        predictors={*names, *short, *(engine.name for engine in evaluation.engines)},
        cards=_cards(evaluation),
        measures=_measures(evaluation),
        charts={name: base64.b64encode(chart).decode() for name, chart in charts.items()},
        differences=_differences(evaluation),
        engines=[engine_line(engine) for engine in evaluation.engines],
        published=[[f"{entry.source}, {entry.network}", entry.games, f"{entry.top1:.1f}%"] for entry in PUBLISHED],
        breakdowns=[(trait, _classes(evaluation, trait)) for trait in evaluation.traits],
        misses=[_picture(examples, *one) for one in misses],
        surprises=[_picture(examples, *one) for one in surprises],
        bins=BINS,
        samples=f"{SAMPLES:,}",
    )
    return page.lstrip().encode()


def pick(evaluation: Evaluation, evaluator: Evaluator) -> tuple[list[Picked], list[Picked]]:
    """The worst misses and the best surprises of the first network, at most one from each game."""
    examples, outcomes = evaluation.examples, evaluation.models[0].outcomes
    log_prior = outcomes.log_prior[:, 0]
    misses = _one_a_game(examples, np.argsort(log_prior, kind="stable"), outcomes.rank > 0)
    foreseen = (outcomes.rank == 0) & surprising(examples, evaluation.tactics)
    surprises = _one_a_game(examples, np.argsort(-log_prior, kind="stable"), foreseen)
    shown = np.array(sorted({*misses, *surprises}), np.int64)
    if not len(shown):
        return [], []
    asked = dict(zip(shown.tolist(), priors(evaluator, examples.take(shown), evaluation.symmetries), strict=True))
    return [Picked(k, asked[k]) for k in misses], [Picked(k, asked[k]) for k in surprises]


def _one_a_game(examples: Examples, order: NDArray[np.int64], wanted: NDArray[np.bool_]) -> list[int]:
    chosen: dict[int, int] = {}
    for k in order[wanted[order]].tolist():
        chosen.setdefault(int(examples.game[k]), k)
        if len(chosen) == BOARDS:
            break
    return list(chosen.values())


def _cards(evaluation: Evaluation) -> list[tuple[str, str, str]]:
    """The most important numbers of the first network: a name, the value, and its interval in words."""
    summary, examples = evaluation.models[0].summary, evaluation.examples

    def card(name: str, measure: Measure, digits: int, scale: int = 1, unit: str = "") -> tuple[str, str, str]:
        value, low, high = (f"{scale * number:.{digits}f}" for number in measure)
        return name, value + unit, f"{low} to {high}" if measure.has_interval else "one game: no interval"

    return [
        card("top-1", summary.top_k[0], 2, 100, "%"),
        card("top-5", summary.top_k[4], 2, 100, "%"),
        card("cross-entropy", summary.cross_entropy, 3),
        card("perplexity", summary.perplexity, 1),
        card("mean rank", summary.mean_rank, 1),
        ("positions", f"{len(examples):,}", f"of {len(examples.used):,} games"),
    ]


def _measures(evaluation: Evaluation) -> list[list[str]]:
    """The rows of the table of measures, one column for each network."""
    summaries = [model.summary for model in evaluation.models]
    rows = [[f"top-{k}", *(percent(summary.top_k[k - 1]) for summary in summaries)] for k in SHOWN_K]
    rows += [
        ["cross-entropy, nats", *(plain(summary.cross_entropy) for summary in summaries)],
        ["perplexity", *(plain(summary.perplexity, digits=2) for summary in summaries)],
        ["mean rank of the played move", *(plain(summary.mean_rank, digits=2) for summary in summaries)],
        ["calibration error", *(percent(summary.calibration_error) for summary in summaries)],
        ["a drawn move is the played one", *(percent(summary.sampled[0]) for summary in summaries)],
    ]
    if gains := [model.gain for model in evaluation.models if model.gain is not None]:
        name = f"gain of {evaluation.symmetries} symmetries"
        rows += [
            [f"{name}, top-1, points", *(points(gain.top1) for gain in gains)],
            [f"{name}, top-5, points", *(points(gain.top5) for gain in gains)],
            [f"{name}, cross-entropy", *(plain(gain.cross_entropy, "+") for gain in gains)],
        ]
    if fits := [model.fit for model in evaluation.models if model.fit is not None]:
        rows += [
            ["temperature fitted on validation games", *(f"{fit.temperature:.3f}" for fit in fits)],
            ["at this temperature: cross-entropy", *(plain(fit.cross_entropy) for fit in fits)],
            ["at this temperature: gain in cross-entropy", *(plain(fit.gain, "+") for fit in fits)],
            ["at this temperature: calibration error", *(percent(fit.calibration_error) for fit in fits)],
            ["at this temperature: a drawn move is the played one", *(percent(fit.sampled) for fit in fits)],
        ]
    return rows


def _differences(evaluation: Evaluation) -> list[list[str]]:
    return [
        [
            difference.theirs,
            difference.ours,
            f"{difference.positions:,}",
            percent(difference.theirs_top1, 1),
            percent(difference.ours_top1, 1),
            points(difference.top1, 1),
            plain(difference.cross_entropy, "+", 3) if difference.cross_entropy is not None else "-",
        ]
        for difference in evaluation.differences
    ]


def _classes(evaluation: Evaluation, trait: Trait) -> list[tuple[str, str, list[list[str]]]]:
    """The classes of a trait: label, positions, and the measures of each network."""
    tables = [[row for row in model.rows if row.trait == trait.name] for model in evaluation.models]
    return [
        (
            same[0].label,
            f"{same[0].positions:,}",
            [[percent(row.top1, 1), percent(row.top5, 1), plain(row.cross_entropy, digits=2)] for row in same],
        )
        for same in zip(*tables, strict=True)
    ]


def _picture(examples: Examples, k: int, prior: NDArray[np.float32]) -> Picture:
    size = examples.games.size
    board = examples.board(k)
    played = int(examples.codes[k]) & POINT_MASK
    likeliest = int(prior.argmax())
    fact = examples.facts[int(examples.game[k])]
    players = " - ".join(
        f"{name or '?'}{' ' * bool(rank)}{rank}"
        for name, rank in ((fact.black, fact.black_rank), (fact.white, fact.white_rank))
    )
    colour = COLOUR_NAMES[board.to_play].capitalize()
    moves = f"{colour} played {point_to_vertex(played, size)}, {_chance(prior[played])}"
    if likeliest != played:
        moves += f"; first choice {point_to_vertex(likeliest, size)}, {_chance(prior[likeliest])}"
    known = [part for part in (players, fact.event, fact.date) if part.strip(" -?")]
    source = ", ".join([f"Move {int(examples.ply[k]) + 1}", *known])
    return Picture(board_svg(board, prior=prior, played=played, label=f"{source}: {moves}"), moves, source)


def _chance(probability: float) -> str:
    return f"{probability:.1%}" if probability >= 0.001 else "under 0.1%"
