"""Training learns, resumes bit for bit, stops when asked, and says in one line what is wrong."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.image import imread

from hayago.cli import main
from hayago.errors import HayagoError
from hayago.network.devices import has_bfloat16, pick_device
from hayago.network.model_file import load_model
from hayago.network.policy import unpack
from hayago.records.prepare import prepare
from hayago.training import loop
from hayago.training.batches import Batches, Sampler
from hayago.training.checkpoint import load_checkpoint, save_checkpoint
from hayago.training.config import RECIPES, TrainingConfig
from hayago.training.loop import share_threads, train
from hayago.training.run import TrainingInterrupted, TrainingResult
from hayago.training.trainer import LEARNING_RATES, Trainer
from learning import DEMO_GAMES, demo_batch, demo_games, log_rows, small_config, stop_after, store_path


def test_a_run_leaves_its_files(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "runs" / "first"
    result = train(small_config(out))
    assert (result.steps, result.positions) == (20, 320)
    assert {file.name for file in out.iterdir()} == {
        "log.csv", "curve.png", "last.safetensors", "best.safetensors", "model.safetensors"
    }  # fmt: skip
    log = log_rows(out)
    assert (log[-1]["step"], log[-1]["positions"]) == ("20", "320")
    assert [row["step"] for row in log if row["validation_loss"]] == ["10", "20"]
    assert imread(out / "curve.png").std() > 0.05
    info = load_model(result.model).info
    assert (info.filters, info.planes, info.layers) == (8, 48, 3)
    assert info.history[0]["positions"] == 320
    assert info.history[0]["config"]["seed"] == 0
    assert info.data_fingerprint == load_checkpoint(out / "last.safetensors").header["data_fingerprint"] != ""
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "positions/s" in captured.err
    assert "validation loss" in captured.err


def test_waiting_counts_when_nothing_else_is_under_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert 0 < train(small_config(tmp_path / "idle")).waiting_share < 1
    monkeypatch.setattr(Trainer, "is_busy", lambda self: True)
    assert train(small_config(tmp_path / "busy")).waiting_share == 0


@pytest.mark.parametrize("optimizer", ["muon", "adamw", "sgd"])
def test_every_optimizer_learns(tmp_path: Path, optimizer: Any) -> None:
    config = small_config(tmp_path, optimizer=optimizer)
    trainer, batch = Trainer(config, torch.device("cpu")), demo_batch(16)
    for _ in range(30):
        trainer.learn(batch, 0.3)
    first = fmean(trainer.take_metrics()[0])
    for _ in range(10):
        trainer.learn(batch, 0.3)
    assert fmean(trainer.take_metrics()[0]) < 0.8 * first


@pytest.mark.slow
def test_a_wide_network_learns_one_batch_by_heart(tmp_path: Path) -> None:
    config = small_config(tmp_path, filters=192, layers=13)
    trainer, batch = Trainer(config, torch.device("cpu")), demo_batch(8)
    for _ in range(60):
        trainer.learn(batch, 0.5)
        (loss,), _ = trainer.take_metrics()
        if loss < 0.05:
            break
    assert loss < 0.05


@pytest.mark.parametrize(("optimizer", "filters"), [("muon", 16), ("muon", 8), ("adamw", 8), ("sgd", 8)])
def test_resuming_gives_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, optimizer: Any, filters: int
) -> None:
    whole = train(small_config(tmp_path / "whole", optimizer=optimizer, filters=filters))
    config = small_config(tmp_path / "parts", optimizer=optimizer, filters=filters)
    with monkeypatch.context() as patch:
        stop_after(patch, 7)
        with pytest.raises(TrainingInterrupted, match="stopped after step 7; continue with: hayago train --games"):
            train(config)
    parts = train(replace(config, resume=True))
    assert parts.steps == whole.steps == 20
    expected, got = load_model(whole.model).weights, load_model(parts.model).weights
    assert all(np.array_equal(expected[name], got[name]) for name in expected)
    assert log_rows(tmp_path / "parts")[-1]["step"] == "20"
    steps = [int(row["step"]) for row in log_rows(tmp_path / "parts")]
    assert 7 in steps
    assert steps == sorted(set(steps))


def test_the_command_to_resume_is_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = small_config(tmp_path / "a run", symmetries=False)
    command = replace(config, resume=True).command()
    assert command.startswith(f"hayago train --games {store_path()} --out '{tmp_path}/a run' --filters 8")
    assert command.endswith("--resume")
    assert "--no-symmetries" in command


def test_resuming_refuses_what_does_not_match(tmp_path: Path) -> None:
    config = small_config(tmp_path / "run")
    train(config)
    with pytest.raises(HayagoError, match="holds a training run: add --resume"):
        train(config)
    with pytest.raises(HayagoError, match="was started with --batch-size 16, not 32"):
        train(replace(config, batch_size=32, resume=True))
    header, tensors = load_checkpoint(config.out / "last.safetensors")
    del header["config"]["batch_norm_group"]
    old = replace(config, out=tmp_path / "old", resume=True)
    old.out.mkdir()
    save_checkpoint(old.out / "last.safetensors", tensors, header)
    with pytest.raises(HayagoError, match="written by another version of hayago, without --batch-norm-group"):
        train(old)
    other = tmp_path / "other.parquet"
    half = tmp_path / "half.sgf"
    data = DEMO_GAMES.read_bytes()
    half.write_bytes(data[: data.index(b"(;", len(data) // 2)])
    prepare([half], other)
    with pytest.raises(HayagoError, match="trained on other games"):
        train(replace(config, games=other, resume=True))
    with pytest.raises(HayagoError, match="no such checkpoint file"):
        train(small_config(tmp_path / "none", resume=True))


def test_a_run_whose_every_validation_is_bad_keeps_its_best(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    losses = iter([30.0, 26.5])  # worse than chance, as moments from a few steps may make it
    monkeypatch.setattr(Trainer, "validate", lambda self, batches: (next(losses), 0.0))
    train(small_config(tmp_path))
    assert load_model(tmp_path / "best.safetensors").info.history[-1]["validation_loss"] == 26.5


def test_resuming_a_finished_run_does_nothing(tmp_path: Path) -> None:
    config = small_config(tmp_path)
    before = load_model(train(config).model)
    after = load_model(train(replace(config, resume=True)).model)
    assert after.info == before.info
    assert all(np.array_equal(before.weights[name], after.weights[name]) for name in before.weights)


@pytest.mark.slow
def test_a_run_by_the_clock(tmp_path: Path) -> None:
    config = small_config(tmp_path, positions=0, minutes=0.02)
    started = time.monotonic()
    result = train(config)
    assert result.seconds >= 1.2
    assert time.monotonic() - started < 30
    assert float(log_rows(tmp_path)[-1]["learning_rate"]) < 0.5 * LEARNING_RATES["muon"]


def test_a_loss_that_is_no_number_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learn = Trainer.learn

    def explode(self: Trainer, *arguments: Any) -> None:
        learn(self, *arguments)
        if self.step == 13:
            self.network.last.bias.data[0] = float("nan")

    monkeypatch.setattr(Trainer, "learn", explode)
    with pytest.raises(
        HayagoError, match=r"the loss is NaN at step (1[3-9]|20): .*last\.safetensors holds the last good"
    ):
        train(small_config(tmp_path))
    header, tensors = load_checkpoint(tmp_path / "last.safetensors")
    assert header["step"] == 10
    assert all(np.isfinite(value).all() for value in tensors.values())


def test_a_loss_that_explodes_leaves_the_state_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint is due at every step: that of the bad step, whose loss was still good, must not be written."""
    learn = Trainer.learn

    def explode(self: Trainer, *arguments: Any) -> None:
        learn(self, *arguments)
        if self.step == 13:
            self.network.last.bias.data.normal_(0, 1000)

    monkeypatch.setattr(Trainer, "learn", explode)
    monkeypatch.setattr("hayago.training.run.LOG_EVERY_SECONDS", 1e9)
    with pytest.raises(HayagoError, match=r"has exploded from .* since step 14: .* last good state, from step 12"):
        train(small_config(tmp_path, positions=16 * 200, checkpoint_minutes=1e-6))
    assert load_checkpoint(tmp_path / "last.safetensors").header["step"] == 12


