"""The examples run as they are."""

import subprocess
import sys

import pytest

import hayago
from hayago.records.sgf import read_sgf, write_sgf
from paths import DEMO_GAMES, ROOT

EXAMPLES = ROOT / "examples"


def run(name, *arguments):
    command = [sys.executable, str(EXAMPLES / name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def short_game(tmp_path):
    """The first 12 moves of a demo game."""
    record = read_sgf(DEMO_GAMES)[0]
    path = tmp_path / "short.sgf"
    path.write_bytes(write_sgf(record._replace(moves=record.moves[:12], black="Ann", white="Bo")))
    return path


@pytest.mark.slow
def test_a_position_is_predicted():
    board, moves = run("predict_position.py").split("   A B C", 2)[1:]
    assert board.count("X") == 2 and board.count("O") > 2  # the letter O is at the edge, too
    shares = [float(line.split()[1].rstrip("%")) for line in moves.splitlines()[1:]]
    assert len(shares) == 5 and shares == sorted(shares, reverse=True) and 0 < sum(shares) <= 100


@pytest.mark.slow
def test_the_moves_of_a_game_are_ranked(short_game):
    first, *moves = run("rank_moves.py", short_game).splitlines()
    assert first == "Ann against Bo, 12 moves"
    assert len(moves) == 12 and all("rank" in line for line in moves)
    assert moves[0].split()[1] == "black" and moves[1].split()[1] == "white"


@pytest.mark.slow
def test_an_archive_is_encoded(short_game):
    first, *planes = run("encode_games.py", short_game).splitlines()
    assert first.startswith("12 examples") and len(planes) == 48
    shares = {int(line.split()[0]): line.split()[-1] for line in planes}
    assert shares[3] == "100.00%" and shares[47] == "0.00%"  # the planes of ones and of zeros
    assert planes[0].split()[1] == hayago.plane_name(0)


@pytest.mark.slow
def test_two_engines_play():
    engine = f'"{sys.executable}" -m hayago gtp --symmetries 1'
    board = run("two_engines.py", engine, engine)
    assert board.count("X") + board.count("O") >= 56  # 60 moves, few of them captured


@pytest.mark.slow
def test_a_game_in_the_environment():
    drawing, result = run("gymnasium_loop.py").rstrip().rsplit("\n", 1)
    assert "A B C D E F G H J" in drawing and result.split()[0] in ("won", "lost", "a")
