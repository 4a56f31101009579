"""What `pip install` brings: a wheel with the network and the page in it, which plays from wherever it lies."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from hayago.network.model_file import model_paths
from paths import ROOT

LIMIT = 300


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=LIMIT)
    return next(folder.glob("*.whl"))


def test_the_network_and_the_page_travel_in_the_wheel(wheel: Path) -> None:
    assert wheel.stat().st_size < 4_000_000
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        for path in model_paths():
            assert archive.read(f"hayago/network/{path.name}") == path.read_bytes()
    static = ROOT / "src" / "hayago" / "web" / "static"
    here = {path.relative_to(ROOT / "src").as_posix() for path in static.rglob("*") if path.is_file()}
    assert "hayago/web/static/index.html" in here and here <= names
    assert "hayago/evaluation/report.html" in names
    assert all(name.startswith("hayago") for name in names)  # games and checkpoints stay behind


@pytest.mark.slow
def test_what_is_installed_plays_with_no_other_file(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--no-deps",
        "--no-index",
        "--quiet",
        "--target",
        str(site),
        str(wheel),
    ]
    subprocess.run(pip, check=True, capture_output=True, timeout=LIMIT)
    empty = tmp_path / "empty"
    empty.mkdir()
    environment = dict(os.environ, PYTHONPATH=str(site))

    def python(*words: str, given: str = "") -> str:
        command = [sys.executable, *words]
        return subprocess.run(
            command, cwd=empty, env=environment, input=given, check=True, capture_output=True, text=True, timeout=LIMIT
        ).stdout

    assert python("-c", "import hayago; print(hayago.__file__)").startswith(str(site))
    moves = "".join(f"genmove {'bw'[n % 2]}\n" for n in range(12))
    answers = python("-m", "hayago", "gtp", given=f"{moves}list_commands\nquit\n").split("\n\n")
    assert all(answer.startswith("= ") for answer in answers[:13])
    assert len(set(answers[:12])) == 12