def test_stopping_at_a_bad_loss_says_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learn = Trainer.learn

    def explode(self: Trainer, *arguments: Any) -> None:
        learn(self, *arguments)
        if self.step == 13:
            self.network.last.bias.data.normal_(0, 1000)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Trainer, "learn", explode)
    with pytest.raises(TrainingInterrupted, match="after step 13, whose loss was bad; the checkpoint is from step 10;"):
        train(small_config(tmp_path))


def test_a_step_does_not_depend_on_how_its_sub_batches_are_computed(tmp_path: Path) -> None:
    """In turn on a CPU, together on other devices: the step is the same, and it is not that of a whole batch."""
    batch, weights = demo_batch(16), []
    for device, batch_norm_group in (("cpu", 4), ("meta", 4), ("cpu", 16)):
        config = small_config(tmp_path, optimizer="sgd", batch_norm_group=batch_norm_group)
        trainer = Trainer(config, torch.device("cpu"))
        if device == "meta":  # what the trainer sets on a GPU
            trainer._part = 16
            for norm in trainer.network.norms:
                norm.batch_norm_group = 4
        for _ in range(3):
            trainer.learn(batch, 0.1)
        weights.append(torch.cat([value.float().flatten() for value in trainer.network.fold().state_dict().values()]))
    assert torch.allclose(weights[0], weights[1], rtol=1e-3, atol=1e-5)
    assert not torch.allclose(weights[0], weights[2], rtol=1e-2, atol=1e-3)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a compiler")
