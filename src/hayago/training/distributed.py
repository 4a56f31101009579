"""Many processes that train one network: `torchrun --nproc-per-node N -m hayago train ...`.

A *rank* is a process of the run, numbered from 0. Each computes its share of every batch, and torch's
DistributedDataParallel averages the gradients. Only rank 0 writes files, reads the clock and decides what is due. All
machines must see the same files: every rank reads the store of games and the checkpoint.

`ProcessGroup` is all that the trainer knows of other processes. Ranks agree on decisions once per step over the CPU
(gloo), so that a GPU never waits for it. A lost rank is noticed there by its closed connection.
"""

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor, distributed, nn
from torch.distributed.rendezvous import rendezvous

from hayago.errors import HayagoError

# How long ranks wait for one another: rank 0 writes checkpoints, and the first step may compile.
TIMEOUT = timedelta(minutes=10)


class RankLost(HayagoError):
    """Another process of the run has ended or cannot be reached."""


class ProcessGroup:
    """The processes of a run, seen from one of them. Without torchrun there is only this one.

    An error that leaves the `with` block is reported once. The first rank that fails raises it; the others, which
    usually fail because that one has ended, exit silently.
    """

    def __init__(self, rank: int = 0, count: int = 1, local: int = 0, neighbours: int = 1, restarts: int = 0) -> None:
        """`local` is the number of this rank on its machine, which runs `neighbours` ranks."""
        self.rank = rank
        self.count = count
        self.local = local
        self.neighbours = neighbours
        self.restarts = restarts
        self._store: Any = None

    @classmethod
    def from_environment(cls) -> Self:
        """The group that RANK, WORLD_SIZE and so on describe; torchrun sets them."""
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "TORCHELASTIC_RESTART_COUNT")
        rank, count, local, neighbours, restarts = (os.environ.get(name, "") for name in names)
        if not count:
            return cls()
        try:
            return cls(int(rank), int(count), int(local or 0), int(neighbours or 1), int(restarts or 0))
        except ValueError as error:
            raise HayagoError(f"RANK, WORLD_SIZE, LOCAL_RANK must be numbers: {error}") from error

    @property
    def first(self) -> bool:
        """Whether this is rank 0, which writes."""
        return self.rank == 0

    def __enter__(self) -> Self:
        if self.count > 1:
            nccl = torch.cuda.is_available() and distributed.is_nccl_available()  # not on Windows
            backend = "cpu:gloo,cuda:nccl" if nccl else "gloo"
            try:
                store, _, _ = next(rendezvous("env://", timeout=TIMEOUT))
                # torchrun keeps its store over a restart, with the addresses of processes that have ended.
                prefix = f"hayago/{self.restarts}/{self.count}"
                self._store = distributed.PrefixStore(prefix, store)  # type: ignore[attr-defined]
                distributed.init_process_group(
                    backend, store=self._store, rank=self.rank, world_size=self.count, timeout=TIMEOUT
                )
            except (RuntimeError, ValueError) as error:
                raise HayagoError(f"the processes cannot find one another: {str(error).splitlines()[0]}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.count == 1:
            return
        if error is None:
            distributed.destroy_process_group()
            return
        # After an error the group is left as it is: destroying it would wait for lost processes.
        lost = _tells_of_a_loss(error)
        if (lost or isinstance(error, HayagoError)) and not self._speaks():
            raise SystemExit(getattr(error, "exit_status", 1)) from None
        if lost:
            # NCCL also fails for other reasons, which it names.
            reason = f" ({str(error).splitlines()[0]})" if "NCCL" in str(error) else ""
            raise RankLost(f"another process of this run has ended{reason}; the last checkpoint is complete") from error

    def _speaks(self) -> bool:
        """Whether no other rank has reported an error."""
        try:
            return bool(self._store.add("failed", 1) == 1)
        except RuntimeError:  # the store ended with the rank that held it
            return True

    def agree(self, decisions: Sequence[float], vote: bool = False) -> tuple[list[float], bool]:
        """Rank 0's decisions, and whether any rank votes yes; every rank gets the same answer."""
        if self.count == 1:
            return list(decisions), vote
        said = torch.zeros(len(decisions) + 1, dtype=torch.float64)
        if self.first:
            said[:-1] = torch.tensor(decisions, dtype=torch.float64)
        said[-1] = float(vote)
        *agreed, votes = self.sum(said).tolist()
        return agreed, votes > 0

    def sum(self, values: Tensor) -> Tensor:
        """The sum over all ranks, in place, on the device of the values."""
        if self.count > 1:
            distributed.all_reduce(values)
        return values

    def refuse(self, device: torch.device, batch_size: int, batch_norm_group: int) -> None:
        """Refuse what the ranks cannot share. Without normalisation, batch_norm_group is 1.

        Raises:
            HayagoError: the batch cannot be split into whole groups for each rank, or the device cannot be shared.
        """
        if batch_size % (self.count * batch_norm_group):
            groups_text = f" x batch_norm_group {batch_norm_group}" if batch_norm_group > 1 else ""
            raise HayagoError(f"batch_size {batch_size} is not a multiple of {self.count} processes{groups_text}")
        if self.neighbours > 1 and device.type == "cuda" and device.index != self.local:
            raise HayagoError(f"the processes of a machine cannot share {device}: --device cuda gives each its own")
        if self.count > 1 and device.type == "mps":
            raise HayagoError("the processes of a run cannot share the GPU of a Mac: --device cpu, or one process")

    def wrap(self, network: nn.Module, device: torch.device) -> nn.Module:
        """The network whose gradients are averaged over all ranks, and which starts with the weights of rank 0."""
        if self.count == 1:
            return network
        # This also broadcasts rank 0's running moments, which are the same everywhere (see `RunningMoments`). The
        # argument that would avoid it has different names in different versions of torch.
        return nn.parallel.DistributedDataParallel(network, [device.index] if device.type == "cuda" else None)

    def gathering(self, network: nn.Module, last: bool) -> AbstractContextManager[None]:
        """For the forward and backward pass of one group: gradients are exchanged only after the last one."""
        if last or not isinstance(network, nn.parallel.DistributedDataParallel):
            return nullcontext()
        return network.no_sync()


SINGLE_PROCESS = ProcessGroup()


def _tells_of_a_loss(error: BaseException) -> bool:
    """Whether a collective operation failed; gloo's errors have no class of their own."""
    return isinstance(error, distributed.DistError) or (isinstance(error, RuntimeError) and "gloo" in str(error))
