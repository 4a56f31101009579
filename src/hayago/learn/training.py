"""Supervised training: `train(config)` turns a store of games into a plain policy network.

Words: a *step* learns from one batch; *progress* is the share of the run that is done, by positions or by the clock; a
*run* is a folder with log.csv, curve.png, last.safetensors (the checkpoint to resume from), best.safetensors (the plain
network that validated best) and, at the end, model.safetensors.
"""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from math import inf, isfinite
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from hayago.errors import HayagoError
from hayago.features.encoder import encode_positions
from hayago.learn.batches import Batch, Batches, Sampler, fixed_positions
from hayago.learn.checkpoint import ModelInfo, load_checkpoint, save_checkpoint, save_model
from hayago.learn.config import TrainingConfig
from hayago.learn.devices import cores, pick_device
from hayago.learn.muon import Muon
from hayago.learn.network import TrainingNetwork, unpack, unpack_table
from hayago.learn.plots import save_training_curve
from hayago.learn.reporting import Log, ProgressLine, TensorBoard
from hayago.records.store import GameStore, read_store

LOG_EVERY_SECONDS = 5.0
VALIDATION_BATCH = 256
LEARNING_RATES = {"muon": 0.04, "adamw": 0.003, "sgd": 0.1}


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
    store = read_store(config.games, "train")
    device = pick_device(config.device)
    encode_threads = share_threads(config, device)
    trainer = Trainer(config, device, store.games.size)
    sampler = Sampler(store.games, config.seed, config.games_per_block, config.positions_per_game, config.symmetries)
    run = _Run(config, store, trainer)
    batches = Batches(sampler, config.batch_size, config.planes, encode_threads).start(trainer.step)
    with run, closing(batches), _stop_requests() as stop:
        while run.progress < 1:
            with run.waiting():
                batch = next(batches)
            trainer.learn(batch, config.learning_rate_factor(run.progress, trainer.step))
            run.tick()
            validate = run.validation_due()
            if validate or stop.requested or run.checkpoint_due() or run.log_due():
                run.log(validate)
            if validate or stop.requested or run.checkpoint_due():
                run.save_checkpoint()
            if stop.requested:
                again = replace(config, resume=True).command()
                raise TrainingInterrupted(f"stopped after step {trainer.step}; go on with: {again}")
    return run.finish()


def make_optimizers(network: TrainingNetwork, config: TrainingConfig) -> list[torch.optim.Optimizer]:
    """The optimizers of all parameters; each group remembers its largest learning rate as "peak"."""
    kernels = [parameter for parameter in network.hidden.parameters() if parameter.dim() == 4]
    biases = [parameter for parameter in network.hidden.parameters() if parameter.dim() == 1]
    others: list[nn.Parameter] = [*biases, *network.norms.parameters(), *network.last.parameters()]
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

    def __init__(self, config: TrainingConfig, device: torch.device, board_size: int = 19) -> None:
        torch.manual_seed(config.seed)
        network = TrainingNetwork(
            config.filters, config.planes, config.layers, board_size, config.normalised, config.identity
        )
        self.network = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if device.type == "cpu":
            self.network.use_tower(torch.get_num_threads())
        self.optimizers = make_optimizers(self.network, config)
        self.device = device
        self.step = 0
        self._table = unpack_table(device)
        # Sums since the last look, of loss and accuracy, kept on the device so that nothing waits for it.
        self._sums = torch.zeros(2, device=device)

    def _logits(self, rows: NDArray[np.uint8]) -> Tensor:
        shape = self.network.architecture
        packed = torch.from_numpy(rows)
        if self.device.type == "cuda":
            packed = packed.pin_memory()
        packed = packed.to(self.device, non_blocking=True)
        planes = unpack(packed, self._table, shape.planes, shape.board_size)
        # bfloat16 is the fast path of GPUs and the slow one of most CPUs.
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            logits: Tensor = self.network(planes.contiguous(memory_format=torch.channels_last))
        return logits.float()

    def learn(self, batch: Batch, factor: float) -> None:
        """One step, at `factor` times the largest learning rate."""
        self.network.train()
        labels = torch.from_numpy(batch.labels).to(self.device, non_blocking=True)
        logits = self._logits(batch.rows)
        loss = cross_entropy(logits, labels)
        loss.backward()  # type: ignore[no-untyped-call]
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * factor
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self._sums += torch.stack([loss.detach(), (logits.detach().argmax(1) == labels).float().mean()])
        self.step += 1

    def take_sums(self) -> tuple[float, float]:
        """Sums of the steps' losses and accuracies since the last call."""
        loss, top1 = self._sums.tolist()
        self._sums.zero_()
        return loss, top1

    @torch.no_grad()
    def validate(self, batches: list[Batch]) -> tuple[float, float]:
        """Mean loss and accuracy of the network as it will be folded."""
        self.network.eval()
        loss = right = total = 0.0
        for batch in batches:
            labels = torch.from_numpy(batch.labels).to(self.device)
            logits = self._logits(batch.rows)
            loss += float(cross_entropy(logits, labels, reduction="sum"))
            right += float((logits.argmax(1) == labels).sum())
            total += len(batch.labels)
        return loss / total, right / total

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


