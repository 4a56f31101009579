"""The sequence of training batches: which positions, in which order, under which symmetry, and encoding them in time.

The sequence is one endless *stream* of positions, cut into batches. An *epoch* takes every game once, in random order,
and is cut into *blocks* of about a thousand games. A block takes some positions of each of its games (no passes), each
under a random symmetry, and shuffles them all; so a batch mixes hundreds of games while a game is replayed only once.
What lies in the stream at a place follows from (seed, epoch, block) alone, never from the number of threads, and
`start` at any batch finds its place without walking there. Nothing is dropped: a batch may take the end of one block
and the beginning of the next, and so across epochs. Where many processes share the batches, each encodes its own part
of every one, and no other position.
"""

from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from hayago.errors import HayagoError
from hayago.features.incremental import encode_positions
from hayago.features.planes import MOST_KNOWN, forget_history, row_bytes
from hayago.records.games import POINT_MASK, Games, count_examples, draw_examples, movers_of
from hayago.rules.symmetry import point_maps

SYMMETRIES = 8
PART = 256  # positions encoded in one go: a few milliseconds
MOMENT_POSITIONS, MOMENT_POSITIONS_OF_A_GAME = 512, 4


class Batch(NamedTuple):
    """B positions: packed rows (B, row_bytes) uint8 and the points that were played, (B,) int64.

    A symmetry (B,) uint8 is one still to be applied to all. Replies (B, R) int64 are the points of the R moves that
    followed; N*N stands for a pass, and for what came after the end.
    """

    rows: NDArray[np.uint8]
    labels: NDArray[np.int64]
    symmetry: NDArray[np.uint8] | None = None
    future_moves: NDArray[np.int64] | None = None

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """One batch of several."""
        if len(parts) == 1:
            return parts[0]
        fields = zip(*parts, strict=True)
        return cls(*(None if field[0] is None else np.concatenate(field) for field in fields))  # type: ignore[arg-type]


class Positions(NamedTuple):
    """K positions to encode: before move number ply[k] of games[game[k]], seen under symmetry[k].

    Of the moves before, the last known[k] are seen as moves, and older stones as if set up (None: all are moves).
    """

    game: NDArray[np.int64]
    ply: NDArray[np.int64]
    symmetry: NDArray[np.uint8]
    known: NDArray[np.int64] | None = None

    def take(self, chosen: slice | NDArray[np.int64]) -> "Positions":
        """Some of them, in the order asked for."""
        known = None if self.known is None else self.known[chosen]
        return Positions(self.game[chosen], self.ply[chosen], self.symmetry[chosen], known)


Plan = tuple[Positions, NDArray[np.int64]]  # positions by game and ply, and the order to deal them in


class Sampler:
    """Says which positions a block takes. Holds the games and how many examples each of them has."""

    def __init__(
        self,
        games: Games,
        seed: int,
        games_per_block: int,
        positions_per_game: int,
        symmetries: bool = True,
        movers: NDArray[np.uint8] | None = None,
        history_dropout: float = 0.0,
    ) -> None:
        """`positions_per_game` 0 takes every position of a game. `movers`, uint8 (G,), says whose moves count in each
        game, as `GameStore.movers` does; None for both colours'. In a share of the positions, `history_dropout`, only
        the last 0 to 6 moves are known.

        Raises:
            HayagoError: the games hold no position to learn from.
        """
        self.games = games
        self.seed = seed
        self.games_per_block = games_per_block
        self.symmetries = symmetries
        self.history_dropout = history_dropout
        self._movers = movers_of(games) if movers is None else movers
        self._examples = count_examples(games, self._movers)
        self._taken = np.minimum(self._examples, positions_per_game) if positions_per_game else self._examples
        self.positions_per_epoch = int(self._taken.sum())
        if not self.positions_per_epoch:
            raise HayagoError("the games hold no move to learn from")

    def _generator(self, *key: int) -> np.random.Generator:
        return np.random.Generator(np.random.Philox(np.random.SeedSequence((self.seed, *key))))

    def _order(self, epoch: int) -> NDArray[np.int64]:
        return self._generator(epoch).permutation(len(self._taken))

    def locate(self, position: int) -> tuple[int, int, int]:
        """Where the stream's position number `position` lies: (epoch, block, row in the block)."""
        epoch, rest = divmod(position, self.positions_per_epoch)
        sizes = np.add.reduceat(self._taken[self._order(epoch)], np.arange(0, len(self._taken), self.games_per_block))
        ends = np.cumsum(sizes)
        block = int(np.searchsorted(ends, rest, side="right"))
        return epoch, block, int(rest - (ends[block] - sizes[block]))

    def blocks(self, epoch: int, block: int) -> Iterator[Plan]:
        """The positions of this block and all later ones, endlessly, in the order the encoder prefers."""
        while True:
            order = self._order(epoch)
            for first in range(block * self.games_per_block, len(order), self.games_per_block):
                chosen = np.sort(order[first : first + self.games_per_block])
                number = first // self.games_per_block
                generator = self._generator(epoch, number)
                positions = self._choose(chosen, generator)
                if self.history_dropout:
                    known = self._known(len(positions.ply), self._generator(epoch, number, 1))
                    positions = positions._replace(known=known)
                yield positions, generator.permutation(len(positions.game))
            epoch, block = epoch + 1, 0

    def _choose(self, chosen: NDArray[np.int64], generator: np.random.Generator) -> Positions:
        examples, taken = self._examples[chosen], self._taken[chosen]
        ply = draw_examples(self.games, self._movers, chosen, examples, taken, generator.random(int(examples.sum())))
        symmetry = generator.integers(SYMMETRIES if self.symmetries else 1, size=len(ply), dtype=np.uint8)
        return Positions(np.repeat(chosen, taken), ply, symmetry)

    def _known(self, count: int, generator: np.random.Generator) -> NDArray[np.int64]:
        is_dropped = generator.random(count) < self.history_dropout
        return np.where(is_dropped, generator.integers(MOST_KNOWN, size=count), MOST_KNOWN)


