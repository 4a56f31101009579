"""`hayago predict`."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from cyclopts import Parameter, validators
from numpy.typing import NDArray

from hayago.errors import HayagoError
from hayago.network.evaluator import make_evaluator
from hayago.player.player import Player
from hayago.player.styles import rank_in
from hayago.records.games import POINT_MASK, WHITE_BIT
from hayago.records.sgf import GameRecord, read_sgf
from hayago.rules.board import Board
from hayago.rules.coordinates import BLACK, COLOUR_NAMES, WHITE, point_to_vertex

LIKELIEST = 5


def predict(
    game: Path,
    *,
    move: Annotated[int, Parameter(validator=validators.Number(gte=1))],
    model: Path | None = None,
    image: Path | None = None,
    planes: Path | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Show the likeliest moves at one point of a game, and where the played one ranks.

    Args:
        game: An SGF file; of several games in it the first.
        move: The number of the move to predict; the first is 1.
        model: The network; by default the one in the box.
        image: Draw the board with the probabilities as a heat map into this PNG.
        planes: Draw the 48 feature planes of the position into this PNG.
        as_json: Print JSON.
    """
    record = _read(game)
    board, played = position_before(record, move)
    prior = Player(make_evaluator(model)).prior(board, symmetries=1)
    if image is not None:
        from hayago.drawing.plots import save_board_image

        save_board_image(image, board, prior)
    if planes is not None:
        from hayago.drawing.plots import save_planes_image
        from hayago.features.plain import encode

        save_planes_image(planes, board, encode(board))
    result = {"move": move, "to_play": COLOUR_NAMES[board.to_play], **_describe(board, prior, played)}
    sys.stdout.write((json.dumps(result) if as_json else _as_text(result)) + "\n")


def position_before(record: GameRecord, move: int) -> tuple[Board, int | None]:
    """The position in which move number `move` was played, and the point that was; None behind the last move.

    Raises:
        HayagoError: the game is shorter, or a move in it is illegal.
    """
    if move > len(record.moves) + 1:
        raise HayagoError(f"{record.source}: has {len(record.moves)} moves, so none has the number {move}")
    board = Board(record.size)
    board.setup(record.setup_black, record.setup_white, record.to_play)
    codes = record.moves[:move].tolist()
    for code in codes[: move - 1]:
        board.play_tolerant(code & POINT_MASK, WHITE if code & WHITE_BIT else BLACK)
    if move > len(codes):
        return board, None
    board.to_play = WHITE if codes[-1] & WHITE_BIT else BLACK
    return board, codes[-1] & POINT_MASK


def _read(path: Path) -> GameRecord:
    try:
        return read_sgf(path.read_bytes(), str(path))[0]
    except OSError as error:
        raise HayagoError(f"cannot read {path}: {error.strerror}") from error


def _describe(board: Board, prior: NDArray[np.float32], played: int | None) -> dict[str, Any]:
    order = np.argsort(-prior, kind="stable")

    def entry(point: int) -> dict[str, Any]:
        return {"vertex": point_to_vertex(point, board.size), "probability": round(float(prior[point]), 6)}

    likeliest = [entry(point) for point in order[:LIKELIEST].tolist() if prior[point] > 0]
    if played is None:
        return {"likeliest": likeliest, "played": None}
    if played == board.pass_point:  # the network knows no pass
        return {"likeliest": likeliest, "played": {"vertex": "PASS", "probability": None, "rank": None}}
    return {"likeliest": likeliest, "played": {**entry(played), "rank": rank_in(prior, played)}}


def _as_text(result: dict[str, Any]) -> str:
    lines = [f"move {result['move']}, {result['to_play']} to play"]
    for rank, entry in enumerate(result["likeliest"], start=1):
        lines.append(f"{rank}  {entry['vertex']:<4} {entry['probability']:7.2%}")
    played = result["played"]
    if played is None:
        lines.append("no move was played here: the record ends")
    elif played["rank"] is None:
        lines.append("played: a pass, which the network does not predict")
    else:
        lines.append(f"played: {played['vertex']}, rank {played['rank']}, {played['probability']:.2%}")
    return "\n".join(lines)
