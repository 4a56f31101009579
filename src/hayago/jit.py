"""`kernel`, the decorator of every compiled function, and the operations that numba lacks.

A *kernel* is a plain function on arrays. numba compiles it on its first call, once per machine, and keeps the result in
the user's cache folder. numba's own cache notices only changes in the file of the function itself, not in the kernels
that it calls. So the folder's name carries a hash of the module, of all modules of this package that it imports,
directly or not, and of numba's version. (A kernel can reach another one only by an import.) And numba runs whatever
code it finds there. So each file carries a checksum, and a kernel whose files are damaged is compiled again.

With NUMBA_DISABLE_JIT=1 all kernels run as the Python functions they are. `hayago.deferred` lets them do so only until
they are compiled.
"""

import atexit
import contextlib
import hashlib
import os
import pickle
import re
import shutil
import stat
import sys
import tempfile
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np
import platformdirs
from llvmlite import ir
from numba import types
from numba.core import dispatcher as numba_dispatcher
from numba.core import event
from numba.core.caching import FunctionCache, IndexDataCacheFile, NullCache
from numba.core.registry import CPUDispatcher
from numba.core.typeinfer import register_dispatcher
from numba.extending import intrinsic
from numpy.typing import NDArray

config: Any = numba.config  # its settings are set at run time, unknown to type checkers
dispatcher: Any = numba_dispatcher

Function = TypeVar("Function", bound=Callable[..., Any])

_PACKAGE = Path(__file__).parent


_IMPORT = re.compile(rf"^\s*(?:from|import)\s+{_PACKAGE.name}((?:\.\w+)*)".encode(), re.MULTILINE)


@cache
def _imported(source: Path) -> frozenset[Path]:
    """The files of this package that a file imports anywhere; for a package, all of its files."""
    found: set[Path] = set()
    for name in _IMPORT.findall(source.read_bytes()):
        module = _PACKAGE.joinpath(*name.decode().split("."))
        found.update(module.glob("*.py") if module.is_dir() else [module.with_suffix(".py")])
    return frozenset(found)


@cache
def _sources(source: Path) -> tuple[Path, ...]:
    """A file, and all files of this package that it imports, directly or not."""
    found, waiting = {source}, [source]
    while waiting:
        new = _imported(waiting.pop()) - found
        found |= new
        waiting.extend(new)
    return tuple(sorted(found))


@cache
def cache_folder(source: Path) -> Path:
    """The folder of a file's compiled kernels: in NUMBA_CACHE_DIR, else the user's cache, else a temporary folder."""
    digest = hashlib.sha256(numba.__version__.encode())
    for file in _sources(source):
        digest.update(file.read_bytes())
    name = f"kernels-{digest.hexdigest()[:16]}"
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    with contextlib.suppress(OSError, RuntimeError):  # RuntimeError: neither HOME nor an entry among the users
        folder = (Path(chosen) if chosen else platformdirs.user_cache_path("hayago", appauthor=False)) / name
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    return _temporary_folder(name)


def _temporary_folder(name: str) -> Path:
    """A folder for a user without a home that can be written to (a service, a container): one for all processes.

    Code is loaded from it. So it must be this user's alone: not a link, and not a folder that another has made.
    """
    user = os.getuid() if hasattr(os, "getuid") else 0  # Windows has a temporary folder for each user
    folder = Path(tempfile.gettempdir()) / f"hayago-{user}"
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        if stat.S_ISDIR(status.st_mode) and (os.name == "nt" or (status.st_uid == user and not status.st_mode & 0o022)):
            (folder / name).mkdir(exist_ok=True)
            return folder / name
    made = Path(tempfile.mkdtemp(prefix="hayago-kernels-"))  # the place is taken
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


class _Announcement(event.Listener):
    """Says once, on stderr, that kernels are being compiled: otherwise a user would wonder at the wait."""

    made = False

    def on_start(self, event: Any) -> None:
        """numba has found no compiled kernel in its cache, and begins to compile."""
        if not self.made and event.data["dispatcher"].py_func.__module__.startswith("hayago."):
            self.made = True
            sys.stderr.write("hayago: compiling kernels, once per version (up to half a minute)\n")

    def on_end(self, event: Any) -> None:
        """Nothing to say."""


