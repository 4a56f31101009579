"""The JSON text in the header of a model or checkpoint file, read as a stranger's: files come by mail.

What hayago writes is small and plain. So everything else is refused here, once. Whatever uses a header need not
think of texts that cannot be printed, numbers beyond 64 bits, or lists a thousand levels deep.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

MOST_CHARACTERS = 1 << 20  # of the whole text
MOST_LEVELS = 8  # lists and objects in each other
LARGEST = 1 << 53  # of a whole number; every such number is exact as a float, too


def parse_header(text: str) -> dict[str, Any]:
    """The JSON object that this text is.

    Raises:
        ValueError: it is none, or it holds what hayago never writes. The message is one line.
    """
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"it has {len(text):,} characters")
    try:
        header = json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(header, dict):
        raise ValueError("it is not a JSON object")
    _check(header, MOST_LEVELS)
    return header


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number")


def _check(value: Any, levels: int) -> None:
    if isinstance(value, dict | list):
        if not levels:
            raise ValueError("it is nested too deeply")
        for inner in value if isinstance(value, list) else (*value.keys(), *value.values()):
            _check(inner, levels - 1)
    elif isinstance(value, str):
        if not value.isprintable():  # nor are halves of a surrogate pair
            raise ValueError(f"the text {ascii(value)[:40]} is not printable")
    elif isinstance(value, int | float) and not abs(value) <= LARGEST:
        raise ValueError(f"a number beyond {LARGEST:,}")


def whole(value: Any) -> bool:
    """Whether it is a whole number, at least 0."""
    return type(value) is int and value >= 0


def number(value: Any) -> bool:
    """Whether it is a number, at least 0."""
    return type(value) in (int, float) and value >= 0


def text(value: Any) -> bool:
    """Whether it is a text."""
    return isinstance(value, str)


def check_fields(header: dict[str, Any], kinds: Mapping[str, Callable[[Any], bool]], missing: bool = False) -> None:
    """Raise ValueError unless every field of the header that is named in `kinds` is of its kind.

    Args:
        kinds: whether a value is right, by the name of the field.
        missing: whether fields may be missing.
    """
    for name, fits in kinds.items():
        if name not in header:
            if not missing:
                raise ValueError(f"{name} is missing")
        elif not fits(header[name]):
            raise ValueError(f"{name} cannot be {ascii(header[name])[:40]}")
