"""scripts/environment.py: an environment whose making was broken off is made again."""

import importlib.util
import subprocess
import venv
from pathlib import Path
from types import ModuleType

import pytest

from paths import ROOT


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, for a .venv of its own."""
    spec = importlib.util.spec_from_file_location("environment", ROOT / "scripts" / "environment.py")
    assert spec and spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    python = script.PYTHON.relative_to(script.VENV)
    monkeypatch.setattr(script, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(script, "PYTHON", tmp_path / ".venv" / python)
    return script


@pytest.mark.slow
def test_a_half_made_environment_is_made_again(environment: ModuleType) -> None:
    # Debian's Python without python3-venv leaves a .venv with a Python and no pip; so does Ctrl-C in the middle.
    venv.create(environment.VENV, with_pip=False)
    assert environment.PYTHON.exists() and not environment.has_pip()
    environment.make_venv()
    assert environment.has_pip()


@pytest.mark.slow
def test_a_whole_one_is_kept(environment: ModuleType) -> None:
    environment.make_venv()
    mark = environment.VENV / "a-file-of-the-user"
    mark.touch()
    environment.make_venv()
    assert mark.exists()


def test_a_python_without_ensurepip_says_what_to_install(
    environment: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise subprocess.CalledProcessError(1, "ensurepip")

    monkeypatch.setattr(environment.venv, "create", fail)
    with pytest.raises(SystemExit, match="apt install python3-venv"):
        environment.make_venv()
