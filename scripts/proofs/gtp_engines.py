"""GTP engines without a process: around a network and a judge that always say the same."""

import re

import numpy as np

from fakes import FixedEvaluator, SeveralEvaluators
from hayago.gtp.process import Engine
from hayago.gtp.protocol import Manner
from hayago.network.model_file import Model, ModelInfo
from hayago.player.endgame import Judgement
from hayago.player.game import Game
from hayago.player.player import Player
from hayago.player.styles import Style


class FixedJudge:
    """Always gives the same judgement, and keeps what it was asked."""

    def __init__(self, size=5, score=2.5, winrate=0.75, dead=(), seki=(), settled=False):
        points = size * size
        self.judgement = Judgement(
            ownership=np.linspace(1, -1, points).astype(np.float32),
            owner=np.zeros(points, np.int8),
            dead=frozenset(dead),
            seki=frozenset(seki),
            settled=np.full(points, settled),
            score=score,
            lead=score,
            spread=4.0,
            black_winrate=winrate,
        )
        self.rules = []
        self.seconds = []

    def judge(self, board, rules, seconds=None, playouts=None):
        self.rules.append(rules)
        self.seconds.append(seconds)
        return self.judgement


class FixedJudges:
    """A `FixedJudge` for each size."""

    def __init__(self, sizes):
        self._judges = {size: FixedJudge(size) for size in sizes}

    def judge(self, board, rules, seconds=None, playouts=None):
        return self._judges[board.size].judge(board, rules, seconds, playouts)


def random_model(size, filters=2, layers=3):
    """A real network with the real planes, that has learned nothing."""
    info = ModelInfo(filters, 48, layers, size)
    random = np.random.default_rng(0)
    weights = {name: random.standard_normal(shape).astype(np.float32) for name, shape in info.tensor_shapes().items()}
    return Model(info, weights)


def game_of(*evaluators, judge=None, style=Style(symmetries=1), **options):  # noqa: B008 - frozen
    evaluator = evaluators[0] if len(evaluators) == 1 else SeveralEvaluators(*evaluators or (FixedEvaluator(),))
    return Game(Player(evaluator, style, judge=judge or FixedJudges(evaluator.sizes), **options))


def engine_of(*evaluators, judge=None, manner=Manner(chat=True), **options):  # noqa: B008 - frozen
    """An engine for boards of the evaluators' sizes, with every command; `engine.game` is its game."""
    game = game_of(*evaluators, judge=judge, **options)
    return Engine(lambda: game, manner=manner)


def answers(engine, text):
    """The replies to the lines of `text`, without the two newlines that end each; "=" is an empty one."""
    replies = [reply for line in text.split("\n") if (reply := engine.answer(line)) is not None]
    for reply in replies:
        assert reply.endswith("\n\n") and "\n\n" not in reply[:-2]
        assert re.match(r"[=?]\d* ", reply)  # as GNU Go writes it
    return [reply[:-2].rstrip(" ") for reply in replies]


def stones(engine):
    """The board as drawn by showboard, without its edges and marks."""
    rows = engine.answer("showboard").splitlines()[2:-2]
    return ["".join(re.findall(r"[.XO]", row)) for row in rows]
