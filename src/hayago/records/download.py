"""Fetches archives of game records from the web, each of them whole or not at all.

While an archive is being fetched it is NAME.part, and NAME.part.json says which version of which address it is. It
becomes NAME only when it is as long as the server said and every game file in it can be unpacked. Whether those hold
games that can be used is the business of `prepare`. The next download resumes
from the bytes that a broken one left, if the server still has the same version; otherwise it starts again.

`requests` handles redirects, proxies and certificates. The bytes are read from the urllib3 response below it as they
arrive, because a server that sends very slowly must not hold us forever. urllib3's own retries cannot resume a body.
"""

import hashlib
import http.client
import json
import re
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import requests
from filelock import FileLock, Timeout
from requests.adapters import HTTPAdapter
from requests.utils import requote_uri
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, IncompleteRead
from urllib3.util import Retry

from hayago import __version__
from hayago.errors import HayagoError, printable
from hayago.files import refuse_links, write_atomically
from hayago.records.archives import A_LINK, NOT_A_GAME, DamagedArchive, iter_archive

# We have read about its links but never fetched it: the tests have a server of their own.
KGS_ARCHIVE = "https://www.u-go.net/gamerecords/"
SUFFIXES = (".tar.xz", ".txz", ".tar.bz2", ".tbz2", ".tar.gz", ".tgz", ".zip")  # the best compression first

_MAX_PAGE_BYTES = 8 << 20
_MAX_WAIT_SECONDS = 120.0
_LONG_WAIT = 10**9  # stands for all longer ones
_MAX_NAME_BYTES = 120
_MAX_MESSAGE = 1000
_MOST_ARCHIVES = 10_000  # of one page; at a second each, some hours
_BLOCK_BYTES = 1 << 16
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # Windows keeps these names
_BUSY = (429, 500, 502, 503, 504)


@dataclass(frozen=True)
class DownloadOptions:
    """How archives are fetched."""

    only: tuple[str, ...] = ()
    """Fetch only archives whose name matches one of these patterns: `*2015*`."""
    pause: float = 1.0
    """Seconds between two requests; archives are fetched one at a time."""
    tries: int = 5
    """Give up after this many attempts in a row that bring nothing new."""
    retry_pause: float = 2.0
    """Seconds before the second attempt; doubled for each further one."""
    timeout: float = 30.0
    """Seconds to wait for the server; also, how long it may send less than --min-rate."""
    min_rate: float = 1.0
    """KiB a second; a slower transfer is broken off and tried again."""
    max_megabytes: int = 4096
    """Larger archives are not fetched."""

    def __post_init__(self) -> None:
        lowest = {"pause": 0, "tries": 1, "retry_pause": 0, "timeout": 0.01, "min_rate": 0, "max_megabytes": 1}
        for name, low in lowest.items():
            value = getattr(self, name)
            if not low <= value <= 1_000_000:
                raise HayagoError(f"{name.replace('_', ' ')} must be from {low} to 1,000,000: {value}")


_LOCK = ".download.lock"


class Archive(NamedTuple):
    """An archive on the web and the name of the file that it becomes."""

    url: str
    name: str


class Fetched(NamedTuple):
    """A fetched archive."""

    url: str
    path: Path
    size: int  # in bytes
    sha256: str
    resumed_at: int  # how many of these bytes an earlier download had left
    games: int  # how many game files it contains
    already_there: bool  # the file existed, so the server was not asked


class DownloadError(HayagoError):
    """An archive or a page cannot be fetched. A server's words in the message are made one printable line."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(" ".join(message.split()))[:_MAX_MESSAGE])


class _Broken(Exception):
    """An attempt failed, but another may not after `wait` seconds."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


