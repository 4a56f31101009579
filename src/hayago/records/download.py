"""Fetching archives of game records from the web: which there are, and each of them whole or not at all.

While an archive is being fetched it is NAME.part, and NAME.part.json says of which version of what. Only when it is as
long as the server said and every game in it can be read does it become NAME. So whatever stops a download, the next
one goes on with the bytes that are there, if the server still has the same version and lets us; else it begins anew.

A session of `requests` brings redirects, proxies and certificates. The bytes are read from the urllib3 response below
it as they come, since a server that trickles must not hold us for ever, and nobody may unpack on the way.
"""

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import SplitResult, unquote, urldefrag, urljoin, urlsplit

import requests
from filelock import FileLock, Timeout
from urllib3.exceptions import HTTPError

from hayago import __version__
from hayago.errors import HayagoError
from hayago.files import write_atomically
from hayago.records.archives import DamagedArchive, iter_archive

# Its links were read about, never fetched: the tests have a server of their own.
KGS_ARCHIVE = "https://www.u-go.net/gamerecords/"
SUFFIXES = (".tar.xz", ".txz", ".tar.bz2", ".tbz2", ".tar.gz", ".tgz", ".zip")  # the smallest first

_MAX_PAGE_BYTES = 8 << 20
_MAX_REDIRECTS = 5
_MAX_WAIT_SECONDS = 120.0
_MAX_OPTION_SECONDS = 86_400  # no system waits for ever
_MAX_NAME = 120  # bytes
_BLOCK_BYTES = 1 << 16
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # names that Windows keeps for itself
_BUSY = (429, 500, 502, 503, 504)

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class DownloadOptions:
    """How archives are fetched."""

    only: tuple[str, ...] = ()
    """Fetch only archives whose name matches one of these patterns: `*2015*`."""
    pause: float = 1.0
    """Seconds between two requests; archives are fetched one at a time."""
    tries: int = 5
    """Attempts for one archive that get no further."""
    retry_pause: float = 2.0
    """Seconds before the second attempt; doubled for each further one."""
    timeout: float = 30.0
    """Seconds to wait for the server; also, how long it may send less than --min-rate."""
    min_rate: float = 1.0
    """KiB a second below which a transfer is broken off, to be tried again."""
    max_megabytes: int = 4096
    """Larger archives are not fetched."""

    def __post_init__(self) -> None:
        for name in ("pause", "retry_pause", "min_rate"):
            if not getattr(self, name) >= 0:
                raise HayagoError(f"{name.replace('_', ' ')} must not be below 0: {getattr(self, name)}")
        for name in ("tries", "timeout", "max_megabytes"):
            if not getattr(self, name) > 0:
                raise HayagoError(f"{name.replace('_', ' ')} must be above 0: {getattr(self, name)}")
        for name in ("pause", "timeout"):
            if getattr(self, name) > _MAX_OPTION_SECONDS:
                raise HayagoError(f"{name} must not be above {_MAX_OPTION_SECONDS:,}: {getattr(self, name)}")


class Archive(NamedTuple):
    """An archive on the web and the name of the file that it becomes."""

    url: str
    name: str


class Fetched(NamedTuple):
    """A fetched archive.

    Attributes:
        size: in bytes.
        resumed_at: how many of them were there already from an earlier attempt.
        games: the game files in it.
        already_there: whether nothing was asked of the server, since the file was there.
    """

    url: str
    path: Path
    size: int
    sha256: str
    resumed_at: int
    games: int
    already_there: bool


class DownloadError(HayagoError):
    """Something could not be fetched; the message begins with its address."""


class _Refused(DownloadError):
    """The server does not give it to us; what is there already may be of use another day."""


