"""Compare the encoder of whole games with its slow twin, and with itself from all sides, on real positions.

    python scripts/proofs/prove_planes.py [GAMES...] [--positions 20000] [--processes 1] [--seed 1]

GAMES are files, folders or archives; by default the games in data/. Ten positions are drawn from each game, a third of
the games are handicap games, if there are enough. Each position is compared twice: its planes under a random symmetry,
encoded in turn and alone, with the twin's; and its planes with those of the same game played under each of
the 8 symmetries, with the colours as they were and swapped. Prints for every plane in how many positions it marks
anything and in how many it differs. Prints how many ladders the twin read, and in how many of them some line reached
the limit of hunter moves. Exits 1 on a difference.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np

from comparison import (
    PLANE_NAMES,
    Difference,
    LadderCount,
    broken_laws,
    differences,
    moves_of,
    positions_of,
    twin_at_start,
)
from hayago.features.incremental import encode_positions
from hayago.features.planes import unpack
from hayago.records.archives import iter_files
from hayago.records.games import Games, records_to_games
from hayago.records.sgf import GameRecord, scan_sgf
from twin import HUNTER_MOVES

ROOT = Path(__file__).resolve().parents[2]
POSITIONS_PER_GAME = 10
WAYS = 16  # a position is seen under 8 symmetries, in the colours as they were and swapped
SHOWN = 10


class Sample:
    """A random sample of `count` records of a stream, each as likely as every other."""

    def __init__(self, count: int, random: Random) -> None:
        self.records: list[GameRecord] = []
        self._count, self._random, self._seen = count, random, 0

    def offer(self, record: GameRecord) -> None:
        self._seen += 1
        if len(self.records) < self._count:
            self.records.append(record)
        elif (place := self._random.randrange(self._seen)) < self._count:
            self.records[place] = record


def records_of(paths: list[str]) -> Iterator[GameRecord]:
    """The 19x19 games with at least as many moves as there are positions to draw."""
    for source, data in iter_files(paths):
        for record in scan_sgf(data, source):
            if isinstance(record, GameRecord) and record.size == 19 and len(record.moves) >= POSITIONS_PER_GAME:
                yield record


def is_legal_throughout(games: Games) -> bool:
    """Whether every move of the first of the games is legal: planes are defined for games that follow the rules."""
    board = twin_at_start(games, 0)
    for colour, point in moves_of(games, 0):
        if not board.legal(colour, point):
            return False
        board.play(colour, point)
    return True


class Task(NamedTuple):
    """A game, how many positions to draw from it, and the seed of the draw."""

    record: GameRecord
    positions: int
    seed: tuple[int, int]


class Examined(NamedTuple):
    """What was found in one game; `marked` counts for each plane the positions in which it marks anything."""

    record: GameRecord
    positions: int
    marked: np.ndarray
    ladders: int
    ladders_at_limit: int
    unlike_twin: list[Difference]
    laws_broken: list[Difference]


def examine(task: Task) -> Examined | None:
    """Compare positions of one game; None if it holds an illegal move."""
    games = records_to_games([task.record])
    if not is_legal_throughout(games):
        return None
    draw = np.random.default_rng(task.seed)
    game, ply = positions_of(games)
    chosen = np.sort(draw.choice(len(ply), min(task.positions, len(ply)), replace=False))
    game, ply = game[chosen], ply[chosen]
    rows, _ = encode_positions(games, game, ply, np.zeros(len(game), np.uint8))
    marked = unpack(rows, len(PLANE_NAMES), games.size).any(axis=(2, 3)).sum(axis=0)
    with LadderCount() as ladders:
        unlike_twin = differences(games, game, ply, draw.integers(0, 8, len(game), dtype=np.uint8))
    laws_broken = broken_laws(games, game, ply)
    return Examined(task.record, len(game), marked, ladders.read, ladders.met_limit, unlike_twin, laws_broken)


def examine_all(tasks: list[Task], processes: int) -> Iterator[Examined | None]:
    """`examine` of each task, in their order."""
    if processes == 1:
        yield from map(examine, tasks)
        return
    with get_context("spawn").Pool(processes) as pool:
        yield from pool.imap(examine, tasks, chunksize=4)


def tasks_of(records: Iterable[GameRecord], positions: int, seed: int) -> list[Task]:
    """Games to draw the positions from, a third with handicap; and spare ones, since some hold illegal moves."""
    count, random = -(-positions // POSITIONS_PER_GAME), Random(seed)
    handicap, even = Sample(count * 2, random), Sample(count * 2, random)
    for record in records:
        (handicap if record.setup_black else even).offer(record)
    third = -(-count // 3)
    chosen = handicap.records[:third] + even.records + handicap.records[third:]
    return [Task(record, POSITIONS_PER_GAME, (seed, number)) for number, record in enumerate(chosen)]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Compare the encoder with its slow twin on positions of real games.")
    parser.add_argument("games", nargs="*", default=[str(ROOT / "data" / "demo-games.sgf")])
    parser.add_argument("--positions", type=int, default=20000)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)

    started = time.perf_counter()
    tasks = tasks_of(records_of(options.games), options.positions, options.seed)
    positions = handicap_positions = used = illegal = ladders = at_limit = wrong = 0
    marked = np.zeros(len(PLANE_NAMES), np.int64)
    unlike_twin: Counter[str] = Counter()
    laws_broken: Counter[str] = Counter()
    for examined in examine_all(tasks, options.processes):
        if examined is None:
            illegal += 1
            continue
        found = examined.unlike_twin + examined.laws_broken
        for difference in found[: max(0, SHOWN - wrong)]:
            print(f"{examined.record.source}: {difference}")
        wrong += len(found)
        unlike_twin.update(difference.plane for difference in examined.unlike_twin)
        laws_broken.update(difference.plane for difference in examined.laws_broken)
        positions += examined.positions
        handicap_positions += examined.positions if examined.record.setup_black else 0
        marked += examined.marked
        ladders += examined.ladders
        at_limit += examined.ladders_at_limit
        used += 1
        if used % 20 == 0:
            print(f"\r{positions} positions, {wrong} differences", end="", file=sys.stderr, flush=True)
        if positions >= options.positions:
            break
    print(file=sys.stderr)

    print(f"{'plane':<20} {'marked in':>10} {'unlike twin':>12} {'law broken':>11}")
    for name, count in zip([*PLANE_NAMES, "label"], [*marked, positions], strict=True):
        print(f"{name:<20} {count:>10} {unlike_twin[name]:>12} {laws_broken[name]:>11}")
    seconds = time.perf_counter() - started
    print(f"positions  {positions:>10}   from {used} games ({illegal} more left out for an illegal move)")
    print(f"handicap   {handicap_positions:>10}   of them from handicap games")
    print(f"planes     {positions * len(PLANE_NAMES):>10}   compared with the twin's")
    print(f"laws       {positions * WAYS:>10}   positions under 8 symmetries, colours as they were and swapped")
    limit = f"a line reached the limit of {HUNTER_MOVES} hunter moves"
    print(f"ladders    {ladders:>10}   read by the twin; in {at_limit} of them {limit}")
    print(f"different  {wrong:>10}   in {seconds:.0f} s")
    if positions < options.positions:
        print(f"the games hold no more than {positions} such positions", file=sys.stderr)
    return 1 if wrong or positions == 0 else 0


if __name__ == "__main__":
    raise SystemExit(main())
