"""The compiled kernels are kept, announced when they are made, and made anew when a kernel changes that they call."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import hayago

PROBE = """
from hayago.rules.jit import kernel
from hayago.rules.kernels import cell_of


@kernel
def probe(point: int) -> int:
    return cell_of(point, 19)
"""
RUN = """
from pathlib import Path
from hayago.rules import jit, probe
print(probe.probe(1), jit.cache_folder(Path(probe.__file__)).name)
"""
ANNOUNCED = "hayago: compiling kernels, once per version (about half a minute)\n"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package with a small kernel more in it."""
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


def test_a_changed_kernel_is_seen_by_those_that_call_it(package: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = run(package, RUN, cache)
    cell, folder = first.stdout.split()
    assert cell == "21"
    assert first.stderr == ANNOUNCED
    assert list((cache / folder).rglob("*.nbi"))
    assert not list(package.rglob("*.nbi"))  # the package may lie where nobody may write

    change(package, "records/store.py", "import ", "import sys\nimport ")  # no kernel lives there
    change(package, "features/planes.py", "import ", "import sys\nimport ")
    again = run(package, RUN, cache)
    assert again.stdout == first.stdout
    assert again.stderr == ""

    change(package, "rules/kernels.py", "* WIDTH + point % size", "* WIDTH + point % size + 100")
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
    assert run(package, RUN, tmp_path / "file" / "cache").stdout.startswith("21 hayago-kernels-")
