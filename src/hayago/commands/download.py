"""`hayago download`."""

import json
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from hayago.errors import HayagoError
from hayago.records.download import KGS_ARCHIVE, Archive, Downloader, DownloadOptions, Fetched


def download(
    urls: list[str] | None = None,
    /,
    *,
    out: Path,
    options: Annotated[DownloadOptions | None, Parameter(name="*", negative_iterable=())] = None,
    list_only: Annotated[bool, Parameter(name="--list", negative=())] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Fetch public archives of game records; what was broken off goes on.

    Args:
        urls: Archives (.zip, .tar.gz, .tar.bz2, .tar.xz), or pages that link to some; by default the page of the
            KGS archive, https://www.u-go.net/gamerecords/.
        out: The folder for the archives; `hayago prepare` takes it as it is.
        list_only: Print which archives there are and fetch none.
        as_json: Print JSON: what was fetched, and what was not and why.
    """
    downloader = Downloader(out, options)
    try:
        archives = downloader.find(urls or [KGS_ARCHIVE])
        if list_only:
            listed = [archive._asdict() for archive in archives]
            texts = [json.dumps(listed)] if as_json else [archive.url for archive in archives]
            sys.stdout.writelines(f"{text}\n" for text in texts)
            return
        fetched, failed = _fetch(downloader, archives)
    finally:
        downloader.close()
    if as_json:
        entries = [{**one._asdict(), "path": str(one.path)} for one in fetched]
        failures = [{"url": archive.url, "reason": reason} for archive, reason in failed]
        sys.stdout.write(json.dumps({"folder": str(out), "fetched": entries, "failed": failures}) + "\n")
    else:
        sys.stdout.writelines(f"{_line(one)}\n" for one in fetched)
    if failed:
        raise HayagoError(
            f"{len(failed)} of {len(archives)} archives could not be fetched; the same command tries again"
        )


def _fetch(downloader: Downloader, archives: list[Archive]) -> tuple[list[Fetched], list[tuple[Archive, str]]]:
    """Fetch them one after the other, with a bar for each; those that fail are told at once."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),  # a server chose the name
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    fetched: list[Fetched] = []
    failed: list[tuple[Archive, str]] = []
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        for number, archive in enumerate(archives, start=1):
            task = progress.add_task(f"{number} of {len(archives)}: {archive.name}", total=None)

            def show(done: int, total: int | None, task: TaskID = task) -> None:
                progress.update(task, completed=done, total=total)

            try:
                fetched.append(downloader.fetch(archive, show))
            except HayagoError as error:
                failed.append((archive, str(error)))
                console.print(f"not fetched: {error}", markup=False, highlight=False, soft_wrap=True)
            progress.remove_task(task)
    return fetched, failed


def _line(one: Fetched) -> str:
    how = ", was there" if one.already_there else f", went on behind {one.resumed_at:,}" if one.resumed_at else ""
    return f"{one.path}: {one.games:,} games, {one.size:,} bytes{how}"
