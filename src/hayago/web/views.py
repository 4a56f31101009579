"""What the API shows of a board: pure functions from boards and priors to `hayago.web.schema`."""

import numpy as np
from numpy.typing import NDArray

from hayago.features.ladder_list import ladders
from hayago.features.plain import encode
from hayago.features.planes import plane_name
from hayago.player.endgame import Judgement
from hayago.player.styles import Style, tempered
from hayago.rules.board import Board
from hayago.rules.coordinates import BLACK, WHITE, star_points, vertex_of
from hayago.rules.game_rules import GameRules, score_text
from hayago.web import schema

BEST = 5  # moves listed
_PLACES = 6  # decimals of a probability


def letter(colour: int) -> schema.Colour:
    """The colour as the API writes it."""
    return "B" if colour == BLACK else "W"


def vertices(points: list[int], size: int) -> list[schema.Vertex]:
    """The vertices of the points."""
    return [vertex_of(point, size) for point in points]


def show_position(board: Board) -> schema.Position:
    """The position after all of the board's moves."""
    size, ko, last = board.size, board.ko_point, board.last_move
    grid = board.grid()
    return schema.Position(
        ply=len(board.moves),
        stones=np.where(grid == WHITE, -1, grid).tolist(),
        to_play=letter(board.to_play),
        ko=None if ko is None else vertex_of(ko, size),
        last_move=None if last is None else vertex_of(last, size),
        captures=schema.Captures(B=board.captures[BLACK], W=board.captures[WHITE]),
        hoshi=vertices(star_points(size), size),
    )


def show_policy(
    board: Board, prior: NDArray[np.float32], temperature: float, symmetry: schema.Symmetry
) -> schema.Policy:
    """The prior (N*N,) of the board at a temperature; at 0 the likeliest move has it all."""
    size, legal = board.size, board.legal_points()[:-1]
    if temperature == 0:
        likeliest = legal & (np.arange(len(prior)) == np.where(legal, prior, -1).argmax())
        prior = likeliest.astype(np.float32)
    elif temperature != 1:
        prior = tempered(prior, legal, temperature)
    shares = prior.astype(np.float64)
    some = shares[shares > 0]
    order = np.argsort(-shares, kind="stable")[:BEST].tolist()
    return schema.Policy(
        ply=len(board.moves),
        symmetry=symmetry,
        temperature=temperature,
        priors=shares.round(_PLACES).reshape(size, size).tolist(),
        best=[
            schema.Likely(vertex=vertex_of(point, size), prior=round(float(shares[point]), _PLACES))
            for point in order
            if shares[point] > 0
        ],
        entropy=round(abs(float((some * np.log2(some)).sum())), 3),
    )


def show_planes(board: Board) -> schema.Planes:
    """All 48 planes, even if the network reads fewer."""
    planes = [
        schema.Plane(index=index, name=plane_name(index), rows=["".join(map(str, row)) for row in plane.tolist()])
        for index, plane in enumerate(encode(board))
    ]
    return schema.Planes(ply=len(board.moves), planes=planes)


def show_overlays(board: Board) -> schema.Overlays:
    """Liberties and ladders."""
    size = board.size
    liberties = np.array([board.liberties(point) for point in range(size * size)]).reshape(size, size)
    found = [
        schema.LadderView(kind=kind, move=vertex_of(move, size), vertices=vertices(sorted(chain), size))
        for kind, move, chain in ladders(board)
    ]
    return schema.Overlays(ply=len(board.moves), liberties=liberties.tolist(), ladders=found)


def show_score(judgement: Judgement, size: int) -> schema.Score:
    """What the playouts say."""
    score = judgement.score
    return schema.Score(
        by="playouts",
        winner=None if score == 0 else letter(BLACK if score > 0 else WHITE),
        margin=abs(score),
        text=score_text(score),
        ownership=judgement.ownership.astype(np.float64).round(3).reshape(size, size).tolist(),
        dead=vertices(sorted(judgement.dead), size),
    )


def describe_style(style: Style) -> str:
    """How a level plays."""
    looks = "the likeliest move" if style.temperature == 0 else f"samples at temperature {style.temperature:g}"
    return looks + (", averaged over 8 symmetries" if style.symmetries > 1 else "")


def describe_rules(rules: GameRules) -> str:
    """How the rules count, and what they forbid."""
    bonus = {"0": "", "N": ", a point for each handicap stone", "N-1": ", a point for each handicap stone but one"}
    ko = "simple ko" if rules.ko == "simple" else "no position twice"
    return f"{rules.scoring} scoring, {ko}{bonus[rules.handicap_bonus]}"
