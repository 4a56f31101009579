"""Batches on their way to the device: the next one is copied while the current one is computed.

On a GPU the copy is made from pinned memory on its own stream, and symmetries are applied there. On a CPU a batch is
already in place, and the encoder applies symmetries at no cost.

tests/training/test_gpu.py tests what is only for CUDA, on machines with a GPU. Several GPUs (NCCL) have not been tried.
"""

from collections.abc import Generator, Iterator
from contextlib import nullcontext
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hayago.network.policy import unpack, unpack_bits
from hayago.rules.symmetry import inverse, point_maps
from hayago.training.batches import Batch


class DeviceBatch(NamedTuple):
    """A `Batch` as tensors on the device."""

    rows: Tensor
    labels: Tensor
    symmetry: Tensor | None = None
    future_moves: Tensor | None = None

    def split(self, size: int) -> list["DeviceBatch"]:
        """Split into parts of `size` positions."""
        return [
            DeviceBatch(*(None if tensor is None else tensor[first : first + size] for tensor in self))  # type: ignore[arg-type]
            for first in range(0, len(self.labels), size)
        ]


def feed(batches: Iterator[Batch], device: torch.device) -> Generator[DeviceBatch, None, None]:
    """The batches on the device; one is copied ahead."""
    side = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]
    with torch.cuda.stream(side) if side else nullcontext():
        following = to_device(next(batches), device)
    while True:
        current = following
        if side:
            computing = torch.cuda.current_stream(device)
            computing.wait_stream(side)
            for tensor in current:
                if tensor is not None:
                    tensor.record_stream(computing)  # or its memory might be reused too early
        with torch.cuda.stream(side) if side else nullcontext():
            following = to_device(next(batches), device)
        yield current


def to_device(batch: Batch | DeviceBatch, device: torch.device) -> DeviceBatch:
    """Copy a batch to the device, unless it is already there."""
    if isinstance(batch, DeviceBatch):
        return batch
    return DeviceBatch(*(None if array is None else _copy(array, device) for array in batch))  # type: ignore[arg-type]


def _copy(array: NDArray[np.uint8] | NDArray[np.int64], device: torch.device) -> Tensor:
    tensor = torch.from_numpy(array)
    # A copy is asynchronous only from pinned memory.
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


class Unpacker:
    """Rows to planes on one device, under symmetries if a batch says so."""

    def __init__(self, planes: int, size: int, device: torch.device) -> None:
        self.planes = planes
        self.size = size
        maps = point_maps(size).astype(np.int64)
        self._taken_to = torch.from_numpy(maps).to(device)
        # Where the plane's cell comes from, as `gather` wants it.
        self._comes_from = torch.from_numpy(np.stack([maps[inverse(s), :-1] for s in range(len(maps))])).to(device)

    def __call__(self, batch: DeviceBatch) -> tuple[Tensor, Tensor, Tensor | None]:
        """Planes (B, planes, N, N), channels last, labels (B,), and the future moves (B, R) if there are any."""
        labels, future_moves = batch.labels, batch.future_moves
        if batch.symmetry is None:
            planes = unpack(batch.rows, self.planes, self.size)
        else:
            symmetry = batch.symmetry.long()
            bits = unpack_bits(batch.rows, self.planes, self.size)  # while they are bytes, a quarter as wide
            cells = self._comes_from[symmetry][:, None].expand(-1, self.planes, -1)
            planes = bits.flatten(2).gather(2, cells).view_as(bits).float()
            labels = self._taken_to[symmetry, labels]
            future_moves = None if future_moves is None else self._taken_to[symmetry[:, None], future_moves]
        return planes.contiguous(memory_format=torch.channels_last), labels, future_moves
