"""What runs on a GPU only: training and evaluation there give what the CPU gives. Skipped where there is none."""

import json
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from hayago.cli import main
from hayago.network.evaluator import make_evaluator
from hayago.network.model_file import load_model
from hayago.training.batches import Batch, Batches, Sampler
from hayago.training.checkpoint import load_checkpoint
from hayago.training.device_batches import Unpacker, feed, to_device
from hayago.training.loop import train
from hayago.training.run import TrainingInterrupted
from hayago.training.trainer import Trainer
from learning import demo_batch, demo_games, log_rows, small_config, small_model, stop_after, store_path

pytestmark = pytest.mark.gpu

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def test_batches_arrive_whole_and_in_order() -> None:
    sampler = Sampler(demo_games(), seed=2, games_per_block=20, positions_per_game=5)
    expected = islice(Batches(sampler, 48, turn=True, future_moves=2).start(), 40)
    given = feed(Batches(sampler, 48, threads=2, turn=False, future_moves=2).start(), GPU)
    on_cpu, on_gpu = Unpacker(48, 19, CPU), Unpacker(48, 19, GPU)
    for batch in expected:
        for one, other in zip(on_cpu(to_device(batch, CPU)), on_gpu(next(given)), strict=True):
            assert one is not None and other is not None
            assert torch.equal(one, other.cpu())


OPTIONS = [
    {},
    {"batch_norm_group": 8},
    {"batch_norm_group": 8, "compile": True},
    {"normalised": False, "optimizer": "sgd"},
    {"optimizer": "adamw", "future_moves": 0},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_steps_on_a_gpu_are_those_of_a_cpu(
    tmp_path: Path, options: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In full float32, the first ones as they come, the others replayed, at learning rates that change."""
    monkeypatch.setattr("hayago.training.trainer.has_bfloat16", lambda device: False)
    config = small_config(tmp_path, filters=16, batch_size=32, **options)
    one, other = Trainer(config, CPU), Trainer(config, GPU)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    torch.set_float32_matmul_precision("highest")
    other.restore(one.state(), 0)
    for step in range(12):
        factor = 0.3 * (1 + step % 3)
        one.learn(batch_of(step, config.future_moves), factor)
        other.learn(batch_of(step, config.future_moves), factor)
    torch.cuda.synchronize()
    assert not other.is_busy()
    losses, those = (np.array(trainer.take_metrics()[0]) for trainer in (one, other))
    assert np.abs(np.diff(losses)).min() > 1e-3
    assert np.allclose(losses, those, rtol=5e-3), (losses, those)
    assert other.learning_rate == pytest.approx(one.learning_rate)
    for name, value in one.state().items():
        assert other.state()[name].shape == value.shape, name
    for mine, its in zip(one.network.norms, other.network.norms, strict=True):
        assert torch.allclose(mine.running_mean, its.running_mean.cpu(), rtol=0.02, atol=0.02)


def batch_of(step: int, future_moves: int = 2) -> Batch:
    """A batch to learn from: 32 positions, under symmetries, with what was replied."""
    batch = demo_batch(32 * 12)
    chosen = slice(step, None, 12)
    symmetry = np.full(32, step % 8, np.uint8)
    following = np.stack([batch.labels[chosen]] * future_moves, 1) if future_moves else None
    return Batch(batch.rows[chosen], batch.labels[chosen], symmetry, following)


def losses_of(trainer: Trainer, steps: range) -> list[float]:
    """What it loses in these steps."""
    for step in steps:
        trainer.learn(batch_of(step), 1.0)
    return trainer.take_metrics()[0]


def test_few_bits_learn_as_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """bfloat16 and float32, both on the GPU."""
    config = small_config(tmp_path, filters=16, batch_size=32)
    few = losses_of(Trainer(config, GPU), range(12))
    monkeypatch.setattr("hayago.training.trainer.has_bfloat16", lambda device: False)
    many = losses_of(Trainer(config, GPU), range(12))
    assert few != many
    assert np.allclose(few, many, rtol=0.05), (few, many)


def test_what_is_restored_goes_on_as_before(tmp_path: Path) -> None:
    """The recorded step belongs to the state that was left."""
    trainer = Trainer(small_config(tmp_path, filters=16, batch_size=32), GPU)
    losses_of(trainer, range(6))
    state = {name: np.array(value, order="C") for name, value in trainer.state().items()}  # as in a file
    first = losses_of(trainer, range(6, 12))
    trainer.restore(state, 6)
    assert np.allclose(losses_of(trainer, range(6, 12)), first, rtol=1e-2)


def test_a_step_under_way_is_seen(tmp_path: Path) -> None:
    trainer = Trainer(small_config(tmp_path, filters=16, batch_size=32), GPU)
    losses_of(trainer, range(6))
    assert not trainer.is_busy()
    torch.cuda._sleep(10**9)  # clock cycles
    trainer.learn(batch_of(6), 1.0)
    assert trainer.is_busy()


@pytest.mark.parametrize("options", [{}, {"compile": True}, {"optimizer": "sgd"}, {"optimizer": "adamw"}])
def test_a_run_stops_resumes_and_ends(
    tmp_path: Path, options: dict[str, object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = small_config(tmp_path / "run", filters=16, device="cuda", **options)
    with monkeypatch.context() as patch, pytest.raises(TrainingInterrupted):
        stop_after(patch, 9)
        train(config)
    assert load_checkpoint(tmp_path / "run" / "last.safetensors").header["step"] == 9
    result = train(replace(config, resume=True))
    assert result.steps == 20
    log = log_rows(tmp_path / "run")
    assert float(log[-1]["train_loss"]) < float(log[0]["train_loss"]) - 0.2
    info = load_model(result.model).info
    assert info.history[0]["device"] == "cuda:0"
    command = ["evaluate", str(store_path()), "--model", str(result.model), "--split", "validation", "--json"]
    assert main([*command, "--device", "cuda"]) == 0
    assert 0 < json.loads(capsys.readouterr().out)["top1"] < 1


def test_answers_are_those_of_the_cpu() -> None:
    model = small_model(filters=48, layers=13)
    expected = make_evaluator(model, "cpu").logits(demo_batch(64).rows)
    given = make_evaluator(model, "cuda").logits(demo_batch(64).rows)
    assert given.dtype == np.float32
    assert np.abs(given - expected).max() < 1e-2 * expected.std()  # TF32 has 10 bits