class _Run:
    """A run's clock, its log and its files: what `train` does besides learning."""

    def __init__(self, config: TrainingConfig, store: GameStore, trainer: Trainer) -> None:
        """Make the folder, or go on from its checkpoint."""
        self.config, self.store, self.trainer = config, store, trainer
        self.checkpoint = config.out / "last.safetensors"
        if self.checkpoint.exists() and not config.resume:
            raise HayagoError(f"{config.out} holds a training run: add --resume, or choose another folder")
        try:
            config.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HayagoError(f"cannot write {config.out}: {error.strerror}") from error
        self._validation = _validation_batches(config)
        self._metrics: tuple[float, float] | None = None  # loss and top-1 of the last validation
        self._best = inf  # lowest validation loss
        self._before = 0.0  # seconds of the run's earlier parts
        if config.resume:
            self._resume()
        self._logs: list[Log | TensorBoard] = [Log(config.out / "log.csv", trainer.step)]
        if config.tensorboard:
            self._logs.append(TensorBoard(config.out / "tensorboard"))
        self._line = ProgressLine()

    def _resume(self) -> None:
        header, tensors = load_checkpoint(self.checkpoint)
        if header["data_fingerprint"] != self.store.fingerprint:
            raise HayagoError(f"{self.checkpoint}: trained on other games than those of {self.config.games}")
        for name, value in self.config.fixed().items():
            if value != header["config"].get(name):
                raise HayagoError(
                    f"{self.checkpoint}: was started with {name} {header['config'].get(name)}, not {value}"
                )
        self.trainer.restore(tensors, header["step"])
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

    def tick(self) -> None:
        """Read the clock, once a step."""
        self.seconds = self._before + time.perf_counter() - self._started
        self.progress = self.config.progress(self.trainer.step, self.seconds)

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
        return self.seconds - self._saved_seconds > self.config.checkpoint_minutes * 60

    def log(self, validate: bool) -> None:
        """Write and show one row about the steps since the last; with `validate`, keep the network if it is the best.

        Raises:
            HayagoError: the loss is no number any more.
        """
        trainer, steps = self.trainer, self.trainer.step - self._row_step
        loss, top1 = (value / steps for value in trainer.take_sums())
        if not isfinite(loss):
            kept = f"; {self.checkpoint} holds the last good state" if self.checkpoint.exists() else ""
            raise HayagoError(f"the loss is no number any more at step {trainer.step}: lower the learning rate{kept}")
        row: dict[str, Any] = {
            "step": trainer.step,
            "positions": trainer.step * self.config.batch_size,
            "seconds": self.seconds,
            "learning_rate": trainer.optimizers[0].param_groups[0]["lr"],
            "train_loss": loss,
            "train_top1": top1,
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
        if not self._validation:
            return
        self._metrics = self.trainer.validate(self._validation)
        row["validation_loss"], row["validation_top1"] = self._metrics
        if self._metrics[0] < self._best:
            self._best = self._metrics[0]
            self._save_model(self.config.out / "best.safetensors")

    def save_checkpoint(self) -> None:
        """Write all that is needed to go on from here; called behind a row of the log only, whose loss was finite."""
        header = {
            "step": self.trainer.step,
            "seconds": self.seconds,
            "best": self._best if isfinite(self._best) else None,
            "validation": self._metrics,
            "data_fingerprint": self.store.fingerprint,
            "config": self.config.fixed(),
        }
        save_checkpoint(self.checkpoint, self.trainer.state(), header)
        self._saved_seconds = self.seconds

    def finish(self) -> TrainingResult:
        """Write the model and the curve."""
        model = self.config.out / "model.safetensors"
        self._save_model(model)
        save_training_curve(self.config.out / "log.csv", self.config.out / "curve.png")
        loss, top1 = self._metrics or (None, None)
        steps = self.trainer.step
        positions = steps * self.config.batch_size
        return TrainingResult(model, steps, positions, self.seconds, loss, top1, self.waiting_share)

    def _save_model(self, path: Path) -> None:
        """Fold the network and write it, with the history of this run."""
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


def share_threads(config: TrainingConfig, device: torch.device) -> int:
    """Give torch its threads, and return how many are left to encode; together no more than asked for, or the cores."""
    threads = config.threads or cores()
    encode_threads = config.encode_threads
    if encode_threads < 0:
        # On a CPU encoding costs about a hundredth of training: too little for a core of its own.
        encode_threads = 0 if device.type == "cpu" else max(1, min(8, threads - 1))
    torch.set_num_threads(max(1, threads - encode_threads))
    return encode_threads


def _validation_batches(config: TrainingConfig) -> list[Batch]:
    """The same positions each time, from the games held out for validation; none if there are no such games."""
    games = read_store(config.games, "validation").games
    if not len(games.codes):
        return []
    rows, labels = encode_positions(games, *fixed_positions(games, config.validation_positions), config.planes)
    return [
        Batch(rows[first : first + VALIDATION_BATCH], labels[first : first + VALIDATION_BATCH].astype(np.int64))
        for first in range(0, len(rows), VALIDATION_BATCH)
    ]


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
