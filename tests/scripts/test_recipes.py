"""The comparison of recipes: its rows are what their names say, and its table holds them all."""

import sys
from pathlib import Path

import pytest

import recipes
from hayago.training.config import TrainingConfig
from learning import store_path


def test_every_row_is_a_recipe_of_its_own() -> None:
    configs = {name: TrainingConfig(Path("g"), Path("o"), **options) for name, options in recipes.ROWS.items()}
    assert len(set(configs.values())) == len(recipes.ROWS)
    assert configs["default"] == TrainingConfig(Path("g"), Path("o"))
    for kind in ("sgd", "adamw"):
        rates = {
            config.learning_rate for config in configs.values() if config.optimizer == kind and config.batch_size > 16
        }
        assert len(rates) == 4
    assert not any(
        config.normalised or config.future_moves for name, config in configs.items() if name.startswith("adamw")
    )


@pytest.mark.slow
def test_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["recipes", str(store_path()), "--out", str(tmp_path), "--filters", "4", "--layers", "3"]
    words += ["--measure", "200", "--positions", "256", "--rows", "default", "sgd 0.1", "--threads", "1"]
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
