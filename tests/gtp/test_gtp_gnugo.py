"""GNU Go as a second opinion: where fixed handicaps lie, and what a game says that one of us has written."""

import pytest

from fakes import FixedEvaluator
from gtp_engines import answers, engine_of, stones
from hayago.gtp.client import GtpClient
from programs import GNUGO

pytestmark = pytest.mark.gnugo


@pytest.fixture(scope="module")
def gnugo():
    with GtpClient([GNUGO, "--mode", "gtp"], 60) as client:
        yield client.send


@pytest.fixture
def engine():
    return engine_of(FixedEvaluator(9), FixedEvaluator(13), FixedEvaluator(19))


def board_of(gnugo):
    """GNU Go's stones, drawn as hayago's."""
    size = int(gnugo("query_boardsize"))
    rows = [["."] * size for _ in range(size)]
    for colour, mark in (("black", "X"), ("white", "O")):
        for vertex in gnugo(f"list_stones {colour}").split():
            rows[size - int(vertex[1:])]["ABCDEFGHJKLMNOPQRST".index(vertex[0])] = mark
    return ["".join(row) for row in rows]


@pytest.mark.parametrize("size", [9, 13, 19])
def test_fixed_handicaps_lie_where_gnu_go_s_do(engine, gnugo, size):
    for count in range(2, 10):
        for ask in (gnugo, lambda line: answers(engine, line)[0]):
            ask(f"boardsize {size}")
            ask("clear_board")
            ask(f"fixed_handicap {count}")
        assert board_of(gnugo) == stones(engine)


def test_gnu_go_reads_what_we_write(engine, gnugo, tmp_path):
    path = tmp_path / "game.sgf"
    moves = "fixed_handicap 3\nplay w C4\nplay b C3\nplay w D3\nplay b pass\nplay w B3\nplay b E5\nplay w C2"
    answers(engine, f"boardsize 9\nkomi 0.5\n{moves}\nprintsgf {path}")
    gnugo(f"loadsgf {path}")
    assert board_of(gnugo) == stones(engine)
    assert float(gnugo("get_komi")) == 0.5 and "HA[3]" in path.read_text()
    assert gnugo("captures white") == "1"


def test_we_read_what_gnu_go_writes(engine, gnugo, tmp_path):
    path = tmp_path / "game.sgf"
    for line in ("boardsize 13", "clear_board", "komi 5.5", "fixed_handicap 2", "level 0"):
        gnugo(line)
    for number in range(20):
        gnugo(f"genmove {'wb'[number % 2]}")
    gnugo(f"printsgf {path}")
    assert answers(engine, f"loadsgf {path}") == ["="]
    assert stones(engine) == board_of(gnugo)
    assert engine.game.rules.komi == 5.5 and len(stones(engine)) == 13  # it writes the position, without its moves
