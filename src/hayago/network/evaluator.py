"""`Evaluator`: from packed rows of positions to logits, by onnxruntime or by torch.

onnxruntime is the default on the CPU: it starts in a fraction of torch's time and is faster for single positions. Its
graph is built here from the tensors of a model file. torch is for GPUs. Each backend is imported only when it is used.
"""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from hayago.cores import MOST_THREADS, Owner, cores
from hayago.errors import HayagoError
from hayago.features.planes import PLANE_SETS, check_rows, row_bytes
from hayago.network.board_sizes import for_board, sizes_of
from hayago.network.model_file import Model, ModelError, ModelInfo, load_model, model_paths
from hayago.network.onnx_model import onnx_model

BACKENDS = ("auto", "onnx", "torch")


class Evaluator(Protocol):
    """A network ready to be asked. Any object with these three members can play and be evaluated."""

    @property
    def info(self) -> ModelInfo:
        """What the model is. Of several for boards of different sizes, the first."""

    @property
    def sizes(self) -> Mapping[int, ModelInfo]:
        """The board sizes that it takes, and for each the network that plays there, on the board that it learned on."""

    def logits(self, rows: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Packed rows uint8 (B, row_bytes) to logits float32 (B, N*N). Their length tells the size N; B may be 0.

        Raises (those made here):
            ModelError: the network answers with NaN or infinite values.
            ValueError: the rows have another shape.
            TypeError: they are not an array of uint8.
        """


ModelSource = Path | str | Model | None  # a model file, a loaded model, or None for the network in the box


def make_evaluator(
    model: ModelSource | Sequence[ModelSource] = None,
    device: str = "auto",
    backend: str = "auto",
    threads: int | None = None,
) -> Evaluator:
    """Make an evaluator of a model, or of several for boards of different sizes.

    It takes boards of 5 to 19 and those that its models learned on: see `hayago.network.board_sizes`.

    Args:
        model: a model file, a loaded model, None for the network in the box, or a list of these.
        device: "auto" is the CPU with onnxruntime and the best device with torch; else "cpu", "cuda", "mps".
        backend: "onnx", "torch", or "auto": torch where a device other than the CPU is named, else onnxruntime.
        threads: threads on the CPU (None: one per core).

    Raises:
        ModelError: a model cannot be read, or reads another number of planes than any set has.
        HayagoError: there is no such backend or device, the threads are too many, two models are for one board size,
            or they read different planes.
    """
    if threads is not None and not 0 <= threads <= MOST_THREADS:
        raise HayagoError(f"threads must be from 0 to {MOST_THREADS:,}, not {threads}")
    if backend not in BACKENDS:
        raise HayagoError(f"backend must be one of {', '.join(BACKENDS)}, not {backend!r}")
    sources = [model] if model is None or isinstance(model, Path | str | Model) else list(model)
    models: dict[int, Model] = {}
    for name, loaded in _loaded(sources):
        size, planes = loaded.info.board_size, loaded.info.planes
        if planes not in PLANE_SETS:
            raise ModelError(f"the network reads {planes} planes, but no set of that many is known")
        if size in models:
            raise HayagoError(f"{name}: a second network for boards of {size}x{size}")
        if models and planes != (first := next(iter(models.values())).info.planes):
            raise HayagoError(f"{name}: reads {planes} planes, and the first network {first}")
        models[size] = loaded
    if backend == "torch" or (backend == "auto" and device not in ("auto", "cpu")):
        return TorchEvaluator(models, device, threads)
    if device not in ("auto", "cpu"):
        raise HayagoError(f"onnxruntime is used on the CPU only, not on {device!r}: use the backend torch")
    return OnnxEvaluator(models, threads)


def _loaded(sources: Iterable[ModelSource]) -> Iterator[tuple[str, Model]]:
    """The models with names for messages. The box holds several."""
    for source in sources:
        if isinstance(source, Model):
            yield "a model", source
        else:
            for path in model_paths(source):
                yield str(path), load_model(path)


Run = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


class _Networks(ABC):
    """Networks by the board size that they learned on. Each size asked for gets a network of its own when it is first
    asked for."""

    def __init__(self, models: Mapping[int, Model]) -> None:
        infos = [model.info for model in models.values()]
        self.info, self.sizes = infos[0], sizes_of(infos)
        self._models = models
        self._size_of_row = {row_bytes(self.info.planes, size): size for size in self.sizes}
        self._runs: dict[int, Run] = {}
        self._owner = Owner("this evaluator")

    @abstractmethod
    def _network(self, model: Model) -> Run:
        """The model, ready to run."""

    def logits(self, rows: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Evaluator`."""
        self._owner.check()
        length = rows.shape[1] if isinstance(rows, np.ndarray) and rows.ndim == 2 else 0
        size = self._size_of_row.get(length, self.info.board_size)
        check_rows(rows, self.info.planes, size)
        if not len(rows):  # onnxruntime cannot
            return np.empty((0, size**2), np.float32)
        if size not in self._runs:
            learned = self.sizes[size].board_size
            if learned != size:
                sys.stderr.write(f"hayago: no network learned on {size}x{size}: that of {learned}x{learned} plays\n")
            self._runs[size] = self._network(for_board(self._models[learned], size))
        result = self._runs[size](rows)
        if not np.isfinite(result).all():  # large weights are numbers, but can add up to more than float32
            raise ModelError("the network answers with NaN or infinite values")
        return result

    def __deepcopy__(self, memo: object) -> Self:
        return self  # it never changes, and its networks cannot be copied


class OnnxEvaluator(_Networks):
    """Models run by onnxruntime on the CPU."""

    def __init__(self, models: Mapping[int, Model], threads: int | None = None) -> None:
        import onnxruntime

        super().__init__(models)
        self._options = onnxruntime.SessionOptions()
        self._options.intra_op_num_threads = threads or cores()
        self._options.log_severity_level = 3  # errors only
        self._session = onnxruntime.InferenceSession

    def _network(self, model: Model) -> Run:
        graph = onnx_model(model, packed=True)
        session = self._session(graph, self._options, providers=["CPUExecutionProvider"])

        def run(rows: NDArray[np.uint8]) -> NDArray[np.float32]:
            result: NDArray[np.float32] = session.run(None, {"rows": rows})[0]
            return result

        return run


class TorchEvaluator(_Networks):
    """Models run by torch on any device."""

    def __init__(self, models: Mapping[int, Model], device: str = "auto", threads: int | None = None) -> None:
        import torch

        from hayago.network.devices import pick_device

        super().__init__(models)
        torch.set_num_threads(threads or cores())
        self._device = pick_device(device)

    def _network(self, model: Model) -> Run:
        import torch

        from hayago.network.policy import PolicyNetwork, unpack

        info = model.info
        network = PolicyNetwork(info.filters, info.planes, info.layers, info.board_size)
        network.load_state_dict({name: torch.from_numpy(value) for name, value in model.weights.items()})
        network.eval().to(self._device)

        def run(rows: NDArray[np.uint8]) -> NDArray[np.float32]:
            with torch.inference_mode():
                planes = unpack(torch.from_numpy(rows).to(self._device), info.planes, info.board_size)
                result: NDArray[np.float32] = network(planes).cpu().numpy()
            return result

        return run


def check_answers(evaluator: Evaluator) -> None:
    """Ask the network once, so that one that cannot answer is refused before it is handed on.

    Raises:
        ModelError: it answers with NaN or infinite values.
    """
    for size in {info.board_size for info in evaluator.sizes.values()}:
        evaluator.logits(np.full((1, row_bytes(evaluator.info.planes, size)), 255, np.uint8))
