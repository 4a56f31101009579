"""`Evaluator`: from packed rows of positions to logits, by onnxruntime or by torch.

onnxruntime is the default on the CPU: it starts in a fraction of torch's time and is faster for single positions. Its
graph is built here from the tensors of a model file. torch is for GPUs. Each backend is imported only when it is used.
"""

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hayago.cores import MOST_THREADS, Owner, cores
from hayago.errors import HayagoError
from hayago.features.planes import PLANE_SETS, check_rows, row_bytes
from hayago.network.model_file import Model, ModelError, ModelInfo, load_model
from hayago.network.onnx_model import onnx_model

BACKENDS = ("auto", "onnx", "torch")


class Evaluator(Protocol):
    """A network ready to be asked. Any object with these two members can play and be evaluated."""

    @property
    def info(self) -> ModelInfo:
        """What the model is: planes and board size say which rows it takes."""

    def logits(self, rows: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Packed rows uint8 (B, row_bytes) to logits float32 (B, N*N); B may be 0.

        Raises (those made here):
            ModelError: the network answers with NaN or infinite values.
            ValueError: the rows have another shape.
            TypeError: they are not an array of uint8.
        """


def make_evaluator(
    model: Path | str | Model | None = None, device: str = "auto", backend: str = "auto", threads: int | None = None
) -> Evaluator:
    """Make an evaluator of a model.

    Args:
        model: a model file, a loaded model, or None for the network in the box.
        device: "auto" is the CPU with onnxruntime and the best device with torch; else "cpu", "cuda", "mps".
        backend: "onnx", "torch", or "auto": torch where a device other than the CPU is named, else onnxruntime.
        threads: threads on the CPU (None: one per core).

    Raises:
        ModelError: the model cannot be read, or reads another number of planes than any set has.
        HayagoError: there is no such backend or device, or the threads are too many.
    """
    if threads is not None and not 0 <= threads <= MOST_THREADS:
        raise HayagoError(f"threads must be from 0 to {MOST_THREADS:,}, not {threads}")
    if backend not in BACKENDS:
        raise HayagoError(f"backend must be one of {', '.join(BACKENDS)}, not {backend!r}")
    if not isinstance(model, Model):
        model = load_model(model)
    if model.info.planes not in PLANE_SETS:
        raise ModelError(f"the network reads {model.info.planes} planes, but no set of that many is known")
    if backend == "torch" or (backend == "auto" and device not in ("auto", "cpu")):
        return TorchEvaluator(model, device, threads)
    if device not in ("auto", "cpu"):
        raise HayagoError(f"onnxruntime is used on the CPU only, not on {device!r}: use the backend torch")
    return OnnxEvaluator(model, threads)


class OnnxEvaluator:
    """A model run by onnxruntime on the CPU."""

    def __init__(self, model: Model, threads: int | None = None) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or cores()
        options.log_severity_level = 3  # errors only
        self.info = model.info
        self._owner = Owner("this evaluator")
        self._session = onnxruntime.InferenceSession(
            onnx_model(model, packed=True), options, providers=["CPUExecutionProvider"]
        )

    def logits(self, rows: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Evaluator`."""
        self._owner.check()
        check_rows(rows, self.info.planes, self.info.board_size)
        if not len(rows):  # onnxruntime cannot
            return np.empty((0, self.info.board_size**2), np.float32)
        result: NDArray[np.float32] = self._session.run(None, {"rows": rows})[0]
        return _finite(result)

    def __deepcopy__(self, memo: object) -> "OnnxEvaluator":
        return self  # it never changes, and its session cannot be copied


class TorchEvaluator:
    """A model run by torch on any device."""

    def __init__(self, model: Model, device: str = "auto", threads: int | None = None) -> None:
        import torch

        from hayago.network.devices import pick_device
        from hayago.network.policy import PolicyNetwork

        info = model.info
        torch.set_num_threads(threads or cores())
        self.info = info
        self._owner = Owner("this evaluator")
        self._device = pick_device(device)
        network = PolicyNetwork(info.filters, info.planes, info.layers, info.board_size)
        network.load_state_dict({name: torch.from_numpy(value) for name, value in model.weights.items()})
        self._network: Any = network.eval().to(self._device)

    def logits(self, rows: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Evaluator`."""
        self._owner.check()
        check_rows(rows, self.info.planes, self.info.board_size)
        import torch

        from hayago.network.policy import unpack

        with torch.inference_mode():
            packed = torch.from_numpy(rows).to(self._device)
            planes = unpack(packed, self.info.planes, self.info.board_size)
            result: NDArray[np.float32] = self._network(planes).cpu().numpy()
        return _finite(result)

    def __deepcopy__(self, memo: object) -> "TorchEvaluator":
        return self  # as the other backend's


def _finite(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """The logits, unless some are none. Large weights are numbers too, but they can add up to more than float32."""
    if not np.isfinite(logits).all():
        raise ModelError("the network answers with NaN or infinite values")
    return logits


def check_answers(evaluator: Evaluator) -> None:
    """Ask the network once, so that one that cannot answer is refused before it is handed on.

    Raises:
        ModelError: it answers with NaN or infinite values.
    """
    info = evaluator.info
    evaluator.logits(np.full((1, row_bytes(info.planes, info.board_size)), 255, np.uint8))
