"""A training step on a GPU, recorded once as a CUDA graph and replayed from then on.

A step of a small network is several hundred kernels of a few microseconds each, and Python takes several times as long
to launch them as the GPU to run them. A replay launches all of them by one call.
"""

import gc
from collections.abc import Callable

import torch
from torch import Tensor

from hayago.training.device_batches import DeviceBatch

# Before recording, cuDNN chooses algorithms, compilers compile, and optimizers create their state.
WARM_UP_STEPS = 3


class CudaGraphStep:
    """Makes the same step for batches of the same shapes, in the current stream of the current GPU.

    Everything else the step reads, such as weights and learning rates, must stay the same tensors. Python numbers and
    branches stay as they were when the step was recorded.
    """

    def __init__(self) -> None:
        self._side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        self._graph: torch.cuda.CUDAGraph | None = None
        self._warm_ups = 0

    def __call__(self, step: Callable[[DeviceBatch], Tensor], fed: DeviceBatch) -> Tensor:
        """Make the step, always the same function, with this batch. The result is a copy."""
        if self._warm_ups < WARM_UP_STEPS:
            self._warm_ups += 1
            return self._warm_up(step, fed)
        if self._graph is None:
            self._graph = self._record(step, fed)
        for recorded, given in zip(self._fed, fed, strict=True):
            assert (recorded is None) == (given is None)
            if recorded is not None and given is not None:
                recorded.copy_(given)
        self._graph.replay()
        return self._result.clone()

    def _warm_up(self, step: Callable[[DeviceBatch], Tensor], fed: DeviceBatch) -> Tensor:
        current = torch.cuda.current_stream()
        self._side.wait_stream(current)
        with torch.cuda.stream(self._side):
            result = step(fed)
        current.wait_stream(self._side)
        result.record_stream(current)
        return result

    def _record(self, step: Callable[[DeviceBatch], Tensor], fed: DeviceBatch) -> torch.cuda.CUDAGraph:
        self._fed = DeviceBatch(*(None if tensor is None else tensor.clone() for tensor in fed))  # type: ignore[arg-type]
        graph = torch.cuda.CUDAGraph()
        gc.collect()  # or an older graph might be destroyed during this recording
        with torch.cuda.graph(graph, stream=self._side):
            self._result = step(self._fed)
        return graph
