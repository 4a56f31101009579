"""Where game files come from: files, folders, glob patterns, and archives, which are not unpacked to disk.

What is in a file is the business of `sgf`.
"""

import bz2
import errno
import glob
import gzip
import io
import lzma
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from copy import copy
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from hayago.errors import HayagoError, printable
from hayago.files import check_regular, is_unfinished, open_file
from hayago.records.sgf import MAX_BYTES

MAX_MEMBER_BYTES = 64 << 20  # of what an archive may hold unasked; a file may have MAX_BYTES
MAX_RATIO = 200  # SGF compresses about 6 times, a collection of similar games 20 times
_RATIO_FREE_BYTES = 1 << 20  # smaller archives do no harm, and short texts may compress very well

_STEP_BYTES = 4096

TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
NOT_A_GAME = "not named .sgf"  # the reason why most other files are skipped
A_LINK = "a link in an archive"  # following it would unpack what is before it again
NOT_REGULAR = "not a regular file"
MAX_NAME = 1000  # characters of a member's name, which every game carries along
Skip = Callable[[str, str], None]


class UnreadableFile(HayagoError):
    """A file that cannot be read, or not to its end. In a folder it is counted by its `reason`."""

    reason = "cannot be read"


class DamagedArchive(UnreadableFile):
    """An archive that is damaged or cut short."""

    reason = "archive damaged or cut short"


class ArchiveBomb(UnreadableFile):
    """An archive that expands more than MAX_RATIO times."""

    reason = "packed too tightly"


class NoGames(UnreadableFile):
    """An archive without games."""

    reason = "archive without games"


# What the libraries raise for damaged bytes. The OSErrors among them (gzip, bz2, a position before the file's start)
# have no errno, or EINVAL; those of a disk have others. A RuntimeError may be an endless recursion, a ValueError text
# in no encoding, and an OverflowError a position beyond 64 bits.
_BROKEN = (
    *(EOFError, OSError, NotImplementedError, RuntimeError, ValueError, OverflowError, struct.error),
    *(tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error),
)
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_BROKEN_ERRNO = (None, errno.EINVAL)


def is_store(path: str | Path) -> bool:
    """Whether a path is a Parquet file, by its name or, whatever its name, by its first bytes."""
    path = Path(path)
    if path.suffix.lower() == ".parquet":
        return True
    try:
        with open_file(path) as file:
            return file.read(4) == b"PAR1"
    except (OSError, ValueError):  # a folder, a pattern; reading it says what is wrong
        return False


def iter_files(paths: Iterable[str | Path], on_skip: Skip | None = None) -> Iterator[tuple[str, bytes]]:
    """Every game file under `paths`, as (source, content).

    A path is a file (read whatever its name), a folder (all `.sgf` and `.sgfs` files and archives below it, sorted;
    links are followed, and each folder is read once), an archive (all such members, in its own order), or a glob
    pattern (sorted). The source of a member is `archive!member`. What no text can hold in a source is escaped, see
    `hayago.errors.printable`.

    Args:
        on_skip: called with (source, reason) for every other file: not named .sgf (in any case), a link to nothing, a
            folder that cannot be read, a file or archive in a folder that cannot be read or is damaged, a device or
            pipe in a folder, a file larger than MAX_BYTES, a member larger than MAX_MEMBER_BYTES, encrypted,
            a link, with a name of more than MAX_NAME, or compressed more than MAX_RATIO times or in an unknown way.

    Raises:
        HayagoError: a path that does not exist or cannot be read; a folder, pattern or archive without games;
            an archive that is damaged, cut short, or expands more than MAX_RATIO times as a whole.
    """

    def skip(source: str, reason: str) -> None:
        if on_skip is not None:
            on_skip(printable(source), reason)

    for path in paths:
        for file in _expand(str(path)):
            try:
                games = _folder(file, skip, strict=on_skip is None) if file.is_dir() else _file(file, skip)
                for source, data in games:
                    yield printable(source), data
            except OSError as error:
                raise UnreadableFile(f"cannot read {file}: {error.strerror or error}") from error


