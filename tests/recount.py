"""Move prediction counted once more, independently: sgfmill reads, the slow twin finds the planes, torch computes.

    python tests/recount.py GAMES.sgf MODEL.safetensors POSITIONS

Nothing of hayago is imported. Prints how many of the positions, spread evenly over all moves that are no passes, have
the played point first and among the first five, and the mean cross-entropy; `hayago evaluate --limit POSITIONS` must
agree.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from sgfmill import sgf
from torch.nn.functional import conv2d, log_softmax

from twin import BLACK, WHITE, TwinBoard


def recount(games: Path, model: Path, count: int) -> tuple[int, int, float]:
    weights = {name: value.float() for name, value in load_file(model).items()}
    layers = sum(name.startswith("hidden") and name.endswith("weight") for name in weights)
    texts = [b"(;GM" + text for text in games.read_bytes().split(b"(;GM")[1:]]
    played = [[node.get_move() for node in sgf.Sgf_game.from_bytes(text).get_main_sequence()[1:]] for text in texts]
    places = [(g, n) for g, moves in enumerate(played) for n, (_, point) in enumerate(moves) if point is not None]
    first = five = loss = 0.0
    for g, n in (places[k] for k in np.linspace(0, len(places) - 1, count).astype(int)):
        board = TwinBoard(19)
        colours, points = zip(
            *((BLACK if c == "b" else WHITE, 361 if p is None else (18 - p[0]) * 19 + p[1]) for c, p in played[g]),
            strict=True,
        )
        for colour, point in zip(colours[:n], points[:n], strict=True):
            board.play(colour, point)
        x = torch.from_numpy(board.planes(colours[n])).float()[None]
        for layer in range(layers):
            kernel = weights[f"hidden.{layer}.weight"]
            x = conv2d(x, kernel, weights[f"hidden.{layer}.bias"], padding=kernel.shape[2] // 2).relu()
        logits = conv2d(x, weights["last.weight"]).flatten() + weights["last.bias"]
        better = int((logits >= logits[points[n]]).sum()) - 1
        first, five = first + (better < 1), five + (better < 5)
        loss -= float(log_softmax(logits, 0)[points[n]])
    return int(first), int(five), loss / count


if __name__ == "__main__":
    print(*recount(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))  # noqa: T201
