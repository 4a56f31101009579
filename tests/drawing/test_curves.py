"""The diagrams of a training run, whatever backend of matplotlib the environment names."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from matplotlib.image import imread

from hayago.drawing.curves import save_training_curve

LOG = """step,positions,train_loss,train_top1,validation_loss,validation_top1
1,64,5.8,0.01,,
2,128,5.1,0.03,5.2,0.02
"""


def test_a_training_curve(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(LOG)
    save_training_curve(tmp_path / "log.csv", tmp_path / "curve.png")
    assert imread(tmp_path / "curve.png").std() > 0.05


DRAW = """
import os, sys
from pathlib import Path
from hayago.drawing.curves import save_training_curve
from hayago.drawing.picture_file import save_picture
from hayago.drawing.svg import board_svg
from hayago.rules.board import Board
assert "matplotlib" not in sys.modules
save_training_curve(Path("log.csv"), Path("curve.png"))
save_picture("board.png", board_svg(Board(5)))
import matplotlib
backend = dict.__getitem__(matplotlib.rcParams, "backend")  # rcParams["backend"] would load pyplot
print(os.environ["MPLBACKEND"], "matplotlib.pyplot" in sys.modules, backend if isinstance(backend, str) else "none")
"""


@pytest.mark.parametrize("inherited", ["module://matplotlib_inline.backend_inline", "svg"])
def test_a_notebooks_backend_is_not_needed(tmp_path: Path, inherited: str) -> None:
    """`!hayago ...` in a notebook inherits its MPLBACKEND, also where hayago's environment does not have it."""
    (tmp_path / "log.csv").write_text(LOG)
    environment = os.environ | {"MPLBACKEND": inherited}
    done = subprocess.run(
        [sys.executable, "-c", DRAW], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    variable, pyplot, backend = done.stdout.split()
    assert (variable, pyplot) == (inherited, "False")
    assert backend == "svg" or inherited != "svg"  # a backend that exists stays for the caller's own figures
    for name in ("curve.png", "board.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
