"""Downloading archives of game records, each of them whole or not at all.

While an archive is being downloaded it is NAME.part; NAME.part.json names its address and version. It becomes NAME
only when it is as long as the server said and every game in it can be read. After any interruption the next download
resumes with the bytes that are there, if the server still has the same version. Otherwise it starts from the beginning.

A session of `requests` brings redirects, proxies and certificates. The retries are our own: urllib3's `Retry` ends
where the body begins, and most downloads break in the body. The bytes come straight from the urllib3 response, so that
a slow server is noticed and nothing is decompressed on the way.
"""

import hashlib
import json
import math
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

import requests
from filelock import FileLock, Timeout
from requests.utils import requote_uri
from urllib3 import Retry
from urllib3.exceptions import HTTPError

from hayago import __version__
from hayago.errors import HayagoError
from hayago.files import write_atomically
from hayago.records.archive_links import SUFFIXES, Archive, links_of, name_archives, suffix_of
from hayago.records.archives import DamagedArchive, iter_archive

KGS_ARCHIVE = "https://www.u-go.net/gamerecords/"  # the tests never ask it: they have a server of their own

_MAX_PAGE_BYTES = 8 << 20
_MAX_REDIRECTS = 5
_MAX_WAIT_SECONDS = 120.0
_BLOCK_BYTES = 1 << 16
_BUSY = (429, 500, 502, 503, 504)
_DAY = 86_400  # no system waits forever
_LIMITS = {
    "pause": (0, _DAY),
    "tries": (1, math.inf),
    "retry_pause": (0, math.inf),
    "timeout": (0.001, _DAY),
    "min_rate": (0, math.inf),
    "max_megabytes": (1, math.inf),
}

Progress = Callable[[int, int | None], None]
T = TypeVar("T")


@dataclass(frozen=True)
class DownloadOptions:
    """How archives are downloaded."""

    only: tuple[str, ...] = ()
    """Download only archives whose name matches one of these patterns: `*2015*`."""
    pause: float = 1.0
    """Seconds between two requests; archives are downloaded one at a time."""
    tries: int = 5
    """Attempts in a row without progress before an archive is given up."""
    retry_pause: float = 2.0
    """Seconds before the second attempt; doubled for each further one."""
    timeout: float = 30.0
    """Seconds to wait for the server; also, how long it may send less than --min-rate."""
    min_rate: float = 1.0
    """KiB per second below which a transfer is stopped and tried again."""
    max_megabytes: int = 4096
    """Larger archives are not downloaded."""

    def __post_init__(self) -> None:
        for name, (least, most) in _LIMITS.items():
            value = getattr(self, name)
            if not least <= value <= most:
                limit = f"at most {most:,g}" if value > most else f"at least {least:g}"
                raise HayagoError(f"{name.replace('_', ' ')} must be {limit}: {value}")


class Fetched(NamedTuple):
    """A downloaded archive.

    Attributes:
        size: in bytes.
        resumed_at: how many of these bytes were left by an earlier attempt.
        games: the number of game files in it.
        already_there: whether the file was there before and the server was not asked.
    """

    url: str
    path: Path
    size: int
    sha256: str
    resumed_at: int
    games: int
    already_there: bool


class DownloadError(HayagoError):
    """Something cannot be downloaded. The message begins with its address; control characters are replaced."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__("".join(letter if letter.isprintable() else "?" for letter in f"{url}: {reason}"))


class _Unavailable(DownloadError):
    """The server does not provide it now. The part that is there is kept for another day."""


class _Interrupted(Exception):
    """An attempt failed, and another may succeed; `wait` is the number of seconds that the server asks for."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


