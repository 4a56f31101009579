"""An evaluation as text for a terminal and as JSON values for programs. The HTML report is in report.py.

In JSON a measure is a number. Its interval has the same name in "intervals": [low, high], or null for a single game.
"""

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from hayago.evaluation.evaluation import Difference, EvaluatedModel, Evaluation
from hayago.evaluation.measures import TOP_K, Measure
from hayago.evaluation.move_predictors import Answers

SHOWN_K = (1, 2, 3, 5, 10, 20)


def percent(measure: Measure, digits: int = 2) -> str:
    """A share with its interval: 37.73% [36.90-38.52]."""
    value, low, high = (f"{100 * number:.{digits}f}" for number in measure)
    return f"{value}% [{low}-{high}]" if measure.has_interval else f"{value}%"


def points(measure: Measure, digits: int = 2) -> str:
    """A difference of shares in percentage points with its interval: +1.20 [+0.70 to +1.71]."""
    value, low, high = (f"{100 * number:+.{digits}f}" for number in measure)
    return f"{value} [{low} to {high}]" if measure.has_interval else value


def plain(measure: Measure, sign: str = "", digits: int = 4) -> str:
    """A number with its interval: 2.4647 [2.4301-2.5008]; with the sign "+": +0.0193 [+0.0068 to +0.0306]."""
    value, low, high = (f"{number:{sign}.{digits}f}" for number in measure)
    return f"{value} [{low}{' to ' if sign else '-'}{high}]" if measure.has_interval else value


def short_names(names: Sequence[str]) -> list[str]:
    """The names of files without the folders that are not needed to tell them apart; the names must differ."""
    paths = [PurePath(name).parts for name in names]
    for depth in range(1, max(map(len, paths)) + 1):
        short = [str(PurePath(*parts[-depth:])) for parts in paths]
        if len(set(short)) == len(names):
            return short
    return list(names)


def as_text(evaluation: Evaluation, *, breakdown: bool = False) -> str:
    """A few lines for each network, the comparisons and the set; with `breakdown`, also the classes of all traits."""
    lines = []
    for model in evaluation.models:
        if len(evaluation.models) > 1:
            lines.append(f"{model.name}:")
        lines += _model_lines(model, evaluation)
        if breakdown:
            lines += _breakdown_lines(model)
    lines += [difference_line(difference) for difference in evaluation.differences]
    lines += [engine_line(engine) for engine in evaluation.engines]
    lines.append(f"set: {evaluation.examples.describe()}")
    lines.append(f"fingerprint: {evaluation.examples.fingerprint()}")
    return "\n".join(lines) + "\n"


def _model_lines(model: EvaluatedModel, evaluation: Evaluation) -> list[str]:
    summary, examples = model.summary, evaluation.examples
    under = f", averaged over {evaluation.symmetries} symmetries" if evaluation.symmetries > 1 else ""
    lines = [
        f"top-1 {percent(summary.top_k[0])}, top-5 {percent(summary.top_k[4])},"
        f" cross-entropy {plain(summary.cross_entropy)}"
        f" on {len(examples):,} positions of {len(examples.used):,} games{under}",
        "top-k: " + ", ".join(f"{k} {summary.top_k[k - 1].value:.2%}" for k in SHOWN_K),
        f"perplexity {summary.perplexity.value:.2f}, mean rank {summary.mean_rank.value:.2f},"
        f" calibration error {percent(summary.calibration_error)}",
        f"a move drawn from the prior is the played one: {percent(summary.sampled[0])}",
    ]
    if model.gain is not None:
        gain = model.gain
        lines.append(
            f"gain of the symmetries: top-1 {points(gain.top1)} points,"
            f" cross-entropy {plain(gain.cross_entropy, '+')}; without them {gain.top1_without.value:.2%}"
            f" and {gain.cross_entropy_without.value:.4f}"
        )
    if model.fit is not None:
        fit = model.fit
        lines.append(
            f"temperature {fit.temperature:.3f}, fitted on validation games: cross-entropy {plain(fit.cross_entropy)},"
            f" a gain of {plain(fit.gain, '+')}, calibration error {percent(fit.calibration_error)}"
        )
    return lines


