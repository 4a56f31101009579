"""`hayago train`: its options and their help are the fields of `TrainingConfig`."""

import inspect
import sys
from collections.abc import Iterator
from dataclasses import MISSING, fields
from typing import Annotated, Any, Literal, get_args, get_type_hints

from cyclopts import Parameter

from hayago.errors import printable
from hayago.network.model_file import load_model
from hayago.training.config import PARTS, RECIPES, TrainingConfig, option_of


def train(**options: Any) -> None:
    """Train a network on prepared games."""
    from hayago.training import loop  # here, so that the help does not wait for torch
    from hayago.training.distributed import ProcessGroup

    recipe = RECIPES[options.pop("recipe", "default")]
    part = PARTS[options.get("learned", "all")]
    shape = {}
    if start := options.get("start"):
        info = load_model(start).info
        shape = {name: getattr(info, name) for name in ("filters", "planes", "layers")}
    config = TrainingConfig(**{**recipe, **part, **shape, **options})
    config.refuse_ignored(options)
    result = loop.train(config)
    if not ProcessGroup.from_environment().first:
        return
    top1 = f", top-1 {result.validation_top1:.1%}" if result.validation_top1 is not None else ""
    sys.stdout.write(
        f"{printable(str(result.model))}: {result.positions:,} positions in {result.seconds:.0f} s{top1}\n"
    )


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
