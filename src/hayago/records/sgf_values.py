"""What the values of SGF's properties mean: texts and comments with their escapes and encodings, komi, handicap, dates,
ranks."""

import codecs
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache

from hayago.rules.coordinates import MAX_SIZE

# Codecs that no file uses: extremely slow on long values, or Python's own escapes.
_NO_CHARSETS = {"idna", "punycode", "raw-unicode-escape", "unicode-escape", "undefined"}
LONGEST = 200  # characters read of a number, a date or the name of an encoding

_ESCAPES = re.compile(rb"\\(?:\n\r|\r\n|\n|\r)|(\n\r|\r\n|\n|\r|\t|\f|\v)|\\([\x00-\xff])")
_SPACES = {b"\t": b" ", b"\f": b" ", b"\v": b" "}


def unescape(match: re.Match[bytes]) -> bytes:
    if match[1]:
        return b" "
    escaped = match[2]
    return _SPACES.get(escaped, escaped) if escaped else b""


def unescape_lines(match: re.Match[bytes]) -> bytes:
    """The same for Text, which keeps its line breaks."""
    return b"\n" if match[1] and match[1][:1] in b"\r\n" else unescape(match)


def _charsets(declared: bytes) -> Iterator[str]:
    """The encodings to try, in order."""
    name = declared[:LONGEST].decode("ascii", "replace").strip()
    if name:
        with suppress(LookupError, ValueError):  # not the name of a codec
            codec = codecs.lookup(name).name  # Python accepts "-punycode!", too
            if codec not in _NO_CHARSETS:
                yield codec
    yield "utf-8"
    if name:
        yield "gb18030"


def decode_text(raw: bytes, charset: bytes, unescape: Callable[[re.Match[bytes]], bytes] = unescape) -> str:
    """A SimpleText value as text: line breaks become spaces, escapes are resolved. Never raises.

    It is decoded as CA says. If that fails, or without CA, it is decoded as UTF-8; with a wrong CA next as GB18030
    (files in GBK that claim UTF-8 are common); and last as ISO-8859-1, SGF's default, which accepts any bytes.
    """
    raw = _ESCAPES.sub(unescape, raw)
    for encoding in _charsets(charset):
        try:
            return raw.decode(encoding).encode("utf-8", "replace").decode()  # UTF-7 knows halves of characters
        except (LookupError, ValueError):  # no such codec, not in this encoding
            continue
    return raw.decode("iso-8859-1")


def decode_header(header: bytes, plain: bool) -> list[str]:
    """The values of all fields, in order."""
    if plain and header.startswith((b"\0", b"UTF-8\0", b"utf-8\0")):
        return header.decode("ascii").split("\0")
    charset, *values = header.split(b"\0")
    return ["", *(decode_text(value, charset) for value in values)]


def normal_komi(value: float) -> float:
    """Komi in points, from what archives write.

    Some servers write hundredths (`KM[650]`), so values from 100 on are divided by 100. Some Chinese records count komi
    in stones of two points (KM[3.75] and KM[375] are 7.5 points), so values that end in a quarter are doubled.
    """
    if abs(value) >= 100:
        value /= 100
    return value * 2 if value % 0.5 == 0.25 else value


@lru_cache(4096)
def read_komi(text: str) -> float | None:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return normal_komi(value) if abs(value) < 1e6 else None  # neither infinite nor NaN


@lru_cache(4096)
def read_handicap(text: str) -> int:
    try:
        stones = int(text.replace(" ", ""))
    except ValueError:
        return 0
    return stones if 0 <= stones <= MAX_SIZE * MAX_SIZE else 0


_DATE = re.compile(r"(?<!\d)(\d{4})(?!\d)(?:[-./年](\d{1,2})(?!\d)(?:[-./月](\d{1,2})(?!\d))?)?")


@lru_cache(4096)
def normal_date(text: str) -> str:
    """The first day that a DT value names, as YYYY-MM-DD, YYYY-MM or YYYY; "" if it names no year."""
    match = _DATE.search(text)
    if match is None:
        return ""
    year, month, day = match[1], int(match[2] or 0), int(match[3] or 0)
    if not 1 <= month <= 12:
        return year
    return f"{year}-{month:02}-{day:02}" if 1 <= day <= 31 else f"{year}-{month:02}"


_RANK = re.compile(r"(?P<pro>p)?\s*(?P<number>\d{1,2})[\s-]*(?P<unit>[a-z]|段|级|級|단|급)?", re.IGNORECASE)
_TITLES = re.compile(r"honinbo|meijin|kisei|judan|tengen|oza\b|gosei", re.IGNORECASE)


@lru_cache(4096)
def rank_number(rank: str) -> int:
    """A rank as a number: 30 to 1 kyu are -30 to -1, 1 to 9 dan 1 to 9, professional dans 11 to 19.

    It reads 7d, 7d?, 9 Dan, 9段, P9, P9段, 9p, 3k, 18级. A title alone (Honinbo, ...) counts as 9p. 0 stands for a
    missing or unreadable rank.
    """
    match = _RANK.search(rank)
    if match is None:
        return 19 if _TITLES.search(rank) else 0
    number, unit = int(match["number"]), (match["unit"] or "").lower()
    if unit in ("k", "g", "级", "級", "급"):
        return -number if 1 <= number <= 30 else 0
    if not 1 <= number <= 9:
        return 0
    if match["pro"] or unit == "p":
        return 10 + number
    return number if unit in ("d", "段", "단") else 0
