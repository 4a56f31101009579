"""Full disks, read-only ones, damaged kernels: python scripts/proofs/prove_disks.py [TROUBLE...] [--seconds N]

- full: commands write to a disk that has too little room (as root a tmpfs, else a limit to the size of files). Each
  must succeed or say why not in one line. What has its final name is whole, nothing that was being written stays, and
  with more room the same command gives the undisturbed result.
- readonly (root only): the same on a disk that cannot be written to.
- kernels: the files of compiled kernels are damaged, or cannot be read or written. hayago compiles them again.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from fuzzing import damaged
from prove_kills import JOBS, Job

READ = """
from hayago.records.sgf import read_sgf
from hayago.rules.board import Board
(game,) = read_sgf(b"(;SZ[9];B[aa];W[ba];B[cc];W[ab])")
board = Board(9)
for colour, point in game.plays():
    board.play(point, colour)
print(board.grid().tolist())
"""


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    """A small disk in memory at a folder; root only."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True, capture_output=True)


def remount(folder: Path, options: str) -> None:
    """Change a mounted disk."""
    subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True, capture_output=True)


def can_mount() -> bool:
    """Whether this process may mount a disk."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return False
    with TemporaryDirectory() as folder:
        try:
            with mounted(Path(folder), "size=4k"):
                return True
        except (OSError, subprocess.CalledProcessError):
            return False


def _check_failure(job: Job) -> None:
    job.check()
    left = list(job.out.rglob(".*.part"))
    assert not left, left


def full(job: Job, lots: random.Random) -> Callable[[], str]:
    """Make it ready; gives what runs it once with too little room, and then with enough."""
    expected, _ = job.undisturbed()
    needed = sum(path.stat().st_size for path in job.out.rglob("*") if path.is_file())
    mount = can_mount()

    def on_a_small_disk() -> str:
        job.clear()
        room = int(needed * lots.random() * 1.5) // 4096 * 4 + 4
        with mounted(job.out, f"size={room}k,nr_inodes={lots.choice((3, 8, 1000, 1000, 1000))}"):
            reason = job.end()
            _check_failure(job)
            if reason:  # there was too little room
                remount(job.out, "size=1g,nr_inodes=100000")
                job.succeed()
            assert job.check() == expected
        return reason

    def with_small_files() -> str:
        import resource

        job.clear()
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(needed * lots.random()), limits[1]))
        try:
            reason = job.end()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        _check_failure(job)
        job.succeed()
        assert job.check() == expected
        return reason

    return on_a_small_disk if mount else with_small_files


def readonly(job: Job, lots: random.Random) -> Callable[[], str]:
    """Make it ready; gives what runs it on a disk that cannot be written to, before or after a run to the end."""
    expected, _ = job.undisturbed()

    def attempt() -> str:
        job.clear()
        with mounted(job.out, "size=1g"):
            before = lots.random() < 0.5
            if before:
                job.succeed()
            remount(job.out, "ro")
            reason = job.end()
            assert reason or before
            _check_failure(job)
            remount(job.out, "rw")
            if not before:
                job.succeed()
            assert job.check() == expected
        return reason

    return attempt


def kernels(folder: Path, lots: random.Random, code: str = READ) -> Callable[[], str]:
    """Compile the kernels that the code needs; gives what damages them and runs it again."""
    cache, good = folder / "cache", folder / "good"

    def run() -> tuple[str, str]:
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache), "TMPDIR": str(folder)}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
        said = done.stderr.replace("hayago: compiling kernels, once per version (up to half a minute)\n", "")
        assert (done.returncode, said) == (0, ""), (done.returncode, done.stderr)
        return done.stdout, "compiled again" if done.stderr else ""

    expected, compiled = run()
    assert compiled and run() == (expected, ""), "kept"
    shutil.copytree(cache, good)

    def attempt() -> str:
        shutil.rmtree(cache)
        shutil.copytree(good, cache)
        files = sorted(path for path in cache.rglob("*.nb?"))
        trouble = lots.choice(("bytes", "bytes", "bytes", "nothing", "folder", "link", "other", "full", "readonly"))
        if trouble in ("full", "readonly"):
            if not can_mount():
                return f"{trouble}: left out"
            shutil.rmtree(cache)
            cache.mkdir()
            with mounted(cache, f"size=64k,nr_inodes={lots.choice((2, 5, 1000))}"):
                if trouble == "readonly":
                    remount(cache, "ro")
                assert run()[0] == expected
            return trouble
        for path in lots.sample(files, min(lots.choice((1, 3, len(files))), len(files))):
            data = path.read_bytes()
            path.unlink()
            match trouble:
                case "bytes":
                    path.write_bytes(damaged(data, lots))
                case "nothing":
                    path.write_bytes(data[: lots.choice((0, 1, 32, len(data) // 2))])
                case "other":
                    path.write_bytes(lots.choice(files).read_bytes() if path not in files[:1] else b"")
                case "folder":
                    path.mkdir()
                case "link":
                    path.symlink_to(path)
        said, compiled = run()
        assert said == expected, (trouble, said)
        again = run()
        assert again[0] == expected
        return f"{trouble}: {compiled or 'as before'}"

    return attempt


def attempts(trouble: str, name: str, seed: int, folder: Path) -> Iterator[str]:
    """Trouble without end, for a command of JOBS; gives what became of each run."""
    lots = random.Random(seed)
    if trouble == "kernels":
        attempt = kernels(folder, lots)
        while True:
            yield attempt()
    job = JOBS[name](folder)
    try:
        attempt = {"full": full, "readonly": readonly}[trouble](job, lots)
        while True:
            yield "failed in one line" if attempt() else "succeeded"
    finally:
        job.close()


def main() -> None:
    """Make trouble, and print what was done."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("troubles", nargs="*", choices=["full", "readonly", "kernels", []], help="by default all")
    parser.add_argument("--seconds", type=float, default=60, help="for each trouble and command")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for trouble in options.troubles or ("full", "readonly", "kernels"):
        if trouble == "readonly" and not can_mount():
            print("readonly: left out, since it needs root")
            continue
        for name in ["python"] if trouble == "kernels" else JOBS:
            counts: Counter[str] = Counter()
            ends = time.monotonic() + options.seconds
            with TemporaryDirectory(prefix="hayago-disks-") as folder:
                for what in attempts(trouble, name, options.seed, Path(folder)):
                    counts[what] += 1
                    if time.monotonic() > ends:
                        break
            done = ", ".join(f"{count} {what}" for what, count in counts.most_common())
            print(f"{trouble}, {name}: {counts.total()} runs: {done}; nothing half-written", flush=True)


if __name__ == "__main__":
    main()
