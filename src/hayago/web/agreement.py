"""How far a game's moves and the network agree. An *opinion* is what the network thinks of one move that was played."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from hayago.player.player import Player
from hayago.player.styles import rank_in
from hayago.rules.board import Board
from hayago.rules.coordinates import BLACK, WHITE, vertex_of
from hayago.web import schema
from hayago.web.views import letter

TOGETHER = 16  # rows per batch; a move of another game waits for at most one batch
AROUND = 10  # own moves on either side over which the chart averages


class Opinion(NamedTuple):
    """Rank and probability of the played move (None for a pass), and the likeliest point (None if none is legal)."""

    rank: int | None
    prior: float | None
    best: int | None


def opinions(player: Player, board: Board, plies: Sequence[int], symmetry: int | None) -> dict[int, Opinion]:
    """The opinions on these moves of the board's game, by ply."""
    together = TOGETHER if symmetry is not None else TOGETHER // 8
    found: dict[int, Opinion] = {}
    for first in range(0, len(plies), together):
        some = plies[first : first + together]
        priors = player.priors([board.after(ply) for ply in some], symmetry)
        for ply, prior in zip(some, priors, strict=True):
            point = board.moves[ply][1]
            best = int(prior.argmax()) if prior.any() else None
            if point == board.pass_point:
                found[ply] = Opinion(None, None, best)
            else:
                found[ply] = Opinion(rank_in(prior, point), round(float(prior[point]), 6), best)
    return found


def show_moves(board: Board, seen: Mapping[int, Opinion], plies: Sequence[int]) -> list[schema.ReviewedMove]:
    """The moves with the opinions on them."""
    shown = []
    for ply in plies:
        (colour, point), (rank, prior, best) = board.moves[ply], seen[ply]
        shown.append(
            schema.ReviewedMove(
                ply=ply,
                colour=letter(colour),
                vertex=vertex_of(point, board.size),
                rank=rank,
                prior=prior,
                best=None if best is None else vertex_of(best, board.size),
            )
        )
    return shown


def summarise(
    board: Board, seen: Mapping[int, Opinion]
) -> tuple[dict[schema.Colour, schema.MoveAgreement], dict[schema.Colour, list[schema.ChartPoint]]]:
    """Each player's agreement over the whole game, and during it."""
    players: dict[schema.Colour, schema.MoveAgreement] = {}
    chart: dict[schema.Colour, list[schema.ChartPoint]] = {}
    for colour in (BLACK, WHITE):
        ranks = {ply: rank for ply, (side, _) in enumerate(board.moves) if side == colour and (rank := seen[ply].rank)}
        values = np.array(list(ranks.values()), np.int64)
        first = values == 1
        players[letter(colour)] = schema.MoveAgreement(
            moves=len(values),
            top1=round(float(first.mean()), 4) if len(values) else None,
            top5=round(float((values <= 5).mean()), 4) if len(values) else None,
        )
        chart[letter(colour)] = [
            schema.ChartPoint(ply=ply, share=round(float(first[max(0, n - AROUND) : n + AROUND + 1].mean()), 4))
            for n, ply in enumerate(ranks)
        ]
    return players, chart
