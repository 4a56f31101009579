"""The base class of all errors caused by input: a bad file, a bad move, a missing model. And how to show foreign text,
and what counts as a whole number.

The command line prints such an error as one line and exits with its status. Any other exception is a bug and shows its
traceback.
"""

import operator
from typing import SupportsIndex
from unicodedata import category


class HayagoError(Exception):
    """Some input cannot be used. The message says what, where and why in one line."""

    exit_status = 1


def whole_number(value: SupportsIndex, what: str) -> int:
    """An integer of any type, numpy's included, as Python's own. Fractions and booleans are refused.

    Raises:
        TypeError: it is none; `what` is its name in the message.
    """
    if not isinstance(value, bool):
        try:
            return operator.index(value)
        except TypeError:
            pass
    raise TypeError(f"{what} is not a whole number: {value!r}")


def printable(text: str) -> str:
    """The text with all that could upset a terminal or a file escaped: control characters, line ends, marks that turn
    the direction of writing, and the bytes of a file's name that are not UTF-8 (as `\\xb9`)."""
    return text if text.isprintable() else "".join(map(_printable, text))


def _printable(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # how Python holds such a byte
        return f"\\x{ord(character) - 0xDC00:02x}"
    is_shown = character.isprintable() or category(character) == "Zs"  # spaces of all widths
    return character if is_shown else ascii(character)[1:-1]
