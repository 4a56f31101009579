"""The controller's end of GTP: starts an engine as a process, sends it commands, reads its replies.

Nothing an engine does may hang or flood us. So a thread of its own reads each of its two outputs: replies, one by one
and limited in size, and stderr, of which only the end is kept. (Threads, because Windows cannot `select` on pipes.) An
engine that breaks the protocol or is late is ended at once, since anything it says later could be mistaken for the
reply to another command.

What the replies mean is the caller's business. `hayago.gtp.process` is the engine's end.
"""

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import IO, Self

from hayago.errors import HayagoError

MAX_REPLY_BYTES = 1 << 20  # the longest known reply, the analysis of a whole board, has some 100 KiB
_MAX_UNREAD_REPLIES = 16  # no second command is sent before the first is answered
_STDERR_BYTES = 1 << 13
_LEAVE_SECONDS = 2.0  # seconds for an engine to end by itself, and again after a request to end
_SHOWN_CHARACTERS = 60
# The specification, 3.1: control characters other than newline and tab are dropped.
_CONTROL_CHARACTERS = dict.fromkeys([*range(9), *range(11, 32), 127])


class EngineError(HayagoError):
    """An engine did not do what was asked; the message begins with the engine's name."""


class EngineNotStarted(EngineError):
    """There is no such program, or the system cannot run it."""


class CommandFailed(EngineError):
    """The engine answered that it cannot (a `?` reply). It continues to run.

    Attributes:
        reply: what it said.
    """

    def __init__(self, message: str, reply: str) -> None:
        super().__init__(message)
        self.reply = reply


class EngineDied(EngineError):
    """The process has ended, or was ended, before it answered."""


class EngineTimeout(EngineError):
    """No complete answer came in time; the process is ended."""


class BadReply(EngineError):
    """The output is not a GTP reply, or too long, or unasked for; the process is ended."""


