"""Going on from a trained network: all of it, a persona, or its last bias."""

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hayago.cli import main
from hayago.errors import HayagoError
from hayago.features.planes import unpack
from hayago.network.board_sizes import for_board
from hayago.network.evaluator import make_evaluator
from hayago.network.model_file import Model, load_model, save_model
from hayago.records.prepare import PrepareOptions, write_store
from hayago.records.sgf import scan_sgf
from hayago.training.checkpoint import load_checkpoint, save_checkpoint
from hayago.training.config import PARTS
from hayago.training.loop import train
from hayago.training.trainer import Trainer
from hayago.training.training_network import TrainingNetwork
from learning import demo_batch, small_config, small_model, stop_after, store_path

SHAPE = {"planes": 48, "layers": 3}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "start.safetensors"
    info, weights = small_model(8, **SHAPE)
    save_model(path, weights, info)
    return path


def logits(model: Model) -> np.ndarray:
    return make_evaluator(model).logits(demo_batch(32).rows)


@pytest.mark.parametrize("normalised", [False, True])
@pytest.mark.parametrize("pointwise", [False, True])
def test_it_begins_with_the_same_logits(normalised: bool, pointwise: bool) -> None:
    model = small_model(8, **SHAPE)
    network = TrainingNetwork(8, **SHAPE, normalised=normalised, pointwise_kernels=pointwise)
    planes = torch.from_numpy(unpack(demo_batch(64).rows)).float()
    lengths = [layer.weight.flatten(1).norm(dim=1).clone() for layer in network.hidden]
    network.start_from(model, planes)
    expected = logits(model)
    with torch.no_grad():
        folded = network.fold()(planes[:32]).numpy()
        network.train()  # so that the normalisations use the batch's own moments
        learning = network(planes).numpy()
    scale = np.abs(expected).max()
    np.testing.assert_allclose(network.fold()(planes).detach().numpy(), learning, atol=1e-3 * scale)
    fresh = make_evaluator(model).logits(demo_batch(64).rows)
    np.testing.assert_allclose(learning, fresh, atol=1e-3 * scale)
    assert folded.shape == expected.shape
    for layer, before in zip(network.hidden, lengths, strict=True):
        if normalised:  # where the rates are meant for
            torch.testing.assert_close(layer.weight.flatten(1).norm(dim=1), before)


@pytest.mark.parametrize("learned", ["all", "persona", "bias"])
def test_what_is_learned(tmp_path: Path, model: Path, learned: Any) -> None:
    options = {**PARTS[learned], "learned": learned, "start": str(model), "learning_rate": 0.01}
    result = train(small_config(tmp_path / "run", **options))
    before, after = load_model(model), load_model(result.model)
    changed = {name for name in before.weights if not np.allclose(before.weights[name], after.weights[name], atol=1e-5)}
    if learned == "bias":
        assert changed == {"last.bias"}
    elif learned == "persona":
        assert changed == {f"hidden.{n}.{kind}" for n in (0, 1) for kind in ("weight", "bias")} | {"last.bias"}
        for layer in (0, 1):  # each filter is its old self, longer or shorter
            old, new = (each.weights[f"hidden.{layer}.weight"].reshape(8, -1) for each in (before, after))
            cosines = (old * new).sum(1) / np.linalg.norm(old, axis=1) / np.linalg.norm(new, axis=1)
            np.testing.assert_allclose(cosines, 1, atol=1e-5)
    else:
        assert changed == before.weights.keys()
    assert [run["config"]["learned"] for run in after.info.history] == [learned]


