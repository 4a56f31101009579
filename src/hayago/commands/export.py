"""`hayago export`."""

import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import CycloptsError, Parameter

from hayago.files import refuse_inputs, write_atomically


def export(
    out: Path,
    /,
    *games: str,
    format: Literal["onnx", "planes"] | None = None,
    planes: Annotated[bool, Parameter(negative=())] = False,
    model: Path | None = None,
    split: Literal["train", "validation", "test", "all"] = "all",
    first: Literal[4, 12, 20, 48] = 48,
) -> None:
    """Export a network to ONNX, or games as feature planes, for other programs.

    The ONNX graph maps planes (batch, planes, N, N) to logits (batch, N * N). Planes become a folder of .npy files with
    the packed planes of every position and the move that was played; about.json in it explains them.

    Args:
        out: The file or folder to write.
        games: For planes: a store that `hayago prepare` wrote, or SGF files, folders, glob patterns or archives.
        format: What to write; by default onnx.
        planes: Short for --format planes.
        model: For ONNX: the network; by default the one in the box.
        split: For planes: which games to take.
        first: For planes: take only the first 4, 12 or 20 of the 48.
    """
    if planes and format == "onnx":
        raise CycloptsError(msg="--planes is short for --format planes, so it does not go with --format onnx")
    if planes or format == "planes":
        if not games:
            raise CycloptsError(msg="export --planes needs games: hayago export --planes OUT GAMES...")
        if model is not None:
            raise CycloptsError(msg="export --planes takes games, not --model")
        _export_planes(out, list(games), None if split == "all" else split, first)
    elif games or split != "all" or first != 48:
        raise CycloptsError(msg="export takes games, --split and --first only with --planes")
    else:
        from hayago.network.evaluator import check_answers, make_evaluator
        from hayago.network.model_file import load_model
        from hayago.network.onnx_model import onnx_model

        refuse_inputs(out, [model])
        loaded = load_model(model)
        check_answers(make_evaluator(loaded))
        data = onnx_model(loaded)
        write_atomically(out, lambda file: file.write(data))


def _export_planes(
    out: Path, paths: list[str], split: Literal["train", "validation", "test"] | None, planes: int
) -> None:
    from rich.console import Console
    from rich.progress import Progress

    from hayago.errors import HayagoError
    from hayago.features.dataset import export_planes
    from hayago.records.archives import is_store
    from hayago.records.games import count_examples, movers_of
    from hayago.records.prepare import PrepareOptions, prepare
    from hayago.records.store import read_store

    console = Console(stderr=True)
    with tempfile.TemporaryDirectory() as folder:
        if not any(map(is_store, paths)):
            # Through a store, so that damaged, illegal and duplicate games are left out as in training.
            store_path = Path(folder) / "games.parquet"
            report = prepare(paths, store_path, PrepareOptions(min_moves=1))
            if report.rejected:
                _say_left_out(report.table())
        elif len(paths) > 1:
            raise HayagoError("export takes one store, or games in other files, not both")
        else:
            store_path = Path(paths[0])
        store = read_store(store_path, split)
    if not len(store):
        raise HayagoError(f"{paths[0]}: no game in the {split} split")
    bad_games: Counter[str] = Counter()
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("encoding", total=int(count_examples(store.games, movers_of(store.games)).sum()))
        about = export_planes(
            out,
            store,
            planes=planes,
            progress=lambda done: progress.update(task, completed=done),
            on_bad=lambda bad: bad_games.update([bad.reason]),
        )
    if bad_games:
        _say_left_out(bad_games.most_common())
    sys.stdout.write(f"{out}: {about['positions']:,} positions of {about['games']:,} games, {planes} planes\n")


def _say_left_out(reasons: list[tuple[str, int]]) -> None:
    sys.stderr.write(f"left out: {', '.join(f'{reason} {count:,}' for reason, count in reasons)}\n")
