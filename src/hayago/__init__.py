"""Fast Go: a policy network for the game of Go, from game records to moves.

Reading order: `rules` (Go itself), `records` (games in), `features` (a board as planes), `learn` (the
network), `play` (moves out), `web` (a page). Each package uses only those named before it.

This file imports nothing that costs time: the names below are fetched from where they live when they are
first used.
"""

from typing import TYPE_CHECKING, Any

from hayago.envs.registration import register_environment

if TYPE_CHECKING:
    from hayago.features.dataset import EncodedBatch, encode_games, export_planes
    from hayago.features.plain import encode
    from hayago.features.planes import plane_name, unpack
    from hayago.network.evaluator import make_evaluator
    from hayago.network.model_file import load_model
    from hayago.network.policy import PolicyNetwork
    from hayago.records.games import Games
    from hayago.records.sgf import read_sgf
    from hayago.records.store import read_store
    from hayago.rules.board import Board

__version__ = "0.1.0"

__all__ = [
    "Board",
    "EncodedBatch",
    "Games",
    "PolicyNetwork",
    "__version__",
    "encode",
    "encode_games",
    "export_planes",
    "load_model",
    "make_evaluator",
    "plane_name",
    "read_sgf",
    "read_store",
    "unpack",
]

_HOMES = {
    "Board": "hayago.rules.board",
    "EncodedBatch": "hayago.features.dataset",
    "Games": "hayago.records.games",
    "PolicyNetwork": "hayago.network.policy",
    "encode": "hayago.features.plain",
    "encode_games": "hayago.features.dataset",
    "export_planes": "hayago.features.dataset",
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
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


register_environment()
