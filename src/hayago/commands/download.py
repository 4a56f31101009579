"""`hayago download`."""

import json
import sys
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

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
    """Fetch public archives of game records; a download that was interrupted is resumed.

    Args:
        urls: Archives (.zip, .tar.gz, .tar.bz2, .tar.xz), or pages that link to some; by default the page of the
            KGS archive, https://www.u-go.net/gamerecords/.
        out: The folder for the archives; `hayago prepare` reads it as it is.
        list_only: Print which archives there are and fetch none.
        as_json: Print JSON: what was fetched, and what was not and why.
    """
    with closing(Downloader(out, options)) as downloader:
        archives = downloader.find(urls or [KGS_ARCHIVE])
        if list_only:
            listed = [archive._asdict() for archive in archives]
            sys.stdout.write(json.dumps(listed) if as_json else "\n".join(archive.url for archive in archives))
            sys.stdout.write("\n")
            return
        fetched, failed = _fetch(downloader, archives)
    if as_json:
        entries = [{**one._asdict(), "path": str(one.path)} for one in fetched]
        sys.stdout.write(json.dumps({"folder": str(out), "fetched": entries, "failed": failed}) + "\n")
    else:
        sys.stdout.writelines(f"{_line(one)}\n" for one in fetched)
    if failed:
        raise HayagoError(
            f"{len(failed)} of {len(fetched) + len(failed)} archives not fetched; the same command tries again"
        )


def _fetch(downloader: Downloader, archives: list[Archive]) -> tuple[list[Fetched], list[dict[str, str]]]:
    """Fetch them one after the other, with a bar for each; each failure is reported at once."""
    # A server chose the names, so they are not markup.
    console = Console(stderr=True, markup=False, emoji=False, highlight=False, soft_wrap=True)
    text = TextColumn("{task.description}", markup=False)
    columns = (text, BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    fetched, failed = [], []
    for url, reason in downloader.unnamed:
        failed.append({"url": url, "reason": reason})
        console.print(f"not fetched: {reason}")
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        for number, archive in enumerate(archives, start=1):
            task = progress.add_task(f"{number} of {len(archives)}: {archive.name}", total=None)
            try:
                fetched.append(downloader.fetch(archive, partial(progress.update, task)))
            except HayagoError as error:
                failed.append({"url": archive.url, "reason": str(error)})
                console.print(f"not fetched: {error}")
            progress.remove_task(task)
    return fetched, failed


def _line(one: Fetched) -> str:
    how = ", already there" if one.already_there else f", resumed after {one.resumed_at:,}" if one.resumed_at else ""
    return f"{one.path}: {one.games:,} games, {one.size:,} bytes{how}"
