"""What learns, step by step: the network and its optimizers. Nothing here reads a clock or writes a file."""

from collections import deque
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from hayago.errors import HayagoError
from hayago.network.devices import has_bfloat16
from hayago.network.model_file import Model
from hayago.training.batches import Batch
from hayago.training.config import TrainingConfig
from hayago.training.cuda_graph import CudaGraphStep
from hayago.training.device_batches import DeviceBatch, Unpacker, to_device
from hayago.training.distributed import SINGLE_PROCESS, ProcessGroup
from hayago.training.muon import Muon
from hayago.training.training_network import GroupedBatchNorm, RunningMoments, TrainingNetwork

# Muon's is lower when 1x1 kernels are learned beside the 3x3 ones.
LEARNING_RATES = {"muon": 0.02, "muon, no pointwise kernels": 0.03, "adamw": 0.003, "sgd": 0.1}

# What an optimizer remembers of each parameter, in its shape; AdamW also counts its steps.
MOMENTS: dict[type[torch.optim.Optimizer], tuple[str, ...]] = {
    Muon: ("momentum",),
    torch.optim.AdamW: ("exp_avg", "exp_avg_sq"),
    torch.optim.SGD: ("momentum_buffer",),
}

ADAMW_BESIDE_MUON = 0.003
FROM = 0.25  # of the learning rates, where a trained network goes on learning

STEPS_AHEAD = 2  # steps that may be queued on a GPU


