"""The light boards of the vector environment against `Board`, which looks at the whole history for every point."""

from collections import deque

import numpy as np
import pytest

from hayago.rules.board import Board
from hayago.rules.coordinates import BLACK, WHITE
from hayago.rules.kernels.cell_sets import (
    add_cell,
    beside,
    cells_in,
    common,
    count,
    first,
    has_cell,
    load,
    only,
    spread,
    store,
    union,
    without,
)
from hayago.rules.kernels.frame import CELLS, WIDTH
from hayago.rules.kernels.light_boards import (
    area_score,
    begin,
    draw_legal,
    is_allowed,
    mark_legal,
    new_light_boards,
    play,
    with_room,
    write_stones,
)


def assert_alike(light, past, board):
    """The light board holds what the board holds."""
    area = board.pass_point
    stones, legal = np.empty(area, np.int8), np.empty(area + 1, np.int8)
    for colour in (BLACK, WHITE):
        write_stones(light, colour, stones)
        grid = board.grid().ravel()
        np.testing.assert_array_equal(stones, np.where(grid == 0, 0, np.where(grid == colour, 1, 2)))
        mark_legal(light, past, colour, legal)
        np.testing.assert_array_equal(legal, board.legal_points(colour), str(board))
    assert area_score(light) == board.area_score()


def random_game(size, superko, seed, moves, passes=0.02):
    """Play the same on a light board and on a board, and compare every position. `passes` is their share; where there
    is no move, both pass."""
    rng = np.random.default_rng(seed)
    lights, board = new_light_boards(1, size, superko), Board(size, superko=superko)
    for _ in range(moves):
        lights = with_room(lights)
        light, past = lights.boards[0], lights.pasts[0]
        assert_alike(light, past, board)
        legal = np.flatnonzero(board.legal_points()[:-1])
        point = int(rng.choice(legal)) if len(legal) and rng.random() >= passes else board.pass_point
        assert play(light, past, point) == (point == board.pass_point == board.last_move)
        board.play(point)
        yield light, past, board
        if board.is_over:
            return


@pytest.mark.parametrize(
    ("size", "games", "moves"),
    [(1, 1, 3), (2, 20, 30), (3, 20, 60), (4, 10, 120), (5, 4, 250), (9, 1, 400), (19, 1, 150)],
)
@pytest.mark.parametrize("superko", [True, False])
def test_everything_is_as_on_a_board(size, games, moves, superko):
    for seed in range(games):
        for _ in random_game(size, superko, seed, moves):
            pass


def test_what_superko_forbids_was_met():
    """The games above come upon every kind of repetition: by captures, and by moves that capture nothing."""
    by_capture = without_capture = 0
    for seed in range(20):
        for light, past, board in random_game(2, True, seed, 60):
            simple = board.copy()
            simple.superko = False
            for point in np.flatnonzero(simple.legal_points() & ~board.legal_points()).tolist():
                assert not is_allowed(light, past, point)
                after = simple.copy()
                after.play(point)
                if after.captures == simple.captures:
                    without_capture += 1
                else:
                    by_capture += 1
    assert by_capture > 20 and without_capture > 20


def test_any_number_may_be_asked_for():
    light, past = (part[0] for part in new_light_boards(1, 3, True))
    assert [is_allowed(light, past, point) for point in (-1, 0, 8, 9, 10, 10**12)] == [
        False,
        True,
        True,
        True,
        False,
        False,
    ]
    play(light, past, 0)
    assert not is_allowed(light, past, 0)


def test_two_passes_end_a_game():
    light, past = (part[0] for part in new_light_boards(1, 3, True))
    assert [play(light, past, point) for point in (9, 4, 9, 9)] == [False, False, False, True]


def test_a_past_grows_and_a_new_game_forgets_it():
    light, past, _ = deque(random_game(9, True, 0, 300, passes=0), maxlen=1).pop()
    assert len(past) > new_light_boards(1, 9, True).pasts.shape[1] and np.count_nonzero(past) > 256
    begin(light, past)
    assert_alike(light, past, Board(9, superko=True))


def test_draws_are_legal_and_even():
    legal = np.zeros((1000, 10), np.int8)
    legal[:, [2, 3, 9]] = 1
    drawn, streams = np.empty(1000, np.int64), np.arange(1, 1001, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    counts = np.zeros(10, np.int64)
    for _ in range(10):
        draw_legal(streams, legal, drawn)
        counts += np.bincount(drawn, minlength=10)
    assert counts.sum() == counts[[2, 3, 9]].sum() and counts[[2, 3, 9]].min() > 3000


def test_a_draw_ends_on_the_fullest_boards():
    legal = np.zeros((300, 362), np.int8)
    legal[:100, 5] = 1
    legal[100:200, [0, 361]] = 1
    drawn, streams = np.empty(300, np.int64), np.arange(1, 301, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    draw_legal(streams, legal, drawn)
    assert (drawn[:100] == 5).all() and (drawn[200:] == 361).all()
    assert 25 < np.count_nonzero(drawn[100:200] == 0) == 100 - np.count_nonzero(drawn[100:200] == 361) < 75


def test_sets_of_cells_are_sets():
    rng = np.random.default_rng(0)
    board = {row * WIDTH + column for row in range(1, 20) for column in range(19)}

    def packed(cells):
        array = np.zeros(6, np.int64)
        for cell in cells:
            add_cell(array, cell)
        return load(array)

    def unpacked(cells):
        array = np.zeros(6, np.int64)
        store(array, cells)
        return {cell for cell in range(WIDTH, CELLS - WIDTH) if has_cell(array, cell)}

    def near(cells):
        return {cell + step for cell in cells for step in (-WIDTH, -1, 1, WIDTH)} & board

    for _ in range(30):
        one, other = ({cell for cell in board if rng.random() < share} for share in rng.random(2))
        a, b = packed(one), packed(other)
        assert unpacked(a) == one and count(a) == len(one) and list(cells_in(a)) == sorted(one)
        assert unpacked(union(a, b)) == one | other
        assert unpacked(common(a, b)) == one & other
        assert unpacked(without(a, b)) == one - other
        assert unpacked(common(beside(a), packed(board))) == near(one)
        assert not one or first(a) == min(one)
        reached = one & other
        while near(reached) & other - reached:
            reached |= near(reached) & other
        assert unpacked(spread(common(a, b), b)) == reached
    assert unpacked(only(399 - WIDTH)) == {399 - WIDTH}
