"""The kernels that playing needs: loaded or compiled beside the first moves, which need not wait for them.

`start` is for programs that play. On a machine where the kernels are not compiled yet, a process of low priority
compiles them, as `python -m hayago.player.kernels`, and until it is done they run as Python (`hayago.deferred`).
"""

import atexit
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from numba.core.registry import cpu_target

from hayago.deferred import compiling, defer, release, settle
from hayago.features.ladder_list import ladders
from hayago.features.plain import encode
from hayago.jit import cache_folder, config
from hayago.player.endgame import EndgameJudge
from hayago.records.sgf import read_sgf
from hayago.rules.board import Board
from hayago.rules.coordinates import MAX_SIZE
from hayago.rules.game_rules import PRESETS

NICENESS = 10
ANNOUNCEMENT = "hayago: compiling kernels in the background, once per version; only scores and analyses wait for them\n"


def _moves() -> None:
    board = Board(MAX_SIZE, superko=True)
    board.setup([MAX_SIZE])
    board.play(0)
    board.colour_at(0)
    board.chain(0)
    board.sensible_points()
    board.true_eyes(board.to_play)
    encode(board)
    board.undo()
    board = Board(MAX_SIZE)
    board.setup([287, 307, 308], [288])
    ladders(board)  # one that works,
    board.play(289)
    ladders(board)  # and one that does not


def _judgements() -> None:
    board = Board(MAX_SIZE)
    board.play(0)
    for rules in PRESETS.values():
        EndgameJudge(playouts=1).judge(board, rules)


def _records() -> None:
    read_sgf(b"(;SZ[19]AB[cc];B[aa];W[bb])")


# In the order in which a game needs them.
PARTS: dict[str, Callable[[], None]] = {"moves": _moves, "judgements": _judgements, "records": _records}


def are_compiled() -> bool:
    """Whether this machine has them all, from this version."""
    return bool(config.DISABLE_JIT) or _stamp().exists()


def compile_now() -> None:
    """Compile them, or load what is compiled already."""
    with compiling():
        for part in PARTS.values():
            part()
    with suppress(OSError):  # a full disk: they are compiled again next time
        _stamp().touch()


def start() -> None:
    """Load or compile them in the background. To be called before the first board is made."""
    if config.DISABLE_JIT:
        return
    defer()
    worker = _Worker(None if are_compiled() else _start_process())
    worker.start()
    atexit.register(worker.stop)


class _Worker(threading.Thread):
    """Loads the kernels, part by part, as soon as the process that compiles them says that they are there."""

    def __init__(self, process: "subprocess.Popen[str] | None") -> None:
        super().__init__(daemon=True)
        self._process, self._stopped = process, False

    def run(self) -> None:
        """Without a process, or where it fails, this thread compiles."""
        with suppress(Exception):  # a failure comes again, and is reported, where a kernel is needed
            if self._process is not None:
                sys.stderr.write(ANNOUNCEMENT)
                for line in self._process.stdout or ():
                    self._load(PARTS[line.strip()])
                self._process.wait()
            for part in (*PARTS.values(), compile_now):
                self._load(part)
        settle()

    def stop(self) -> None:
        """The interpreter must not end while this thread is inside a kernel or the compiler."""
        self._stopped = True
        if self._process is not None:
            self._process.kill()
        self.join()

    def _load(self, part: Callable[[], None]) -> None:
        if not self._stopped:
            with compiling():
                part()
            release()


def _stamp() -> Path:
    """The file that says that all are compiled, for this processor."""
    processor = hashlib.sha256(repr(cpu_target.target_context.codegen().magic_tuple()).encode()).hexdigest()
    return cache_folder(Path(__file__)) / f"compiled-{processor[:16]}"


def _start_process() -> "subprocess.Popen[str] | None":
    if not sys.executable:  # Python is part of another program
        return None
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            creationflags=getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),  # of Windows, which knows no `nice`
            text=True,
        )
    except OSError:  # no room for a process
        return None


def _end_with_parent() -> None:
    """The parent never writes: the end of this input is its end."""
    sys.stdin.read()
    os._exit(1)


def _main() -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    for name, part in PARTS.items():
        part()
        print(name, flush=True)  # noqa: T201
    compile_now()
    os._exit(0)


if __name__ == "__main__":
    _main()
