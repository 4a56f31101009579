"""Model files keep what they hold, and whatever is wrong with one is said in one line."""

import errno
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from hayago.cli import main
from hayago.errors import HayagoError
from hayago.network.model_file import HEADER_KEY, ModelError, load_model, save_model
from hayago.training.checkpoint import load_checkpoint, save_checkpoint
from learning import small_model


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A good model file."""
    info, weights = small_model()
    save_model(tmp_path / "model.safetensors", weights, info)
    return tmp_path / "model.safetensors"


def rewrite(path: Path, weights: dict[str, Any], **header: Any) -> None:
    """Write the file again with other tensors and other entries in the header."""
    info = json.loads(json.dumps(load_model(path).info.__dict__))
    save_file(weights, path, {HEADER_KEY: json.dumps({"kind": "model", **info, **header})})


def test_a_model_comes_back_as_it_was(path: Path) -> None:
    info, weights = small_model()
    loaded = load_model(path)
    assert loaded.info == info
    assert loaded.weights.keys() == weights.keys()
    for name, value in weights.items():
        assert np.array_equal(loaded.weights[name], value)


@pytest.mark.parametrize(("value", "half"), [(np.nan, False), (np.inf, False), (-np.inf, True), (1e5, True)])
def test_a_model_that_could_not_be_read_is_not_written(value: float, half: bool, path: Path) -> None:
    """1e5 is beyond float16."""
    info, weights = small_model()
    before = path.read_bytes()
    weights["last.bias"] = np.full_like(weights["last.bias"], value)
    with pytest.raises(ModelError, match=r"last\.bias holds NaN or infinite values"):
        save_model(path, weights, info, half=half)
    assert path.read_bytes() == before


@pytest.mark.parametrize("loss", [float("nan"), 1e20, -(2**60), "\x1b[31m"])
def test_a_header_that_could_not_be_read_is_not_written(loss: object, path: Path) -> None:
    info, weights = small_model()
    before = path.read_bytes()
    with pytest.raises(ModelError, match="its header makes no sense"):
        save_model(path, weights, replace(info, history=({"validation_loss": loss},)))
    assert path.read_bytes() == before


def test_half_precision_files_load_as_float32(path: Path) -> None:
    info, weights = small_model()
    size = path.stat().st_size
    save_model(path, weights, info, half=True)
    loaded = load_model(path)
    assert path.stat().st_size < 0.6 * size
    for name, value in weights.items():
        assert loaded.weights[name].dtype == np.float32
        assert np.allclose(loaded.weights[name], value, rtol=1e-3, atol=1e-6)


def test_loading_needs_no_torch(path: Path) -> None:
    code = (
        "import sys; from hayago.network.model_file import load_model; load_model(sys.argv[1]);"
        "assert 'torch' not in sys.modules and 'pickle' not in getattr(sys.modules.get('numpy'), '__all__', [])"
    )
    subprocess.run([sys.executable, "-c", code, path], check=True, timeout=120)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model file"):
        load_model(tmp_path / "none.safetensors")


@pytest.mark.parametrize("size", [0, 4, 100, 2000, -1])
def test_a_file_cut_short(path: Path, size: int) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:size])
    with pytest.raises(ModelError, match="damaged"):
        load_model(path)


@pytest.mark.parametrize("data", [b"not a model at all, but long enough to look", b"\x80\x04\x95pickle" * 9])
def test_something_else(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    with pytest.raises(ModelError, match="damaged or no safetensors file"):
        load_model(path)


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="Is a directory"):
        load_model(tmp_path)


def test_safetensors_of_others(path: Path) -> None:
    save_file({"x": np.zeros(3, np.float32)}, path)
    with pytest.raises(ModelError, match="not one that hayago wrote"):
        load_model(path)


def test_another_version_of_the_features(path: Path) -> None:
    rewrite(path, load_model(path).weights, features_version=99)
    with pytest.raises(ModelError, match="version 99 of the feature planes"):
        load_model(path)


def test_a_missing_an_extra_and_a_wrong_tensor(path: Path) -> None:
    weights = load_model(path).weights
    without = {name: value for name, value in weights.items() if name != "hidden.1.bias"}
    rewrite(path, without)
    with pytest.raises(ModelError, match=r"hidden\.1\.bias is missing"):
        load_model(path)


def test_an_extra_tensor(path: Path) -> None:
    rewrite(path, {**load_model(path).weights, "hidden.99.bias": np.zeros(3, np.float32)})
    with pytest.raises(ModelError, match=r"hidden\.99\.bias belongs to no layer"):
        load_model(path)


def test_a_tensor_of_another_shape(path: Path) -> None:
    rewrite(path, {**load_model(path).weights, "last.bias": np.zeros(81, np.float32)})
    with pytest.raises(ModelError, match=r"last\.bias has the shape \(81,\), not \(361,\)"):
        load_model(path)


def test_a_tensor_of_another_type(path: Path) -> None:
    rewrite(path, {**load_model(path).weights, "last.bias": np.zeros(361, np.int32)})
    with pytest.raises(ModelError, match=r"last\.bias is int32"):
        load_model(path)


@pytest.mark.parametrize("header", [{"filters": 0}, {"filters": "8"}, {"board_size": 25}])
def test_a_header_without_sense(path: Path, header: dict[str, Any]) -> None:
    rewrite(path, load_model(path).weights, **header)
    with pytest.raises(ModelError, match="header makes no sense"):
        load_model(path)


def test_weights_that_do_not_fit_are_never_written(path: Path) -> None:
    info, weights = small_model()
    before = path.read_bytes()
    with pytest.raises(ModelError, match="missing"):
        save_model(path, {"last.bias": weights["last.bias"]}, info)
    assert path.read_bytes() == before


def test_checkpoints_keep_tensors_and_header(tmp_path: Path) -> None:
    path = tmp_path / "last.safetensors"
    tensors: dict[str, np.ndarray] = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "step": np.array(7, np.int64)}
    run = {"seconds": 1.5, "best": None, "validation": [2.5, 0.5], "loss_level": 3, "data_fingerprint": "ab"}
    save_checkpoint(path, tensors, {"step": 7, "config": {"seed": 1}, **run})
    header, loaded = load_checkpoint(path)
    assert header["step"] == 7
    assert header["config"] == {"seed": 1}
    for name, value in tensors.items():
        assert loaded[name].dtype == value.dtype
        assert loaded[name].shape == value.shape
        assert np.array_equal(loaded[name], value)
    with pytest.raises(ModelError, match="a checkpoint file where a model file is needed"):
        load_model(path)


@pytest.mark.parametrize("damage", ["first", "middle", "last", "header"])
def test_a_checkpoint_notices_a_single_wrong_bit(tmp_path: Path, damage: str) -> None:
    """In a tensor, where any bits are numbers, or in a number of the header."""
    path = tmp_path / "last.safetensors"
    tensors = {name: np.linspace(1, 2, 6, dtype=np.float32).reshape(2, 3) for name in ("a", "b")}
    run = {"seconds": 1.5, "best": None, "validation": [2.5, 0.5], "loss_level": 3, "data_fingerprint": "ab"}
    save_checkpoint(path, tensors, {"step": 7, "config": {"seed": 1}, **run})
    data = bytearray(path.read_bytes())
    header = data.index(b'step\\": 7') + len(b'step\\": ')
    data[{"first": -48, "middle": -20, "last": -1, "header": header}[damage]] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelError, match="damaged: its checksum is wrong"):
        load_checkpoint(path)


def test_a_file_that_may_not_be_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *arguments: Any) -> Any:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ModelError, match=r"^cannot read .*model\.safetensors: Permission denied$"):
        load_model(path)


@pytest.mark.parametrize("kind", [None, "sword", 7, ["model"]])
def test_a_file_of_no_kind(path: Path, kind: object) -> None:
    rewrite(path, load_model(path).weights, kind=kind)
    with pytest.raises(ModelError, match="its header does not say that it is a model"):
        load_model(path)


def test_a_full_disk_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()

    def full(path: Path, write: Any) -> None:
        class Full:
            def write(self, data: bytes) -> int:
                raise OSError(errno.ENOSPC, "No space left on device")

        original(path, lambda file: write(Full()))

    import hayago.network.model_file as checkpoint

    original = checkpoint.write_atomically
    monkeypatch.setattr(checkpoint, "write_atomically", full)
    info, weights = small_model()
    with pytest.raises(HayagoError, match="No space left on device"):
        save_model(path, weights, info)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_limit_on_the_size_of_files_leaves_the_old_file(path: Path) -> None:
    before = path.read_bytes()
    code = """
import resource, signal, sys
from hayago.cli import main
from hayago.errors import HayagoError
from hayago.network.model_file import load_model, save_model
info, weights = load_model(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    save_model(sys.argv[1], weights, info)
except HayagoError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True, timeout=120)
    assert "cannot write" in done.stdout
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_info_prints_no_escapes(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = path.with_name("\x1b[31mred\n.safetensors")
    path.rename(odd)
    assert main(["info", str(odd)]) == 0
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert printed.splitlines()[0].endswith("\\x1b[31mred\\n.safetensors")
