"""`TrainingConfig`: all that decides a training run, in one place. Nothing here needs torch, so `--help` is quick."""

import shlex
from dataclasses import MISSING, asdict, dataclass, fields
from math import cos, isfinite, pi
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

from hayago.errors import HayagoError
from hayago.features.planes import PLANE_SETS

# The paper halves its learning rate every 80 million steps (Silver et al. 2016, Methods).
HALVING_STEPS = 80_000_000

# Options under one name, for `hayago train --recipe`; options that are named beside it win.
RECIPES: dict[str, dict[str, Any]] = {
    "default": {},
    "paper": {
        "normalised": False,
        "identity_init": 0.0,
        "pointwise_kernels": False,
        "future_moves": 0,
        "optimizer": "sgd",
        "momentum": 0.0,
        "weight_decay": 0.0,
        "batch_size": 16,
        "learning_rate": 0.003,
        "warmup": 0.0,
        "schedule": "halved",
    },
}

# What may differ between the parts of a resumed run: where things lie and how the work is spread.
FREE_ON_RESUME = frozenset(
    {"games", "out", "checkpoint_minutes", "device", "compile", "threads", "encode_threads", "tensorboard", "resume"}
)


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides a training run; the command line takes its options, and their help, from here."""

    games: Annotated[Path, "Store of games that `hayago prepare` wrote."]
    out: Annotated[Path, "Folder of the run: checkpoints, log and curve; made if it is missing."]
    filters: Annotated[int, "Filters of each hidden layer; the paper has 192."] = 192
    planes: Annotated[int, "Feature planes: 4, 12, 20 or 48."] = 48
    layers: Annotated[int, "Convolutions in all, the last one to a single plane."] = 13
    minutes: Annotated[float, "Length of the run on the clock; the learning rate follows it."] = 20.0
    positions: Annotated[int, "Length of the run in positions instead (0: by the clock); exactly repeatable."] = 0
    normalised: Annotated[bool, "Batch normalisation while training; it is folded away afterwards."] = True
    identity_init: Annotated[float, "Share of the identity in the first weights of layers from filters to filters."] = (
        1.0
    )
    pointwise_kernels: Annotated[
        bool,
        "Learn each hidden kernel as the sum of itself and one for the centre alone. Meant for Muon; other optimizers"
        " then move the centre twice as far.",
    ] = True
    batch_size: Annotated[int, "Positions in a step, of all processes together."] = 64
    batch_norm_group: Annotated[
        int,
        "Positions over which batch normalisation takes its moments, whatever the number of processes; the batch is a"
        " multiple of it, or smaller and the only one.",
    ] = 64
    future_moves: Annotated[int, "How many moves behind the next one are predicted too, while training."] = 2
    future_move_weight: Annotated[float, "Weight of each of these predictions beside that of the next move."] = 0.25
    optimizer: Annotated[
        Literal["muon", "adamw", "sgd"], "Muon trains the kernels, AdamW the rest; or one for all."
    ] = "muon"
    learning_rate: Annotated[float, "Largest step of the optimizer (0: what suits it)."] = 0.0
    pointwise_rate: Annotated[
        float, "Muon's step for the kernels of the centre, as a multiple of that for the others."
    ] = 4.0
    adamw_learning_rate: Annotated[float, "Largest step of AdamW beside Muon."] = 0.003
    momentum: Annotated[float, "Momentum of Muon and of SGD."] = 0.95
    weight_decay: Annotated[float, "Share of each kernel, times the learning rate, taken off at a step."] = 0.01
    warmup: Annotated[float, "Share of the run over which the learning rate rises from 0."] = 0.05
    schedule: Annotated[
        Literal["cosine", "stable", "halved"],
        "After the warm-up: half a cosine down to 0; or no change until the decay, so that `positions` may still be"
        " changed when the run is resumed; or the paper's, halved every 80 million steps.",
    ] = "cosine"
    decay: Annotated[float, "Share of the run, at its end, over which a stable learning rate falls to 0."] = 0.2
    symmetries: Annotated[bool, "Show each position under one of the 8 symmetries, by chance."] = True
    positions_per_game: Annotated[int, "Positions taken of each game in an epoch (0: all)."] = 16
    games_per_block: Annotated[int, "Games that are mixed at a time."] = 1000
    seed: Annotated[int, "Decides the first weights and the sequence of positions."] = 0
    validations: Annotated[int, "How often in a run it is validated, and a checkpoint written."] = 10
    validation_positions: Annotated[int, "Positions of the validation games to measure on."] = 4096
    checkpoint_minutes: Annotated[float, "Longest time between two checkpoints."] = 10.0
    device: Annotated[str, "auto, cpu, cuda or mps."] = "auto"
    compile: Annotated[bool, "Compile the network by torch.compile: for GPUs; it takes a while at the start."] = False
    threads: Annotated[int, "Threads of a process (0: its share of the cores)."] = 0
    encode_threads: Annotated[
        int, "Threads that encode: with a GPU some of these (-1: up to 8), on a CPU beside them (-1: none)."
    ] = -1
    tensorboard: Annotated[bool, "Write the log for TensorBoard too (needs the extra)."] = False
    resume: Annotated[bool, "Go on from the run's last checkpoint."] = False

    def __post_init__(self) -> None:
        for name, kind in get_type_hints(type(self)).items():
            _check_type(name, getattr(self, name), kind)
        for name in (
            "filters",
            "batch_size",
            "batch_norm_group",
            "games_per_block",
            "validations",
            "validation_positions",
        ):
            if getattr(self, name) < 1:
                raise HayagoError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in (
            "identity_init",
            "future_moves",
            "future_move_weight",
            "positions",
            "learning_rate",
            "pointwise_rate",
            "adamw_learning_rate",
            "momentum",
            "weight_decay",
            "positions_per_game",
            "seed",
            "checkpoint_minutes",
            "threads",
        ):
            if getattr(self, name) < 0:
                raise HayagoError(f"{name} must not be negative: {getattr(self, name)}")
        if self.normalised and self.batch_size % self.batch_norm_positions:
            raise HayagoError(
                f"batch_size {self.batch_size} is no multiple of batch_norm_group {self.batch_norm_group}"
            )
        if self.planes not in PLANE_SETS:
            raise HayagoError(f"planes must be one of {', '.join(map(str, PLANE_SETS))}, not {self.planes}")
        if self.layers < 2:
            raise HayagoError(f"layers must be at least 2, not {self.layers}")
        if not self.positions and self.minutes <= 0:
            raise HayagoError("a run needs a length: minutes or positions")
        for name in ("warmup", "decay"):
            if not 0 <= getattr(self, name) < 1:
                raise HayagoError(f"{name} is a share of the run, 0 up to 1, not {getattr(self, name)}")
        if self.schedule == "stable" and not self.positions:
            raise HayagoError(
                "the stable schedule needs a length in positions: a clock cannot be turned back on resume"
            )

    @property
    def batch_norm_positions(self) -> int:
        """`batch_norm_group`, or all of a smaller batch."""
        return min(self.batch_norm_group, self.batch_size)

    @property
    def steps(self) -> int:
        """Steps of the whole run, 0 where the clock decides."""
        return -(-self.positions // self.batch_size)

    def fixed(self) -> dict[str, Any]:
        """The options that may not change when a run is resumed, as JSON values."""
        # What a stable run has done so far does not depend on where it will end.
        free = FREE_ON_RESUME | ({"positions", "validations"} if self.schedule == "stable" else set())
        return {name: value for name, value in asdict(self).items() if name not in free}

    def learning_rate_factor(self, progress: float, step: int) -> float:
        """What the largest learning rates are multiplied by at this share of the run, after so many steps."""
        if progress < self.warmup:
            return progress / self.warmup
        if self.schedule == "halved":
            return 0.5 ** (step // HALVING_STEPS)
        if self.schedule == "cosine":
            return 0.5 * (1 + cos(pi * (progress - self.warmup) / (1 - self.warmup)))
        return min(1.0, (1 - progress) / self.decay) if self.decay else 1.0

    def progress(self, step: int, seconds: float) -> float:
        """The share of the run that is done, 0 to 1, after so many steps and seconds."""
        return min(1.0, step / self.steps if self.steps else seconds / (self.minutes * 60))

    def command(self) -> str:
        """The command line that starts this run."""
        words = ["hayago", "train"]
        for field in fields(self):
            value, option = getattr(self, field.name), "--" + field.name.replace("_", "-")
            if field.default is MISSING or value != field.default:
                if isinstance(value, bool):
                    words.append(option if value else option.replace("--", "--no-", 1))
                else:
                    words += [option, str(value)]
        return shlex.join(words)


def _check_type(name: str, value: Any, kind: Any) -> None:
    if choices := get_args(kind):
        if value not in choices:
            raise HayagoError(f"{name} must be one of {', '.join(map(str, choices))}, not {value!r}")
    elif not isinstance(value, (int, float) if kind is float else kind) or isinstance(value, bool) != (kind is bool):
        raise HayagoError(f"{name} must be of type {kind.__name__}, not {value!r}")
    elif kind is float and not isfinite(value):
        raise HayagoError(f"{name} must be a number, not {value}")
