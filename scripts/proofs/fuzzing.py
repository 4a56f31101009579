"""What the fuzzers of files and requests share: damaged bytes and values, commands, the loop, the report.

A *kind* of input is a class. An object of it makes good inputs in a folder and tries them, so that all kernels are
compiled. Each call of `attempt` damages one and tries it. Whatever is wrong is an exception. `main` lets child
processes do this, so that a crash is seen as one.
"""

import argparse
import copy
import faulthandler
import json
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from hayago.cli import main as hayago
from hayago.errors import printable

HANG = 120  # seconds for one input, after which all stacks are printed and the process ends
MOST_GROWTH = 1 << 20  # KiB that a child process may need beyond what its first inputs took
NUMBERS = (0, 1, 2, 3, 127, 128, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 19, 1.5, -0.0, 1e300, 2**31, 2**53, 2**63, 2**64, -(2**63), 10**400),
    *(float("nan"), float("inf"), "", "0", "-1", "x" * 5000, "\ud800", "\x1b[31m", "\u202e", "a\nb", "\0", "九段"),
    *([], [None], [[]], [0] * 1000, {}, {"a": 1}, {"": {}}, json.loads("[" * 60 + "]" * 60)),
)


class Kind(Protocol):
    """A kind of input."""

    def __init__(self, folder: Path) -> None: ...

    def attempt(self, lots: random.Random) -> str:
        """Try one damaged input; gives what became of it, in a few words."""
        ...


def damaged(data: bytes, lots: random.Random, pieces: Sequence[bytes] = (b"\0",), marks: Sequence[bytes] = ()) -> bytes:
    """The bytes with some of what happens to bytes, often a little behind one of the `marks`."""
    changed = bytearray(data)
    for _ in range(lots.choice((1, 1, 2, 5, 20))):
        place = _place(changed, lots, marks)
        match lots.randrange(8):
            case 0 if changed:
                changed[place % len(changed)] ^= 1 << lots.randrange(8)
            case 1:
                changed[place : place + 1] = lots.randbytes(1)
            case 2:
                del changed[place : place + lots.choice((1, 1, 4, 100))]
            case 3:
                changed[place:place] = lots.choice(pieces)
            case 4:
                length = lots.choice((1, 2, 4, 8))
                number = lots.choice(NUMBERS) % (1 << 8 * length)
                changed[place : place + length] = number.to_bytes(length, lots.choice(("little", "big")))
            case 5:
                start = lots.randrange(len(changed) + 1)
                changed[place:place] = changed[start : start + lots.randrange(1000)]
            case 6:
                changed[place : place + 64] = lots.randbytes(64)
            case _ if lots.random() < 0.2:
                del changed[place:]
    return bytes(changed)


def _place(data: bytearray, lots: random.Random, marks: Sequence[bytes]) -> int:
    place = lots.randrange(len(data) + 1)
    if marks and lots.random() < 0.7:
        found = data.find(lots.choice(marks), place)
        if found >= 0:
            return min(found + lots.randrange(64), len(data))
    return place


def spoilt(value: Any, lots: random.Random) -> Any:
    """The JSON value with something in it lost, doubled, or replaced by what should not be there."""
    value = copy.deepcopy(value)
    here = value
    while isinstance(here, dict | list) and here:
        key = lots.choice(list(here) if isinstance(here, dict) else range(len(here)))
        if isinstance(here[key], dict | list) and here[key] and lots.random() < 0.8:
            here = here[key]
            continue
        match lots.randrange(5):
            case 0:
                del here[key]
            case 1 if isinstance(here, dict):
                here[lots.choice(("", "x", "\ud800", f"{key} "))] = here[key]
            case 1:
                here.append(here[key])
            case _:
                here[key] = copy.deepcopy(lots.choice(VALUES))
        return value
    return copy.deepcopy(lots.choice(VALUES))


