"""Measure stores of many games: how long they take to open, how fast they give batches, how much memory that needs.

    python scripts/benchmarks/scale.py GAMES... [--games 10000 100000 1000000] [--folder FOLDER]

The games are real ones from GAMES (files, folders, archives), multiplied by rotating and cutting. Each game gives CUTS
images: without its first 0, 1, 2, ... moves, each under a symmetry. So all begin differently, and none counts as a copy
of another. If these are too few, GAMES are read again and cut further. Each store is made in one process and measured
in another; both report their times and peak memory.

The columns:

- `open` is `read_store` of the training games; seconds of wall time, and of CPU time in brackets;
- `first batch` is from there to the first shuffled batch of 128, with the default options of `hayago train`;
- `encoder` is positions per second of CPU time in one thread: the bare encoder, which writes a block's rows in order;
- `batches` is the same for batches of those positions. Encoder and batches take turns, and the best round of each
  counts: other load on the machine disturbs it least.

`all` takes every position of a game; `16` is training's default, 16 positions of each game. These cost more, because
the moves between them are played too. Kernels are compiled beforehand.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count, cycle, islice
from pathlib import Path

import numpy as np

from hayago.features.incremental import encode_positions
from hayago.features.planes import row_bytes
from hayago.records.archives import iter_files
from hayago.records.games import POINT_MASK, WHITE_BIT, Games
from hayago.records.prepare import PrepareReport, write_store
from hayago.records.sgf import BadRecord, GameRecord, scan_sgf
from hayago.records.store import read_store
from hayago.rules.coordinates import BLACK, WHITE
from hayago.rules.symmetry import point_maps
from hayago.training.batches import PART, Batches, Sampler

CUTS = 10
ROUNDS = 15
BATCH_SIZE = 128
SAMPLES = {"all": (64, 0), "16": (1000, 16)}  # games in a block, positions of each game


def variants(paths: list[str], games: int, report: PrepareReport) -> Iterator[GameRecord | BadRecord]:
    """Rotated and cut games without end, until so many have been kept."""
    symmetries = cycle(range(8))
    for least in count(0, CUTS):
        before = report.kept
        for source, data in iter_files(paths):
            for record in scan_sgf(data, source):
                for cut in range(least, least + CUTS) if isinstance(record, GameRecord) else ():
                    if report.kept == games:
                        return
                    yield variant(record, cut, next(symmetries))
        if report.kept == before:
            raise SystemExit(f"these files hold no more than {before} different games, however they are cut")


def variant(record: GameRecord, cut: int, symmetry: int) -> GameRecord:
    """The game without its first moves, seen under a symmetry."""
    points = point_maps(record.size)[symmetry]
    moves = record.moves[cut:]
    return record._replace(
        moves=points[moves & POINT_MASK] | moves & WHITE_BIT,
        setup_black=tuple(int(points[point]) for point in record.setup_black),
        setup_white=tuple(int(points[point]) for point in record.setup_white),
        to_play=WHITE if len(moves) and moves[0] & WHITE_BIT else BLACK,
        source=f"{record.source} from move {cut + 1}",
    )


def make(store: Path, games: int, paths: list[str]) -> dict[str, float]:
    """Write a store of so many games."""
    report = PrepareReport()
    started = time.perf_counter()
    write_store(variants(paths, games, report), store, report=report)
    return {"games": report.kept, "seconds": time.perf_counter() - started, "peak_mb": peak_mb()}


def measure(store: Path) -> dict[str, float]:
    """Open the store as training does, and take batches from it."""
    warm_up()
    opened, games = timed(lambda: read_store(store, "train").games)
    first, (sampler, batches) = timed(lambda: first_batch(games))
    results = {"open_s": opened[0], "open_cpu_s": opened[1], "first_s": first[0], "first_cpu_s": first[1]}
    batches.close()
    for name, (games_per_block, positions_per_game) in SAMPLES.items():
        sampler = Sampler(games, 0, games_per_block, positions_per_game)
        results |= {f"{key}_{name}": value for key, value in rates(sampler).items()}
    return {**results, "moves": len(games.codes), "peak_mb": peak_mb()}


def warm_up() -> None:
    """Compile all kernels, or load them."""
    codes = np.arange(40, dtype=np.uint16)
    games = Games(19, codes, np.array([0, 40]), np.empty(0, np.uint16), np.zeros(2, np.int64))
    next(Batches(Sampler(games, 0, 1, 16), 8).start())


def first_batch(games: Games) -> tuple[Sampler, Iterator]:
    sampler = Sampler(games, 0, *SAMPLES["16"])
    batches = Batches(sampler, BATCH_SIZE).start()
    next(batches)
    return sampler, batches


def rates(sampler: Sampler) -> dict[str, float]:
    """Positions a second of the bare encoder and of the batches, and the share of the first that the second reaches."""
    planned = sampler.blocks(0, 1)
    batches = Batches(sampler, BATCH_SIZE).start()
    bare, served = [], []
    memory = np.empty((0, row_bytes()), np.uint8)
    for _ in range(1 + ROUNDS):
        positions = next(planned)[0]
        steps = len(positions.game) // BATCH_SIZE
        if len(memory) < len(positions.game):
            memory = np.ones((len(positions.game), row_bytes()), np.uint8)
        started = time.thread_time()
        for first in range(0, len(positions.game), PART):
            part = slice(first, min(first + PART, len(positions.game)))
            encode_positions(sampler.games, *positions.take(part)[:3], out=memory[part])
        bare.append(len(positions.game) / (time.thread_time() - started))
        started = time.thread_time()
        taken = sum(len(batch.labels) for batch in islice(batches, steps))
        served.append(taken / (time.thread_time() - started))
    # In the first round a whole block is encoded before the first batch.
    best, best_served = max(bare[1:]), max(served[1:])
    return {"bare": best, "batches": best_served, "share": best_served / best}


def timed(action: Callable):
    clock, cpu = time.perf_counter(), time.process_time()
    result = action()
    return (time.perf_counter() - clock, time.process_time() - cpu), result


def peak_mb() -> float:
    """The most memory this process has held, in MB; 0 on Windows, which does not say so in the same way."""
    try:
        import resource
    except ImportError:
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3 / 1.024)


def child(*arguments: object) -> dict[str, float]:
    """What this script prints when it is run with these arguments."""
    command = [sys.executable, __file__, *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure stores of many games.")
    parser.add_argument("paths", nargs="+", help="game files, folders, archives")
    parser.add_argument("--games", nargs="+", type=int, default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--folder", type=Path, help="where the stores are made, and kept; else a temporary folder")
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.make:
        print(json.dumps(make(arguments.make, arguments.games[0], arguments.paths)))
    elif arguments.measure:
        print(json.dumps(measure(Path(arguments.paths[0]))))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            table(arguments.paths, arguments.games, arguments.folder or Path(temporary))


def table(paths: list[str], sizes: list[int], folder: Path) -> None:
    """Print a row for each size, as soon as it is measured."""
    samples = "".join(f" | encoder {name} | batches {name} | share" for name in SAMPLES)
    header = f"| games | store | open | first batch{samples} | peak memory |"
    print(f"{header}\n|{'---|' * (header.count('|') - 1)}", flush=True)
    for games in sizes:
        store = folder / f"{games}.parquet"
        if not store.exists():
            made = child("--make", store, "--games", games, "--", *paths)
            print(
                f"made {store}: {made['games']:,} games in {made['seconds']:.0f} s, {made['peak_mb']:,.0f} MB at most",
                file=sys.stderr,
                flush=True,
            )
        row = child("--measure", store)
        cells = [
            f"{games:,}",
            f"{store.stat().st_size / 1e6:,.0f} MB",
            f"{row['open_s']:.2f} s ({row['open_cpu_s']:.2f})",
            f"{row['first_s']:.2f} s ({row['first_cpu_s']:.2f})",
        ]
        for name in SAMPLES:
            cells += [f"{row[f'bare_{name}']:,.0f}", f"{row[f'batches_{name}']:,.0f}", f"{row[f'share_{name}']:.1%}"]
        print(f"| {' | '.join(cells)} | {row['peak_mb']:,.0f} MB |", flush=True)


if __name__ == "__main__":
    main()