class Batches:
    """Cuts the stream into batches and encodes them, one block ahead of the one being dealt.

    With threads (1 or more) the next block is encoded while the caller computes; without, a small part of it each
    time that a batch is asked for, so that the caller's own threads have all cores to themselves. Two blocks are held.
    """

    def __init__(
        self,
        sampler: Sampler,
        batch_size: int,
        planes: int = 48,
        threads: int = 0,
        rank: int = 0,
        group: int = 1,
        turn: bool = True,
        future_moves: int = 0,
    ) -> None:
        """Deals part number `rank` of every batch, of `group` equal parts.

        `turn` False leaves the symmetries to do; with each position come as many `future_moves` as asked for.
        """
        self.sampler = sampler
        self.batch_size = batch_size
        self.planes = planes
        self.threads = threads
        self.rank = rank
        self.share = batch_size // group
        self.turn = turn
        self.future_moves = future_moves

    def start(self, batch: int = 0) -> Generator[Batch, None, None]:
        """Batch number `batch` of the stream and all that follow."""
        epoch, block, row = self.sampler.locate(batch * self.batch_size)
        if not self.threads:
            yield from self._deal(epoch, block, row, None)
            return
        pool = ThreadPoolExecutor(self.threads, "encode")
        try:
            yield from self._deal(epoch, block, row, pool)
        finally:
            pool.shutdown(cancel_futures=True)

    def _is_own(self, first: int, end: int) -> NDArray[np.bool_]:
        """Which positions of the stream, counted from the beginning of any batch, this process encodes."""
        own: NDArray[np.bool_] = np.arange(first, end) % self.batch_size // self.share == self.rank
        return own

    def _own(self, blocks: Iterator[Plan], first: int) -> Iterator[Plan]:
        """What this process takes of blocks of which the first begins at `first`, counted in the same way."""
        for positions, order in blocks:
            own = order[self._is_own(first, first + len(order))]
            first += len(order)
            kept = np.sort(own)
            yield positions.take(kept), np.searchsorted(kept, own)

    def _deal(self, epoch: int, block: int, row: int, pool: ThreadPoolExecutor | None) -> Iterator[Batch]:
        blocks = self._own(self.sampler.blocks(epoch, block), -row)  # for at the row a batch begins
        row = int(self._is_own(-row, 0).sum())
        current = _Block(self.sampler.games, *next(blocks), self.planes, pool, self.turn, self.future_moves)
        current.finish()
        following = _Block(self.sampler.games, *next(blocks), self.planes, pool, self.turn, self.future_moves)
        while True:
            pieces, wanted = [], self.share
            while wanted:
                if row == len(current):
                    following.finish()
                    # The memory is used again: to get as much from the system costs as much as to fill it.
                    used, current, row = current.rows, following, 0
                    following = _Block(
                        self.sampler.games, *next(blocks), self.planes, pool, self.turn, self.future_moves, used
                    )
                pieces.append(current.deal(row, wanted))
                row += len(pieces[-1].labels)
                wanted -= len(pieces[-1].labels)
            following.advance(len(following) * row // max(1, len(current)))
            yield Batch.join(pieces)


class _Block:
    """A block on its way from positions to rows, in parts: by the threads of a pool, or by the caller of `advance`."""

    def __init__(
        self,
        games: Games,
        positions: Positions,
        order: NDArray[np.int64],
        planes: int,
        pool: ThreadPoolExecutor | None,
        turn: bool = True,
        future_moves: int = 0,
        memory: NDArray[np.uint8] | None = None,
    ) -> None:
        """`memory` are the rows of a block that is no longer needed."""
        self._games = games
        self._positions = positions
        # Rows are written to where they are dealt from: to gather them afterwards would cost more than to scatter them.
        self._places = np.empty_like(order)
        self._places[order] = np.arange(len(order))
        self._planes = planes
        self._done = 0
        if memory is None or len(memory) < len(order):
            memory = np.empty((len(order), row_bytes(planes, games.size)), np.uint8)
        self.rows = memory
        self._labels = np.empty(len(order), np.int64)
        self._symmetry = None if turn else positions.symmetry[order]
        if not turn:
            self._positions = positions._replace(symmetry=np.zeros_like(positions.symmetry))
        self._future_moves = np.empty((len(order), future_moves), np.int64) if future_moves else None
        self._futures: list[Future[None]] | None = None
        if pool is not None:
            self._futures = [pool.submit(self._encode, first) for first in range(0, len(self), PART)]

    def __len__(self) -> int:
        return len(self._places)

    def advance(self, count: int) -> None:
        """See that at least `count` positions are encoded, unless a pool does so anyway."""
        while self._futures is None and self._done < count:
            self._encode(self._done)
            self._done += PART

    def finish(self) -> None:
        """See that all positions are encoded; wait for the pool, if there is one."""
        self.advance(len(self))
        for future in self._futures or ():
            future.result()

    def deal(self, first: int, count: int) -> Batch:
        """A copy of at most `count` of the rows, in the order in which they are dealt; all must be encoded."""
        dealt = slice(first, min(first + count, len(self)))
        symmetry = None if self._symmetry is None else self._symmetry[dealt]
        future_moves = None if self._future_moves is None else self._future_moves[dealt]
        return Batch(self.rows[dealt].copy(), self._labels[dealt].copy(), symmetry, future_moves)

    def _encode(self, first: int) -> None:
        part = slice(first, first + PART)
        places, positions = self._places[part], self._positions.take(part)
        game, ply, symmetry, known = positions
        _, self._labels[places] = encode_positions(
            self._games, game, ply, symmetry, self._planes, out=self.rows, into=places
        )
        if known is not None:
            rows = self.rows[places]
            forget_history(rows, known, self._planes, self._games.size)
            self.rows[places] = rows
        if self._future_moves is not None:
            self._future_moves[places] = future_moves_of(self._games, positions, self._future_moves.shape[1])


def future_moves_of(games: Games, positions: Positions, count: int) -> NDArray[np.int64]:
    """(K, count): the points of the moves after the one to predict, under the position's symmetry.

    N*N stands for a pass, and for what would come after the end of the game.
    """
    first, end = games.offsets[positions.game] + positions.ply + 1, games.offsets[positions.game + 1]
    places = first[:, None] + np.arange(count)
    points = games.codes[np.minimum(places, len(games.codes) - 1)] & POINT_MASK
    points = np.where(places < end[:, None], points, games.size * games.size)
    return point_maps(games.size)[positions.symmetry[:, None], points].astype(np.int64)


def fixed_positions(games: Games, count: int, seed: int = 0, movers: NDArray[np.uint8] | None = None) -> Positions:
    """At most `count` positions to measure on, no symmetry: always the same ones for the same games."""
    sampler = Sampler(games, seed, len(games.offsets), positions_per_game=0, symmetries=False, movers=movers)
    positions, order = next(sampler.blocks(epoch=0, block=0))
    return positions.take(np.sort(order[:count]))


def moments_batch(games: Games, planes: int, movers: NDArray[np.uint8] | None = None) -> Batch:
    """Some positions, always the same ones for the same games, to take the moments of normalisations from."""
    sampler = Sampler(games, 0, MOMENT_POSITIONS, MOMENT_POSITIONS_OF_A_GAME, symmetries=False, movers=movers)
    positions, order = next(sampler.blocks(epoch=0, block=0))
    positions = positions.take(np.sort(order[:MOMENT_POSITIONS]))
    rows, labels = encode_positions(games, *positions[:3], planes)
    return Batch(rows, labels.astype(np.int64))
