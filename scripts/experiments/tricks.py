"""What was tried in training and given up: each trick is a block in which `hayago train` does it.

They are here so that `scripts/experiments/recipes.py` can make every row of docs/experiments.md again.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, cast
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from hayago.rules.symmetry import SYMMETRIES
from hayago.training import loop, trainer
from hayago.training.batches import Batch, Plan, Sampler
from hayago.training.config import TrainingConfig
from hayago.training.device_batches import DeviceBatch
from hayago.training.muon import Muon, orthogonalise
from hayago.training.trainer import Trainer
from hayago.training.training_network import TrainingNetwork


class TapMuon(Muon):
    """Muon that orthogonalises each tap of a 3x3 kernel by itself; together they are as long as the whole was."""

    def orthogonalised(self, directions: Tensor, parameters: list[Tensor]) -> Tensor:
        """See `Muon`."""
        if parameters[0].shape[2:] != (3, 3):
            return super().orthogonalised(directions, parameters)
        taps = directions.view(len(parameters), *parameters[0].shape[:2], 9).permute(0, 3, 1, 2)
        return orthogonalise(taps).permute(0, 2, 3, 1).flatten(2) / 3


class EvenMuon(Muon):
    """Muon whose filters all move as far, by a running mean of how far each has moved (Li et al. 2025, NorMuon)."""

    def orthogonalised(self, directions: Tensor, parameters: list[Tensor]) -> Tensor:
        """See `Muon`."""
        steps = super().orthogonalised(directions, parameters)
        even = []
        for parameter, step in zip(parameters, steps, strict=True):
            state = self.state[parameter]
            state.setdefault("squares", torch.zeros(len(step), 1)).lerp_(step.square().mean(1, keepdim=True), 0.05)
            state.setdefault("weight", torch.zeros(1)).lerp_(torch.ones(1), 0.05)  # of the mean: it began with nothing
            scaled = step / ((state["squares"] / state["weight"]).sqrt() + 1e-8)
            even.append(scaled * (step.norm() / scaled.norm()))
        return torch.stack(even)


class LineNetwork(TrainingNetwork):
    """Beside the kernels of the centre it has some of its row and of its column (Ding et al. 2019, ACNet)."""

    def __init__(self, *shape: Any) -> None:
        super().__init__(*shape)
        for convolution in list(self.hidden)[1:]:
            outputs, inputs = cast(nn.Conv2d, convolution).weight.shape[:2]
            convolution.row = nn.Conv2d(inputs, outputs, (1, 3)).weight
            convolution.column = nn.Conv2d(inputs, outputs, (3, 1)).weight

    def kernels(self) -> list[Tensor]:
        """See `TrainingNetwork`."""
        kernels, pad = super().kernels(), nn.functional.pad
        for number, convolution in list(enumerate(self.hidden))[1:]:
            row, column = cast(Tensor, convolution.row), cast(Tensor, convolution.column)
            kernels[number] = kernels[number] + pad(row, (0, 0, 1, 1)) + pad(column, (1, 1, 0, 0))
        return kernels


class AveragedTrainer(Trainer):
    """The network that is validated and saved is a running average of the one that learns."""

    def __init__(self, config: TrainingConfig, *rest: Any) -> None:
        super().__init__(config, *rest)
        shape = self.network.architecture
        self.average = TrainingNetwork(
            shape.filters, shape.planes, shape.layers, shape.board_size, config.normalised, config.identity_init,
            config.pointwise_kernels, config.future_moves,
        )  # fmt: skip
        self.average.load_state_dict(self.network.state_dict())
        self.network.fold = self.average.fold  # type: ignore[method-assign]

    def learn(self, batch: Batch | DeviceBatch, factor: float) -> None:
        """See `Trainer`."""
        super().learn(batch, factor)
        share = 1 - min(0.99, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for mean, value in zip(self.average.state_dict().values(), self.network.state_dict().values(), strict=True):
                if mean.is_floating_point():
                    mean.lerp_(value, share)

    def validate(self, batches: list[Batch]) -> tuple[float, float]:
        """See `Trainer`."""
        learning, self.network = self.network, self.average
        try:
            return super().validate(batches)
        finally:
            self.network = learning


class SamplerByBatch(Sampler):
    """All positions of a batch of 64 are seen under one symmetry."""

    def blocks(self, epoch: int, block: int) -> Iterator[Plan]:
        """See `Sampler`."""
        for number, (positions, order) in enumerate(super().blocks(epoch, block)):
            generator = np.random.default_rng((epoch, block + number))
            symmetry = np.empty_like(positions.symmetry)
            symmetry[order] = np.repeat(generator.integers(SYMMETRIES, size=len(order) // 64 + 1), 64)[: len(order)]
            yield positions._replace(symmetry=symmetry), order


def _smoothed(*args: Any, **options: Any) -> Tensor:
    return cross_entropy(*args, **options, label_smoothing=0.1)


def _linear(config: TrainingConfig, progress: float, step: int) -> float:
    if progress < config.warmup:
        return progress / config.warmup
    return (1 - progress) / (1 - config.warmup)


# By the names of their rows: for so long as the block lasts, `hayago.training.loop.train` works in this way.
TRICKS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "default, each tap by itself": lambda: patch.object(trainer, "Muon", TapMuon),
    "default, all filters as far": lambda: patch.object(trainer, "Muon", EvenMuon),
    "default, kernels of rows and columns": lambda: patch.object(trainer, "TrainingNetwork", LineNetwork),
    "default, averaged weights": lambda: patch.object(loop, "Trainer", AveragedTrainer),
    "default, one symmetry for a batch": lambda: patch.object(loop, "Sampler", SamplerByBatch),
    "default, labels smoothed": lambda: patch.object(trainer, "cross_entropy", _smoothed),
    "default, linear schedule": lambda: patch.object(TrainingConfig, "learning_rate_factor", _linear),
}
