"""`hayago download`."""

import json
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from hayago.errors import HayagoError
from hayago.records.archive_links import Archive
from hayago.records.download import KGS_ARCHIVE, Downloader, DownloadOptions, Fetched


def download(
    urls: list[str] | None = None,
    /,
    *,
    out: Path,
    options: Annotated[DownloadOptions | None, Parameter(name="*", negative_iterable=())] = None,
    list_only: Annotated[bool, Parameter(name="--list", negative=())] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Download public archives of game records; an interrupted download resumes.

    Args:
        urls: Archives (.zip, .tar.gz, .tar.bz2, .tar.xz), or pages that link to archives; by default the page of the
            KGS archive, https://www.u-go.net/gamerecords/.
        out: The folder for the archives; `hayago prepare` reads it as it is.
        list_only: Print the addresses of the archives and download none.
        as_json: Print JSON: the archives downloaded, and those that failed with the reason.
    """
    with Downloader(out, options) as downloader:
        archives = downloader.find(urls or [KGS_ARCHIVE])
        fetched, failed = ([], []) if list_only else _fetch(downloader, archives)
    if list_only:
        lines = [json.dumps([archive._asdict() for archive in archives])] if as_json else [a.url for a in archives]
    elif as_json:
        entries = [{**one._asdict(), "path": str(one.path)} for one in fetched]
        failures = [{"url": archive.url, "reason": reason} for archive, reason in failed]
        lines = [json.dumps({"folder": str(out), "fetched": entries, "failed": failures})]
    else:
        lines = [_line(one) for one in fetched]
    sys.stdout.writelines(f"{line}\n" for line in lines)
    if failed:
        raise HayagoError(
            f"{len(failed)} of {len(archives)} archives could not be downloaded; run the same command to try again"
        )


def _fetch(downloader: Downloader, archives: list[Archive]) -> tuple[list[Fetched], list[tuple[Archive, str]]]:
    """Download the archives one at a time, with a progress bar; a failure is reported at once."""
    console = Console(stderr=True)
    description = TextColumn("{task.description}", markup=False)  # a server chose the name
    columns = description, BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()
    fetched: list[Fetched] = []
    failed: list[tuple[Archive, str]] = []
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        for number, archive in enumerate(archives, start=1):
            task = bars.add_task(f"{number} of {len(archives)}: {archive.name}", total=None)
            try:
                fetched.append(
                    downloader.fetch(archive, lambda done, total, t=task: bars.update(t, completed=done, total=total))  # type: ignore[misc]
                )
            except HayagoError as error:
                failed.append((archive, str(error)))
                console.print(f"not downloaded: {error}", markup=False, highlight=False, soft_wrap=True)
            bars.remove_task(task)
    return fetched, failed


def _line(one: Fetched) -> str:
    how = ", was there" if one.already_there else f", resumed at {one.resumed_at:,}" if one.resumed_at else ""
    return f"{one.path}: {one.games:,} games, {one.size:,} bytes{how}"
