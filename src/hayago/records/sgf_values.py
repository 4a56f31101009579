"""What the values of SGF's properties mean: texts and comments with their escapes, komi, handicap, dates, ranks.

Which encoding a text is in is the business of `charsets`.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache

from hayago.records.charsets import is_damaged_utf8
from hayago.records.sgf_scanner import DOUBLE, HZ, ISO_2022, NARROW, SHIFT_JIS
from hayago.rules.coordinates import MAX_SIZE

LONGEST = 200  # characters read of a number or a date

# The characters of each kind of encoding that may hold a backslash, and stay as they are; then the escapes.
_WHOLE = {
    NARROW: rb"(?!)",
    DOUBLE: rb"[\x81-\xfe][\x40-\xff]",
    SHIFT_JIS: rb"[\x81-\x9f\xe0-\xfc][\x40-\xff]",
    ISO_2022: rb"(?:\x1b\$[^)]|\x0e)[^\r\n]*?(?:\x1b\(|\x0f|$)",
    HZ: rb"~\{[^\r\n]*?(?:~\}|$)",
}
_ESCAPES = {
    kind: re.compile(rb"(%s)|\\(?:\n\r|\r\n|\n|\r)|(\n\r|\r\n|\n|\r|\t|\f|\v)|\\([\x00-\xff])" % whole)
    for kind, whole in _WHOLE.items()
}
_SPACES = {b"\t": b" ", b"\f": b" ", b"\v": b" "}
_BLANKS = str.maketrans("\t\f\v", "   ")


def unescape(match: re.Match[bytes]) -> bytes:
    if match[1]:
        return match[1]
    if match[2]:
        return b" "
    escaped = match[3]
    return _SPACES.get(escaped, escaped) if escaped else b""


def unescape_lines(match: re.Match[bytes]) -> bytes:
    """The same for Text, which keeps its line breaks."""
    return b"\n" if match[2] and match[2][:1] in b"\r\n" else unescape(match)


def decode_text(
    raw: bytes, encodings: Iterable[str], kind: int = NARROW, unescape: Callable[[re.Match[bytes]], bytes] = unescape
) -> str:
    """A SimpleText value as text: line breaks become spaces, escapes are resolved. Never raises.

    Args:
        encodings: those to try, in order; then UTF-8 with a few bytes lost, and ISO-8859-1, SGF's default, which
            accepts any bytes.
        kind: the kind of encoding that the scanner has assumed.
    """
    # Escapes are resolved around what may be a double-byte character; where it was none, its blanks are left.
    return _decoded(_ESCAPES[kind].sub(unescape, raw), encodings).translate(_BLANKS)


def _decoded(raw: bytes, encodings: Iterable[str]) -> str:
    for encoding in encodings:
        # A file in ISO-2022-KR names its set of characters once; each value needs it.
        text = b"\x1b$)C" + raw if encoding == "iso2022_kr" else raw
        try:
            return text.decode(encoding).encode("utf-8", "replace").decode()  # UTF-7 knows halves of characters
        except (LookupError, ValueError):  # no such codec, not in this encoding
            continue
    return raw.decode(errors="replace") if is_damaged_utf8(raw) else raw.decode("iso-8859-1")


# Programs that write komi as a whole number of hundredths (KM[50] is 0.5), or of tenths.
_PARTS_OF_A_POINT = {"foxwq": 100, "tygem": 10}


def normal_komi(value: float, program: str = "") -> float:
    """Komi in points, from what archives write.

    Some servers write hundredths (`KM[650]`), so values from 100 on are divided by 100; those of Fox (AP[foxwq]) from
    10 on. Some Chinese records count komi in stones of two points (KM[3.75] and KM[375] are 7.5 points, KM[350] is 7),
    so values that end in a quarter are doubled, as is 350.

    What hayago wrote itself is taken as it is.

    Args:
        program: AP, what wrote the file.
    """
    if program.startswith("hayago:"):
        return value
    parts = next((parts for name, parts in _PARTS_OF_A_POINT.items() if name in program.lower()), 1)
    if abs(value) >= 100:
        value = 7.0 if value == 350 else value / 100
    elif abs(value) >= 10:
        value /= parts
    return value * 2 if value % 0.5 == 0.25 else value


@lru_cache(4096)
def read_komi(text: str, program: str = "") -> float | None:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return normal_komi(value, program) if abs(value) < 1e6 else None  # neither infinite nor NaN


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


_NUMERALS = {numeral: n for n, numeral in enumerate("一二三四五六七八九", 1)} | {
    "初": 1,
    "弐": 2,
    "貳": 2,
    "参": 3,
    "參": 3,
}
_KOREAN_NUMERALS = {numeral: n for n, numeral in enumerate("일이삼사오육칠팔구", 1)} | {"초": 1}
_NUMERAL = re.compile(
    r"([二三]?十)?([一二三四五六七八九初弐貳参參]?)(?=\s*[段级級])|([일이삼사오육칠팔구초])(?=\s*[단급])"
)
_RANK = re.compile(r"(?P<pro>p)?\s*(?P<number>\d{1,2})[\s-]*(?P<unit>[a-z]|段|级|級|단|급)?", re.IGNORECASE)
_PROFESSIONAL = re.compile(r"\bpro(?:f|\b)|职业|職業|专业|專業|プロ|프로|(?<=[\d段])\s*\(?p\b", re.IGNORECASE)
_TITLES = re.compile(
    r"honinbo|meijin|kisei|judan|tengen|oza\b|gosei|本因坊|名人|棋[圣聖]|十段|天元|王座|碁[圣聖]|국수|명인",
    re.IGNORECASE,
)


def _as_digits(match: re.Match[str]) -> str:
    tens, ones, korean = match.groups()
    if not match[0]:
        return ""
    if korean:
        return str(_KOREAN_NUMERALS[korean])
    return str(10 * _NUMERALS.get((tens or "")[:-1], 1 if tens else 0) + _NUMERALS.get(ones, 0))


@lru_cache(4096)
def rank_number(rank: str) -> int:
    """A rank as a number: 30 to 1 kyu are -30 to -1, 1 to 9 dan 1 to 9, professional dans 11 to 19.

    It reads 7d, 7d?, 9 Dan, 9段, 九段, 初段, 구단, P9, P9段, 9p, 9 dan pro, 职业九段, 3k, 18级, 十八级. A title alone
    (Honinbo, 名人, ...) counts as 9p. 0 stands for a missing or unreadable rank.
    """
    rank = unicodedata.normalize("NFKC", rank[:LONGEST])  # digits of full width
    match = None if "十段" in rank else _RANK.search(_NUMERAL.sub(_as_digits, rank))  # a title, not a rank
    if match is None:
        return 19 if _TITLES.search(rank) else 0
    number, unit = int(match["number"]), (match["unit"] or "").lower()
    if unit in ("k", "g", "级", "級", "급"):
        return -number if 1 <= number <= 30 else 0
    if not 1 <= number <= 9:
        return 0
    if match["pro"] or unit == "p" or (unit in ("d", "段", "단") and _PROFESSIONAL.search(rank)):
        return 10 + number
    return number if unit in ("d", "段", "단") else 0
