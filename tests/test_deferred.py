"""Kernels that run as Python until they are compiled give the same results, and nothing waits but what must."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hayago import jit
from hayago.deferred import as_python
from hayago.player import kernels
from paths import ROOT

DEMO = ROOT / "data" / "demo-games.sgf"

# Plays the beginning of a game, once deferred and once compiled, and prints what it sees.
LOOK = """
import sys
from hayago import deferred
if sys.argv[1] == "deferred":
    deferred.defer()
import hashlib
from hayago import jit
from hayago.features.plain import encode
from hayago.records.sgf import read_sgf
from hayago.rules.board import Board
seen = hashlib.sha256()
for record in read_sgf(sys.argv[2])[:2]:
    board = Board(superko=True)
    for ply, (colour, point) in enumerate(record.plays()):
        board.play(point, colour)
        seen.update(encode(board))
        if ply % 40 == 0:
            seen.update(board.legal_points())
            seen.update(board.true_eyes(colour))
            seen.update(str(board.position_hash).encode())
print(seen.hexdigest(), any(kernel.overloads for kernel in jit.KERNELS))
"""

pytestmark = pytest.mark.skipif(bool(jit.config.DISABLE_JIT), reason="kernels are Python anyway")


def run(program: str, *arguments: str, cache: Path | None = None) -> list[str]:
    environment = {**os.environ, **({"NUMBA_CACHE_DIR": str(cache)} if cache else {})}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, *arguments], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr or done.stderr.startswith("hayago: compiling kernels")
    return done.stdout.split()


def test_a_deferred_kernel_answers_as_a_compiled_one() -> None:
    deferred, compiled = run(LOOK, "deferred", str(DEMO)), run(LOOK, "compiled", str(DEMO))
    assert deferred[0] == compiled[0]
    assert (deferred[1], compiled[1]) == ("False", "True")


THREADS = """
import threading, time
from hayago import deferred
deferred.defer()
python_of = deferred._python_of
deferred._python_of = lambda value: (time.sleep(0), python_of(value))[1]  # lets another thread run
from hayago.rules.board import Board
from hayago.features.plain import encode
failures, ready = [], threading.Barrier(8)

def play():
    ready.wait()
    try:
        board = Board(9)
        board.play("D4")
        encode(board)
    except Exception as error:
        failures.append(repr(error))

