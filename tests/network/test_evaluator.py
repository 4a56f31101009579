"""Both backends give the same logits, and those of the plain network."""

import copy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from hayago.cli import main
from hayago.errors import HayagoError
from hayago.features.planes import unpack
from hayago.network.evaluator import make_evaluator
from hayago.network.model_file import Model, ModelError, save_model
from hayago.network.onnx_model import onnx_model
from hayago.network.policy import PolicyNetwork
from learning import demo_batch, small_model
from paths import DEMO_GAMES


def plain_logits(batch: int, **shape: int) -> np.ndarray:
    """Logits by torch from unpacked planes."""
    info, weights = small_model(**shape)
    network = PolicyNetwork(info.filters, info.planes, info.layers, info.board_size)
    network.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    with torch.no_grad():
        return network(torch.from_numpy(unpack(demo_batch(batch, info.planes).rows, info.planes)).float()).numpy()


@pytest.mark.parametrize("backend", ["onnx", "torch"])
@pytest.mark.parametrize("shape", [{}, {"planes": 4}, {"filters": 48, "layers": 13}])
def test_backends_agree_with_the_plain_network(backend: str, shape: dict[str, int]) -> None:
    evaluator = make_evaluator(small_model(**shape), "cpu", backend, threads=1)
    planes = evaluator.info.planes
    for count in (1, 7, 32):
        logits = evaluator.logits(demo_batch(count, planes).rows)
        assert logits.dtype == np.float32
        assert logits.shape == (count, 361)
        expected = plain_logits(count, **shape)
        assert np.abs(logits - expected).max() < 1e-4 * max(1.0, expected.std())


@pytest.mark.slow
def test_the_default_on_a_cpu_needs_no_torch(tmp_path: Path) -> None:
    info, weights = small_model()
    save_model(tmp_path / "model.safetensors", weights, info)
    code = (
        "import sys; import numpy as np; from hayago.network.evaluator import make_evaluator;"
        "e = make_evaluator(sys.argv[1]); print(e.logits(np.zeros((2, 2166), np.uint8)).shape);"
        "assert 'torch' not in sys.modules and 'matplotlib' not in sys.modules"
    )
    command = [sys.executable, "-c", code, tmp_path / "model.safetensors"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "(2, 361)"


@pytest.mark.parametrize("backend", ["onnx", "torch"])
@pytest.mark.parametrize("value", [1e38, 3e30, 1e20])
def test_a_network_that_answers_with_no_numbers(backend: str, value: float) -> None:
    """Its weights are finite, but their sums are not."""
    info, weights = small_model()
    huge = Model(info, {name: np.full_like(weight, value) for name, weight in weights.items()})
    with pytest.raises(ModelError, match=r"^the network answers with NaN or infinite values$"):
        make_evaluator(huge, "cpu", backend, threads=1).logits(demo_batch(2).rows)


@pytest.mark.parametrize(
    "words", ["predict {games} --move 3 --json", "export {out}", "gtp --check", "web --no-browser --port 0"]
)
def test_the_commands_refuse_such_a_network(tmp_path: Path, capfd: pytest.CaptureFixture[str], words: str) -> None:
    info, weights = small_model()
    path, out = tmp_path / "huge.safetensors", tmp_path / "out.onnx"
    save_model(path, {name: np.full_like(weight, 1e38) for name, weight in weights.items()}, info)
    given = words.format(games=DEMO_GAMES, out=out).split()
    assert main([*given, "--model", str(path)]) == 1
    printed = capfd.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines()[-1] == "hayago: the network answers with NaN or infinite values"
    assert not out.exists()


@pytest.mark.parametrize("threads", [-1, 1025, 10**6])
def test_the_threads_have_a_bound(threads: int) -> None:
    with pytest.raises(HayagoError, match="threads must be from 0 to 1,024"):
        make_evaluator(small_model(), threads=threads)


def test_the_exported_graph_takes_planes() -> None:
    import onnx
    import onnxruntime

    data = onnx_model(small_model())
    for packed in (False, True):  # as the package reads and writes it
        graph = onnx.load_model_from_string(onnx_model(small_model(), packed))
        onnx.checker.check_model(graph, full_check=True)
        assert graph.SerializeToString() == onnx_model(small_model(), packed)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    planes = unpack(demo_batch(3).rows).astype(np.float32)
    assert np.abs(session.run(None, {"planes": planes})[0] - plain_logits(3)).max() < 1e-3


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model file"):
        make_evaluator(tmp_path / "none.safetensors")
    with pytest.raises(HayagoError, match="backend must be one of"):
        make_evaluator(small_model(), backend="tensorflow")
    with pytest.raises(HayagoError, match="on the CPU only"):
        make_evaluator(small_model(), device="cuda", backend="onnx")
    with pytest.raises(HayagoError, match="there is no device 'gpu' here; these can be used: auto, "):
        make_evaluator(small_model(), device="gpu")


@pytest.mark.parametrize("backend", ["onnx", "torch"])
def test_both_backends_take_rows_and_nothing_else(backend: str, capfd: pytest.CaptureFixture[str]) -> None:
    evaluator = make_evaluator(small_model(), "cpu", backend, threads=1)
    rows = demo_batch(3).rows
    none = evaluator.logits(rows[:0])
    assert none.shape == (0, 361) and none.dtype == np.float32
    for wrong in (rows.astype(np.float64), rows.astype(np.int64), rows.astype(np.int8), rows.tolist(), None):
        with pytest.raises(TypeError, match="rows must be an array of uint8"):
            evaluator.logits(wrong)  # type: ignore[arg-type]
    for wrong in (rows[0], rows[:, :-1], np.zeros((1, 4000), np.uint8), rows[None]):
        with pytest.raises(ValueError, match=r"rows must have the shape \(B, 2166\)"):
            evaluator.logits(wrong)
    apart = np.zeros((6, 2166), np.uint8)
    apart[::2] = rows
    assert np.array_equal(evaluator.logits(apart[::2]), evaluator.logits(rows))
    assert copy.deepcopy(evaluator) is evaluator
    assert capfd.readouterr().err == ""
