"""A run's folder, clock and log: what training does besides learning.

A *run* is a folder with log.csv, curve.png, last.safetensors (the checkpoint to resume from), best.safetensors (the
plain network with the lowest validation loss) and, at the end, model.safetensors. *Progress* is the share of the run
that is done, by positions or by the clock.
"""

import math
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from math import inf, isfinite
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple, Self

import numpy as np
from filelock import FileLock, Timeout

from hayago.drawing.curves import save_training_curve
from hayago.errors import HayagoError, printable
from hayago.features.incremental import encode_positions
from hayago.files import check_space, refuse_inputs, refuse_links, remove_unfinished
from hayago.network.model_file import ModelInfo, load_model, model_path, save_model
from hayago.records.games import count_examples
from hayago.records.store import GameStore, read_store
from hayago.training.batches import Batch, fixed_positions
from hayago.training.checkpoint import CHECKPOINT, load_checkpoint, save_checkpoint
from hayago.training.config import LARGEST, TrainingConfig, option_of
from hayago.training.device_batches import DeviceBatch
from hayago.training.distributed import ProcessGroup
from hayago.training.log import Log, ProgressLine, TensorBoard
from hayago.training.loss_guard import EXPLODED, LossGuard
from hayago.training.trainer import Trainer

BEST, MODEL = "best.safetensors", "model.safetensors"
LOG, CURVE, TENSORBOARD, LOCK = "log.csv", "curve.png", "tensorboard", ".lock"
LOG_EVERY_SECONDS = 5.0
VALIDATION_BATCH = 256


class TrainingInterrupted(HayagoError):
    """The user stopped the training, and a checkpoint was written. The command line exits with 130."""

    exit_status = 130


class TrainingResult(NamedTuple):
    """The model file of a finished run, its length, and its last validation."""

    model: Path
    steps: int
    positions: int
    seconds: float
    validation_loss: float | None
    validation_top1: float | None
    waiting_share: float


class Due(NamedTuple):
    """What is due after a step."""

    validation: bool
    checkpoint: bool
    row: bool
    stop: bool


