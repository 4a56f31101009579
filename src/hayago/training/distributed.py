"""Many processes that train one network: `torchrun --nproc-per-node N -m hayago train ...`.

Words: a *rank* is a process of the run, numbered from 0; each computes its share of every batch, and torch's
DistributedDataParallel makes one step of all gradients. Rank 0 alone writes files, reads the clock and decides what is
due. The machines see the same files: all ranks read the store of games and the checkpoint.

`ProcessGroup` is all that the trainer knows of the others. Decisions are agreed upon over the CPU (gloo), once a step,
so that a GPU never waits for them; a rank that is gone is noticed there, by its closed connection.
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

# What ranks may wait for one another: rank 0 writes checkpoints, and a first step may compile.
TIMEOUT = timedelta(minutes=10)


class RankLost(HayagoError):
    """Another process of the run has gone or cannot be reached."""


class ProcessGroup:
    """The processes of a run, seen from one of them; without torchrun there is this one only.

    Leaving the block with an error says it once: the first rank that fails raises it, the others, which mostly fail
    because that one has gone, leave without a word.
    """

    def __init__(self, rank: int = 0, count: int = 1, local: int = 0, neighbours: int = 1, restarts: int = 0) -> None:
        """`local` is the number of this rank on its machine, which has `neighbours` ranks."""
        self.rank = rank
        self.count = count
        self.local = local
        self.neighbours = neighbours
        self.restarts = restarts
        self._store: Any = None

    @classmethod
    def from_environment(cls) -> Self:
        """As torchrun, or whoever starts the processes, has set RANK, WORLD_SIZE and so on."""
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
            nccl = torch.cuda.is_available() and distributed.is_nccl_available()  # there is none on Windows
            backend = "cpu:gloo,cuda:nccl" if nccl else "gloo"
            try:
                store, _, _ = next(rendezvous("env://", timeout=TIMEOUT))
                # torchrun keeps its store over a restart, and in it the addresses of those who have gone.
                prefix = f"hayago/{self.restarts}/{self.count}"
                self._store = distributed.PrefixStore(prefix, store)  # type: ignore[attr-defined]
                distributed.init_process_group(
                    backend, store=self._store, rank=self.rank, world_size=self.count, timeout=TIMEOUT
                )
            except (RuntimeError, ValueError) as error:
                raise HayagoError(f"the processes do not find one another: {str(error).splitlines()[0]}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.count == 1:
            return
        if error is None:
            distributed.destroy_process_group()
            return
        # After an error the group is left as it is: to take it down would wait for those who have gone.
        lost = _tells_of_a_loss(error)
        if (lost or isinstance(error, HayagoError)) and not self._speaks():
            raise SystemExit(getattr(error, "exit_status", 1)) from None
        if lost:
            # NCCL fails for other reasons too, and says so.
            reason = f" ({str(error).splitlines()[0]})" if "NCCL" in str(error) else ""
            raise RankLost(f"another process of this run has gone{reason}; the last checkpoint is whole") from error

    def _speaks(self) -> bool:
        """Whether no other rank has said what is wrong."""
        try:
            return bool(self._store.add("failed", 1) == 1)
        except RuntimeError:  # the store has gone with the rank that held it
            return True

    def agree(self, decisions: Sequence[float], vote: bool = False) -> tuple[list[float], bool]:
        """Rank 0's decisions, and whether any rank votes for something; the same answer on all ranks."""
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
        """Refuse what cannot be shared; without normalisation batch_norm_group is 1.

        Raises:
            HayagoError: the batch gives no whole groups for each rank, or the device cannot be shared.
        """
        if batch_size % (self.count * batch_norm_group):
            groups_text = f" x batch_norm_group {batch_norm_group}" if batch_norm_group > 1 else ""
            raise HayagoError(f"batch_size {batch_size} is no multiple of {self.count} processes{groups_text}")
        if self.neighbours > 1 and device.type == "cuda" and device.index != self.local:
            raise HayagoError(f"the processes of a machine cannot share {device}: --device cuda gives each its own")
        if self.count > 1 and device.type == "mps":
            raise HayagoError("the processes of a run cannot share the GPU of a Mac: --device cpu, or one process")

    def wrap(self, network: nn.Module, device: torch.device) -> nn.Module:
        """The network whose gradients are means over all ranks; the weights begin as those of rank 0."""
        if self.count == 1:
            return network
        # It also sends rank 0's running moments round: they are the same everywhere, see `RunningMoments`.
        # What would spare this bears other names in other versions of torch.
        return nn.parallel.DistributedDataParallel(network, [device.index] if device.type == "cuda" else None)

    def gathering(self, network: nn.Module, last: bool) -> AbstractContextManager[None]:
        """Forward and backward of a group, in turn: the ranks exchange gradients in the last one only."""
        if last or not isinstance(network, nn.parallel.DistributedDataParallel):
            return nullcontext()
        return network.no_sync()


SINGLE_PROCESS = ProcessGroup()


def _tells_of_a_loss(error: BaseException) -> bool:
    """Whether torch says that a collective failed; gloo's errors have no class of their own."""
    return isinstance(error, distributed.DistError) or (isinstance(error, RuntimeError) and "gloo" in str(error))
