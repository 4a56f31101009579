"""The process that speaks GTP: its pipes, its ways of ending, and how soon it answers."""

import io
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from hayago.gtp import pipes
from paths import PROOFS

LIMIT = 300  # seconds after which something hangs; a process may have to compile kernels on a busy machine

# `serve` around a game with a fixed evaluator.

SERVE = """
import sys, time
def load():
    {load}
    from gtp_engines import game_of
    return game_of()
from hayago.gtp.process import serve
serve(lambda: load, patience=0.5)
"""


def start(load="pass", **options):
    paths = [str(PROOFS), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, paths)))
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
    out, err = process.communicate(text, timeout=LIMIT)
    return process.returncode, out, err


def test_pipelined_session_with_crlf_and_no_last_newline():
    code, out, err = talk(b"1 boardsize 5\r\n\r\n2 play b C3\r\n# hello\r\n3 genm\x01ove w\r\n4 undo")
    assert (code, err) == (0, b"")
    assert out == b"=1 \n\n=2 \n\n=3 E1\n\n=4 \n\n"


def test_end_in_the_middle_of_a_command():
    code, out, _ = talk(b"name\nplay b")
    assert (code, out) == (0, b"= hayago\n\n? syntax error\n\n")


def test_no_input_at_all():
    assert talk(b"") == (0, b"", b"")


def test_stdout_carries_replies_only():
    load = "print('python'); import os; os.write(1, b'library\\n')"
    code, out, err = talk(b"boardsize 5\n", load)
    assert (code, out) == (0, b"= \n\n")
    assert b"python" in err and b"library" in err


def test_quit_does_not_wait_for_the_loading():
    assert talk(b"name\nquit\n", "time.sleep(10 * 300)")[:2] == (0, b"= hayago\n\n= \n\n")


def test_a_failure_to_load_ends_the_engine_even_when_nothing_is_asked():
    process = start("raise SystemError('no network')")
    process.stdin.write(b"name\n")
    process.stdin.flush()
    assert process.wait(timeout=LIMIT) == 1
    assert process.stdout.read() == b"= hayago\n\n"
    assert b"no network" in process.stderr.read()


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process without telling it")
@pytest.mark.parametrize("lines", [b"", b"lz-analyze 1\n"])
def test_sigterm_ends_it_cleanly(lines):
    process = start()
    process.stdin.write(b"name\n" + lines)
    process.stdin.flush()
    for _ in range(2 if lines else 1):
        assert process.stdout.readline().startswith(b"=")
        process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=LIMIT) == 0
    assert process.stderr.read() == b""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")
def test_sigpipe_is_no_end():
    process = start()
    process.stdin.write(b"name\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"= hayago\n"
    process.send_signal(signal.SIGPIPE)
    process.stdin.write(b"known_command play\nquit\n")
    process.stdin.close()
    assert process.stdout.read() == b"\n= true\n\n= \n\n"
    assert process.wait(timeout=LIMIT) == 0


@pytest.mark.slow
def test_a_client_that_reads_no_more_but_closes_our_input():
    process = start()
    process.stdin.write(b"boardsize 5\n" + b"list_commands\n" * 1000)
    process.stdin.close()
    assert process.wait(timeout=LIMIT) == 0
    assert process.stderr.read() == b""


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process without telling it")
def test_sigterm_ends_it_while_nobody_reads():
    process = start()
    process.stdin.write(b"boardsize 5\n" + b"list_commands\n" * 1000)
    process.stdin.flush()
    assert process.stdout.readline() == b"= \n"
    time.sleep(0.2)  # the pipe is full by now
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=LIMIT) == 0


