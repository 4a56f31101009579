"""When a loss is still one to go on from."""

from math import inf, nan

import pytest

from hayago.errors import HayagoError
from hayago.training.loss_guard import WINDOW, LossGuard


@pytest.mark.parametrize("bad", [nan, inf])
def test_no_number_is_named_with_its_step(bad: float) -> None:
    with pytest.raises(HayagoError, match="the loss is NaN at step 41:"):
        LossGuard().watch(42, [3.0, 3.0, bad, bad])


def test_an_explosion_is_named_with_its_first_step() -> None:
    guard = LossGuard()
    guard.watch(WINDOW, [3.0] * WINDOW)
    guard.watch(WINDOW + 10, [3.0] * 10)
    with pytest.raises(HayagoError, match=f"exploded from 3.00 to 50.00 since step {WINDOW + 11}:"):
        guard.watch(2 * WINDOW, [50.0] * (WINDOW - 10))


def test_an_explosion_from_the_beginning_is_seen() -> None:
    with pytest.raises(HayagoError, match=r"exploded from 6\.00 to 20\.00 since step 2:"):
        LossGuard().watch(WINDOW, [6.0] + [20.0] * (WINDOW - 1))


def test_chance_and_short_spikes_are_no_explosion() -> None:
    guard = LossGuard()
    guard.watch(WINDOW, [3.0] * WINDOW)
    guard.watch(2 * WINDOW, [1e6] * (WINDOW // 2 - 1) + [3.3] * (WINDOW // 2 + 1))
    assert guard.level == 3.0
    assert guard.is_calm(4.4)
    assert not guard.is_calm(4.6)
    assert not guard.is_calm(nan)
    assert not LossGuard(2.0).is_calm(3.1)
