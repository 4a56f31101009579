"""The number of cores, and the process that may use them."""

import math
import os
from pathlib import Path, PurePosixPath

from hayago.errors import HayagoError

MOST_THREADS = 1024  # that anyone may ask for; libraries crash where the system has no more


_GROUPS = Path("/sys/fs/cgroup")  # Linux's control groups
_OWN_GROUPS = Path("/proc/self/cgroup")


def cores() -> int:
    """The number of cores that this process may use: those it may run on, or fewer where a container has a share."""
    # macOS and Windows know no affinity
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(count, _share(_GROUPS, _OWN_GROUPS))))


def _share(groups: Path, own: Path) -> float:
    """How many cores' time the control groups of this process allow it; infinity without a limit.

    A line of `own` is `number:controllers:path`. Version 2 has no controllers there, and one file cpu.max for quota and
    period. Each parent of a group may have a limit too.
    """
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return math.inf
    least = math.inf
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        folder = groups / "cpu" if controllers else groups
        names = ("cpu.cfs_quota_us", "cpu.cfs_period_us") if controllers else ("cpu.max",)
        inner = PurePosixPath(path.lstrip("/"))
        for group in (inner, *inner.parents):
            least = min(least, _limit(*(folder / group / name for name in names)))
    return least


def _limit(*files: Path) -> float:
    """The quota by the period, which are in one file or in two; infinity where there is no limit."""
    try:
        quota, period = (int(word) for file in files for word in file.read_text().split())
    except (OSError, ValueError):  # no such group, or "max"
        return math.inf
    return quota / period if quota > 0 and period > 0 else math.inf


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
