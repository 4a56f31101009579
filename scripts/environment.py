"""Makes .venv with hayago and everything it needs, pinned by constraints.txt. Runs on a bare Python 3.11 or
newer.

    python scripts/environment.py [--dev]

--dev adds what the tests need. A second run finds its stamp and does nothing until pyproject.toml or
constraints.txt changes.
"""

import hashlib
import os
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")


def has_pip() -> bool:
    """Whether .venv is there and whole: one whose making was broken off has a Python, but no pip."""
    if not PYTHON.exists():
        return False
    return subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0


def make_venv() -> None:
    """Make .venv, unless it is there and whole."""
    if has_pip():
        return
    print(f"making {VENV}", flush=True)
    try:
        venv.create(VENV, clear=True, with_pip=True)
    except subprocess.CalledProcessError:
        sys.exit(f"{VENV} could not be made: this Python has no ensurepip (Debian, Ubuntu: apt install python3-venv)")


def make_environment(dev: bool = False) -> None:
    """Make or bring up to date the environment; nothing where it is so already."""
    project, constraints = ROOT / "pyproject.toml", ROOT / "constraints.txt"
    wanted = hashlib.sha256(project.read_bytes() + constraints.read_bytes()).hexdigest()
    stamps = [VENV / "installed-with-dev.stamp"] + [VENV / "installed.stamp"] * (not dev)
    if any(stamp.exists() and stamp.read_text() == wanted for stamp in stamps):
        print(f"{VENV} is up to date")
        return
    make_venv()
    groups = tomllib.loads(project.read_text(encoding="utf-8"))["dependency-groups"]
    print("installing hayago and what it needs (torch is large: some minutes the first time)", flush=True)
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-c", constraints, "-e", f"{ROOT}[train]", *(groups["dev"] if dev else [])], check=True)
    stamps[0 if dev else -1].write_text(wanted)


if __name__ == "__main__":
    try:
        make_environment("--dev" in sys.argv[1:])
    except subprocess.CalledProcessError as error:
        sys.exit(f"installing failed with exit code {error.returncode}; the lines above say why")
