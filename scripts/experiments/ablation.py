"""The paper's table of networks (Extended Data Table 3) at any scale: filters x planes x symmetries, and two baselines.

    python scripts/experiments/ablation.py games.parquet --out runs/ablation [--filters 16 32] [--positions 200000] ...

Every network trains by the default recipe on the same number of positions of training games. All are measured on the
same positions of validation games, never of test games. A finished network is not trained again, and an interrupted
run continues. The two baselines see only the raw board: +1 for a stone of the player to move, -1 for the other's, 0 for
an empty point. They are a fully connected network (361, 1024, 1024, 361), and the convolutional network with the board
as its only plane.
"""

import argparse
import json
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from hayago.errors import HayagoError
from hayago.evaluation import outcomes
from hayago.evaluation.examples import Examples, choose_examples, facts_of
from hayago.evaluation.outcomes import SYMMETRY_SETS
from hayago.features.incremental import encode_positions
from hayago.features.planes import PLANE_SETS
from hayago.files import write_atomically
from hayago.network.evaluator import make_evaluator
from hayago.network.model_file import load_model
from hayago.network.policy import unpack
from hayago.records.selection import Selection
from hayago.records.store import GameStore, read_store
from hayago.training.batches import Batches, Sampler
from hayago.training.config import TrainingConfig
from hayago.training.loop import share_threads, train
from hayago.training.trainer import make_optimizers
from hayago.training.training_network import TrainingNetwork

SYMMETRIES = (1, 2, 4, 8)
RAW_PLANES = 4  # the set of planes whose first two are the stones of either side
WIDTH = 1024  # of the fully connected network
ADAMW = 0.001  # its learning rate

# (filters, symmetries, planes): test accuracy in per cent. Silver et al., Nature 529 (2016), Extended Data Table 3.
PAPER = {
    (128, 1, 48): 54.6,
    (192, 1, 48): 55.4,
    (256, 1, 48): 55.9,
    (256, 2, 48): 56.5,
    (256, 4, 48): 56.9,
    (256, 8, 48): 57.0,
    (192, 1, 4): 47.6,
    (192, 1, 12): 54.7,
    (192, 1, 20): 54.7,
    (192, 8, 4): 49.2,
    (192, 8, 12): 55.7,
    (192, 8, 20): 55.8,
}


