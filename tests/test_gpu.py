"""What runs on a GPU only: training and evaluation there give what the CPU gives. Skipped where there is none."""

import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from hayago.cli import main
from hayago.learn.batches import Batches, Sampler
from hayago.learn.checkpoint import load_checkpoint, load_model
from hayago.learn.evaluator import make_evaluator
from hayago.learn.feeding import Unpacker, feed, to_device
from hayago.learn.run import TrainingInterrupted
from hayago.learn.trainer import Trainer
from hayago.learn.training import train
from learning import demo_batch, demo_games, small_config, small_model, store_path
from test_training import rows, stop_after

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def test_batches_arrive_whole_and_in_order() -> None:
    sampler = Sampler(demo_games(), seed=2, games_per_block=20, positions_per_game=5)
    expected = islice(Batches(sampler, 48, turn=True, replies=2).start(), 40)
    given = feed(Batches(sampler, 48, threads=2, turn=False, replies=2).start(), GPU)
    on_cpu, on_gpu = Unpacker(48, 19, CPU), Unpacker(48, 19, GPU)
    for batch in expected:
        for one, other in zip(on_cpu(to_device(batch, CPU)), on_gpu(next(given)), strict=True):
            assert one is not None and other is not None
            assert torch.equal(one, other.cpu())


@pytest.mark.parametrize("options", [{}, {"sub_batch": 8}, {"normalised": False}, {"sub_batch": 8, "compile": True}])
def test_steps_on_a_gpu_are_those_of_a_cpu(tmp_path: Path, options: dict[str, object]) -> None:
    config = small_config(tmp_path, filters=16, batch_size=32, **options)
    one, other = Trainer(config, CPU), Trainer(config, GPU)
    other.restore(one.state(), 0)
    for _ in range(12):
        one.learn(demo_batch(32), 1.0)
        other.learn(demo_batch(32), 1.0)
    losses, those = one.take_metrics()[0], other.take_metrics()[0]
    assert losses[-1] < losses[0] - 0.2
    assert np.allclose(losses, those, rtol=0.02), (losses, those)
    moments = [(a.running_mean, b.running_mean) for a, b in zip(one.network.norms, other.network.norms, strict=True)]
    for mean, that in moments:
        assert torch.allclose(mean, that.cpu(), rtol=0.05, atol=0.05)


@pytest.mark.parametrize("compiled", [False, True])
def test_a_run_stops_resumes_and_ends(
    tmp_path: Path, compiled: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = small_config(tmp_path / "run", filters=16, device="cuda", compile=compiled)
    with monkeypatch.context() as patch, pytest.raises(TrainingInterrupted):
        stop_after(patch, 9)
        train(config)
    assert load_checkpoint(tmp_path / "run" / "last.safetensors").header["step"] == 9
    result = train(small_config(tmp_path / "run", filters=16, device="cuda", compile=compiled, resume=True))
    assert result.steps == 20
    log = rows(tmp_path / "run")
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
