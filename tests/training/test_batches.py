"""The sequence of positions: a pure function of (seed, epoch, index), whoever encodes and wherever one starts."""

from collections import Counter
from itertools import combinations, islice

import numpy as np
import pytest

from hayago.errors import HayagoError
from hayago.features.incremental import encode_positions
from hayago.records.games import POINT_MASK, Games
from hayago.rules.symmetry import point_maps
from hayago.training.batches import Batch, Batches, Positions, Sampler, fixed_positions, future_moves_of
from learning import demo_games


def games(first: int, count: int) -> Games:
    """Some of the demonstration games."""
    whole = demo_games()
    offsets = whole.offsets[first : first + count + 1]
    return Games(
        whole.size,
        whole.codes[offsets[0] : offsets[-1]],
        offsets - offsets[0],
        np.empty(0, np.uint16),
        np.zeros(count + 1, np.int64),
    )


def take(count: int, start: int = 0, threads: int = 0, **options: int) -> list[Batch]:
    """Batches of 12 games in blocks of 5, 6 positions of each."""
    settings = {"seed": 3, "games_per_block": 5, "positions_per_game": 6, **options}
    batches = Batches(Sampler(games(0, 12), **settings), batch_size=16, threads=threads)  # type: ignore[arg-type]
    return list(islice(batches.start(start), count))


def same(left: list[Batch], right: list[Batch]) -> bool:
    return len(left) == len(right) and all(
        np.array_equal(a.rows, b.rows) and np.array_equal(a.labels, b.labels) for a, b in zip(left, right, strict=True)
    )


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_change_nothing(threads: int) -> None:
    assert same(take(12, threads=threads), take(12))


@pytest.mark.parametrize("start", [1, 2, 4, 5, 9, 11])
def test_starting_anywhere_finds_its_place(start: int) -> None:
    assert same(take(12 - start, start), take(12)[start:])


def test_another_seed_is_another_sequence() -> None:
    assert not same(take(2), take(2, seed=4))


def test_an_epoch_takes_each_game_alike_and_no_position_twice() -> None:
    sampler = Sampler(games(0, 12), seed=0, games_per_block=5, positions_per_game=6)
    assert sampler.positions_per_epoch == 72
    blocks = [positions for positions, _ in islice(sampler.blocks(0, 0), 6)]
    for epoch in (blocks[:3], blocks[3:]):
        assert [len(set(block.game)) for block in epoch] == [5, 5, 2]
        seen = {pair for block in epoch for pair in zip(block.game.tolist(), block.ply.tolist(), strict=True)}
        assert len(seen) == 72
        assert sorted(game for game, _ in seen) == sorted(list(range(12)) * 6)
    assert not np.array_equal(blocks[0].game, blocks[3].game)


def test_a_block_is_sorted_for_the_encoder_and_dealt_as_a_permutation() -> None:
    sampler = Sampler(demo_games(), seed=0, games_per_block=50, positions_per_game=10)
    positions, order = next(sampler.blocks(0, 0))
    assert (np.diff(positions.game * 1000 + positions.ply) > 0).all()
    assert sorted(order.tolist()) == list(range(len(positions.game)))
    assert set(positions.symmetry.tolist()) == set(range(8))


def test_all_positions_can_be_taken_and_passes_never_are() -> None:
    codes = np.array([0, 0x8000 | 361, 5, 0x8000 | 6, 361], np.uint16)
    one = Games(19, codes, np.array([0, 5]), np.empty(0, np.uint16), np.array([0, 0]))
    positions, _ = next(Sampler(one, 0, 10, positions_per_game=0, symmetries=False).blocks(0, 0))
    assert positions.ply.tolist() == [0, 2, 3]
    assert positions.symmetry.tolist() == [0, 0, 0]


