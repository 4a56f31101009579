"""The scale script: its games are as many as asked for and all different, and it measures what it says."""

import sys
from pathlib import Path

import numpy as np
import pytest

import scale
from hayago.records.identity import find_illegal
from hayago.records.store import read_store
from hayago.rules.kernels.position import new_log, new_position


@pytest.mark.slow
def test_games_are_made_many_and_measured(tmp_path: Path, demo_games: Path) -> None:
    path = tmp_path / "many.parquet"
    made = scale.make(path, 60, [str(demo_games)])
    store = read_store(path)
    assert made["games"] == len(store) == len(set(store.table["key"].to_pylist())) == 60
    # Of a game some images are illegal: a stone that is cut off may have saved a chain.
    assert 6 <= len({source.partition(" from ")[0] for source in store.table["source"].to_pylist()}) < 12
    games, position, log = store.games, new_position(19), new_log()
    for game in range(60):
        assert find_illegal(position, log, 19, games.setup, games.codes[slice(*games.offsets[game : game + 2])]) == -1
    lengths = np.diff(games.offsets)
    assert len(set(lengths.tolist())) > 20  # cut, each a move shorter than the one before

    measured = scale.measure(path)
    assert measured["moves"] == len(read_store(path, "train").games.codes)
    assert all(value > 0 for name, value in measured.items() if name != "peak_mb" or sys.platform != "win32")
