"""The table of environments: each that runs has its rates, each that fails says why and stops no other."""

import sys

import pytest

import compare_environments


def test_what_fails_has_a_row(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fails_later() -> compare_environments.Steps:
        yield 5
        raise RuntimeError("no | more\nthan that")

    monkeypatch.setattr(compare_environments, "SIZE", 5)
    monkeypatch.setattr(compare_environments, "pettingzoo", fails_later)
    monkeypatch.setitem(sys.modules, "jax", None)
    compare_environments.main(["--quick", "--seconds", "0.01", "--boards", "3"])
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]
    assert len(rows) == 8
    for name, best, *_ in rows[:6]:
        assert name.startswith("| hayago") and float(best.replace(",", "")) > 0, name
    assert rows[0][0] == "| hayago, board, 3 boards, 2 threads, copy=False"
    assert rows[6][:2] == ["| PettingZoo go_v5, one board", "failed: RuntimeError: no / more than that"]
    assert rows[7][0] == "| pgx go_19x19, 2 boards" and rows[7][1].startswith("failed: ModuleNotFoundError: ")
