"""Move prediction counted again, with nothing of hayago:

    python scripts/proofs/recount.py GAMES.sgf MODEL.safetensors COUNT

sgfmill reads, the slow twin finds the planes, torch computes. Prints how many of COUNT positions, spread evenly over
all but passes, have the played point first and among five, and the cross-entropy, as `hayago evaluate --limit COUNT`.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from sgfmill import sgf, sgf_grammar
from torch.nn.functional import conv2d, log_softmax

from twin import BLACK, WHITE, TwinBoard


def recount(games: Path, model: Path, count: int) -> tuple[int, int, float]:
    weights = {name: value.float() for name, value in load_file(model).items()}
    trees = map(sgf.Sgf_game.from_coarse_game_tree, sgf_grammar.parse_sgf_collection(games.read_bytes()))
    played = [[node.get_move() for node in tree.get_main_sequence()[1:]] for tree in trees]
    places = [(moves, n) for moves in played for n, (_, at) in enumerate(moves) if at is not None]
    ranks, losses = [], []
    for moves, n in (places[k] for k in np.linspace(0, len(places) - 1, count).astype(int)):
        points = (361 if at is None else (18 - at[0]) * 19 + at[1] for _, at in moves[: n + 1])
        colours = (BLACK if colour == "b" else WHITE for colour, _ in moves[: n + 1])
        *before, (to_play, label) = zip(colours, points, strict=True)
        board = TwinBoard(19)
        for move in before:
            board.play(*move)
        x = torch.from_numpy(board.planes(to_play)).float()[None]
        for layer in range(sum(name.startswith("hidden") for name in weights) // 2):
            kernel, bias = weights[f"hidden.{layer}.weight"], weights[f"hidden.{layer}.bias"]
            x = conv2d(x, kernel, bias, padding=kernel.shape[2] // 2).relu()
        logits = conv2d(x, weights["last.weight"]).flatten() + weights["last.bias"]
        ranks.append(int((logits >= logits[label]).sum()))
        losses.append(-float(log_softmax(logits, 0)[label]))
    return sum(rank == 1 for rank in ranks), sum(rank <= 5 for rank in ranks), sum(losses) / count


if __name__ == "__main__":
    print(*recount(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
