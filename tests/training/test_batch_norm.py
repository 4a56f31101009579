"""Groups together, or in turn, or spread over processes: the same moments and the same gradients."""

import copy

import pytest
import torch
from torch import nn

from hayago.training.training_network import GroupedBatchNorm, RunningMoments


def norm() -> GroupedBatchNorm:
    torch.manual_seed(0)
    made = GroupedBatchNorm(5)
    nn.init.uniform_(made.weight, 0.5, 1.5)
    nn.init.normal_(made.bias)
    nn.init.uniform_(made.running_mean)
    return made


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_together_is_in_turn(memory_format: torch.memory_format) -> None:
    x = (torch.randn(12, 5, 3, 3) * torch.arange(1, 13).view(-1, 1, 1, 1)).to(memory_format=memory_format)
    weights = torch.randn_like(x)
    together, in_turn = norm(), norm()
    together.batch_norm_group = 4
    got = together(x)
    assert got.is_contiguous(memory_format=memory_format)
    (got * weights).sum().backward()
    moments = RunningMoments(in_turn)
    moments.begin(2)
    parts = []
    for part, weight in zip(x.split(4), weights.split(4), strict=True):
        parts.append(nn.BatchNorm2d.forward(in_turn, part))
        (parts[-1] * weight).sum().backward()
        moments.count()
    moments.settle()
    assert torch.allclose(got, torch.cat(parts), atol=1e-5)
    for (name, one), other in zip(together.named_parameters(), in_turn.parameters(), strict=True):
        assert one.grad is not None and other.grad is not None
        assert torch.allclose(one.grad, other.grad, rtol=1e-4, atol=1e-4), name
    for name in ("running_mean", "running_var"):
        assert torch.allclose(getattr(together, name), getattr(in_turn, name), rtol=1e-5), name
    whole = norm()
    assert not torch.allclose(whole(x), got, atol=1e-2)


def test_few_bits_are_summed_in_many() -> None:
    """As under autocast on a GPU."""
    x = torch.randn(8, 5, 9, 9) + 100
    wide, narrow = norm(), norm()
    wide.batch_norm_group = narrow.batch_norm_group = 4
    expected, got = wide(x.bfloat16().float()), narrow(x.bfloat16())
    assert got.dtype == torch.bfloat16
    assert torch.allclose(got.float(), expected, rtol=1e-2, atol=1e-2)
    assert torch.allclose(wide.running_var, narrow.running_var)


def test_one_group_is_plain_batch_normalisation() -> None:
    x = torch.randn(4, 5, 3, 3)
    one, plain = norm(), norm()
    one.batch_norm_group = 4
    torch.testing.assert_close(one(x), nn.BatchNorm2d.forward(plain, x))
    one.eval()
    torch.testing.assert_close(one(torch.cat([x, x]))[:4], one(x))


def test_a_look_moves_nothing() -> None:
    looked_at = norm()
    before = copy.deepcopy(looked_at.state_dict())
    with RunningMoments(looked_at).untouched():
        looked_at(torch.randn(4, 5, 3, 3))
        assert not torch.equal(looked_at.running_mean, before["running_mean"])
    assert all(torch.equal(looked_at.state_dict()[name], before[name]) for name in ("running_mean", "running_var"))


def test_a_network_without_norms_has_no_moments() -> None:
    moments = RunningMoments(nn.Linear(1, 1))
    moments.begin(2)
    moments.count()
    moments.settle()
