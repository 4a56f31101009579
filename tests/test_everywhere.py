"""Users without a home, a name or a place to write: a service, a container, an installation that belongs to root."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from paths import ROOT

USER = 54321  # has no entry among the users
LIMIT = 600
DEMO = ROOT / "data" / "demo-games.sgf"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root can become another user"),
]


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """A temporary folder for that user, outside what pytest keeps from others."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and "pytest" in folder.as_posix():
            folder.chmod(0o755)
    place = tmp_path / "temporary"
    place.mkdir()
    place.chmod(0o777)
    return place


def run(temporary: Path, *words: str, given: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run hayago as that user."""
    kept = {"PATH": "/usr/bin:/bin", "TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1"}
    if "PYTHONPATH" in os.environ:
        kept["PYTHONPATH"] = os.environ["PYTHONPATH"]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "hayago", *words],
            user=USER,
            group=USER,
            extra_groups=[],
            input=given,
            env={**kept, **environment},
            cwd="/",
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
    except PermissionError:
        pytest.skip("that user cannot run this Python")
    if "can't open file" in done.stderr or "No module named" in done.stderr:
        pytest.skip("that user cannot read this Python or this checkout")
    assert "Traceback" not in done.stderr
    return done


HOMES = {"no home": {}, "a home that cannot be written": {"HOME": "/"}, "a home that is not there": {"HOME": "/none"}}


@pytest.mark.parametrize("home", HOMES)
def test_it_plays_and_keeps_one_folder(temporary: Path, home: str) -> None:
    for compiles in (True, False):
        done = run(temporary, "gtp", "--check", **HOMES[home])
        assert done.returncode == 0 and done.stdout.startswith("all is well"), done.stderr
        assert ("compiling kernels" in done.stderr) == compiles
        assert [entry.name for entry in temporary.iterdir()] == [f"hayago-{USER}"]
    folder = temporary / f"hayago-{USER}"
    assert (folder.stat().st_uid, folder.stat().st_mode & 0o077) == (USER, 0)


def test_what_needs_no_kernel_leaves_nothing_behind(temporary: Path) -> None:
    for words in (["info"], ["--help"], ["predict", str(DEMO), "--move", "3"]):
        assert run(temporary, *words).returncode == 0
    # A folder may be there, but nothing is compiled into it.
    assert not list(temporary.rglob("*.nbc"))


def test_a_folder_that_another_made_is_not_trusted(temporary: Path) -> None:
    taken = temporary / f"hayago-{USER}"
    taken.mkdir()
    taken.chmod(0o777)
    lines = "boardsize 19\nplay b D4\ngenmove w\nquit\n"
    done = run(temporary, "gtp", given=lines)
    assert done.stdout.count("= ") == 4, done.stderr
    assert not list(taken.iterdir())


def test_a_command_that_compiles_says_so_once(temporary: Path) -> None:
    for compiles in (1, 0):
        done = run(temporary, "evaluate", str(DEMO), "--limit", "10", "--json")
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("compiling kernels") == compiles
