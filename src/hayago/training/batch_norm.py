"""Batch normalisation over groups of fixed size, so that a network learns the same however a batch is spread.

A *group* is the positions over which a normalisation takes its moments. A step has one or many of them, computed
in turn, together, or by many processes; its *running moments*, which evaluation uses, move once a step by the mean
over them all.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import torch
from torch import Tensor, nn

from hayago.training.distributed import SINGLE_PROCESS, ProcessGroup


class GroupedBatchNorm(nn.BatchNorm2d):
    """Batch normalisation which can split a batch that holds many groups, for devices that like large batches.

    `batch_norm_group` 0 takes every batch for one group.
    """

    batch_norm_group = 0

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, N, N) to the same; while learning B is a multiple of the group, or less than it."""
        if not self.training or not 0 < self.batch_norm_group < len(x):
            return super().forward(x)
        assert self.running_mean is not None and self.running_var is not None and self.momentum is not None
        # Under autocast x has too few bits for sums of squares.
        groups = x.view(-1, self.batch_norm_group, *x.shape[1:]).float()
        variance, mean = torch.var_mean(groups, dim=(1, 3, 4), correction=0, keepdim=True)
        count = groups[0].numel() // groups.shape[2]
        with torch.no_grad():
            self.running_mean.lerp_(mean.mean(0).flatten(), self.momentum)
            self.running_var.lerp_(variance.mean(0).flatten() * (count / (count - 1)), self.momentum)
        scale = self.weight.view(-1, 1, 1) * torch.rsqrt(variance + self.eps)
        shift = self.bias.view(-1, 1, 1) - mean * scale
        return (groups * scale + shift).to(x.dtype).flatten(0, 1)


class RunningMoments:
    """The running moments of all normalisations of a network.

    A forward pass moves them by itself: v to v + momentum * (moment - v). To move them once a step by the mean moment,
    every pass begins at the same v, and the mean of where the passes led is kept.
    """

    def __init__(self, network: nn.Module) -> None:
        norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
        self._moments = [cast(Tensor, moment) for norm in norms for moment in (norm.running_mean, norm.running_var)]
        self._many = False
        self._before: list[Tensor] = []
        self._sums: list[Tensor] = []
        self._passes = 0

    def begin(self, passes: int) -> None:
        """A step of so many passes, of all processes together, begins. A single one moves the moments as it should."""
        self._many = passes > 1 and bool(self._moments)
        if not self._many:
            return
        self._before = [moment.clone() for moment in self._moments]
        self._sums = [torch.zeros_like(moment) for moment in self._moments]
        self._passes = 0

    def count(self) -> None:
        """A forward pass is over: the next one shall begin where it began."""
        if not self._many:
            return
        for moment, before, total in zip(self._moments, self._before, self._sums, strict=True):
            total += moment
            moment.copy_(before)
        self._passes += 1

    def settle(self, group: ProcessGroup = SINGLE_PROCESS) -> None:
        """The step is over, in all processes."""
        if not self._many:
            return
        sizes = [len(moment) for moment in self._moments]
        means = group.sum(torch.cat(self._sums)) / (self._passes * group.count)
        for moment, mean in zip(self._moments, torch.split(means, sizes), strict=True):
            moment.copy_(mean)

    @contextmanager
    def untouched(self) -> Iterator[None]:
        """Whatever passes forward in the block moves nothing."""
        before = [moment.clone() for moment in self._moments]
        yield
        for moment, value in zip(self._moments, before, strict=True):
            moment.copy_(value)
