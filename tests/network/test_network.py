"""The network is the paper's, to the last parameter, and folding changes no logit."""

import pytest
import torch

from hayago.features.planes import unpack as unpack_rows
from hayago.network.architecture import Architecture, layer_table
from hayago.network.policy import PolicyNetwork, unpack, unpack_bits
from hayago.training.muon import orthogonalise
from hayago.training.training_network import TrainingNetwork
from learning import demo_batch, training_network


def test_the_defaults_are_the_papers_network() -> None:
    paper = Architecture()
    assert paper.parameters == 3_882_793
    assert paper.multiply_adds == 1_400_726_208
    network = PolicyNetwork()
    assert sum(parameter.numel() for parameter in network.parameters()) == 3_882_793
    assert len(network.hidden) + 1 == 13


@pytest.mark.parametrize(("filters", "planes", "layers", "size"), [(3, 4, 2, 5), (8, 12, 4, 9), (32, 48, 13, 19)])
def test_the_torch_module_has_the_tensors_of_the_table(filters: int, planes: int, layers: int, size: int) -> None:
    network = PolicyNetwork(filters, planes, layers, size)
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    assert shapes == network.architecture.tensor_shapes()
    assert network(torch.zeros(2, planes, size, size)).shape == (2, size * size)


def test_multiply_adds_are_those_of_the_convolutions() -> None:
    network, counted = PolicyNetwork(6, 4, 4, 9), 0

    def count(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        nonlocal counted
        assert isinstance(module, torch.nn.Conv2d)
        counted += output[0].numel() * module.in_channels * module.kernel_size[0] * module.kernel_size[1]

    for convolution in network.hidden:
        convolution.register_forward_hook(count)
    network(torch.zeros(1, 4, 9, 9))
    assert network.architecture.multiply_adds == counted + 6 * 81  # the last layer is no module of torch


@pytest.mark.parametrize("shape", [(0, 48, 13, 19), (8, 0, 13, 19), (8, 48, 1, 19), (8, 48, 13, 20)])
def test_impossible_shapes_are_refused(shape: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="not"):
        Architecture(*shape)


def test_layer_table_shows_every_layer_and_the_totals() -> None:
    lines = layer_table(Architecture()).splitlines()
    assert len(lines) == 1 + 1 + 1 + 13 + 1 + 1  # head, rule, input, layers, rule, total
    assert lines[3].split() == ["conv", "1", "5x5", "19x19x192", "270.8", "KiB", "230,592", "83,174,400"]
    assert lines[15].split() == ["conv", "13", "1x1", "19x19x1", "1.4", "KiB", "553", "69,312"]
    assert lines[-1].split()[-2:] == ["3,882,793", "1,400,726,208"]
    assert len({len(line) for line in lines}) == 1


def test_hidden_kernels_begin_with_the_identity() -> None:
    """What a layer passes on at first is what it was given, beside what its random kernels make of it."""
    torch.manual_seed(0)
    without = TrainingNetwork(6, 4, 4, 9, identity_init=0.0)
    torch.manual_seed(0)
    network = TrainingNetwork(6, 4, 4, 9, identity_init=0.75)
    assert torch.equal(network.hidden[0].weight, without.hidden[0].weight)
    x = torch.randn(2, 6, 9, 9)
    for one, other in zip(network.hidden[1:], without.hidden[1:], strict=True):
        assert torch.allclose(one(x), other(x) + 0.75 * x, atol=1e-5)


def test_kernels_of_the_centre_are_added_to_its_tap() -> None:
    with_centres, without = (TrainingNetwork(6, 4, 4, 9, pointwise_kernels=pointwise) for pointwise in (True, False))
    assert not len(without.pointwise_kernels)
    for centre in with_centres.pointwise_kernels:
        assert not centre.any()  # at first they change nothing
        torch.nn.init.normal_(centre)
    x = torch.randn(2, 6, 9, 9)
    for layer in (1, 2):
        whole, centre = with_centres.hidden[layer], with_centres.pointwise_kernels[layer]
        got = torch.nn.functional.conv2d(x, with_centres.kernels()[layer], padding="same")
        assert torch.allclose(got, whole(x) + torch.nn.functional.conv2d(x, centre), atol=1e-5)


def test_folding_the_plain_form_changes_nothing() -> None:
    network = TrainingNetwork(6, 4, 4, 9, normalised=False)
    for centre in network.pointwise_kernels:
        torch.nn.init.normal_(centre)
    x = torch.randn(2, 4, 9, 9)
    assert torch.equal(network.fold()(x), network(x))


@pytest.mark.parametrize("filters", [8, 64])
def test_folding_keeps_the_logits(filters: int) -> None:
    network = training_network(filters, layers=13)
    planes = torch.from_numpy(unpack_rows(demo_batch(16).rows)).float()
    with torch.no_grad():
        # Random gains make logits of any size: measured in units of their spread.
        expected = network(planes)
        got = network.fold()(planes)
    assert expected.std() > 1e-3
    assert float((got - expected).abs().max() / expected.std()) < 1e-4


@pytest.mark.parametrize(("planes", "size"), [(48, 19), (4, 19), (12, 9)])
def test_unpacking_for_torch_is_the_unpacking_of_features(planes: int, size: int) -> None:
    """As a CPU does it and as a GPU does it."""
    rows = torch.randint(0, 256, (5, (planes * size * size + 7) // 8), dtype=torch.uint8)
    expected = torch.from_numpy(unpack_rows(rows.numpy(), planes, size)).float()
    for way in (unpack, unpack_bits):
        assert torch.equal(way(rows, planes, size).float(), expected)


@pytest.mark.parametrize("shape", [(2, 8, 72), (1, 72, 8), (3, 16, 16)])
def test_orthogonalised_matrices_have_singular_values_about_1(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalise(torch.randn(shape)))
    assert values.min() > 0.3
    assert values.max() < 1.4
