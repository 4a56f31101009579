"""The shape of the policy network as plain arithmetic: which layers, how large, how costly. Nothing here needs torch.

A network has `layers` convolutions: the first 5x5 from the planes to the filters, then 3x3 from filters to filters,
each with a bias for every filter and followed by a ReLU; the last 1x1 to a single plane, with a bias of its own for
every point of the board. Everything is padded, so that each layer keeps the board's size. (Silver et al., Nature 529,
2016, "Neural network architecture": 13 layers, 192 filters, 48 planes.)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

BYTES_OF_FLOAT32 = 4

# The lowest and highest of each number: no file can make us count layers without end.
BOUNDS = {"filters": (1, 4096), "planes": (1, 1024), "layers": (2, 256), "board_size": (1, 19)}


class Layer(NamedTuple):
    """One convolution: its name in model files, its sizes and its costs for one position."""

    name: str
    inputs: int
    outputs: int
    kernel: int
    biases: int
    board_size: int

    @property
    def weight_shape(self) -> tuple[int, int, int, int]:
        """Shape of the kernel in torch: (outputs, inputs, height, width)."""
        return self.outputs, self.inputs, self.kernel, self.kernel

    @property
    def parameters(self) -> int:
        return prod(self.weight_shape) + self.biases

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds for one position, counting the padding but not the biases."""
        return prod(self.weight_shape) * self.board_size**2

    @property
    def output_bytes(self) -> int:
        """Memory of the layer's float32 output for one position."""
        return self.outputs * self.board_size**2 * BYTES_OF_FLOAT32


@dataclass(frozen=True)
class Architecture:
    """The four numbers that fix a policy network; the defaults are the paper's.

    Raises:
        ValueError: a number is none, or outside of `BOUNDS`.
    """

    filters: int = 192
    planes: int = 48
    layers: int = 13
    board_size: int = 19

    def __post_init__(self) -> None:
        for name, (low, high) in BOUNDS.items():
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= high:
                raise ValueError(f"{name} must be a whole number from {low} to {high:,}, not {ascii(value)[:40]}")

    @property
    def points(self) -> int:
        return self.board_size**2

    def table(self) -> Iterator[Layer]:
        """The layers from first to last."""
        size = self.board_size
        yield Layer("hidden.0", self.planes, self.filters, 5, self.filters, size)
        for number in range(1, self.layers - 1):
            yield Layer(f"hidden.{number}", self.filters, self.filters, 3, self.filters, size)
        yield Layer("last", self.filters, 1, 1, self.points, size)

    @property
    def parameters(self) -> int:
        return sum(layer.parameters for layer in self.table())

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of one position through the network."""
        return sum(layer.multiply_adds for layer in self.table())

    @property
    def training_multiply_adds(self) -> int:
        """Multiply-adds needed to learn from one position: forward, the weights' gradients, the inputs' gradients.

        The inputs of the first layer need no gradient.
        """
        return 3 * self.multiply_adds - next(self.table()).multiply_adds

    def tensor_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every tensor in a model file."""
        shapes: dict[str, tuple[int, ...]] = {}
        for layer in self.table():
            shapes[f"{layer.name}.weight"] = layer.weight_shape
            shapes[f"{layer.name}.bias"] = (layer.biases,)
        return shapes


def layer_table(architecture: Architecture) -> str:
    """The network as a table: one line per layer, the totals below.

    Memory is that of the float32 activations of one position; weights include the biases.
    """
    size = architecture.board_size
    rows = [("layer", "kernel", "output", "memory", "weights", "multiply-adds")]
    rows.append(("input", "", f"{size}x{size}x{architecture.planes}",
                 _kilobytes(architecture.planes * size * size * BYTES_OF_FLOAT32), "0", "0"))  # fmt: skip
    activations = architecture.planes * size * size * BYTES_OF_FLOAT32
    for number, layer in enumerate(architecture.table(), start=1):
        activations += layer.output_bytes
        rows.append((
            f"conv {number}",
            f"{layer.kernel}x{layer.kernel}",
            f"{size}x{size}x{layer.outputs}",
            _kilobytes(layer.output_bytes),
            f"{layer.parameters:,}",
            f"{layer.multiply_adds:,}",
        ))  # fmt: skip
    rows.append((
        "total", "", "", _kilobytes(activations), f"{architecture.parameters:,}", f"{architecture.multiply_adds:,}"
    ))  # fmt: skip
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]
    rule = "-" * len(lines[0])
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])


def _kilobytes(count: int) -> str:
    return f"{count / 1024:,.1f} KiB"
