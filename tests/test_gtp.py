"""GTP as text. The replies expected here come from the specification (version 2, draft 2)."""

import io
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from fakes import BrokenEvaluator, FixedEvaluator
from hayago import __version__
from hayago.play.game import Game
from hayago.play.gtp import Engine
from hayago.play.player import Player, Style

# Section 6: "commands that must be supported"; and what we support beyond them.
REQUIRED = """protocol_version name version known_command list_commands quit
boardsize clear_board komi play genmove"""
OFFERED = """undo reg_genmove time_settings time_left fixed_handicap place_free_handicap set_free_handicap
showboard final_score"""


def engine_of(evaluator=None):
    evaluator = evaluator or FixedEvaluator()
    game = Game(Player(evaluator, Style(symmetries=1)), evaluator.info.board_size)
    return Engine(lambda: game)


@pytest.fixture
def engine():
    return engine_of()


def answers(engine, text):
    """The replies to the lines of `text`, without the two newlines that end each."""
    replies = [reply for line in text.split("\n") if (reply := engine.answer(line)) is not None]
    for reply in replies:
        assert reply.endswith("\n\n") and "\n\n" not in reply[:-2]
    return [reply[:-2] for reply in replies]


def stones(engine):
    """The board as drawn by showboard, without its edges and marks."""
    rows = engine.answer("showboard").splitlines()[2:-2]
    return ["".join(re.findall(r"[.XO]", row)) for row in rows]


def test_golden_session(engine):
    session = """
1 protocol_version      =1 2
2 name                  =2 hayago
3 version               =3 VERSION
4 boardsize 5           =4
5 clear_board           =5
6 komi 0.5              =6
7 play b C3             =7
8 play W d3             =8
9 genmove black         =9 E1
10 undo                 =10
11 reg_genmove b        =11 E1
12 play b pass          =12
13 play w PASS          =13
14 final_score          =14 W+0.5
15 known_command play   =15 true
16 known_command plya   =16 false
17 known_command        =17 false
18 time_settings 60 5 1 =18
19 time_left b 60 0     =19
20 quit                 =20
""".replace("VERSION", __version__)
    for line in session.strip().splitlines():
        command, expected = re.split(r" +(?==)", line)
        assert answers(engine, command) == [expected.rstrip()], line
    assert engine.finished


def test_list_commands_names_each_command_once(engine):
    listed = engine.answer("list_commands")[2:].split()
    assert sorted(listed) == sorted(f"{REQUIRED} {OFFERED}".split())
    assert all(answers(engine, f"known_command {name}") == ["= true"] for name in listed)


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("plya b C3", "? unknown command"),
        ("7", "?7 unknown command"),
        ("7 8 name", "?7 unknown command"),
        ("Name", "? unknown command"),
        ("boardsize", "? syntax error"),
        ("boardsize five", "? syntax error"),
        ("boardsize 9", "? unacceptable size"),
        ("boardsize 0", "? unacceptable size"),
        ("boardsize -5", "? unacceptable size"),
        ("boardsize 5 7", "? unacceptable size"),
        ("boardsize 99999999999999999999", "? unacceptable size"),
        ("boardsize 5 5", "="),
        ("komi", "? syntax error"),
        ("komi x", "? syntax error"),
        ("komi nan", "? syntax error"),
        ("komi inf", "? syntax error"),
        ("komi -3.5", "="),
        ("play", "? syntax error"),
        ("play b", "? syntax error"),
        ("play C3 b", "? syntax error"),
        ("play green C3", "? syntax error"),
        ("play b I3", "? syntax error"),
        ("play b F3", "? syntax error"),
        ("play b C6", "? syntax error"),
        ("play b C0", "? syntax error"),
        ("play b 33", "? syntax error"),
        ("play b C\u0663", "? syntax error"),
        ("play b resign", "? syntax error"),
        ("genmove", "? syntax error"),
        ("genmove x", "? syntax error"),
        ("undo", "? cannot undo"),
        ("time_settings 1 2", "? syntax error"),
        ("time_settings 1 -2 3", "? syntax error"),
        ("time_left b", "? syntax error"),
        ("fixed_handicap", "? syntax error"),
        ("fixed_handicap 1", "? invalid number of stones"),
        ("fixed_handicap 3", "? invalid number of stones"),
        ("place_free_handicap 1", "? invalid number of stones"),
        ("place_free_handicap 25", "? invalid number of stones"),
        ("set_free_handicap", "? bad vertex list"),
        ("set_free_handicap C3", "? bad vertex list"),
        ("set_free_handicap C3 C3", "? bad vertex list"),
        ("set_free_handicap C3 Z3", "? bad vertex list"),
        ("set_free_handicap C3 pass", "? bad vertex list"),
    ],
)
def test_what_cannot_be_done_says_so(engine, line, reply):
    assert answers(engine, line) == [reply]
    assert stones(engine) == ["....."] * 5


