"""Supervised training: `train(config)` turns a store of games into a plain policy network.

Words: a *step* learns from one batch; *progress* is the share of the run that is done, by positions or by the clock; a
*run* is a folder with log.csv, curve.png, last.safetensors (the checkpoint to resume from), best.safetensors (the plain
network that validated best) and, at the end, model.safetensors.
"""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import asdict, replace
from math import inf, isfinite
from pathlib import Path
from statistics import fmean
from types import FrameType
from typing import Any, NamedTuple, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from hayago.cores import cores
from hayago.errors import HayagoError
from hayago.features.encoder import encode_positions
from hayago.files import check_space, remove_unfinished
from hayago.learn.batches import Batch, Batches, Sampler, fixed_positions
from hayago.learn.checkpoint import ModelInfo, load_checkpoint, save_checkpoint, save_model
from hayago.learn.config import TrainingConfig
from hayago.learn.devices import has_bfloat16, pick_device
from hayago.learn.distributed import ALONE, Ranks
from hayago.learn.feeding import Fed, Unpacker, feed, to_device
from hayago.learn.guard import LossGuard
from hayago.learn.muon import Muon
from hayago.learn.network import TrainingNetwork
from hayago.learn.norms import RunningMoments, SubBatchNorm
from hayago.learn.plots import save_training_curve
from hayago.learn.reporting import Log, ProgressLine, TensorBoard
from hayago.learn.tower import one_torch_thread
from hayago.records.store import GameStore, read_store

CHECKPOINT, BEST, MODEL = "last.safetensors", "best.safetensors", "model.safetensors"
LOG_EVERY_SECONDS = 5.0
VALIDATION_BATCH = 256
LEARNING_RATES = {"muon": 0.03, "adamw": 0.003, "sgd": 0.1}


class TrainingInterrupted(HayagoError):
    """The user stopped the training; a checkpoint was left. The command line exits with 130, as shells expect."""

    exit_status = 130


class TrainingResult(NamedTuple):
    """What a finished run gives: its model file, its length, and how it validated at the end."""

    model: Path
    steps: int
    positions: int
    seconds: float
    validation_loss: float | None
    validation_top1: float | None
    waiting_share: float


def train(config: TrainingConfig) -> TrainingResult:
    """Train a network as the config says, and write the files of a run to config.out.

    Raises:
        TrainingInterrupted: the user stopped it (Ctrl-C, SIGTERM); a checkpoint was left.
        HayagoError: the games, the folder or the checkpoint cannot be used, or the loss is no longer a number.
    """
    with Ranks.from_environment() as ranks:
        if ranks.restarts and (config.out / CHECKPOINT).exists():
            config = replace(config, resume=True)
        return _train(config, ranks)


def _train(config: TrainingConfig, ranks: Ranks) -> TrainingResult:
    store = read_store(config.games, "train")
    device = pick_device(config.device, ranks.local)
    ranks.refuse(device, config.batch_size, config.positions_per_moment if config.normalised else 1)
    encode_threads = share_threads(config, device, ranks.neighbours)
    trainer = Trainer(config, device, store.games.size, ranks)
    sampler = Sampler(store.games, config.seed, config.games_per_block, config.positions_per_game, config.symmetries)
    run = _Run(config, store, trainer, ranks)
    turn = device.type == "cpu"  # a GPU turns the boards itself
    batches = Batches(
        sampler, config.batch_size, config.planes, encode_threads, ranks.rank, ranks.count, turn, config.replies
    ).start(trainer.step)
    with run, closing(batches), closing(feed(batches, device)) as fed, _stop_requests() as stop:
        while run.progress < 1:
            with run.waiting():
                batch = next(fed)
            trainer.learn(batch, config.learning_rate_factor(run.progress, trainer.step))
            due = run.tick(stop.requested)
            if due.row:
                run.log(due.validation)
            if due.checkpoint:
                run.save_checkpoint(batch)
            if due.stop:
                raise run.interrupted()
    return run.finish()


