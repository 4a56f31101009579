"""`hayago.features.ladder_list`, compared with the planes that mark the same moves."""

import numpy as np

from hayago.features.ladder_list import ladders
from hayago.features.plain import encode
from hayago.features.planes import SLICE
from hayago.records.games import POINT_MASK, WHITE_BIT
from hayago.records.sgf import read_sgf
from hayago.rules.board import Board
from hayago.rules.coordinates import BLACK, WHITE, point_to_vertex, vertex_to_point


def found(black, white, to_play, size=9):
    board = Board(size)
    board.setup([vertex_to_point(v, size) for v in black], [vertex_to_point(v, size) for v in white], to_play)
    return [
        (kind, point_to_vertex(move, size), {point_to_vertex(point, size) for point in chain})
        for kind, move, chain in ladders(board)
    ]


def test_a_ladder_names_the_chain_that_it_captures():
    # D4 of White has two liberties, E4 and D3; from E4 it runs into Black's stones.
    black, white = ("C4", "D5", "E3", "C3"), ("D4", "H8")
    assert ("capture", "E4", {"D4"}) in found(black, white, BLACK)
    assert found(black, white, WHITE) == []  # nothing of White's is in atari


def test_an_escape_by_capturing_elsewhere_is_about_the_chain_that_is_saved():
    # Black's C3 has the liberty C2 left; taking D3, itself in atari, saves it.
    black, white = ("C3", "D4", "E3"), ("C4", "B3", "D3", "B2", "C1")
    assert ("escape", "D2", {"C3"}) in found(black, white, BLACK)


def test_its_moves_are_the_points_of_the_planes(demo_games):
    some = 0
    for record in read_sgf(demo_games.read_bytes())[:12]:
        board = Board(record.size)
        for code in record.moves.tolist():
            if len(board.moves) % 7 == 0:
                planes = encode(board)
                for kind in ("capture", "escape"):
                    marked = set(np.flatnonzero(planes[SLICE[f"ladder_{kind}"]]).tolist())
                    chosen = [ladder for ladder in ladders(board) if ladder.kind == kind]
                    assert {ladder.move for ladder in chosen} == marked
                    some += len(marked)
                    for ladder in chosen:
                        point = min(ladder.chain)
                        assert ladder.chain == board.chain(point)
                        assert board.liberties(point) == (2 if kind == "capture" else 1)
                        if kind == "capture":
                            assert ladder.move in board.chain_liberties(point)
            board.play_tolerant(code & POINT_MASK, WHITE if code & WHITE_BIT else BLACK)
    assert some > 20
