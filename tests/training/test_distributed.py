"""Many real processes learn what one learns; none hangs when another goes; killed runs go on bit for bit."""

import csv
import os
import random
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import distributed

from hayago.errors import HayagoError
from hayago.network.model_file import load_model
from hayago.training.checkpoint import load_checkpoint
from hayago.training.config import TrainingConfig
from hayago.training.distributed import ProcessGroup, RankLost
from hayago.training.loop import train
from learning import small_config

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
HAYAGO = [sys.executable, "-m", "hayago"]
STEPS = 60  # of a run that is over, but not before it can be disturbed
STARTED: list[subprocess.Popen[str]] = []


def config_of(out: Path, **options: object) -> TrainingConfig:
    """Steps of 4 groups; 16 filters are learned by the convolutions."""
    return small_config(out, **{"filters": 16, "batch_size": 32, "batch_norm_group": 8, "validations": 10, **options})


def words(config: TrainingConfig) -> list[str]:
    """The command line of a run, without the name of the program."""
    return shlex.split(config.command())[1:]


def start(command: list[str], **environment: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", **environment},
    )
    STARTED.append(process)
    return process


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """A test that fails leaves no process to train for ever."""
    yield
    while STARTED:
        process = STARTED.pop()
        process.kill()
        process.communicate()


