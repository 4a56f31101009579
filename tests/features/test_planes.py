"""Both encoders against planes drawn by hand, against the slow twin, and against the laws of the planes."""

from random import Random

import numpy as np
import pytest

from comparison import (
    Game,
    as_games,
    broken_laws,
    check_one_hot,
    differences,
    moves_of,
    positions_of,
    random_game,
    seen_under,
)
from diagrams import DIAGRAMS, Diagram, mismatches
from hayago.features.incremental import all_positions, encode_positions
from hayago.features.plain import encode, encode_packed
from hayago.features.planes import FEATURES, PLANE_SETS, SLICE, row_bytes, unpack
from hayago.records.games import Games
from hayago.rules.board import Board
from paths import DEMO_GAMES
from twin import BLACK, TwinBoard


def board_of(game: Game, ply: int, to_play: int) -> Board:
    """A board with the first `ply` moves of a game played on it."""
    board = Board(game.size)
    board.setup(game.black, game.white)
    for colour, point in game.moves[:ply]:
        board.play_tolerant(point, colour)
    board.to_play = to_play
    return board


def game_of(diagram: Diagram) -> Game:
    return Game(diagram.size, diagram.setup("X"), diagram.setup("O"), diagram.played())


def some(seed: int, count: int, size: int, length: int) -> list[Game]:
    """Random games; every other one begins with stones set up."""
    random = Random(seed)
    return [random_game(random, size, length, set_up=k % 2 * size) for k in range(count)]


def random_symmetries(count: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 8, count, dtype=np.uint8)


@pytest.fixture(scope="module")
def positions() -> tuple[Games, np.ndarray, np.ndarray]:
    """Random 9x9 games with all their positions, to check the laws on."""
    games = as_games(some(7, 12, 9, 90))
    return (games, *positions_of(games))


def test_the_table() -> None:
    names = [feature.name for feature in FEATURES]
    assert names == [
        "stone_colour", "ones", "turns_since", "liberties", "capture_size", "self_atari_size", "liberties_after",
        "ladder_capture", "ladder_escape", "sensibleness", "zeros",
    ]  # fmt: skip
    assert [SLICE[name].start for name in names] == [0, 3, 4, 12, 20, 28, 36, 44, 45, 46, 47]
    assert sum(feature.planes for feature in FEATURES) == 48
    assert PLANE_SETS == (4, 12, 20, 48)


@pytest.mark.parametrize("diagram", DIAGRAMS, ids=lambda diagram: diagram.name)
def test_diagram(diagram: Diagram) -> None:
    board = board_of(game_of(diagram), len(diagram.moves), diagram.colour)
    wrong = mismatches(diagram, encode(board))
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("diagram", DIAGRAMS, ids=lambda diagram: diagram.name)
def test_diagram_in_a_replayed_game(diagram: Diagram) -> None:
    """Seen from every side and by either colour. The move to predict only says who is to play, so any point serves."""
    game = game_of(diagram)
    games = as_games([game._replace(moves=[*game.moves, (diagram.colour, 0)])])
    position = np.array([0]), np.array([len(game.moves)])
    rows, _ = encode_positions(games, *position, np.zeros(1, np.uint8))
    planes = unpack(rows, 48, diagram.size)
    wrong = mismatches(diagram, planes[0])
    assert not wrong, "\n".join(wrong)
    check_one_hot(planes)
    broken = broken_laws(games, *position)
    assert not broken, broken[0]


@pytest.mark.parametrize(
    ("size", "count", "length"), [(2, 20, 12), (3, 30, 30), (5, 40, 45), (9, 14, 110), (13, 4, 200)]
)
def test_random_games_equal_the_twin(size: int, count: int, length: int) -> None:
    games = as_games(some(size, count, size, length))
    game, ply = positions_of(games)
    wrong = differences(games, game, ply, random_symmetries(len(game)))
    assert not wrong, wrong[0]


def test_the_smallest_board_equals_the_twin() -> None:
    np.testing.assert_array_equal(encode(Board(1)), TwinBoard(1).planes(BLACK))


def test_random_19x19_games_equal_the_twin() -> None:
    games = as_games(some(19, 5, 19, 330))
    game, ply = (array[::7] for array in positions_of(games))
    wrong = differences(games, game, ply, random_symmetries(len(game)))
    assert not wrong, wrong[0]


def test_real_games_equal_the_twin() -> None:
    from hayago.records.games import records_to_games
    from hayago.records.sgf import read_sgf

    games = records_to_games(read_sgf(DEMO_GAMES.read_bytes())[::24])
    game, ply = positions_of(games)
    chosen = np.sort(np.random.default_rng(2).choice(len(game), 250, replace=False))
    wrong = differences(games, game[chosen], ply[chosen], random_symmetries(len(chosen)))
    wrong += broken_laws(games, game[chosen], ply[chosen])
    assert not wrong, wrong[0]


