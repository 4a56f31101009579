"""`report`: an evaluation as one HTML file that needs nothing else: no script, no link, no font, no network.

Everything that comes from outside, player names first of all, is escaped where it enters the page (`_e`). Charts are
SVG images inside data URIs, boards are SVG in the page. The page is made for a phone first and prints well.
"""

import base64
from collections.abc import Iterable, Mapping
from datetime import date
from html import escape as _e
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hayago.drawing import svg
from hayago.evaluation import formatting
from hayago.evaluation.breakdown import Row
from hayago.evaluation.evaluation import Evaluation
from hayago.evaluation.examples import Examples
from hayago.evaluation.measures import Measure
from hayago.evaluation.outcomes import priors
from hayago.evaluation.published import PUBLISHED
from hayago.evaluation.traits import surprising
from hayago.network.evaluator import Evaluator
from hayago.records.games import POINT_MASK
from hayago.rules.coordinates import COLOUR_NAMES, point_to_vertex

BOARDS = 6  # of the worst misses, and of the best surprises

_CAPTIONS = {
    "top-k": "How often the played move is among the k likeliest; the band is the 95 % interval.",
    "calibration": "How often the first choice is right, by the probability that the network gives it.",
    "sampling": "Drawing moves from the prior at a temperature; 0 is the likeliest move.",
}

