"""Check how the games of a match end: python scripts/proofs/judge_match.py MATCH [--player hayago]

MATCH is the folder of a match in which one player is hayago. GNU Go (level 10, Chinese rules) is the measure. The rule,
written down before the first match was played:

    endings    every game ends by two passes or by resignation, in fewer than 400 moves, the opening's among them
    winner     after two passes, hayago's final_score names the winner that GNU Go's names; others are listed
    dead       over all stones that GNU Go calls dead after two passes, hayago's precision and recall are 90 % or more
    resigned   where hayago has resigned, GNU Go's estimate_score of that position has the other side ahead

hayago's final_score is the one it gave in the match; its dead stones are judged here, as `final_status_list` does.
GNU Go takes seconds for each game, so its verdicts are kept in MATCH/verdicts.jsonl.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from hayago.gtp.client import GtpClient
from hayago.player.endgame import EndgameJudge
from hayago.records.sgf import read_sgf
from hayago.rules.coordinates import point_to_vertex
from judge_endings import Ending, ask_gnugo, board_of, ending_of, points_of, rules_of, set_up_gnugo

MOST_MOVES, LEAST = 400, 0.9


def endings_of_match(folder: Path) -> list[tuple[dict[str, Any], Ending]]:
    """The results in the order of the games, each with how it ended."""
    lines = (folder / "results.jsonl").read_text(encoding="utf-8").splitlines()
    results = sorted((json.loads(line) for line in lines), key=lambda result: result["number"])
    pairs = []
    for result in results:
        path = folder / "games" / f"{result['number']:04d}.sgf"
        pairs.append((result, ending_of(read_sgf(path.read_bytes(), str(path))[0], 0.0)))
    return pairs


def estimated(gnugo: str, ending: Ending) -> float:
    """Black's lead by GNU Go's estimate of the last position."""
    with GtpClient([gnugo, "--mode", "gtp", "--level", "10", "--chinese-rules"], 600) as referee:
        set_up_gnugo(referee, ending)
        score = points_of(referee.send("estimate_score").split()[0])
    assert score is not None
    return score


def ask(folder: Path, pairs: list[tuple[dict[str, Any], Ending]], player: str) -> None:
    """Add GNU Go's verdict to each ending that needs one."""
    gnugo = shutil.which("gnugo") or "/usr/games/gnugo"
    kept = folder / "verdicts.jsonl"
    lines = kept.read_text(encoding="utf-8").splitlines() if kept.exists() else []
    known = {verdict["number"]: verdict for verdict in map(json.loads, lines)}
    with kept.open("a", encoding="utf-8") as out:
        for result, ending in pairs:
            verdict = known.get(result["number"])
            if verdict is None:
                verdict = {"number": result["number"]}
                if result["ending"] == "passes":
                    ask_gnugo(gnugo, ending)
                    verdict |= {key: value for key, value in ending.items() if key.startswith("gnugo_")}
                elif result["ending"] == "resignation" and result["winner"] != player:
                    verdict["estimate"] = estimated(gnugo, ending)
                out.write(json.dumps(verdict) + "\n")
                out.flush()
            ending |= verdict


def main() -> int:
    parser = argparse.ArgumentParser(description="Check how the games of a match end.")
    parser.add_argument("match", type=Path)
    parser.add_argument("--player", default="hayago", help="hayago's name in the match")
    arguments = parser.parse_args()
    pairs = endings_of_match(arguments.match)
    ask(arguments.match, pairs, arguments.player)
    judge = EndgameJudge()
    passed = resigned = agreed = hits = ours = theirs = 0
    faults: list[str] = []
    longest = 0
    for result, ending in pairs:
        number, how = result["number"], result["ending"]
        longest = max(longest, result["moves"])
        if how not in ("passes", "resignation") or result["moves"] >= MOST_MOVES:
            faults.append(f"game {number}: {how} after {result['moves']} moves {result['detail']}")
        sign = 1 if result["black"] == arguments.player else -1
        if how == "resignation" and result["winner"] != arguments.player:
            resigned += 1
            lead = sign * ending["estimate"]
            if lead > 0:
                faults.append(f"game {number}: resigned at move {result['moves']} with {lead:+g} to GNU Go")
        if how != "passes":
            continue
        passed += 1
        said = points_of(result["scores"]["black" if sign > 0 else "white"])
        assert said is not None
        if (said > 0) == (ending["gnugo_score"] > 0):
            agreed += 1
        else:
            faults.append(f"game {number}: {said:+g} to hayago, {ending['gnugo_score']:+g} to GNU Go")
        board = board_of(ending)
        dead, gnugo_dead = judge.judge(board, rules_of(ending)).dead, set(ending["gnugo_dead"])
        hits, ours, theirs = hits + len(dead & gnugo_dead), ours + len(dead), theirs + len(gnugo_dead)
        for whom, points in (("hayago", dead - gnugo_dead), ("GNU Go", gnugo_dead - dead)):
            if points:
                vertices = " ".join(point_to_vertex(point, board.size) for point in sorted(points))
                print(f"game {number}: dead to {whom} alone: {vertices}", file=sys.stderr)
    precision, recall = hits / max(ours, 1), hits / max(theirs, 1)
    if min(precision, recall) < LEAST:
        faults.append("too few dead stones are agreed on")
    print(f"{passed} games ended by passes, {resigned} by hayago's resignation; the longest has {longest} moves")
    print(f"winner as GNU Go: {agreed} of {passed}")
    print(f"dead stones: {theirs} to GNU Go, precision {precision:.1%}, recall {recall:.1%}")
    print("\n".join(faults) or "no fault")
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
