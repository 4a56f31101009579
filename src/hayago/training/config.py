"""`TrainingConfig`: everything that decides a training run. Nothing here needs torch, so `--help` is quick."""

import shlex
from collections.abc import Iterable
from dataclasses import MISSING, asdict, dataclass, fields
from math import cos, isfinite, pi
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

from hayago.cores import MOST_THREADS
from hayago.errors import HayagoError
from hayago.features.planes import PLANE_SETS, TURNS_SINCE
from hayago.network.architecture import BOUNDS
from hayago.records.selection import Selection

# The paper halves its learning rate every 80 million steps (Silver et al. 2016, Methods).
HALVING_STEPS = 80_000_000

# Sets of options for `hayago train --recipe`; options given on the command line override them.
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

# What learning only a part of a network's numbers takes; options given on the command line override it.
_FEW = {"normalised": False, "pointwise_kernels": False, "future_moves": 0, "optimizer": "adamw", "batch_size": 128}
PARTS: dict[str, dict[str, Any]] = {"all": {}, "persona": _FEW, "bias": _FEW}

# Options that are no names in Python.
OPTIONS = {"start": "from", "learned": "train"}

# What may change when a run is resumed: where things are and how the work is spread.
FREE_ON_RESUME = frozenset(
    {"games", "out", "checkpoint_minutes", "device", "compile", "threads", "encode_threads", "tensorboard", "resume"}
)