def test_a_compiled_network_learns_the_same(tmp_path: Path) -> None:
    batch, losses = next(Batches(Sampler(demo_games(), 0, 20, 4), 8, future_moves=2).start()), []
    for compiled in (False, True):
        config = small_config(tmp_path, layers=3, batch_size=8, future_moves=2, compile=compiled)
        trainer = Trainer(config, torch.device("cpu"))
        for _ in range(3):
            trainer.learn(batch, 0.1)
        losses.append(trainer.take_metrics()[0])
        assert "network.hidden.0.weight" in trainer.state()
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_only_what_learns_is_compiled(tmp_path: Path) -> None:
    learning = [
        Trainer(small_config(tmp_path, filters=filters, compile=True), torch.device("cpu"))._learning
        for filters in (8, 16)
    ]
    assert [hasattr(network, "_orig_mod") for network in learning] == [
        True,
        False,
    ]  # the CPU convolutions are compiled already


def test_a_disk_too_small_is_seen_before_the_first_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=100_000))
    with pytest.raises(HayagoError, match=r"MB are needed there, 0 MB are free"):
        train(small_config(tmp_path / "run"))
    assert not (tmp_path / "run" / "log.csv").exists()


def test_a_log_cut_short_and_unfinished_files_are_cleaned(tmp_path: Path) -> None:
    config = small_config(tmp_path)
    train(config)
    whole = (tmp_path / "log.csv").read_text()
    (tmp_path / "log.csv").write_text(whole + "1,2")
    (tmp_path / ".last.safetensors.abc.part").write_text("half")
    train(replace(config, resume=True))
    assert (tmp_path / "log.csv").read_text() == whole
    assert not list(tmp_path.glob(".*"))


def test_each_process_takes_its_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    assert (pick_device("auto", 1), taken) == (torch.device("cuda", 1), [1])
    with pytest.raises(HayagoError, match="process 3 of this machine finds no GPU: there are 2"):
        pick_device("cuda", 2)


def test_a_gpu_that_is_named_becomes_the_current_one(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[torch.device] = []
    monkeypatch.setattr(torch, "empty", lambda *size, device: None)
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    assert taken == [] != [pick_device("cuda:1")] == taken


def test_bfloat16_only_where_it_is_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation)
    assert not has_bfloat16(torch.device("cuda"))  # a GPU that would only emulate it
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: True)
    assert [has_bfloat16(torch.device(name)) for name in ("cuda", "cpu", "mps")] == [True, False, False]