class Run:
    """The clock, the log and the files of a run."""

    def __init__(
        self,
        config: TrainingConfig,
        store: GameStore,
        trainer: Trainer,
        group: ProcessGroup,
        history: tuple[dict[str, Any], ...] = (),
    ) -> None:
        """Create and lock the folder, or continue from its checkpoint. The history is of the network it starts from."""
        self.config, self.store, self.trainer, self._group = config, store, trainer, group
        self._history = history
        self.checkpoint = config.out / CHECKPOINT
        refuse_links(config.out, (CHECKPOINT, BEST, MODEL, LOG, CURVE, TENSORBOARD, LOCK))
        if config.start and not config.resume:
            for name in (CHECKPOINT, BEST, MODEL, LOG, CURVE):
                refuse_inputs(config.out / name, [config.games, model_path(config.start)])
        is_new = not config.out.exists()
        self._lock = FileLock(config.out / LOCK)
        try:
            config.out.mkdir(parents=True, exist_ok=True)
            if group.first:
                self._lock.acquire(timeout=0)
        except Timeout as error:
            raise HayagoError(f"{config.out}: another process is training into this folder") from error
        except OSError as error:
            raise HayagoError(f"cannot write {config.out}: {error.strerror or error}") from error
        try:
            self._begin()
        except BaseException:
            self._unlock()
            if is_new and group.first:
                shutil.rmtree(config.out, ignore_errors=True)
            raise

    def _begin(self) -> None:
        """What may still fail, with the folder locked."""
        config, group = self.config, self._group
        if self.checkpoint.exists() and not config.resume:
            raise HayagoError(f"{config.out} holds a training run: add --resume, or choose another folder")
        self._line = ProgressLine(quiet=not group.first)
        self._validation = _validation_batches(config, group)
        self._guard = LossGuard()
        self._saved_step = 0
        self._owed = False  # whether a checkpoint was due when the loss was bad
        self._hopeless = EXPLODED * math.log(self.store.games.size**2)  # far worse than a guess at random
        self._metrics: tuple[float, float] | None = None  # loss and top-1 of the last validation
        self._best = inf  # lowest validation loss
        self._before = 0.0  # seconds of the run's earlier parts
        if config.resume:
            self._resume()
        self._logs: list[Log | TensorBoard] = []
        if group.first:
            remove_unfinished(config.out)
            self._check_space()
            if config.tensorboard:
                self._logs.append(TensorBoard(config.out / TENSORBOARD, self.trainer.step))
            self._logs.append(Log(config.out / LOG, self.trainer.step))

    def _check_space(self) -> None:
        """Check that there is room for the files of the run; each is written before the old one is removed."""
        weights = sum(value.numel() * value.element_size() for value in self.trainer.network.parameters())
        checkpoint = 3 * weights  # the optimizer keeps two moments of each weight
        sizes = {CHECKPOINT: checkpoint, BEST: weights, MODEL: weights}
        missing = sum(size for name, size in sizes.items() if not (self.config.out / name).exists())
        check_space(self.config.out, missing + checkpoint)

    def _resume(self) -> None:
        header, tensors = load_checkpoint(self.checkpoint)
        if header["data_fingerprint"] != self.store.fingerprint:
            raise HayagoError(f"{self.checkpoint}: trained on other games than {self.config.games}")
        started = header["config"]
        for name, value in self.config.fixed().items():
            if name not in started:
                raise HayagoError(f"{self.checkpoint}: written by another version of hayago, without {option_of(name)}")
            if value != started[name]:
                before, now = (str(each) or "none" for each in (started[name], value))
                raise HayagoError(f"{self.checkpoint}: was started with {option_of(name)} {before}, not {now}")
        self.trainer.restore(tensors, header["step"])
        self._saved_step = header["step"]
        try:
            self._history = ModelInfo(history=tuple(header.get("history", ()))).history
        except (TypeError, ValueError) as error:
            raise HayagoError(f"{self.checkpoint}: its header makes no sense: history") from error
        self._guard = LossGuard(header["loss_level"])
        self._before = header["seconds"]
        self._best = inf if header["best"] is None else header["best"]
        if header["best"] is not None:
            try:
                load_model(self.config.out / BEST)
            except HayagoError as error:  # or a run would end without it
                self._best = inf
                self._line.say(f"{error}; the next validation writes it again")
        if header["validation"] is not None:
            loss, top1 = header["validation"]
            self._metrics = loss, top1

    def __enter__(self) -> Self:
        self._line.__enter__()
        self._line.say(
            f"{self.config.filters} filters on {self.trainer.device}, {len(self.store):,} games,"
            f" run in {printable(str(self.config.out))}"
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
        if details[0] is not None:
            self._unlock()  # else `finish` does so

    def _unlock(self) -> None:
        if self._lock.is_locked:
            with suppress(OSError):  # Windows does not delete an open file
                Path(self._lock.lock_file).unlink()
            self._lock.release()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count the time of the block as waiting for data, unless a GPU was busy throughout."""
        asked = time.perf_counter()
        yield
        if not self.trainer.is_busy():
            self._waited += time.perf_counter() - asked

    def tick(self, stop: bool) -> Due:
        """Read the clock, once per step, and agree with the other ranks on what is due. Any of them may ask to stop."""
        self.seconds = self._before + time.perf_counter() - self._started
        self.progress = self.config.progress(self.trainer.step, self.seconds)
        validation, checkpoint, row = self.validation_due(), self.checkpoint_due(), self.log_due()
        agreed, stop = self._group.agree((self.progress, validation, checkpoint, row), stop)
        self.progress, validation = agreed[0], bool(agreed[1])
        checkpoint = validation or bool(agreed[2]) or stop
        return Due(validation, checkpoint, checkpoint or bool(agreed[3]), stop)

    @property
    def waiting_share(self) -> float:
        """The share of the time since the start or resume that was spent waiting for data."""
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
        """Write and show one row about the steps since the last row; with `validate`, keep the network if it is best.

        Raises:
            HayagoError: the loss is NaN or has exploded.
        """
        trainer, steps = self.trainer, self.trainer.step - self._row_step
        losses, top1s = trainer.take_metrics()
        try:
            self._guard.watch(trainer.step, losses)
        except HayagoError as error:
            kept = f"; {self.checkpoint} holds the last good state, from step {self._saved_step}"
            raise HayagoError(f"{error}{kept if self._saved_step else ''}") from None
        self._last_loss = losses[-1]
        row: dict[str, Any] = {
            "step": trainer.step,
            "positions": trainer.step * self.config.batch_size,
            "seconds": self.seconds,
            "learning_rate": trainer.learning_rate,
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
        self._row_seconds = self._before + time.perf_counter() - self._started  # excludes the validation

    def _validate(self, row: dict[str, Any]) -> None:
        if self._validation is None:
            return
        self._metrics = self.trainer.validate(self._validation)
        row["validation_loss"], row["validation_top1"] = self._metrics
        if self._metrics[0] < min(self._best, LARGEST):  # a header holds no more
            self._best = self._metrics[0]
            self._save_model(self.config.out / BEST)

    def save_checkpoint(self, batch: DeviceBatch) -> None:
        """Write everything needed to continue from here, unless the loss is bad; call it only after a row of the log.

        The effect of a step shows only in the next loss. So that a bad state never replaces a good one, that loss is
        computed first, on the batch just learned.
        """
        loss = self.trainer.loss_on(batch)
        self._owed = not (self._guard.is_calm(self._last_loss) and self._guard.is_calm(loss))
        if self._owed:
            return
        self._saved_step = self.trainer.step
        self._saved_seconds = self.seconds
        if not self._group.first:
            return
        header = {
            "step": self.trainer.step,
            "seconds": self.seconds,
            "best": self._best if isfinite(self._best) else None,
            "validation": self._metrics,
            "loss_level": self._guard.level,
            "data_fingerprint": self.store.fingerprint,
            "config": self.config.fixed(),
            "history": list(self._history),
        }
        save_checkpoint(self.checkpoint, self.trainer.state(), header)

    def interrupted(self) -> TrainingInterrupted:
        """What to tell the user who stopped the run."""
        step, saved = self.trainer.step, self._saved_step
        kept = "" if saved == step else f", whose loss was bad; the checkpoint is from step {saved}"
        return TrainingInterrupted(
            f"stopped after step {step}{kept}; continue with: {replace(self.config, resume=True).command()}"
        )

    def refuse_bad_end(self) -> None:
        """Raise HayagoError if the loss has exploded since the last checkpoint. A run may end before `LossGuard`, which
        waits for several bad steps, notices."""
        if self._owed and self._last_loss > self._hopeless:
            raise HayagoError(f"the loss has exploded to {self._last_loss:.3g}: lower the learning rate")

    def finish(self) -> TrainingResult:
        """Write the model and the curve, and leave the folder to others."""
        model = self.config.out / MODEL
        self._save_model(model)
        if self._group.first:
            save_training_curve(self.config.out / LOG, self.config.out / CURVE)
        self._unlock()
        loss, top1 = self._metrics or (None, None)
        steps = self.trainer.step
        positions = steps * self.config.batch_size
        return TrainingResult(model, steps, positions, self.seconds, loss, top1, self.waiting_share)

    def _save_model(self, path: Path) -> None:
        """Fold the network and write it with the history of this run. Only rank 0 does so."""
        if not self._group.first:
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
        info = ModelInfo(**shape, data_fingerprint=self.store.fingerprint, history=(*self._history, history))
        weights = {name: value.numpy() for name, value in trainer.network.fold().state_dict().items()}
        save_model(path, weights, info)


def _validation_batches(config: TrainingConfig, group: ProcessGroup) -> list[Batch] | None:
    """This rank's share of the validation positions, always the same ones; None if there are no validation games."""
    store = read_store(config.games, "validation")
    games, movers = store.games, store.movers(config.movers)
    if not count_examples(games, movers).any():
        return None
    positions = fixed_positions(games, config.validation_positions, movers=movers)
    batches = []
    for first in range(group.rank * VALIDATION_BATCH, len(positions.game), group.count * VALIDATION_BATCH):
        rows, labels = encode_positions(
            games, *positions.take(slice(first, first + VALIDATION_BATCH))[:3], config.planes
        )
        batches.append(Batch(rows, labels.astype(np.int64)))
    return batches