class Downloader:
    """Fetches archives one after the other into one folder, which stays locked until `close`.

    Raises:
        HayagoError: the folder cannot be used, or another process downloads into it.
    """

    def __init__(self, folder: Path, options: DownloadOptions | None = None) -> None:
        self.folder, self.options = folder, options or DownloadOptions()
        self._session = requests.Session()
        self._session.max_redirects = 5
        self._session.auth = lambda request: request  # nothing of an address, or of .netrc, goes to a server
        self._session.headers.update({"User-Agent": f"hayago/{__version__}", "Accept-Encoding": "identity"})
        self._session.mount("http://", _Adapter())
        self._session.mount("https://", _Adapter())
        self._next_request = 0.0
        self.unnamed: list[tuple[str, str]] = []
        """(address, reason) of each link to an archive that gives no file name, from `find`."""
        refuse_links(folder, (_LOCK,))
        self._lock = FileLock(folder / _LOCK)
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
        with suppress(OSError):  # Windows does not delete an open file
            Path(self._lock.lock_file).unlink()  # the readers of the games should not see it
        self._lock.release()

    def find(self, urls: Iterable[str]) -> list[Archive]:
        """The archives among these addresses, and those that the other addresses link to as pages, in order.

        An archive that is offered in several formats is taken once, in the one that compresses best.

        Raises:
            DownloadError: an address is malformed, or its page cannot be read or links to no archive.
            HayagoError: no archive's name matches `options.only`.
        """
        urls = list(urls)
        for url in urls:
            if _has_password(url):
                raise DownloadError("an address with a name or password in it is not fetched")
        best: dict[str, str] = {}  # an address without its suffix: the address
        for url in urls:
            for link in [url] if _suffix(url) else self._links(url):
                parts = urlsplit(link)
                stem = parts._replace(path=parts.path.removesuffix(_suffix(link))).geturl()
                best[stem] = min(best.get(stem, link), link, key=lambda one: SUFFIXES.index(_suffix(one).lower()))
        archives: dict[str, Archive] = {}
        for link in best.values():
            try:
                name, number, suffix = safe_name(link), 1, _suffix(link)
            except DownloadError as error:
                if link in urls:  # the user's own
                    raise
                self.unnamed.append((link, str(error)))
                continue
            stem = name.removesuffix(suffix)
            while name.lower() in archives:
                number += 1
                name = f"{stem}-{number}{suffix}"
            archives[name.lower()] = Archive(link, name)
        if not archives:
            raise DownloadError(self.unnamed[0][1])
        only = self.options.only
        wanted = [a for a in archives.values() if not only or any(fnmatch(a.name, pattern) for pattern in only)]
        if not wanted:
            raise HayagoError(f"none of {len(archives)} archives matches {' or '.join(only)}")
        return wanted

    def _links(self, url: str) -> list[str]:
        """The archives that a page links to."""
        finder = _LinkFinder()

        def read() -> None:
            page = bytearray()
            with self._get(url) as response:
                unpack = _unpacker(response.headers.get("Content-Encoding", ""))
                for block in self._blocks(response):
                    page += unpack(block, _MAX_PAGE_BYTES + 1)
                    if len(page) > _MAX_PAGE_BYTES:
                        raise DownloadError(f"{url}: a page of more than {_MAX_PAGE_BYTES >> 20} MiB")
                finder.base = response.url
            # Browsers treat "<![...>" as a comment, but the parser of Python 3.11 raises an error.
            finder.feed(page.decode(errors="replace").replace("<![", "<!"))

        self._persist(url, read)
        if len(finder.archives) > _MOST_ARCHIVES:
            raise DownloadError(f"{url}: links to more than {_MOST_ARCHIVES:,} archives")
        if not finder.archives:
            raise DownloadError(f"{url}: links to no {', '.join(SUFFIXES[::2])} archive")
        return finder.archives

    def fetch(self, archive: Archive, progress: Callable[..., object] | None = None) -> Fetched:
        """Fetch one archive, or the rest of it where an earlier download left a part.

        Args:
            archive: one that `find` returned.
            progress: called with `completed`, the bytes so far, and `total`, all bytes or None if unknown.

        Raises:
            DownloadError: it cannot be fetched, or is not an archive of games.
            HayagoError: it cannot be written.
        """
        path, part = self.folder / archive.name, _Part(self.folder / archive.name, archive.url)
        refuse_links(self.folder, (part.path.name, part.about.name))
        try:
            if path.exists():
                return _describe(archive, path, already_there=True)
            for last in (False, True):
                self._persist(archive.url, lambda: self._transfer(part, progress), part.size)
                try:
                    fetched = _describe(archive, part.path, part.resumed_at)
                    break
                except DownloadError as error:
                    part.discard()
                    # The bytes of two attempts may not fit together, so a damaged archive is fetched once again.
                    if last or not isinstance(error.__cause__, DamagedArchive):
                        raise
            part.path.replace(path)
            part.about.unlink(missing_ok=True)
        except OSError as error:
            part.discard()
            raise HayagoError(f"cannot write {part.path}: {error.strerror or error}") from error
        return fetched._replace(path=path)

    def _transfer(self, part: "_Part", progress: Callable[..., object] | None) -> None:
        """Make the part whole, or raise _Broken and keep what arrived (RFC 9110, sections 13.1.5 and 14)."""
        done = part.size()
        headers = {"Range": f"bytes={done}-", "If-Range": part.validator()} if done else {}
        with self._get(part.url, headers) as response:
            range_ = response.headers.get("Content-Range", "")
            if done and response.status_code == 416 and range_ == f"bytes */{done}":  # nothing is missing
                return
            if done and response.status_code == 206 and range_.startswith(f"bytes {done}-"):
                length = range_.rpartition("/")[2]
                total = int(length) if length.isdecimal() and len(length) < 20 else None
            else:
                part.discard()
                if response.status_code != 200:
                    raise _Broken("the server did not send the range that was asked for")
                part.begin(response)
                done, total = 0, response.raw.length_remaining
            with part.path.open("ab") as file:
                for block in self._blocks(response):
                    file.write(block)
                    done += len(block)
                    if max(done, total or 0) > self.options.max_megabytes << 20:
                        part.discard()
                        raise DownloadError(f"{part.url}: larger than {self.options.max_megabytes:,} MiB")
                    if progress:
                        progress(completed=done, total=total)
        if total is not None and done != total:
            raise _Broken(f"{done:,} of {total:,} bytes arrived")

    @contextmanager
    def _get(self, url: str, headers: dict[str, str] | None = None) -> Iterator[requests.Response]:
        """The server's answer, with status 200, 206 or 416 and its body still unread."""
        time.sleep(max(0.0, self._next_request - time.monotonic()))
        try:
            with self._session.get(url, headers=headers, stream=True, timeout=self.options.timeout) as response:
                if response.status_code not in (200, 206, 416):
                    reason = f"the server answered {response.status_code} {response.reason}"
                    if response.status_code not in _BUSY:
                        raise DownloadError(f"{url}: {reason}")
                    retry = Retry()
                    retry.retry_after_max = _LONG_WAIT  # unasked, no wait is longer than six hours
                    wait = min(retry.get_retry_after(response.raw) or 0.0, _LONG_WAIT)
                    raise _Broken(f"{reason} and asked to wait {wait:.0f} s" if wait else reason, wait)
                yield response
        except (requests.RequestException, HTTPError, ValueError, OverflowError, zlib.error) as error:
            if isinstance(
                error, (ValueError, OverflowError, requests.TooManyRedirects)
            ):  # about the address or a number
                raise DownloadError(f"{url}: {error}") from error
            raise _Broken(_reason(error)) from error
        finally:
            self._next_request = time.monotonic() + self.options.pause

    def _blocks(self, response: requests.Response) -> Iterator[bytes]:
        """The body as it arrives, not decompressed; raises _Broken if it is slow."""
        start, received = time.monotonic(), 0
        while block := response.raw.read1(_BLOCK_BYTES, decode_content=False):
            yield block
            received += len(block)
            seconds = time.monotonic() - start
            if seconds > self.options.timeout:
                if received < seconds * self.options.min_rate * 1024:
                    raise _Broken(f"only {received / seconds / 1024:.1f} KiB a second arrived")
                start, received = time.monotonic(), 0

    def _persist(self, url: str, attempt: Callable[[], None], size: Callable[[], int] = lambda: 0) -> None:
        """Attempt it until nothing breaks. An attempt after which `size` has grown starts a new count."""
        failures, largest = 0, size()
        while True:
            try:
                return attempt()
            except _Broken as error:
                if size() >= largest + _BLOCK_BYTES:
                    failures, largest = 0, size()
                failures += 1
                if failures >= self.options.tries or error.wait > _MAX_WAIT_SECONDS:
                    raise DownloadError(f"{url}: {error} ({failures} attempt{'s' * (failures > 1)})") from error
                pause = self.options.retry_pause * 2.0 ** min(failures - 1, 99)
                time.sleep(min(max(error.wait, pause), _MAX_WAIT_SECONDS))


