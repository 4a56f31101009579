"""The controller's end of GTP, with real processes that behave and that do not."""

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from hayago.gtp import client
from hayago.gtp.client import (
    MAX_REPLY_BYTES,
    BadReply,
    CommandFailed,
    EngineDied,
    EngineNotStarted,
    EngineTimeout,
    GtpClient,
    split_command,
)
from paths import ENGINES


def engine(name, *arguments, timeout=10.0):
    return GtpClient([sys.executable, "-S", str(ENGINES / f"{name}.py"), *arguments], timeout, name)


def python(code, timeout=10.0):
    return GtpClient([sys.executable, "-c", code], timeout, "engine")


def test_a_session():
    with engine("honest", "--score", "B+1") as client:
        assert client.identity() == "honest 1"
        assert client.known("final_score") and not client.known("analyze")
        assert client.send("boardsize 9") == ""
        assert client.send("genmove b") == "D1"
        assert client.send("final_score") == "B+1"
        with pytest.raises(CommandFailed, match=r"^honest: 'fly' was answered 'unknown command'$") as failure:
            client.send("fly")
        assert failure.value.reply == "unknown command"
        assert client.send("genmove w") == "F1"
        assert client.is_alive()
    assert not client.is_alive()


def test_known_commands_are_asked_for_once(tmp_path):
    log = tmp_path / "log"
    with engine("honest", "--log", str(log)) as client:
        assert client.known("play") and client.known("play")
    assert log.read_text().splitlines() == ["known_command play", "quit"]


def test_replies_of_several_lines_with_carriage_returns_ids_and_blank_lines_before():
    code = r"""
import sys
for line in sys.stdin:
    sys.stdout.write("\r\n\n=\r\n   A B\r\n 1 . X\t1\x07\r\n\r\n")
    sys.stdout.flush()
"""
    with python(code) as client:
        assert client.send("showboard") == "   A B\n 1 . X\t1"
        assert client.send("showboard") == "   A B\n 1 . X\t1"


def test_only_whole_lines_are_sent():
    with engine("honest") as client:
        for line in ("", "  ", "name\nquit", "name\r"):
            with pytest.raises(ValueError):
                client.send(line)
        assert client.send("name") == "honest"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("no-such-program --mode gtp", "cannot start 'no-such-program'"),
        ("", "it is empty"),
        ("  ", "it is empty"),
        ("gnugo 'a", "no closing quotation"),
        (["python\0"], "cannot start"),
    ],
)
def test_what_cannot_be_started(command, message):
    with pytest.raises(EngineNotStarted, match=message):
        GtpClient(command, 1)


@pytest.mark.parametrize(
    ("command", "windows", "words"),
    [
        ("gnugo --mode gtp", False, ["gnugo", "--mode", "gtp"]),
        (r"'my go/gnu go' a\ b #1 --x=\"", False, ["my go/gnu go", "a b", "#1", '--x="']),
        (r"C:\go\gnugo.exe --mode gtp", True, [r"C:\go\gnugo.exe", "--mode", "gtp"]),
        (r'"C:\Program Files\go.exe" -x "a b" it\'s', True, [r"C:\Program Files\go.exe", "-x", "a b", r"it\'s"]),
    ],
)
def test_command_lines_are_split_as_their_system_does(command, windows, words):
    assert split_command(command, windows=windows) == words


def test_an_engine_that_dies_tells_how():
    with engine("crashing", "--after", "1") as client:
        client.send("genmove b")
        with pytest.raises(EngineDied, match=r"^crashing: .*exit status 3, last words 'out of memory'.*'genmove b'$"):
            client.send("genmove b")
        with pytest.raises(EngineDied):
            client.send("name")


@pytest.mark.slow
def test_an_engine_that_hangs_is_ended_with_what_it_has_started(tmp_path):
    log = tmp_path / "log"
    with engine("hanging", "--after", "0", "--log", str(log)) as client:
        began = time.monotonic()
        with pytest.raises(EngineTimeout, match=r"^hanging: no answer to 'genmove b' in 3 s$"):
            client.send("genmove b", 3)
        assert time.monotonic() - began < 30
        assert not client.is_alive()
    assert "alive" in log.read_text()
    time.sleep(0.1)
    size = log.stat().st_size
    time.sleep(0.3)
    assert log.stat().st_size == size


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows forgets who started what")
def test_what_an_engine_has_started_and_left_behind_is_ended(tmp_path):
    log = tmp_path / "log"
    child = f"""
import time
while True:
    open({str(log)!r}, "a").write("alive")
    time.sleep(0.02)
"""
    code = f"""
import subprocess, sys
subprocess.Popen([sys.executable, "-S", "-c", {child!r}])
for line in sys.stdin:
    sys.stdout.write("=\\n\\n")
    sys.stdout.flush()
"""
    with python(code) as client:
        client.send("name")
        deadline = time.monotonic() + 60
        while not log.exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
    size = log.stat().st_size
    time.sleep(0.3)
    assert log.stat().st_size == size


