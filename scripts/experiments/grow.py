"""Does it pay to begin with a narrow network and to widen it? Measured at equal CPU time, on validation games.

    python scripts/experiments/grow.py games.parquet --out runs/grow.json [--narrow 16] [--wide 32] [--minutes 10]
    [--share 0.3]

Three networks learn for as many CPU minutes by the default recipe: the narrow one; the wide one; and one that is
narrow for a share of the time (at a constant rate after the warm-up) and is then widened so that it still computes the
same, in the spirit of Net2Net (Chen et al. 2016). Prints a table.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from hayago.errors import HayagoError
from hayago.features.incremental import encode_positions
from hayago.files import write_atomically
from hayago.records.store import read_store
from hayago.training.batches import Batch, Batches, Sampler, fixed_positions
from hayago.training.config import TrainingConfig
from hayago.training.trainer import Trainer
from hayago.training.training_network import TrainingNetwork

VALIDATION_BATCH = 256


@torch.no_grad()
def widen(narrow: TrainingNetwork, wide: TrainingNetwork) -> None:
    """Make the wide network compute what the narrow one does, while learning and evaluating.

    The narrow filters are its first ones, and hear nothing of the others; those keep their first weights. So the
    gradient of what the old ones hear of the new is not 0, and they may begin to listen.
    """
    for old, new in zip(narrow.hidden, wide.hidden, strict=True):
        _put(cast(nn.Conv2d, old).weight, cast(nn.Conv2d, new).weight)
    for centre, wide_centre in zip(narrow.pointwise_kernels, wide.pointwise_kernels, strict=True):
        _put(centre, wide_centre)
    for norm, wide_norm in zip(narrow.norms, wide.norms, strict=True):
        for name in ("weight", "bias", "running_mean", "running_var"):
            getattr(wide_norm, name)[: len(getattr(norm, name))] = getattr(norm, name)
    for layer, wide_layer in zip((narrow.last, *narrow.future_moves), (wide.last, *wide.future_moves), strict=True):
        _put(cast(Tensor, layer.weight), cast(Tensor, wide_layer.weight))
        cast(Tensor, wide_layer.bias).copy_(cast(Tensor, layer.bias))


def _put(old: Tensor, new: Tensor) -> None:
    """Old weights (outputs, inputs, ...) into the corner of wider ones."""
    outputs, inputs = old.shape[:2]
    new[:outputs, :inputs] = old
    new[:outputs, inputs:] = 0


class Course:
    """The batches of one store, and how networks learn from them by the CPU's clock."""

    def __init__(self, config: TrainingConfig, minutes: float) -> None:
        store = read_store(config.games, "train")
        sampler = Sampler(store.games, config.seed, config.games_per_block, config.positions_per_game)
        self.batches = Batches(sampler, config.batch_size, config.planes, future_moves=config.future_moves)
        self.config, self.seconds = config, 60 * minutes
        games = read_store(config.games, "validation").games
        positions = fixed_positions(games, config.validation_positions)
        rows, labels = encode_positions(games, *positions, config.planes)
        self.validation = [
            Batch(rows[first : first + VALIDATION_BATCH], labels[first : first + VALIDATION_BATCH].astype(np.int64))
            for first in range(0, len(labels), VALIDATION_BATCH)
        ]

    def trainer(self, filters: int) -> Trainer:
        """A network that has learned nothing."""
        return Trainer(replace(self.config, filters=filters), torch.device("cpu"), self.batches.sampler.games.size)

    def learn(self, trainer: Trainer, first: int, begin: float, end: float, falling: bool = True) -> int:
        """Learn from batch number `first` on, for this part of the time, and give the number of the next batch.

        The learning rate rises over the warm-up of the whole course, then falls, or stays."""
        spent, number = 0.0, first
        batches = self.batches.start(first)
        while (progress := begin + spent / self.seconds) < end:
            begun = time.process_time()
            factor = self.config.learning_rate_factor(progress, 0)
            if not falling and progress > self.config.warmup:
                factor = 1.0
            trainer.learn(next(batches), factor)
            number += 1
            spent += time.process_time() - begun
        return number

    def row(self, name: str, trainer: Trainer, batches: int) -> dict[str, float | str]:
        """What a network has come to."""
        loss, top1 = trainer.validate(self.validation)
        result = {"name": name, "positions": batches * self.config.batch_size, "top1": top1, "loss": loss}
        print(f"| {name} | {result['positions']:,} | {100 * top1:.2f} | {loss:.3f} |", flush=True)
        return result


def main() -> None:
    """Learn in three ways, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("games", type=Path, help="store that `hayago prepare` wrote")
    parser.add_argument("--out", type=Path, required=True, help="file for the figures, JSON")
    parser.add_argument("--narrow", type=int, default=16)
    parser.add_argument("--wide", type=int, default=32)
    parser.add_argument("--layers", type=int, default=13)
    parser.add_argument("--minutes", type=float, default=10.0, help="CPU minutes for each network")
    parser.add_argument("--share", type=float, default=0.3, help="of them for the narrow network, before it is widened")
    parser.add_argument("--measure", type=int, default=16_384, help="positions to measure on")
    words = parser.parse_args()

    torch.set_num_threads(1)
    config = TrainingConfig(
        words.games, words.out, layers=words.layers, validation_positions=words.measure, device="cpu"
    )
    course = Course(config, words.minutes)
    print("| Network | Positions | top-1 % | Cross-entropy |\n|---|---|---|---|")
    rows = []
    for filters in (words.narrow, words.wide):
        trainer = course.trainer(filters)
        rows.append(course.row(f"{filters} filters", trainer, course.learn(trainer, 0, 0.0, 1.0)))
    narrow, wide = course.trainer(words.narrow), course.trainer(words.wide)
    number = course.learn(narrow, 0, 0.0, words.share, falling=False)
    widen(narrow.network, wide.network)
    number = course.learn(wide, number, words.share, 1.0)
    rows.append(course.row(f"{words.narrow} filters, widened to {words.wide}", wide, number))
    write_atomically(words.out, lambda file: file.write(json.dumps(rows).encode()))


if __name__ == "__main__":
    try:
        main()
    except HayagoError as error:
        raise SystemExit(f"grow: {error}") from None
