"""What the tests of `hayago.training` share: a small store of real games, and small networks.

PyTorch is imported where it is needed, so that tests that only want the games run without it.
"""

import csv
import signal
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from hayago.features.incremental import all_positions, encode_positions
from hayago.network.model_file import Model, ModelInfo
from hayago.records.games import Games
from hayago.records.prepare import prepare
from hayago.records.store import read_store
from hayago.training.batches import Batch
from hayago.training.config import TrainingConfig
from paths import DEMO_GAMES

if TYPE_CHECKING:
    from hayago.training.training_network import TrainingNetwork


@cache
def store_path() -> Path:
    """A store of the demonstration games, made once for all tests."""
    path = Path(mkdtemp(prefix="hayago-tests-")) / "games.parquet"
    prepare([DEMO_GAMES], path)
    return path


@cache
def demo_games() -> Games:
    """The games of that store that are for training."""
    return read_store(store_path(), "train").games


def demo_batch(count: int, planes: int = 48) -> Batch:
    """`count` positions spread over the demonstration games."""
    game, ply = all_positions(demo_games())
    chosen = np.linspace(0, len(game) - 1, count).astype(np.int64)
    rows, labels = encode_positions(demo_games(), game[chosen], ply[chosen], np.zeros(count, np.uint8), planes)
    return Batch(rows, labels.astype(np.int64))


def training_network(filters: int = 8, planes: int = 48, layers: int = 4, board_size: int = 19) -> "TrainingNetwork":
    """A network whose normalisations have seen something: no mean is 0, no variance 1, no gain 1; no centre either."""
    import torch

    from hayago.training.training_network import TrainingNetwork

    torch.manual_seed(0)
    network = TrainingNetwork(filters, planes, layers, board_size)
    generator = torch.Generator().manual_seed(1)
    for norm in network.norms:
        for tensor, low, high in (
            (norm.running_mean, -1, 1),
            (norm.running_var, 0.2, 3),
            (norm.weight.data, 0.3, 2),
            (norm.bias.data, -1, 1),
        ):
            tensor.copy_(torch.rand(tensor.shape, generator=generator) * (high - low) + low)
    for centre in network.pointwise_kernels:
        centre.data.copy_(torch.randn(centre.shape, generator=generator) * 0.1)
    network.last.bias.data.copy_(torch.randn(board_size**2, generator=generator))
    return network.eval()


def small_model(filters: int = 8, **shape: int) -> Model:
    """A model with weights as if learned."""
    network = training_network(filters, **shape)
    weights = {name: value.numpy() for name, value in network.fold().state_dict().items()}
    architecture = network.architecture
    return Model(
        ModelInfo(architecture.filters, architecture.planes, architecture.layers, architecture.board_size), weights
    )


def small_config(out: Path, **options: object) -> TrainingConfig:
    """A run of a few seconds."""
    defaults: dict[str, object] = {
        "filters": 8,
        "layers": 3,
        "batch_size": 16,
        "positions": 320,
        "validation_positions": 64,
        "validations": 2,
        "games_per_block": 20,
        "device": "cpu",
        "threads": 1,
    }
    return TrainingConfig(games=store_path(), out=out, **{**defaults, **options})  # type: ignore[arg-type]


def log_rows(out: Path) -> list[dict[str, str]]:
    """The log of a run."""
    with (out / "log.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def stop_after(monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    """Let the next training be interrupted, as by Ctrl-C, after so many steps."""
    from hayago.training.trainer import Trainer

    learn = Trainer.learn

    def interrupted(self: Trainer, *arguments: Any) -> None:
        learn(self, *arguments)
        if self.step == steps:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Trainer, "learn", interrupted)
