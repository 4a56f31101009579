"""A network that always gives the same logits, for tests of what is built around one."""

import numpy as np

from hayago.features.planes import row_bytes
from hayago.network.architecture import Architecture


class FixedEvaluator:
    """Gives `logits`, by default those of a network that likes high points best (the lower right corner)."""

    def __init__(self, size=5, logits=None):
        self.info = Architecture(filters=1, planes=4, layers=2, board_size=size)
        self.sizes = {size: self.info}
        self._logits = np.arange(size * size, dtype=np.float32) if logits is None else logits

    def logits(self, rows):
        return np.repeat(self._logits[np.newaxis], len(rows), axis=0)


class SeveralEvaluators:
    """Several networks in one, each for boards of its own size."""

    def __init__(self, *evaluators):
        self.info = evaluators[0].info
        self.sizes = {each.info.board_size: each.info for each in evaluators}
        self._by_length = {row_bytes(each.info.planes, each.info.board_size): each for each in evaluators}

    def logits(self, rows):
        return self._by_length[rows.shape[1]].logits(rows)


class BrokenEvaluator(FixedEvaluator):
    """A network that fails once asked."""

    def logits(self, rows):
        raise RuntimeError("the network is\n\nout of order")