def _breakdown_lines(model: EvaluatedModel) -> list[str]:
    lines = [f"{'':18}{'':16}{'positions':>10}  {'top-1':24}{'top-5':24}cross-entropy"]
    before = ""
    for row in model.rows:
        lines.append(
            f"{row.trait if row.trait != before else '':18}{row.label:16}{row.positions:>10,}  {percent(row.top1):24}"
            f"{percent(row.top5):24}{plain(row.cross_entropy)}"
        )
        before = row.trait
    return lines


def difference_line(difference: Difference) -> str:
    """One predictor compared with another, in one line."""
    line = (
        f"{difference.theirs} compared with {difference.ours} on {difference.positions:,} positions"
        f" of {difference.games:,} games: top-1 {difference.theirs_top1.value:.2%}"
        f" and {difference.ours_top1.value:.2%}, difference {points(difference.top1)} points"
    )
    if difference.cross_entropy is not None:
        line += f", cross-entropy {plain(difference.cross_entropy, '+')}"
    return line


def engine_line(engine: Answers) -> str:
    """How many answers of each kind an engine gave, in one line."""
    return (
        f"{engine.name}: asked {len(engine.chosen):,}, answered {len(engine.answered):,},"
        f" including {engine.passes:,} passes or resignations and {engine.illegal:,} illegal moves;"
        f" {sum(engine.lost.values()):,} positions lost"
    )


def as_dict(evaluation: Evaluation) -> dict[str, Any]:
    """Everything as JSON values; the measures of the first network are at the top level too."""
    examples = evaluation.examples
    models = [_model_dict(model) for model in evaluation.models]
    facts = [examples.facts[g] for g in examples.used.tolist()]
    years = sorted({fact.year for fact in facts if fact.year})
    return {
        **{key: models[0][key] for key in ("top1", "top5", "cross_entropy")},
        "positions": len(examples),
        "games": len(facts),
        **models[0],
        "set": {
            "line": examples.describe(),
            "fingerprint": examples.fingerprint(),
            "years": years,
            "passes_left_out": examples.passes,
            "other_moves_left_out": examples.other_moves,
            "available": examples.available,
        },
        "symmetries": evaluation.symmetries,
        "positions_per_s": evaluation.positions_per_s,
        "models": models,
        "engines": [
            {
                "name": engine.name,
                "asked": len(engine.chosen),
                "answered": len(engine.answered),
                "passes": engine.passes,
                "illegal": engine.illegal,
                "lost": engine.lost,
            }
            for engine in evaluation.engines
        ],
        "differences": [_difference_dict(difference) for difference in evaluation.differences],
        "notes": evaluation.notes,
    }


def _model_dict(model: EvaluatedModel) -> dict[str, Any]:
    summary = model.summary
    measures = {
        **{f"top{k}": summary.top_k[k - 1] for k in range(1, TOP_K + 1)},
        "cross_entropy": summary.cross_entropy,
        "perplexity": summary.perplexity,
        "mean_rank": summary.mean_rank,
        "calibration_error": summary.calibration_error,
        **{f"sampled_at_{heat:g}": measure for heat, measure in zip(model.temperatures, summary.sampled, strict=True)},
    }
    return {
        "name": model.name,
        **_measures(measures),
        "reliability": [
            {
                "low": b.low,
                "high": b.high,
                "positions": b.positions,
                "probability": b.probability,
                "right": b.right.value,
            }
            for b in summary.reliability
        ],
        "breakdown": [
            {
                "trait": row.trait,
                "class": row.label,
                "positions": row.positions,
                "games": row.games,
                **_measures({"top1": row.top1, "top5": row.top5, "cross_entropy": row.cross_entropy}),
            }
            for row in model.rows
        ],
        "fit": None
        if model.fit is None
        else {
            "temperature": model.fit.temperature,
            **_measures({name: value for name, value in model.fit._asdict().items() if isinstance(value, Measure)}),
        },
        "gain": None if model.gain is None else _measures(model.gain._asdict()),
    }


def _difference_dict(difference: Difference) -> dict[str, Any]:
    values = difference._asdict()
    return {
        **{name: value for name, value in values.items() if not isinstance(value, Measure)},
        **_measures({name: value for name, value in values.items() if isinstance(value, Measure)}),
    }


def _measures(measures: dict[str, Measure]) -> dict[str, Any]:
    intervals = {
        name: [measure.low, measure.high] if measure.has_interval else None for name, measure in measures.items()
    }
    return {**{name: measure.value for name, measure in measures.items()}, "intervals": intervals}
