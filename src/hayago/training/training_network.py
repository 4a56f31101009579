"""The form in which the policy network is trained, and which folds into the plain `PolicyNetwork`.

By default a batch normalisation follows every hidden convolution: with it a network learns far faster. It is computed
over groups of fixed size, so that a network learns the same however a batch is spread. A *group* is the positions over
which a normalisation takes its moments. A step has one or many groups, computed in turn, together, or by many
processes. The *running moments*, which evaluation uses, move once a step by the mean over all groups.

Planes are (B, planes, N, N) float, logits (B, N*N) over the points of the board.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import zip_longest
from typing import cast

import torch
from torch import Tensor, nn

from hayago.errors import HayagoError
from hayago.network.architecture import Architecture
from hayago.network.model_file import Model
from hayago.network.policy import LastLayer, PolicyNetwork
from hayago.training.cpu.convolutions import CpuConvolutions
from hayago.training.distributed import SINGLE_PROCESS, ProcessGroup


class TrainingNetwork(nn.Module):
    """The network while it learns: batch normalisation takes the place of the hidden layers' biases.

    Args:
        normalised: False keeps the plain form, with He's initialisation (He et al. 2015).
        identity_init: the initial 3x3 kernels are random plus this multiple of the identity. So the lower layers'
            features come through from the first step on, as by the identity branch of RepVGG (Ding et al. 2021), at no
            cost.
        pointwise_kernels: add to each hidden kernel a 1x1 kernel for its centre, which starts at 0. This is RepVGG's
            1x1 branch without its own normalisation, so that kernels are summed instead of outputs. Muon then moves
            the centre, which mixes the features of one point, several times as far; other optimizers twice as far.
        persona: the hidden layers stay as they are; learned are a scale and a shift for each of their filters, which
            fold into kernels and biases, and the last layer's bias. Needs `normalised` False.
        future_moves: the number of further last layers that predict the following moves (as in Tian and Zhu 2015,
            "Better computer Go player with neural network and long-term prediction"). The folded network has none.
    """

    def __init__(
        self,
        filters: int = 192,
        planes: int = 48,
        layers: int = 13,
        board_size: int = 19,
        normalised: bool = True,
        identity_init: float = 1.0,
        pointwise_kernels: bool = True,
        future_moves: int = 0,
        persona: bool = False,
    ) -> None:
        super().__init__()
        self.architecture = Architecture(filters, planes, layers, board_size)
        *hidden, last = self.architecture.table()
        self.hidden = nn.ModuleList(
            nn.Conv2d(layer.inputs, layer.outputs, layer.kernel, padding="same", bias=not normalised)
            for layer in hidden
        )
        self.norms = nn.ModuleList(GroupedBatchNorm(layer.outputs) for layer in hidden if normalised)
        if not normalised:
            for convolution in _convolutions(self):
                nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
                nn.init.zeros_(cast(Tensor, convolution.bias))
        for convolution in _convolutions(self)[1:]:
            with torch.no_grad():
                convolution.weight += identity_init * nn.init.dirac_(torch.empty_like(convolution.weight))
        self.pointwise_kernels = nn.ParameterList(
            nn.Parameter(torch.zeros(layer.outputs, layer.inputs, 1, 1)) for layer in hidden if pointwise_kernels
        )
        self.scales = nn.ParameterList(nn.Parameter(torch.ones(layer.outputs)) for layer in hidden if persona)
        self.shifts = nn.ParameterList(nn.Parameter(torch.zeros(layer.outputs)) for layer in hidden if persona)
        self.last = LastLayer(last.inputs, board_size)
        self.future_moves = nn.ModuleList(LastLayer(last.inputs, board_size) for _ in range(future_moves))
        # Not a module: it holds threads and scratch arrays but nothing learned.
        self._cpu_convolutions: CpuConvolutions | None = None

    @torch.no_grad()
    def start_from(self, model: Model, planes: Tensor) -> None:
        """Begin as a trained network, and not at random.

        Normalisations divide by the moments that these positions, (B, planes, N, N), give, and undo it by their gains
        and shifts. So they pass on what the network did, and its kernels may have any length: they keep that of the
        initial ones, for which the learning rates are meant.

        Raises:
            HayagoError: the model has another architecture.
        """
        own, other = self.architecture, model.info
        for name in ("planes", "layers", "filters", "board_size"):
            if (has := getattr(other, name)) != (wanted := getattr(own, name)):
                raise HayagoError(f"the network to start from has {name} {has}, not {wanted}")
        weights = {name: torch.from_numpy(value).to(planes) for name, value in model.weights.items()}
        x = planes
        norms = cast(Iterable[nn.BatchNorm2d], self.norms)
        for number, (convolution, norm) in enumerate(zip_longest(_convolutions(self), norms)):
            kernel, bias = weights[f"hidden.{number}.weight"], weights[f"hidden.{number}.bias"]
            raw = nn.functional.conv2d(x, kernel, padding="same")
            x = torch.relu(raw + bias[:, None, None])
            if norm is None:
                convolution.weight.copy_(kernel)
                cast(Tensor, convolution.bias).copy_(bias)
                continue
            assert norm.running_mean is not None and norm.running_var is not None
            lengths = kernel.flatten(1).norm(dim=1)
            change = convolution.weight.flatten(1).norm(dim=1) / lengths.clamp(min=1e-12)
            convolution.weight.copy_(kernel * change[:, None, None, None])
            variance, mean = torch.var_mean(raw, dim=(0, 2, 3), correction=0)
            norm.running_mean.copy_(mean * change)
            norm.running_var.copy_(variance * change**2)
            norm.weight.copy_(torch.sqrt(variance * change**2 + norm.eps) / change)
            norm.bias.copy_(bias + mean)
        for layer in (self.last, *cast(Iterable[LastLayer], self.future_moves)):
            layer.weight.copy_(weights["last.weight"])
            layer.bias.copy_(weights["last.bias"])
        if not all(torch.isfinite(value).all() for value in (x, *self.state_dict().values())):
            raise HayagoError("the network to start from answers with NaN or infinite values")

    def use_cpu_convolutions(self, threads: int) -> bool:
        """Use the CPU convolutions with so many threads from now on, where they are faster than torch's.

        Returns False, and does nothing, if they cannot do this number of filters.
        """
        if CpuConvolutions.suits(self.architecture.filters):
            self._cpu_convolutions = CpuConvolutions(self.architecture.board_size, threads)
        return self._cpu_convolutions is not None

    def alone(self) -> AbstractContextManager[None]:
        """For forward and backward passes: with `CpuConvolutions`, torch has one thread meanwhile (see its `alone`)."""
        return nullcontext() if self._cpu_convolutions is None else self._cpu_convolutions.alone()

    def forward(self, planes: Tensor, future_moves: bool = False) -> Tensor:
        """(B, planes, N, N) to logits (B, N*N); with `future_moves` to (1 + R, B, N*N), the next move's first."""
        if self.training and self._cpu_convolutions is not None:
            x = self._hidden_on_cpu(self._cpu_convolutions, planes)
        else:
            x = planes
            norms = self.norms or [nn.Identity()] * len(self.hidden)
            for kernel, bias, norm in zip(self.kernels(), self.biases(), norms, strict=True):
                x = torch.relu_(norm(nn.functional.conv2d(x, kernel, bias, padding="same")))
        if future_moves:
            return _answers([self.last, *self.future_moves], x)
        return cast(Tensor, self.last(x))

    def kernels(self) -> list[Tensor]:
        """The kernels of the hidden convolutions, (outputs, inputs, r, r) each."""
        kernels: list[Tensor] = [convolution.weight for convolution in _convolutions(self)]
        for number, centre in enumerate(self.pointwise_kernels):
            margin = [kernels[number].shape[2] // 2] * 4
            kernels[number] = kernels[number] + nn.functional.pad(centre, margin)
        for number, scale in enumerate(self.scales):
            kernels[number] = kernels[number] * scale[:, None, None, None]
        return kernels

    def biases(self) -> list[Tensor | None]:
        """The biases of the hidden convolutions; those that are normalised have none."""
        biases = [convolution.bias for convolution in _convolutions(self)]
        if not self.scales:
            return biases
        return [
            cast(Tensor, bias) * scale + shift
            for bias, scale, shift in zip(biases, self.scales, self.shifts, strict=True)
        ]

    def _hidden_on_cpu(self, convolutions: CpuConvolutions, planes: Tensor) -> Tensor:
        norms = [cast(nn.BatchNorm2d, norm) for norm in self.norms]
        kernels = self.kernels()
        if not norms:
            return convolutions(planes, kernels, cast(list[Tensor], self.biases()))[0]
        x, means, variances = convolutions(
            planes, kernels, [norm.bias for norm in norms], [norm.weight for norm in norms], norms[0].eps
        )
        count = planes.shape[0] * planes.shape[2] * planes.shape[3]
        for norm, mean, variance in zip(norms, means, variances * (count / (count - 1)), strict=True):
            assert norm.running_mean is not None and norm.running_var is not None and norm.momentum is not None
            assert norm.num_batches_tracked is not None
            norm.running_mean.lerp_(mean, norm.momentum)
            norm.running_var.lerp_(variance, norm.momentum)
            norm.num_batches_tracked += 1
        return x

    @torch.no_grad()
    def fold(self) -> PolicyNetwork:
        """The plain network with the logits that this one gives in evaluation, on the CPU.

        A normalisation is y = (x - mean) / sqrt(variance + eps) * gain + shift for each filter: scaling the filter's
        kernel by gain / sqrt(variance + eps) and moving the rest into the bias does the same.
        """
        shape = self.architecture
        plain = PolicyNetwork(shape.filters, shape.planes, shape.layers, shape.board_size)
        for target, kernel, bias in zip(_convolutions(plain), self.kernels(), self.biases(), strict=True):
            target.weight.copy_(kernel)
            if bias is not None and target.bias is not None:
                target.bias.copy_(bias)
        for target, norm in zip(_convolutions(plain), self.norms, strict=False):
            assert isinstance(norm, nn.BatchNorm2d)
            assert norm.running_mean is not None and norm.running_var is not None and target.bias is not None
            # In float64 on the CPU, so that only the result is rounded; not every device has float64.
            mean, variance = norm.running_mean.cpu().double(), norm.running_var.cpu().double()
            scale = norm.weight.cpu().double() / torch.sqrt(variance + norm.eps)
            target.weight.copy_(target.weight.double() * scale[:, None, None, None])
            target.bias.copy_(norm.bias.cpu().double() - mean * scale)
        plain.last.load_state_dict(self.last.state_dict())
        return plain.eval()


class GroupedBatchNorm(nn.BatchNorm2d):
    """Batch normalisation over groups within a batch, for devices that need large batches.

    With `batch_norm_group` 0 every batch is one group.
    """

    batch_norm_group = 0

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, N, N) to the same; in training B is a multiple of the group, or smaller."""
        if not self.training or not 0 < self.batch_norm_group < len(x):
            return super().forward(x)
        assert self.running_mean is not None and self.running_var is not None and self.momentum is not None
        # Under autocast x has too few bits for a sum of squares.
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
        """Begin a step of so many passes over all processes. A single pass needs no help."""
        self._many = passes > 1 and bool(self._moments)
        if not self._many:
            return
        self._before = [moment.clone() for moment in self._moments]
        self._sums = [torch.zeros_like(moment) for moment in self._moments]
        self._passes = 0

    def count(self) -> None:
        """A forward pass is over; the next one begins where it began."""
        if not self._many:
            return
        for moment, before, total in zip(self._moments, self._before, self._sums, strict=True):
            total += moment
            moment.copy_(before)
        self._passes += 1

    def settle(self, group: ProcessGroup = SINGLE_PROCESS) -> None:
        """The step is over in all processes."""
        if not self._many:
            return
        sizes = [len(moment) for moment in self._moments]
        means = group.sum(torch.cat(self._sums)) / (self._passes * group.count)
        for moment, mean in zip(self._moments, torch.split(means, sizes), strict=True):
            moment.copy_(mean)

    @contextmanager
    def untouched(self) -> Iterator[None]:
        """Forward passes in the block leave the moments unchanged."""
        before = [moment.clone() for moment in self._moments]
        yield
        for moment, value in zip(self._moments, before, strict=True):
            moment.copy_(value)


def _answers(layers: Sequence[nn.Module], x: Tensor) -> Tensor:
    """(B, filters, N, N) to (layers, B, N*N): the outputs of several last layers by one matrix product."""
    weights = torch.cat([cast(Tensor, layer.weight).flatten(1) for layer in layers])
    biases = torch.stack([cast(Tensor, layer.bias) for layer in layers])
    answers = nn.functional.linear(x.permute(0, 2, 3, 1).flatten(1, 2), weights)
    return answers.permute(2, 0, 1) + biases[:, None]


def _convolutions(network: PolicyNetwork | TrainingNetwork) -> list[nn.Conv2d]:
    return [cast(nn.Conv2d, module) for module in network.hidden]