threads = [threading.Thread(target=play) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(failures)
"""


def test_threads_that_begin_together_get_whole_functions() -> None:
    # The page serves several requests at a time.
    assert run(THREADS) == ["[]"]


def test_as_python_calls_no_kernel() -> None:
    # A kernel among the names of the copy would be compiled.
    def kernels_in(function: object) -> list[str]:
        names = function.__code__.co_names  # type: ignore[attr-defined]
        found = function.__globals__  # type: ignore[attr-defined]
        return [name for name in names if name in found and hasattr(found[name], "py_func")]

    assert kernels.PARTS
    for kernel in jit.KERNELS:
        assert not kernels_in(as_python(kernel)), kernel.py_func.__name__


WAIT = """
import threading, time
from hayago import deferred
deferred.defer()
import numpy as np
from hayago.rules.board import Board
from hayago.player.endgame import EndgameJudge
from hayago.rules.game_rules import GameRules
board = Board(5)
told = []
judging = threading.Thread(target=lambda: told.append(EndgameJudge(playouts=1).judge(board, GameRules()).score))
judging.start()
time.sleep(0.3)
print(judging.is_alive(), told)
deferred.settle()
judging.join()
print(len(told))
"""


def test_what_is_too_slow_as_python_waits() -> None:
    assert run(WAIT)[:2] == ["True", "[]"]
    assert run(WAIT)[2] == "1"


# All that a Go program may ask, after everything was compiled: no kernel may be left to compile.
SESSION = """
from hayago.player import kernels
kernels.compile_now()
from numba.core import event

class Listener(event.Listener):
    def on_start(self, event):
        print(event.data["dispatcher"].py_func.__name__)
    def on_end(self, event):
        pass

event.register("numba:compile", Listener())
from hayago.gtp import process
from hayago.gtp.protocol import COMMANDS, Engine
from hayago.network.evaluator import make_evaluator
from hayago.player.game import Game
from hayago.player.player import Player
from hayago.player.styles import STRONGEST
import sys
game = Game(Player(make_evaluator(), STRONGEST))
engine = Engine(lambda: game)
for line in sys.argv[1].split("|"):
    answer = engine.answer(line)
    assert answer.startswith("="), (line, answer)
"""
LINES = """boardsize 19|komi 6.5|play b D4|genmove w|undo|gg-undo|showboard|set_free_handicap D4 Q16|genmove w
|clear_board|fixed_handicap 3|clear_board|place_free_handicap 4|genmove w|final_score|final_status_list dead
|final_status_list seki|kata-set-rules japanese|final_score|kata-set-rules tromp-taylor|genmove b
|kgs-genmove_cleanup w|printsgf|kata-analyze b 10|lz-analyze w 10|analyze b 10|kata-genmove_analyze b 10|kata-raw-nn 0
|hayago-policy_colours average|hayago-ownership|hayago-ladders capture|hayago-plane 44|gogui-analyze_commands
|clear_board|gogui-setup b A1 w B2|gogui-play_sequence b D4 w C3"""


@pytest.mark.slow
def test_nothing_that_playing_needs_is_left_to_compile(tmp_path: Path) -> None:
    lines = LINES.replace("\n", "") + f"|loadsgf {DEMO} 40|genmove b|final_score"
    assert not run(SESSION, lines, cache=tmp_path)


def test_help_compiles_nothing(tmp_path: Path) -> None:
    # A recursive kernel with a stated signature would compile where it is defined.
    program = "from hayago import benchmarks, jit; print(any(kernel.overloads for kernel in jit.KERNELS))"
    assert run(program) == ["False"]


COMPILE_WHILE_DEFERRED = """
from hayago import deferred, jit
from hayago.player import kernels
deferred.defer()
kernels.compile_now()
deferred.settle()
print(deferred.is_settled(), kernels.are_compiled())
print(all(type(kernel) is not deferred._Deferred for kernel in jit.KERNELS))
"""


def test_compiling_does_not_wait_for_itself() -> None:
    assert run(COMPILE_WHILE_DEFERRED) == ["True", "True", "True"]


def test_predict_leaves_nothing_deferred(tmp_path: Path) -> None:
    program = "import sys; from hayago.cli import main; main(['predict', sys.argv[1], '--move', '9', '--json']);"
    program += "from hayago import deferred, jit;"
    program += "print(deferred.is_settled(), any(each.overloads for each in jit.KERNELS))"
    said = run(program, str(DEMO), cache=tmp_path)
    assert said[-2:] == ["True", "False"] and "likeliest" in "".join(said)


ALONE = """
from hayago import deferred
from hayago.player import kernels
kernels._start_process = lambda: None
kernels.start()
from hayago.rules.board import Board
board = Board(19)
board.play("D4")
print(deferred.is_settled())
for thread in __import__("threading").enumerate():
    if isinstance(thread, kernels._Worker):
        thread.join()
print(deferred.is_settled(), kernels.are_compiled(), board.colour_at(15 * 19 + 3))
"""


@pytest.mark.slow
def test_without_another_process_a_thread_compiles(tmp_path: Path) -> None:
    assert run(ALONE, cache=tmp_path) == ["False", "True", "True", "1"]


def tasks(process: int) -> list[list[int]]:
    """The children of each thread of a process."""
    files = Path(f"/proc/{process}/task").glob("*/children")
    return [[int(word) for word in file.read_text().split()] for file in files]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="no /proc")
@pytest.mark.parametrize("how", ["quit", "kill"])
def test_what_compiles_ends_with_the_engine(tmp_path: Path, how: str) -> None:
    engine = subprocess.Popen(
        [sys.executable, "-m", "hayago", "gtp"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
        text=True,
    )
    assert engine.stdin and engine.stdout
    engine.stdin.write("boardsize 19\n")
    engine.stdin.flush()
    assert engine.stdout.readline() == "= \n"
    deadline = time.monotonic() + 60
    while not (started := [child for thread in tasks(engine.pid) for child in thread]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(started) == 1
    if how == "kill":
        engine.kill()
    engine.communicate("quit\n" if how == "quit" else None)
    while Path(f"/proc/{started[0]}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{started[0]}").exists()