def test_batches_hold_what_the_blocks_plan() -> None:
    sampler = Sampler(games(0, 12), seed=3, games_per_block=5, positions_per_game=6)
    planned = [positions.take(order)[:3] for positions, order in islice(sampler.blocks(0, 0), 6)]
    dealt = take(9)  # two epochs, and so the memory of blocks is used again
    rows, labels = encode_positions(games(0, 12), *map(np.concatenate, zip(*planned, strict=True)))
    np.testing.assert_array_equal(np.concatenate([batch.rows for batch in dealt]), rows)
    np.testing.assert_array_equal(np.concatenate([batch.labels for batch in dealt]), labels)


def test_replies_are_the_moves_that_follow() -> None:
    """Replayed game by game; behind the last move, and for a pass, stands N*N."""
    chosen = games(0, 12)
    positions, _ = next(Sampler(chosen, 1, games_per_block=12, positions_per_game=0).blocks(0, 0))
    future_moves = future_moves_of(chosen, positions, 3)
    beyond = 0
    for k in range(len(positions.game)):
        game, ply, symmetry = (int(values[k]) for values in positions[:3])
        moves = (chosen.codes[chosen.offsets[game] : chosen.offsets[game + 1]] & POINT_MASK).tolist()
        following = [*moves[ply + 1 : ply + 4], 361, 361, 361][:3]
        beyond += following.count(361)
        assert future_moves[k].tolist() == [int(point_maps(19)[symmetry, point]) for point in following]
    assert beyond >= 12 * (1 + 2 + 3)  # of the last three moves of each game


def test_replies_come_with_their_positions() -> None:
    sampler = Sampler(games(0, 12), 3, games_per_block=5, positions_per_game=6)
    one = islice(Batches(sampler, 16, threads=2, future_moves=2).start(1), 4)
    whole = Batch.join(list(one))
    planned = [
        future_moves_of(games(0, 12), positions, 2)[order] for positions, order in islice(sampler.blocks(0, 0), 6)
    ]
    assert whole.future_moves is not None
    assert np.array_equal(whole.future_moves, np.concatenate(planned)[16:80])


def test_every_example_of_a_game_is_as_likely() -> None:
    codes = np.array([0, 0x8000 | 361, 5, 0x8000 | 6, 361, 0x8000 | 9, 10], np.uint16)
    some = Games(19, np.tile(codes, 3), np.arange(4) * 7, np.empty(0, np.uint16), np.zeros(4, np.int64))
    sampler = Sampler(some, seed=1, games_per_block=3, positions_per_game=2)
    pairs = Counter[tuple[int, ...]]()
    for positions, _ in islice(sampler.blocks(0, 0), 2000):
        assert positions.game.tolist() == [0, 0, 1, 1, 2, 2]
        pairs.update(map(tuple, positions.ply.reshape(3, 2).tolist()))
    assert sorted(pairs) == list(combinations([0, 2, 3, 5, 6], 2))  # neither 1 nor 4, the passes
    assert max(abs(count - 600) for count in pairs.values()) < 4 * 600**0.5


def test_a_batch_mixes_many_games() -> None:
    sampler = Sampler(demo_games(), seed=0, games_per_block=500, positions_per_game=16)
    positions, order = next(sampler.blocks(0, 0))
    first = positions.take(order[:256])
    assert len(set(first.game.tolist())) > 180


def test_games_without_moves_are_refused() -> None:
    empty = Games(19, np.array([361], np.uint16), np.array([0, 1]), np.empty(0, np.uint16), np.array([0, 0]))
    with pytest.raises(HayagoError, match="no move to learn from"):
        Sampler(empty, 0, 10, 10)


def test_fixed_positions_are_always_the_same() -> None:
    first, again = fixed_positions(demo_games(), 100), fixed_positions(demo_games(), 100)
    assert isinstance(first, Positions)
    assert len(first.game) == 100
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not first.symmetry.any()
    assert len(fixed_positions(games(0, 1), 10**6).game) == int((games(0, 1).codes & 0x1FF != 361).sum())