_STYLE = """
:root{color-scheme:light}*{box-sizing:border-box}
body{margin:0;font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;color:#1d2129;background:#f4f1ea}
main{max-width:62rem;margin:0 auto;padding:1rem 1rem 3rem}
h1{font-size:1.6rem;line-height:1.2;margin:.6rem 0 .2rem}h2{font-size:1.25rem;margin:2.2rem 0 .6rem}
h3{font-size:1rem;margin:1.2rem 0 .3rem}p{margin:.5rem 0}.quiet{color:#5a6270;font-size:.9rem}
.line{background:#fff;border-left:4px solid #1f5fa8;padding:.6rem .8rem;font-size:.92rem;overflow-wrap:anywhere}
.note{background:#fff3e6;border-left:4px solid #c0571a;padding:.5rem .8rem;margin:.5rem 0;overflow-wrap:anywhere}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.6rem;margin:.8rem 0}
.card{background:#fff;border-radius:.5rem;padding:.6rem .8rem}.card b{display:block;font-size:1.5rem;line-height:1.25}
.card span{color:#5a6270;font-size:.82rem;display:block}
.plots{display:grid;align-items:start;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));gap:.8rem}
.boards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,18rem),1fr));gap:.9rem}
figure{margin:0;background:#fff;border-radius:.5rem;padding:.6rem;break-inside:avoid}
figure img,figure svg{display:block;width:100%;height:auto}figcaption{font-size:.85rem;color:#3c4350;margin-top:.4rem}
.scroll{overflow-x:auto;background:#fff;border-radius:.5rem}
table{border-collapse:collapse;width:100%;font-size:.88rem;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:.28rem .6rem;border-bottom:1px solid #e6e2d8}
th{font-weight:600;white-space:nowrap}td small{color:#5a6270;white-space:nowrap}
.plots table{font-size:.8rem}.plots th{white-space:normal}.plots td small{display:block}
th:first-child,td:first-child,.left{text-align:left}
@media(max-width:36rem){td small{display:block}th,td{padding:.28rem .35rem}table{font-size:.82rem}
.plots table{font-size:.74rem}.plots td small{font-size:.66rem}.plots th,.plots td{padding:.28rem .2rem}}
@media print{body{background:#fff;font-size:10pt}main{max-width:none;padding:0}
.card,figure,.scroll,.line{border:1px solid #ccc}.scroll{overflow:visible}
h2,h3,h3+p{break-after:avoid}tr{break-inside:avoid}
.cards{grid-template-columns:repeat(6,1fr)}.card b{font-size:1.2rem}
.plots,.boards{grid-template-columns:repeat(2,1fr)}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""


class Picked(NamedTuple):
    """An example that is shown as a picture."""

    k: int
    prior: NDArray[np.float32]


def report(evaluation: Evaluation, evaluator: Evaluator, charts: Mapping[str, bytes]) -> bytes:
    """The report, UTF-8.

    Args:
        evaluator: the first network; it is asked once more for the boards that are shown.
        charts: the evaluation's `hayago.evaluation.charts.pictures`.
    """
    misses, surprises = pick(evaluation, evaluator)
    first = evaluation.models[0]
    names = " and ".join(model.name for model in evaluation.models)
    title = f"How well {names} {'predict' if len(evaluation.models) > 1 else 'predicts'} moves"
    body = [
        f"<h1>{_e(title)}</h1>",
        f'<p class="quiet">Measured by hayago on {date.today().isoformat()}.</p>',
        f'<p class="line">{_e(evaluation.examples.describe())}</p>',
        f'<p class="quiet">SHA-256 of the set: <code>{_broken(evaluation.examples.fingerprint())}</code></p>',
        *(f'<p class="note">{_e(note)}</p>' for note in evaluation.notes),
        _cards(evaluation),
        "<h2>Measures</h2>",
        _measures_table(evaluation),
        '<p class="quiet">In brackets: 95 % intervals, from drawing whole games anew. A move drawn from the prior is '
        "judged by its expectation; no dice are thrown.</p>",
        f'<div class="plots">{"".join(_chart(charts, name, _CAPTIONS[name]) for name in _CAPTIONS)}</div>',
    ]
    if evaluation.differences or evaluation.engines:
        body += ["<h2>Side by side</h2>", _differences_table(evaluation)]
        body += [f'<p class="quiet">{_e(formatting.engine_line(engine))}</p>' for engine in evaluation.engines]
    body += [
        "<h2>Beside published figures</h2>",
        "<p>For orientation only: other games, years, ranks and ways to count.</p>",
        _published_table(),
        "<h2>Breakdowns</h2>",
        *(_breakdown(evaluation, trait.name, trait.meaning, charts) for trait in evaluation.traits),
    ]
    if misses:
        body += [
            "<h2>The worst misses</h2>",
            f"<p>The moves that {_e(first.name)} thought least likely, one a game.</p>",
            _LEGEND,
            _boards(evaluation.examples, misses),
        ]
    if surprises:
        body += [
            "<h2>The best surprises</h2>",
            f"<p>Moves that {_e(first.name)} foresaw although nothing on the board called for them at once: after the "
            "opening, eight lines or more from the previous move, no capture, no rescue, no ladder; one a game.</p>",
            _boards(evaluation.examples, surprises),
        ]
    body += ["<h2>How it was counted</h2>", _METHOD]
    page = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{_e(title)}</title><style>{_STYLE}{svg.STYLE}</style></head>\n<body><main>\n"
        + "\n".join(body)
        + "\n</main></body></html>\n"
    )
    return page.encode()


def pick(evaluation: Evaluation, evaluator: Evaluator) -> tuple[list[Picked], list[Picked]]:
    """The worst misses and the best surprises of the first network, at most one of each game."""
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


_LEGEND = (
    '<p class="quiet">Red: the probability, in per cent on the first choices. Blue frame: the point that was played. '
    "Blue ring: the move before.</p>"
)

_METHOD = """
<p>An example is the position before a move that is no pass; games that are damaged, illegal or there twice are left
out. The prior is the plain softmax over all points, illegal ones not masked, from the planes of AlphaGo's paper. Top-k:
the played point is among the k likeliest, ties counted against the network. Cross-entropy in nats; perplexity is its
exponential. Calibration error: the mean distance between probability and share right of the first choice, in 15 bins.
Intervals: 1,000 draws of whole games with replacement, 2.5th to 97.5th percentile; differences are paired.</p>
"""


def _cards(evaluation: Evaluation) -> str:
    first, examples = evaluation.models[0], evaluation.examples
    summary = first.summary
    shown = [
        ("top-1", f"{summary.top_k[0].value:.2%}", _range(summary.top_k[0], 100, "{:.2f}")),
        ("top-5", f"{summary.top_k[4].value:.2%}", _range(summary.top_k[4], 100, "{:.2f}")),
        ("cross-entropy", f"{summary.cross_entropy.value:.3f}", _range(summary.cross_entropy, 1, "{:.3f}")),
        ("perplexity", f"{summary.perplexity.value:.1f}", _range(summary.perplexity, 1, "{:.1f}")),
        ("mean rank", f"{summary.mean_rank.value:.1f}", _range(summary.mean_rank, 1, "{:.1f}")),
        ("positions", f"{len(examples):,}", f"of {len(examples.used):,} games"),
    ]
    cards = [
        f'<div class="card"><span>{name}</span><b>{value}</b><span>{range_}</span></div>'
        for name, value, range_ in shown
    ]
    return f'<div class="cards">{"".join(cards)}</div>'


def _range(measure: Measure, scale: float, form: str) -> str:
    if not measure.has_interval:
        return "one game: no interval"
    return f"{form.format(scale * measure.low)} to {form.format(scale * measure.high)}"


def _measures_table(evaluation: Evaluation) -> str:
    header = ["", *(model.name for model in evaluation.models)]
    rows = []
    for k in formatting.SHOWN_K:
        rows.append([f"top-{k}", *(formatting.percent(model.summary.top_k[k - 1]) for model in evaluation.models)])
    rows += [
        ["cross-entropy, nats", *(formatting.plain(model.summary.cross_entropy) for model in evaluation.models)],
        ["perplexity", *(formatting.plain(model.summary.perplexity, digits=2) for model in evaluation.models)],
        [
            "mean rank of the played move",
            *(formatting.plain(model.summary.mean_rank, digits=2) for model in evaluation.models),
        ],
        ["calibration error", *(formatting.percent(model.summary.calibration_error) for model in evaluation.models)],
        [
            "a drawn move is the played one",
            *(formatting.percent(model.summary.sampled[0]) for model in evaluation.models),
        ],
    ]
    if gains := [model.gain for model in evaluation.models if model.gain is not None]:
        name = f"gain of {evaluation.symmetries} symmetries, "
        rows += [
            [name + "top-1, points", *(formatting.points(gain.top1) for gain in gains)],
            [name + "top-5, points", *(formatting.points(gain.top5) for gain in gains)],
            [name + "cross-entropy", *(formatting.plain(gain.cross_entropy, "+") for gain in gains)],
        ]
    if fits := [model.fit for model in evaluation.models if model.fit is not None]:
        rows += [
            ["temperature fitted on validation games", *(f"{fit.temperature:.3f}" for fit in fits)],
            ["cross-entropy at it", *(formatting.plain(fit.cross_entropy) for fit in fits)],
            ["better by", *(formatting.plain(fit.gain, "+") for fit in fits)],
            ["calibration error at it", *(formatting.percent(fit.calibration_error) for fit in fits)],
            ["a move drawn at it is the played one", *(formatting.percent(fit.sampled) for fit in fits)],
        ]
    return _table(header, rows)


def _differences_table(evaluation: Evaluation) -> str:
    header = ["", "positions", "top-1", "beside", "points", "cross-entropy"]
    rows = [
        [
            f"{difference.theirs} beside {difference.ours}",
            f"{difference.positions:,}",
            formatting.percent(difference.theirs_top1, 1),
            formatting.percent(difference.ours_top1, 1),
            formatting.points(difference.top1, 1),
            formatting.plain(difference.cross_entropy, "+", 3) if difference.cross_entropy is not None else "-",
        ]
        for difference in evaluation.differences
    ]
    return f'<div class="plots">{_table(header, rows)}</div>'


def _published_table() -> str:
    rows = [[f"{entry.source}, {entry.network}", entry.games, f"{entry.top1:.1f}%"] for entry in PUBLISHED]
    return _table(["", "games", "top-1"], rows, left=2)


def _breakdown(evaluation: Evaluation, trait: str, meaning: str, charts: Mapping[str, bytes]) -> str:
    tables = {model.name: [row for row in model.rows if row.trait == trait] for model in evaluation.models}
    shown = next(iter(tables.values()))
    if not shown:
        return f'<h3>By {_e(trait)}</h3><p class="quiet">The records do not say.</p>'
    chart = _chart(charts, trait.replace(" ", "-"), "") if len(shown) > 1 else ""
    several = len(tables) > 1
    rows = [
        [f"{row.label}, {name}" if several else row.label, *_row(row)]
        for same in zip(*tables.values(), strict=True)
        for name, row in zip(tables, same, strict=True)
    ]
    table = _table(["", "positions", "top-1", "top-5", "cross-entropy"], rows)
    about = _e(meaning[0].upper() + meaning[1:])
    return f'<h3>By {_e(trait)}</h3><p class="quiet">{about}.</p><div class="plots">{chart}{table}</div>'


def _row(row: Row) -> list[str]:
    return [
        f"{row.positions:,}",
        formatting.percent(row.top1, 1),
        formatting.percent(row.top5, 1),
        formatting.plain(row.cross_entropy, digits=2),
    ]


def _table(header: list[str], rows: Iterable[list[str]], left: int = 1) -> str:
    """A table of escaped cells; what stands in brackets is set small, and the first `left` columns are text."""
    head = "".join(
        f'<th class="left">{_e(cell)}</th>' if n < left else f"<th>{_e(cell)}</th>" for n, cell in enumerate(header)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f'<td class="left">{_e(cell)}</td>' if n < left else f"<td>{_cell(cell)}</td>" for n, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(text: str) -> str:
    value, bracket, rest = _e(text).partition(" [")
    return f"{value} <small>[{rest}</small>" if bracket and rest.endswith("]") else _e(text)


def _chart(charts: Mapping[str, bytes], name: str, caption: str) -> str:
    data = base64.b64encode(charts[name]).decode()
    below = f"<figcaption>{_e(caption)}</figcaption>" if caption else ""
    return f'<figure><img alt="{_e(name)}" src="data:image/svg+xml;base64,{data}">{below}</figure>'


def _boards(examples: Examples, picked: list[Picked]) -> str:
    return f'<div class="boards">{"".join(_figure(examples, *one) for one in picked)}</div>'


def _figure(examples: Examples, k: int, prior: NDArray[np.float32]) -> str:
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
    text = f"{colour} played {point_to_vertex(played, size)}, {_chance(prior[played])}"
    if likeliest != played:
        text += f"; first choice {point_to_vertex(likeliest, size)}, {_chance(prior[likeliest])}"
    where = f"Move {int(examples.ply[k]) + 1}" + "".join(
        f", {part}" for part in (players, fact.event, fact.date) if part.strip(" -?")
    )
    drawing = svg.board_svg(board, prior, played, _e(f"{where}: {text}"))
    return f"<figure>{drawing}<figcaption><b>{_e(text)}</b><br><bdi>{_e(where)}</bdi></figcaption></figure>"


def _chance(probability: float) -> str:
    return f"{probability:.1%}" if probability >= 0.001 else "under 0.1%"


def _broken(text: str) -> str:
    """The text with places where a narrow page may break it."""
    return "<wbr>".join(text[first : first + 16] for first in range(0, len(text), 16))
