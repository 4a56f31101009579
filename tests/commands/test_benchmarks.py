"""The benchmark gives all its keys, on games that never change; how fast it is, is no matter of tests."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from hayago import benchmarks as benchmark
from hayago.benchmarks import bench
from hayago.commands.bench import bench as command
from hayago.envs.vector_env import GoVectorEnv
from hayago.errors import HayagoError


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little work of each kind."""
    monkeypatch.setattr(benchmark, "GAMES", 3)
    monkeypatch.setattr(benchmark, "PLAYOUTS", 5)
    monkeypatch.setattr(benchmark, "ENV_BOARDS", 2)
    monkeypatch.setattr(benchmark, "ENV_AGE", 3)
    monkeypatch.setattr(benchmark, "ENV_STEPS", 2)
    monkeypatch.setattr(benchmark, "ROUNDS", 2)
    monkeypatch.setattr(benchmark, "FILTERS", (4, 8))
    monkeypatch.setattr(benchmark, "BATCH_SIZES", {4: 8, 8: 8})
    monkeypatch.setattr(benchmark, "WAITING_FILTERS", 4)
    monkeypatch.setattr(benchmark, "MATRIX_SIZES", (32, 64))


@pytest.mark.slow
def test_all_keys_are_there() -> None:
    results = bench()
    assert (results["positions"], results["encode_threads"]) == (594, 1)
    assert (results["env_boards"], results["env_threads"]) == (2, 1)
    for key in (
        "encode_48_positions_per_s",
        "encode_46_positions_per_s",
        "encode_unpacked_positions_per_s",
        "encode_two_threads_ratio",
        "replay_moves_per_s",
        "read_files_per_s",
        "playouts_per_s",
        "env_board_steps_per_s",
        "env_planes48_steps_per_s",
        "infer_latency_ms_192",
    ):
        assert float(results[key]) > 0, key
    assert any(key.startswith("train_") for key in results) == (find_spec("torch") is not None)


@pytest.mark.slow
def test_all_keys_of_training_are_there() -> None:
    results = bench(["train"])
    for key in (
        "train_positions_per_s",
        "train_share_of_matmul",
        "train_waiting_share",
        "train_encode_two_threads_ratio",
    ):
        assert float(results[key]) > 0, key
    assert results["train_share_of_matmul"] == min(
        results["train_share_of_matmul_4"], results["train_share_of_matmul_8"]
    )


def test_the_games_are_always_the_same() -> None:
    results = bench(["read"])
    assert results["games"] == 3
    assert results["games_sha256"] == "73cec2a5cd51910da276455ade161491a0b10ccd7a6a5822d5680f0d841f8ed7"
    assert "encode_48_positions_per_s" not in results


def test_board_and_planes_take_turns_behind_the_same_age(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[tuple[str, int]] = []
    real = GoVectorEnv.step

    def step(env: GoVectorEnv, actions: Any) -> Any:
        steps.append((str(env.single_observation_space.dtype), len(actions)))
        return real(env, actions)

    monkeypatch.setattr(GoVectorEnv, "step", step)
    bench(["env"])
    board, planes = ("int8", 2), ("uint8", 2)
    assert steps == [board] * 3 + [planes] * 3 + ([board] * 2 + [planes] * 2) * (1 + benchmark.SHORT_ROUNDS)


def test_json_is_one_flat_object(capsys: pytest.CaptureFixture[str]) -> None:
    command("read", as_json=True)
    results = json.loads(capsys.readouterr().out)
    assert all(isinstance(value, (int, float, str)) for value in results.values())


def test_text_has_a_line_for_each_figure(capsys: pytest.CaptureFixture[str]) -> None:
    command("read")
    assert "read_files_per_s" in capsys.readouterr().out


def test_what_cannot_be_measured_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HayagoError, match="nothing to measure is called 'speed'"):
        bench(["speed"])
    with pytest.raises(HayagoError, match="name a file of games with --games"):
        bench(["read"], tmp_path / "none.sgf")
    (tmp_path / "empty.sgf").write_text("")
    with pytest.raises(HayagoError, match="no games that begin"):
        bench(["read"], tmp_path / "empty.sgf")
