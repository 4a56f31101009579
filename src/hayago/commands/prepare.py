"""`hayago prepare`."""

import json
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from hayago.errors import HayagoError
from hayago.records.prepare import PrepareOptions, PrepareReport
from hayago.records.prepare import prepare as prepare_store


def prepare(
    games: list[str],
    /,
    *,
    out: Path,
    options: Annotated[PrepareOptions | None, Parameter(name="*")] = None,
    list_rejected: Annotated[bool, Parameter(negative=())] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Read game records, keep the good ones once, and write them as one Parquet file.

    Args:
        games: SGF files, folders, glob patterns, archives (.zip, .tar.gz, .tar.bz2, .tar.xz).
        out: The Parquet file to write.
        list_rejected: Name every game that was left out, with the reason.
        as_json: Print the report as JSON.
    """
    columns = TextColumn("{task.description}"), TimeElapsedColumn()
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("reading")

        def show(files: int, kept: int) -> None:
            progress.update(task, description=f"{files:,} files read, {kept:,} games kept")

        report = PrepareReport()
        try:
            prepare_store(games, out, options, show, report)
        except HayagoError:
            if report.rejected:  # they may say why no game is left
                _print_rejected(report, list_rejected, as_json)
            raise
    _print_rejected(report, list_rejected, as_json)
    if as_json:
        return
    rows = [("kept", report.kept), *report.table(), ("all", report.total)]
    sys.stdout.writelines(f"{count:9,}  {reason}\n" for reason, count in rows)
    splits = ", ".join(f"{count:,} for {split}" for split, count in sorted(report.splits.items()))
    sys.stdout.write(f"{out}: {report.moves:,} moves; {splits}\n")
    if report.cuts:
        cuts = ", ".join(f"{count:,} at {reason}" for reason, count in report.cuts.most_common())
        sys.stdout.write(f"games that end early: {cuts}\n")


def _print_rejected(report: PrepareReport, list_rejected: bool, as_json: bool) -> None:
    """Print the report as JSON, or the games that were left out, as far as it was asked for."""
    if as_json:
        sys.stdout.write(json.dumps(_as_dict(report, list_rejected)) + "\n")
    elif list_rejected:
        for source, reason, detail in report.rejected:
            sys.stdout.write(f"{source}: {reason}{': ' * bool(detail)}{detail}\n")


def _as_dict(report: PrepareReport, list_rejected: bool) -> dict[str, object]:
    return {
        "kept": report.kept,
        "total": report.total,
        "rejected": dict(report.table()),
        "splits": dict(report.splits),
        "moves": report.moves,
        "cut": dict(report.cuts),
        "fingerprint": report.fingerprint,
        **({"rejected_games": report.rejected} if list_rejected else {}),
    }
