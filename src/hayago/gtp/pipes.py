"""The two pipes of an engine's process: lines come in on stdin, only replies go out on stdout.

Nothing here hangs. The process ends if the client has ended, gives up after a while on a client that has closed its end
and no longer reads, and ends at once on SIGTERM.
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


WAKE = 0.2  # seconds after which a waiting thread wakes up
MOST_GTP_BYTES, MOST_JSON_BYTES = 1 << 20, 1 << 26  # of a line; a query has every move of its game
_SHOWN_BYTES = 200  # of a line that is longer
PATIENCE = 30.0  # seconds that a client may take to read the last replies after closing our stdin


class Inbox(Generic[Item]):
    """A queue between threads that can also say whether something is waiting in it.

    Waiting is done in short pieces. A signal that comes just before the main thread begins to wait, or to another
    thread, does not end a wait; its handler runs when the main thread wakes up.
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
        """Whether an item is there or comes within that time. It is not taken."""
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
        """Write all of the text.

        Raises:
            OSError: the reader has ended.
        """
        data = text.encode()
        self._since = time.monotonic()
        while data:
            data = data[os.write(self._descriptor, data) :]
        self._since = None

    def blocked_for(self) -> float:
        """How many seconds a write has been waiting for its reader."""
        since = self._since
        return 0.0 if since is None else time.monotonic() - since


def take_stdout() -> Output:
    """Keep stdout for replies, and send everything else that prints there to stderr.

    This redirects the descriptor, not only sys.stdout, because compiled libraries print too.

    Raises:
        HayagoError: there is no stdout.
    """
    try:
        replies = os.dup(1)
    except OSError:
        raise HayagoError("stdout is closed, so there is nowhere to reply") from None
    if sys.stderr is None:  # the child of a windowed program
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123
    os.dup2(sys.stderr.fileno(), 1)
    sys.stdout = sys.stderr
    return Output(replies)


class TooLong(str):
    """The beginning of a line that is too long to be answered."""


def read_lines(most_bytes: int) -> Iterator[str]:
    """The lines of stdin, including an unfinished last one. Of a line with more bytes only a TooLong is left.

    They are read from the descriptor, because a thread that waits inside sys.stdin holds its lock when the process
    ends. Bytes that are not UTF-8 become lone surrogates, which `os.fsencode` turns back: they may be a file's name.
    """
    pieces: list[bytes] = []  # of the line that is being read
    size = 0

    def line() -> str:
        text = decoded(b"".join(pieces))
        return text if size <= most_bytes else TooLong(text[:_SHOWN_BYTES])

    while True:
        try:
            block = os.read(0, 1 << 16)
        except OSError:
            block = b""
        if not block:
            break
        for number, piece in enumerate(block.split(b"\n")):
            if number:  # what came before it ends a line
                yield line()
                pieces, size = [], 0
            size += len(piece)
            if size <= most_bytes or not pieces:
                pieces.append(piece)
    if size:
        yield line()


def decoded(line: bytes) -> str:
    """The text of a line, without the byte order mark that some programs put before it."""
    return line.decode(errors="surrogateescape").removeprefix("\ufeff")


def start_reader(
    deliver: Callable[[str | None], None], output: Output, patience: float, most_bytes: int = MOST_GTP_BYTES
) -> None:
    """Hand each line of stdin, and None at its end, to `deliver`, from a thread of its own.

    After the end of stdin this thread watches what is still to be written. If a write waits longer than `patience`
    seconds for its reader, the process ends.
    """

    def read() -> None:
        for line in read_lines(most_bytes):
            deliver(line)
        deliver(None)
        while output.blocked_for() <= patience:
            time.sleep(min(patience, 1.0))
        leave()

    threading.Thread(target=read, daemon=True).start()


def end_on_sigterm() -> None:
    """Let SIGTERM end the process quietly; call this from the main thread."""
    signal.signal(signal.SIGTERM, _end)


def _end(number: int, frame: FrameType | None) -> None:
    leave()


def leave(code: int = 0) -> None:
    """End the process at once. Shutting the interpreter down while another thread imports or compiles can crash."""
    if sys.stderr is not None:
        sys.stderr.flush()
    os._exit(code)
