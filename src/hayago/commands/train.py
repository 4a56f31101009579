"""`hayago train`: its options and their help are the fields of `TrainingConfig`."""

import inspect
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import MISSING, fields
from typing import Annotated, Any, Literal, get_args, get_type_hints

from cyclopts import CycloptsError, Parameter

from hayago.errors import HayagoError, printable
from hayago.network.model_file import load_model
from hayago.training.checkpoint import CHECKPOINT, load_checkpoint
from hayago.training.config import PARTS, RECIPES, TrainingConfig, option_of


def train(**options: Any) -> None:
    """Train a network on prepared games."""
    from hayago.training import loop  # here, so that the help does not wait for torch
    from hayago.training.distributed import ProcessGroup

    recipe, learned, start = options.pop("recipe", "default"), options.get("learned", "all"), options.get("start")
    if recipe != "default" and learned != "all":
        raise CycloptsError(msg=f"--recipe {recipe} is for whole networks, not for --train {learned}")
    if start == "":
        raise CycloptsError(msg="--from names no network")
    defaults = {**RECIPES[recipe], **PARTS[learned], **_shape(options)}
    config = TrainingConfig(**{**defaults, **options})
    config.refuse_ignored(options)
    result = loop.train(config)
    if not ProcessGroup.from_environment().first:
        return
    top1 = f", top-1 {result.validation_top1:.1%}" if result.validation_top1 is not None else ""
    sys.stdout.write(
        f"{printable(str(result.model))}: {result.positions:,} positions in {result.seconds:.0f} s{top1}\n"
    )


def _shape(options: dict[str, Any]) -> dict[str, int]:
    """The shape of the network that a run starts from, or went on with: a resumed run needs that network no more."""
    names = ("filters", "planes", "layers")
    if not options.get("start"):
        return {}
    if not options.get("resume"):
        info = load_model(options["start"]).info
        return {name: getattr(info, name) for name in names}
    with suppress(HayagoError):  # what is wrong with it is said where it is used
        config = load_checkpoint(options["out"] / CHECKPOINT).header["config"]
        return {name: config[name] for name in names if name in config}
    return {}


def _options() -> Iterator[inspect.Parameter]:
    yield inspect.Parameter(
        "recipe",
        inspect.Parameter.KEYWORD_ONLY,
        default="default",
        annotation=Annotated[
            Literal["default", "paper"],
            Parameter(
                help="Options under one name: hayago's own, which are the defaults below; or the paper's. Other options"
                " override them."
            ),
        ],
    )
    hints = get_type_hints(TrainingConfig, include_extras=True)
    for field in fields(TrainingConfig):
        kind, text = get_args(hints[field.name])
        yield inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=Annotated[kind, Parameter(option_of(field.name), help=text)],
        )


train.__signature__ = inspect.Signature(list(_options()))  # type: ignore[attr-defined]
