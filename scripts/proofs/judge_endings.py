"""Compare the judge of endings with GNU Go, and with how the games ended, on final positions of real games.

    python scripts/proofs/judge_endings.py GAMES... [--split validation] [--positions 200] [--endings FILE]

GAMES are files, folders or archives. Of their games those count that end by two passes (--no-passes: any) and whose
result is a number of points; they are drawn at random, from one split or from all games. GNU Go names the dead stones
and the score of each; that takes seconds, so its verdicts are kept in FILE and used again. Then each way of judging is
tried on all of them:

    precision, recall   over the stones that GNU Go calls dead
    winner              how often the winner is GNU Go's
    true winner         how often it is the one in the record, and how often the score is (GNU Go's share beside it)
"""

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from hayago.errors import HayagoError
from hayago.gtp.client import CommandFailed, GtpClient
from hayago.player.endgame import EndgameJudge
from hayago.records.archives import iter_files
from hayago.records.games import POINT_MASK, WHITE_BIT
from hayago.records.identity import game_keys, split_of
from hayago.records.sgf import GameRecord, scan_sgf
from hayago.rules.board import Board
from hayago.rules.coordinates import BLACK, COLOUR_NAMES, WHITE, point_to_vertex, vertex_to_point
from hayago.rules.game_rules import PRESETS, GameRules, rules_of_sgf

ROOT = Path(__file__).resolve().parents[2]
Ending = dict[str, Any]


def split_of_record(record: GameRecord) -> str:
    """The split that `hayago prepare` puts the game into."""
    return split_of(game_keys(record.size, record.setup, record.moves)[0])


def endings_of(paths: list[str], passes: bool, split: str | None) -> Iterator[Ending]:
    """The finished games: what a board needs to come to their end, and how they were counted."""
    for source, data in iter_files(paths):
        for record in scan_sgf(data, source):
            if not isinstance(record, GameRecord) or record.cut or len(record.moves) < 100:
                continue
            score = points_of(record.result)
            finished = [code & POINT_MASK for code in record.moves[-2:].tolist()] == [record.size**2] * 2
            usable = score is not None and record.komi is not None and (finished or not passes)
            if usable and split in (None, split_of_record(record)):
                yield ending_of(record, score)


def ending_of(record: GameRecord, score: float) -> Ending:
    """The end of a game, counted so."""
    return {
        "source": record.source,
        "size": record.size,
        "black": record.setup_black,
        "white": record.setup_white,
        "moves": [(WHITE if code & WHITE_BIT else BLACK, code & POINT_MASK) for code in record.moves.tolist()],
        "komi": record.komi,
        "rules": rules_named(record.rules),
        "result": score,
    }


def rules_named(text: str) -> str:
    """The rules that RU names, Japanese ones where it names none."""
    rules = rules_of_sgf(text) or PRESETS["japanese"]
    return next(name for name, preset in PRESETS.items() if preset == rules)


def points_of(result: str) -> float | None:
    """Black's points less White's, of a result such as "B+3.5" or "0"; None where it was not counted."""
    text = result.strip().upper()
    if text in ("0", "DRAW", "JIGO"):
        return 0.0
    try:
        points = float(text[2:])
    except ValueError:
        return None
    return points if text.startswith("B+") else -points if text.startswith("W+") else None


def board_of(ending: Ending) -> Board:
    board = Board(ending["size"])
    board.setup(ending["black"], ending["white"], to_play=WHITE if ending["black"] else BLACK)
    for colour, point in ending["moves"]:
        board.play_tolerant(point, colour)
    return board


def rules_of(ending: Ending) -> GameRules:
    preset = PRESETS[ending["rules"]]
    return GameRules(preset.scoring, preset.ko, preset.suicide, ending["komi"], preset.handicap_bonus)


def set_up_gnugo(referee: GtpClient, ending: Ending) -> None:
    """Play the game on GNU Go's board."""
    size = ending["size"]
    for command in (f"boardsize {size}", "clear_board", f"komi {ending['komi']}"):
        referee.send(command)
    stones = [(BLACK, point) for point in ending["black"]] + [(WHITE, point) for point in ending["white"]]
    if ending["black"] and not ending["white"]:
        referee.send("set_free_handicap " + " ".join(point_to_vertex(point, size) for _, point in stones))
        stones = []
    for colour, point in stones + ending["moves"]:
        referee.send(f"play {COLOUR_NAMES[colour]} {point_to_vertex(point, size)}")


