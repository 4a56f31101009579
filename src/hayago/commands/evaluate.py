"""`hayago evaluate`."""

import json
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress

from hayago.errors import HayagoError
from hayago.learn import evaluation
from hayago.learn.evaluator import make_evaluator
from hayago.records.games import Games
from hayago.records.store import PrepareOptions, prepare, read_store


def evaluate(
    games: list[str],
    /,
    *,
    model: Path | None = None,
    split: Literal["test", "validation", "train", "all"] = "test",
    device: str = "auto",
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Measure how often a network predicts the move that was played.

    Args:
        games: A prepared .parquet file, or SGF files, folders, glob patterns, archives.
        model: The network; by default the one in the box.
        split: Which games of a .parquet file; SGF games are all measured.
        device: auto, cpu, cuda or mps.
        as_json: Print top1, top5, cross_entropy, positions and games as JSON.
    """
    evaluator = make_evaluator(model, device=device)
    chosen = _read(games, split, evaluator.info.board_size)
    console = Console(stderr=True)
    seen = evaluation.trained_on(evaluator, chosen)
    if seen:
        console.print(
            f"WARNING: the network may have been trained on {seen:,} of these games: this is no fair measure",
            style="bold red",
        )
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("evaluating", total=None)
        metrics = evaluation.evaluate(
            evaluator, chosen, progress=lambda done, total: progress.update(task, completed=done, total=total)
        )
    if as_json:
        sys.stdout.write(json.dumps(metrics._asdict()) + "\n")
        return
    sys.stdout.write(
        f"top-1 {metrics.top1:.2%}, top-5 {metrics.top5:.2%}, cross-entropy {metrics.cross_entropy:.4f}"
        f" on {metrics.positions:,} positions of {metrics.games:,} games\n"
    )


def _read(paths: list[str], split: Literal["test", "validation", "train", "all"], size: int) -> Games:
    """The games of a store, or of records by way of one: bad, illegal and double games are left out alike."""
    if [path for path in paths if path.endswith(".parquet")]:
        if len(paths) > 1:
            raise HayagoError("evaluate takes one .parquet file, or games in other files, not both")
        store = read_store(paths[0], None if split == "all" else split)
        if not len(store):
            raise HayagoError(f"{paths[0]}: no game in the {split} split")
        return store.games
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "games.parquet"
        report = prepare(paths, path, PrepareOptions(size=size, min_moves=1))
        if report.rejected:
            reasons = ", ".join(f"{reason} {count:,}" for reason, count in report.table())
            sys.stderr.write(f"left out: {reasons}\n")
        return read_store(path).games
