"""The encoder of whole games gives the rows of the plain encoder, which sees one board at a time."""

import subprocess
import sys
from pathlib import Path
from random import Random

import numpy as np
import pytest

from comparison import Game, as_games, moves_of, plain_rows, positions_of, random_game
from hayago.features.incremental import all_positions, encode_positions
from hayago.features.memory import READINGS
from hayago.features.planes import row_bytes
from hayago.records.games import Games, records_to_games
from hayago.records.sgf import read_sgf
from hayago.rules.board import Board
from hayago.rules.symmetry import point_maps
from paths import ROOT

PROOF = ROOT / "scripts" / "proofs" / "prove_incremental.py"


def assert_same(games: Games, share: float, planes: int = 48) -> None:
    """Both encoders agree on this share of the games' positions, each under a random symmetry."""
    game, ply = positions_of(games) if games.size < 19 else all_positions(games)
    draw = np.random.default_rng(4)
    chosen = draw.random(len(game)) < share
    asked = games, game[chosen], ply[chosen], draw.integers(0, 8, int(chosen.sum()), dtype=np.uint8), planes
    rows, labels = encode_positions(*asked)
    np.testing.assert_array_equal(rows, plain_rows(*asked))
    moves = [moves_of(games, g)[p][1] for g, p in zip(game[chosen].tolist(), ply[chosen].tolist(), strict=True)]
    np.testing.assert_array_equal(labels, point_maps(games.size)[asked[3], moves])


@pytest.fixture(scope="module")
def real(demo_games: Path) -> Games:
    return records_to_games(read_sgf(demo_games.read_bytes())[::24])


@pytest.mark.parametrize("share", [1.0, 0.3, 0.06])
def test_real_games(real: Games, share: float) -> None:
    assert_same(real, share)


@pytest.mark.slow
def test_all_positions_of_all_demo_games(demo_games: Path) -> None:
    assert_same(records_to_games(read_sgf(demo_games.read_bytes())), 1.0)


@pytest.mark.parametrize("planes", [4, 12, 20])
def test_fewer_planes(real: Games, planes: int) -> None:
    assert_same(real, 0.1, planes)


@pytest.mark.parametrize(
    ("size", "count", "length"), [(2, 10, 20), (3, 20, 40), (5, 30, 60), (7, 20, 100), (9, 8, 160)]
)
@pytest.mark.parametrize("share", [1.0, 0.3])
def test_random_games(size: int, count: int, length: int, share: float) -> None:
    """Kos, captures and suicides of one's own size are everywhere on small boards; colours do not always alternate."""
    random = Random(size)
    assert_same(as_games([random_game(random, size, length, set_up=k % 2 * size) for k in range(count)]), share)


def test_more_weak_chains_than_readings_are_kept() -> None:
    """Stones alone on every second point of their rows, black and white rows in turn: each has two liberties or one."""
    white, black = (
        [19 * row + column for row in range(first, 19, 2) for column in range(0, 19, 2)] for first in (0, 1)
    )
    board, random = Board(19), Random(3)
    board.setup(black, white)
    for own, other in ((black, white), (white, black)):
        atari = [point for point in own if board.liberties(point) == 1]
        assert len(atari + [point for point in other if board.liberties(point) == 2]) > READINGS
    moves: list[tuple[int, int]] = []
    for _ in range(40):
        point = random.choice(np.flatnonzero(board.legal_points()[:-1]).tolist())
        moves.append((board.to_play, point))
        board.play(point)
    assert_same(as_games([Game(19, black, white, moves)]), 1.0)


def test_the_same_position_twice_and_going_back(real: Games) -> None:
    game, ply = np.zeros(6, np.int64), np.array([40, 40, 41, 39, 90, 12])
    symmetry = np.zeros(6, np.uint8)
    rows, _ = encode_positions(real, game, ply, symmetry)
    for row, p in zip(rows, ply, strict=True):
        np.testing.assert_array_equal(row, plain_rows(real, game[:1], np.array([p]), symmetry[:1])[0])


def test_the_proof_counts_positions(demo_games: Path, tmp_path: Path) -> None:
    games = tmp_path / "games.sgf"
    games.write_bytes(b"".join(b"(;GM" + game for game in demo_games.read_bytes().split(b"(;GM")[1:4]))
    command = [sys.executable, str(PROOF), str(games), "--positions", "1000000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "games             3   0 with handicap stones" in done.stdout
    assert "positions       594   100% of each game" in done.stdout
    assert "different         0" in done.stdout


def test_rows_are_written_where_they_are_wanted(real: Games) -> None:
    game, ply = (part[:50] for part in all_positions(real))
    asked = real, game, ply, np.zeros(50, np.uint8)
    out, into = np.full((60, row_bytes()), 7, np.uint8), np.random.default_rng(1).permutation(60)[:50]
    rows, labels = encode_positions(*asked)
    _, same_labels = encode_positions(*asked, out=out, into=into)
    np.testing.assert_array_equal(out[into], rows)
    np.testing.assert_array_equal(same_labels, labels)
    assert (np.delete(out, into, axis=0) == 7).all()
    for wrong in (
        {"out": out[:49]},
        {"out": out[:, :-1]},
        {"out": out, "into": into + 11},
        {"out": out, "into": into - 60},
    ):
        with pytest.raises(ValueError, match="do not go into memory"):
            encode_positions(*asked, **wrong)