def make_optimizers(network: TrainingNetwork, config: TrainingConfig) -> list[torch.optim.Optimizer]:
    """The optimizers of all parameters; each group remembers its largest learning rate as "peak"."""
    kernels = [parameter for parameter in network.hidden.parameters() if parameter.dim() == 4]
    biases = [parameter for parameter in network.hidden.parameters() if parameter.dim() == 1]
    others: list[nn.Parameter] = [*biases, *network.norms.parameters(), *network.last.parameters()]
    others += network.replies.parameters()
    groups: list[dict[str, Any]] = [
        {"params": kernels, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    peak = config.learning_rate or LEARNING_RATES[config.optimizer]
    optimizers: list[torch.optim.Optimizer]
    if config.optimizer == "muon":
        optimizers = [
            Muon(kernels, peak, config.momentum, config.weight_decay),
            torch.optim.AdamW(others, config.other_learning_rate, betas=(0.9, 0.95), weight_decay=0.0),
        ]
    elif config.optimizer == "adamw":
        optimizers = [torch.optim.AdamW(groups, peak)]
    else:
        optimizers = [torch.optim.SGD(groups, peak, config.momentum)]
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return optimizers


class Trainer:
    """What learns: the network and its optimizers. It reads no clock and writes no file."""

    def __init__(
        self, config: TrainingConfig, device: torch.device, board_size: int = 19, ranks: Ranks = ALONE
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
            config.identity,
            config.replies,
        )
        self.network = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        # A CPU takes the sub-batches in turn, which bounds the memory; a GPU is too wide for them.
        self._part = config.positions_per_moment
        compiled, self._by_tower = config.compile, False
        if device.type == "cpu":
            self._by_tower = self.network.use_tower(torch.get_num_threads())
            compiled &= not self._by_tower
        else:
            self._part = config.batch_size // ranks.count
            for module in self.network.modules():
                if isinstance(module, SubBatchNorm):
                    module.sub_batch = config.positions_per_moment
        # What learns is the network, compiled and shared; what is saved and validated is the bare one.
        learning = torch.compile(self.network, dynamic=False) if compiled else self.network
        self._learning = ranks.wrap(cast(nn.Module, learning), device)
        self._moments = RunningMoments(self.network)
        self._ranks = ranks
        self.optimizers = make_optimizers(self.network, config)
        self.device = device
        self._bfloat16 = has_bfloat16(device)
        self.step = 0
        self._unpack = Unpacker(config.planes, board_size, device)
        self._reply_weight = config.reply_weight
        # Loss and accuracy of each step since the last look, left on the device so that nothing waits for it.
        self._metrics: list[Tensor] = []

    def _measure(self, network: nn.Module, batch: Fed) -> tuple[Tensor, Tensor]:
        """Sums over the batch: what to learn from, and (2,) the losses and the right guesses of the next move."""
        planes, labels, replies = self._unpack(batch)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._bfloat16):
            answers: Tensor = network(planes, replies is not None)
        logits, *following = answers.float() if replies is not None else (answers.float(),)
        loss = cross_entropy(logits, labels, reduction="sum")
        metrics = torch.stack([loss.detach(), (logits.detach().argmax(1) == labels).float().sum()])
        if replies is not None:
            for answer, reply in zip(following, replies.T, strict=True):
                ignored = answer.shape[1]  # the point of passes, and of what is not known
                loss = loss + self._reply_weight * cross_entropy(answer, reply, reduction="sum", ignore_index=ignored)
        return loss, metrics

    def learn(self, batch: Batch | Fed, factor: float) -> None:
        """One step, at `factor` times the largest learning rate; the batch is this rank's share of it."""
        with one_torch_thread() if self._by_tower else nullcontext():
            self._learn(batch, factor)

    def _learn(self, batch: Batch | Fed, factor: float) -> None:
        self.network.train()
        fed = to_device(batch, self.device)
        parts = fed.split(self._part)
        metrics = torch.zeros(2, device=self.device)
        self._moments.begin()
        for number, part in enumerate(parts, 1):
            with self._ranks.gathering(self._learning, last=number == len(parts)):
                loss, sums = self._measure(self._learning, part)
                (loss / len(fed.labels)).backward()  # type: ignore[no-untyped-call]
            self._moments.count()
            metrics += sums
        self._moments.settle(self._ranks)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * factor
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self._metrics.append(metrics / len(fed.labels))
        self.step += 1

    def take_metrics(self) -> tuple[list[float], list[float]]:
        """Loss and accuracy, over all ranks, of every step since the last call."""
        losses, top1s = (self._ranks.sum(torch.stack(self._metrics)) / self._ranks.count).T.tolist()
        self._metrics.clear()
        return losses, top1s

    @torch.no_grad()
    def validate(self, batches: list[Batch]) -> tuple[float, float]:
        """Mean loss and accuracy, over all ranks, of the network as it will be folded."""
        self.network.eval()
        return self._means(self.network, [to_device(batch, self.device) for batch in batches])

    @torch.no_grad()
    def loss_on(self, batch: Batch | Fed) -> float:
        """Loss, over all ranks, that the next step would begin with on this batch."""
        self.network.train()
        with self._moments.untouched(), one_torch_thread() if self._by_tower else nullcontext():
            return self._means(self.network, to_device(batch, self.device).split(self._part))[0]

    def _means(self, network: nn.Module, batches: list[Fed]) -> tuple[float, float]:
        sums = torch.zeros(3, dtype=torch.float64)
        for batch in batches:
            sums[:2] += self._measure(network, batch)[1].cpu()
            sums[2] += len(batch.labels)
        loss, right, count = self._ranks.sum(sums).tolist()
        return loss / count, right / count

    def state(self) -> dict[str, NDArray[Any]]:
        """All tensors that the next steps depend on, by name."""
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        for number, optimizer in enumerate(self.optimizers):
            for index, values in optimizer.state_dict()["state"].items():
                tensors |= {f"optimizer.{number}.{index}.{key}": value for key, value in values.items()}
        return {name: value.detach().cpu().numpy() for name, value in tensors.items()}

    def restore(self, tensors: dict[str, NDArray[Any]], step: int) -> None:
        """Go back to a state.

        Raises:
            HayagoError: the tensors are not those of this network.
        """
        network = {
            name.removeprefix("network."): torch.from_numpy(value)
            for name, value in tensors.items()
            if name.startswith("network.")
        }
        try:
            self.network.load_state_dict(network)
        except RuntimeError as error:
            raise HayagoError("the checkpoint holds another network than the one to be trained") from error
        for number, optimizer in enumerate(self.optimizers):
            state: dict[int, dict[str, Tensor]] = {}
            for name, value in tensors.items():
                if name.startswith(f"optimizer.{number}."):
                    _, _, index, key = name.split(".")
                    state.setdefault(int(index), {})[key] = torch.from_numpy(value)
            optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
        self.step = step


class _Due(NamedTuple):
    """What is to be done behind a step."""

    validation: bool
    checkpoint: bool
    row: bool
    stop: bool


class _Run:
    """A run's clock, its log and its files: what `train` does besides learning."""

    def __init__(self, config: TrainingConfig, store: GameStore, trainer: Trainer, ranks: Ranks) -> None:
        """Make the folder, or go on from its checkpoint."""
        self.config, self.store, self.trainer, self._ranks = config, store, trainer, ranks
        self.checkpoint = config.out / CHECKPOINT
        if self.checkpoint.exists() and not config.resume:
            raise HayagoError(f"{config.out} holds a training run: add --resume, or choose another folder")
        try:
            config.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HayagoError(f"cannot write {config.out}: {error.strerror}") from error
        self._validation = _validation_batches(config, ranks)
        self._guard = LossGuard()
        self._saved_step = 0
        self._owed = False  # whether a checkpoint was due when the loss was bad
        self._metrics: tuple[float, float] | None = None  # loss and top-1 of the last validation
        self._best = inf  # lowest validation loss
        self._before = 0.0  # seconds of the run's earlier parts
        if config.resume:
            self._resume()
        self._logs: list[Log | TensorBoard] = []
        if ranks.first:
            remove_unfinished(config.out)
            self._check_space()
            self._logs.append(Log(config.out / "log.csv", trainer.step))
            if config.tensorboard:
                self._logs.append(TensorBoard(config.out / "tensorboard", trainer.step))
        self._line = ProgressLine(quiet=not ranks.first)

    def _check_space(self) -> None:
        """See that the files of the run will find room; each is written beside the old one."""
        weights = sum(value.numel() * value.element_size() for value in self.trainer.network.parameters())
        checkpoint = 3 * weights  # with two moments for each
        sizes = {CHECKPOINT: checkpoint, BEST: weights, MODEL: weights}
        missing = sum(size for name, size in sizes.items() if not (self.config.out / name).exists())
        check_space(self.config.out, missing + checkpoint)

    def _resume(self) -> None:
        header, tensors = load_checkpoint(self.checkpoint)
        if header["data_fingerprint"] != self.store.fingerprint:
            raise HayagoError(f"{self.checkpoint}: trained on other games than those of {self.config.games}")
        started = header["config"]
        for name, value in self.config.fixed().items():
            if name not in started:
                raise HayagoError(f"{self.checkpoint}: another version of hayago wrote it, which knew no {name}")
            if value != started[name]:
                raise HayagoError(f"{self.checkpoint}: was started with {name} {started[name]}, not {value}")
        self.trainer.restore(tensors, header["step"])
        self._saved_step = header["step"]
        self._guard = LossGuard(header["loss_level"])
        self._before = header["seconds"]
        self._best = inf if header["best"] is None else header["best"]
        if header["validation"] is not None:
            loss, top1 = header["validation"]
            self._metrics = loss, top1

    def __enter__(self) -> Self:
        self._line.__enter__()
        self._line.say(
            f"{self.config.filters} filters on {self.trainer.device}, {len(self.store):,} games,"
            f" run in {self.config.out}"
        )
        self._started = time.perf_counter()
        self._waited = 0.0
        self.seconds = self._row_seconds = self._saved_seconds = self._before
        self._row_step = self.trainer.step
        self.progress = self._first_progress = self.config.progress(self.trainer.step, self.seconds)
        self._validated = int(self.progress * self.config.validations)
        return self

    def __exit__(self, *details: object) -> None:
        self._line.__exit__(*details)
        for log in self._logs:
            log.close()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count the time of the block as waiting for data."""
        asked = time.perf_counter()
        yield
        self._waited += time.perf_counter() - asked

    def tick(self, stop: bool) -> _Due:
        """Read the clock, once a step, and agree with the other ranks on what is due; any of them may ask to stop."""
        self.seconds = self._before + time.perf_counter() - self._started
        self.progress = self.config.progress(self.trainer.step, self.seconds)
        validation, checkpoint, row = self.validation_due(), self.checkpoint_due(), self.log_due()
        agreed, stop = self._ranks.agree((self.progress, validation, checkpoint, row), stop)
        self.progress, validation = agreed[0], bool(agreed[1])
        checkpoint = validation or bool(agreed[2]) or stop
        return _Due(validation, checkpoint, checkpoint or bool(agreed[3]), stop)

    @property
    def waiting_share(self) -> float:
        """The share of this part of the run that was spent waiting for data."""
        return self._waited / max(1e-9, self.seconds - self._before)

    def validation_due(self) -> bool:
        """Whether the next of the run's validations is due."""
        return int(self.progress * self.config.validations) > self._validated

    def log_due(self) -> bool:
        """Whether the last row of the log is some seconds old."""
        return self.seconds - self._row_seconds > LOG_EVERY_SECONDS

    def checkpoint_due(self) -> bool:
        """Whether the last checkpoint is too old."""
        return self._owed or self.seconds - self._saved_seconds > self.config.checkpoint_minutes * 60

    def log(self, validate: bool) -> None:
        """Write and show one row about the steps since the last; with `validate`, keep the network if it is the best.

        Raises:
            HayagoError: the loss is no number any more, or has exploded.
        """
        trainer, steps = self.trainer, self.trainer.step - self._row_step
        losses, top1s = trainer.take_metrics()
        try:
            self._guard.watch(trainer.step, losses)
        except HayagoError as error:
            kept = f"; {self.checkpoint} holds the last good state, of step {self._saved_step}"
            raise HayagoError(f"{error}{kept if self._saved_step else ''}") from None
        self._last_loss = losses[-1]
        row: dict[str, Any] = {
            "step": trainer.step,
            "positions": trainer.step * self.config.batch_size,
            "seconds": self.seconds,
            "learning_rate": trainer.optimizers[0].param_groups[0]["lr"],
            "train_loss": fmean(losses),
            "train_top1": fmean(top1s),
            "validation_loss": None,
            "validation_top1": None,
            "positions_per_s": steps * self.config.batch_size / (self.seconds - self._row_seconds),
            "waiting_share": self.waiting_share,
        }
        if validate:
            self._validated = int(self.progress * self.config.validations)
            self._validate(row)
        for log in self._logs:
            log.add(row)
        pace = (self.seconds - self._before) / max(1e-9, self.progress - self._first_progress)
        self._line.add(row, self.progress, pace * (1 - self.progress))
        self._row_step = trainer.step
        self._row_seconds = self._before + time.perf_counter() - self._started  # leaves the validation out

    def _validate(self, row: dict[str, Any]) -> None:
        if self._validation is None:
            return
        self._metrics = self.trainer.validate(self._validation)
        row["validation_loss"], row["validation_top1"] = self._metrics
        if self._metrics[0] < self._best:
            self._best = self._metrics[0]
            self._save_model(self.config.out / BEST)

    def save_checkpoint(self, batch: Fed) -> None:
        """Write all that is needed to go on from here, if it is worth it; called behind a row of the log only.

        What a step has made of the network shows in the loss of the next one only: so that no bad state takes the place
        of a good one, that loss is looked at first, on the batch just learned.
        """
        loss = self.trainer.loss_on(batch)
        self._owed = not (self._guard.is_calm(self._last_loss) and self._guard.is_calm(loss))
        if self._owed:
            return
        self._saved_step = self.trainer.step
        self._saved_seconds = self.seconds
        if not self._ranks.first:
            return
        header = {
            "step": self.trainer.step,
            "seconds": self.seconds,
            "best": self._best if isfinite(self._best) else None,
            "validation": self._metrics,
            "loss_level": self._guard.level,
            "data_fingerprint": self.store.fingerprint,
            "config": self.config.fixed(),
        }
        save_checkpoint(self.checkpoint, self.trainer.state(), header)

    def interrupted(self) -> TrainingInterrupted:
        """What the user is told who has stopped the run."""
        step, saved = self.trainer.step, self._saved_step
        kept = "" if saved == step else f", whose loss was bad; the checkpoint is of step {saved}"
        return TrainingInterrupted(
            f"stopped after step {step}{kept}; go on with: {replace(self.config, resume=True).command()}"
        )

    def finish(self) -> TrainingResult:
        """Write the model and the curve."""
        model = self.config.out / MODEL
        self._save_model(model)
        if self._ranks.first:
            save_training_curve(self.config.out / "log.csv", self.config.out / "curve.png")
        loss, top1 = self._metrics or (None, None)
        steps = self.trainer.step
        positions = steps * self.config.batch_size
        return TrainingResult(model, steps, positions, self.seconds, loss, top1, self.waiting_share)

    def _save_model(self, path: Path) -> None:
        """Fold the network and write it, with the history of this run; in rank 0 only."""
        if not self._ranks.first:
            return
        trainer = self.trainer
        loss, top1 = self._metrics or (None, None)
        history = {
            "games": len(self.store),
            "data_fingerprint": self.store.fingerprint,
            "steps": trainer.step,
            "positions": trainer.step * self.config.batch_size,
            "seconds": round(self.seconds, 1),
            "device": str(trainer.device),
            "validation_loss": loss,
            "validation_top1": top1,
            "config": self.config.fixed(),
        }
        shape = asdict(trainer.network.architecture)
        info = ModelInfo(**shape, data_fingerprint=self.store.fingerprint, history=(history,))
        weights = {name: value.numpy() for name, value in trainer.network.fold().state_dict().items()}
        save_model(path, weights, info)


def share_threads(config: TrainingConfig, device: torch.device, neighbours: int = 1) -> int:
    """Give torch its threads, and return how many are left to encode.

    Together no more than asked for, or than the cores that fall to each of `neighbours` processes.
    """
    threads = config.threads or max(1, cores() // neighbours)
    encode_threads = config.encode_threads
    if encode_threads < 0:
        # On a CPU encoding costs about a hundredth of training: too little for a core of its own.
        encode_threads = 0 if device.type == "cpu" else max(1, min(8, threads - 1))
    torch.set_num_threads(max(1, threads - encode_threads))
    return encode_threads


def _validation_batches(config: TrainingConfig, ranks: Ranks) -> list[Batch] | None:
    """This rank's share of the same positions each time, of games held out for validation; None without such games."""
    games = read_store(config.games, "validation").games
    if not len(games.codes):
        return None
    positions = fixed_positions(games, config.validation_positions)
    batches = []
    for first in range(ranks.rank * VALIDATION_BATCH, len(positions.game), ranks.count * VALIDATION_BATCH):
        rows, labels = encode_positions(games, *positions.take(slice(first, first + VALIDATION_BATCH)), config.planes)
        batches.append(Batch(rows, labels.astype(np.int64)))
    return batches


class _Stop:
    """Whether the user has asked to stop."""

    requested = False


@contextmanager
def _stop_requests() -> Iterator[_Stop]:
    """Turn the first Ctrl-C or SIGTERM into a request, granted between two steps; the second acts as ever.

    In a thread that is not the main one, which Python lets handle no signals, requests never come.
    """
    stop = _Stop()
    before: dict[int, Any] = {}

    def request(number: int, frame: FrameType | None) -> None:
        stop.requested = True
        signal.signal(number, before[number])

    if threading.current_thread() is threading.main_thread():
        before = {number: signal.signal(number, request) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