def test_in_bfloat16_weights_and_losses_keep_their_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a GPU, with groups together; autocast is the same on a CPU."""
    batch = next(Batches(Sampler(demo_games(), 0, 20, 4), 16, future_moves=2).start())
    losses = []
    for narrow in (False, True):
        monkeypatch.setattr("hayago.training.trainer.has_bfloat16", lambda device, narrow=narrow: narrow)
        trainer = Trainer(small_config(tmp_path, batch_norm_group=8), torch.device("cpu"))
        trainer._part = 16
        for norm in trainer.network.norms:
            norm.batch_norm_group = 8
        for _ in range(5):
            trainer.learn(batch, 0.3)
        assert {value.dtype for value in trainer.state().values()} == {np.dtype(np.float32), np.dtype(np.int64)}
        losses.append(trainer.take_metrics()[0])
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.02)


def test_unusable_folders_and_stores(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HayagoError, match="cannot write"):
        train(small_config(tmp_path / "file" / "run"))
    with pytest.raises(HayagoError, match="cannot read"):
        train(replace(small_config(tmp_path / "run"), games=tmp_path / "none.parquet"))


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("history_dropout", 1.5, "history_dropout is a share of the positions, 0 to 1, not 1.5"),
        ("filters", 0, "filters must be from 1 to 4,096, not 0"),
        ("filters", "8", "filters must be of type int, not '8'"),
        ("filters", True, "filters must be of type int"),
        ("filters", 1.5, "filters must be of type int"),
        ("planes", 13, "planes must be one of 4, 12, 20, 48, not 13"),
        ("layers", 1, "layers must be from 2 to 256, not 1"),
        ("filters", 10**9, "filters must be from 1 to 4,096"),
        ("optimizer", "adam", "optimizer must be one of muon, adamw, sgd, not 'adam'"),
        ("learning_rate", -1.0, "learning_rate must be from 0 to"),
        ("identity_init", 1e30, "identity_init must be from 0 to"),
        ("momentum", -1.0, "momentum must be from 0 to"),
        ("momentum", 1.0, "momentum must be below 1, not 1.0"),
        ("weight_decay", -1.0, "weight_decay must be from 0 to"),
        ("checkpoint_minutes", -1.0, "checkpoint_minutes must be from 0 to 10,000,000, not -1"),
        ("minutes", -1.0, "minutes must be from 0"),
        ("threads", 100_000, "threads must be from 0 to 1,024, not 100000"),
        ("threads", -1, "threads must be from 0 to 1,024"),
        ("encode_threads", -7, "encode_threads must be from -1 to 1,024"),
        ("encode_threads", 1025, "encode_threads must be from -1 to 1,024"),
        ("seed", 2**53, "seed must be from 0 to 9,007,199,254,740,991"),
        ("seed", -1, "seed must be from 0"),
        ("batch_size", 10**9, "batch_size must be from 1 to 65,536"),
        ("future_moves", 10**8, "future_moves must be from 0 to 64"),
        ("validations", 10**30, "validations must be from 1"),
        ("minutes", float("nan"), "minutes must be a number, not nan"),
        ("batch_size", 100, "batch_size 100 is not a multiple of batch_norm_group 64"),
        ("warmup", 1.0, "warmup is a share"),
        ("out", "runs", "out must be of type Path"),
        ("symmetries", 1, "symmetries must be of type bool"),
    ],
)
def test_the_config_refuses_nonsense(option: str, value: Any, message: str) -> None:
    with pytest.raises(HayagoError, match=message):
        TrainingConfig(**{"games": Path("g"), "out": Path("o"), option: value})
    with pytest.raises(TypeError):
        TrainingConfig(games=Path("g"), out=Path("o"), filtres=8)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--decay 0.1", "--decay has an effect only with --schedule stable"),
        ("--minutes 1 --positions 64", "--minutes has an effect only without --positions"),
        ("--minutes 0 --positions 64", "--minutes has an effect only without --positions"),
        ("--minutes -1", "minutes must be from 0"),
        ("--minutes 0", "a run needs a length"),
        ("--momentum 0.95 --optimizer adamw", "--momentum has an effect only with --optimizer muon or sgd"),
        ("--pointwise-rate 2 --optimizer sgd", "--pointwise-rate has an effect only"),
        ("--pointwise-rate 2 --no-pointwise-kernels", "--pointwise-rate has an effect only"),
        ("--adamw-learning-rate 0.1 --recipe paper", "--adamw-learning-rate has an effect only with --optimizer muon"),
        ("--batch-norm-group 8 --no-normalised", "--batch-norm-group has an effect only with --normalised"),
        ("--future-move-weight 1 --future-moves 0", "--future-move-weight has an effect only"),
        *(
            (f"--device {name}", f"there is no device {name!r} here; these can be used: auto, cpu")
            for name in ("meta", "vulkan", "xla:0", "nonsense", "cpu:5", "cpu:0", "cuda:99", "CPU", "cuda:-1")
        ),
        ("--seed 18446744073709551616", "seed must be from 0"),
        ("--threads 100000", "threads must be from 0"),
    ],
)
def test_the_command_refuses_what_it_would_ignore(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], words: str, message: str
) -> None:
    assert main(["train", "--games", str(store_path()), "--out", str(tmp_path / "run"), *words.split()]) == 1
    error = capfd.readouterr().err
    assert error.startswith("hayago: ")
    assert error.count("\n") == 1
    assert message in error
    assert not (tmp_path / "run").exists()


def test_a_recipe_and_a_resumed_run_may_name_what_has_no_effect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[TrainingConfig] = []

    def remember(config: TrainingConfig) -> TrainingResult:
        seen.append(config)
        return TrainingResult(config.out, 0, 0, 0.0, None, None, 0.0)

    monkeypatch.setattr(loop, "train", remember)
    command = ["train", "--games", "g", "--out", str(tmp_path)]
    assert main([*command, "--recipe", "paper", "--optimizer", "adamw"]) == 0
    assert main([*command, "--decay", "0.5", "--minutes", "3", "--positions", "64", "--resume"]) == 0
    assert [config.decay for config in seen] == [0.2, 0.5]


def test_what_is_printed_about_a_run_cannot_upset_a_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "\x1b[31mred\n"
    words = "--filters 2 --layers 2 --batch-size 16 --positions 16 --validations 1 --validation-positions 16"
    words += " --device cpu --threads 1"
    assert main(["train", "--games", str(store_path()), "--out", str(out), *words.split()]) == 0
    printed = capfd.readouterr()
    assert "\x1b[31m" not in printed.out + printed.err
    assert "\\x1b[31mred\\n" in printed.out
    assert printed.out.count("\n") == 1


def test_sub_batches_are_of_no_concern_without_normalisation(tmp_path: Path) -> None:
    config = small_config(
        tmp_path, normalised=False, identity_init=0.0, batch_size=10, batch_norm_group=4, positions=30
    )
    assert train(config).positions == 30


def test_the_config_needs_a_length() -> None:
    with pytest.raises(HayagoError, match="needs a length"):
        TrainingConfig(games=Path("g"), out=Path("o"), minutes=0.0)


def test_the_learning_rate_rises_and_falls() -> None:
    cosine = TrainingConfig(Path(), Path(), warmup=0.1)
    assert [cosine.learning_rate_factor(progress, 0) for progress in (0, 0.05, 0.1, 0.55, 1)] == pytest.approx(
        [0, 0.5, 1, 0.5, 0]
    )
    assert replace(cosine, warmup=0.0).learning_rate_factor(0, 0) == 1
    stable = replace(cosine, schedule="stable", decay=0.2, positions=1000)
    assert [stable.learning_rate_factor(progress, 0) for progress in (0, 0.05, 0.1, 0.8, 0.9, 1)] == pytest.approx(
        [0, 0.5, 1, 1, 0.5, 0]
    )
    assert replace(stable, decay=0.0).learning_rate_factor(1, 0) == 1
    halved = replace(cosine, schedule="halved", warmup=0.0)
    assert [halved.learning_rate_factor(0.5, step) for step in (0, 79_999_999, 80_000_000, 240_000_000)] == [
        1, 1, 0.5, 0.125
    ]  # fmt: skip


def test_the_papers_recipe_is_plain_gradient_descent(tmp_path: Path) -> None:
    """Silver et al. 2016, Methods: mini-batches of 16, steps of 0.003, no momentum; here by the numbers."""
    config = small_config(tmp_path, **{**RECIPES["paper"], "batch_size": 16})
    trainer, batch = Trainer(config, torch.device("cpu")), demo_batch(16)
    before = {name: value.clone() for name, value in trainer.network.state_dict().items()}
    assert not any("norm" in name for name in before)
    twin = trainer.network.fold()
    planes = unpack(torch.from_numpy(batch.rows), 48, 19)
    for _ in range(2):
        loss = torch.nn.functional.cross_entropy(twin(planes), torch.from_numpy(batch.labels))
        twin.zero_grad()
        loss.backward()
        with torch.no_grad():
            for parameter in twin.parameters():
                parameter -= 0.003 * parameter.grad
        trainer.learn(batch, config.learning_rate_factor(0.0, 0))
    for name, value in trainer.network.state_dict().items():
        assert not torch.equal(value, before[name])
        assert torch.allclose(value, twin.state_dict()[name], rtol=0, atol=1e-6), name


def test_replies_are_learned_beside_the_next_move(tmp_path: Path) -> None:
    """They change what the layers below learn, by their weight, and are no part of the model."""
    sampler = Sampler(demo_games(), 0, games_per_block=20, positions_per_game=4)
    batch = next(Batches(sampler, 16, future_moves=2).start())
    assert batch.future_moves is not None

    def learned(future_moves: int, weight: float) -> tuple[Trainer, list[float]]:
        config = small_config(tmp_path, future_moves=future_moves, future_move_weight=weight)
        trainer = Trainer(config, torch.device("cpu"))
        for _ in range(20):
            trainer.learn(batch if future_moves else batch._replace(future_moves=None), 0.3)
        return trainer, trainer.take_metrics()[0]

    none, without = learned(0, 0.25)
    light, weightless = learned(2, 0.0)
    both, beside = learned(2, 0.25)
    assert without[:10] == pytest.approx(weightless[:10], rel=1e-3)  # up to the rounding of wider products
    assert without[0] == pytest.approx(beside[0])  # the loss in the log is that of the next move
    assert without[1:10] != pytest.approx(beside[1:10], rel=1e-2)
    planes = unpack(torch.from_numpy(batch.rows), 48, 19)
    losses = []
    for trainer in (light, both):
        with torch.no_grad():
            answers = trainer.network(planes, future_moves=True)
        assert answers.shape == (3, 16, 361)
        future_moves = torch.from_numpy(batch.future_moves[:, 0])
        losses.append(float(torch.nn.functional.cross_entropy(answers[1], future_moves, ignore_index=361)))
    assert losses[1] < losses[0] - 1
    assert both.network.fold().state_dict().keys() == none.network.fold().state_dict().keys()


def test_kernels_of_the_centre_are_learned(tmp_path: Path) -> None:
    """By Muon, and they change what is learned."""
    batch = next(Batches(Sampler(demo_games(), 0, 20, 4), 16).start())
    losses = []
    for pointwise in (True, False):
        trainer = Trainer(small_config(tmp_path, future_moves=0, pointwise_kernels=pointwise), torch.device("cpu"))
        for _ in range(3):
            trainer.learn(batch, 0.3)
        assert all(centre.any() for centre in trainer.network.pointwise_kernels)
        muon = sum(len(group["params"]) for group in trainer.optimizers[0].param_groups)
        assert muon == len(trainer.network.hidden) * (2 if pointwise else 1)
        losses.append(trainer.take_metrics()[0])
    assert losses[0][0] == losses[1][0]
    assert losses[0][2] != losses[1][2]


def test_the_centre_has_a_rate_of_its_own(tmp_path: Path) -> None:
    batch = next(Batches(Sampler(demo_games(), 0, 20, 4), 16).start())
    moved = []
    for rate in (1.0, 4.0):
        trainer = Trainer(small_config(tmp_path, future_moves=0, pointwise_rate=rate), torch.device("cpu"))
        before = [kernel.detach().clone() for kernel in trainer.network.hidden.parameters()]
        trainer.learn(batch, 0.3)
        after = list(trainer.network.hidden.parameters())
        whole = sum(float((new.detach() - old).norm()) for new, old in zip(after, before, strict=True))
        moved.append((whole, sum(float(centre.detach().norm()) for centre in trainer.network.pointwise_kernels)))
    assert moved[1][0] == pytest.approx(moved[0][0], rel=1e-3)
    assert moved[1][1] == pytest.approx(4 * moved[0][1], rel=1e-3)


def test_no_centre_moves_farther_for_being_tall(tmp_path: Path) -> None:
    """Of 4 planes and 16 filters, that of the first layer has more rows than columns."""
    batch = next(Batches(Sampler(demo_games(), 0, 20, 4), 16, planes=4).start())
    trainer = Trainer(
        small_config(tmp_path, filters=16, planes=4, future_moves=0, pointwise_rate=4.0), torch.device("cpu")
    )
    before = [weight.detach().clone() for weight in kernels_of(trainer)]
    trainer.learn(batch, 1.0)
    lengths = [
        float(torch.linalg.matrix_norm((new.detach() - old).flatten(1), 2))
        for new, old in zip(kernels_of(trainer), before, strict=True)
    ]
    count = len(trainer.network.hidden)
    for whole, centre in zip(lengths[:count], lengths[count:], strict=True):
        assert 3 < centre / whole < 6  # orthogonalising is rough


def kernels_of(trainer: Trainer) -> list[torch.nn.Parameter]:
    """The whole kernels, then those of their centres."""
    return [*(module.weight for module in trainer.network.hidden), *trainer.network.pointwise_kernels]


@pytest.mark.parametrize(("filters", "beside"), [(16, 1), (8, 2)])
def test_torch_has_one_thread_beside_the_tower_s(
    filters: int, beside: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And all of them again afterwards, whatever happens."""
    batch = next(Batches(Sampler(demo_games(), 0, 20, 4), 16).start())
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        trainer = Trainer(small_config(tmp_path, filters=filters, future_moves=0), torch.device("cpu"))
        seen = []
        measure = trainer._measure

        def measured(*args: Any) -> Any:
            seen.append(torch.get_num_threads())
            if len(seen) > 1:
                raise KeyboardInterrupt
            return measure(*args)

        monkeypatch.setattr(trainer, "_measure", measured)
        trainer.learn(batch, 0.1)
        assert (seen, torch.get_num_threads()) == ([beside], 2)
        with pytest.raises(KeyboardInterrupt):
            trainer.learn(batch, 0.1)
        assert (seen, torch.get_num_threads()) == ([beside, beside], 2)
    finally:
        torch.set_num_threads(threads)