def make_optimizers(network: TrainingNetwork, config: TrainingConfig) -> list[torch.optim.Optimizer]:
    """The optimizers of all parameters. Each parameter group remembers its peak learning rate as "peak".

    On a GPU the learning rates are tensors, because a recorded step (see `CudaGraphStep`) would freeze numbers.
    """
    on_gpu = network.last.bias.is_cuda
    kernels = [parameter for parameter in network.hidden.parameters() if parameter.dim() == 4]
    biases = [parameter for parameter in network.hidden.parameters() if parameter.dim() == 1]
    others: list[nn.Parameter] = [*biases, *network.norms.parameters(), *network.last.parameters()]
    others += [*network.future_moves.parameters(), *network.scales, *network.shifts]
    kernels, others = ([each for each in some if each.requires_grad] for some in (kernels, others))
    groups: list[dict[str, Any]] = [
        {"params": [*kernels, *network.pointwise_kernels], "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    alone = config.optimizer == "muon" and not network.pointwise_kernels
    usual = LEARNING_RATES["muon, no pointwise kernels" if alone else config.optimizer]
    share = FROM if config.start and config.learned == "all" else 1.0
    peak = config.learning_rate or share * usual
    beside = config.adamw_learning_rate or share * ADAMW_BESIDE_MUON
    optimizers: list[torch.optim.Optimizer]
    if config.optimizer == "muon":
        moved_by_muon: list[dict[str, Any]] = [{"params": kernels}]
        if network.pointwise_kernels:
            # Their steps have the length of those of the 3x3 kernels, which are wide matrices: see `Muon`.
            moved_by_muon.append(
                {"params": list(network.pointwise_kernels), "lr": peak * config.pointwise_rate, "lengthen": False}
            )
        optimizers = [
            Muon(moved_by_muon, peak, config.momentum, config.weight_decay),
            torch.optim.AdamW(others, beside, betas=(0.9, 0.95), weight_decay=0.0, capturable=on_gpu),
        ]
    elif config.optimizer == "adamw":
        optimizers = [torch.optim.AdamW(groups, peak, capturable=on_gpu)]
    else:
        optimizers = [torch.optim.SGD(groups, peak, config.momentum, fused=on_gpu or None)]
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
            if on_gpu:
                group["lr"] = torch.tensor(group["lr"], device=network.last.bias.device)
    return optimizers


class Trainer:
    """The network, its optimizers, and how they make a step."""

    def __init__(
        self, config: TrainingConfig, device: torch.device, board_size: int = 19, group: ProcessGroup = SINGLE_PROCESS
    ) -> None:
        torch.manual_seed(config.seed)
        if device.type == "cuda":
            torch.backends.cudnn.benchmark = True
            torch.set_float32_matmul_precision("high")
        network = TrainingNetwork(
            config.filters,
            config.planes,
            config.layers,
            board_size,
            config.normalised,
            config.identity_init,
            config.pointwise_kernels,
            config.future_moves,
            persona=config.learned == "persona",
        )
        if config.learned != "all":
            learned = {*network.scales, *network.shifts, network.last.bias}
            for parameter in network.parameters():
                parameter.requires_grad_(parameter in learned)
        self.network = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        # A CPU computes one group at a time, which bounds its memory; for a GPU a group is too little work.
        self._part = config.batch_norm_positions
        compiled = config.compile
        if device.type == "cpu":
            compiled &= not self.network.use_cpu_convolutions(torch.get_num_threads())
        else:
            self._part = config.batch_size // group.count
            for module in self.network.modules():
                if isinstance(module, GroupedBatchNorm):
                    module.batch_norm_group = config.batch_norm_positions
        # The compiled, distributed network learns; the bare one is validated and saved.
        learning = torch.compile(self.network, dynamic=False) if compiled else self.network
        self._learning = group.wrap(cast(nn.Module, learning), device)
        self._moments = RunningMoments(self.network)
        self._group = group
        self.optimizers = make_optimizers(self.network, config)
        self.learning_rate = 0.0  # of the first group, in the last step
        self.device = device
        self._bfloat16 = has_bfloat16(device)
        self.step = 0
        self._unpack = Unpacker(config.planes, board_size, device)
        self._future_move_weight = config.future_move_weight
        self._replayed = self._recorder()
        self._under_way: deque[torch.cuda.Event] = deque()
        # Loss and accuracy of each step since `take_metrics`, left on the device so that nothing waits for them.
        self._metrics: list[Tensor] = []

    def start_from(self, model: Model, batch: Batch) -> None:
        """Begin as this network; the batch gives the moments of the normalisations (see `TrainingNetwork`).

        Raises:
            HayagoError: the model does not fit.
        """
        planes, _, _ = self._unpack(to_device(batch, self.device))
        self.network.start_from(model, planes.float())

    def _recorder(self) -> CudaGraphStep | None:
        """Records steps where that is possible: processes that share a batch communicate within a step."""
        return CudaGraphStep() if self.device.type == "cuda" and self._group.count == 1 else None

    def _measure(self, network: nn.Module, batch: DeviceBatch) -> tuple[Tensor, Tensor]:
        """Sums over the batch: the loss to learn from, and (2,) loss and right guesses of the next move."""
        planes, labels, future_moves = self._unpack(batch)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._bfloat16):
            answers: Tensor = network(planes, future_moves is not None)
        logits, *following = answers.float() if future_moves is not None else (answers.float(),)
        loss = cross_entropy(logits, labels, reduction="sum")
        metrics = torch.stack([loss.detach(), (logits.detach().argmax(1) == labels).float().sum()])
        if future_moves is not None:
            for answer, moves in zip(following, future_moves.T, strict=True):
                ignored = answer.shape[1]  # the point that stands for a pass, and for moves after the end
                loss = loss + self._future_move_weight * cross_entropy(
                    answer, moves, reduction="sum", ignore_index=ignored
                )
        return loss, metrics

    def learn(self, batch: Batch | DeviceBatch, factor: float) -> None:
        """Make one step at `factor` times the peak learning rates; `batch` is this rank's share of the batch."""
        self.network.train()
        self.learning_rate = self.optimizers[0].param_groups[0]["peak"] * factor
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                if isinstance(group["lr"], Tensor):
                    group["lr"].fill_(group["peak"] * factor)
                else:
                    group["lr"] = group["peak"] * factor
        fed = to_device(batch, self.device)
        self._metrics.append(self._replayed(self._make_step, fed) if self._replayed else self._make_step(fed))
        self.step += 1
        if self.device.type == "cuda":
            self._wait()

    def _wait(self) -> None:
        """Queue only a few steps on the GPU, since each holds memory."""
        event = torch.cuda.Event()  # type: ignore[no-untyped-call]
        event.record()
        self._under_way.append(event)
        if len(self._under_way) > STEPS_AHEAD:
            self._under_way.popleft().synchronize()

    def is_busy(self) -> bool:
        """Whether a CUDA GPU is still computing a step."""
        return bool(self._under_way) and not self._under_way[-1].query()  # type: ignore[no-untyped-call]

    def _make_step(self, fed: DeviceBatch) -> Tensor:
        """Make one step. Returns (2,), the loss and accuracy of the batch."""
        parts = fed.split(self._part)
        metrics = torch.zeros(2, device=self.device)
        self._moments.begin(len(parts) * self._group.count)
        for number, part in enumerate(parts, 1):
            with self.network.alone(), self._group.gathering(self._learning, last=number == len(parts)):
                loss, sums = self._measure(self._learning, part)
                (loss / len(fed.labels)).backward()  # type: ignore[no-untyped-call]
            self._moments.count()
            metrics += sums
        self._moments.settle(self._group)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return metrics / len(fed.labels)

    def take_metrics(self) -> tuple[list[float], list[float]]:
        """Loss and accuracy over all ranks, of every step since the last call."""
        losses, top1s = (self._group.sum(torch.stack(self._metrics)) / self._group.count).T.tolist()
        self._metrics.clear()
        return losses, top1s

    @torch.no_grad()
    def validate(self, batches: list[Batch]) -> tuple[float, float]:
        """Mean loss and accuracy over all ranks, of the network as it will be folded."""
        self.network.eval()
        return self._means(self.network, [to_device(batch, self.device) for batch in batches])

    @torch.no_grad()
    def loss_on(self, batch: Batch | DeviceBatch) -> float:
        """The loss over all ranks that the next step would start with on this batch."""
        self.network.train()
        with self._moments.untouched(), self.network.alone():
            return self._means(self.network, to_device(batch, self.device).split(self._part))[0]

    def _means(self, network: nn.Module, batches: list[DeviceBatch]) -> tuple[float, float]:
        sums = torch.zeros(3, dtype=torch.float64)
        for batch in batches:
            sums[:2] += self._measure(network, batch)[1].cpu()
            sums[2] += len(batch.labels)
        loss, right, count = self._group.sum(sums).tolist()
        return loss / count, right / count

    def state(self) -> dict[str, NDArray[Any]]:
        """All tensors that future steps depend on, by name."""
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        for number, optimizer in enumerate(self.optimizers):
            for index, values in optimizer.state_dict()["state"].items():
                tensors |= {f"optimizer.{number}.{index}.{key}": value for key, value in values.items()}
        return {name: value.detach().cpu().numpy() for name, value in tensors.items()}

    def _fits(self, tensors: dict[str, NDArray[Any]]) -> bool:
        """Whether these are the tensors of a `state` of this network: their names, shapes and types, no NaN, no
        negative variance."""
        own = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        if not own.keys() <= tensors.keys():
            return False
        for number, optimizer in enumerate(self.optimizers):
            parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
            for index, parameter in enumerate(parameters):
                moments = {f"optimizer.{number}.{index}.{key}": parameter for key in MOMENTS[type(optimizer)]}
                if isinstance(optimizer, torch.optim.AdamW):
                    moments[f"optimizer.{number}.{index}.step"] = torch.zeros(())
                if not moments.keys().isdisjoint(tensors.keys()):  # a parameter that never moved has none
                    own |= moments
        return own.keys() == tensors.keys() and all(
            value.shape == tuple(own[name].shape)
            and str(value.dtype) == str(own[name].dtype).removeprefix("torch.")
            and bool(np.isfinite(value).all())
            and not (name.endswith(".running_var") and (value < 0).any())
            for name, value in tensors.items()
        )

    def restore(self, tensors: dict[str, NDArray[Any]], step: int) -> None:
        """Restore a state.

        Raises:
            HayagoError: the tensors belong to another network or optimizer, or are damaged.
        """
        if not self._fits(tensors):
            raise HayagoError("the checkpoint holds another network than the one to train")
        network = {
            name.removeprefix("network."): torch.from_numpy(value)
            for name, value in tensors.items()
            if name.startswith("network.")
        }
        self.network.load_state_dict(network)
        for number, optimizer in enumerate(self.optimizers):
            state: dict[int, dict[str, Tensor]] = {}
            for name, value in tensors.items():
                if name.startswith(f"optimizer.{number}."):
                    _, _, index, key = name.split(".")
                    state.setdefault(int(index), {})[key] = torch.from_numpy(value)
            optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
            for parameter, values in optimizer.state.items():
                for key, value in values.items():
                    if value.shape == parameter.shape:
                        # In the memory layout of the parameter: fused optimizers require it, and the others are faster.
                        values[key] = torch.empty_like(parameter, requires_grad=False).copy_(value)
        self._replayed = self._recorder()  # the recording belongs to the old tensors
        self._metrics.clear()
        self.step = step
