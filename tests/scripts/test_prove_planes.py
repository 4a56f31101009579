"""prove_planes.py on a few games: it finds nothing where nothing is wrong, and what is wrong where it is."""

import re
from pathlib import Path

import numpy as np
import pytest

import comparison
import prove_planes
from comparison import LadderCount
from diagrams import DIAGRAMS, twin_of
from hayago.features.planes import SLICE


def figures(out: str) -> dict[str, int]:
    """The figures at the end of what the script prints."""
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)   ", out, re.M)}


def test_nothing_is_wrong(demo_games: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prove_planes.main([str(demo_games), "--positions", "40"]) == 0
    found = figures(capsys.readouterr().out)
    assert found["positions"] == 40
    assert found["planes"] == 40 * 48
    assert found["laws"] == 40 * 16
    assert found["ladders"] > 100
    assert found["different"] == 0


def test_handicap_games_in_two_processes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    moves = "".join(f";{'WB'[n % 2]}[{chr(97 + n // 9 * 2)}{chr(97 + n % 9 * 2)}]" for n in range(40))
    (tmp_path / "handicap.sgf").write_text(f"(;SZ[19]HA[2]AB[pd][dp]{moves})", encoding="utf-8")
    (tmp_path / "illegal.sgf").write_text(f"(;SZ[19]AB[ba][ab]{moves.replace('W[aa]', 'W[ss]', 1)};W[aa])")
    assert prove_planes.main([str(tmp_path), "--positions", "20", "--processes", "2"]) == 0, "one game, ten positions"
    out, err = capsys.readouterr()
    assert "no more than 10 such positions" in err
    assert figures(out)["handicap"] == 10
    assert "1 more left out for an illegal move" in out


def test_what_is_wrong_is_found(
    demo_games: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An encoder that marks the top left corner as an escape, wherever it is seen from."""
    encode_positions = comparison.encode_positions

    def wrong(*arguments: object) -> tuple[np.ndarray, np.ndarray]:
        rows, labels = encode_positions(*arguments)
        bit = SLICE["ladder_escape"].start * 19 * 19
        rows[:, bit >> 3] |= np.uint8(1 << (bit & 7))
        return rows, labels

    monkeypatch.setattr(comparison, "encode_positions", wrong)
    assert prove_planes.main([str(demo_games), "--positions", "10"]) == 1
    out = capsys.readouterr().out
    assert figures(out)["different"] > 100
    for line in out.splitlines():
        if line.startswith("ladder escape"):
            unlike_twin, laws_broken = line.split()[3:]
            assert int(unlike_twin) >= 16
            assert int(laws_broken) > 80
        elif line.startswith("ladder capture"):
            assert line.split()[3:] == ["0", "0"]


@pytest.mark.parametrize(
    ("name", "read", "met_limit"),
    [
        ("a ladder works", 2, 0),
        ("a ladder across the board", 2, 0),
        ("a ladder of 51 moves is not read to its end", 2, 1),
        ("an escape from 51 moves to come", 1, 1),
    ],
)
def test_ladders_are_counted(name: str, read: int, met_limit: int) -> None:
    (diagram,) = (diagram for diagram in DIAGRAMS if diagram.name == name)
    board = twin_of(diagram)
    with LadderCount() as ladders:
        board.planes(diagram.colour)
    assert (ladders.read, ladders.met_limit) == (read, met_limit)
