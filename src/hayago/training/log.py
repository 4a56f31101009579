"""What a training run reports: the log file, the line on the screen, TensorBoard. No decisions here."""

import csv
import io
from collections.abc import Mapping
from contextlib import suppress
from math import isfinite
from pathlib import Path
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from hayago.errors import HayagoError
from hayago.files import write_atomically

# The columns of log.csv. Losses are mean cross-entropies in nats, top1 are shares from 0 to 1, both over the steps
# since the previous row. The validation columns are empty in rows without a validation.
COLUMNS = (
    "step",
    "positions",
    "seconds",
    "learning_rate",
    "train_loss",
    "train_top1",
    "validation_loss",
    "validation_top1",
    "positions_per_s",
    "waiting_share",
)


class Log:
    """The log.csv of a run. Resuming at a step first drops later rows."""

    def __init__(self, path: Path, first_step: int) -> None:
        """Open the log to continue after `first_step` (0 starts a new one). An incomplete last row is dropped.

        Raises:
            HayagoError: the file cannot be written, or is not a log.
        """
        self.path = path
        try:
            kept = _rows(path) if first_step and path.is_file() else []
            text = io.StringIO(newline="")
            writer = csv.DictWriter(text, COLUMNS)
            writer.writeheader()
            writer.writerows(row for row in kept if int(row["step"]) <= first_step)
            write_atomically(path, lambda file: file.write(text.getvalue().encode()))
            self._file = path.open("a", newline="", encoding="utf-8")
            self._writer = csv.DictWriter(self._file, COLUMNS)
        except OSError as error:
            raise HayagoError(f"cannot write {path}: {error.strerror}") from error

    def add(self, row: Mapping[str, Any]) -> None:
        """Append one row, rounded to what is worth reading."""
        cells = {key: f"{value:.5g}" if isinstance(value, float) else value for key, value in row.items()}
        try:
            self._writer.writerow(cells)
            self._file.flush()
        except OSError as error:
            raise HayagoError(f"cannot write {self.path}: {error.strerror}") from error

    def close(self) -> None:
        with suppress(OSError):  # `add` has already reported a full disk
            self._file.close()


def _rows(path: Path) -> list[dict[str, str]]:
    """The rows of a log, without an incomplete last one.

    Raises:
        HayagoError: it is not a log.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise ValueError("it has other columns")
        if rows and not _is_row(rows[-1]):
            del rows[-1]
        if not all(map(_is_row, rows)):
            raise ValueError("a row that is none")
    except (ValueError, csv.Error) as error:  # among them text that is not UTF-8
        raise HayagoError(f"{path}: not the log of a run: {error}") from error
    return rows


def _is_row(row: dict[str, str]) -> bool:
    """Whether a row has a number, or nothing, in each of the columns, and the step is a whole one."""
    try:
        return int(row["step"]) >= 0 and all(isfinite(float("0" if cell == "" else cell)) for cell in row.values())
    except (TypeError, ValueError):
        return False


class TensorBoard:
    """The same numbers for TensorBoard; needs hayago[all]."""

    def __init__(self, folder: Path, first_step: int) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise HayagoError("TensorBoard is missing: pip install 'hayago[all]'") from error
        self._writer = SummaryWriter(str(folder), purge_step=first_step + 1)

    def add(self, row: Mapping[str, Any]) -> None:
        for key, value in row.items():
            if key != "step" and value is not None:
                self._writer.add_scalar(key, value, row["step"])

    def close(self) -> None:
        self._writer.close()


class ProgressLine:
    """A progress bar on a terminal, else one plain line per row of the log; both on stderr."""

    def __init__(self, quiet: bool = False) -> None:
        self._console = Console(stderr=True, quiet=quiet)
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[left]} left"), console=self._console
        )
        self._task = self._bar.add_task("starting", total=1.0, left="?")

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(self, *details: object) -> None:
        self._bar.stop()

    def say(self, text: str) -> None:
        """Print a line that stays."""
        self._console.print(text, highlight=False, markup=False)

    def add(self, row: Mapping[str, Any], progress: float, seconds_left: float) -> None:
        """Show a row of the log; `progress` runs from 0 to 1."""
        text = (
            f"step {row['step']:,}  {row['positions_per_s']:,.0f} positions/s"
            f"  loss {row['train_loss']:.3f}  top-1 {row['train_top1']:.1%}"
        )
        left = f"{int(seconds_left // 60)}:{int(seconds_left % 60):02d}"
        if self._console.is_terminal:
            self._bar.update(self._task, completed=progress, description=text, left=left)
        else:
            self.say(f"{progress:4.0%}  {text}  {left} left")
        if row["validation_loss"] is not None:
            measured = f"validation loss {row['validation_loss']:.3f}, top-1 {row['validation_top1']:.1%}"
            self.say(f"step {row['step']:,}: {measured}")
