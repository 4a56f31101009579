"""The pictures of an evaluation as SVG files: curves of top-k, calibration and sampling, and one picture a trait.

matplotlib is imported on use. Text stays text in the files, in the reader's own sans-serif font.
"""

import io
from typing import TYPE_CHECKING, Any

from hayago.evaluation.evaluation import Evaluation
from hayago.evaluation.measures import BINS, TOP_K, Measure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = ("#1f5fa8", "#c0392b", "#2e8b57", "#8e5ea2", "#c08a1e", "#3f7f8c")
_WIDTH, _HEIGHT = 4.4, 2.9  # inches: small, so that the text can be read on a phone


def pictures(evaluation: Evaluation) -> dict[str, bytes]:
    """SVG files by name: "top-k", "calibration", "sampling", and for each trait with two classes or more its own name
    with hyphens for spaces."""
    drawn = {
        "top-k": _svg(_draw_top_k, evaluation),
        "calibration": _svg(_draw_calibration, evaluation),
        "sampling": _svg(_draw_sampling, evaluation),
    }
    for trait in evaluation.traits:
        if len([row for row in evaluation.models[0].rows if row.trait == trait.name]) > 1:
            drawn[trait.name.replace(" ", "-")] = _svg(_draw_trait, evaluation, trait.name)
    return drawn


def _svg(draw: Any, *arguments: Any) -> bytes:
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    style: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": "hayago",  # the same picture is the same file
        "text.parse_math": False,  # a model's name may hold a dollar sign
        "font.family": "sans-serif",
        "font.size": 9.5,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(_WIDTH, _HEIGHT), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.subplots()
        axes.grid(axis="y", alpha=0.3, linewidth=0.6)
        axes.set_axisbelow(True)
        draw(axes, *arguments)
        file = io.BytesIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(file, format="svg", metadata=nothing)
    return file.getvalue()


def _legend(axes: "Axes", evaluation: Evaluation) -> None:
    if len(evaluation.models) > 1:
        axes.legend(frameon=False, fontsize=8.5)


def _colour(number: int) -> str:
    return _COLOURS[number % len(_COLOURS)]


def _errors(measures: list[Measure]) -> list[list[float]]:
    """Down and up from each value to the ends of its interval, in per cent; nothing where there is none."""
    ends = [(m.value - m.low, m.high - m.value) if m.has_interval else (0.0, 0.0) for m in measures]
    # Rounding can put an end past its value, and matplotlib takes no length below 0.
    return [[100 * max(end, 0.0) for end in side] for side in zip(*ends, strict=True)]


def _draw_curve(axes: "Axes", number: int, name: str, x: list[float], measures: list[Measure]) -> None:
    axes.errorbar(
        x,
        [100 * measure.value for measure in measures],
        yerr=_errors(measures),
        marker="o",
        markersize=4,
        linewidth=1.2,
        elinewidth=0.9,
        color=_colour(number),
        label=name,
    )


def _draw_top_k(axes: "Axes", evaluation: Evaluation) -> None:
    ks = range(1, TOP_K + 1)
    for number, model in enumerate(evaluation.models):
        shares = [100 * measure.value for measure in model.summary.top_k]
        axes.plot(ks, shares, marker="o", markersize=3, color=_colour(number), label=model.name)
        if all(measure.has_interval for measure in model.summary.top_k):
            low = [100 * measure.low for measure in model.summary.top_k]
            high = [100 * measure.high for measure in model.summary.top_k]
            axes.fill_between(ks, low, high, color=_colour(number), alpha=0.2, linewidth=0)
    axes.set(xlabel="k", ylabel="played move among the k likeliest, %", ylim=(0, 100), xticks=[1, 5, 10, 15, 20])
    _legend(axes, evaluation)


def _draw_calibration(axes: "Axes", evaluation: Evaluation) -> None:
    axes.plot([0, 100], [0, 100], color="#999999", linewidth=0.9, linestyle="--")
    for number, model in enumerate(evaluation.models):
        bins = model.summary.reliability
        _draw_curve(axes, number, model.name, [100 * b.probability for b in bins], [b.right for b in bins])
    axes.set(
        xlabel="probability of the first choice, %",
        ylabel="right, %",
        xlim=(0, 100),
        ylim=(0, 100),
        xticks=range(0, 101, 20),
    )
    axes.set_title(f"{BINS} bins", fontsize=8.5, color="#555555", loc="left")
    _legend(axes, evaluation)


def _draw_sampling(axes: "Axes", evaluation: Evaluation) -> None:
    for number, model in enumerate(evaluation.models):
        pairs = sorted(zip(model.temperatures, model.summary.sampled, strict=True))
        heats, measures = [0.0, *(heat for heat, _ in pairs)], [model.summary.top_k[0], *(m for _, m in pairs)]
        _draw_curve(axes, number, model.name, heats, measures)
    axes.set(xlabel="temperature (0: the likeliest move)", ylabel="drawn move is the played one, %")
    axes.set_ylim(bottom=0)
    _legend(axes, evaluation)


def _draw_trait(axes: "Axes", evaluation: Evaluation, trait: str) -> None:
    width = 0.8 / len(evaluation.models)
    for number, model in enumerate(evaluation.models):
        rows = [row for row in model.rows if row.trait == trait]
        shift = (number - (len(evaluation.models) - 1) / 2) * width
        axes.bar(
            [place + shift for place in range(len(rows))],
            [100 * row.top1.value for row in rows],
            width * 0.92,
            yerr=_errors([row.top1 for row in rows]),
            error_kw={"elinewidth": 0.9, "ecolor": "#333333"},
            color=_colour(number),
            alpha=0.85,
            label=model.name,
        )
    labels = [row.label for row in rows]
    crowded = sum(map(len, labels)) > 36
    axes.set_xticks(range(len(labels)), labels, rotation=40 if crowded else 0, ha="right" if crowded else "center")
    axes.set(ylabel="top-1, %", xlabel=trait)
    axes.grid(axis="x", visible=False)
    _legend(axes, evaluation)
