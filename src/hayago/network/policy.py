"""The policy network in torch, in the plain form that is saved and played.

It is the paper's network and nothing else; the form in which it is trained is in `hayago.training.training_network`.
Planes are (B, planes, N, N) float, logits (B, N*N) over the points of the board.
"""

from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from hayago.features.planes import unpack as planes_of_rows
from hayago.network.architecture import Architecture


class PolicyNetwork(nn.Module):
    """The plain network of `Architecture`; its state dict holds the tensors of a model file under the same names."""

    def __init__(self, filters: int = 192, planes: int = 48, layers: int = 13, board_size: int = 19) -> None:
        super().__init__()
        self.architecture = Architecture(filters, planes, layers, board_size)
        *hidden, last = self.architecture.table()
        self.hidden = nn.ModuleList(
            nn.Conv2d(layer.inputs, layer.outputs, layer.kernel, padding="same") for layer in hidden
        )
        self.last = LastLayer(last.inputs, board_size)

    def forward(self, planes: Tensor) -> Tensor:
        """(B, planes, N, N) to logits (B, N*N)."""
        x = planes
        for convolution in self.hidden:
            x = torch.relu_(convolution(x))
        return cast(Tensor, self.last(x))


class LastLayer(nn.Module):
    """The 1x1 convolution to one plane, with a bias of its own for every point."""

    def __init__(self, filters: int, board_size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.init.kaiming_uniform_(torch.empty(1, filters, 1, 1), nonlinearity="linear"))
        self.bias = nn.Parameter(torch.zeros(board_size * board_size))

    def forward(self, x: Tensor) -> Tensor:
        """(B, filters, N, N) to (B, N*N)."""
        return nn.functional.conv2d(x, self.weight).flatten(1) + self.bias


def unpack(rows: Tensor, planes: int, board_size: int) -> Tensor:
    """Packed rows (B, row_bytes) uint8 to planes (B, planes, N, N), on the device that holds them."""
    if rows.device.type == "cpu":  # numpy is ten times as fast there, and gives channels last
        bits = planes_of_rows(rows.numpy(), planes, board_size).transpose(0, 2, 3, 1)
        return torch.from_numpy(bits.astype(np.float32, order="C")).permute(0, 3, 1, 2)
    return unpack_bits(rows, planes, board_size).float()


def unpack_bits(rows: Tensor, planes: int, board_size: int) -> Tensor:
    """`unpack` for GPUs, still in bytes: uint8 (B, planes, N, N)."""
    # Not by shifts of bytes, which Apple's MPS once ignored.
    masks = (1 << torch.arange(8, device=rows.device)).to(torch.uint8)
    bits = ((rows[:, :, None] & masks) != 0).to(torch.uint8).flatten(1)
    return bits[:, : planes * board_size * board_size].view(-1, planes, board_size, board_size)
