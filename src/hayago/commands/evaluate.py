"""`hayago evaluate`."""

import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import CycloptsError, Parameter, validators
from rich.console import Console
from rich.progress import Progress

from hayago.errors import HayagoError, printable
from hayago.evaluation import evaluation, formatting, outcomes
from hayago.evaluation.breakdown import as_csv
from hayago.evaluation.examples import Examples, Facts, choose_examples, facts_of
from hayago.evaluation.move_predictors import Answers, ask
from hayago.features.planes import MOST_KNOWN
from hayago.files import refuse_inputs, refuse_same_outputs, write_atomically
from hayago.network.evaluator import Evaluator, make_evaluator
from hayago.records.archives import is_store
from hayago.records.games import Games, records_to_games
from hayago.records.prepare import PrepareOptions, PrepareReport, choose
from hayago.records.selection import Selection

if TYPE_CHECKING:
    from hayago.records.store import GameStore

Split = Literal["test", "validation", "train", "all"]

BOX = "box"
FIT_POSITIONS = 4096
ENGINE_POSITIONS, ENGINE_SECONDS = 500, 30.0
GPU_ROWS = 2048


def evaluate(
    games: list[str],
    /,
    *,
    model: Annotated[list[Path] | None, Parameter(negative=())] = None,
    engine: Annotated[list[str] | None, Parameter(negative=())] = None,
    engine_positions: Annotated[int | None, Parameter(validator=validators.Number(gte=1))] = None,
    engine_seconds: Annotated[float | None, Parameter(validator=validators.Number(gt=0))] = None,
    split: Split | None = None,
    selection: Annotated[Selection | None, Parameter(name="*")] = None,
    limit: Annotated[int, Parameter(validator=validators.Number(gte=0))] = 0,
    symmetries: Literal[1, 2, 4, 8] = 1,
    history: Annotated[int | None, Parameter(validator=validators.Number(gte=0, lte=MOST_KNOWN))] = None,
    fit: Annotated[list[str] | None, Parameter(negative=())] = None,
    trained_on: Path | None = None,
    breakdown: Annotated[bool, Parameter(negative=())] = False,
    report: Path | None = None,
    csv: Path | None = None,
    plots: Path | None = None,
    device: str = "auto",
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Measure how often networks, and optionally GTP engines, predict the move that was played.

    Args:
        games: A store that `hayago prepare` wrote, or SGF files, folders, glob patterns or archives.
        model: A network; repeat the option to compare several on the same positions. "box", the default, is the
            network that comes with hayago.
        engine: Command line of a GTP engine to compare with the networks; may be repeated.
        engine_positions: Number of positions, evenly spaced, that each engine is asked about (500).
        engine_seconds: Time limit for each answer of an engine, in seconds (30).
        split: Which games of a store to use: by default the test games, or all of them with a recipe. SGF games are
            always all used.
        limit: Maximum number of positions, evenly spaced (0: all).
        symmetries: Number of board symmetries to average the probabilities over.
        history: Let networks know only so many of the last moves, and see older stones as if set up (0: all stones).
        fit: Games to fit the temperature on; by default the validation games of the .parquet file.
        trained_on: The .parquet file that the networks were trained on; shows which of the games they have seen.
        breakdown: Also print the measures by move number, phase, colour, rank, year and more.
        report: Write a report to this HTML file.
        csv: Write the breakdowns to this CSV file.
        plots: Write the charts as SVG files into this folder.
        device: auto, cpu, cuda or mps.
        as_json: Print everything as JSON.
    """
    if not engine and (engine_positions or engine_seconds):
        raise CycloptsError(msg="--engine-positions and --engine-seconds are for an --engine")
    if engine and history is not None:
        raise CycloptsError(msg="--history is for networks: a GTP engine is always told all moves")
    if as_json and breakdown:
        raise CycloptsError(msg="--json has the breakdown anyway: leave out --breakdown")
    if split not in (None, "all") and not any(map(is_store, games)):
        raise CycloptsError(msg=f"--split {split} is for a store: of games in other files all are measured")
    notes: list[str] = []
    console = Console(stderr=True)

    def note(text: str, style: str | None = None) -> None:
        text = printable(text)
        notes.append(text)
        console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)

    inputs = [*games, *(model or ()), *(fit or ()), trained_on]
    refuse_same_outputs((report, csv, plots))
    for path in (report, csv):
        if path is not None:
            refuse_inputs(path, inputs)
        if path is not None and not path.parent.is_dir():  # reported now, not after an hour of measuring
            raise HayagoError(f"cannot write {path}: there is no such folder")
    if report is not None or plots is not None:
        from hayago.drawing.figure import load_matplotlib
        from hayago.evaluation.charts import pictures

        load_matplotlib()
    if report is not None:
        from hayago.evaluation.report import report as make_report

    selection = selection or Selection()
    split = split or ("all" if selection.recipe else "test")
    evaluators = _evaluators(model or [Path(BOX)], device, note)
    examples = choose_examples(
        *_read(games, split, selection, _sizes(evaluators), note, borrow=True), selection, limit, history
    )
    _leave_out_misfits(evaluators, examples.games.size, note)
    stored = None if trained_on is None else _trained(trained_on)
    for name, evaluator in evaluators.items():
        _warn_of_training(name, evaluator, examples, stored, note)
    rows = outcomes.ROWS if device in ("auto", "cpu") else GPU_ROWS
    fitted = None
    if (for_fit := _fit_examples(games, fit, split, examples.games.size, note)) is not None:
        with _progress(console, "fitting the temperature"):
            fitted = outcomes.fit_temperatures(evaluators, for_fit, symmetries=symmetries, rows=rows)
    with _progress(console, "evaluating") as progress:
        measured = outcomes.measure(
            evaluators, examples, symmetries=symmetries, fitted=fitted, rows=rows, progress=progress
        )
    seconds, positions = engine_seconds or ENGINE_SECONDS, engine_positions or ENGINE_POSITIONS
    answers = [_ask(command, seconds, examples, positions, console, note) for command in engine or ()]
    concluded = evaluation.conclude(examples, measured, answers, notes)
    if csv is not None:
        _write(csv, as_csv({model.name: model.rows for model in concluded.models}).encode())
    if plots is not None or report is not None:
        charts = pictures(concluded)
        if plots is not None:
            _write_plots(charts, plots)
        if report is not None:
            _write(report, make_report(concluded, next(iter(evaluators.values())), charts))
    if as_json:
        sys.stdout.write(json.dumps(formatting.as_dict(concluded)) + "\n")
    else:
        sys.stdout.write(formatting.as_text(concluded, breakdown=breakdown))


Note = Callable[..., None]


@contextmanager
def _progress(console: Console, text: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar, if this is a terminal, and the function that moves it."""
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(text, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _evaluators(models: list[Path], device: str, note: Note) -> dict[str, Evaluator]:
    """The networks by name. One that cannot be used is left out, unless it is the only one."""
    evaluators: dict[str, Evaluator] = {}
    for path in dict.fromkeys(models):
        in_the_box = str(path) == BOX and not path.exists()
        try:
            evaluators[printable(str(path))] = make_evaluator(None if in_the_box else path, device=device)
        except HayagoError as error:
            if len(models) == 1:
                raise
            note(f"left out: {error}")
    if not evaluators:
        raise HayagoError("none of the networks can be used")
    return evaluators


def _leave_out_misfits(evaluators: dict[str, Evaluator], size: int, note: Note) -> None:
    for name, evaluator in list(evaluators.items()):
        try:
            outcomes.check_fit(evaluator, size)
        except HayagoError as error:
            if len(evaluators) == 1:
                raise HayagoError(f"{name}: {error}") from error
            note(f"left out: {name}: {error}")
            del evaluators[name]


def _sizes(evaluators: dict[str, Evaluator]) -> list[int]:
    """The board sizes that the networks learned on, those that came first in front."""
    own = [each.info.board_size for each in evaluators.values()]
    return list(
        dict.fromkeys([*own, *(info.board_size for each in evaluators.values() for info in each.sizes.values())])
    )


def _read(
    paths: list[str], split: Split, selection: Selection, sizes: list[int], note: Note, borrow: bool = False
) -> tuple[Games, list[Facts]]:
    """The games of a store, or those of other files that `prepare` would write into one.

    Of records, only those on one board size are used: the first of `sizes` for which there are any, or else, with
    `borrow`, the most frequent of the others.
    """
    if any(map(is_store, paths)):
        if len(paths) > 1:
            raise HayagoError("evaluate takes one store, or games in other files, not both")
        store = _store(paths[0], split)
        return store.games, facts_of(store.table)
    report = PrepareReport()
    try:
        return _read_records(paths, selection, sizes[0], note, report)
    except HayagoError:
        # A whole collection is not read again for sizes that it does not have.
        details = (detail for _, reason, detail in report.rejected if reason == "board size")
        found = Counter(int(match[1]) for detail in details if (match := re.fullmatch(r"(\d+)x\1", detail)))
        known = [size for size in sizes[1:] if size in found]
        others = [size for size, _ in found.most_common() if size not in sizes][:1] if borrow else []
        for size in (*known, *others):
            with suppress(HayagoError):
                return _read_records(paths, selection, size, note, PrepareReport())
        raise


def _read_records(
    paths: list[str], selection: Selection, size: int, note: Note, report: PrepareReport
) -> tuple[Games, list[Facts]]:
    options = PrepareOptions(size=size, **{**asdict(selection), "min_moves": 1})
    records = list(choose(paths, options, report))
    if report.rejected:
        note("left out: " + ", ".join(f"{reason} {count:,}" for reason, count in report.table()))
    facts = [Facts(*(getattr(record, name) for name in Facts._fields)) for record in records]
    return records_to_games(records), facts


def _store(path: str, split: Split) -> "GameStore":
    from hayago.records.store import read_store  # it needs pyarrow, which games in other files do not

    store = read_store(path, None if split == "all" else split)
    if not len(store):
        raise HayagoError(f"{path}: no game in the {split} split")
    return store


def _fit_examples(games: list[str], fit: list[str] | None, split: Split, size: int, note: Note) -> Examples | None:
    """The examples to fit the temperature on; None if no games were named and the store has no validation games."""
    if fit is not None:
        for_fit, _ = _read(fit, "validation", Selection(), [size], note)
    elif is_store(games[0]) and split == "test":
        from hayago.records.store import read_store

        for_fit = read_store(games[0], "validation").games
        if len(for_fit.offsets) == 1:
            return None
    else:
        return None
    return choose_examples(for_fit, limit=FIT_POSITIONS)


def _trained(path: Path) -> tuple[str, frozenset[bytes]]:
    from hayago.records.store import read_store

    store = read_store(path, "train")
    return store.fingerprint, frozenset(store.table["key"].to_pylist())


def _warn_of_training(
    name: str, evaluator: Evaluator, examples: Examples, stored: tuple[str, frozenset[bytes]] | None, note: Note
) -> None:
    info = evaluator.sizes[examples.games.size]
    if info.board_size != examples.games.size:
        return  # it learned on other boards
    try:
        seen = evaluation.learned_from(info, examples, stored)
    except HayagoError as error:
        note(f"{name}: {error}; which of the games it has seen is therefore a guess")
        stored = None
        seen = evaluation.learned_from(info, examples)
    if not seen:
        return
    of = f"of these {len(examples.used):,} games"
    if stored is not None:
        text = f"WARNING: {name} was trained on {seen:,} {of}, which flatters its results"
    else:
        text = (
            f"WARNING: {name} may have been trained on up to {seen:,} {of}, which would flatter its results"
            " (--trained-on checks this, if its training store still exists)"
        )
    note(text, "bold red")


def _ask(command: str, seconds: float, examples: Examples, positions: int, console: Console, note: Note) -> Answers:
    from hayago.gtp.engine_predictor import EnginePredictor

    with EnginePredictor(command, seconds) as predictor, _progress(console, command) as progress:
        answers = ask(predictor, examples, positions, progress)
    for reason, count in answers.lost.items():
        note(f"{command}: {count:,} positions lost: {reason}")
    return answers


def _write(path: Path, content: bytes, *, follow: bool = True) -> None:
    write_atomically(path, lambda file: file.write(content), follow=follow)


def _write_plots(charts: dict[str, bytes], folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HayagoError(f"cannot write {folder}: {error.strerror}") from error
    for name, picture in charts.items():
        _write(folder / f"{name}.svg", picture, follow=False)