class Downloader:
    """Downloads archives one at a time into one folder, which stays locked until `close`.

    Raises:
        HayagoError: the folder cannot be used, or another process is downloading into it.
    """

    def __init__(self, folder: Path, options: DownloadOptions | None = None) -> None:
        self.folder, self.options = folder, options or DownloadOptions()
        self._session = requests.Session()
        self._session.max_redirects = _MAX_REDIRECTS
        self._session.headers.update({"User-Agent": f"hayago/{__version__}", "Accept-Encoding": "identity"})
        self._last_request = -math.inf
        self._lock = FileLock(folder / ".download.lock")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise HayagoError(f"{folder}: another process is downloading into this folder") from error
        except OSError as error:
            raise HayagoError(f"cannot use {folder}: {error.strerror or error}") from error

    def close(self) -> None:
        """Release the folder and the connections."""
        self._session.close()
        with suppress(OSError):  # Windows deletes no open file
            Path(self._lock.lock_file).unlink()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def find(self, urls: Iterable[str]) -> list[Archive]:
        """The archives among the addresses and those that the other addresses, as pages, link to, in their order.

        An archive that is offered in several formats is taken once, in the smallest.

        Raises:
            DownloadError: a page cannot be read or links to no archive.
            HayagoError: no archive has a name that `only` wants, or an address yields no file name.
        """
        links = [
            link
            for url in map(requote_uri, urls)
            for link in ([url] if suffix_of(url) else self._retry(url, partial(self._links, url)))
        ]
        archives, only = name_archives(links), self.options.only
        wanted = [a for a in archives if not only or any(fnmatch(a.name, pattern) for pattern in only)]
        if not wanted:
            raise HayagoError(f"none of {len(archives)} archives matches {' or '.join(only)}")
        return wanted

    def fetch(self, archive: Archive, progress: Progress | None = None) -> Fetched:
        """Download one archive, resuming where an earlier attempt stopped.

        Args:
            progress: called with (bytes so far, bytes in all or None).

        Raises:
            DownloadError: the server does not provide it, or what came is not an archive of games.
            HayagoError: it cannot be written.
        """
        path = self.folder / archive.name
        if path.exists():
            return _describe(archive, path, 0, already_there=True)
        part = _Part(path, archive.url)
        try:
            fetched = self._whole(archive, part, progress or (lambda done, total: None))
            part.complete()
        except _Unavailable:
            raise
        except OSError as error:
            part.discard()
            raise HayagoError(f"cannot write {part.path}: {error.strerror or error}") from error
        except HayagoError:
            part.discard()
            raise
        return fetched._replace(path=path)

    def _whole(self, archive: Archive, part: "_Part", progress: Progress) -> Fetched:
        """Make the part a whole archive."""
        damaged = False
        while True:
            self._retry(archive.url, partial(self._extend, archive.url, part, progress), part)
            try:
                return _describe(archive, part.path, part.resumed_at)
            except DamagedArchive as error:
                # The bytes of two attempts may not belong together: try again from the beginning, once.
                part.discard()
                if damaged:
                    raise DownloadError(archive.url, str(error).partition(": ")[2]) from error
                damaged = True

    def _retry(self, url: str, attempt: Callable[[], T], part: "_Part | None" = None) -> T:
        """Call `attempt` until it succeeds, or until it fails too often without making the part longer.

        Raises:
            _Unavailable: it failed too often, or the server asks for a longer wait than we accept.
        """
        furthest, failures = part.size if part else 0, 0
        while True:
            try:
                return attempt()
            except _Interrupted as error:
                failures += 1
                if part and part.size - furthest >= _BLOCK_BYTES:
                    furthest, failures = part.size, 1
                if failures >= self.options.tries or error.wait > _MAX_WAIT_SECONDS:
                    raise _Unavailable(url, f"{error} (attempts: {failures})") from error
                wait = max(error.wait, self.options.retry_pause * 2.0 ** min(failures - 1, 99))
                time.sleep(min(wait, _MAX_WAIT_SECONDS))

    def _links(self, url: str) -> list[str]:
        """The archives that a page links to; raises as `_get` does."""
        page = bytearray()
        with self._get(url) as response:
            for block in self._blocks(response):
                page += block
                if len(page) > _MAX_PAGE_BYTES:
                    raise DownloadError(url, f"a page of more than {_MAX_PAGE_BYTES >> 20} MiB")
            links = links_of(page.decode(errors="replace"), response.url)
        if not links:
            raise DownloadError(url, f"links to no {', '.join(SUFFIXES[::2])} archive")
        return links

    def _extend(self, url: str, part: "_Part", progress: Progress) -> None:
        """Fetch all bytes that the part lacks; raises as `_get` does, and then the part keeps what came."""
        limit = self.options.max_megabytes << 20
        with self._get(url, part.range_headers()) as response:
            total = part.begin(response)
            done = part.size
            with part.path.open("ab") as file:
                for block in () if response.status_code == 416 else self._blocks(response):
                    if max(total or 0, done + len(block)) > limit:
                        raise DownloadError(url, f"more than {self.options.max_megabytes:,} MiB")
                    file.write(block)
                    done += len(block)
                    progress(done, total)
        if total is not None and done != total:
            raise _Interrupted(f"{done:,} of {total:,} bytes came")

    @contextmanager
    def _get(self, url: str, headers: dict[str, str] | None = None) -> Iterator[requests.Response]:
        """The server's answer with an acceptable status; its body is not yet read.

        Raises:
            _Interrupted: the request or the reading of the body failed, and may succeed later.
            _Unavailable: the address is unusable, or the server refuses.
        """
        if not url.lower().startswith(("http://", "https://")):
            raise _Unavailable(url, "not an http or https address")
        time.sleep(max(0.0, self._last_request + self.options.pause - time.monotonic()))
        try:
            with self._session.get(url, headers=headers, stream=True, timeout=self.options.timeout) as response:
                status = f"the server answered {response.status_code} {response.reason}"
                if response.status_code in _BUSY:
                    wait = Retry().get_retry_after(response.raw) or 0.0
                    raise _Interrupted(status + f", and asks to wait {wait:.0f} s" * bool(wait), wait)
                if response.status_code not in (200, 206, 416):
                    raise _Unavailable(url, status)
                yield response
        except requests.TooManyRedirects as error:
            raise _Unavailable(url, f"more than {_MAX_REDIRECTS} redirects") from error
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
            raise _Unavailable(url, f"not a usable address: {error}") from error
        except (requests.RequestException, HTTPError) as error:
            raise _Interrupted(_reason(error)) from error
        finally:
            self._last_request = time.monotonic()

    def _blocks(self, response: requests.Response) -> Iterator[bytes]:
        """The body as it comes; raises _Interrupted if it comes too slowly."""
        began, received = time.monotonic(), 0
        while block := response.raw.read1(_BLOCK_BYTES, decode_content=False):
            yield block
            received += len(block)
            seconds = time.monotonic() - began
            if seconds > self.options.timeout:
                if received < seconds * self.options.min_rate * 1024:
                    raise _Interrupted(f"only {received / seconds / 1024:.1f} KiB per second came")
                began, received = time.monotonic(), 0


