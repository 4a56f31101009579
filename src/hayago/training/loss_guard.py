"""Stops a run whose loss is NaN or has exploded. No torch here.

Steps are grouped into *windows*. The *level* is the lowest median loss of a window so far, or the very first loss. The
loss has *exploded* when the median of a window is more than EXPLODED times the level. Then the network has been far
worse than before for at least half a window, which no unlucky batch explains.
"""

from collections.abc import Sequence
from math import inf, isfinite
from statistics import median

from hayago.errors import HayagoError

WINDOW = 100
EXPLODED = 1.5


class LossGuard:
    """Watches the loss of every step, in order."""

    def __init__(self, level: float = inf) -> None:
        self.level = level
        self._window: list[float] = []

    def watch(self, step: int, losses: Sequence[float]) -> None:
        """Check the losses of the steps up to `step`.

        Raises:
            HayagoError: the loss is NaN or has exploded; the message names the step.
        """
        for number, loss in enumerate(losses, step - len(losses) + 1):
            if not isfinite(loss):
                raise HayagoError(f"the loss is NaN at step {number}: lower the learning rate")
            if self.level == inf:
                self.level = loss
            self._window.append(loss)
            if len(self._window) == WINDOW:
                middle = median(self._window)
                if middle > EXPLODED * self.level:
                    bad = next(k for k, value in enumerate(self._window) if not self.is_calm(value))
                    raise HayagoError(
                        f"the loss has exploded from {self.level:.2f} to {middle:.2f} since step"
                        f" {number - WINDOW + 1 + bad}: lower the learning rate"
                    )
                self.level = min(self.level, middle)
                self._window.clear()

    def is_calm(self, loss: float) -> bool:
        """Whether a network with this loss is worth keeping."""
        return isfinite(loss) and loss <= EXPLODED * self.level