def ask_gnugo(gnugo: str, ending: Ending) -> None:
    """Add GNU Go's dead stones, seki stones and score to the ending."""
    size = ending["size"]
    counting = "japanese" if ending["rules"] == "japanese" else "chinese"
    with GtpClient([gnugo, "--mode", "gtp", "--level", "10", f"--{counting}-rules"], 600) as referee:
        set_up_gnugo(referee, ending)
        started = time.perf_counter()
        for status in ("dead", "seki"):
            vertices = referee.send(f"final_status_list {status}").split()
            ending[f"gnugo_{status}"] = [vertex_to_point(vertex, size) for vertex in vertices]
        ending["gnugo_score"] = points_of(referee.send("final_score").split()[0])
        ending["gnugo_seconds"] = round(time.perf_counter() - started, 2)


def collect(paths: list[str], positions: int, passes: bool, file: Path, seed: int, split: str | None) -> list[Ending]:
    """The endings with GNU Go's verdicts: those of the file, or new ones that are added to it."""
    known = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    if known and not paths:
        return known[:positions]
    gnugo = shutil.which("gnugo", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/games"]))
    if gnugo is None:
        raise HayagoError("gnugo is not installed")
    candidates = list(endings_of(paths, passes, split))
    Random(seed).shuffle(candidates)
    done = {ending["source"] for ending in known}
    with file.open("a") as out:
        for ending in candidates:
            if len(known) >= positions:
                break
            if ending["source"] in done:
                continue
            try:
                ask_gnugo(gnugo, ending)
            except CommandFailed as error:
                print(f"{ending['source']}: {error}", file=sys.stderr)
                continue
            known.append(ending)
            out.write(json.dumps(ending) + "\n")
            out.flush()
            print(f"\r{len(known)} positions", end="", file=sys.stderr)
    print(file=sys.stderr)
    return known


def compare(name: str, judge: EndgameJudge, endings: list[Ending], playouts: int, verbose: bool) -> None:
    """Print a row of the table."""
    hits = ours = theirs = winner = true_winner = true_score = gnugo_true = gnugo_score = 0
    seconds = 0.0
    for ending in endings:
        board = board_of(ending)
        started = time.thread_time()
        judgement = judge.judge(board, rules_of(ending), playouts=playouts)
        seconds += time.thread_time() - started
        dead = set(ending["gnugo_dead"])
        hits += len(judgement.dead & dead)
        ours += len(judgement.dead)
        theirs += len(dead)
        winner += (judgement.score > 0) == (ending["gnugo_score"] > 0)
        true_winner += (judgement.score > 0) == (ending["result"] > 0)
        true_score += abs(judgement.score - ending["result"]) < 0.1
        gnugo_true += (ending["gnugo_score"] > 0) == (ending["result"] > 0)
        gnugo_score += abs(ending["gnugo_score"] - ending["result"]) < 0.1
        if verbose and (judgement.dead ^ dead or judgement.score != ending["result"]):
            print(
                f"\n{ending['source']} {ending['rules']} result {ending['result']} gnugo {ending['gnugo_score']} "
                f"ours {judgement.score}"
            )
            for title, points in (
                ("dead to us alone", judgement.dead - dead),
                ("to GNU Go alone", dead - judgement.dead),
            ):
                print(title, " ".join(point_to_vertex(point, board.size) for point in sorted(points)))
            print(board)
    n = len(endings)
    print(
        f"{name:24s} {hits / max(ours, 1):9.1%} {hits / max(theirs, 1):7.1%} {winner / n:7.1%}"
        f" {true_winner / n:12.1%} ({gnugo_true / n:.1%}) {true_score / n:11.1%} ({gnugo_score / n:.1%})"
        f" {seconds / n * 1000:8.0f}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare the judge of endings with GNU Go and with the true results.")
    parser.add_argument("games", nargs="*")
    parser.add_argument("--positions", type=int, default=200)
    parser.add_argument("--split", choices=["train", "validation"], help="only games of this split")
    parser.add_argument("--no-passes", action="store_true", help="take games that do not end by two passes too")
    parser.add_argument("--endings", type=Path, default=Path("endings.jsonl"), help="GNU Go's verdicts")
    parser.add_argument("--playouts", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--verbose", action="store_true", help="draw the positions where the last way differs")
    arguments = parser.parse_args()
    endings = collect(
        arguments.games,
        arguments.positions,
        not arguments.no_passes,
        arguments.endings,
        arguments.seed,
        arguments.split,
    )
    print(f"{len(endings)} positions, {sum(len(ending['gnugo_dead']) for ending in endings)} stones dead to GNU Go")
    print(f"{'way of judging':24s} precision  recall  winner  true winner (GNU Go)  true score (GNU Go)  ms CPU")
    ways: dict[str, EndgameJudge] = {
        "random playouts": EndgameJudge(seed=arguments.seed, heuristics=False),
        "playouts with heuristics": EndgameJudge(seed=arguments.seed),
    }
    for name, judge in ways.items():
        compare(name, judge, endings, arguments.playouts, arguments.verbose and name == list(ways)[-1])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
