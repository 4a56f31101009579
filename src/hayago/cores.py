"""The number of cores, and the process that may use them."""

import os

from hayago.errors import HayagoError

MOST_THREADS = 1024  # that anyone may ask for; libraries crash where the system has no more


def cores() -> int:
    """The number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Owner:
    """The process that made something with threads. A fork copies the thing, but none of its threads: to use the copy
    would be to wait forever."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._process = os.getpid()

    @property
    def is_here(self) -> bool:
        """Whether this is that process."""
        return os.getpid() == self._process

    def check(self) -> None:
        """Raise HayagoError in any other process."""
        if not self.is_here:
            raise HayagoError(f"{self._what} was inherited by a fork, without its threads: make one in this process")
