"""The hidden layers by minimal filtering, against plain convolutions and batch normalisation."""

import numpy as np
import pytest
import torch
from torch import nn

from hayago.training.cpu.winograd import cook_toom
from hayago.training.training_network import TrainingNetwork


@pytest.mark.parametrize(("outputs", "taps"), [(4, 3), (4, 5), (2, 3), (1, 1)])
def test_the_matrices_filter(outputs: int, taps: int) -> None:
    a, g, b = cook_toom(outputs, taps)
    random = np.random.default_rng(0)
    inputs, kernel = random.standard_normal(outputs + taps - 1), random.standard_normal(taps)
    plain = np.correlate(inputs, kernel, "valid")
    assert np.allclose(a @ ((g @ kernel) * (b @ inputs)), plain)


def networks(
    filters: int, planes: int, size: int, threads: int, normalised: bool = True
) -> tuple[TrainingNetwork, TrainingNetwork]:
    """The same network twice: in float64 by plain convolutions, and in float32 by the convolutions."""
    torch.manual_seed(1)
    plain = TrainingNetwork(filters, planes, layers=4, board_size=size, normalised=normalised, identity_init=0.0)
    for norm in plain.norms:
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias, 0.0, 0.3)
    for convolution in plain.hidden if not normalised else ():
        nn.init.normal_(convolution.bias, 0.0, 0.3)
    for centre in plain.pointwise_kernels:
        nn.init.normal_(centre, 0.0, 0.1)
    convolutions = TrainingNetwork(filters, planes, layers=4, board_size=size, normalised=normalised)
    convolutions.load_state_dict(plain.state_dict())
    convolutions.use_cpu_convolutions(threads)
    return plain.double(), convolutions


# 11 boards are neither a whole number of chunks nor of threads; 5, 9 and 19 leave edges of 3, 3 and 1 beyond the board.
@pytest.mark.parametrize("normalised", [True, False])
@pytest.mark.parametrize(
    ("filters", "planes", "size", "threads"), [(16, 48, 19, 1), (32, 48, 19, 2), (16, 4, 9, 2), (16, 20, 5, 3)]
)
def test_values_and_gradients_are_those_of_plain_convolutions(
    filters: int, planes: int, size: int, threads: int, normalised: bool
) -> None:
    plain, convolutions = networks(filters, planes, size, threads, normalised)
    x = (torch.rand(11, planes, size, size) < 0.3).double()
    weights = torch.randn(11, size * size, dtype=torch.float64)
    expected, got = plain(x), convolutions(x.float())
    assert (expected - got).abs().max() < 1e-4 * expected.abs().max()
    (expected * weights).sum().backward()
    (got * weights.float()).sum().backward()
    for (name, one), other in zip(plain.named_parameters(), convolutions.parameters(), strict=True):
        assert one.grad is not None and other.grad is not None
        # By length: a ReLU whose input is 0 up to rounding may open for one and not for the other.
        assert (one.grad - other.grad).norm() < 1e-2 * one.grad.norm(), name
    for (name, moment), same in zip(plain.named_buffers(), convolutions.buffers(), strict=True):
        assert torch.allclose(moment.double(), same.double(), rtol=1e-4, atol=1e-5), name


def test_a_ghost_of_a_gradient_is_no_gradient() -> None:
    """Without ReLU flips (all open) the gradients agree far closer."""
    plain, convolutions = networks(16, 48, 9, 2)
    for network in (plain, convolutions):
        for norm in network.norms:
            nn.init.constant_(norm.bias, 8.0)
            nn.init.constant_(norm.weight, 1.0)
    x = (torch.rand(6, 48, 9, 9) < 0.3).double()
    weights = torch.randn(6, 81, dtype=torch.float64)
    (plain(x) * weights).sum().backward()
    (convolutions(x.float()) * weights.float()).sum().backward()
    for (name, one), other in zip(plain.named_parameters(), convolutions.named_parameters(), strict=True):
        assert one.grad is not None and other[1].grad is not None
        assert (one.grad - other[1].grad).norm() < 1e-3 * one.grad.norm() + 1e-3, name


def test_a_number_of_threads_repeats_bit_by_bit() -> None:
    gradients = []
    for _ in range(2):
        _, convolutions = networks(32, 48, 19, 2)
        torch.manual_seed(2)
        convolutions((torch.rand(21, 48, 19, 19) < 0.3).float()).square().sum().backward()
        gradients.append([parameter.grad for parameter in convolutions.parameters()])
    assert all(torch.equal(one, other) for one, other in zip(*gradients, strict=True))


def test_other_numbers_of_filters_take_the_plain_way() -> None:
    network = TrainingNetwork(8, 4, layers=3, board_size=5)
    network.use_cpu_convolutions(2)
    assert network._cpu_convolutions is None
    network(torch.rand(2, 4, 5, 5)).sum().backward()
