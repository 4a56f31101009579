"""Kernels that run as Python until they are compiled, so that a player need not wait for a compiler.

To compile what a move needs takes seconds, and what a judgement needs takes several more. Run as Python, the same
functions take milliseconds for a move. So a process that plays calls `defer` first, compiles in the background
(`hayago.player.kernels`), and ends with `settle`. The results are the same, whichever way a kernel ran.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any

import numpy as np
from numba.core.registry import CPUDispatcher

from hayago import jit

POLL_SECONDS = 0.02

_here = threading.local()  # `compiling`: whether this thread compiles what it calls


class _Deferred(CPUDispatcher):
    """A kernel that runs as Python until it is compiled."""

    heavy: bool

    def __call__(self, *arguments: Any) -> Any:
        if not getattr(_here, "compiling", False):
            if not self.heavy:
                with np.errstate(over="ignore"):  # hashes wrap around
                    return as_python(self)(*arguments)
            while type(self) is _Deferred:
                time.sleep(POLL_SECONDS)
        return CPUDispatcher.__call__(self, *arguments)  # which it may have become


def defer() -> None:
    """From now on, kernels run as Python until they are compiled. Callers of heavy kernels wait for that."""
    jit.kernel_class = _Deferred
    _turn_all_into(_Deferred)


def release() -> None:
    """From now on, the kernels that are compiled run so. (For all types of arguments that they meet: another type
    would make the caller wait for the compiler. So this comes after a part that uses them as callers do.)"""
    compiled: list[Any] = [each for each in jit.KERNELS if type(each) is _Deferred and each.overloads]
    for kernel in compiled:
        kernel.__class__ = CPUDispatcher


def settle() -> None:
    """From now on, kernels that are not compiled yet are compiled where they are called, as usual."""
    jit.kernel_class = CPUDispatcher
    _turn_all_into(CPUDispatcher)


def is_settled() -> bool:
    """Whether no caller waits for the compiler."""
    return jit.kernel_class is not _Deferred


def _turn_all_into(kind: type) -> None:
    for kernel in jit.KERNELS:
        if type(kernel) in (CPUDispatcher, _Deferred):
            kernel.__class__ = kind


@contextmanager
def deferring() -> Iterator[None]:
    """Kernels run as Python meanwhile, for what is not worth the compiler. Heavy ones must not be called."""
    defer()
    try:
        yield
    finally:
        settle()


@contextmanager
def compiling() -> Iterator[None]:
    """In this thread, compile the kernels that are called, deferred or not."""
    _here.compiling = True
    try:
        yield
    finally:
        _here.compiling = False


_copies: dict[Any, Callable[..., Any]] = {}  # of kernels
_copying = threading.RLock()  # a copy is handed out whole, with all that it calls


def as_python(kernel: Any) -> Callable[..., Any]:
    """The function of a kernel, which calls other kernels as Python too."""
    with _copying:
        return _copies.get(kernel) or _copy(kernel)


def _copy(kernel: Any) -> Callable[..., Any]:
    function = kernel.py_func
    names: dict[str, Any] = {}
    copy = FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
    _copies[kernel] = copy  # now, since a kernel may call itself
    for name, value in function.__globals__.items():
        names[name] = _python_of(value)
    return copy


def _python_of(value: Any) -> Any:
    if isinstance(value, CPUDispatcher):
        return as_python(value)
    try:
        return jit.AS_PYTHON.get(value, value)
    except TypeError:  # it has no hash
        return value