def test_an_analysis_goes_on_until_the_next_line():
    process = start()
    for stop, following in (
        (b"\n", b""),
        (b"# interrupt\n", b""),
        (b"stop\n", b"= \n\n"),
        (b"name\n", b"= hayago\n\n"),
    ):
        process.stdin.write(b"5 kata-analyze b 1\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"=5 \n"
        for _ in range(4):
            assert process.stdout.readline().startswith(b"info move ")
        process.stdin.write(stop)
        process.stdin.flush()
        while (line := process.stdout.readline()) != b"\n":
            assert line.startswith(b"info move ")
        assert b"".join(process.stdout.readline() for _ in following.splitlines()) == following
    process.stdin.write(b"lz-analyze 1\n")
    process.stdin.close()  # the end of the input is an end, too
    assert process.stdout.read().endswith(b"\n\n")
    assert process.wait(timeout=LIMIT) == 0


@pytest.mark.slow
def test_live_graphics_are_ended_by_an_interrupt():
    # GoGui's manual, "Interrupting Commands": the line `# interrupt`, while the command runs.
    process = start()
    process.stdin.write(b"hayago-live_gfx\n")
    process.stdin.flush()
    for _ in range(2):
        while process.stderr.readline() != b"gogui-gfx:\n":
            pass
        while process.stderr.readline() != b"\n":
            pass
    process.stdin.write(b"# interrupt\nquit\n")
    out, err = process.communicate(timeout=LIMIT)
    assert out.startswith(b"= COLOR ") and out.endswith(b"\n\n= \n\n")
    assert err.count(b"gogui-gfx:") < 5


def test_a_client_that_has_gone():
    process = start()
    process.stdout.close()
    process.stdin.write(b"name\nshowboard\n" * 10)
    process.stdin.close()
    assert process.wait(timeout=LIMIT) == 0
    assert process.stderr.read() == b""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such shell")
@pytest.mark.parametrize("options", ["", " --analysis-json"])
def test_without_a_stdout_it_says_so(options):
    command = f'exec "{sys.executable}" -m hayago gtp{options} >&-'
    process = subprocess.run(command, shell=True, input=b"name\n", stderr=subprocess.PIPE, timeout=LIMIT)
    assert (process.returncode, process.stderr.count(b"\n")) == (1, 1)
    assert process.stderr.startswith(b"hayago: stdout is closed")


def test_name_is_answered_before_anything_heavy_is_imported():
    # -X importtime reports each module when its import is done: no heavy one may come before the reply.
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "hayago", "gtp"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    watchdog = threading.Timer(LIMIT, process.kill)
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
    assert "hayago.gtp.process" in names


def test_the_name_may_be_given():
    # Lizzie and LizzieYzy go by it.
    session = subprocess.run(
        [sys.executable, "-m", "hayago", "gtp", "--name", "KataGo dialect", "--seed=1"],
        input=b"name\nquit\n",
        capture_output=True,
        timeout=LIMIT,
    )
    assert (session.returncode, session.stdout) == (0, b"= KataGo dialect\n\n= \n\n")


def test_a_long_line_is_one_error_and_costs_its_length_only():
    many = 30 << 20
    text = b"1 name\n7 play b " + b"A" * many + b"\n#" + b"x" * (2 << 20) + b"\n\n9 name\n"
    began = time.monotonic()
    code, out, err = talk(text)
    assert (code, err) == (0, b"")
    assert out == b"=1 hayago\n\n?7 the line is too long\n\n=9 hayago\n\n"
    assert time.monotonic() - began < 60


def read_in_steps(text, step, monkeypatch):
    """What `read_lines` makes of the text, with lines of at most 10 bytes, if it comes in pieces of `step` bytes."""
    blocks = iter([text[start : start + step] for start in range(0, len(text), step)])
    monkeypatch.setattr(pipes.os, "read", lambda descriptor, size: next(blocks, b""))
    return list(pipes.read_lines(10))


@pytest.mark.parametrize("step", [1, 2, 3, 100])
def test_lines_up_to_the_bound_are_read_whole(step, monkeypatch):
    for text in (b"a\nbb\n\nccc", b"a\r\n" * 9, b"\n", b"", b"\xef\xbb\xbfname\n", "Gó\n".encode() * 5):
        lines = text.split(b"\n")
        read = read_in_steps(text, step, monkeypatch)
        assert read == [pipes.decoded(line) for line in (lines if lines[-1] else lines[:-1])]
        assert not any(isinstance(line, pipes.TooLong) for line in read)
    for length, is_long in ((9, False), (10, False), (11, True), (500, True)):
        first, last = read_in_steps(b"z" * length + b"\nquit", step, monkeypatch)
        assert isinstance(first, pipes.TooLong) == is_long and set(first) == {"z"} and last == "quit"
        assert len(first) == length if not is_long else len(first) <= 200