def _reason(error: BaseException) -> str:
    """What the error says that requests and urllib3 have wrapped several times."""
    root = error
    while inner := root.__cause__ or root.__context__:
        root = inner
    if isinstance(root, (IncompleteRead, http.client.IncompleteRead)):
        came = f" after {root.partial} bytes" if isinstance(root.partial, int) else ""
        return f"the connection ended{came}, before all had arrived"
    if isinstance(root, ValueError):
        return "a chunk of the answer is damaged or cut short"
    return str(root) or type(root).__name__


class _Prompt:
    """A connection whose answer's header must come within its timeout: as a whole, not only each byte of it."""

    timeout: Any
    sock: Any

    def getresponse(self) -> Any:
        """See `HTTPConnection`."""
        late = threading.Event()

        def hang_up() -> None:
            late.set()
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

        sock = self.sock
        timer = threading.Timer(self.timeout, hang_up)
        timer.daemon = True
        timer.start()
        try:
            response = super().getresponse()  # type: ignore[misc]
        except (OSError, http.client.HTTPException):
            if not late.is_set():
                raise
        finally:
            timer.cancel()
        if late.is_set():  # http.client takes half a header for a whole one
            raise TimeoutError(f"the header of the answer took more than {self.timeout:g} s")
        return response


class _Connection(_Prompt, HTTPConnection):
    pass