def test_the_history_goes_on(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = train(small_config(tmp_path / "one", start=str(model))).model
    config = small_config(tmp_path / "two", start=str(first))
    stop_after(monkeypatch, 8)
    with pytest.raises(HayagoError, match="--from"):
        train(config)
    monkeypatch.undo()
    first.rename(tmp_path / "elsewhere")  # a checkpoint holds all that a run needs
    last = train(replace(config, resume=True)).model
    history = load_model(last).info.history
    assert [run["config"]["start"] for run in history] == [True, True]
    assert str(tmp_path) not in json.dumps(history)  # where it lies is the user's own business


def test_a_resumed_run_gives_the_same_bits(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {**PARTS["persona"], "learned": "persona", "start": str(model)}
    whole = train(small_config(tmp_path / "whole", **options))
    config = small_config(tmp_path / "parts", **options)
    stop_after(monkeypatch, 1)
    with pytest.raises(HayagoError):
        train(config)
    monkeypatch.undo()
    parts = train(replace(config, resume=True))
    one, other = load_model(whole.model).weights, load_model(parts.model).weights
    assert all((one[name] == other[name]).all() for name in one)


def test_the_learning_rates_are_a_quarter(tmp_path: Path, model: Path) -> None:
    def rates(**options: Any) -> list[float]:
        trainer = Trainer(small_config(tmp_path, **options), torch.device("cpu"))
        return [group["peak"] for optimizer in trainer.optimizers for group in optimizer.param_groups]

    assert rates(start=str(model)) == pytest.approx([rate / 4 for rate in rates()])
    assert rates(start=str(model), learning_rate=0.1)[0] == 0.1


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    code = main(["train", "--games", str(store_path()), *map(str, words)])
    return code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--from", "none.safetensors"], 1, "none.safetensors: no such model file"),
        (["--from", "START", "--filters", "16"], 1, "has filters 8, not 16"),
        (["--from", "START", "--planes", "20"], 1, "has planes 48, not 20"),
        (["--from", "START", "--layers", "4"], 1, "has layers 3, not 4"),
        (["--train", "persona"], 1, "--train persona needs a network to start from: --from"),
        (["--from", "START", "--train", "persona", "--normalised"], 1, "--normalised has no meaning"),
        (["--from", "START", "--train", "bias", "--optimizer", "muon"], 1, "use adamw or sgd"),
        (["--from", "START", "--train", "persona", "--weight-decay", "0.9"], 1, "has an effect only with --train all"),
        (["--from", "START", "--train", "persona", "--recipe", "paper"], 2, "is for whole networks"),
        (["--from", ""], 2, "--from names no network"),
        (["--from", "HUGE"], 1, "the network to start from answers with NaN or infinite values"),
        (["--from", "OLD"], 1, "was trained in 100 runs; at most 99 are kept"),
        (["--from", "START", "--identity-init", "0.5"], 1, "--identity-init has an effect only without --from"),
        (["--train", "some"], 2, "some"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(
    words: list[str], code: int, message: str, tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    info, weights = load_model(model)
    huge, old = tmp_path / "huge.safetensors", tmp_path / "old.safetensors"
    save_model(huge, {name: value * 1e15 for name, value in weights.items()}, info)
    save_model(old, weights, replace(info, history=({"games": 1, "steps": 1, "positions": 1, "config": {}},) * 100))
    paths = {"START": model, "HUGE": huge, "OLD": old}
    found, err = run(capsys, "--out", out, "--positions", 320, *(paths.get(word, word) for word in words))
    assert found == code and message in err and err.count("\n") == 1
    assert not out.exists()


def test_it_goes_to_another_board(tmp_path: Path, model: Path) -> None:
    """A network of 19x19 learns on 9x9, where it begins as it plays there."""
    moves = "".join(f";{'BW'[n % 2]}[{'abcdefghi'[n // 9]}{'abcdefghi'[(n * 2) % 9]}]" for n in range(40))
    games = [f"(;SZ[9]PB[{n}]{moves[: 6 * (20 + n % 20)]})" for n in range(60)]
    store = tmp_path / "nine.parquet"
    write_store(scan_sgf("".join(games).encode()), store, PrepareOptions(size=9, min_moves=1))
    config = replace(small_config(tmp_path / "run", start=str(model), positions=16), games=store)
    after = load_model(train(config).model)
    assert after.info.board_size == 9
    before = for_board(load_model(model), 9)
    assert before.weights["last.bias"].shape == after.weights["last.bias"].shape


def test_the_network_it_starts_from_is_not_replaced(tmp_path: Path, model: Path) -> None:
    for name in ("model", "best", "last"):
        out = tmp_path / name
        out.mkdir()
        start = out / f"{name}.safetensors"
        start.write_bytes(model.read_bytes())
        with pytest.raises(HayagoError, match="an input"):
            train(small_config(out, start=str(start)))
        assert start.read_bytes() == model.read_bytes()


def test_the_command_that_is_printed_continues(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where an option has the usual value but not that of a persona, and after the first network has gone."""
    start = tmp_path / "-\u3000x.safetensors"
    model.rename(start)
    monkeypatch.chdir(tmp_path)
    words = ["--out", "run", f"--from={start.name}", "--train", "persona", "--batch-size", 64, "--positions", 640]
    stop_after(monkeypatch, 4)
    code, err = run(capsys, *words, "--validation-positions", 64, "--threads", 1)
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert code == 130
    start.unlink()
    command = shlex.split(err.partition("continue with: ")[2])
    assert command[:2] == ["hayago", "train"]
    assert main(command[1:]) == 0
    assert load_model(tmp_path / "run" / "model.safetensors").info.history[0]["steps"] == 10


@pytest.mark.parametrize("history", [5, None, "abc", [1, 2], [{"config": 3}]])
def test_a_history_that_makes_no_sense(tmp_path: Path, history: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    config = small_config(tmp_path / "run")
    stop_after(monkeypatch, 4)
    with pytest.raises(HayagoError):
        train(config)
    monkeypatch.undo()
    path = tmp_path / "run" / "last.safetensors"
    header, tensors = load_checkpoint(path)
    save_checkpoint(path, tensors, {**header, "history": history})
    with pytest.raises(HayagoError, match="its header makes no sense: history"):
        train(replace(config, resume=True))
