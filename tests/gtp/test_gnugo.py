"""A whole game of the network in the box against GNU Go, each move checked by another GNU Go."""

import sys

import pytest

from hayago.gtp.client import GtpClient
from programs import GNUGO

MOST_MOVES = 722  # two for each point: a game that long ends no more

pytestmark = [pytest.mark.slow, pytest.mark.gnugo]


def gnugo():
    return GtpClient([GNUGO, "--mode", "gtp", "--level", "1", "--chinese-rules"], 60)


def test_a_game_to_its_end_without_an_illegal_move():
    with GtpClient([sys.executable, "-m", "hayago", "gtp"], 60) as hayago, gnugo() as opponent, gnugo() as referee:
        everyone = hayago, opponent, referee
        for client in everyone:
            for command in ("boardsize 19", "clear_board", "komi 7.5"):
                client.send(command)
        passes = moves = 0
        while passes < 2:
            colour, mover = (("black", hayago), ("white", opponent))[moves % 2]
            vertex = mover.send(f"genmove {colour}")
            if vertex.lower() == "resign":
                break
            for client in everyone:
                if client is not mover:
                    client.send(f"play {colour} {vertex}")
            passes = passes + 1 if vertex.lower() == "pass" else 0
            moves += 1
            assert moves <= MOST_MOVES, "the game does not end"
        assert moves > 50
        assert hayago.send("final_score")[:2] in ("B+", "W+")
