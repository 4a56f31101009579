"""How fast `hayago gtp` answers: python scripts/benchmarks/measure_gtp.py [--starts N] [--moves N]

Restarts it for the time to the answer to `name` and to the first move; the first start may compile kernels and does
not count. Then it plays the opening, with one symmetry and with all, and between two moves the same network answers
alone, for the network in the box and one of 192 filters. All are medians of wall time; let nothing else run.

It fails if a move takes less time than its looks alone: then looks have been left out.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from hayago.features.plain import encode_packed
from hayago.network.evaluator import make_evaluator
from hayago.network.model_file import Model, ModelInfo, load_model, save_model
from hayago.rules.board import Board
from hayago.rules.coordinates import vertex_to_point
from hayago.rules.symmetry import SYMMETRIES


class Session:
    """A running `hayago gtp`."""

    def __init__(self, *options: str) -> None:
        self.started = time.perf_counter()
        command = [sys.executable, "-m", "hayago", "gtp", *options]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, command: str) -> str:
        """The reply's text."""
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        text = self._process.stdout.readline().strip()
        self._process.stdout.readline()
        return text.removeprefix("= ")

    def milliseconds(self, command: str) -> float:
        """How long after the start the command is answered."""
        self(command)
        return (time.perf_counter() - self.started) * 1000

    def end(self) -> None:
        """Quit."""
        self("quit")
        self._process.wait()


def start_times(starts: int) -> dict[str, float]:
    """From the start to the answer to `name`, and to the first move."""
    names, moves = [], []
    for _ in range(starts + 1):
        session = Session()
        names.append(session.milliseconds("name"))
        moves.append(session.milliseconds("genmove b"))
        session.end()
    return {"name_ms": median(names[1:]), "first_genmove_ms": median(moves[1:])}


def move_times(model: Model, path: Path, moves: int, symmetries: int) -> dict[str, float]:
    """A move over GTP beside the answers of the network alone that it needs, turn by turn.

    Raises:
        RuntimeError: the move is quicker.
    """
    evaluator = make_evaluator(model)
    session = Session("--model", str(path), "--symmetries", str(symmetries))
    board = Board()
    whole, bare = [], []
    for number in range(moves + 5):
        began = time.perf_counter()
        vertex = session(f"genmove {'bw'[number % 2]}")
        whole.append((time.perf_counter() - began) * 1000)
        board.play(vertex_to_point(vertex, board.size))
        row = encode_packed(board)[np.newaxis]
        looks = [row] if symmetries == 1 else [row, row.repeat(symmetries - 1, axis=0)]  # in a player's batches
        evaluator.logits(row)  # the caches are warm, as those of the engine are between its moves
        began = time.perf_counter()
        for rows in looks:
            evaluator.logits(rows)
        bare.append((time.perf_counter() - began) * 1000)
    session.end()
    move, network = median(whole[5:]), median(bare[5:])
    which = f"{model.info.filters}" if symmetries == 1 else f"{model.info.filters}_{symmetries}_symmetries"
    if move < network:
        raise RuntimeError(f"a move takes {move:.2f} ms, its looks alone {network:.2f} ms: some are left out ({which})")
    return {f"genmove_ms_{which}": move, f"network_ms_{which}": network}


def wide_model() -> Model:
    """A network as wide as the paper's, whose weights are noise."""
    info, random = ModelInfo(), np.random.default_rng(0)
    shapes = info.tensor_shapes().items()
    return Model(info, {name: (random.standard_normal(shape) * 0.01).astype(np.float32) for name, shape in shapes})


def main() -> None:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--moves", type=int, default=60)
    options = parser.parse_args()
    results = start_times(options.starts)
    with TemporaryDirectory() as folder:
        for model in (load_model(), wide_model()):
            path = Path(folder) / f"{model.info.filters}.safetensors"
            save_model(path, model.weights, model.info)
            for symmetries in (1, SYMMETRIES):
                results |= move_times(model, path, options.moves, symmetries)
    print(json.dumps({key: round(value, 2) for key, value in results.items()}))


if __name__ == "__main__":
    main()
