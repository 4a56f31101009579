"""The clock of a match, in the terms of GTP's time_settings (specification, 4.2)."""

import pytest

from hayago.match.match_clock import MatchClock, TimeSettings


def spend(clock, *moves):
    """Whether each move was in time."""
    return [clock.spend(seconds) for seconds in moves]


def test_main_time_alone():
    clock = MatchClock(TimeSettings(10, 0, 0))
    assert (clock.seconds_left, clock.stones_left, clock.seconds_for_move) == (10, 0, 10)
    assert spend(clock, 4, 6) == [True, True]
    assert clock.seconds_for_move == 0
    assert spend(clock, 0.1) == [False]


def test_byo_yomi_alone():
    clock = MatchClock(TimeSettings(0, 10, 2))
    assert (clock.seconds_left, clock.stones_left, clock.seconds_for_move) == (10, 2, 10)
    assert spend(clock, 9) == [True]
    assert (clock.seconds_left, clock.stones_left) == (1, 1)
    assert spend(clock, 1) == [True]
    assert (clock.seconds_left, clock.stones_left) == (10, 2)
    assert spend(clock, 4, 6.5) == [True, False]


def test_a_move_may_reach_from_main_time_into_byo_yomi():
    clock = MatchClock(TimeSettings(10, 5, 3))
    assert spend(clock, 7) == [True]
    assert (clock.seconds_left, clock.stones_left, clock.seconds_for_move) == (3, 0, 8)
    assert spend(clock, 5) == [True]
    assert (clock.seconds_left, clock.stones_left, clock.seconds_for_move) == (3, 2, 3)
    assert spend(MatchClock(TimeSettings(10, 5, 3)), 15.1) == [False]


@pytest.mark.parametrize("stones", [1, 5])
def test_main_time_that_is_used_up_exactly(stones):
    clock = MatchClock(TimeSettings(10, 5, stones))
    assert spend(clock, 10) == [True]
    assert (clock.seconds_left, clock.stones_left) == (5, (stones - 1) or stones)
