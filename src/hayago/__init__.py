"""Fast Go: a policy network for the game of Go, from game records to moves.

>>> import hayago
>>> board = hayago.Board.from_sgf("game.sgf", 40)
>>> hayago.predict(board, count=3)  # doctest: +SKIP

Reading order: `rules` (Go itself), `records` (games in), `features` (a board as planes), `drawing`, `network`,
`training` and `evaluation`, `player` (a prior to a move), `gtp`, `match`, `envs`, `web`, `commands`. Each package uses
only those named before it.

Importing this package costs no time: each name below is fetched from its home when it is first used.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hayago.features.dataset import EncodedBatch, encode_games, export_planes
    from hayago.features.plain import encode
    from hayago.features.planes import plane_name, unpack
    from hayago.network.evaluator import make_evaluator
    from hayago.network.model_file import load_model
    from hayago.network.policy import PolicyNetwork
    from hayago.player.prediction import Prediction, load, predict
    from hayago.records.games import Games
    from hayago.records.sgf import GameRecord, read_sgf
    from hayago.records.store import read_store
    from hayago.rules.board import Board

__version__ = "0.1.0"

__all__ = [
    "Board",
    "EncodedBatch",
    "GameRecord",
    "Games",
    "PolicyNetwork",
    "Prediction",
    "__version__",
    "encode",
    "encode_games",
    "export_planes",
    "load",
    "load_model",
    "make_evaluator",
    "plane_name",
    "predict",
    "read_sgf",
    "read_store",
    "unpack",
]

_HOMES = {
    "Board": "hayago.rules.board",
    "EncodedBatch": "hayago.features.dataset",
    "GameRecord": "hayago.records.sgf",
    "Games": "hayago.records.games",
    "PolicyNetwork": "hayago.network.policy",
    "encode": "hayago.features.plain",
    "encode_games": "hayago.features.dataset",
    "export_planes": "hayago.features.dataset",
    "Prediction": "hayago.player.prediction",
    "load": "hayago.player.prediction",
    "predict": "hayago.player.prediction",
    "load_model": "hayago.network.model_file",
    "make_evaluator": "hayago.network.evaluator",
    "plane_name": "hayago.features.planes",
    "read_sgf": "hayago.records.sgf",
    "read_store": "hayago.records.store",
    "unpack": "hayago.features.planes",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'hayago' has no attribute {name!r}")
    try:
        value = getattr(import_module(_HOMES[name]), name)
    except ModuleNotFoundError as error:
        from hayago.extras import advice

        if missing := advice(error):
            raise ModuleNotFoundError(f"hayago.{name}: {missing}", name=error.name) from error
        raise
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


if "gymnasium" in sys.modules:  # loaded already, so registering the environments costs nothing
    import_module("hayago.envs")