def source_files(paths: Iterable[str | Path]) -> Iterator[Path]:
    """The files that `iter_files` would read: games and archives, as far as they can be found."""
    for file in (file for path in paths for file in _expand(str(path))):
        with suppress(OSError):  # `iter_files` says what is wrong
            if file.is_dir():
                below = _files_below(file, lambda _source, _reason: None)
                yield from (found for found in below if _is_game(found.name) or _is_archive(found.name))
            else:
                yield file


def iter_archive(file: Path, name: str, on_skip: Skip | None = None) -> Iterator[tuple[str, bytes]]:
    """Like `iter_files`, for one archive in a file that does not have the archive's name yet.

    Raises:
        DamagedArchive: it is damaged or cut short.
        HayagoError: see `iter_files`.
    """
    yield from _file(file, on_skip or (lambda _source, _reason: None), name)


def _expand(path: str) -> list[Path]:
    if os.path.lexists(path) or not glob.has_magic(path):
        return [Path(path)]
    found = sorted(glob.glob(path, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
    if not found:
        raise HayagoError(f"{path}: no file matches")
    return [Path(name) for name in found]


def _is_game(name: str) -> bool:
    return name.lower().endswith((".sgf", ".sgfs"))  # KataGo's programs write .sgfs, several games to a file


def _is_archive(name: str) -> bool:
    return name.lower().endswith((".zip", *TAR_SUFFIXES))


def _too_large(most: int) -> str:
    return f"larger than {most >> 20} MiB: split it"


def _folder(folder: Path, skip: Skip, strict: bool) -> Iterator[tuple[str, bytes]]:
    found = False
    for file in sorted(_files_below(folder, skip)):
        if _is_game(file.name) or _is_archive(file.name):
            found = True
            try:
                yield from _file(file, skip)
            except UnreadableFile as error:
                if strict:  # no one would hear of it
                    raise
                skip(file.as_posix(), error.reason)
        else:
            skip(file.as_posix(), NOT_A_GAME)
    if not found:
        raise HayagoError(f"{folder}: no .sgf file in this folder")


def _files_below(folder: Path, skip: Skip) -> Iterator[Path]:
    """The files in a folder and all folders below it, also those behind links, in any order."""
    seen: set[tuple[int, int]] = set()
    devices = _system_devices()
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        try:
            identity = here.stat()
            if (identity.st_dev, identity.st_ino) in seen:
                continue  # a link to a folder that is read anyway, perhaps one that the link is in
            if identity.st_dev in devices:
                skip(here.as_posix(), "folder of the system")
                continue
            seen.add((identity.st_dev, identity.st_ino))
            entries = sorted(os.scandir(here), key=lambda entry: (entry.is_symlink(), entry.name))
        except OSError as error:
            if here == folder:
                raise HayagoError(f"cannot read {folder}: {error.strerror}") from error
            skip(here.as_posix(), "folder that cannot be read")
            continue
        for entry in entries:
            path = here / entry.name
            if is_unfinished(path):
                continue
            try:
                mode = path.stat().st_mode
            except OSError as error:  # among them a path that is too long, and a folder that only lists its names
                lost = entry.is_symlink() and error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
                skip(path.as_posix(), "link to nothing" if lost else UnreadableFile.reason)
                continue
            if stat.S_ISDIR(mode):
                waiting.insert(0, path) if entry.is_symlink() else waiting.append(path)  # folders before links to them
            elif stat.S_ISREG(mode):
                yield path
            else:
                skip(path.as_posix(), NOT_REGULAR)


def _system_devices() -> set[int]:
    """The file systems that hold no files but the state of the machine, and may lead to all of it."""
    found = {Path(name).stat().st_dev for name in ("/proc", "/sys", "/dev") if Path(name).is_dir()}
    return found - {Path("/").stat().st_dev}


def _file(file: Path, skip: Skip, name: str = "") -> Iterator[tuple[str, bytes]]:
    try:
        check_regular(file)
        if _is_archive(name or file.name):
            yield from _archive(file, skip, name or file.name)
        elif file.stat().st_size > MAX_BYTES:
            skip(file.as_posix(), _too_large(MAX_BYTES))
        else:
            yield file.as_posix(), file.read_bytes()
    except OSError as error:
        raise UnreadableFile(f"cannot read {file}: {error.strerror or error}") from error


def _archive(file: Path, skip: Skip, name: str) -> Iterator[tuple[str, bytes]]:
    members = _zip_members if name.lower().endswith(".zip") else _tar_members
    found = 0
    last = "its beginning"
    lost: list[str] = []

    def note(source: str, reason: str) -> None:
        if reason != NOT_A_GAME:
            lost.append(f"{source.partition('!')[2]}: {reason}")
        skip(source, reason)

    try:
        for member, data in members(file, note):
            found += 1
            last = member
            yield f"{file.as_posix()}!{member}", data
    except _BROKEN as error:
        if isinstance(error, OSError) and error.errno not in _BROKEN_ERRNO:
            raise UnreadableFile(f"cannot read {file}: {error.strerror or error}") from error
        what = str(error).partition("\n")[0].rstrip(":")  # tarfile lists everything it tried
        raise DamagedArchive(f"{file}: the archive is damaged or cut short after {last} ({what})") from error
    if not found:
        why = f" can be read: {lost[0]}" if lost else ""
        raise NoGames(f"{file}: no .sgf file in this archive{why}")


def _unpacked(file: BinaryIO) -> BinaryIO:
    """The bytes of a file that may be compressed."""
    start = file.read(6)
    file.seek(0)
    for mark, opened in ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ\0", lzma.open)):
        if start.startswith(mark):
            return cast(BinaryIO, opened(file))
    return file


class _Bounded:
    """A stream that may be read up to so many bytes: a tar's header may claim any length, and is read whole."""

    def __init__(self, stream: BinaryIO, allowed: int, file: Path) -> None:
        self._stream, self._allowed, self._file = stream, allowed, file

    def _check(self, end: int) -> None:
        if end > self._allowed:
            raise ArchiveBomb(f"{self._file}: expands more than {MAX_RATIO} times; reading stopped")

    def read(self, count: int) -> bytes:
        """See `BinaryIO`."""
        self._check(self._stream.tell() + count)
        return self._stream.read(count)

    def seek(self, place: int) -> int:
        """See `BinaryIO`; from the beginning."""
        self._check(place)
        return self._stream.seek(place)

    def tell(self) -> int:
        """See `BinaryIO`."""
        return self._stream.tell()


def _tar_members(file: Path, skip: Skip) -> Iterator[tuple[str, bytes]]:
    allowed = _RATIO_FREE_BYTES + MAX_RATIO * file.stat().st_size
    total = 0
    with ExitStack() as stack:
        stream = stack.enter_context(_unpacked(stack.enter_context(file.open("rb"))))
        bounded = cast(BinaryIO, _Bounded(stream, allowed, file))
        tar = stack.enter_context(tarfile.open(fileobj=bounded, mode="r:"))
        for member in tar:
            if member.size < 0:  # tarfile would go back, and find this member again
                raise tarfile.ReadError("a negative size")
            total += member.size
            if total > allowed:
                raise ArchiveBomb(f"{file}: expands more than {MAX_RATIO} times at {member.name}; reading stopped")
            if member.isdir():
                continue
            source = f"{file.as_posix()}!{member.name}"
            if not _is_game(PurePosixPath(member.name).name):
                skip(source, NOT_A_GAME)
            elif member.islnk() or member.issym():
                skip(source, A_LINK)
            elif not member.isfile():
                skip(source, NOT_REGULAR)
            elif len(member.name) > MAX_NAME:
                skip(source, "name too long")
            elif member.size > MAX_MEMBER_BYTES:
                skip(source, _too_large(MAX_MEMBER_BYTES))
            else:
                content = tar.extractfile(member)
                assert content is not None  # true for a regular file
                yield member.name, content.read()
        # tarfile accepts a missing end. A complete archive closes with a block of zeros, which has been read here.
        if tar.fileobj is None or tar.fileobj.tell() < tar.offset + tarfile.BLOCKSIZE:
            raise tarfile.ReadError("the closing block is missing")
        tar.fileobj.read(_RATIO_FREE_BYTES)  # the padding, after which the decompressor checks its sums


def _zip_members(file: Path, skip: Skip) -> Iterator[tuple[str, bytes]]:
    allowed = MAX_MEMBER_BYTES + MAX_RATIO * file.stat().st_size
    total = 0
    with _opened_zip(file) as archive:
        for info in archive.infolist():
            source = f"{file.as_posix()}!{info.filename}"
            if info.filename.endswith("/"):  # `is_dir` fails for the empty name, which a zero byte at its start makes
                continue
            if not _is_game(info.filename):
                skip(source, NOT_A_GAME)
            elif len(info.filename) > MAX_NAME:
                skip(source, "name too long")
            elif info.file_size > MAX_MEMBER_BYTES:
                skip(source, _too_large(MAX_MEMBER_BYTES))
            elif info.file_size > _RATIO_FREE_BYTES + MAX_RATIO * info.compress_size:
                skip(source, "packed too tightly")
            elif info.flag_bits & 1:
                skip(source, "encrypted")
            elif info.compress_type not in _METHODS:
                skip(source, "compressed in an unknown way")
            else:
                content = _zip_content(archive, info)
                total += len(content)
                if total > allowed:
                    where = info.filename
                    raise ArchiveBomb(f"{file}: expands more than {MAX_RATIO} times at {where}; reading stopped")
                yield info.filename, content


def _zip_content(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """A member's bytes, at most as many as the list says. `ZipFile.read` unpacks all that there are, then cuts."""
    if info.compress_type != zipfile.ZIP_BZIP2:
        with archive.open(info) as stream:  # in small steps: even 64 KiB may unpack to 500 MB with LZMA
            return b"".join(iter(lambda: stream.read(_STEP_BYTES), b""))
    raw = copy(info)  # zipfile unpacks bzip2 without a limit, so it only hands out the packed bytes
    raw.compress_type, raw.file_size = zipfile.ZIP_STORED, info.compress_size
    del raw.CRC
    with archive.open(raw) as packed, bz2.open(packed) as stream:
        content = stream.read(info.file_size + 1)
    if len(content) != info.file_size or zlib.crc32(content) != info.CRC:
        raise zipfile.BadZipFile(f"Bad CRC-32 or size for file {info.filename!r}")
    return content


def _opened_zip(file: Path) -> zipfile.ZipFile:
    """The archive, also if a name in it is said to be UTF-8 and is not: zipfile refuses all of it then.

    In a copy the names are said to be of the encoding that any bytes can be.

    Raises:
        ValueError: it is too large to be copied.
    """
    try:
        return zipfile.ZipFile(file)
    except UnicodeDecodeError:
        if file.stat().st_size > MAX_BYTES:
            raise
        data = bytearray(file.read_bytes())
        end = data.rfind(b"PK\5\6")  # it follows the list of members
        size, offset = struct.unpack_from("<2L", data, end + 12)
        place = end - size
        before = place - offset  # bytes of another file
        while data[place : place + 4] == b"PK\1\2":
            member = before + int.from_bytes(data[place + 42 : place + 46], "little")
            data[place + 9] &= ~8
            if data[member : member + 4] == b"PK\3\4":
                data[member + 7] &= ~8
            place += 46 + sum(struct.unpack_from("<3H", data, place + 28))
        return zipfile.ZipFile(io.BytesIO(data))
