"""Model and checkpoint files whose headers a stranger wrote: every command that reads them says so in one line."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load_file, save, save_file

from hayago.cli import main
from hayago.network.architecture import BOUNDS
from hayago.network.file_header import LARGEST, MOST_CHARACTERS, parse_header
from hayago.network.model_file import HEADER_KEY, ModelError, load_model, save_model
from hayago.training.checkpoint import load_checkpoint
from learning import small_model, store_path

DEEP = json.loads("[" * 60 + "]" * 60)

# The JSON text of a field's value.
FIELDS = {
    "filters": ["8.0", '"8"', "[8]", "true", "null", "0", "-8", "1e30", "9" * 400, "{}", "4097"],
    "planes": ["47.5", "[48]", "0", "1025", '"\\ud800"', "null"],
    "layers": ["2.5", "1", "1000000000000", "-1", "[]", '{"a": 2}', "null"],
    "board_size": ["19.0", "0", "20", "-19", "[19, 19]", '"19"', "false"],
    "features_version": ["1.0", '"1"', "[1]", "null", "-1", "true"],
    "data_fingerprint": ["7", "null", '["a"]', '"\\ud800"', '"\\u001b[31m"', '"a\\nb"', '"\\u202e"'],
    "hayago_version": ["1", "null", "{}", '"\\udfff\\ud800"', '"\\u001b]0;x\\u0007"', '"\\u0000"'],
    "history": [
        *('"a"', "7", "null", '{"a": 1}', "[7]", "[null]", "[[1]]", '["run"]', '[{"games": "many"}]'),
        *('[{"positions": 1.5}]', '[{"positions": -1}]', '[{"steps": [1]}]', '[{"config": 7}]', '[{"a": NaN}]'),
        *('[{"a": Infinity}]', '[{"a": 1e999}]', '[{"a": "\\ud83d"}]', '[{"\\u001b": 1}]'),
        *(f'[{{"a": {2**60}}}]', "[" * 50_000, f'[{{"a": {json.dumps(DEEP)}}}]', '[{"a": ' + "9" * 5000 + "}]"),
    ],
    "kind": ["null", "[]", '"checkpoint"', '"\\u001b[31m"', "7"],
}
CASES = [(name, value) for name, values in FIELDS.items() for value in values]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file."""
    info, weights = small_model()
    path = tmp_path_factory.mktemp("models") / "model.safetensors"
    save_model(path, weights, info)
    return path


def with_field(good: Path, path: Path, name: str, value: str) -> Path:
    """The file with the JSON text `value` in a field of its header."""
    info = json.loads(json.dumps(load_model(good).info.__dict__))
    fields = {"kind": '"model"', **{key: json.dumps(one) for key, one in info.items()}, name: value}
    text = "{" + ", ".join(f'"{key}": {one}' for key, one in fields.items()) + "}"
    save_file(load_file(good), path, {HEADER_KEY: text})
    return path


@pytest.mark.parametrize(("name", "value"), CASES)
def test_a_field_of_the_wrong_kind(
    name: str, value: str, good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = with_field(good, tmp_path / "bad.safetensors", name, value)
    with pytest.raises(ModelError) as caught:
        load_model(path)
    assert str(path) in str(caught.value)
    assert main(["info", str(path)]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and error.startswith("hayago: ") and error[:-1].isprintable()
    assert len(error) < 400


def test_a_good_header_is_read(good: Path, tmp_path: Path) -> None:
    history = '[{"positions": 5, "config": {"seed": 1}, "device": "cpu", "validation_loss": null, "más": [1, [2.5]]}]'
    assert (
        load_model(with_field(good, tmp_path / "m.safetensors", "history", history)).info.history[0]["positions"] == 5
    )
    assert parse_header(f'{{"a": {LARGEST}, "b": -{LARGEST}}}') == {"a": LARGEST, "b": -LARGEST}


@pytest.mark.parametrize("text", ["[]", "7", "null", '"x"', "{", "", '{"a": "' + "x" * MOST_CHARACTERS + '"}'])
def test_a_header_that_is_no_object(text: str, good: Path, tmp_path: Path) -> None:
    save_file(load_file(good), tmp_path / "bad.safetensors", {HEADER_KEY: text})
    with pytest.raises(ModelError, match="its header makes no sense"):
        load_model(tmp_path / "bad.safetensors")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array([np.nan] * 361, np.float32), "holds NaN or infinite values"),
        (np.array([np.inf] * 361, np.float16), "holds NaN or infinite values"),
        (np.zeros(361, np.complex64), "is complex64|never writes|damaged"),
        (np.zeros(361, ml_dtypes.bfloat16), "is bfloat16|never writes"),
        (np.zeros((0,), np.float32), "has the shape"),
    ],
)
def test_hostile_tensors(values: Any, message: str, good: Path, tmp_path: Path) -> None:
    path = tmp_path / "bad.safetensors"
    header = json.dumps({"kind": "model", **json.loads(json.dumps(load_model(good).info.__dict__))})
    path.write_bytes(save({**load_file(good), "last.bias": values}, {HEADER_KEY: header}))
    with pytest.raises(ModelError, match=message):
        load_model(path)


