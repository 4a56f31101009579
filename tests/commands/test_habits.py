"""Habits of shells, services and notebooks: full or closed outputs, no home, names in any encoding, ignored options."""

import importlib.util
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from filelock import FileLock

import hayago.envs  # noqa: F401
from hayago import cli
from hayago.cli import main
from hayago.errors import HayagoError, printable
from hayago.jit import _temporary_folder
from hayago.network.evaluator import make_evaluator
from hayago.records.store import read_store
from paths import DEMO_GAMES, ROOT

UNIX = pytest.mark.skipif(sys.platform == "win32", reason="descriptors and owners of Unix")
GAME = DEMO_GAMES.read_bytes().split(b"\n(;")[0]


def shell(command: str, folder: Path, **environment: str) -> "subprocess.CompletedProcess[bytes]":
    """Run a shell command in which `hayago` is this one."""
    words = command.replace("hayago ", f"{sys.executable} -m hayago ")
    return subprocess.run(
        ["sh", "-c", words], cwd=folder, env={**os.environ, **environment}, capture_output=True, timeout=300
    )


@UNIX
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("command", ["info", "info --json", "gtp --setup sabaki", "predict GAMES --move 3", "--help"])
def test_a_full_or_closed_output_is_one_line(command: str, tmp_path: Path) -> None:
    for output, said in ((">/dev/full", b"No space left on device"), (">&-", b"stdout is closed")):
        done = shell(f"hayago {command.replace('GAMES', str(DEMO_GAMES))} {output}", tmp_path)
        assert done.returncode == 1
        lines = [line for line in done.stderr.splitlines() if b"compiling kernels" not in line]
        assert len(lines) == 1 and said in lines[0], done.stderr


@UNIX
def test_a_session_on_a_full_disk(tmp_path: Path) -> None:
    done = shell("echo name | hayago gtp >/dev/full", tmp_path)
    assert done.returncode == 1 and b"No space left" in done.stderr and b"Traceback" not in done.stderr


@UNIX
@pytest.mark.parametrize("name", [b"\xb9\xc5\xc1\xa6.sgf", b"\x8c\xcd.sgf", b"a\nb.sgf", b"\x1b[31m.sgf", b"\xff.sgf"])
def test_names_of_files_in_any_encoding(name: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "g").mkdir()
    Path(os.fsdecode(os.path.join(os.fsencode(tmp_path / "g"), name))).write_bytes(GAME)  # noqa: PTH118
    (tmp_path / "g" / "bad.sgf").write_bytes(b"x")
    assert main(["prepare", str(tmp_path / "g"), "--out", str(tmp_path / "g.db"), "--list-rejected"]) == 0
    (source,) = read_store(tmp_path / "g.db").table["source"].to_pylist()
    assert source.isprintable() and source == printable(os.fsdecode(os.fsencode(tmp_path / "g") + b"/" + name))
    assert main(["export", "--planes", str(tmp_path / "planes"), str(tmp_path / "g"), "--first", "4"]) == 0
    assert main(["evaluate", str(tmp_path / "g.db"), "--split", "all", "--limit", "5"]) == 0
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize("character", ["x", "\x1b", "\U000e0001"])
def test_an_error_has_an_end(character: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([character * 100_000]) == 2
    error = capsys.readouterr().err
    assert error.startswith("hayago: no such command") and error.count("\n") == 1 and len(error) < 2100


def test_what_is_printable() -> None:
    assert printable("囲碁\u3000a b") == "囲碁\u3000a b"
    assert printable("\udcb9\x1b]0;x\x07\u202e\n") == "\\xb9\\x1b]0;x\\x07\\u202e\\n"
    assert printable("\ud800") == "\\ud800"


@UNIX
def test_an_output_that_is_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "g").mkdir()
    (tmp_path / "g" / "囲碁.sgf").write_bytes(GAME)
    (tmp_path / "g" / "棋.sgf").write_bytes(b"x")
    done = shell("hayago prepare g --out g.parquet --list-rejected", tmp_path, PYTHONIOENCODING="cp1252")
    assert done.returncode == 0 and b"\\u68cb.sgf: not SGF" in done.stdout


@UNIX
def test_kernels_without_a_home_have_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    first = _temporary_folder("kernels-1")
    assert first == _temporary_folder("kernels-1") == tmp_path / f"hayago-{os.getuid()}" / "kernels-1"
    assert first.parent.stat().st_mode & 0o077 == 0
    first.parent.chmod(0o777)  # anybody may put code there: not used
    other = _temporary_folder("kernels-1")
    assert other.parent == tmp_path and other.stat().st_mode & 0o077 == 0
    first.rmdir()
    first.parent.rmdir()
    first.parent.symlink_to("/nowhere")
    assert _temporary_folder("kernels-1").parent == tmp_path