LARGEST = 2**53 - 1  # of any number that a model's header may hold
# The lowest and highest of each number that decides how much memory or how many threads a run takes, or that a
# library takes; those of the network are in `BOUNDS`.
LIMITS = {
    "batch_size": (1, 2**16),
    "batch_norm_group": (1, 2**16),
    "future_moves": (0, 64),
    "games_per_block": (1, 10**6),
    "validations": (1, 10**6),
    "validation_positions": (1, 10**6),
    "positions_per_game": (0, 10**6),
    "positions": (0, 10**12),
    "minutes": (0, 10**7),
    "checkpoint_minutes": (0, 10**7),
    "seed": (0, LARGEST),
    "threads": (0, MOST_THREADS),
    "encode_threads": (-1, MOST_THREADS),
}


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides a training run. The command line takes its options and their help from here."""

    games: Annotated[Path, "The store of games that `hayago prepare` wrote."]
    out: Annotated[Path, "Folder of the run, for checkpoints, log and curve. Created if it is missing."]
    start: Annotated[
        str,
        'A network to start from, "box" for the one that comes with hayago. Its filters, planes and layers are taken'
        " over, and its bias to the games' board. With --train all the learning rates are a quarter of the usual ones.",
    ] = ""
    learned: Annotated[
        Literal["all", "persona", "bias"],
        "With --from, what is learned: all weights; a persona, which is a scale and a shift for each hidden filter, and"
        " the last bias; or the last bias alone.",
    ] = "all"
    player: Annotated[str, "Learn only this player's moves; the name is that in the records."] = ""
    moves_by: Annotated[
        str, "Learn only the moves by players of at least this rank, or of a rank from one to another: 6d, 3k-1d."
    ] = ""
    filters: Annotated[int, "Filters in each hidden layer; the paper has 192."] = 192
    planes: Annotated[int, "Feature planes: 4, 12, 20 or 48."] = 48
    layers: Annotated[int, "Number of convolutions, the last one included."] = 13
    minutes: Annotated[float, "Length of the run in minutes; the learning rate schedule follows it."] = 20.0
    positions: Annotated[int, "Length of the run in positions instead, exactly repeatable (0: use --minutes)."] = 0
    normalised: Annotated[bool, "Batch normalisation during training; it is folded into the kernels afterwards."] = True
    identity_init: Annotated[float, "How much of the identity is added to the initial 3x3 kernels."] = 1.0
    pointwise_kernels: Annotated[
        bool,
        "Learn a 1x1 kernel beside each hidden kernel; they are summed. Meant for Muon; other optimizers then move the"
        " centre twice as far.",
    ] = True
    batch_size: Annotated[int, "Positions per step, over all processes."] = 64
    batch_norm_group: Annotated[
        int,
        "Positions over which batch normalisation computes its moments, whatever the number of processes. The batch"
        " must be a multiple of it, or smaller.",
    ] = 64
    future_moves: Annotated[int, "Number of further moves predicted as auxiliary targets."] = 2
    future_move_weight: Annotated[float, "Loss weight of each auxiliary target; the next move has weight 1."] = 0.25
    optimizer: Annotated[Literal["muon", "adamw", "sgd"], "muon uses AdamW for everything but the kernels."] = "muon"
    learning_rate: Annotated[float, "Peak learning rate (0: the optimizer's default)."] = 0.0
    pointwise_rate: Annotated[
        float, "Muon's learning rate for the 1x1 kernels, as a multiple of that for the others."
    ] = 4.0
    adamw_learning_rate: Annotated[
        float, "Peak learning rate of AdamW when Muon trains the kernels (0: the default, 0.003)."
    ] = 0.0
    momentum: Annotated[float, "Momentum of Muon and SGD."] = 0.95
    weight_decay: Annotated[float, "Decoupled weight decay of the kernels."] = 0.01
    warmup: Annotated[float, "Share of the run over which the learning rate rises from 0."] = 0.05
    schedule: Annotated[
        Literal["cosine", "stable", "halved"],
        "After the warm-up: cosine falls to 0; stable stays constant until --decay, so --positions may change on"
        " resume; halved is the paper's, halved every 80 million steps.",
    ] = "cosine"
    decay: Annotated[float, "With the stable schedule: the last share of the run, in which the rate falls to 0."] = 0.2
    symmetries: Annotated[bool, "Show each position under a random one of the 8 symmetries."] = True
    history_dropout: Annotated[
        float,
        "Share of positions in which only the last 0 to 6 moves are known, and older stones are as if set up: so the"
        " network learns such positions, too.",
    ] = 0.0
    positions_per_game: Annotated[int, "Positions taken from each game per epoch (0: all)."] = 16
    games_per_block: Annotated[int, "Games whose positions are shuffled together."] = 1000
    seed: Annotated[int, "Seed of the initial weights and of the sequence of positions."] = 0
    validations: Annotated[int, "Number of validations during the run; each writes a checkpoint."] = 10
    validation_positions: Annotated[int, "Positions from validation games to measure on."] = 4096
    checkpoint_minutes: Annotated[float, "Longest time between checkpoints, in minutes."] = 10.0
    device: Annotated[str, "auto, cpu, cuda or mps."] = "auto"
    compile: Annotated[bool, "Compile the network with torch.compile, for GPUs; this takes a while."] = False
    threads: Annotated[int, "Threads per process (0: its share of the cores)."] = 0
    encode_threads: Annotated[
        int, "Threads that encode: with a GPU out of --threads (-1: up to 8), on a CPU in addition (-1: none)."
    ] = -1
    tensorboard: Annotated[bool, "Also write the log for TensorBoard (pip install 'hayago[all]')."] = False
    resume: Annotated[bool, "Continue from the run's last checkpoint."] = False

    def __post_init__(self) -> None:
        for name, kind in get_type_hints(type(self)).items():
            _check_type(name, getattr(self, name), kind)
        for name in (
            "identity_init",
            "future_move_weight",
            "learning_rate",
            "pointwise_rate",
            "adamw_learning_rate",
            "momentum",
            "weight_decay",
        ):
            if not 0 <= getattr(self, name) <= LARGEST:
                raise HayagoError(f"{name} must be from 0 to {LARGEST:,}, not {getattr(self, name)}")
        if self.momentum >= 1:
            raise HayagoError(f"momentum must be below 1, not {self.momentum}")
        if self.planes not in PLANE_SETS:
            raise HayagoError(f"planes must be one of {', '.join(map(str, PLANE_SETS))}, not {self.planes}")
        for name, (low, high) in {**BOUNDS, **LIMITS}.items():
            if not low <= getattr(self, name, low) <= high:
                raise HayagoError(f"{name} must be from {low} to {high:,}, not {getattr(self, name)}")
        if self.normalised and self.batch_size % self.batch_norm_positions:
            raise HayagoError(
                f"batch_size {self.batch_size} is not a multiple of batch_norm_group {self.batch_norm_group}"
            )
        Selection(moves_by=self.moves_by)  # raises an error for anything else
        if not self.positions and self.minutes <= 0:
            raise HayagoError("a run needs a length: --minutes or --positions")
        if self.learned != "all":
            if not self.start and not self.resume:
                raise HayagoError(f"--train {self.learned} needs a network to start from: --from")
            for name in ("normalised", "pointwise_kernels", "future_moves"):
                if getattr(self, name):
                    raise HayagoError(
                        f"--train {self.learned} leaves the kernels alone: {option_of(name)} has no meaning"
                    )
            if self.optimizer == "muon":
                raise HayagoError(f"--train {self.learned} learns no kernels, which Muon is for: use adamw or sgd")
        if not 0 <= self.history_dropout <= 1:
            raise HayagoError(f"history_dropout is a share of the positions, 0 to 1, not {self.history_dropout}")
        if self.history_dropout and self.planes <= TURNS_SINCE:
            raise HayagoError(f"history_dropout has no effect with {self.planes} planes, which tell no turns")
        for name in ("warmup", "decay"):
            if not 0 <= getattr(self, name) < 1:
                raise HayagoError(f"{name} is a share of the run, 0 up to 1, not {getattr(self, name)}")
        if self.schedule == "stable" and self.warmup + self.decay > 1:
            raise HayagoError(f"warmup {self.warmup} and decay {self.decay} are more than the whole run")
        if self.schedule == "stable" and not self.positions:
            raise HayagoError("the stable schedule needs a length in --positions")

    def refuse_ignored(self, given: Iterable[str]) -> None:
        """Refuse options that someone gave and this run would ignore. To resume is free to repeat them.

        Raises:
            HayagoError: `given` names such an option.
        """
        muon, normalised = self.optimizer == "muon", self.normalised
        used = {
            "minutes": (not self.positions, "without --positions"),
            "decay": (self.schedule == "stable", "with --schedule stable"),
            "momentum": (self.optimizer != "adamw", "with --optimizer muon or sgd"),
            "pointwise_rate": (muon and self.pointwise_kernels, "with --optimizer muon and --pointwise-kernels"),
            "adamw_learning_rate": (muon, "with --optimizer muon"),
            "batch_norm_group": (normalised, "with --normalised"),
            "future_move_weight": (bool(self.future_moves), "with --future-moves above 0"),
            "identity_init": (not self.start, "without --from"),
            "weight_decay": (self.learned == "all", "with --train all"),
        }
        for name in given:
            has_effect, where = used.get(name, (True, ""))
            if not has_effect and not self.resume:
                raise HayagoError(f"{option_of(name)} has an effect only {where}")

    @property
    def movers(self) -> Selection:
        """Whose moves are learned."""
        return Selection(moves_by=self.moves_by, player=self.player)

    @property
    def batch_norm_positions(self) -> int:
        """`batch_norm_group`, or the whole of a smaller batch."""
        return min(self.batch_norm_group, self.batch_size)

    @property
    def steps(self) -> int:
        """Steps of the whole run, 0 where the clock decides."""
        return -(-self.positions // self.batch_size)

    def fixed(self) -> dict[str, Any]:
        """The options that may not change when a run is resumed, as JSON values."""
        # What a stable run has done so far does not depend on where it will end.
        free = FREE_ON_RESUME | ({"positions", "validations"} if self.schedule == "stable" else set())
        fixed = {name: value for name, value in asdict(self).items() if name not in free}
        return {**fixed, "start": bool(self.start)}  # not where it lies: it may move, and a model may be shared

    def learning_rate_factor(self, progress: float, step: int) -> float:
        """The factor for the peak learning rates at this share of the run, at this step."""
        if progress < self.warmup:
            return progress / self.warmup
        if self.schedule == "halved":
            return 0.5 ** (step // HALVING_STEPS)
        if self.schedule == "cosine":
            return 0.5 * (1 + cos(pi * (progress - self.warmup) / (1 - self.warmup)))
        return min(1.0, (1 - progress) / self.decay) if self.decay else 1.0

    def progress(self, step: int, seconds: float) -> float:
        """The share of the run that is done, 0 to 1."""
        return min(1.0, step / self.steps if self.steps else seconds / (self.minutes * 60))

    def command(self) -> str:
        """The command line that starts this run."""
        words = ["hayago", "train"]
        usual = PARTS[self.learned]
        for field in fields(self):
            value, option = getattr(self, field.name), option_of(field.name)
            if field.default is MISSING or value != usual.get(field.name, field.default):
                if isinstance(value, bool):
                    words.append(option if value else option.replace("--", "--no-", 1))
                elif str(value).startswith("-"):
                    words.append(f"{option}={value}")  # or it would be an option itself
                else:
                    words += [option, str(value)]
        return shlex.join(words)


def option_of(name: str) -> str:
    """The option of the command line for a field."""
    return "--" + OPTIONS.get(name, name).replace("_", "-")


def _check_type(name: str, value: Any, kind: Any) -> None:
    if choices := get_args(kind):
        if value not in choices:
            raise HayagoError(f"{name} must be one of {', '.join(map(str, choices))}, not {value!r}")
    elif not isinstance(value, (int, float) if kind is float else kind) or isinstance(value, bool) != (kind is bool):
        raise HayagoError(f"{name} must be of type {kind.__name__}, not {value!r}")
    elif kind is float and not isfinite(value):
        raise HayagoError(f"{name} must be a number, not {value}")