event.register("numba:compile", _Announcement())  # type: ignore[no-untyped-call]


class _SealedFiles(IndexDataCacheFile):
    """The compiled code of a kernel for several types of arguments, each in a file, and an index of these files."""

    def _load_index(self) -> Any:
        try:
            stamp, names = _unsealed(self._index_path)
        except OSError:
            return {}
        return names if stamp == self._source_stamp else {}

    def _save_index(self, names: Any) -> None:
        self._write(self._index_path, (self._source_stamp, names))

    def _load_data(self, name: str) -> Any:
        return _unsealed(self._path_of(name))

    def _save_data(self, name: str, data: Any) -> None:
        self._write(self._path_of(name), data)

    def _path_of(self, name: str) -> str:
        return os.path.join(self._cache_path, name)  # noqa: PTH118 - numba takes texts

    def _write(self, path: str, content: Any) -> None:
        data = self._dump(content)  # type: ignore[no-untyped-call]
        with self._open_for_write(path) as file:
            file.write(_checksum(path, data) + data)


def _checksum(path: str, data: bytes) -> bytes:
    """Of the content and the file's name, so that no file can be in the place of another."""
    return hashlib.sha256(Path(path).name.encode() + b"\0" + data).digest()


def _unsealed(path: str) -> Any:
    """What a file holds after its checksum; an OSError if that does not fit, as if there were no file."""
    data = Path(path).read_bytes()
    length = hashlib.sha256().digest_size
    if _checksum(path, data[length:]) != data[:length]:
        raise OSError(f"{path} is damaged")
    return pickle.loads(data[length:])


class _Cache(FunctionCache):
    """numba's cache of one function. What cannot be kept, on a full disk say, is compiled again next time."""

    def __init__(self, function: Any) -> None:
        super().__init__(function)  # type: ignore[no-untyped-call]
        plain = self._cache_file
        files: Any = _SealedFiles
        self._cache_file = files(self.cache_path, self._impl.filename_base, plain._source_stamp)

    def save_overload(self, signature: Any, data: Any) -> None:
        """See numba's Cache."""
        with contextlib.suppress(OSError):
            super().save_overload(signature, data)  # type: ignore[no-untyped-call]


def _cache_of(function: Any) -> Any:
    """The cache of a function, or none if there is no place for files."""
    try:
        return _Cache(function)
    except RuntimeError:  # numba has found no folder that it can write to, on a full disk say
        return NullCache()


KERNELS: list[Any] = []  # all that were made
kernel_class: Any = CPUDispatcher  # of those made from now on: see `hayago.deferred`


def _compile(function: Function, keep: bool = True) -> Any:
    if config.DISABLE_JIT:
        return function
    before = config.CACHE_DIR, dispatcher.FunctionCache
    config.CACHE_DIR = str(cache_folder(Path(function.__code__.co_filename)))  # both are read while the decorator runs
    dispatcher.FunctionCache = _cache_of
    try:
        compiled: Any = numba.njit(cache=keep, nogil=True)(function)
    finally:
        config.CACHE_DIR, dispatcher.FunctionCache = before  # other packages keep theirs
    compiled.__class__, compiled.heavy = kernel_class, False
    KERNELS.append(compiled)
    return compiled


def kernel(function: Function) -> Function:
    """Compile `function` on its first call, without the interpreter lock, and keep the result on the disk."""
    compiled: Function = _compile(function)
    return compiled


def heavy_kernel(function: Function) -> Function:
    """`kernel` for a function that is far too slow as Python."""
    compiled: Any = _compile(function)
    if compiled is not function:
        compiled.heavy = True
    return compiled  # type: ignore[no-any-return]


class _Recursive(CPUDispatcher):
    """A kernel that calls itself. numba keeps it on the disk only if it is compiled for a stated signature,
    and would do that at once, where the kernel is defined."""

    stated: Any

    def compile(self, signature: Any) -> Any:
        """Compile for the stated signature, whatever is asked for."""
        with register_dispatcher(self):
            entry = super().compile(self.stated)
        self.disable_compile()
        return entry