def test_a_recipe_is_a_set_of_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[TrainingConfig] = []

    def remember(config: TrainingConfig) -> TrainingResult:
        seen.append(config)
        return TrainingResult(config.out, 0, 0, 0.0, None, None, 0.0)

    monkeypatch.setattr(loop, "train", remember)
    for words in (["--recipe", "paper"], ["--recipe", "paper", "--batch-size", "32"], []):
        assert main(["train", "--games", "g.parquet", "--out", str(tmp_path), *words]) == 0
    paper, larger, default = seen
    assert (paper.optimizer, paper.batch_size, paper.learning_rate, paper.momentum) == ("sgd", 16, 0.003, 0.0)
    assert (paper.normalised, paper.schedule, paper.warmup, paper.symmetries) == (False, "halved", 0.0, True)
    assert larger == replace(paper, batch_size=32)
    assert default == TrainingConfig(Path("g.parquet"), tmp_path)


def test_a_stable_run_may_still_change_its_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = small_config(tmp_path / "parts", schedule="stable", decay=0.5, warmup=0.0)
    long = replace(config, positions=100 * config.positions)
    with monkeypatch.context() as patch:
        stop_after(patch, 7)
        with pytest.raises(TrainingInterrupted):
            train(long)
    parts = train(replace(config, resume=True))
    whole = train(replace(config, out=tmp_path / "whole"))
    assert parts.steps == whole.steps
    expected, got = load_model(whole.model).weights, load_model(parts.model).weights
    assert all(np.array_equal(expected[name], got[name]) for name in expected)


