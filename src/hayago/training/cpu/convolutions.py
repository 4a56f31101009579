"""The hidden layers on a CPU: convolution, normalisation (or a bias) and ReLU of all of them as one autograd function.

Each layer's raw outputs are kept and nothing else: normalisation and ReLU happen where the next convolution reads them,
forward and backward, so that every field is written once. The boards of a batch are shared out evenly among threads,
always in the same way, so that results repeat bit by bit for one number of threads.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hayago.cores import Owner
from hayago.training.cpu import winograd
from hayago.training.cpu.winograd import LANES, TILE

Array = NDArray[Any]

CHUNK = 4  # boards that are transformed and multiplied at a time: coefficients that stay in the cache


class _Layer(NamedTuple):
    """One layer of a batch: what its forward pass reads and leaves. Lines as in `winograd`."""

    source: Array  # (B, N*N, inputs): the raw outputs of the layer below, or the planes
    scale: Array  # (line,): with shift, the normalisation of the source; empty for the planes
    shift: Array
    taps: int
    kernel: Tensor  # (t*t, inputs, outputs), transformed
    raw: Array  # (B, N*N, outputs)

    @property
    def inputs(self) -> int:
        return self.kernel.shape[1]

    @property
    def outputs(self) -> int:
        return self.kernel.shape[2]

    @property
    def has_relu(self) -> bool:
        return bool(self.scale.size)


class _Moments(NamedTuple):
    """Of a layer's raw outputs, by channel, in float64."""

    mean: Array
    variance: Array


