import subprocess
import sys
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import hayago  # noqa: F401 - registers the environment
from hayago.features.planes import encode
from hayago.rules.board import Board


def make(**arguments):
    return gymnasium.make("hayago/Go-v0", board_size=5, **arguments)


def play(env, *actions):
    env.reset(seed=1)
    return [env.step(action) for action in actions]


@pytest.mark.parametrize("observation", ["board", "planes48"])
@pytest.mark.parametrize("render_mode", [None, "ansi"])
def test_gymnasium_accepts_it_without_a_warning(observation, render_mode):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(make(observation=observation, render_mode=render_mode).unwrapped)


def test_observations_are_seen_by_the_side_to_move():
    (board, _, _, _, info), (after, *_) = play(make(), 7, 8)
    assert info["to_play"] == 2
    assert board[1, 2] == 2 and board.sum() == 2
    assert after[1, 2] == 1 and after[1, 3] == 2


def test_planes_are_the_encoder_s():
    planes, *_ = play(make(observation="planes48"), 7)[0]
    twin = Board(5)
    twin.play(7)
    np.testing.assert_array_equal(planes, encode(twin))


def test_an_illegal_action_loses():
    _, reward, terminated, truncated, _ = play(make(), 7, 7)[-1]
    assert (reward, terminated, truncated) == (-1.0, True, False)


@pytest.mark.parametrize(("komi", "reward"), [(0.5, -1.0), (30.0, 1.0), (25.0, 0.0)])
def test_the_last_to_move_is_judged_by_the_area(komi, reward):
    env = make(komi=komi)
    # Black has two stones and the whole board; White's pass is the last move, so White is judged.
    steps = play(env, 7, 25, 12, 25, 25)
    assert steps[-1][1] == -reward
    assert steps[-1][4]["score"] == 25 - komi
    assert steps[-2][1] == 0.0 and not steps[-2][2] and "score" not in steps[-2][4]


def test_the_mask_knows_superko():
    env = make()
    _, info = env.reset(seed=3)
    seen, rng = set(), np.random.default_rng(0)
    for _ in range(200):
        action = rng.choice(np.flatnonzero(info["action_mask"]))
        board, _, over, _, info = env.step(action)
        if over:
            break
        stones = (board if info["to_play"] == 1 else (3 - board) % 3).tobytes()
        assert action == 25 or stones not in seen
        seen.add(stones)
    assert len(seen) > 20


def test_ansi_draws_the_board():
    env = make(render_mode="ansi")
    play(env, 0)
    assert env.render().splitlines()[1].startswith(" 5(X)")


@pytest.mark.parametrize("wrong", [{"observation": "stones"}, {"board_size": 20}])
def test_wrong_arguments(wrong):
    with pytest.raises(ValueError):
        gymnasium.make("hayago/Go-v0", **wrong)


@pytest.mark.parametrize(
    "code",
    [
        "import hayago, gymnasium; gymnasium.make('hayago/Go-v0')",
        "import gymnasium, hayago; gymnasium.make('hayago/Go-v0')",
        "import gymnasium; gymnasium.make('hayago:hayago/Go-v0')",
        "import hayago, sys; assert not {'numpy', 'numba', 'torch', 'gymnasium'} & set(sys.modules)",
    ],
)
def test_import_in_either_order(code):
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)
