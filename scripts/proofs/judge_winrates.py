"""Measure the winrate and the lead of analyses on real games: Brier scores by move number, and contradictions.

    python scripts/proofs/judge_winrates.py GAMES... [--games 200] [--split validation]

GAMES are files, folders or archives. Of their games those of the split that were decided by points or by resignation
are drawn at random. The Brier score is the mean of (winrate - result) squared, where the result is 1 if Black won and 0
if White did; a constant 50 % has 0.25. A last position contradicts its count if the winrate names another winner.
"""

import argparse
import sys
from random import Random

import numpy as np

from hayago.player.endgame import EndgameJudge
from hayago.records.archives import iter_files
from hayago.records.sgf import GameRecord, scan_sgf
from hayago.rules.board import Board
from judge_endings import ending_of, points_of, rules_of, split_of_record

MOVES = (0, 10, 50, 100, 150, 200)
RESIGNED = ("R", "RES", "RESIGN")


def decided(record: GameRecord) -> bool:
    """Whether the game was decided by points or by resignation."""
    result = record.result.strip().upper()
    return result.startswith(("B+", "W+")) and (result[2:] in RESIGNED or points_of(result) is not None)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("games", nargs="+")
    parser.add_argument("--games", dest="number", type=int, default=200)
    parser.add_argument("--split", choices=["train", "validation"], default="validation")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    records = [
        record
        for source, data in iter_files(arguments.games)
        for record in scan_sgf(data, source)
        if isinstance(record, GameRecord)
        and not record.cut
        and len(record.moves) >= max(MOVES[:3])
        and decided(record)
        and record.size == 19
        and record.komi is not None
        and split_of_record(record) == arguments.split
    ]
    Random(arguments.seed).shuffle(records)
    records = records[: arguments.number]
    judge = EndgameJudge()
    errors: dict[str, list[float]] = {str(at): [] for at in (*MOVES, "end")}
    contradictions = 0
    for number, record in enumerate(records):
        won, rules = record.result.strip().upper().startswith("B"), rules_of(ending_of(record, 0.0))
        for name in errors:
            at = len(record.moves) if name == "end" else int(name)
            if at > len(record.moves):
                continue
            judgement = judge.judge(Board.from_record(record, at), rules)
            errors[name].append((judgement.black_winrate - won) ** 2)
            if name == "end" and points_of(record.result) is not None:
                contradictions += (judgement.black_winrate > 0.5) != (judgement.score > 0)
        print(f"\r{number + 1} games", end="", file=sys.stderr)
    print(file=sys.stderr)
    print(f"{len(records)} games of the split {arguments.split}, {judge.playouts} playouts; a constant 50 %: 0.2500")
    print("move  positions  Brier score")
    for name, values in errors.items():
        print(f"{name:>4s}  {len(values):9d}  {np.mean(values):.4f} +- {np.std(values) / len(values) ** 0.5:.4f}")
    counted = sum(points_of(record.result) is not None for record in records)
    print(f"last positions of games that were counted: {counted}; winrates that contradict the count: {contradictions}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