def test_a_training_locks_its_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prepare", str(DEMO_GAMES), "--out", str(tmp_path / "g.db")]) == 0
    (tmp_path / "run").mkdir()
    words = ["train", "--games", str(tmp_path / "g.db"), "--out", str(tmp_path / "run"), "--positions", "64"]
    words += ["--filters", "4", "--layers", "2", "--planes", "4", "--batch-size", "64", "--device", "cpu"]
    words += ["--validation-positions", "64"]
    with FileLock(tmp_path / "run" / ".lock"):
        assert main(words) == 1
    assert "another process is training into this folder" in capsys.readouterr().err
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [".lock"]
    assert main([*words, "--batch-norm-group", "64"]) == 0


@pytest.mark.parametrize(
    "words",
    [
        ["evaluate", str(DEMO_GAMES), "--split", "test"],
        ["evaluate", str(DEMO_GAMES), "--engine-positions", "5"],
        ["evaluate", str(DEMO_GAMES), "--engine-seconds", "5"],
        ["evaluate", str(DEMO_GAMES), "--json", "--breakdown"],
        ["export", "out", str(DEMO_GAMES), "--planes", "--format", "onnx"],
        ["gtp", "--setup", "sabaki", "--check"],
        ["gtp", "--check", "--analysis-json"],
    ],
)
def test_an_option_that_would_be_ignored_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    shown = capsys.readouterr()
    assert shown.err.count("\n") == 1 and not shown.out


def test_setup_lines_keep_the_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gtp", "--setup", "sabaki", "--name", "Leela Zero"]) == 0
    assert "--name" in capsys.readouterr().out


