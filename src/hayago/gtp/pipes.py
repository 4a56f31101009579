"""The two pipes of an engine's process: lines come in on stdin, replies and nothing else go out on stdout.

Nothing here hangs: a client that has gone ends the process, one that has closed its end and reads no more is given up
after a while, and SIGTERM ends it at once.
"""

import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Generic, TypeVar

from hayago.errors import HayagoError

Item = TypeVar("Item")


WAKE = 0.2  # seconds after which a waiting thread looks up
PATIENCE = 30.0  # seconds that a client which has closed our stdin may take to read the last replies


class Inbox(Generic[Item]):
    """A queue between threads that can also be asked whether something waits in it.

    Waiting is done by bits: a signal that comes just before the main thread begins to wait, or to another thread, does
    not end the wait, and its handler runs when the main thread looks up.
    """

    def __init__(self) -> None:
        self._items: deque[Item] = deque()
        self._changed = threading.Condition()

    def put(self, item: Item) -> None:
        """Append an item."""
        with self._changed:
            self._items.append(item)
            self._changed.notify_all()

    def get(self) -> Item:
        """Take the oldest item, waiting for one; one thread takes."""
        while not self.waits_within(WAKE):
            pass
        with self._changed:
            return self._items.popleft()

    def waits_within(self, seconds: float) -> bool:
        """Whether an item is there, or comes within that time; it stays."""
        ends = time.monotonic() + seconds
        with self._changed:
            while not self._items and (left := ends - time.monotonic()) > 0:
                self._changed.wait(min(left, WAKE))
            return bool(self._items)


class Output:
    """The descriptor of the replies; one thread writes."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._since: float | None = None

    def write(self, text: str) -> None:
        """Write all of it.

        Raises:
            OSError: nobody reads any more.
        """
        data = text.encode()
        self._since = time.monotonic()
        while data:
            data = data[os.write(self._descriptor, data) :]
        self._since = None

    def blocked_for(self) -> float:
        """For how many seconds a write has waited for its reader."""
        since = self._since
        return 0.0 if since is None else time.monotonic() - since


def take_stdout() -> Output:
    """Keep stdout for replies alone, and lead whatever else prints there to stderr.

    This is done to the descriptor, not only to sys.stdout, since compiled libraries print too.

    Raises:
        HayagoError: there is no stdout.
    """
    try:
        replies = os.dup(1)
    except OSError:
        raise HayagoError("stdout is closed: there is nowhere to reply") from None
    if sys.stderr is None:  # a windowed program's child
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123
    os.dup2(sys.stderr.fileno(), 1)
    sys.stdout = sys.stderr
    return Output(replies)


def read_lines() -> Iterator[str]:
    """The lines of stdin; what stands after the last newline counts as one too.

    Read from the descriptor: a thread that waits inside sys.stdin holds its lock and cannot be left at the end.
    """
    rest = b""
    while True:
        try:
            block = os.read(0, 1 << 16)
        except OSError:
            block = b""
        if not block:
            break
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            yield line.decode(errors="replace")
    if rest:
        yield rest.decode(errors="replace")


def start_reader(deliver: Callable[[str | None], None], output: Output, patience: float) -> None:
    """Hand each line of stdin, and None at its end, to `deliver`, from a thread of its own.

    Behind the end that thread watches over what is still to be written: where a write has waited longer than `patience`
    seconds for its reader, the process ends.
    """

    def read() -> None:
        for line in read_lines():
            deliver(line)
        deliver(None)
        while output.blocked_for() <= patience:
            time.sleep(min(patience, 1.0))
        leave()

    threading.Thread(target=read, daemon=True).start()


def end_on_sigterm() -> None:
    """Make SIGTERM a quiet end; to be called from the main thread."""
    signal.signal(signal.SIGTERM, _end)


def _end(number: int, frame: FrameType | None) -> None:
    leave()


def leave(code: int = 0) -> None:
    """End the process at once, whatever its other threads do: winding the interpreter up under one that is deep in an
    import, or compiling, can crash."""
    if sys.stderr is not None:
        sys.stderr.flush()
    os._exit(code)