def test_one_board_equals_the_replayed_game() -> None:
    """Encoding leaves the board as it was: all positions of a game are encoded on one board that plays on."""
    for game in some(3, 6, 9, 80):
        games = as_games([game])
        board = board_of(game, 0, BLACK)
        for ply, (colour, point) in enumerate(game.moves):
            rows, _ = encode_positions(games, np.array([0]), np.array([ply]), np.zeros(1, np.uint8))
            board.to_play = colour
            np.testing.assert_array_equal(encode_packed(board), rows[0])
            board.play_tolerant(point, colour)


def test_all_positions_are_those_of_moves_that_are_not_passes(positions: tuple[Games, np.ndarray, np.ndarray]) -> None:
    games, game, ply = positions
    np.testing.assert_array_equal(all_positions(games), (game, ply))


def test_order_of_the_positions_does_not_matter(positions: tuple[Games, np.ndarray, np.ndarray]) -> None:
    games, game, ply = positions
    symmetry = random_symmetries(len(game))
    rows, labels = encode_positions(games, game, ply, symmetry)
    order = np.random.default_rng(3).permutation(len(game))
    shuffled, shuffled_labels = encode_positions(games, game[order], ply[order], symmetry[order])
    np.testing.assert_array_equal(shuffled, rows[order])
    np.testing.assert_array_equal(shuffled_labels, labels[order])


@pytest.mark.parametrize("symmetry", range(8))
def test_symmetry(positions: tuple[Games, np.ndarray, np.ndarray], symmetry: int) -> None:
    """A game seen under a symmetry gives the planes under that symmetry; one board alone does too."""
    games, game, ply = positions
    plain, _ = encode_positions(games, game, ply, np.zeros(len(game), np.uint8))
    seen, labels = encode_positions(games, game, ply, np.full(len(game), symmetry, np.uint8))
    expected = seen_under(unpack(plain, 48, 9), symmetry)
    np.testing.assert_array_equal(unpack(seen, 48, 9), expected)
    points = seen_under(np.arange(81).reshape(9, 9), symmetry).reshape(-1)
    played = np.array([moves_of(games, g)[p][1] for g, p in zip(game.tolist(), ply.tolist(), strict=True)])
    np.testing.assert_array_equal(points[labels], played)

    record = some(5, 1, 9, 60)[0]
    board = board_of(record, 60, 1)
    np.testing.assert_array_equal(
        unpack(encode_packed(board, symmetry=symmetry)[None], 48, 9)[0], seen_under(encode(board), symmetry)
    )


def test_laws_of_symmetry_and_colour(positions: tuple[Games, np.ndarray, np.ndarray]) -> None:
    wrong = broken_laws(*positions)
    assert not wrong, wrong[0]


def test_one_hot_rows(positions: tuple[Games, np.ndarray, np.ndarray]) -> None:
    games, game, ply = positions
    rows, _ = encode_positions(games, game, ply, np.zeros(len(game), np.uint8))
    check_one_hot(unpack(rows, 48, 9))


def test_legal_and_sensible_are_the_boards_own() -> None:
    for game in some(11, 6, 7, 60):
        for ply, (colour, _) in enumerate(game.moves):
            board = board_of(game, ply, colour)
            planes = encode(board)
            legal = planes[SLICE["capture_size"]].sum(axis=0).reshape(-1)
            np.testing.assert_array_equal(legal, board.legal_points()[:-1])
            np.testing.assert_array_equal(planes[SLICE["sensibleness"]].reshape(-1), board.sensible_points())


def test_sets_are_prefixes_and_packed_equals_unpacked(positions: tuple[Games, np.ndarray, np.ndarray]) -> None:
    games, game, ply = positions
    symmetry = random_symmetries(len(game))
    rows, labels = encode_positions(games, game, ply, symmetry)
    full = unpack(rows, 48, 9)
    assert row_bytes(48, 19) == 2166
    for count in PLANE_SETS:
        part, part_labels = encode_positions(games, game, ply, symmetry, planes=count)
        assert part.dtype == np.uint8
        assert part.shape == (len(game), row_bytes(count, 9))
        np.testing.assert_array_equal(unpack(part, count, 9), full[:, :count])
        np.testing.assert_array_equal(part_labels, labels)
        packed = np.packbits(full[:, :count].reshape(len(game), -1), axis=1, bitorder="little")
        np.testing.assert_array_equal(part, packed)

    board = board_of(some(5, 1, 9, 60)[0], 60, 2)
    for count in PLANE_SETS:
        np.testing.assert_array_equal(encode(board, count), encode(board)[:count])
        np.testing.assert_array_equal(unpack(encode_packed(board, count)[None], count, 9)[0], encode(board, count))


def test_other_numbers_of_planes_are_refused() -> None:
    with pytest.raises(ValueError, match="47"):
        encode(Board(5), 47)
