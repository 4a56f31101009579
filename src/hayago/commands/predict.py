"""`hayago predict`."""

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter, validators

from hayago.deferred import deferring
from hayago.errors import HayagoError
from hayago.files import refuse_inputs, refuse_same_outputs
from hayago.network.evaluator import make_evaluator
from hayago.player import kernels
from hayago.player.player import Player
from hayago.player.prediction import Prediction, ranked
from hayago.player.styles import rank_in
from hayago.records.sgf import read_first
from hayago.rules.board import Board
from hayago.rules.coordinates import COLOUR_NAMES, point_to_vertex

LIKELIEST = 5
SMALL = 1 << 20  # bytes of SGF; Python reads a megabyte in about two seconds


def predict(
    game: Path,
    *,
    move: Annotated[int, Parameter(validator=validators.Number(gte=1))],
    model: Path | None = None,
    image: Path | None = None,
    planes: Path | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Show the most likely moves at one point of a game, and the rank of the move that was played.

    Args:
        game: An SGF file; if it holds several games, the first one.
        move: The number of the move to predict; the first is 1.
        model: The network; by default the one in the box.
        image: Draw the board with the probabilities as a heat map into this .svg or .png file.
        planes: Draw the 48 feature planes of the position into this .svg or .png file.
        as_json: Print JSON.
    """
    pictures = [path for path in (image, planes) if path is not None]
    if pictures:
        from hayago.drawing.picture_file import check_picture_name

        refuse_same_outputs(pictures)
        for path in pictures:
            check_picture_name(path)
            refuse_inputs(path, [game, model])
    # One position is not worth the compiler, but a large file is.
    is_small = game.is_file() and game.stat().st_size < SMALL
    with deferring() if is_small and not kernels.are_compiled() else nullcontext():
        result = _look(game, move, model, image, planes)
    sys.stdout.write((json.dumps(result) if as_json else _as_text(result)) + "\n")


def _look(game: Path, move: int, model: Path | None, image: Path | None, planes: Path | None) -> dict[str, Any]:
    """What to print, once the pictures are drawn."""
    record = read_first(game)
    plays = list(record.plays())
    if move > len(plays) + 1:
        raise HayagoError(f"{record.source}: has {len(plays)} moves, so none has the number {move}")
    board = Board.from_record(record, move - 1)
    played = plays[move - 1][1] if move <= len(plays) else None
    prior = Player(make_evaluator(model)).prior(board, symmetries=1)
    if image is not None:
        from hayago.drawing.picture_file import save_picture
        from hayago.drawing.svg import board_svg

        save_picture(image, board_svg(board, prior=prior))
    if planes is not None:
        from hayago.drawing.picture_file import save_picture
        from hayago.drawing.planes_picture import planes_svg
        from hayago.features.plain import encode

        save_picture(planes, planes_svg(board, encode(board)))
    result: dict[str, Any] = {
        "move": move,
        "to_play": COLOUR_NAMES[board.to_play],
        "likeliest": [_entry(prediction) for prediction in ranked(board, prior)[:LIKELIEST]],
        "played": None,
    }
    if played == board.pass_point:  # the network does not know the pass
        result["played"] = {"vertex": "PASS", "probability": None, "rank": None}
    elif played is not None:
        move_played = Prediction(point_to_vertex(played, board.size), float(prior[played]), played)
        result["played"] = {**_entry(move_played), "rank": rank_in(prior, played)}
    return result


def _entry(prediction: Prediction) -> dict[str, Any]:
    return {"vertex": prediction.vertex, "probability": round(prediction.probability, 6)}


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