def test_a_stable_run_is_counted_in_positions() -> None:
    with pytest.raises(HayagoError, match="needs a length in --positions"):
        TrainingConfig(Path(), Path(), schedule="stable", minutes=1.0)


@pytest.mark.parametrize(
    ("threads", "encode_threads", "device", "expected"),
    [
        (2, -1, "cpu", (2, 0)),
        (4, 1, "cpu", (4, 1)),
        (2, 2, "cpu", (2, 2)),
        (4, -1, "cuda", (1, 3)),
        (1, -1, "cuda", (1, 1)),
        (0, -1, "cpu", (3, 0)),  # two processes on 6 cores
    ],
)
def test_threads_are_shared(
    monkeypatch: pytest.MonkeyPatch, threads: int, encode_threads: int, device: str, expected: tuple[int, int]
) -> None:
    given: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", given.append)
    monkeypatch.setattr(loop, "cores", lambda: 6)
    config = small_config(Path("run"), threads=threads, encode_threads=encode_threads)
    assert (share_threads(config, torch.device(device), 2), given) == (expected[1], [expected[0]])


@pytest.mark.slow
def test_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    train(small_config(tmp_path, tensorboard=True, positions=32))
    assert list((tmp_path / "tensorboard").iterdir())


def test_training_works_beside_other_threads(tmp_path: Path) -> None:
    """Outside the main thread no signal can be handled; everything else works."""
    import threading

    results: list[TrainingResult] = []
    thread = threading.Thread(target=lambda: results.append(train(small_config(tmp_path, positions=32))))
    thread.start()
    thread.join()
    assert results[0].steps == 2


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows processes cannot be sent SIGTERM to handle")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_real_process_is_stopped_and_resumed(tmp_path: Path, number: signal.Signals) -> None:
    out = tmp_path / "run"
    config = small_config(out, positions=16 * 100_000)
    options = {"games": str(config.games), "out": str(out), **config.fixed(), "start": ""}
    code = (
        "import json, sys; from pathlib import Path; from hayago.training.config import TrainingConfig;"
        "from hayago.training.loop import train; options = json.loads(sys.argv[1]);"
        "options |= {name: Path(options[name]) for name in ('games', 'out')};\n"
        "try: train(TrainingConfig(**options))\n"
        "except Exception as error: print(error); sys.exit(getattr(error, 'exit_status', 1))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, json.dumps(options)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "positions/s" in line:
            break
    process.send_signal(number)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "continue with: hayago train --games" in said
    step = load_checkpoint(out / "last.safetensors").header["step"]
    assert f"stopped after step {step};" in said
    assert log_rows(out)[-1]["step"] == str(step)


@pytest.mark.parametrize(
    "name", ["model.safetensors", "last.safetensors", "log.csv", "curve.png", ".lock", "tensorboard"]
)
def test_links_inside_a_run_are_refused(name: str, tmp_path: Path) -> None:
    victim, run = tmp_path / "victim", tmp_path / "run"
    victim.write_text("kept")
    run.mkdir()
    (run / name).symlink_to(victim)
    with pytest.raises(HayagoError, match=f"{name}: a link, which is not followed"):
        train(small_config(run))
    assert victim.read_text() == "kept"
    assert [path.name for path in run.iterdir()] == [name]


def test_a_short_run_that_exploded_is_no_success(tmp_path: Path) -> None:
    config = small_config(tmp_path / "run", adamw_learning_rate=1e9, positions=160)
    with pytest.raises(HayagoError, match=r"the loss has exploded to .*: lower the learning rate"):
        train(config)
    assert not (tmp_path / "run" / "model.safetensors").exists()
    train(small_config(tmp_path / "run", positions=160))  # the folder is free again


def test_the_largest_seed_is_kept_by_the_model(tmp_path: Path) -> None:
    result = train(small_config(tmp_path / "run", positions=32, seed=2**53 - 1))
    assert load_model(result.model).info.history[-1]["config"]["seed"] == 2**53 - 1


def test_warm_up_and_decay_do_not_overlap() -> None:
    with pytest.raises(HayagoError, match=r"warmup 0\.5 and decay 0\.6 are more than the whole run"):
        TrainingConfig(Path("g"), Path("o"), schedule="stable", positions=100, warmup=0.5, decay=0.6)


def test_what_cannot_begin_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HayagoError, match=r"last\.safetensors: no such checkpoint file"):
        train(small_config(tmp_path / "run", resume=True))
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(HayagoError, match="TensorBoard is missing"):
        train(small_config(tmp_path / "run", tensorboard=True))
    assert not (tmp_path / "run").exists()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").touch()
    with pytest.raises(HayagoError, match="TensorBoard is missing"):
        train(small_config(tmp_path / "run", tensorboard=True))
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_a_lost_best_network_is_written_again(tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    train(small_config(folder, schedule="stable", validations=2))
    if damage == "missing":
        (folder / "best.safetensors").unlink()
    else:
        (folder / "best.safetensors").write_bytes(b"rubbish")
    train(small_config(folder, schedule="stable", validations=4, positions=640, resume=True))
    load_model(folder / "best.safetensors")
    assert "the next validation writes it again" in " ".join(capsys.readouterr().err.split())
