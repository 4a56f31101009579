"""Compiled kernels are kept, compiling is announced, and a kernel is compiled again when one that it calls changes."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

import hayago
from hayago.jit import borrowed, fetch_add, kernel

PROBE = """
from hayago.jit import kernel
from hayago.rules.kernels.frame import cell_of


@kernel
def probe(point: int) -> int:
    return cell_of(point, 19)
"""
RUN = """
from pathlib import Path
from hayago import jit
from hayago.rules import probe
print(probe.probe(1), jit.cache_folder(Path(probe.__file__)).name)
"""
ANNOUNCED = "hayago: compiling kernels, once per version (up to half a minute)\n"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package with one more small kernel in it."""
    copy = tmp_path / "hayago"
    shutil.copytree(Path(hayago.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "rules" / "probe.py").write_text(PROBE)
    return copy


def run(package: Path, code: str, cache: Path) -> subprocess.CompletedProcess[str]:
    paths = {"PYTHONPATH": str(package.parent), "NUMBA_CACHE_DIR": str(cache), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | paths, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done


def change(package: Path, file: str, old: str, new: str) -> None:
    source = (package / file).read_text(encoding="utf-8")
    assert old in source
    (package / file).write_text(source.replace(old, new), encoding="utf-8")


@pytest.mark.slow
def test_a_changed_kernel_is_seen_by_those_that_call_it(package: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = run(package, RUN, cache)
    cell, folder = first.stdout.split()
    assert cell == "21"
    assert first.stderr == ANNOUNCED
    assert list((cache / folder).rglob("*.nbi"))
    assert not list(package.rglob("*.nbi"))  # the package may lie where no one may write

    change(package, "records/store.py", "import ", "import sys\nimport ")  # no kernel lives there
    change(package, "features/planes.py", "import ", "import sys\nimport ")
    again = run(package, RUN, cache)
    assert again.stdout == first.stdout
    assert again.stderr == ""

    change(package, "rules/kernels/frame.py", "* WIDTH + point % size", "* WIDTH + point % size + 100")
    changed = run(package, RUN, cache)
    cell, new_folder = changed.stdout.split()
    assert cell == "121"
    assert new_folder != folder
    assert changed.stderr == ANNOUNCED


def test_importing_the_board_compiles_nothing(package: Path, tmp_path: Path) -> None:
    done = run(package, "import hayago.rules.board, hayago.records.store", tmp_path / "cache")
    assert done.stderr == ""
    assert not list((tmp_path / "cache").rglob("*.nbi"))


def test_without_a_place_to_keep_them_kernels_still_run(package: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert run(package, RUN, tmp_path / "file" / "cache").stdout.startswith("21 kernels-")


@kernel
def take_all(counter: NDArray[np.int64], taken: NDArray[np.int64]) -> None:
    """Count in `taken` how often each number below its length is taken here."""
    n = fetch_add(counter)
    while n < len(taken):
        taken[n] += 1
        n = fetch_add(counter)


def test_threads_never_take_the_same_number() -> None:
    counter, taken = np.zeros(1, np.int64), np.zeros((2, 1_000_000), np.int64)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(take_all, [counter, counter], taken))
    assert (taken.sum(axis=0) == 1).all()
    assert counter[0] == taken.shape[1] + 2  # and each thread was told once that there are no more


class Pair(NamedTuple):
    numbers: NDArray[np.int64]
    factor: int


@kernel
def total(pair: Pair, more: NDArray[np.int64]) -> int:
    """The sum over views of the borrowed arrays."""
    (numbers, factor), more = borrowed((pair, more))
    result = 0
    for n in range(len(numbers)):
        result += factor * numbers[n:].sum() + more[n:].sum()
    return result


def test_what_is_borrowed_is_the_same_and_stays_its_owner_s() -> None:
    numbers, more = np.arange(3), np.ones(3, np.int64)
    counts = sys.getrefcount(numbers), sys.getrefcount(more)
    for _ in range(100):
        assert total(Pair(numbers, 10), more) == 10 * (3 + 3 + 2) + 6
    assert (sys.getrefcount(numbers), sys.getrefcount(more)) == counts


def test_without_compiling_sgf_is_read_alike() -> None:
    code = "from hayago.records.sgf import read_sgf; print([(r.size, *r.plays()) for r in read_sgf(b'(;SZ[9];B[aa])')])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.stdout, done.stderr) == ("[(9, (1, 0))]\n", "")