def test_the_time_limit_of_the_client_holds_where_none_is_given():
    with engine("hanging", "--after", "0", timeout=0.3) as client, pytest.raises(EngineTimeout, match=r"in 0.3 s"):
        client.send("genmove b")


@pytest.mark.parametrize(
    ("printed", "message"),
    [
        (r"'thinking\n= D4\n\n'", "printed 'thinking', which is not a reply"),
        (r"'= D4\n\n= E5\n\n'", "answered 'E5' without being asked"),
        (f"'= ' + 'x' * {MAX_REPLY_BYTES + 1}", "more than 1,048,576 bytes"),
        (r"'=\n\n' * 1000", "answered '' without being asked|replies without end"),
        (r"'\x00\x1b\xfe binary\n'", "not a reply"),
    ],
)
def test_junk(printed, message):
    code = f"""
import sys
for line in sys.stdin:
    sys.stdout.write({printed})
    sys.stdout.flush()
"""
    with python(code) as client, pytest.raises(BadReply, match=message):
        client.send("genmove b")
        time.sleep(0.3)
        client.send("genmove w")
    assert not client.is_alive()


def test_a_flood_on_stderr_blocks_nobody():
    code = """
import sys
for line in sys.stdin:
    sys.stderr.write("x" * 3_000_000 + "the end")
    sys.stdout.write("= done\\n\\n")
    sys.stdout.flush()
    if "die" in line:
        raise SystemExit(7)
"""
    with python(code) as client:
        assert client.send("name") == "done"
        assert client.send("die") == "done"
        with pytest.raises(EngineDied, match=r"exit status 7, last words 'x+\.\.\.'"):
            client.send("name")


@pytest.mark.slow
def test_an_engine_that_ignores_quit_is_ended():
    with python("import time\nwhile True: time.sleep(1)") as client:
        assert client.is_alive()
    assert not client.is_alive()


def test_a_program_is_found_where_games_are(tmp_path, monkeypatch):
    program = tmp_path / "a-go-program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "elsewhere"))
    with pytest.raises(EngineNotStarted) as raised:
        client.find_program("a-go-program")
    assert str(raised.value) == (
        f"cannot start 'a-go-program': no such program in PATH ({tmp_path / 'elsewhere'}), nor in "
        + ", ".join(client.GAME_FOLDERS)
    )
    monkeypatch.setattr(client, "GAME_FOLDERS", (str(tmp_path),))
    assert client.find_program("a-go-program") == str(program)
    assert client.find_program("./a-go-program") == "./a-go-program"


@pytest.mark.gnugo
def test_gnugo_is_found_outside_the_path(monkeypatch):
    if not Path("/usr/games/gnugo").exists():
        pytest.skip("GNU Go is elsewhere")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    with GtpClient("gnugo --mode gtp", 60.0) as gnugo:
        assert gnugo.send("name") == "GNU Go"


@pytest.mark.parametrize("late", ["_read_replies", "_read_stderr"])
def test_an_engine_that_ends_at_once(late, monkeypatch):
    """Whichever of the two threads comes late, there is an answer, and a right one."""
    work = getattr(GtpClient, late)

    def wait_first(self):
        time.sleep(0.3)
        work(self)

    monkeypatch.setattr(GtpClient, late, wait_first)
    for _ in range(3):
        began = time.monotonic()
        gone = pytest.raises(EngineDied, match=r"exit status 1, last words 'gone'")
        with python("import sys; sys.exit('gone')", timeout=20.0) as dead, gone:
            dead.send("name")
        assert time.monotonic() - began < 10


def test_the_end_of_stderr_can_be_waited_for_from_the_start(monkeypatch):
    """The reader of the replies may see the end of an engine before anything else happens here."""
    started = []
    start = threading.Thread.start

    def note(self):
        started.append(self._target.__name__)
        start(self)

    monkeypatch.setattr(threading.Thread, "start", note)
    with engine("honest") as client:
        client.send("name")
    assert started == ["_read_stderr", "_read_replies"]