@pytest.mark.parametrize("claimed", [2**63, 2**40, 10**6])
def test_a_header_longer_than_the_file(claimed: int, good: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.safetensors").write_bytes(claimed.to_bytes(8, "little") + good.read_bytes()[8:])
    with pytest.raises(ModelError, match="damaged"):
        load_model(tmp_path / "bad.safetensors")


@pytest.mark.parametrize(
    ("command", "name", "value"),
    [
        ("gtp", "filters", "[8]"),
        ("gtp", "planes", "7"),
        ("gtp --check", "layers", "1000000000000"),
        ("gtp --analysis-json", "history", '["\\ud800"]'),
        ("evaluate", "board_size", "19.0"),
        ("predict", "planes", "7"),
        ("export", "hayago_version", "null"),
    ],
)
def test_every_command_says_it_in_one_line(
    command: str, name: str, value: str, good: Path, tmp_path: Path, demo_games: Path
) -> None:
    """`gtp` too, although a thread of its own loads the network."""
    path = str(with_field(good, tmp_path / "bad.safetensors", name, value))
    words = {
        "evaluate": ["evaluate", str(demo_games), "--limit", "5", "--model", path],
        "predict": ["predict", str(demo_games), "--move", "3", "--model", path],
        "export": ["export", str(tmp_path / "out.onnx"), "--model", path],
    }.get(command, [*command.split(), "--model", path])
    done = subprocess.run(
        [sys.executable, "-m", "hayago", *words], input="name\ngenmove b\n", capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("hayago: ")
    assert not (tmp_path / "out.onnx").exists()


# ---- Checkpoints, and the rest of a run's folder.


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a short run that could go on."""
    pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("run")
    assert main(train_words(folder / "run", 512)) == 0
    return folder / "run"


def train_words(folder: Path, positions: int, *more: str) -> list[str]:
    """A command line that trains a tiny network."""
    words = f"--filters 4 --layers 3 --planes 4 --positions {positions} --validations 1 --validation-positions 64"
    words += " --batch-size 64 --batch-norm-group 64 --threads 1 --device cpu --schedule stable --decay 0"
    return ["train", "--games", str(store_path()), "--out", str(folder), *words.split(), *more]


HEADERS: dict[str, list[Any]] = {
    "step": [1.5, -1, "8", [8], None, True, 10**18, 2**53, 10**10 + 1],
    "seconds": [2**53, 1e11, "1", None, -1, [1]],
    "best": ["1", [1], {}],
    "validation": [7, [1], [1, "a"], {"a": 1}, "ab"],
    "loss_level": [None, "1", [2]],
    "data_fingerprint": [7, None, ["a"], "\x1b[31m"],
    "config": [None, 7, [], "config", {}],
    "features_version": [None, [1], 7, "1"],
}


def changed_run(run: Path, folder: Path, tensors: dict[str, Any] | None = None, **header: Any) -> Path:
    """A copy of the run, whose checkpoint has other fields in its header, or other tensors, and no checksum."""
    folder.mkdir()
    for path in run.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    loaded = load_checkpoint(run / "last.safetensors")
    del loaded.header["checksum"]
    text = json.dumps({**loaded.header, **header})
    save_file({**loaded.tensors, **(tensors or {})}, folder / "last.safetensors", {HEADER_KEY: text})
    return folder


def is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line with which `train --resume` refuses this folder."""
    capsys.readouterr()
    assert main(train_words(folder, 1024, "--resume")) == 1
    error = capsys.readouterr().err
    assert error.startswith("hayago: ") and error.count("\n") == 1
    assert error[:-1].isprintable()
    return error


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in HEADERS.items() for value in values])
def test_resuming_from_a_hostile_header(
    name: str, value: Any, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    is_refused(changed_run(run, tmp_path / "run", **{name: value}), capsys)


@pytest.mark.parametrize(
    "tensors",
    [
        {"optimizer.0.x.momentum": np.zeros(1, np.float32)},
        {"optimizer.0": np.zeros(1, np.float32)},
        {"optimizer.0.99.momentum": np.zeros(1, np.float32)},
        {"optimizer.0.0.momentum": np.zeros(1, np.float32)},
        {"optimizer.1.0.step": np.array(3, np.int64)},
        {"optimizer.0.0.other": np.zeros(1, np.float32)},
        {"something": np.zeros(1, np.float32)},
        {"network.last.bias": np.full(361, np.nan, np.float32)},
        {"network.last.bias": np.zeros(361, np.uint64)},
        {"network.last.bias": np.zeros(0, np.float32)},
    ],
)
def test_resuming_from_hostile_tensors(
    tensors: dict[str, Any], run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "another network" in is_refused(changed_run(run, tmp_path / "run", tensors), capsys)


def _log(text: str) -> bytes:
    return b"step,positions,seconds\n" + text.encode()


@pytest.mark.parametrize(
    "log",
    [
        b"\xff\xfe\x00",
        b"",
        _log("1,2,3\n"),
        "first",  # the first row with a word, one cell more, or one less
        "longer",
        "shorter",
        "nan",
        b"step\n" + b"9" * 200_000 + b"\n",
    ],
)
def test_resuming_with_a_hostile_log(
    log: bytes | str, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = changed_run(run, tmp_path / "run")
    head, *rows = (run / "log.csv").read_text().splitlines()
    row = rows[0].split(",")
    if isinstance(log, str):
        bad = {"first": ["x", *row[1:]], "longer": [*row, "7"], "shorter": row[:-1], "nan": [row[0], "nan", *row[2:]]}
        log = "\n".join([head, ",".join(bad[log]), *rows, *rows, ""]).encode()
    (folder / "log.csv").write_bytes(log)
    assert "log.csv: not the log of a run" in is_refused(folder, capsys)


def test_a_good_run_goes_on(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also after a row that was cut short."""
    folder = changed_run(run, tmp_path / "run")
    with (folder / "log.csv").open("a") as file:
        file.write("12,76")
    assert main(train_words(folder, 1024, "--resume")) == 0
    assert "positions in" in capsys.readouterr().out


def test_bounds_are_those_of_the_table() -> None:
    """So that the parametrised values above are outside of them."""
    assert BOUNDS == {"filters": (1, 4096), "planes": (1, 1024), "layers": (2, 256), "board_size": (1, 19)}