class _SafeConnection(_Prompt, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SafePool(HTTPSConnectionPool):
    ConnectionCls = _SafeConnection


class _Adapter(HTTPAdapter):
    """Makes requests use these connections, with a proxy too."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """See `HTTPAdapter`."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SafePool}

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """See `HTTPAdapter`."""
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _SafePool}
        return manager


class _Part:
    """The beginning of an archive, and the file about it."""

    def __init__(self, path: Path, url: str) -> None:
        self.path, self.about = path.with_name(f"{path.name}.part"), path.with_name(f"{path.name}.part.json")
        self.url = url
        self.resumed_at = self.size()  # the bytes that an earlier download left

    def size(self) -> int:
        """The bytes that are there and can be used: without a version, the rest may not fit them."""
        return self.path.stat().st_size if self.path.exists() and self.validator() else 0

    def validator(self) -> str:
        """What tells its version, or "" if that is unknown or the part is of another address."""
        with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
            return str(json.loads(self.about.read_bytes())[self.url])
        return ""

    def begin(self, response: requests.Response) -> None:
        """Write down the version that this answer sends."""
        etag = response.headers.get("ETag", "W/")
        validator = response.headers.get("Last-Modified", "") if etag.startswith("W/") else etag
        write_atomically(self.about, lambda file: file.write(json.dumps({self.url: validator}).encode()))

    def discard(self) -> None:
        """Remove what is there."""
        self.path.unlink(missing_ok=True)
        self.about.unlink(missing_ok=True)
        self.resumed_at = 0


class _LinkFinder(HTMLParser):
    """Collects the addresses of the archives that a page links to, without control characters."""

    def __init__(self) -> None:
        super().__init__()
        self.base = ""
        self.archives: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        target = (dict(attrs).get("href") or "").strip()
        with suppress(ValueError, DownloadError):  # a malformed address
            url = requote_uri(urldefrag(urljoin(self.base, target))[0])
            if tag == "base" and target:
                self.base = url
            elif tag == "a" and url.startswith(("http://", "https://")) and _suffix(url) and not _has_password(url):
                self.archives.append(url)


def _has_password(url: str) -> bool:
    """Whether an address begins with a name or password. Such an address would be shown, and kept in files."""
    return "@" in url.partition("//")[2].partition("/")[0]


def _unpacker(encoding: str) -> Callable[[bytes, int], bytes]:
    """Unpacks the blocks of a page that came compressed, whatever was asked for, each to at most so many bytes."""
    if encoding.strip().lower() in ("gzip", "x-gzip", "deflate"):
        return zlib.decompressobj(wbits=zlib.MAX_WBITS | 32).decompress
    return lambda block, _most: block


def safe_name(url: str) -> str:
    """The last part of an address as a file name that every system accepts and that stays in its folder.

    Raises:
        DownloadError: nothing is left of it.
    """
    suffix = _suffix(url)
    name = re.split(r"[/\\]", unquote(urlsplit(url).path.removesuffix(suffix)))[-1]
    stem = "".join(c if c.isprintable() and c not in '<>:"|?*' else "_" for c in name)
    stem = stem.strip(". ").encode()[: _MAX_NAME_BYTES - len(suffix)].decode(errors="ignore").rstrip(". ")
    if not stem:
        raise DownloadError(f"{url}: gives no file name")
    return f"{'_' * bool(_RESERVED.fullmatch(stem))}{stem}{suffix}"


def _suffix(url: str) -> str:
    """The archive suffix of an address as it is written, or ""."""
    try:
        path = urlsplit(url).path
    except ValueError as error:
        raise DownloadError(f"{url}: malformed address: {error}") from error
    return next((path[-len(suffix) :] for suffix in SUFFIXES if path.lower().endswith(suffix)), "")


def _describe(archive: Archive, path: Path, resumed_at: int = 0, *, already_there: bool = False) -> Fetched:
    """Unpack every game file; the cause of a DownloadError may be a DamagedArchive."""
    where = path if already_there else archive.url

    def refuse(source: str, reason: str) -> None:
        if reason not in (NOT_A_GAME, A_LINK):  # what a link leads to is in the archive by another name
            raise DownloadError(f"{where}: {source.partition('!')[2][-200:]}: {reason}")

    try:
        games = sum(1 for _ in iter_archive(path, archive.name, refuse))
    except DownloadError:
        raise
    except HayagoError as error:
        raise DownloadError(f"{where}: {str(error).rpartition(f'{path}: ')[2]}") from error
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Fetched(archive.url, path, path.stat().st_size, digest, resumed_at, games, already_there)
