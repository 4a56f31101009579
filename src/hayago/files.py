"""Writing files so that a reader never sees half of one. What is written lives elsewhere."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from hayago.errors import HayagoError


def write_atomically(path: Path | str, write: Callable[[BinaryIO], object]) -> None:
    """Call `write` on a temporary file beside `path`, flush it to the disk, then put it in `path`'s place.

    Whatever fails, `path` holds what it held before and the temporary file is gone.

    Raises:
        HayagoError: the file cannot be written (no such folder, no space, no permission).
    """
    path = Path(path)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    except OSError as error:
        raise HayagoError(f"cannot write {path}: {error.strerror}") from error
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
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
