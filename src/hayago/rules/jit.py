"""`kernel`, the decorator of every compiled function, and the two bit operations that numba lacks.

A *kernel* is a plain function on arrays. numba compiles it once per machine and keeps the result in the user's cache
folder. numba's own cache notices only changes in the file of the function itself, not in the kernels that it calls,
so the folder's name carries a hash of every module that may hold kernels and of numba's version.

With NUMBA_DISABLE_JIT=1 all kernels run as the Python functions they are.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
import platformdirs
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

config: Any = numba.config  # its settings are set at run time, unknown to type checkers

Function = TypeVar("Function", bound=Callable[..., Any])

_PACKAGE = Path(__file__).parent.parent
_KERNEL_FOLDERS = ("rules", "records", "features")


@cache
def cache_folder() -> Path:
    """The folder of the compiled kernels: NUMBA_CACHE_DIR, else the user's cache, else the temporary folder."""
    digest = hashlib.sha256(numba.__version__.encode())
    for folder in _KERNEL_FOLDERS:
        for source in sorted((_PACKAGE / folder).glob("*.py")):
            digest.update(source.read_bytes())
    name = f"kernels-{digest.hexdigest()[:16]}"
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    roots = [Path(chosen)] if chosen else [platformdirs.user_cache_path("hayago", appauthor=False)]
    for root in roots:
        try:
            (root / name).mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(root / name, os.W_OK):
            return root / name
    # A home that cannot be written to (a service, a container): compile anew in each process rather than fail.
    return Path(tempfile.mkdtemp(prefix="hayago-kernels-"))


def _compile(function: Function, signature: Any = None) -> Function:
    before = config.CACHE_DIR
    config.CACHE_DIR = str(cache_folder())  # read while the decorator runs; other packages keep theirs
    try:
        compiled: Function = numba.njit(signature, cache=True, nogil=True)(function)
    finally:
        config.CACHE_DIR = before
    return compiled


def kernel(function: Function) -> Function:
    """Compile `function` on its first call, without the interpreter lock, and keep the result on the disk."""
    return _compile(function)


def recursive_kernel(signature: Any) -> Callable[[Function], Function]:
    """`kernel` for a function that calls itself: numba keeps such a one on the disk only with its signature stated."""
    return lambda function: _compile(function, signature)


if config.DISABLE_JIT:

    def popcount(word: Any) -> int:
        """How many bits of a 64-bit word are set."""
        return (int(word) & 0xFFFF_FFFF_FFFF_FFFF).bit_count()

    def lowest_bit(word: Any) -> int:
        """The index of the lowest set bit of a 64-bit word that is not 0."""
        return (int(word) & -int(word)).bit_length() - 1

else:

    @intrinsic
    def popcount(typing_context: Any, word: Any) -> Any:
        """How many bits of a 64-bit word are set."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.ctpop(arguments[0])

        return types.int64(types.int64), generate

    @intrinsic
    def lowest_bit(typing_context: Any, word: Any) -> Any:
        """The index of the lowest set bit of a 64-bit word that is not 0."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

        return types.int64(types.int64), generate
