"""The archives that a web page links to, and safe file names for them. Nothing here uses the network or the disk."""

import re
from collections.abc import Iterable
from contextlib import suppress
from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from requests.utils import requote_uri

from hayago.errors import HayagoError

SUFFIXES = (".tar.xz", ".txz", ".tar.bz2", ".tbz2", ".tar.gz", ".tgz", ".zip")  # the smallest format first
_MAX_NAME_BYTES = 120
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # Windows reserves these names


class Archive(NamedTuple):
    """An archive on the web and the name of the file that it becomes."""

    url: str
    name: str


def suffix_of(url: str) -> str:
    """The archive suffix of an address as it is written there; "" if the address is not that of an archive."""
    try:
        path = urlsplit(url).path
    except ValueError:  # an opening bracket without its closing one
        return ""
    return next((path[-len(suffix) :] for suffix in SUFFIXES if path.lower().endswith(suffix)), "")


def links_of(page: str, url: str) -> list[str]:
    """The addresses of all archives that the page at `url` links to, each once, in the page's order."""
    finder = _LinkFinder(url)
    # A browser treats "<![...>" as a comment; the parser of Python 3.11 fails on it.
    finder.feed(page.replace("<![", "<!"))
    return [link for link in dict.fromkeys(finder.links) if suffix_of(link)]


def name_archives(urls: Iterable[str]) -> list[Archive]:
    """Choose the smallest format of each archive, and give each a file name that differs in more than case.

    Raises:
        HayagoError: an address yields no file name.
    """
    smallest: dict[str, str] = {}
    for url in urls:
        parts, suffix = urlsplit(url), suffix_of(url)
        stem = parts._replace(path=parts.path.removesuffix(suffix)).geturl()
        smallest[stem] = min(smallest.get(stem, url), url, key=lambda one: SUFFIXES.index(suffix_of(one).lower()))
    archives: dict[str, Archive] = {}
    for url in smallest.values():
        suffix, number = suffix_of(url), 1
        stem = safe_name(url).removesuffix(suffix)
        name = f"{stem}{suffix}"
        while name.lower() in archives:
            number += 1
            name = f"{stem}-{number}{suffix}"
        archives[name.lower()] = Archive(url, name)
    return list(archives.values())


def safe_name(url: str) -> str:
    """A file name from the last part of an address; valid on every system, and inside the folder it is put into.

    Raises:
        HayagoError: the address leaves nothing for a name.
    """
    suffix = suffix_of(url)
    stem = re.split(r"[/\\]", unquote(urlsplit(url).path))[-1].removesuffix(suffix)
    stem = re.sub(r'[\x00-\x1f\x7f-\x9f<>:"|?*]', "_", stem).strip(". ")
    stem = stem.encode()[: _MAX_NAME_BYTES - len(suffix)].decode(errors="ignore").rstrip(". ")
    if not stem:
        raise HayagoError(f"{url}: gives no file name")
    return f"{'_' * bool(_RESERVED.fullmatch(stem))}{stem}{suffix}"


class _LinkFinder(HTMLParser):
    """Collects where a page's links lead, as whole addresses."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = base
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        target = dict(attrs).get("href")
        if not target or tag not in ("a", "base"):
            return
        with suppress(ValueError):  # see suffix_of
            url = requote_uri(urldefrag(urljoin(self._base, target.strip()))[0])
            if tag == "base":
                self._base = url
            elif url.startswith(("http://", "https://")):
                self.links.append(url)