def recursive_kernel(signature: Any) -> Callable[[Function], Function]:
    """`kernel` for a function that calls itself; its signature must be stated."""

    def decorate(function: Function) -> Function:
        compiled = _compile(function)
        if compiled is not function:
            compiled.__class__ = _Recursive
            compiled.stated = signature
        return compiled  # type: ignore[no-any-return]

    return decorate


def generator(function: Function) -> Function:
    """`kernel` for a generator. numba cannot keep one on the disk: it is compiled with each kernel that uses it."""
    compiled: Function = _compile(function, keep=False)
    return compiled


# ---- What numba lacks: first as Python, which also says what each of them does.


def popcount(word: Any) -> int:
    """How many bits of a 64-bit word are set."""
    return (int(word) & 0xFFFF_FFFF_FFFF_FFFF).bit_count()


def lowest_bit(word: Any) -> int:
    """The index of the lowest set bit of a 64-bit word that is not 0."""
    return (int(word) & -int(word)).bit_length() - 1


def borrowed(arrays: Any) -> Any:
    """The same arrays, or tuple with arrays in it, without a count of references: the caller holds them for as long as
    this lives.

    numba counts the references to an array wherever it is passed on or a view is made of it, by atomic operations on
    memory that all its views share. So threads that share an array wait for each other.
    """
    return arrays


def prefetch(array: Any, index: int) -> None:
    """Have the processor fetch the memory round array[index] without waiting for it. The array is contiguous and of one
    dimension; the entry need not exist."""


_taking = threading.Lock()


def fetch_add(counter: NDArray[np.int64]) -> int:
    """counter[0], then add one to it: threads that take numbers from one counter never get the same one."""
    with _taking:
        counter[0] += 1
        return int(counter[0]) - 1


AS_PYTHON: dict[Any, Any] = {}  # each of them compiled: the same as Python

if not config.DISABLE_JIT:
    _python = popcount, lowest_bit, borrowed, prefetch, fetch_add

    def _uncounted(context: Any, builder: Any, kind: Any, value: Any) -> Any:
        if isinstance(kind, types.Array):
            array = context.make_array(kind)(context, builder, value)
            array.meminfo = ir.Constant(array.meminfo.type, None)
            return array._getvalue()
        if isinstance(kind, types.BaseTuple):
            inner: Any = kind.types  # type: ignore[attr-defined]  # every tuple has them
            parts = (
                _uncounted(context, builder, part, builder.extract_value(value, n)) for n, part in enumerate(inner)
            )
            return context.make_tuple(builder, kind, parts)
        return value

    @intrinsic
    def borrowed(typing_context: Any, arrays: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return _uncounted(context, builder, signature.return_type, arguments[0])

        return arrays(arrays), generate

    @intrinsic
    def prefetch(typing_context: Any, array: Any, index: Any) -> Any:
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        read, kept_in_level_2, data = (ir.Constant(number, choice) for choice in (0, 2, 1))

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            first = context.make_array(signature.args[0])(context, builder, arguments[0]).data
            place = builder.bitcast(builder.gep(first, [arguments[1]]), byte)
            function = builder.module.declare_intrinsic(
                "llvm.prefetch", [byte], ir.FunctionType(ir.VoidType(), [byte, number, number, number])
            )
            builder.call(function, [place, read, kept_in_level_2, data])
            return context.get_dummy_value()

        return types.void(array, types.int64), generate

    @intrinsic
    def fetch_add(typing_context: Any, counter: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            place = context.make_array(signature.args[0])(context, builder, arguments[0]).data
            return builder.atomic_rmw("add", place, ir.Constant(ir.IntType(64), 1), "monotonic")

        return types.int64(counter), generate

    @intrinsic
    def popcount(typing_context: Any, word: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.ctpop(arguments[0])

        return types.int64(types.int64), generate

    @intrinsic
    def lowest_bit(typing_context: Any, word: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

        return types.int64(types.int64), generate

    AS_PYTHON.update(zip((popcount, lowest_bit, borrowed, prefetch, fetch_add), _python, strict=True))