class _Broken(Exception):
    """An attempt failed in a way that another may not; `wait` is what the server asks for, in seconds."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


class Downloader:
    """Fetches archives one after the other into one folder, which is locked meanwhile.

    Raises:
        HayagoError: the folder cannot be used, or another process downloads into it.
    """

    def __init__(self, folder: Path, options: DownloadOptions | None = None) -> None:
        self.folder, self.options = folder, options or DownloadOptions()
        self._session = requests.Session()
        self._session.max_redirects = _MAX_REDIRECTS
        self._session.headers.update({"User-Agent": f"hayago/{__version__}", "Accept-Encoding": "identity"})
        self._last_request = -1e9
        self._lock = FileLock(folder / ".download.lock")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise HayagoError(f"{folder}: another process is downloading into this folder") from error
        except OSError as error:
            raise HayagoError(f"cannot use {folder}: {error.strerror or error}") from error

    def close(self) -> None:
        """Let the folder and the connections go."""
        self._session.close()
        with suppress(OSError):  # Windows deletes no open file
            Path(self._lock.lock_file).unlink()  # who reads the games need not see it
        self._lock.release()

    # What there is

    def find(self, urls: Iterable[str]) -> list[Archive]:
        """The archives that the addresses are or, as pages, link to, in their order.

        An archive that is offered in several formats is taken once, in the smallest.

        Raises:
            DownloadError: an address is none, its page cannot be read or links to no archive.
            HayagoError: no archive's name matches what is wanted.
        """
        found: dict[str, str] = {}
        for url in urls:
            for link in [url] if _suffix(url) else self._links(url):
                stem = _stem(link)
                if stem not in found or _rank(link) < _rank(found[stem]):
                    found[stem] = link
        archives: dict[str, Archive] = {}
        for link in found.values():
            name = _free_name(safe_name(link), archives)
            archives[name.lower()] = Archive(link, name)
        only = self.options.only
        wanted = [a for a in archives.values() if not only or any(fnmatch(a.name, pattern) for pattern in only)]
        if not wanted:
            raise HayagoError(f"none of {len(archives)} archives matches {' or '.join(only)}")
        return wanted

    def _links(self, url: str) -> list[str]:
        for attempt in range(self.options.tries):
            try:
                with self._get(url) as response:
                    page = bytearray()
                    for block in self._blocks(response):
                        page += block
                        if len(page) > _MAX_PAGE_BYTES:
                            raise DownloadError(f"{url}: a page of more than {_MAX_PAGE_BYTES >> 20} MiB")
                    base = response.url
                break
            except _Broken as error:
                self._wait_or_give_up(url, error, attempt)
        finder = _LinkFinder(base)
        # A browser takes "<![...>" for a comment; Python 3.11's parser gives up over it.
        finder.feed(page.decode(errors="replace").replace("<![", "<!"))
        links = [link for link in dict.fromkeys(finder.links) if _suffix(link)]
        if not links:
            raise DownloadError(f"{url}: links to no {', '.join(SUFFIXES[::2])} or .zip archive")
        return links

    # Fetching

    def fetch(self, archive: Archive, progress: Progress | None = None) -> Fetched:
        """Fetch one archive, going on where an earlier attempt stopped.

        Args:
            archive: which.
            progress: told (bytes so far, bytes in all or None).

        Raises:
            DownloadError: it cannot be had, or what came is no archive of games.
            HayagoError: it cannot be written.
        """
        path = self.folder / archive.name
        if path.exists():
            return _describe(archive, path, 0, already_there=True)
        part = _Part(path, archive.url)
        furthest, attempt, damaged = part.size, 0, False
        while True:
            try:
                self._attempt(archive.url, part, progress or (lambda done, total: None))
                fetched = _describe(archive, part.path, part.resumed_at)
                break
            except DamagedArchive as error:
                # The bytes of two attempts may not fit each other, so once more from the beginning; then it is so.
                reason = str(error).partition(": ")[2]
                part.discard()
                if damaged:
                    raise DownloadError(f"{archive.url}: {reason}") from error
                damaged, furthest = True, 0
            except _Broken as error:
                if part.size - furthest >= _BLOCK_BYTES:
                    furthest, attempt = part.size, 0
                self._wait_or_give_up(archive.url, error, attempt)
                attempt += 1
            except _Refused:
                raise
            except HayagoError:
                part.discard()
                raise
        part.complete()
        return fetched._replace(path=path)

    def _attempt(self, url: str, part: "_Part", progress: Progress) -> None:
        """Make the part whole, or raise _Broken and leave it longer than it was."""
        limit = self.options.max_megabytes << 20
        with self._get(url, part.range_headers()) as response, _writing(part.path):
            total = part.begin(response)
            if response.status_code == 416:  # there is nothing behind what is there
                return
            if (total or 0) > limit:
                raise DownloadError(f"{url}: {total or 0:,} bytes, more than {self.options.max_megabytes:,} MiB")
            done = part.size
            with part.path.open("ab") as file:
                for block in self._blocks(response):
                    file.write(block)
                    done += len(block)
                    progress(done, total)
                    if done > limit:
                        raise DownloadError(f"{url}: more than {self.options.max_megabytes:,} MiB")
        if total is not None and done != total:
            raise _Broken(f"{done:,} of {total:,} bytes came")

    @contextmanager
    def _get(self, url: str, headers: dict[str, str] | None = None) -> Iterator[requests.Response]:
        """The server's answer, its status looked at and its body not yet read.

        Raises:
            _Broken: there is none now.
            _Refused: there will be none.
        """
        if _split(url).scheme not in ("http", "https"):
            raise _Refused(f"{url}: not an http or https address")
        time.sleep(max(0.0, self._last_request + self.options.pause - time.monotonic()))
        try:
            with self._session.get(url, headers=headers, stream=True, timeout=self.options.timeout) as response:
                if response.status_code in _BUSY:
                    wait = _retry_after(response)
                    raise _Broken(_status(response) + f", to wait {wait:g} s" * bool(wait), wait)
                if response.status_code not in (200, 206, 416):
                    raise _Refused(f"{url}: {_status(response)}")
                yield response
        except requests.TooManyRedirects as error:
            raise _Refused(f"{url}: more than {_MAX_REDIRECTS} redirects") from error
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
            raise _Refused(f"{url}: no address to fetch from: {error}") from error
        except (requests.RequestException, HTTPError) as error:
            raise _Broken(_reason(error)) from error
        finally:
            self._last_request = time.monotonic()

    def _blocks(self, response: requests.Response) -> Iterator[bytes]:
        """The body as it comes.

        Raises:
            _Broken: it comes too slowly.
        """
        began, received = time.monotonic(), 0
        while block := response.raw.read1(_BLOCK_BYTES, decode_content=False):
            yield block
            received += len(block)
            seconds = time.monotonic() - began
            if seconds > self.options.timeout:
                if received < seconds * self.options.min_rate * 1024:
                    raise _Broken(f"only {received / seconds / 1024:.1f} KiB a second came")
                began, received = time.monotonic(), 0

    def _wait_or_give_up(self, url: str, error: _Broken, attempt: int) -> None:
        if attempt + 1 >= self.options.tries or error.wait > _MAX_WAIT_SECONDS:
            raise DownloadError(f"{url}: {error} ({attempt + 1} attempts)") from error
        time.sleep(min(max(error.wait, self.options.retry_pause * 2.0 ** min(attempt, 99)), _MAX_WAIT_SECONDS))


class _Part:
    """An archive that is not whole yet.

    Attributes:
        resumed_at: how many of its bytes are from before.
    """

    def __init__(self, path: Path, url: str) -> None:
        self.path = path.with_name(f"{path.name}.part")
        self._about_path = path.with_name(f"{path.name}.part.json")
        self._final, self._url = path, url
        self._validator = self._read_validator()
        if not self._validator:
            self.discard()
        self.resumed_at = self.size

    @property
    def size(self) -> int:
        """Bytes that are there."""
        return self.path.stat().st_size if self.path.exists() else 0

    def range_headers(self) -> dict[str, str]:
        """Asks for the rest, if it is the rest of the same."""
        known = self.size and self._validator
        return {"Range": f"bytes={self.size}-", "If-Range": self._validator} if known else {}

    def begin(self, response: requests.Response) -> int | None:
        """Make ready for the body of this answer; the bytes that the archive has in all, if the server says so.

        Raises:
            _Broken: the answer does not fit what is there; the next attempt begins anew.
        """
        start, total = _range_of(response)
        if response.status_code in (206, 416):
            if start in (None, self.size) and (response.status_code == 206 or total == self.size):
                return total
            self.discard()
            raise _Broken("the server answered with another range than asked for")
        self.discard()
        headers = response.headers
        etag, length = headers.get("ETag", ""), headers.get("Content-Length", "")
        self._validator = headers.get("Last-Modified", "") if etag.startswith("W/") or not etag else etag
        about = json.dumps({"url": self._url, "validator": self._validator}) + "\n"
        write_atomically(self._about_path, lambda file: file.write(about.encode()))
        return int(length) if length.isascii() and length.isdigit() else None

    def discard(self) -> None:
        """Forget what is there."""
        self.path.unlink(missing_ok=True)
        self._about_path.unlink(missing_ok=True)
        self._validator, self.resumed_at = "", 0

    def complete(self) -> None:
        """The archive is whole."""
        with _writing(self._final):
            self.path.replace(self._final)
            self._about_path.unlink(missing_ok=True)

    def _read_validator(self) -> str:
        """What tells the version that the part is of; nothing where that is not known."""
        try:
            about = json.loads(self._about_path.read_bytes())
            return str(about["validator"]) if about["url"] == self._url else ""
        except (OSError, ValueError, KeyError, TypeError):
            return ""


def safe_name(url: str) -> str:
    """A file name for an address's last part that every system takes, and that leads out of no folder.

    Raises:
        DownloadError: nothing is left of it.
    """
    name = re.split(r"[/\\]", unquote(_split(url).path))[-1]
    suffix = _suffix(name)
    stem = re.sub(r'[\x00-\x1f\x7f<>:"|?*]', "_", name[: len(name) - len(suffix)])
    stem = stem.strip(". ").encode()[: _MAX_NAME - len(suffix)].decode(errors="ignore").rstrip(". ")
    if not stem:
        raise DownloadError(f"{url}: gives no file name")
    return f"{'_' * bool(_RESERVED.fullmatch(stem))}{stem}{suffix}"


def _free_name(name: str, taken: dict[str, Archive]) -> str:
    """The name, numbered where another address has it already."""
    suffix = _suffix(name)
    stem, number = name[: len(name) - len(suffix)], 1
    while name.lower() in taken:
        number += 1
        name = f"{stem}-{number}{suffix}"
    return name


def _suffix(text: str) -> str:
    """The archive's suffix of a name or of an address's path, as it is written; "" where there is none."""
    path = _split(text).path if "://" in text else text
    return next((path[-len(suffix) :] for suffix in SUFFIXES if path.lower().endswith(suffix)), "")


def _stem(url: str) -> str:
    """An archive's address without the suffix: what its formats have in common."""
    parts = _split(url)
    return parts._replace(path=parts.path[: -len(_suffix(url))]).geturl()


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError as error:  # a bracket without its other half
        raise DownloadError(f"{url}: no address: {str(error).lower()}") from error


