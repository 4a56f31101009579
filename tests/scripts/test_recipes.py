"""The script of recipes: its rows are what their names say, and its table has them all."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import recipes
from hayago.network.model_file import load_model
from hayago.training.config import TrainingConfig
from hayago.training.loop import train
from learning import store_path
from tricks import TRICKS

SMALL: dict[str, Any] = {
    "filters": 4, "layers": 3, "positions": 320, "batch_size": 32, "batch_norm_group": 32, "validation_positions": 64,
}  # fmt: skip


def test_every_row_is_a_recipe_of_its_own() -> None:
    configs = {name: TrainingConfig(Path("g"), Path("o"), **options) for name, options in recipes.ROWS.items()}
    assert len({config for name, config in configs.items() if name not in TRICKS}) == len(recipes.ROWS) - len(TRICKS)
    assert configs["default"] == TrainingConfig(Path("g"), Path("o"))
    for kind in ("sgd", "adamw"):
        rates = {
            config.learning_rate for config in configs.values() if config.optimizer == kind and config.batch_size > 16
        }
        assert len(rates) == 4
    assert not any(
        config.normalised or config.future_moves for name, config in configs.items() if name.startswith("adamw")
    )


@pytest.mark.parametrize("name", sorted(TRICKS))
def test_every_trick_learns_in_its_own_way(name: str, tmp_path: Path) -> None:
    def learned(folder: str) -> dict[str, np.ndarray]:
        return load_model(train(TrainingConfig(store_path(), tmp_path / folder, **SMALL)).model).weights

    plain = learned("plain")
    with TRICKS[name]():
        by_trick = learned("trick")
    assert plain.keys() == by_trick.keys()
    assert all(np.isfinite(weights).all() for weights in by_trick.values())
    kernel = "hidden.1.weight"
    assert np.abs(plain[kernel] - by_trick[kernel]).max() > 1e-4
    after = learned("after")
    assert all((plain[key] == after[key]).all() for key in plain)  # the block is over


def test_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    words = [
        "recipes",
        str(store_path()),
        "--out",
        str(tmp_path),
        "--filters",
        "4",
        "--layers",
        "3",
        "--measure",
        "200",
    ]
    words += ["--positions", "1024", "--rows", "default", "sgd 0.1", "--threads", "1"]
    monkeypatch.setattr(sys, "argv", words)
    recipes.main()
    table = capsys.readouterr().out
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if line.startswith("|")]
    assert [row[0] for row in rows[2:]] == ["default", "sgd 0.1"]
    assert rows[2][1:] != rows[3][1:]
    assert all(0 <= float(row[1]) <= float(row[2]) <= 100 and 3 < float(row[3]) < 7 for row in rows[2:])
    monkeypatch.setattr(sys, "argv", [*words, "--seeds", "2"])
    recipes.main()
    again = capsys.readouterr().out
    assert rows[2][1] in again and " to " in again