def start_ranks(config: TrainingConfig, count: int) -> list[subprocess.Popen[str]]:
    """The processes of a run, with nobody to look after them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    group = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    return [start([*HAYAGO, *words(config)], RANK=str(rank), LOCAL_RANK=str(rank), **group) for rank in range(count)]


def wait_for_checkpoint(config: TrainingConfig, process: subprocess.Popen[str]) -> None:
    while not (config.out / "last.safetensors").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "log.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def learned(out: Path) -> dict[str, np.ndarray]:
    return load_model(out / "model.safetensors").weights


def loss_curve(out: Path) -> list[tuple[int, float, float]]:
    """At each validation the sum of the losses so far, since the clock decides on rows between, and what it gave."""
    total, before, curve = 0.0, 0, []
    for row in rows(out):
        step = int(row["step"])
        total += (step - before) * float(row["train_loss"])
        before = step
        if row["validation_loss"]:
            curve.append((step, total, float(row["validation_loss"])))
    return curve


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run by one process, not disturbed."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    train(config_of(out, positions=32 * STEPS))
    yield out


@pytest.mark.slow
def test_two_processes_take_the_steps_of_one(tmp_path: Path) -> None:
    """Few steps: later on, a rounding alone leads each run its own way through the ReLUs."""
    config = config_of(tmp_path / "two", positions=32 * 5, validations=5)
    processes = start_ranks(config, 2)
    whole = tmp_path / "one"
    train(replace(config, out=whole))
    said = "".join(process.communicate(timeout=120)[0] for process in processes)
    assert said.count("model.safetensors: 160 positions") == 1
    expected, got = learned(whole), learned(config.out)
    for name, value in expected.items():
        assert np.linalg.norm(got[name] - value) < 1e-3 * np.linalg.norm(value), name
    np.testing.assert_allclose(loss_curve(config.out), loss_curve(whole), rtol=1e-3)


@pytest.mark.slow
def test_torchrun_learns_what_one_process_learns_and_restarts(tmp_path: Path) -> None:
    """Two processes, of which one is killed on the way: torchrun starts both again, and they resume by themselves."""
    options = {"optimizer": "sgd", "learning_rate": 0.01, "momentum": 0.0}  # small steps keep roundings small
    config = config_of(tmp_path / "run", positions=32 * STEPS, checkpoint_minutes=1e-5, **options)
    whole = tmp_path / "whole"
    train(replace(config, out=whole, checkpoint_minutes=10.0))
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    process = start([*torchrun, "--max-restarts", "1", "-m", "hayago", *words(config)])
    wait_for_checkpoint(config, process)
    os.kill(youngest_child(process.pid), signal.SIGKILL)
    said, told = process.communicate(timeout=300)
    assert process.returncode == 0, told
    assert said.count(f"model.safetensors: {32 * STEPS:,} positions") == 1
    assert told.count("16 filters on cpu") == 2  # rank 0 only, before and after
    np.testing.assert_allclose(loss_curve(config.out), loss_curve(whole), rtol=0.02)


def youngest_child(pid: int) -> int:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=True)
    return max(map(int, listed.stdout.split()))


@pytest.mark.slow
def test_no_rank_hangs_when_another_is_killed(tmp_path: Path) -> None:
    config = config_of(tmp_path / "run", positions=32 * 100_000, checkpoint_minutes=1e-5)
    first, second = start_ranks(config, 2)
    wait_for_checkpoint(config, first)
    second.kill()
    _, told = first.communicate(timeout=120)
    second.communicate()
    assert first.returncode == 1
    assert [line for line in told.splitlines() if line.startswith("hayago:")] == [
        "hayago: another process of this run has ended; the last checkpoint is complete"
    ]
    assert "Traceback" not in told
    assert load_checkpoint(config.out / "last.safetensors").header["step"] > 0


@pytest.mark.slow
def test_all_ranks_stop_at_the_same_step_when_one_is_asked_to(tmp_path: Path) -> None:
    config = config_of(tmp_path / "run", positions=32 * 100_000, checkpoint_minutes=1e-5)
    first, second = start_ranks(config, 2)
    wait_for_checkpoint(config, first)
    second.send_signal(signal.SIGTERM)
    told = [process.communicate(timeout=120)[1] for process in (first, second)]
    assert (first.returncode, second.returncode) == (130, 130)
    step = load_checkpoint(config.out / "last.safetensors").header["step"]
    lines = [line for text in told for line in text.splitlines() if line.startswith("hayago:")]
    assert all(f"stopped after step {step};" in line for line in lines)
    assert lines


@pytest.mark.slow
def test_a_run_killed_three_times_gives_the_same_bits(tmp_path: Path, whole: Path) -> None:
    """Twice at a random moment, once while a checkpoint is being written."""
    config = config_of(tmp_path / "run", positions=32 * STEPS, checkpoint_minutes=1e-5)
    chance = random.Random()
    for kill in range(3):
        process = start([*HAYAGO, *words(replace(config, resume=kill > 0))])
        before = last_step(config)
        while last_step(config) <= before:
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        if kill == 1:
            deadline = time.monotonic() + 10
            while not list(config.out.glob(".last.safetensors.*")) and time.monotonic() < deadline:
                time.sleep(0.0005)
        else:
            time.sleep(chance.uniform(0, 0.1))
        process.kill()
        process.communicate()
    interrupted = last_step(config)
    subprocess.run([*HAYAGO, *words(replace(config, resume=True))], check=True, capture_output=True)
    assert interrupted < STEPS, "the run was over before it could be killed"
    expected, got = learned(whole), learned(config.out)
    assert all(np.array_equal(expected[name], got[name]) for name in expected)
    steps = [int(row["step"]) for row in rows(config.out)]
    assert steps == sorted(set(steps))
    assert steps[-1] == STEPS
    validated = [(row["step"], row["validation_loss"]) for row in rows(config.out) if row["validation_loss"]]
    assert validated == [(row["step"], row["validation_loss"]) for row in rows(whole) if row["validation_loss"]]
    assert not list(config.out.glob(".*"))  # what was half-written is gone


def last_step(config: TrainingConfig) -> int:
    path = config.out / "last.safetensors"
    return int(load_checkpoint(path).header["step"]) if path.exists() else 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit")
def test_a_full_disk_leaves_the_old_checkpoint(tmp_path: Path) -> None:
    import resource

    config = config_of(tmp_path / "run", positions=32 * 100_000, checkpoint_minutes=1e-5)
    process = start([*HAYAGO, *words(config)])
    wait_for_checkpoint(config, process)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (20_000, 20_000))
    _, told = process.communicate(timeout=120)
    assert process.returncode == 1
    last = told.splitlines()[-1]
    assert last.startswith(f"hayago: cannot write {config.out}")
    assert last.endswith("File too large")
    assert "Traceback" not in told
    assert last_step(config) > 0


def test_ranks_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (ProcessGroup.from_environment().count, ProcessGroup.from_environment().first) == (1, True)
    for name, value in {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    group = ProcessGroup.from_environment()
    assert (group.rank, group.count, group.local, group.neighbours, group.restarts) == (3, 4, 1, 2, 0)
    assert not group.first
    monkeypatch.setenv("RANK", "three")
    with pytest.raises(HayagoError, match="must be numbers"):
        ProcessGroup.from_environment()


def test_batches_that_cannot_be_shared_are_refused() -> None:
    group = ProcessGroup(0, 3)
    group.refuse(torch.device("cpu"), 96, 32)
    with pytest.raises(HayagoError, match="batch_size 128 is not a multiple of 3 processes x batch_norm_group 64"):
        group.refuse(torch.device("cpu"), 128, 64)
    with pytest.raises(HayagoError, match=r"batch_size 16 is not a multiple of 3 processes$"):
        group.refuse(torch.device("cpu"), 16, 1)
    ProcessGroup(1, 2, 1, neighbours=2).refuse(torch.device("cuda", 1), 32, 16)
    ProcessGroup(1, 2, 0, neighbours=1).refuse(torch.device("cuda", 1), 32, 16)
    with pytest.raises(HayagoError, match="of a machine cannot share cuda:1: --device cuda gives each its own"):
        ProcessGroup(0, 2, 0, neighbours=2).refuse(torch.device("cuda", 1), 32, 16)
    with pytest.raises(HayagoError, match="cannot share the GPU of a Mac"):
        group.refuse(torch.device("mps"), 96, 32)
    with pytest.raises(HayagoError, match="batch_size 96 is not a multiple of batch_norm_group 64"):
        config_of(Path("run"), batch_size=96, batch_norm_group=64)


def test_why_nccl_fails_is_told() -> None:
    """It has no processes to lose where a GPU cannot be used at all."""
    group = ProcessGroup(0, 2)
    group._store = distributed.HashStore()
    error = distributed.DistBackendError("NCCL error in: x.cpp:1, invalid usage\nmore")
    with pytest.raises(RankLost, match=r"has ended \(NCCL error in: x\.cpp:1, invalid usage\); the last"):
        group.__exit__(type(error), error, None)
    with pytest.raises(SystemExit):  # the first has said it
        group.__exit__(type(error), error, None)
