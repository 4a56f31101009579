"""Samples of the fuzzers, kills and full disks of scripts/proofs; and that each of them can fail."""

import os
import random
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

import fuzz_files
import fuzz_http
import prove_disks
import prove_kills
from fuzzing import _children, check_lines, check_whole, damaged, fuzz, spoilt, succeed
from hayago.errors import HayagoError

INPUTS = {"checkpoints": 12, "logs": 12, "matches": 20, "openings": 12, "downloads": 12, "pages": 60, "stores": 25}
KINDS = {**fuzz_files.KINDS, **fuzz_http.KINDS}
KERNEL = "from hayago.rules.kernels.frame import cell_of; print(cell_of(1, 19))"
needs_posix = pytest.mark.skipif(os.name != "posix", reason="kills process groups")


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_damaged_inputs(kind: str) -> None:
    inputs = INPUTS.get(kind, 40)
    counts = fuzz(KINDS[kind], 1, inputs)
    assert counts.total() == inputs and counts["accepted"] < inputs, counts
    assert counts["accepted"] > 0 or kind == "checkpoints", counts  # which have a checksum


def test_the_same_seed_damages_alike() -> None:
    data, value = bytes(range(256)) * 4, {"a": [1, {"b": None}], "c": "x"}
    bytes_of = [damaged(data, random.Random(seed), (b"xyz",), (b"\x10",)) for seed in (1, 1, 2)]
    assert bytes_of[0] == bytes_of[1] != bytes_of[2]
    values = [repr(spoilt(value, random.Random(seed))) for seed in range(40)]
    assert values == [repr(spoilt(value, random.Random(seed))) for seed in range(40)]
    assert len(set(values)) > 20 and value == {"a": [1, {"b": None}], "c": "x"}


@pytest.mark.parametrize(
    ("status", "lines"),
    [
        (-11, []),
        (2, ["hayago: usage"]),
        (1, []),
        (1, ["Traceback (most recent call last):", "ValueError"]),
        (1, ["hayago: one", "hayago: two"]),
        (1, ["hayago: one", "and more"]),
        (0, ["hayago: one"]),
        (1, ["hayago: \x1b[31m"]),
        (1, ["hayago: internal error"]),
    ],
)
def test_what_a_command_may_not_say(status: int, lines: list[str]) -> None:
    with pytest.raises(AssertionError):
        check_lines(status, lines)


def test_a_command_that_should_succeed_says_why_it_did_not(tmp_path: Path) -> None:
    path = tmp_path / "none.safetensors"
    with pytest.raises(AssertionError, match=r"none[.]safetensors: no such model file"):
        succeed("info", path)
    job = prove_kills.Prepare(tmp_path)
    job.words = ["info", path]
    with pytest.raises(AssertionError, match=r"none[.]safetensors: no such model file"):
        job.succeed()


def test_what_stays_is_seen(tmp_path: Path) -> None:
    check_lines(1, ["a note", "hayago: one"])
    check_whole(tmp_path)
    (tmp_path / ".games.parquet.x1.part").touch()
    with pytest.raises(AssertionError):
        check_whole(tmp_path)


def test_a_crash_of_a_child_process_is_seen(tmp_path: Path) -> None:
    script = tmp_path / "crashing.py"
    script.write_text("import os; os.abort()")
    counts, failures = _children(str(script), "a kind", 0.01, 3, 1)
    assert not counts and failures[0].startswith("a kind, seed 3: exit status ")


@needs_posix
@pytest.mark.slow
@pytest.mark.parametrize("name", prove_kills.JOBS)
def test_kills(name: str) -> None:
    assert len(list(islice(prove_kills.prove(name, 1), 2))) == 2


def test_a_result_that_is_not_whole_is_seen(tmp_path: Path) -> None:
    job = prove_kills.Prepare(tmp_path)
    job.clear()
    (job.out / "games.parquet").write_bytes(b"PAR1" * 100)
    with pytest.raises(HayagoError):
        job.result()
    with pytest.raises(AssertionError, match="not whole"):
        job.check()


@needs_posix
@pytest.mark.slow
@pytest.mark.parametrize("name", prove_kills.JOBS)
def test_full_disks(name: str, tmp_path: Path) -> None:
    assert len(list(islice(prove_disks.attempts("full", name, 1, tmp_path), 3))) == 3


@pytest.mark.slow
@pytest.mark.parametrize("name", prove_kills.JOBS)
def test_readonly_disks(name: str, tmp_path: Path) -> None:
    if not prove_disks.can_mount():
        pytest.skip("needs root")
    assert len(list(islice(prove_disks.attempts("readonly", name, 1, tmp_path), 2))) == 2


@needs_posix
@pytest.mark.slow
def test_damaged_kernels(tmp_path: Path) -> None:
    attempt = prove_disks.kernels(tmp_path, random.Random(1), KERNEL)
    done = [attempt() for _ in range(8)]
    assert any("compiled again" in what for what in done), done


@pytest.mark.slow
def test_the_command_line(tmp_path: Path) -> None:
    script = Path(fuzz_files.__file__)
    words = [sys.executable, script, "archives", "--seconds", "0.01", "--inputs", "5"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("archives: 5 inputs, ")