@pytest.mark.parametrize("command", ["fixed_handicap 2", "place_free_handicap 2", "set_free_handicap A1 A2"])
def test_handicap_needs_an_empty_board(command):
    engine = engine_of(FixedEvaluator(9))
    assert answers(engine, f"play b C3\n{command}") == ["=", "? board not empty"]


def test_lines_that_are_no_commands(engine):
    assert answers(engine, "\n   \n\t\n# only a comment\n\r\n \x07 \n") == []


@pytest.mark.parametrize(
    "line",
    ["name\r", "  name  ", "\tname\t", "na\x00me\x7f", "name # what?", "name#", "name with arguments"],
)
def test_white_space_controls_and_comments(engine, line):
    assert answers(engine, line) == ["= hayago"]
    assert answers(engine, "0012 " + line) == ["=0012 hayago"]


def test_tabs_part_words(engine):
    assert answers(engine, "5\tplay\tb\tC3\r") == ["=5"]
    assert stones(engine)[2] == "..X.."


def test_moves_of_others_are_taken_tolerantly(engine):
    """Suicide, ko and superko stand; only an occupied point is refused."""
    for vertex in ("A2", "B2", "B1"):
        assert answers(engine, f"play b {vertex}") == ["="]
    assert answers(engine, "play w A1") == ["="]
    assert stones(engine)[4] == ".X..."
    assert answers(engine, "play b B2") == ["? illegal move"]
    # A ko, taken back at once.
    for move in ("b B3", "b C2", "b C4", "w C3", "w D2", "w D4", "w E3", "b D3", "w C3"):
        assert answers(engine, f"play {move}") == ["="], move
    assert stones(engine)[2] == ".XO.O"
    assert answers(engine, "play b D3") == ["="]


def test_own_moves_keep_the_ko():
    # White has just taken the ko at E1; the network likes to take it back best.
    engine = engine_of()
    for move in ("b C1", "b D2", "b E1", "w E2", "w D1"):
        assert answers(engine, f"play {move}") == ["="]
    assert stones(engine)[4] == "..XO."
    assert answers(engine, "genmove b") != ["= E1"]


def test_undo_goes_back_over_captures_and_passes_to_the_handicap():
    engine = engine_of(FixedEvaluator(9))
    assert answers(engine, "set_free_handicap A2 B1")[0] == "="
    start = stones(engine)
    assert answers(engine, "play w A1\nplay b pass\nplay w A1\nplay b C3") == ["="] * 4
    assert answers(engine, "undo\n" * 4) == ["="] * 4
    assert stones(engine) == start
    assert answers(engine, "undo") == ["? cannot undo"]


def test_genmove_twice_for_the_same_colour(engine):
    assert answers(engine, "genmove b\ngenmove b\ngenmove b")[:2] == ["= E1", "= D1"]
    assert sum(row.count("X") for row in stones(engine)) == 3


def test_handicaps_on_19x19():
    # 4.1.1 of the specification: the points, in its order.
    engine = engine_of(FixedEvaluator(19))
    assert answers(engine, "fixed_handicap 5") == ["= D4 Q16 D16 Q4 K10"]
    assert answers(engine, "genmove w") == ["= T1"]
    engine.answer("clear_board")
    placed = answers(engine, "place_free_handicap 12")[0][2:].split()
    assert len(set(placed)) == 12 and "PASS" not in placed
    assert sum(row.count("X") for row in stones(engine)) == 12
    assert answers(engine, "fixed_handicap 2") == ["? board not empty"]


def test_komi_is_kept_and_counts(engine):
    assert answers(engine, "komi 24\nclear_board\nplay b C3\nfinal_score") == ["=", "=", "=", "= B+1"]
    assert answers(engine, "komi 25\nfinal_score\nkomi x\nfinal_score") == [
        "=",
        "= 0",
        "? syntax error",
        "= 0",
    ]


