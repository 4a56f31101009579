"""A training step on a GPU, recorded once as a CUDA graph and replayed from then on.

A step of a small network is some hundreds of kernels of a few microseconds each, and Python takes several times as long
to start them as the GPU to run them. Replayed, they are started by one call.
"""

import gc
from collections import deque
from collections.abc import Callable

import torch
from torch import Tensor

from hayago.learn.feeding import Fed

# Before the recording cuDNN chooses its algorithms, compilers compile, and optimizers make their state.
WARM_UP_STEPS = 3
# Steps that may wait on the GPU. One would do; what is far ahead only holds memory.
STEPS_AHEAD = 2


class Replayed:
    """`step`, a function of a batch to a tensor, for batches of always the same shapes, in the current stream.

    Whatever else the step reads, such as weights or learning rates, must stay the same tensors.
    """

    def __init__(self, step: Callable[[Fed], Tensor]) -> None:
        self._step = step
        self._side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        self._graph: torch.cuda.CUDAGraph | None = None
        self._warm_ups = 0
        self._under_way: deque[torch.cuda.Event] = deque()

    def __call__(self, fed: Fed) -> Tensor:
        """Take the step with this batch; what it gives is the caller's own."""
        if self._warm_ups < WARM_UP_STEPS:
            self._warm_ups += 1
            return self._warm_up(fed)
        if self._graph is None:
            self._graph = self._record(fed)
        for recorded, given in zip(self._fed, fed, strict=True):
            assert (recorded is None) == (given is None)
            if recorded is not None and given is not None:
                recorded.copy_(given)
        self._graph.replay()
        self._wait()
        return self._result.clone()

    def is_under_way(self) -> bool:
        """Whether the GPU is still at the last step that was replayed."""
        return bool(self._under_way) and not self._under_way[-1].query()  # type: ignore[no-untyped-call]

    def _warm_up(self, fed: Fed) -> Tensor:
        current = torch.cuda.current_stream()
        self._side.wait_stream(current)
        with torch.cuda.stream(self._side):
            result = self._step(fed)
        current.wait_stream(self._side)
        result.record_stream(current)
        return result

    def _record(self, fed: Fed) -> torch.cuda.CUDAGraph:
        self._fed = Fed(*(None if tensor is None else tensor.clone() for tensor in fed))  # type: ignore[arg-type]
        graph = torch.cuda.CUDAGraph()
        gc.collect()  # or an older graph might be taken down in the middle of this recording
        with torch.cuda.graph(graph, stream=self._side):
            self._result = self._step(self._fed)
        return graph

    def _wait(self) -> None:
        event = torch.cuda.Event()  # type: ignore[no-untyped-call]
        event.record()
        self._under_way.append(event)
        if len(self._under_way) > STEPS_AHEAD:
            self._under_way.popleft().synchronize()
