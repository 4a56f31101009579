"""Matches between ways of picking moves, to choose the levels.

    python scripts/experiments/tune_levels.py STYLE STYLE... [--games 40] [--seed 1]

A STYLE is TEMPERATURE, TEMPERATURE/TOP_P, or 8 for the likeliest move under all symmetries. Each style plays its
neighbours in the list, and each opening with both colours. The Elo differences add up along the list. All games run
in this process, with 50 playouts to judge an end: far faster than `hayago match`, which measures the chosen levels.
"""

import argparse
from itertools import pairwise

from hayago.match.elo import Cluster, elo, estimate
from hayago.match.openings import default_moves, opening_board, sample_openings
from hayago.network.evaluator import make_evaluator
from hayago.player.endgame import EndgameJudge
from hayago.player.player import Player
from hayago.player.styles import STRONGEST, Style
from hayago.records.sgf import GameRecord
from hayago.rules.coordinates import BLACK
from hayago.rules.game_rules import GameRules

PLAYOUTS, RESIGN, MOST_MOVES = 50, 0.05, 500


def style_of(text: str) -> Style:
    if text == "8":
        return STRONGEST
    temperature, _, top_p = text.partition("/")
    return Style(float(temperature), top_p=float(top_p or 1), symmetries=1)


def play(opening: GameRecord, black: Player, white: Player) -> int:
    """One game: 1 if Black wins, else 0."""
    board = opening_board(opening, superko=True)
    rules = GameRules()
    while not board.is_over and len(board.moves) < MOST_MOVES:
        point = (black if board.to_play == BLACK else white).choose(board, rules=rules).point
        if point is None:
            return int(board.to_play != BLACK)
        board.play(point)
    return int(EndgameJudge().judge(board, rules).score > 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("styles", nargs="+")
    parser.add_argument("--games", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    openings = sample_openings(arguments.games // 2, 19, default_moves(19), arguments.seed)
    evaluator = make_evaluator(threads=1)
    players = {
        text: Player(
            evaluator, style_of(text), judge=EndgameJudge(playouts=PLAYOUTS), resign=RESIGN, seed=arguments.seed
        )
        for text in arguments.styles
    }
    total = 0.0
    print(f"{arguments.styles[0]:>10s} {total:+6.0f}", flush=True)
    for first, second in pairwise(arguments.styles):
        one, other = players[first], players[second]
        clusters = [Cluster(play(each, one, other) + 1 - play(each, other, one), 2) for each in openings]
        found = estimate(clusters)
        assert found is not None
        difference, low, high = map(elo, found)
        total -= difference
        print(f"{second:>10s} {total:+6.0f}   {first} - {second}: {found.score:.1%}, Elo {difference:+.0f} "
              f"({low:+.0f} to {high:+.0f})", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
