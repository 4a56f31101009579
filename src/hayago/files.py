"""Writing files so that a reader never sees half of one. What is written lives elsewhere."""

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
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
        raise OSError(errno.EINVAL, "not a regular file")


def refuse_links(folder: Path, names: Iterable[str]) -> None:
    """Check that none of the files that a program writes into its folder is a link, which may lead anywhere.

    Raises:
        HayagoError: one is.
    """
    for name in names:
        if (folder / name).is_symlink():
            raise HayagoError(f"{folder / name}: a link, which is not followed; remove it first")


def refuse_inputs(out: Path | str, inputs: Iterable[Path | str | None]) -> None:
    """Check that an output is none of the inputs, which it would replace.

    Raises:
        HayagoError: it is one.
    """
    for path in inputs:
        if path is not None and is_same_file(out, path):
            raise HayagoError(f"{out}: an input, which is not replaced; choose another name for the output")


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
