"""Where game files come from: files, folders, glob patterns, and archives, which are not unpacked to disk.

What is in a file is the business of `sgf`.
"""

import errno
import glob
import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath

from hayago.errors import HayagoError
from hayago.files import is_unfinished
from hayago.records.sgf import MAX_BYTES

MAX_MEMBER_BYTES = 64 << 20  # of what an archive may hold unasked; a file may have MAX_BYTES
MAX_RATIO = 200  # SGF compresses about 6 times, a collection of similar games 20 times
_RATIO_FREE_BYTES = 1 << 20  # smaller archives do no harm, and short texts may compress very well

TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
Skip = Callable[[str, str], None]


class DamagedArchive(HayagoError):
    """An archive that is damaged or cut short."""


# What the libraries raise for damaged bytes. The OSErrors among them (gzip, bz2, a position before the file's start)
# have no errno, or EINVAL; those of a disk have others.
_BROKEN = (EOFError, OSError, NotImplementedError, tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error)
_BROKEN_ERRNO = (None, errno.EINVAL)


def iter_files(paths: Iterable[str | Path], on_skip: Skip | None = None) -> Iterator[tuple[str, bytes]]:
    """Every game file under `paths`, as (source, content).

    A path is a file (read whatever its name), a folder (all `.sgf` and `.sgfs` files and archives below it, sorted;
    links are followed, and each folder is read once), an archive (all such members, in its own order), or a glob
    pattern (sorted). The source of a member is `archive!member`.

    Args:
        on_skip: called with (source, reason) for every other file: not named .sgf (in any case), a link to nothing, a
            folder that cannot be read, a file larger than MAX_BYTES, a member larger than MAX_MEMBER_BYTES, encrypted,
            or compressed more than MAX_RATIO times.

    Raises:
        HayagoError: a path that does not exist or cannot be read; a folder, pattern or archive without games;
            an archive that is damaged, cut short, or expands more than MAX_RATIO times as a whole.
    """
    skip = on_skip or (lambda _source, _reason: None)
    for path in paths:
        for file in _expand(str(path)):
            if file.is_dir():
                yield from _folder(file, skip)
            else:
                yield from _file(file, skip)


def iter_archive(file: Path, name: str, on_skip: Skip | None = None) -> Iterator[tuple[str, bytes]]:
    """Like `iter_files`, for one archive in a file that does not have the archive's name yet.

    Raises:
        DamagedArchive: it is damaged or cut short.
        HayagoError: see `iter_files`.
    """
    yield from _archive(file, on_skip or (lambda _source, _reason: None), name)


def _expand(path: str) -> list[Path]:
    if Path(path).exists() or not glob.has_magic(path):
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


def _folder(folder: Path, skip: Skip) -> Iterator[tuple[str, bytes]]:
    found = False
    for file in sorted(_files_below(folder, skip)):
        if _is_game(file.name) or _is_archive(file.name):
            found = True
            yield from _file(file, skip)
        else:
            skip(file.as_posix(), "not named .sgf")
    if not found:
        raise HayagoError(f"{folder}: no .sgf file in this folder")


def _files_below(folder: Path, skip: Skip) -> Iterator[Path]:
    """The files in a folder and all folders below it, also those behind links, in any order."""
    seen: set[tuple[int, int]] = set()
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        try:
            identity = here.stat()
            if (identity.st_dev, identity.st_ino) in seen:
                continue  # a link to a folder that is read anyway, perhaps one that the link is in
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
            if path.is_dir():
                waiting.insert(0, path) if entry.is_symlink() else waiting.append(path)  # folders before links to them
            elif path.is_file():
                yield path
            elif entry.is_symlink():
                skip(path.as_posix(), "link to nothing")


def _file(file: Path, skip: Skip) -> Iterator[tuple[str, bytes]]:
    try:
        if _is_archive(file.name):
            yield from _archive(file, skip, file.name)
        elif file.stat().st_size > MAX_BYTES:
            skip(file.as_posix(), _too_large(MAX_BYTES))
        else:
            yield file.as_posix(), file.read_bytes()
    except OSError as error:
        raise HayagoError(f"cannot read {file}: {error.strerror or error}") from error


def _archive(file: Path, skip: Skip, name: str) -> Iterator[tuple[str, bytes]]:
    members = _zip_members if name.lower().endswith(".zip") else _tar_members
    found = 0
    last = "its beginning"
    try:
        for member, data in members(file, skip):
            found += 1
            last = member
            yield f"{file.as_posix()}!{member}", data
    except _BROKEN as error:
        if isinstance(error, OSError) and error.errno not in _BROKEN_ERRNO:
            raise HayagoError(f"cannot read {file}: {error.strerror or error}") from error
        what = str(error).partition("\n")[0].rstrip(":")  # tarfile lists everything it tried
        raise DamagedArchive(f"{file}: the archive is damaged or cut short after {last} ({what})") from error
    if not found:
        raise HayagoError(f"{file}: no .sgf file in this archive")


def _tar_members(file: Path, skip: Skip) -> Iterator[tuple[str, bytes]]:
    allowed = _RATIO_FREE_BYTES + MAX_RATIO * file.stat().st_size
    total = 0
    with tarfile.open(file, "r:*") as tar:
        for member in tar:
            total += member.size
            if total > allowed:
                raise HayagoError(f"{file}: expands more than {MAX_RATIO} times at {member.name}; reading stopped")
            if not member.isfile():
                continue
            source = f"{file.as_posix()}!{member.name}"
            if not _is_game(PurePosixPath(member.name).name):
                skip(source, "not named .sgf")
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
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            source = f"{file.as_posix()}!{info.filename}"
            if info.is_dir():
                continue
            if not _is_game(info.filename):
                skip(source, "not named .sgf")
            elif info.file_size > MAX_MEMBER_BYTES:
                skip(source, _too_large(MAX_MEMBER_BYTES))
            elif info.file_size > _RATIO_FREE_BYTES + MAX_RATIO * info.compress_size:
                skip(source, "packed too tightly")
            elif info.flag_bits & 1:
                skip(source, "encrypted")
            else:
                yield info.filename, archive.read(info)
