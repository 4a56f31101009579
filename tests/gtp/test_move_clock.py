"""How long a move may take. The systems are those of KataGo's docs/GTP_Extensions.md."""

import pytest

from hayago.gtp.move_clock import LAG, MoveClock, System, TimeSystem
from hayago.rules.coordinates import BLACK, WHITE


def clock(*setting, **more):
    its = MoveClock()
    its.set(TimeSystem(*setting, **more))
    return its


def test_without_a_limit_there_is_none():
    assert MoveClock().seconds(BLACK) is None
    assert clock(System.NONE).seconds(WHITE) is None


@pytest.mark.parametrize("system", list(System))
def test_a_move_without_a_limit_costs_nothing(system):
    its = clock(system)
    its.spend(BLACK, 0.03)
    assert its.seconds(BLACK) is None


def test_without_settings_the_client_s_word_counts():
    its = MoveClock()
    its.left(BLACK, 20, 0)
    assert its.seconds(BLACK) == 0.5 - LAG and its.seconds(WHITE) is None


def test_absolute_time_lasts_for_the_whole_game():
    its = clock(System.ABSOLUTE, 600)
    spent = 0.0
    for _ in range(300):
        used = its.seconds(BLACK) + 0.05
        its.spend(BLACK, used)
        spent += used
    assert spent < 600
    assert its.seconds(BLACK) >= 0


@pytest.mark.parametrize("system", [System.BYOYOMI, System.CANADIAN])
@pytest.mark.parametrize("main", [0, 60])
def test_overtime_is_never_overstepped(system, main):
    """A referee that knows nothing of the clock: main time, then 30 s for each move, or for each five of them."""
    its = clock(system, main, 30, 5)
    stones = {System.BYOYOMI: 1, System.CANADIAN: 5}[system]
    left, period, to_play = float(main), 30.0, stones
    for _ in range(200):
        used = its.seconds(BLACK) + LAG
        left -= used
        if left <= 0:
            period, left, to_play = period + left, 0.0, to_play - 1
            assert period >= -1e-6
            if to_play == 0:
                period, to_play = 30.0, stones
        its.spend(BLACK, used)
    assert its.seconds(BLACK) > 1


def test_fischer_s_time_grows():
    its = clock(System.FISCHER, 10, 5)
    for _ in range(200):
        left = its._accounts[BLACK].seconds
        assert 0 <= its.seconds(BLACK) <= left
        its.spend(BLACK, its.seconds(BLACK) + LAG)
    assert its.seconds(BLACK) > 3


def test_fischer_s_caps():
    its = clock(System.FISCHER_CAPPED, 100, 50, most=120)
    its.spend(BLACK, 1)
    assert its._accounts[BLACK].seconds == 120
    assert clock(System.FISCHER_CAPPED, 100, 50, most_per_move=2).seconds(BLACK) == 2 - LAG


def test_periods_and_stones_that_are_left():
    its = clock(System.BYOYOMI, 600, 30, 5)
    its.left(BLACK, 12, 2)  # two periods, 12 s in this one
    assert its.seconds(BLACK) == 12 - LAG
    its = clock(System.CANADIAN, 600, 30, 5)
    its.left(BLACK, 12, 2)  # two stones in 12 s
    assert its.seconds(BLACK) == 6 - LAG
    its.left(WHITE, 0, 2)
    assert its.seconds(WHITE) == 0


def test_a_new_game_begins_with_full_clocks():
    its = clock(System.ABSOLUTE, 600)
    its.spend(BLACK, 500)
    its.left(WHITE, 1, 0)
    its.reset()
    assert its.seconds(BLACK) == its.seconds(WHITE) == 15 - LAG
