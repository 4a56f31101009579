"""The charts of an evaluation as SVG files: curves of top-k, calibration and sampling, and one chart for each trait.

matplotlib is imported on use. Text stays text in the files, in the reader's own sans-serif font.
"""

import io
from typing import TYPE_CHECKING, Any

from hayago.drawing.figure import new_figure
from hayago.evaluation.evaluation import Evaluation
from hayago.evaluation.formatting import short_names
from hayago.evaluation.measures import BINS, TOP_K, Measure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = ("#1f5fa8", "#c0392b", "#2e8b57", "#8e5ea2", "#c08a1e", "#3f7f8c")
_WIDTH, _HEIGHT = 4.4, 2.9  # inches: small, so that the text can be read on a phone
_LEGEND_LINE = 0.19  # inches
_SHOWN = " "  # before each name in a chart: matplotlib leaves out those that begin with an underscore
_LONGEST_NAME, _LABEL_LETTERS = 50, 44  # letters that fit into the width, in a legend and below the bars


def pictures(evaluation: Evaluation) -> dict[str, bytes]:
    """SVG files by name: "top-k", "calibration", "sampling", and one for each trait with at least two classes.

    A trait's file has the trait's name, with hyphens for spaces.
    """
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
    figure = new_figure(_WIDTH, _HEIGHT)
    import matplotlib

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
        axes = figure.subplots()
        axes.grid(axis="y", alpha=0.3, linewidth=0.6)
        axes.set_axisbelow(True)
        draw(axes, *arguments)
        _legend(figure, axes)
        file = io.BytesIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(file, format="svg", metadata=nothing)
    return file.getvalue()


def _legend(figure: "Figure", axes: "Axes") -> None:
    """The names of several networks above the chart, where they cover nothing."""
    handles, names = axes.get_legend_handles_labels()
    if len(names) < 2:
        return
    names = [name.removeprefix(_SHOWN) for name in names]
    names = [name if len(name) <= _LONGEST_NAME else f"…{name[1 - _LONGEST_NAME :]}" for name in short_names(names)]
    columns = max(1, min(len(names), _LONGEST_NAME // (max(map(len, names)) + 4)))
    figure.set_figheight(_HEIGHT + _LEGEND_LINE * -(-len(names) // columns))
    figure.legend(handles, names, loc="outside upper left", ncols=columns, frameon=False, fontsize=8.5)


def _colour(number: int) -> str:
    return _COLOURS[number % len(_COLOURS)]


def _errors(measures: list[Measure]) -> list[list[float]]:
    """The distances from each value down and up to the ends of its interval, in per cent; 0 without an interval."""
    ends = [(m.value - m.low, m.high - m.value) if m.has_interval else (0.0, 0.0) for m in measures]
    # Rounding can put an end past its value, and matplotlib refuses lengths below 0.
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
        label=_SHOWN + name,
    )


def _draw_top_k(axes: "Axes", evaluation: Evaluation) -> None:
    ks = range(1, TOP_K + 1)
    for number, model in enumerate(evaluation.models):
        shares = [100 * measure.value for measure in model.summary.top_k]
        axes.plot(ks, shares, marker="o", markersize=3, color=_colour(number), label=_SHOWN + model.name)
        if all(measure.has_interval for measure in model.summary.top_k):
            low = [100 * measure.low for measure in model.summary.top_k]
            high = [100 * measure.high for measure in model.summary.top_k]
            axes.fill_between(ks, low, high, color=_colour(number), alpha=0.2, linewidth=0)
    axes.set(xlabel="k", ylabel="top-k, %", ylim=(0, 100), xticks=[1, 5, 10, 15, 20])


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


def _draw_sampling(axes: "Axes", evaluation: Evaluation) -> None:
    for number, model in enumerate(evaluation.models):
        pairs = sorted(zip(model.temperatures, model.summary.sampled, strict=True))
        heats, measures = [0.0, *(heat for heat, _ in pairs)], [model.summary.top_k[0], *(m for _, m in pairs)]
        _draw_curve(axes, number, model.name, heats, measures)
    axes.set(xlabel="temperature (0: the most likely move)", ylabel="played move drawn, %")
    axes.set_ylim(bottom=0)


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
            label=_SHOWN + model.name,
        )
    labels = [row.label for row in rows]
    crowded = len(labels) * max(map(len, labels)) > _LABEL_LETTERS
    axes.set_xticks(range(len(labels)), labels, rotation=40 if crowded else 0, ha="right" if crowded else "center")
    axes.set(ylabel="top-1, %", xlabel=trait)
    axes.grid(axis="x", visible=False)