class FullyConnected(nn.Sequential):
    """The textbook network: the board as a row of numbers, two hidden layers."""

    def __init__(self, points: int) -> None:
        super().__init__(
            nn.Flatten(), nn.Linear(points, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU(),
            nn.Linear(WIDTH, points),
        )  # fmt: skip


def raw_board(rows: np.ndarray, size: int) -> Tensor:
    """(B, 1, N, N): +1, -1, 0, of packed rows of RAW_PLANES planes."""
    planes = unpack(torch.from_numpy(rows), RAW_PLANES, size)
    return (planes[:, :1] - planes[:, 1:2]).contiguous(memory_format=torch.channels_last)


def learn_raw(
    network: nn.Module, optimizers: list[torch.optim.Optimizer], config: TrainingConfig, store: GameStore
) -> None:
    """The loop of the default recipe on the raw board, with the next move as the only target."""
    sampler = Sampler(store.games, config.seed, config.games_per_block, config.positions_per_game, config.symmetries)
    batches = Batches(sampler, config.batch_size, RAW_PLANES).start()
    network.train()
    for step, batch in zip(range(config.steps), batches, strict=False):
        loss = cross_entropy(network(raw_board(batch.rows, store.games.size)), torch.from_numpy(batch.labels))
        loss.backward()
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group.setdefault("peak", group["lr"]) * config.learning_rate_factor(
                    step / config.steps, step
                )
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        if step % 100 == 0:
            print(f"  step {step} of {config.steps}, loss {loss.item():.3f}", file=sys.stderr)


@torch.no_grad()
def accuracy_raw(network: nn.Module, examples: Examples) -> float:
    """Top-1 of a baseline."""
    network.eval()
    right = 0
    for first in range(0, len(examples), outcomes.ROWS):
        part = slice(first, first + outcomes.ROWS)
        none = np.zeros(len(examples.game[part]), np.uint8)
        rows, labels = encode_positions(examples.games, examples.game[part], examples.ply[part], none, RAW_PLANES)
        logits = network(raw_board(rows, examples.games.size))
        right += int((logits.argmax(1).numpy() == labels).sum())
    return right / len(examples)


def network_of(config: TrainingConfig) -> Path:
    """The model file of a run, which is started, resumed or already finished."""
    model = config.out / "model.safetensors"
    if not model.exists():
        train(replace(config, resume=(config.out / "last.safetensors").exists()))
    elif load_model(model).info.history[-1]["config"] != config.fixed():
        raise HayagoError(f"{config.out} holds a run with other options: take another folder")
    return model


def baseline(name: str, config: TrainingConfig, store: GameStore, examples: Examples) -> float:
    """Top-1 of a baseline, which is trained unless its result is in a file already."""
    result = config.out / "top1.json"
    if not result.exists():
        torch.manual_seed(config.seed)
        size = store.games.size
        optimizers: list[torch.optim.Optimizer]
        if name == "fully connected":
            network: nn.Module = FullyConnected(size * size)
            optimizers = [torch.optim.AdamW(network.parameters(), ADAMW)]
        else:
            network = TrainingNetwork(
                config.filters,
                1,
                config.layers,
                size,
                config.normalised,
                config.identity_init,
                config.pointwise_kernels,
            )
            network.use_cpu_convolutions(torch.get_num_threads())
            optimizers = make_optimizers(network, config)
        with network.alone() if isinstance(network, TrainingNetwork) else nullcontext():
            learn_raw(network, optimizers, config, store)
        top1 = accuracy_raw(network, examples)
        config.out.mkdir(parents=True, exist_ok=True)
        write_atomically(result, lambda file: file.write(json.dumps(top1).encode()))
    return float(json.loads(result.read_text()))


def accuracies(models: dict[str, Path], examples: Examples) -> dict[str, dict[int, float]]:
    """Top-1 of networks for each number of SYMMETRIES; the largest set contains the others."""
    evaluators = {name: make_evaluator(load_model(path)) for name, path in models.items()}
    right = {name: dict.fromkeys(SYMMETRIES, 0) for name in models}
    most = max(SYMMETRIES)
    places = {count: np.isin(SYMMETRY_SETS[most], SYMMETRY_SETS[count]) for count in SYMMETRIES}
    for part in outcomes.answers(evaluators, examples, most):
        for name, logits in part.logits.items():
            seen = logits.reshape(len(part.labels), most, -1)
            for count in SYMMETRIES:
                chosen = seen[:, places[count]].reshape(-1, seen.shape[2])
                right[name][count] += int((outcomes.averaged(chosen, count).argmax(1) == part.labels).sum())
    return {name: {count: right[name][count] / len(examples) for count in SYMMETRIES} for name in models}


def main() -> None:
    """Train, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("games", type=Path, help="store that `hayago prepare` wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--filters", type=int, nargs="+", default=[16, 32])
    parser.add_argument("--planes", type=int, nargs="+", default=list(PLANE_SETS), choices=list(PLANE_SETS))
    parser.add_argument("--positions", type=int, default=200_000)
    parser.add_argument("--layers", type=int, default=13)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--measure", type=int, default=16_384, help="positions to measure on")
    words = parser.parse_args()

    common = TrainingConfig(
        words.games, words.out, layers=words.layers, positions=words.positions, validations=4, threads=words.threads,
        device="cpu",
    )  # fmt: skip
    validation = read_store(words.games, "validation")
    examples = choose_examples(validation.games, facts_of(validation.table), Selection(), words.measure)
    rows: list[tuple[str, str, dict[int, float]]] = []
    models = {}
    for filters in words.filters:
        for planes in words.planes:
            name = f"{filters}-{planes}"
            models[name] = network_of(replace(common, out=words.out / name, filters=filters, planes=planes))
    by_symmetries = accuracies(models, examples)
    store = read_store(words.games, "train")
    share_threads(common, torch.device("cpu"))
    config = replace(common, out=words.out / "fully-connected")
    rows.append(("fully connected", "raw board", {1: baseline("fully connected", config, store, examples)}))
    for filters in words.filters:
        config = replace(common, out=words.out / f"{filters}-raw", filters=filters)
        rows.append((str(filters), "raw board", {1: baseline("convolutional", config, store, examples)}))
    for name in models:
        filters, planes = name.split("-")
        rows.append((filters, planes, by_symmetries[name]))

    print(f"{words.positions:,} positions each, top-1 in per cent on {len(examples):,} validation positions\n")
    print("| Filters | Planes | " + " | ".join(f"{count} sym." for count in SYMMETRIES) + " |")
    print("|---|---|" + "---|" * len(SYMMETRIES))
    for filters, planes, top1 in rows:
        cells = [f"{100 * top1[count]:.1f}" if count in top1 else "" for count in SYMMETRIES]
        print(f"| {filters} | {planes} | " + " | ".join(cells) + " |")
    print("\nThe paper, on its own test games:\n")
    print("| Filters | Planes | Symmetries | Top-1 |\n|---|---|---|---|")
    for (width, count, number), per_cent in PAPER.items():
        print(f"| {width} | {number} | {count} | {per_cent} |")


if __name__ == "__main__":
    try:
        main()
    except HayagoError as error:
        raise SystemExit(f"ablation: {error}") from None
