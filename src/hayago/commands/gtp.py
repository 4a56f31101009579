"""`hayago gtp`."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter, validators


def gtp(
    *,
    model: Path | None = None,
    temperature: Annotated[float, Parameter(validator=validators.Number(gte=0))] = 0.0,
    seed: int | None = None,
    device: str = "auto",
) -> Any:
    """Load the `Game` that `hayago.play.gtp.serve` plays, and give it.

    Args:
        model: The network to play with; by default the one in the box.
        temperature: 0 plays the likeliest move; 1 samples as the network has seen people play.
        seed: Repeats the same samples.
        device: auto, cpu, cuda or mps.
    """
    # Imported here: this module is read while the first reply must not wait for numpy.
    from hayago.learn.evaluator import make_evaluator
    from hayago.play.game import Game
    from hayago.play.player import Player, Style

    evaluator = make_evaluator(model, device=device)
    player = Player(evaluator, Style(temperature), seed=seed)
    game = Game(player, evaluator.info.board_size)
    game.warm_up()
    return game