def command(*words: object) -> str:
    """Run a command line of hayago here; gives "" for success, or the one line that says why it failed."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = hayago([str(word) for word in words])
    lines = err.getvalue().splitlines()
    check_lines(status, lines)
    return lines[-1].removeprefix("hayago: ") if status else ""


def succeed(*words: object) -> None:
    """Run a command line of hayago here; if it fails, the AssertionError says why."""
    reason = command(*words)
    assert not reason, reason


def check_lines(status: int, lines: Sequence[str]) -> None:
    """Check what a command that failed, or did not, wrote to stderr."""
    assert status in (0, 1), (status, lines)
    said = [number for number, line in enumerate(lines) if line.startswith("hayago: ") and "compiling" not in line]
    assert said == [len(lines) - 1] * status, lines
    assert not any("Traceback" in line or "internal error" in line for line in lines), lines
    assert all(printable(line) == line for line in lines), lines
    assert all(len(line) < 2100 for line in lines), lines


def check_whole(folder: Path) -> None:
    """Check that nothing that was being written has stayed in a folder."""
    left = list(folder.rglob(".*.part"))
    assert not left, left


def summary(reason: str, folder: Path) -> str:
    """A reason without its file and its numbers."""
    if not reason:
        return "accepted"
    return re.sub(r"'.*'|\d[\d,.]*", "…", reason.rpartition(f"{folder}")[2].partition(": ")[2] or reason)[:60]


def fuzz(kind: type[Kind], seed: int, inputs: int) -> Counter[str]:
    """Try some inputs that this seed gives; gives what became of them."""
    counts: Counter[str] = Counter()
    with TemporaryDirectory(prefix="hayago-fuzz-") as name:
        tried = kind(Path(name))
        for number in range(inputs):
            faulthandler.dump_traceback_later(HANG, exit=True)
            try:
                counts[tried.attempt(random.Random(f"{seed} {number}"))] += 1
            except Exception:
                sys.stderr.write(f"seed {seed}, input {number}\n")
                raise
            if number == min(20, inputs - 1):
                first = _peak()
        faulthandler.cancel_dump_traceback_later()
    assert _peak() - first < MOST_GROWTH, f"seed {seed}: the memory has grown by {_peak() - first:,} KiB"
    return counts


def _peak() -> int:
    """The most memory that this process has had, in KiB; 0 on Windows."""
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _children(script: str, kind: str, seconds: float, seed: int, inputs: int) -> tuple[Counter[str], list[str]]:
    """Fuzz a kind in one child process after the other; gives what became of the inputs, and the failures."""
    counts: Counter[str] = Counter()
    failures = []
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        words = [sys.executable, script, kind, "--seed", str(seed), "--inputs", str(inputs), "--here"]
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode:
            failures.append(f"{kind}, seed {seed}: exit status {done.returncode}\n{done.stderr}")
        else:
            counts.update(json.loads(done.stdout))
        seed += 1
    return counts, failures


def main(about: str, kinds: Mapping[str, type[Kind]], inputs: Callable[[str], int] = lambda _: 100) -> None:
    """The command line of a fuzzer: fuzz each kind, and print what was done."""
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("kinds", nargs="*", choices=[*kinds, []], help="by default all")
    parser.add_argument("--seconds", type=float, default=60, help="for each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--inputs", type=int, help="for each seed")
    parser.add_argument("--here", action="store_true", help="try one seed of one kind in this process")
    options = parser.parse_args()
    chosen: Collection[str] = options.kinds or kinds
    if options.here:
        (kind,) = chosen
        counts = fuzz(kinds[kind], options.seed, options.inputs or inputs(kind))
        json.dump(counts, sys.stdout)
        return
    failed = 0
    for kind in chosen:
        each = options.inputs or inputs(kind)
        counts, failures = _children(sys.argv[0], kind, options.seconds, options.seed, each)
        refused = counts.total() - counts["accepted"]
        print(
            f"{kind}: {counts.total():,} inputs, {counts['accepted']:,} accepted, {refused:,} refused for "
            f"{len(counts) - 1} reasons, {len(failures)} failures in {options.seconds:.0f} s",
            flush=True,
        )
        for what, count in counts.most_common(12):
            print(f"{count:9,}  {what}")
        for failure in failures:
            print(failure, file=sys.stderr, flush=True)
        failed += len(failures)
    sys.exit(bool(failed))