class _Part:
    """The beginning of an archive on the disk, with a *validator*, HTTP's name for what identifies a version.

    Attributes:
        resumed_at: how many of its bytes an earlier process or attempt left.
    """

    def __init__(self, final: Path, url: str) -> None:
        self._final, self._url = final, url
        self.path, self._about = (final.with_name(f"{final.name}{ending}") for ending in (".part", ".part.json"))
        self._validator = ""
        with suppress(OSError, ValueError, KeyError, TypeError):
            about = json.loads(self._about.read_bytes())
            self._validator = str(about["validator"]) if about["url"] == url else ""
        if not self._validator:
            self.discard()
        self.resumed_at = self.size

    @property
    def size(self) -> int:
        """The number of bytes that are there."""
        return self.path.stat().st_size if self.path.exists() else 0

    def range_headers(self) -> dict[str, str]:
        """The request for the missing bytes, if the version is still the same."""
        if not (self.size and self._validator):
            return {}
        return {"Range": f"bytes={self.size}-", "If-Range": self._validator}

    def begin(self, response: requests.Response) -> int | None:
        """Prepare for the body of this answer; the size of the whole archive, None if the server does not say.

        Raises:
            _Interrupted: the answer does not fit the bytes that are there; the next attempt starts from the beginning.
        """
        if response.status_code == 200:
            self.discard()
            etag = response.headers.get("ETag", "W/")
            self._validator = response.headers.get("Last-Modified", "") if etag.startswith("W/") else etag
            about = json.dumps({"url": self._url, "validator": self._validator}).encode()
            write_atomically(self._about, lambda file: file.write(about))
            length: int | None = response.raw.length_remaining
            return length
        match = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", response.headers.get("Content-Range", ""))
        start, total = match.groups() if match else (None, None)
        size = int(total) if total and total != "*" else None
        if start in (None, str(self.size)) and (response.status_code == 206 or size == self.size):
            return size
        self.discard()
        raise _Interrupted("the server answered with another range than requested")

    def discard(self) -> None:
        """Remove what is there."""
        self.path.unlink(missing_ok=True)
        self._about.unlink(missing_ok=True)
        self._validator, self.resumed_at = "", 0

    def complete(self) -> None:
        """Give the whole archive its name."""
        self.path.replace(self._final)
        self._about.unlink(missing_ok=True)


def _describe(archive: Archive, path: Path, resumed_at: int, *, already_there: bool = False) -> Fetched:
    """What the file holds; every game in it is read.

    Raises:
        DamagedArchive: it is damaged or cut short.
        DownloadError: it holds no game, or expands without bounds.
    """
    try:
        games = sum(1 for _ in iter_archive(path, archive.name))
    except DamagedArchive:
        raise
    except HayagoError as error:
        raise DownloadError(archive.url, str(error).partition(": ")[2]) from error
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Fetched(archive.url, path, path.stat().st_size, digest, resumed_at, games, already_there)


def _reason(error: Any) -> str:
    """The innermost cause inside the wrappers of requests and urllib3, in one line."""
    while True:
        inner = getattr(error, "reason", None) or (error.args[0] if error.args else None)
        if not isinstance(inner, Exception):
            return " ".join(str(error).split()) or type(error).__name__
        error = inner