class _Workspace:
    """The arrays that one thread needs for a chunk of boards in a layer."""

    def __init__(self, size: int, inputs: int, outputs: int, taps: int, images: int) -> None:
        t, tiles = TILE + taps - 1, -(-size // TILE)
        wide, rows = tiles * TILE + taps - 1, images * tiles * tiles
        self.small = np.zeros(t * t * LANES, np.float32)
        self.padded = np.zeros(wide * wide * inputs, np.float32)
        self.overlapped = np.zeros(wide * wide * inputs, np.float32)
        self.square = np.zeros((tiles * TILE) ** 2 * outputs, np.float32)
        self.edged = np.zeros((tiles * TILE) ** 2 * outputs, np.float32)
        self.inputs, self.outputs = torch.empty(t * t, rows, inputs), torch.empty(t * t, rows, outputs)
        self.flat_inputs, self.flat_outputs = self.inputs.numpy().reshape(-1), self.outputs.numpy().reshape(-1)


class CpuConvolutions:
    """Computes hidden layers, and their gradients, on boards of one size.

    Args:
        size: N, of the board.
        threads: how many threads share the work; as many are torch's again after `alone`.
    """

    def __init__(self, size: int, threads: int) -> None:
        self.size = size
        self.threads = threads
        # Each worker multiplies its matrices alone: they are too small to be shared out.
        self._owner = Owner("this network in training")
        self._pool = ThreadPoolExecutor(threads, "convolutions", initializer=torch.set_num_threads, initargs=(1,))
        self._workspaces: dict[tuple[int, ...], _Workspace] = {}
        # Fields of earlier steps, to be written again: new memory costs more than what is computed in it.
        self._free: defaultdict[tuple[int, ...], list[Array]] = defaultdict(list)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """For all that is done between the calls: torch's own threads would go on spinning while the workers work."""
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(self.threads)

    @staticmethod
    def suits(filters: int) -> bool:
        """Whether the kernels can do layers of so many filters."""
        return filters % LANES == 0

    def __call__(
        self, planes: Tensor, kernels: list[Tensor], shifts: list[Tensor], gains: Sequence[Tensor] = (), eps: float = 0
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The hidden layers in training: normalised by the batch's own moments, or, without gains, not at all.

        Args:
            planes: (B, P, N, N) float32 on the CPU; no gradient is computed for them.
            kernels: (F, inputs, r, r) of each layer, r 3 or 5.
            shifts: (F,) of each layer, its biases.
            gains: (F,) of each layer's normalisation; none where nothing is normalised.
            eps: what the normalisations add to a variance.

        Returns:
            The last layer's outputs (B, F, N, N), channels last; the means and the variances of all layers' raw
            outputs, (layers, F).
        """
        self._owner.check()
        outputs, means, variances = _HiddenLayers.apply(self, planes, eps, len(kernels), *kernels, *shifts, *gains)  # type: ignore[no-untyped-call]
        return outputs, means, variances

    def forward(
        self, planes: Array, kernels: list[Tensor], shifts: list[Array], gains: list[Array], eps: float
    ) -> tuple[list[_Layer], list[_Moments], Array, Array]:
        """Planes (B, N*N, P) through all layers; the scale and the shift (line,) of the last one's raw outputs."""
        layers, moments = [], []
        source, scale, shift = planes, np.zeros(0, np.float32), np.zeros(0, np.float32)
        for number, (kernel, offset) in enumerate(zip(kernels, shifts, strict=True)):
            raw = self._take((*source.shape[:2], len(kernel)))
            layer = _Layer(source, scale, shift, kernel.shape[2], _transform(kernel), raw)
            sums = np.zeros((self.threads, 2, self.size * layer.outputs))
            self._share(len(raw), partial(self._convolve, layer, sums))
            mean, squares = self._by_channel(sums) / raw[..., 0].size
            layers.append(layer)
            moments.append(_Moments(mean, np.maximum(squares - mean * mean, 0)))
            if gains:
                factor = gains[number] / np.sqrt(moments[-1].variance + eps)
                source, scale, shift = raw, self._line(factor), self._line(offset - mean * factor)
            else:
                source, scale, shift = raw, self._line(np.ones(layer.outputs)), self._line(offset)
        return layers, moments, scale, shift

    def _convolve(self, layer: _Layer, sums: Array, thread: int, begin: int, end: int) -> None:
        for first in range(begin, end, CHUNK):
            count = min(CHUNK, end - first)
            space = self._workspace(thread, layer, count)
            self._read(layer, space, first, count)
            torch.bmm(space.inputs, layer.kernel, out=space.outputs)
            winograd.coefficients_to_field(
                space.flat_outputs, first, count, self.size, layer.outputs, layer.taps,
                space.square, space.small, layer.raw.reshape(-1), sums[thread],
            )  # fmt: skip

    def _read(self, layer: _Layer, space: _Workspace, first: int, count: int) -> None:
        winograd.field_to_coefficients(
            layer.source.reshape(-1), first, count, self.size, layer.inputs, layer.scale, layer.shift,
            layer.has_relu, layer.taps, space.padded, space.small, space.flat_inputs,
        )  # fmt: skip

    def activate(self, raw: Array, scale: Array, shift: Array) -> Array:
        """max(raw * scale + shift, 0)."""
        out = np.empty_like(raw)
        lines, out_lines = raw.reshape(len(raw), -1, len(scale)), out.reshape(len(raw), -1, len(scale))

        def work(_thread: int, begin: int, end: int) -> None:
            for board in range(begin, end):
                np.multiply(lines[board], scale, out=out_lines[board])
                out_lines[board] += shift
                np.maximum(out_lines[board], 0, out=out_lines[board])

        self._share(len(raw), work)
        return out

    def backward(
        self,
        gradient: Array,
        outputs: Array,
        layers: list[_Layer],
        moments: list[_Moments],
        scale: Array,
        shift: Array,
        gains: list[Array],
        eps: float,
    ) -> tuple[list[Tensor], list[Array], list[Array]]:
        """The gradients of kernels, shifts and gains, from that of the last layer's outputs, (B, N*N, F) both.

        The layers' raw outputs are gone afterwards.
        """
        sums = np.zeros((self.threads, 2, self.size * layers[-1].outputs))
        self._share(len(gradient), partial(self._sum_last, gradient, outputs, layers[-1].raw, sums))
        of_kernels: list[Tensor] = []
        of_gains: list[Array] = []
        of_shifts: list[Array] = []
        for number, layer in reversed(list(enumerate(layers))):
            of_shift, products = self._by_channel(sums)
            w0, w1, w2 = np.ones(layer.outputs), np.zeros(layer.outputs), np.zeros(layer.outputs)
            if gains:
                # With x = (raw - mean) / deviation, the normalisation's gradient is
                # gain / deviation * (gradient - mean of gradient - x * mean of gradient * x).
                mean, variance = moments[number]
                deviation = np.sqrt(variance + eps)
                of_gain = (products - mean * of_shift) / deviation
                count = layer.raw[..., 0].size
                w0 = gains[number] / deviation
                w1 = -w0 * of_gain / deviation / count
                w2 = -w0 * of_shift / count - w1 * mean
                of_gains.append(of_gain)
            weights = np.stack([self._line(w) for w in (w0, w1, w2)])
            below = self._take(layer.source.shape) if layer.has_relu else layer.source[:0]
            sums = np.zeros((self.threads, 2, self.size * layer.inputs))
            of_kernel = torch.zeros(self.threads, *layer.kernel.shape)
            transposed = layer.kernel.transpose(1, 2).contiguous()
            self._share(
                len(layer.raw),
                partial(self._go_back, layer, gradient, scale, shift, weights, transposed, of_kernel, below, sums),
            )
            of_kernels.append(_transform_back(of_kernel, layer.taps))
            of_shifts.append(of_shift)
            if layer is not layers[-1]:
                self._give_back(gradient)
            self._give_back(layer.raw)
            gradient, scale, shift = below, layer.scale, layer.shift
        return of_kernels[::-1], of_shifts[::-1], of_gains[::-1]

    def _sum_last(
        self, gradient: Array, outputs: Array, raw: Array, sums: Array, thread: int, begin: int, end: int
    ) -> None:
        """What `coefficients_to_gradient` sums for all layers but the last."""
        total = sums[thread].reshape(2, self.size, -1)
        for board in range(begin, end):
            passed = np.where(outputs[board] > 0, gradient[board], np.float32(0))
            total[0, 0] += passed.sum(0)
            total[1, 0] += (passed * raw[board]).sum(0)

    def _go_back(
        self,
        layer: _Layer,
        gradient: Array,
        scale: Array,
        shift: Array,
        weights: Array,
        transposed: Tensor,
        of_kernel: Tensor,
        below: Array,
        sums: Array,
        thread: int,
        begin: int,
        end: int,
    ) -> None:
        for first in range(begin, end, CHUNK):
            count = min(CHUNK, end - first)
            space = self._workspace(thread, layer, count)
            self._read(layer, space, first, count)
            winograd.gradient_to_coefficients(
                gradient.reshape(-1), layer.raw.reshape(-1), first, count, self.size, layer.outputs, scale, shift,
                weights, layer.taps, space.edged, space.small, space.flat_outputs,
            )  # fmt: skip
            of_kernel[thread].baddbmm_(space.inputs.transpose(1, 2), space.outputs)
            if layer.has_relu:
                torch.bmm(space.outputs, transposed, out=space.inputs)
                winograd.coefficients_to_gradient(
                    space.flat_inputs, first, count, self.size, layer.inputs, layer.taps, layer.source.reshape(-1),
                    layer.scale, layer.shift, space.overlapped, space.small, below.reshape(-1), sums[thread],
                )  # fmt: skip

    def _workspace(self, thread: int, layer: _Layer, images: int) -> _Workspace:
        key = (thread, layer.inputs, layer.outputs, layer.taps, images)
        if key not in self._workspaces:
            self._workspaces[key] = _Workspace(self.size, *key[1:])
        return self._workspaces[key]

    def _take(self, shape: tuple[int, ...]) -> Array:
        return self._free[shape].pop() if self._free[shape] else np.empty(shape, np.float32)

    def _give_back(self, field: Array) -> None:
        self._free[field.shape].append(field)

    def _share(self, boards: int, work: Callable[[int, int, int], None]) -> None:
        """Call work(thread, begin, end) in every thread, each for its part of the boards."""
        bounds = [boards * thread // self.threads for thread in range(self.threads + 1)]
        list(self._pool.map(work, range(self.threads), bounds[:-1], bounds[1:]))

    def _line(self, values: Array) -> Array:
        """By channel to by line."""
        return np.tile(values.astype(np.float32), self.size)

    def _by_channel(self, sums: Array) -> Array:
        """(threads, k, line) to (k, channels)."""
        total: Array = sums.sum(0).reshape(sums.shape[1], self.size, -1).sum(1)
        return total


def _kernel_matrix(taps: int) -> Tensor:
    """(t*t, r*r): along both dimensions at once."""
    g = torch.from_numpy((winograd.G3 if taps == 3 else winograd.G5).astype(np.float32))
    return torch.kron(g, g)


def _transform(kernel: Tensor) -> Tensor:
    """(outputs, inputs, r, r) to (t*t, inputs, outputs)."""
    outputs, inputs, taps, _ = kernel.shape
    return (_kernel_matrix(taps) @ kernel.permute(2, 3, 1, 0).reshape(taps * taps, -1)).view(-1, inputs, outputs)


def _transform_back(gradients: Tensor, taps: int) -> Tensor:
    """The threads' gradients (threads, t*t, inputs, outputs) to that of the kernel, (outputs, inputs, r, r)."""
    _, _, inputs, outputs = gradients.shape
    total = _kernel_matrix(taps).T @ gradients.sum(0).flatten(1)
    return total.view(taps, taps, inputs, outputs).permute(3, 2, 0, 1).contiguous()


class _HiddenLayers(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, convolutions: CpuConvolutions, planes: Tensor, eps: float, count: int, *parameters: Tensor
    ) -> tuple[Tensor, ...]:
        kernels = [kernel.detach() for kernel in parameters[:count]]
        shifts, gains = (
            [p.detach().numpy() for p in part] for part in (parameters[count : 2 * count], parameters[2 * count :])
        )
        # Channels come in bunches: planes of zeros fill the last one up, and their kernels' parts are cut off again.
        missing = -planes.shape[1] % LANES
        if missing:
            planes, kernels[0] = (torch.nn.functional.pad(x, (0, 0, 0, 0, 0, missing)) for x in (planes, kernels[0]))
        field = planes.permute(0, 2, 3, 1).contiguous().flatten(1, 2).numpy()
        layers, moments, scale, shift = convolutions.forward(field, kernels, shifts, gains, eps)
        outputs = convolutions.activate(layers[-1].raw, scale, shift)
        ctx.kept = convolutions, layers, moments, scale, shift, gains, eps, outputs, missing
        means, variances = (torch.from_numpy(np.stack(part)).float() for part in zip(*moments, strict=True))
        ctx.mark_non_differentiable(means, variances)
        size = planes.shape[-1]
        return torch.from_numpy(outputs).view(-1, size, size, outputs.shape[2]).permute(0, 3, 1, 2), means, variances

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        convolutions, layers, moments, scale, shift, gains, eps, outputs, missing = ctx.kept
        ctx.kept = None  # as torch does with what it keeps: a second backward pass is an error
        gradient = gradients[0].permute(0, 2, 3, 1).contiguous().flatten(1, 2).numpy()
        of_kernels, *rest = convolutions.backward(gradient, outputs, layers, moments, scale, shift, gains, eps)
        of_kernels[0] = of_kernels[0][:, : of_kernels[0].shape[1] - missing]
        vectors = [torch.from_numpy(value.astype(np.float32)) for part in rest for value in part]
        return (None, None, None, None, *of_kernels, *vectors)
