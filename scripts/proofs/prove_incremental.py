"""Compare the encoder of whole games with the plain encoder on positions of real games.

    python scripts/proofs/prove_incremental.py [GAMES...] [--positions 500000] [--seed 1]

GAMES are files, folders or archives; by default the games in data/. The encoder of whole games keeps the words of cells
and the verdicts on ladders from one position to the next. The plain encoder looks at one board at a time. Both encode
every legal 19x19 game, handicap games among them, three times: all of its positions; some, with gaps of a few plies;
few, with gaps of many. Each position is seen under a random symmetry. Prints how many positions were compared and how
many differ in any plane; exits 1 on a difference.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from comparison import plain_rows
from hayago.features.incremental import all_positions, encode_positions
from hayago.records.archives import iter_files
from hayago.records.games import Games, records_to_games
from hayago.records.identity import LEGAL, first_illegal
from hayago.records.sgf import GameRecord, scan_sgf
from hayago.rules.kernels.position import new_log, new_position

ROOT = Path(__file__).resolve().parents[2]
GAMES_AT_ONCE = 100
SHARES = (1.0, 0.3, 0.06)  # of a game's positions: every ply, gaps of some 3 plies, gaps of some 16
SHOWN = 10


def legal_games(paths: list[str]) -> Iterator[GameRecord]:
    """The 19x19 games whose moves are all legal."""
    position, log = new_position(19), new_log()
    for source, data in iter_files(paths):
        for record in scan_sgf(data, source):
            if isinstance(record, GameRecord) and record.size == 19 and len(record.moves) > 0:
                games = records_to_games([record])
                if first_illegal(position, log, 19, games.setup, games.codes) == LEGAL:
                    yield record


def differing(games: Games, share: float, draw: np.random.Generator) -> tuple[int, list[str]]:
    """How many of the games' positions were compared, and each that differs, in words."""
    game, ply = all_positions(games)
    chosen = draw.random(len(game)) < share
    game, ply = game[chosen], ply[chosen]
    asked = games, game, ply, draw.integers(0, 8, len(game), dtype=np.uint8)
    wrong = np.flatnonzero((encode_positions(*asked)[0] != plain_rows(*asked)).any(axis=1))
    return len(game), [f"game {game[k]}, ply {ply[k]}, {share:.0%} of the positions" for k in wrong]


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare the encoder of whole games with the plain encoder.")
    parser.add_argument("games", nargs="*", default=[str(ROOT / "data" / "demo-games.sgf")])
    parser.add_argument("--positions", type=int, default=500_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()

    draw = np.random.default_rng(arguments.seed)
    compared, used, handicap, wrong = dict.fromkeys(SHARES, 0), 0, 0, 0
    started = time.perf_counter()
    records = legal_games(arguments.games)
    while sum(compared.values()) < arguments.positions:
        block = list(islice(records, GAMES_AT_ONCE))
        if not block:
            break
        games = records_to_games(block)
        used += len(block)
        handicap += sum(bool(record.setup_black) for record in block)
        for share in SHARES:
            count, found = differing(games, share, draw)
            for difference in found[: max(0, SHOWN - wrong)]:
                print(f"{block[0].source} and the next {len(block) - 1}: {difference}")
            compared[share] += count
            wrong += len(found)
        print(f"\r{sum(compared.values())} positions, {wrong} differences", end="", file=sys.stderr)
    print(file=sys.stderr)

    print(f"games      {used:>8}   {handicap} with handicap stones")
    for share, count in compared.items():
        print(f"positions  {count:>8}   {share:.0%} of each game")
    total = sum(compared.values())
    print(f"positions  {total:>8}   in {time.perf_counter() - started:.0f} s")
    print(f"different  {wrong:>8}")
    if total < arguments.positions:
        print(f"the games hold no more than {total} such positions", file=sys.stderr)
    return 1 if wrong or not total else 0


if __name__ == "__main__":
    raise SystemExit(main())