def test_a_player_that_raises_is_answered(capsys):
    engine = engine_of(BrokenEvaluator())
    assert answers(engine, "3 genmove b") == ["?3 internal error: RuntimeError: the network is\nout of order"]
    assert "Traceback" in capsys.readouterr().err
    assert answers(engine, "play b C3\nname") == ["=", "= hayago"]


# The process. One that needs no network: `serve` around a game with a fixed evaluator.

SERVE = """
import sys, time
def load():
    {load}
    from fakes import FixedEvaluator
    from hayago.play.game import Game
    from hayago.play.player import Player, Style
    return Game(Player(FixedEvaluator(), Style(symmetries=1)), 5)
from hayago.play.gtp import serve
serve(lambda: load)
"""


def start(load="pass", **options):
    environment = dict(os.environ, PYTHONPATH=str(Path(__file__).parent))
    return subprocess.Popen(
        [sys.executable, "-c", SERVE.format(load=load)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=options.pop("stderr", subprocess.PIPE),
        env=environment,
        **options,
    )


def talk(text, load="pass"):
    process = start(load)
    out, err = process.communicate(text, timeout=60)
    return process.returncode, out, err


def test_pipelined_session_with_crlf_and_no_last_newline():
    code, out, err = talk(b"1 boardsize 5\r\n\r\n2 play b C3\r\n# hello\r\n3 genm\x01ove w\r\n4 undo")
    assert (code, err) == (0, b"")
    assert out == b"=1\n\n=2\n\n=3 E1\n\n=4\n\n"


def test_end_in_the_middle_of_a_command():
    code, out, _ = talk(b"name\nplay b")
    assert (code, out) == (0, b"= hayago\n\n? syntax error\n\n")


def test_no_input_at_all():
    assert talk(b"") == (0, b"", b"")


def test_stdout_carries_replies_only():
    load = "print('python'); import os; os.write(1, b'library\\n')"
    code, out, err = talk(b"boardsize 5\n", load)
    assert (code, out) == (0, b"=\n\n")
    assert b"python" in err and b"library" in err


def test_quit_does_not_wait_for_the_loading():
    began = time.monotonic()
    assert talk(b"name\nquit\n", "time.sleep(20)")[:2] == (0, b"= hayago\n\n=\n\n")
    assert time.monotonic() - began < 10


def test_a_failure_to_load_ends_the_engine_even_when_nothing_is_asked():
    process = start("raise SystemError('no network')")
    process.stdin.write(b"name\n")
    process.stdin.flush()
    assert process.wait(timeout=30) == 1
    assert process.stdout.read() == b"= hayago\n\n"
    assert b"no network" in process.stderr.read()


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process without telling it")
@pytest.mark.parametrize("lines", [b"", b"boardsize 5\n"])
def test_sigterm_ends_it_cleanly(lines):
    process = start()
    process.stdin.write(b"name\n" + lines)
    process.stdin.flush()
    for _ in range(2 if lines else 1):
        assert process.stdout.readline().startswith(b"=")
        process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 0
    assert process.stderr.read() == b""


def test_a_client_that_has_gone():
    process = start()
    process.stdout.close()
    process.stdin.write(b"name\nshowboard\n" * 10)
    process.stdin.close()
    assert process.wait(timeout=30) == 0
    assert process.stderr.read() == b""


def test_name_is_answered_before_anything_heavy_is_imported():
    # -X importtime reports each module when its import is done: no heavy one may come before the reply.
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "hayago", "gtp"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    watchdog = threading.Timer(30, process.kill)
    watchdog.start()
    process.stdin.write(b"name\n")
    process.stdin.flush()
    before = io.BytesIO()
    for line in process.stdout:
        if line.startswith(b"= hayago"):
            break
        before.write(line)
    else:
        pytest.fail("no reply")
    process.kill()
    process.communicate()
    watchdog.cancel()
    names = {line.split(b"|")[-1].strip().decode() for line in before.getvalue().splitlines()}
    heavy = {name.split(".")[0] for name in names} & {"numpy", "numba", "torch", "onnxruntime", "gymnasium"}
    assert not heavy
    assert "hayago.play.gtp" in names


def test_name_is_answered_within_three_tenths_of_a_second():
    def seconds():
        process = subprocess.Popen(
            [sys.executable, "-m", "hayago", "gtp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        began = time.perf_counter()
        process.stdin.write(b"name\n")
        process.stdin.flush()
        process.stdout.readline()
        elapsed = time.perf_counter() - began
        process.kill()
        process.communicate()
        return elapsed

    assert min(seconds() for _ in range(3)) < 0.3
