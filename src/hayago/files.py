"""Reading nothing but regular files, and writing so that a reader never sees half a file.

What is in the files lives elsewhere.
"""

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from hayago.errors import HayagoError

_UNFINISHED = ".part"


def is_unfinished(path: Path) -> bool:
    """Whether this is a file, or a folder, that is still being written."""
    return path.name.startswith(".") and path.name.endswith(_UNFINISHED)


def check_regular(path: Path | str, mode: int | None = None) -> None:
    """Check that this is a regular file: a device may never end, and a pipe may never begin.

    Args:
        path: the file, or a link to it.
        mode: its `st_mode` if it is known.

    Raises:
        OSError: there is no such file, or it is something else.
    """
    mode = Path(path).stat().st_mode if mode is None else mode
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))


def open_file(path: Path | str) -> BinaryIO:
    """Open a regular file for reading.

    Raises:
        OSError: it cannot be read, or is none.
    """
    check_regular(path)
    return Path(path).open("rb")


def read_file(path: Path | str, most: int) -> bytes:
    """The content of a regular file of at most `most` bytes. Its size is looked at before it is read.

    Raises:
        HayagoError: it cannot be read, is not a regular file, or is larger.
    """
    try:
        with open_file(path) as file:
            if os.fstat(file.fileno()).st_size > most:
                raise HayagoError(f"{path}: larger than {most >> 20} MiB")
            return file.read()
    except (OSError, ValueError) as error:  # a ValueError is about a zero byte in the name
        raise HayagoError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error


def write_atomically(path: Path | str, write: Callable[[BinaryIO], object], *, follow: bool = True) -> None:
    """Call `write` on a temporary file beside `path`, flush it to the disk, then move it to `path`.

    If anything fails, `path` keeps its content and the temporary file is removed. If `path` is a link, all this is done
    to the file that it leads to, or to the link itself without `follow`.

    Raises:
        HayagoError: the file cannot be written (no such folder, no space, no permission), or is a device or a pipe.
    """
    path = Path(path)
    if follow and path.is_symlink():
        path = Path(os.path.realpath(path))
    try:
        _check_replaceable(path)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=_UNFINISHED, dir=path.parent)
    except OSError as error:
        raise HayagoError(f"cannot write {path}: {error.strerror}") from error
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w+b") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)  # mkstemp gives 0600, which would hide the result from other users
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise HayagoError(f"cannot write {path}: {error.strerror or error}") from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _check_replaceable(path: Path) -> None:
    """Raise OSError if the path is something else than a file or a link: those are never replaced."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISLNK(mode):
        check_regular(path, mode)


def refuse_links(folder: Path, names: Iterable[str]) -> None:
    """Check that none of the files that a program keeps in its folder is a link, which may lead anywhere, or a device
    or a pipe, which may be read forever.

    Raises:
        HayagoError: one is.
    """
    for path in (folder / name for name in names):
        if path.is_symlink():
            raise HayagoError(f"{path}: a link, which is not followed; remove it first")
        if path.exists() and not path.is_file() and not path.is_dir():
            raise HayagoError(f"{path}: not a regular file; remove it first")


def refuse_inputs(out: Path | str, inputs: Iterable[Path | str | None]) -> None:
    """Check that an output is none of the inputs, which it would replace.

    Raises:
        HayagoError: it is one.
    """
    for path in inputs:
        if path is not None and is_same_file(out, path):
            raise HayagoError(f"{out}: an input, which is not replaced; choose another name for the output")


def refuse_same_outputs(outputs: Iterable[Path | None]) -> None:
    """Check that no two outputs are one file, of which only the last would be left.

    Raises:
        HayagoError: two are.
    """
    seen: set[str] = set()
    for path in outputs:
        if path is not None:
            place = os.path.realpath(path)
            if place in seen:
                raise HayagoError(f"{path}: named for two outputs; choose another name for one of them")
            seen.add(place)


def is_same_file(one: Path | str, other: Path | str) -> bool:
    """Whether two names lead to one file that exists."""
    try:
        return os.path.samefile(one, other)  # noqa: PTH121 - either may be text
    except (OSError, ValueError):
        return False


def remove_unfinished(folder: Path) -> None:
    """Remove the files that killed processes were writing here; no process may be writing now."""
    for path in folder.iterdir():
        if is_unfinished(path) and path.is_file():
            path.unlink(missing_ok=True)


def check_space(folder: Path, needed: int) -> None:
    """Check that the folder's disk has room for so many bytes.

    Raises:
        HayagoError: it does not.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise HayagoError(f"{folder}: {needed / 1e6:,.0f} MB are needed there, {free / 1e6:,.0f} MB are free")


@contextmanager
def new_folder(path: Path | str) -> Iterator[Path]:
    """A folder to fill, which is named `path` when the block ends and its files are on the disk.

    If anything fails, nothing is left of it.

    Raises:
        HayagoError: the name exists already, or the folder cannot be written.
    """
    path = Path(path)
    if path.exists():
        raise HayagoError(f"{path} exists already: choose another name, or remove it first")
    try:
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=_UNFINISHED, dir=path.parent))
    except OSError as error:
        raise HayagoError(f"cannot write {path}: {error.strerror}") from error
    try:
        yield temporary
        for file in temporary.iterdir():
            with file.open("r+b") as written:
                os.fsync(written.fileno())
        temporary.chmod(0o755)  # mkdtemp gives 0700
        temporary.rename(path)
    except OSError as error:
        raise HayagoError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
