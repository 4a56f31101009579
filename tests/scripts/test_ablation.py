"""The ablation script: every cell of its table is measured, and a second call trains nothing again."""

import sys
from pathlib import Path

import numpy as np
import pytest

import ablation
from hayago.evaluation.examples import choose_examples, facts_of
from hayago.evaluation.outcomes import measure
from hayago.features.incremental import encode_positions
from hayago.network.evaluator import make_evaluator
from hayago.network.model_file import load_model
from hayago.records.selection import Selection
from hayago.records.store import read_store
from hayago.rules.coordinates import EMPTY
from learning import store_path


@pytest.mark.slow
def test_the_table_is_complete(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["ablation", str(store_path()), "--out", str(tmp_path), "--filters", "4", "--planes", "4", "20"]
    words += ["--positions", "256", "--layers", "3", "--measure", "200", "--threads", "1"]
    monkeypatch.setattr(sys, "argv", words)
    ablation.main()
    table = capsys.readouterr().out
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if line.startswith("|")]
    assert [row[:2] for row in rows[2:6]] == [
        ["fully connected", "raw board"], ["4", "raw board"], ["4", "4"], ["4", "20"]
    ]  # fmt: skip
    for row in rows[2:4]:
        assert 0 <= float(row[2]) <= 100
        assert row[3:] == ["", "", ""]
    for row in rows[4:6]:
        assert all(0 <= float(cell) <= 100 for cell in row[2:])
    assert ["192", "4", "1", "47.6"] in rows

    # Each of these cells as the measuring of `hayago evaluate` has it.
    validation = read_store(store_path(), "validation")
    examples = choose_examples(validation.games, facts_of(validation.table), Selection(), 200)
    evaluator = make_evaluator(load_model(tmp_path / "4-20" / "model.safetensors"))
    for count, cell in zip(ablation.SYMMETRIES, rows[5][2:], strict=True):
        group = measure({"it": evaluator}, examples, symmetries=count).outcomes["it"].rank
        assert cell == f"{100 * (group < 1).mean():.1f}"

    monkeypatch.setattr(ablation, "train", None)
    monkeypatch.setattr(ablation, "learn_raw", None)
    ablation.main()
    assert capsys.readouterr().out == table


def test_a_baseline_sees_whose_stones_these_are() -> None:
    store = read_store(store_path(), "train")
    examples = choose_examples(store.games, facts_of(store.table), Selection(), 40)
    none = np.zeros(len(examples), np.uint8)
    rows, _ = encode_positions(store.games, examples.game, examples.ply, none, ablation.RAW_PLANES)
    raw = ablation.raw_board(rows, 19)
    for k in range(len(examples)):
        board = examples.board(k)
        signs = np.where(board.grid() == board.to_play, 1, -1) * (board.grid() != EMPTY)
        assert np.array_equal(raw[k, 0].numpy(), signs.reshape(19, 19))