def _rank(url: str) -> int:
    return SUFFIXES.index(_suffix(url).lower())


class _LinkFinder(HTMLParser):
    """Collects where a page's links lead, as whole addresses."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = base
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        target = dict(attrs).get("href")
        if not target:
            return
        try:
            url = urldefrag(urljoin(self._base, target.strip()))[0]
        except ValueError:  # see _split
            return
        if tag == "base":
            self._base = url
        elif tag == "a" and url.startswith(("http://", "https://")):
            self.links.append(url)


def _describe(archive: Archive, path: Path, resumed_at: int, *, already_there: bool = False) -> Fetched:
    """What the file is, once every game in it could be read.

    Raises:
        DamagedArchive: it is damaged or cut short.
        DownloadError: there is no game in it, or it is a trap.
    """
    try:
        games = sum(1 for _ in iter_archive(path, archive.name))
    except DamagedArchive:
        raise
    except HayagoError as error:
        raise DownloadError(f"{archive.url}: {str(error).partition(': ')[2]}") from error
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Fetched(archive.url, path, path.stat().st_size, digest, resumed_at, games, already_there)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except requests.RequestException:  # is an OSError too
        raise
    except OSError as error:
        raise HayagoError(f"cannot write {path}: {error.strerror or error}") from error


def _range_of(response: requests.Response) -> tuple[int | None, int | None]:
    """Where the body begins and how long all is, by Content-Range."""
    match = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", response.headers.get("Content-Range", ""))
    if match is None:
        return None, None
    return int(match[1]) if match[1] else None, int(match[2]) if match[2].isdigit() else None


def _status(response: requests.Response) -> str:
    return f"the server answered {response.status_code} {response.reason}"


def _retry_after(response: requests.Response) -> float:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else 0.0


def _reason(error: Any) -> str:
    """What is behind the wrappers of requests and urllib3, in one line."""
    while True:
        inner = getattr(error, "reason", None) or (error.args[0] if error.args else None)
        if not isinstance(inner, Exception):
            return " ".join(str(error).split()) or type(error).__name__
        error = inner
