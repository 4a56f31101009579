"""The script that widens networks: what is widened computes the same, and learns on."""

import json
import sys
from pathlib import Path

import pytest
import torch

import grow
from hayago.training.training_network import TrainingNetwork
from learning import store_path, training_network


def test_a_widened_network_computes_the_same() -> None:
    narrow = training_network(8, 4, 4, 9)
    wide = TrainingNetwork(12, 4, 4, 9)
    x = (torch.rand(6, 4, 9, 9) < 0.3).float()
    assert not torch.allclose(narrow(x), wide.eval()(x))
    grow.widen(narrow, wide)
    for training in (False, True):
        narrow.train(training)
        wide.train(training)
        assert torch.allclose(narrow(x), wide(x), atol=1e-4)
    wide(x).square().sum().backward()
    heard = wide.hidden[2].weight.grad[:8, 8:]
    assert not wide.hidden[2].weight[:8, 8:].any()
    assert heard.abs().max() > 0  # the old filters may begin to listen to the new ones


def test_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "grow.json"
    words = f"grow {store_path()} --out {out} --narrow 4 --wide 8 --layers 3 --minutes 0.03 --measure 200"
    monkeypatch.setattr(sys, "argv", words.split())
    grow.main()
    rows = json.loads(out.read_text())
    assert [row["name"] for row in rows] == ["4 filters", "8 filters", "4 filters, widened to 8"]
    assert all(row["positions"] > 0 and 3 < row["loss"] < 7 for row in rows)
    assert len(capsys.readouterr().out.splitlines()) == 5