@UNIX
@pytest.mark.parametrize("pip", ["import sys; sys.exit(1)", None])
def test_an_environment_without_pip_is_made_anew(
    pip: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    spec = importlib.util.spec_from_file_location("environment", ROOT / "scripts" / "environment.py")
    assert spec is not None and spec.loader is not None
    environment = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(environment)
    monkeypatch.setattr(environment, "PYTHON", python)
    assert not environment.has_pip()
    python.write_text(f"#!/bin/sh\nexit {0 if pip is None else 1}\n")
    python.chmod(0o755)
    assert environment.has_pip() == (pip is None)


@UNIX
@pytest.mark.parametrize("kind", ["step", "reset", "close", "evaluator"])
def test_what_a_fork_inherits_is_an_error(kind: str) -> None:
    envs = gymnasium.make_vec("hayago/Go-v0", num_envs=64, board_size=5, threads=2)
    envs.reset(seed=1)
    evaluator = make_evaluator(threads=2)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()

    def child() -> None:
        try:
            if kind == "evaluator":
                evaluator.logits(np.zeros((1, 2166), np.uint8))
            elif kind == "close":
                envs.close()
            else:
                envs.step(np.arange(64)) if kind == "step" else envs.reset()
            queue.put("no error")
        except HayagoError as error:
            queue.put(str(error))

    process = context.Process(target=child)
    process.start()
    answer = queue.get(timeout=60)
    process.join(60)
    envs.close()
    assert process.exitcode == 0
    assert answer == "no error" if kind == "close" else "was inherited by a fork" in answer


@pytest.mark.parametrize(
    "command",
    [
        "prepare a.sgf --out a.sgf",
        "prepare . --out a.sgf",
        "prepare *.sgf --out link.sgf",
        "prepare a.sgf --out hard.sgf",
        "evaluate a.sgf --report a.sgf",
        "evaluate a.sgf --csv ./a.sgf",
        "evaluate b.sgf --fit a.sgf --csv a.sgf",
        "predict a.svg --move 1 --image a.svg",
    ],
)
def test_an_input_is_not_replaced(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.sgf", "a.svg", "b.sgf"):
        Path(name).write_bytes(GAME)
    Path("link.sgf").symlink_to("a.sgf")
    os.link("a.sgf", "hard.sgf")
    assert main(command.split()) == 1
    error = capsys.readouterr().err
    assert "an input, which is not replaced" in error and len(error.splitlines()) == 1
    assert Path("a.sgf").read_bytes() == Path("a.svg").read_bytes() == GAME


def test_a_network_is_not_replaced_by_its_export(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tmp_path / "m.safetensors"
    model.write_bytes(b"a network")
    assert main(["export", str(model), "--model", str(model)]) == 1
    assert "an input, which is not replaced" in capsys.readouterr().err and model.read_bytes() == b"a network"


@UNIX
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_nothing_half_written(number: int, tmp_path: Path) -> None:
    (tmp_path / "games").mkdir()
    for copy in range(40):
        (tmp_path / "games" / f"{copy}.sgf").write_bytes(DEMO_GAMES.read_bytes())
    out = tmp_path / "out"
    out.mkdir()
    words = [sys.executable, "-m", "hayago", "prepare", str(tmp_path / "games"), "--out", str(out / "games.parquet")]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 300
    while not list(out.iterdir()) and time.monotonic() < deadline:  # the temporary file
        time.sleep(0.01)
    process.send_signal(number)
    said, errors = process.communicate(timeout=300)
    assert (process.returncode, said) == (128 + number, "")
    assert "Traceback" not in errors
    assert not list(out.iterdir())


@UNIX
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_below_stderr_loses_only_what_is_said(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    (tmp_path / "a.sgf").write_bytes(DEMO_GAMES.read_bytes())
    assert shell("hayago prepare a.sgf --out a.parquet 2>/dev/full", tmp_path).returncode == 0
    options = "--filters 4 --layers 3 --positions 128 --validation-positions 16 --threads 1"
    assert shell(f"hayago train --games a.parquet --out run {options} 2>/dev/full", tmp_path).returncode == 0
    assert (tmp_path / "run" / "model.safetensors").exists()
    assert shell("hayago evaluate nothing.sgf 2>/dev/full", tmp_path).returncode == 1


def whole_number_options() -> list[tuple[str, str, int]]:
    """(command, option, number of values) of every option of every command that takes whole numbers."""
    app = cli.build_app()
    found = []
    for command in cli.COMMANDS:
        for argument in app[command].assemble_argument_collection():
            names = [name for name in argument.names if name.startswith("--")]
            if cli._is_whole(argument.hint) and names:
                found.append((command, names[0], max(1, argument.token_count()[0])))
    return found


WHOLE = whole_number_options()
NEEDED = {  # what else wrong usage would be about; and without --check, gtp would begin a session
    "prepare": ["x", "--out", "x"],
    "train": ["--games", "x", "--out", "x"],
    "evaluate": ["x"],
    "predict": ["x"],
    "gtp": ["--check"],
    "match": ["x", "x", "--out", "x"],
    "download": ["--out", "x"],
    "export": ["x"],
}


def test_there_are_options_with_whole_numbers() -> None:
    assert len(WHOLE) >= 40
    assert {("predict", "--move", 1), ("match", "--time", 3), ("evaluate", "--symmetries", 1)} <= set(WHOLE)
    assert {command for command, _, _ in WHOLE} == set(cli.COMMANDS) - {"info"}


@pytest.mark.parametrize(("command", "option", "values"), WHOLE)
def test_a_fraction_is_no_whole_number(
    command: str, option: str, values: int, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in ("1.5", "2.0", "-0.5", "1.", ".9", "1_0", "0x1F", "８", "1e3"):  # noqa: RUF001
        assert main([command, *NEEDED.get(command, []), option, *[number] * values]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1 and error.endswith(f"'{number}' is not a whole number\n")


@pytest.mark.parametrize("year", ["0", "-5", "10000"])
@pytest.mark.parametrize("option", ["since", "until"])
@pytest.mark.parametrize("command", ["prepare", "evaluate"])
def test_a_year_that_is_none(command: str, option: str, year: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, *NEEDED[command], f"--{option}", year]) == 1
    assert capsys.readouterr().err == f"hayago: {option} must be a year from 1 to 9999: {year}\n"


def test_the_reasons_are_shown_when_no_game_is_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "few.sgf").write_text("(;B[aa])")
    (tmp_path / "bad.sgf").write_text("x")
    words = ["prepare", str(tmp_path), "--out", str(tmp_path / "x.parquet"), "--list-rejected"]
    assert main(words) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith("hayago: no game is left to write") and printed.err.count("\n") == 1
    assert printed.out == f"{tmp_path}/bad.sgf: not SGF: no game begins in it\n{tmp_path}/few.sgf: too few moves: 1\n"
    assert main([*words, "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["kept"], report["total"], len(report["rejected_games"])) == (0, 2, 2)
    assert main(["prepare", "nothing", "--out", "x", "--json"]) == 1
    assert capsys.readouterr().out == ""


def test_two_outputs_with_one_name_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.svg").symlink_to("a.svg")
    (tmp_path / "g.sgf").write_bytes(GAME)
    for words in (
        ["predict", "g.sgf", "--move", "1", "--image", "a.svg", "--planes", "./a.svg"],
        ["predict", "g.sgf", "--move", "1", "--image", "a.svg", "--planes", "link.svg"],
        ["evaluate", "g.sgf", "--report", "q", "--csv", "q"],
        ["evaluate", "g.sgf", "--report", "q", "--plots", str(tmp_path / "q")],
        ["evaluate", "g.sgf", "--csv", "no/../q", "--plots", "q"],
    ):
        assert main(words) == 1
        error = capsys.readouterr().err
        assert "named for two outputs; choose another name" in error and error.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["g.sgf", "link.svg"]


def test_an_illegal_move_of_a_file_is_named_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "g.sgf").write_text("(;SZ[19];B[aa];W[bb];B[aa];W[cc])")
    assert main(["predict", str(tmp_path / "g.sgf"), "--move", "4"]) == 1
    error = capsys.readouterr().err
    assert error == f"hayago: {tmp_path}/g.sgf: move 3: illegal move black A19: the point is occupied\n"
