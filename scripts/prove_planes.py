"""Compare the encoder with its slow twin on positions of real games.

    python scripts/prove_planes.py [GAMES...] [--positions 3000] [--seed 1]

GAMES are files, folders or archives; by default the games in data/. Ten positions are drawn from each game, a third of
the games are handicap games as far as there are any, and each position is seen under a random symmetry. Prints how
many positions and planes were compared and how many differ; exits 1 on a difference.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from comparison import differences, moves_of, positions_of, twin_at_start  # noqa: E402
from hayago.records.archives import iter_files  # noqa: E402
from hayago.records.games import Games  # noqa: E402
from hayago.records.sgf import GameRecord, scan_sgf  # noqa: E402
from hayago.records.store import records_to_games  # noqa: E402

POSITIONS_PER_GAME = 10
PLANES = 48
SHOWN = 10


class Sample:
    """So many records of a stream, each with the same chance to be among them."""

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


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare the encoder with its slow twin on positions of real games.")
    parser.add_argument("games", nargs="*", default=[str(ROOT / "data" / "demo-games.sgf")])
    parser.add_argument("--positions", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()

    count = -(-arguments.positions // POSITIONS_PER_GAME)
    random, draw = Random(arguments.seed), np.random.default_rng(arguments.seed)
    # Spare games, because some hold illegal moves.
    handicap, even = Sample(count // 2, random), Sample(count * 2, random)
    for record in records_of(arguments.games):
        (handicap if record.setup_black else even).offer(record)
    candidates = handicap.records[: count // 3] + even.records

    compared = handicap_positions = used = illegal = wrong = 0
    started = time.perf_counter()
    for record in candidates:
        if compared >= arguments.positions:
            break
        games = records_to_games([record])
        if not is_legal_throughout(games):
            illegal += 1
            continue
        game, ply = positions_of(games)
        left = min(POSITIONS_PER_GAME, arguments.positions - compared, len(ply))
        chosen = np.sort(draw.choice(len(ply), left, replace=False))
        found = differences(games, game[chosen], ply[chosen], draw.integers(0, 8, left, dtype=np.uint8))
        for difference in found[: max(0, SHOWN - wrong)]:
            print(f"{record.source}: {difference}")
        wrong += len(found)
        compared += left
        handicap_positions += left if record.setup_black else 0
        used += 1
        if used % 20 == 0:
            print(f"\r{compared} positions, {wrong} differences", end="", file=sys.stderr)
    print(file=sys.stderr)

    seconds = time.perf_counter() - started
    print(f"positions  {compared:>8}   from {used} games ({illegal} more left out for an illegal move)")
    print(f"handicap   {handicap_positions:>8}")
    print(f"planes     {compared * PLANES:>8}   in {seconds:.0f} s")
    print(f"different  {wrong:>8}")
    if compared < arguments.positions:
        print(f"the games hold no more than {compared} such positions", file=sys.stderr)
    return 1 if wrong or compared == 0 else 0


if __name__ == "__main__":
    raise SystemExit(main())