def split_command(command: str, *, windows: bool = os.name == "nt") -> list[str]:
    """The words of a command line as a shell would split it, with nothing expanded.

    On Windows a backslash separates folders, and only double quotes quote.

    Raises:
        EngineNotStarted: it is empty, or a quotation does not end.
    """
    lexer = shlex.shlex(command, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.commenters = ""
    if windows:
        lexer.escape, lexer.quotes = "", '"'
    try:
        words = list(lexer)
    except ValueError as error:
        raise EngineNotStarted(f"not a command line: {command!r} ({str(error).lower()})") from error
    if not words:
        raise EngineNotStarted("not a command line: it is empty")
    return words


# Debian installs games outside most users' PATH; Homebrew's folder is missing where a window system starts programs.
GAME_FOLDERS = ("/usr/games", "/usr/local/games", "/opt/homebrew/bin")


def find_program(name: str) -> str:
    """The file of a program: as a shell would find it, or in one of GAME_FOLDERS. A path is taken as it is.

    Raises:
        EngineNotStarted: there is none.
    """
    if Path(name).name != name:
        return name
    places = [place for place in os.environ.get("PATH", os.defpath).split(os.pathsep) if place]
    found = shutil.which(name, path=os.pathsep.join([*places, *(() if os.name == "nt" else GAME_FOLDERS)]))
    if found is None:
        also = "" if os.name == "nt" else f", nor in {', '.join(GAME_FOLDERS)}"
        looked = f"no such program in PATH ({os.pathsep.join(places)}){also}"
        raise EngineNotStarted(f"cannot start {name!r}: {looked}")
    return found


class GtpClient:
    """One running engine. One thread at a time may talk to it; `kill` may come from any.

    Args:
        command: the program and its arguments, started without a shell; a string is split by `split_command`.
        timeout_seconds: how long an answer may take, unless `send` says otherwise.
        name: what messages call the engine; by default the program's file name.

    Attributes:
        command: the words.
        name: see above.

    Raises:
        EngineNotStarted: the program cannot be started.
    """

    def __init__(self, command: str | Sequence[str], timeout_seconds: float, name: str | None = None) -> None:
        self.command = split_command(command) if isinstance(command, str) else list(command)
        self.name = name or Path(self.command[0]).name
        self._timeout_seconds = timeout_seconds
        self._known: dict[str, bool] = {}
        self._killed = False
        self._replies: SimpleQueue[tuple[bool, str] | EngineError] = SimpleQueue()
        self._stderr = b""
        try:
            self._process = subprocess.Popen(
                [find_program(self.command[0]), *self.command[1:]],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                # Its own process group: its children can be ended with it, and it does not get our Ctrl-C.
                start_new_session=os.name != "nt",
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        except (OSError, ValueError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or error
            raise EngineNotStarted(f"cannot start {self.command[0]!r}: {reason}") from error
        self._stderr_reader = threading.Thread(target=self._read_stderr, daemon=True)
        self._reply_reader = threading.Thread(target=self._read_replies, daemon=True)
        self._stderr_reader.start()  # before the other one, which at the end waits for it
        self._reply_reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Talking

    def send(self, line: str, timeout_seconds: float | None = None) -> str:
        """Send one command. Returns the text of its reply without the mark, possibly several lines.

        Raises:
            CommandFailed: the engine answered with an error.
            EngineDied, EngineTimeout, BadReply: there is no answer, and the engine is ended.
            ValueError: the command is not a single line.
        """
        if not line.strip() or "\n" in line or "\r" in line:
            raise ValueError(f"not one command: {line!r}")
        limit = self._timeout_seconds if timeout_seconds is None else timeout_seconds
        unasked = self._unread()
        if unasked is not None:
            self.kill()
            raise unasked
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):  # it has ended, which the reader of its replies reports
            self._process.stdin.write(f"{line}\n".encode())
        try:
            reply = self._replies.get(timeout=limit)
        except Empty:
            self.kill()
            raise EngineTimeout(f"{self.name}: no answer to {line!r} in {limit:g} s") from None
        if isinstance(reply, EngineError):
            self._replies.put(reply)  # it holds for the next command, too
            self.kill()
            raise type(reply)(f"{reply} when asked {line!r}") from None
        succeeded, text = reply
        if not succeeded:
            raise CommandFailed(f"{self.name}: {line!r} was answered {_short(text)!r}", text)
        return text

    def known(self, command: str) -> bool:
        """Whether the engine says that it knows a command; it is asked only once."""
        if command not in self._known:
            try:
                self._known[command] = self.send(f"known_command {command}").strip().lower() == "true"
            except CommandFailed:
                self._known[command] = False
        return self._known[command]

    def identity(self) -> str:
        """The engine's own name and version, as far as it gives them."""
        words = []
        for command in ("name", "version"):
            with contextlib.suppress(CommandFailed):
                words.append(" ".join(self.send(command).split()))
        return " ".join(filter(None, words))

    def is_alive(self) -> bool:
        """Whether the process still runs and can be asked."""
        return not self._killed and self._process.poll() is None

    # Ending

    def close(self) -> None:
        """End the engine: by `quit` and closing its input, then by request, then by force."""
        process = self._process
        assert process.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            process.stdin.write(b"quit\n")
        with contextlib.suppress(OSError):
            process.stdin.close()
        for force in (process.terminate, self.kill, None):
            try:
                process.wait(_LEAVE_SECONDS)
                break
            except subprocess.TimeoutExpired:
                if force:
                    force()
        for thread, pipe in ((self._reply_reader, process.stdout), (self._stderr_reader, process.stderr)):
            thread.join(_LEAVE_SECONDS)
            if thread.is_alive():  # a child of the engine has outlived it and holds the other end
                self._kill_group()
                thread.join(_LEAVE_SECONDS)
            if not thread.is_alive() and pipe is not None:
                pipe.close()

    def kill(self) -> None:
        """Kill the process and its children at once. A `send` that waits in another thread gets EngineDied."""
        self._killed = True
        if self._process.poll() is not None:
            return
        self._kill_group()
        self._process.kill()

    def _kill_group(self) -> None:
        if os.name == "nt":
            subprocess.run(["taskkill", "/F", "/T", "/PID", str(self._process.pid)], capture_output=True, check=False)
        else:
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)

    # The threads

    def _unread(self) -> EngineError | None:
        """The error if the engine has said anything unasked."""
        try:
            reply = self._replies.get_nowait()
        except Empty:
            return None
        if isinstance(reply, EngineError):
            self._replies.put(reply)
            return reply
        return BadReply(f"{self.name}: answered {_short(reply[1])!r} without being asked")

    def _read_replies(self) -> None:
        """Put each complete reply into the queue, and at the end the reason why there are no more."""
        assert self._process.stdout is not None
        lines: list[str] = []
        rest, size = b"", 0
        while block := _read(self._process.stdout):
            *whole, rest = (rest + block).split(b"\n")
            for raw in whole:
                line = raw.decode(errors="replace").translate(_CONTROL_CHARACTERS)
                size += len(raw)
                if line:
                    lines.append(line)
                    if lines[0][0] not in "=?":
                        return self._replies.put(
                            BadReply(f"{self.name}: printed {_short(line)!r}, which is not a reply")
                        )
                elif lines:
                    self._replies.put((lines[0][0] == "=", _text(lines)))
                    lines, size = [], 0
            if size + len(rest) > MAX_REPLY_BYTES:
                return self._replies.put(BadReply(f"{self.name}: a reply of more than {MAX_REPLY_BYTES:,} bytes"))
            if self._replies.qsize() > _MAX_UNREAD_REPLIES:
                return self._replies.put(BadReply(f"{self.name}: printed endless replies"))
        return self._replies.put(EngineDied(f"{self.name}: {self._last_words()}"))

    def _last_words(self) -> str:
        """How the process ended, once it has closed its output."""
        try:
            status = self._process.wait(_LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            return "closed its output"
        self._stderr_reader.join(_LEAVE_SECONDS)
        how = f"exit status {status}" if status >= 0 else f"signal {-status}"
        said = self._stderr.decode(errors="replace").strip().splitlines()
        return f"the engine has ended ({how}{f', last words {_short(said[-1])!r}' if said else ''})"

    def _read_stderr(self) -> None:
        assert self._process.stderr is not None
        while block := _read(self._process.stderr):
            self._stderr = (self._stderr + block)[-_STDERR_BYTES:]


def _read(pipe: IO[bytes]) -> bytes:
    """The next bytes; none at the end or if the pipe is broken."""
    try:
        return os.read(pipe.fileno(), 1 << 16)
    except (OSError, ValueError):
        return b""


def _text(lines: list[str]) -> str:
    """A reply's text without the mark; a first line that holds nothing else is dropped."""
    first = lines[0][1:].strip()
    return "\n".join([first, *lines[1:]] if first else lines[1:])


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_CHARACTERS else line[:_SHOWN_CHARACTERS] + "..."
