"""The vector environment plays as many single ones do, move for move, however many threads step it."""

import itertools
import sys
import time

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

import hayago.envs  # noqa: F401 - registers the environment
from gtp_engines import random_model
from hayago.envs.opponents import EnvSettings
from hayago.errors import HayagoError
from hayago.features.plain import encode
from hayago.rules.board import Board
from paths import ENGINES

ENGINE = f'"{sys.executable}" "{ENGINES / "lottery.py"}"'
MODEL = random_model(5)


def make(boards, **arguments):
    return gymnasium.make_vec("hayago/Go-v0", num_envs=boards, **arguments)


def many(boards, **arguments):
    return make(boards, vectorization_mode="sync", **arguments)


def actions(masks, rng):
    """Random legal ones, now and then an illegal one, and at times a pass on all boards, so that games end."""
    if rng.random() < 0.2:
        return np.full(len(masks), masks.shape[1] - 1)
    return np.array(
        [rng.choice(np.flatnonzero(mask)) if rng.random() > 0.03 else rng.integers(len(mask)) for mask in masks]
    )


def assert_same(one, other):
    """Two steps, or resets, gave the same; scores are compared where there are any. Gives how many boards have one."""
    *given, infos = one
    *expected, sync_infos = other
    for a, b in zip(given, expected, strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype
    for key in ("action_mask", "to_play"):
        np.testing.assert_array_equal(infos[key], sync_infos[key])
        np.testing.assert_array_equal(infos[f"_{key}"], sync_infos[f"_{key}"])
    scored = infos["_score"]
    np.testing.assert_array_equal(scored, sync_infos.get("_score", np.zeros(len(scored), bool)))
    if scored.any():
        np.testing.assert_array_equal(infos["score"], sync_infos["score"])
    return int(scored.sum())


def play_both(boards, steps, threads=2, **arguments):
    """Play the same in the vector environment and in single ones. Gives how many games were scored, how many not."""
    rng, scored, ended = np.random.default_rng(0), 0, 0
    fast, slow = make(boards, threads=threads, **arguments), many(boards, **arguments)
    try:
        for seed in (7, None):
            now = fast.reset(seed=seed)
            assert_same(now, slow.reset(seed=seed))
            for _ in range(steps):
                chosen = actions(now[-1]["action_mask"], rng)
                now = fast.step(chosen)
                scored += assert_same(now, slow.step(chosen))
                ended += int(now[2].sum())
    finally:
        fast.close()
        slow.close()
    return scored, ended - scored


@pytest.mark.parametrize("observation", ["board", "planes48"])
@pytest.mark.parametrize("opponent", [None, "random"])
@pytest.mark.parametrize(("size", "rules"), [(2, "chinese-ogs"), (5, "chinese-ogs"), (6, "chinese")])
def test_it_plays_as_single_environments(observation, opponent, size, rules):
    setting = {"board_size": size, "rules": rules, "observation": observation, "opponent": opponent, "komi": 0.5}
    scored, lost = play_both(4, 60, **setting, colour="random" if opponent else "black")
    assert lost > 0 and (scored > 2 or opponent)


@pytest.mark.parametrize("observation", ["board", "planes48"])
def test_on_the_whole_board(observation):
    play_both(2, 20, board_size=19, observation=observation, opponent="random", colour="white")


def test_in_games_of_a_thousand_moves():
    """A pass only where nothing else is legal: the history grows several times, and the turns are many."""
    env, board = make(1, board_size=7, observation="planes48"), Board(7, superko=True)
    rng = np.random.default_rng(1)
    now, infos = env.reset(seed=0)
    for n in range(1100):
        points = np.flatnonzero(infos["action_mask"][0, :-1])
        action = int(rng.choice(points)) if len(points) else 49
        board.play(action)
        now, _, terminations, _, infos = env.step([action])
        if n % 50 == 0 or n > 1080:
            np.testing.assert_array_equal(now[0], encode(board))
            np.testing.assert_array_equal(infos["action_mask"][0], board.legal_points())
        assert not terminations[0]


@pytest.mark.parametrize(("level", "colour"), [(1, "black"), (10, "white")])
@pytest.mark.parametrize("observation", ["board", "planes48"])
def test_the_network_answers_many_boards_as_it_answers_one(level, colour, observation):
    games = play_both(
        3, 30, board_size=5, opponent="network", model=MODEL, level=level, colour=colour, observation=observation
    )
    assert sum(games) > 0


@pytest.mark.parametrize("habit", ["fair", "resign", "illegal"])
def test_engines_answer_as_one_does(habit):
    _, lost = play_both(2, 12, board_size=5, opponent=f"{ENGINE} {habit}", colour="random")
    assert lost > 0 or habit == "fair"


def test_games_are_cut_off_as_by_a_time_limit():
    play_both(3, 25, board_size=4, opponent="random", max_episode_steps=5)
    env = make(2, board_size=5, max_episode_steps=3)
    env.reset(seed=0)
    cut = [env.step([n, n])[3].tolist() for n in range(8)]
    assert cut == [[n in (2, 6)] * 2 for n in range(8)]


@pytest.mark.parametrize("observation", ["board", "planes48"])
@pytest.mark.parametrize(("boards", "size", "threads"), [(7, 9, 3), (75, 5, 2), (525, 8, 2)])
def test_the_number_of_threads_changes_nothing(boards, size, threads, observation):
    """Boards are taken one by one, two by two with one left over, sixteen by sixteen with some left over."""
    one, more = (
        make(boards, board_size=size, opponent="random", observation=observation, threads=n) for n in (1, threads)
    )
    now, other = one.reset(seed=3), more.reset(seed=3)
    for _ in range(40):
        assert_same(now, other)
        chosen = one.sample_actions()
        np.testing.assert_array_equal(chosen, more.sample_actions())
        now, other = one.step(chosen), more.step(chosen)
    assert len(np.unique(now[0], axis=0)) > 0.9 * boards
    assert more.threads == threads


def test_more_threads_than_boards():
    assert make(2, threads=8).threads == 2


def test_each_thread_has_scratch_of_its_own():
    """With boards and steps enough that two threads with the same would get into each other's way."""
    one, two = (make(64, observation="planes48", threads=n, copy=False) for n in (1, 2))
    one.reset(seed=3)
    two.reset(seed=3)
    for _ in range(150):
        chosen = one.sample_actions()
        np.testing.assert_array_equal(one.step(chosen)[0], two.step(chosen)[0])


@pytest.mark.parametrize("size", [3, 4, 8, 11, 16])  # whole blocks of points, just below, in between
def test_planes_of_boards_of_all_kinds(size):
    play_both(2, 25, board_size=size, observation="planes48")


def test_an_error_in_a_thread_is_told_when_all_have_done():
    env = make(2, board_size=5, threads=2).unwrapped
    done = []

    def fail(shares, work):
        if work is env._works[1]:
            time.sleep(0.3)
            done.append(True)
            raise MemoryError("no more")

    with pytest.raises(MemoryError, match="no more"):
        env._share(fail)
    assert done

    def fail_here(shares, work):
        if work is env._works[0]:
            raise KeyboardInterrupt
        time.sleep(0.3)
        done.append(True)

    with pytest.raises(KeyboardInterrupt):
        env._share(fail_here)
    assert len(done) == 2


def test_each_board_may_have_its_own_seed():
    env = make(3, board_size=5, opponent="random", colour="white")
    first, _ = env.reset(seed=[4, 8, 4])
    np.testing.assert_array_equal(first[0], first[2])
    again, _ = env.reset(seed=[8, 4, 4])
    np.testing.assert_array_equal(again[:2], first[[1, 0]])
    unseeded, _ = env.reset()
    assert not np.array_equal(unseeded, again)
    with pytest.raises(ValueError, match="2 seeds for 3"):
        env.reset(seed=[1, 2])


def test_a_board_without_a_seed_continues_its_stream():
    one, other = (make(2, board_size=5, opponent="random", colour="white") for _ in range(2))
    one.reset(seed=1), other.reset(seed=1)
    first, _ = one.reset(seed=[None, 9])
    second, _ = other.reset()
    np.testing.assert_array_equal(first[0], second[0])
    assert not np.array_equal(first[1], second[1])


def test_boards_are_not_chosen_at_a_reset():
    env = make(2, board_size=5)
    with pytest.raises(ValueError, match="reset_mask"):
        env.reset(options={"reset_mask": np.array([True, False])})


def test_sampled_actions_are_legal_and_leave_the_opponents_stream_alone():
    one, other = (make(5, board_size=5, opponent="random") for _ in range(2))
    now, then = one.reset(seed=1), other.reset(seed=1)
    for _ in range(30):
        assert_same(now, then)
        chosen = one.sample_actions()
        assert now[-1]["action_mask"][np.arange(5), chosen].all()
        now, then = one.step(chosen), other.step(chosen)
    with_other_seed = make(5, board_size=5)
    with_other_seed.reset(seed=2)
    one.reset(seed=1)
    assert not np.array_equal(one.sample_actions(), with_other_seed.sample_actions())


@pytest.mark.parametrize("observation", ["board", "planes48"])
def test_memory_is_shared_only_on_request(observation):
    for copy, same in ((True, False), (False, True)):
        env = make(2, board_size=5, copy=copy, observation=observation)
        observations, infos = env.reset(seed=0)
        after, *_, infos_after = env.step(np.array([0, 1]))
        assert np.shares_memory(observations, after) is same
        assert np.shares_memory(infos["action_mask"], infos_after["action_mask"]) is same


def test_the_caller_may_narrow_a_mask():
    env = make(3, board_size=19, copy=False)
    _, infos = env.reset(seed=0)
    infos["action_mask"][:] = 0
    infos["action_mask"][1, 7] = 1
    assert env.sample_actions().tolist() == [361, 7, 361]


def test_without_games_there_is_no_step():
    env = make(2, board_size=5, observation="planes48")
    for call in (env.sample_actions, lambda: env.step([0, 1])):
        with pytest.raises(gymnasium.error.ResetNeeded):
            call()
    env.reset(seed=0)
    env.step(env.sample_actions())
    env.close()
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step([0, 1])
    with pytest.raises(gymnasium.error.ClosedEnvironmentError):
        env.reset()


@pytest.mark.parametrize("habit", ["die", "nonsense"])
def test_after_an_error_all_boards_begin_again(habit):
    arguments = {"board_size": 5, "opponent": f"{ENGINE} {habit}", "observation": "planes48"}
    env, fresh = make(2, **arguments), make(2, **arguments)
    env.reset(seed=0)
    with pytest.raises(HayagoError):
        for n in range(3):
            env.step([n, 25])
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step([4, 25])
    assert_same(env.reset(seed=1), fresh.reset(seed=1))
    for n in range(2):
        assert_same(env.step([n, 25]), fresh.step([n, 25]))
    env.close()
    fresh.close()


def test_an_engine_that_resigns_before_it_plays_is_no_opponent():
    env = make(2, board_size=5, opponent=f"{ENGINE} sulk", colour="white")
    with pytest.raises(HayagoError, match="lost by its first move"):
        env.reset(seed=0)
    env.close()


def test_no_engine_is_left_behind(monkeypatch):
    started, start = [], EnvSettings.engine

    def third_fails(setting):
        if len(started) == 2:
            raise HayagoError("no more")
        started.append(start(setting))
        return started[-1]

    env = make(2, board_size=5, opponent=f"{ENGINE} fair")
    engines = list(env._engines)
    env.reset(seed=0)
    env.close()
    monkeypatch.setattr(EnvSettings, "engine", third_fails)
    with pytest.raises(HayagoError, match="no more"):
        make(3, board_size=5, opponent=f"{ENGINE} fair")
    assert [engine._client.is_alive() for engine in engines + started] == [False] * 4


def test_a_new_game_begins_on_the_next_step():
    env = make(1, board_size=5)
    assert env.metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP
    env.reset(seed=0)
    assert env.step([3])[2] == [False]
    observations, rewards, terminations, _, _ = env.step([3])  # occupied
    assert (rewards, terminations) == ([-1], [True]) and observations.any()
    observations, rewards, terminations, _, infos = env.step([3])
    assert (rewards, terminations) == ([0], [False]) and not observations.any()
    assert infos["action_mask"].all()


def test_spaces_hold_what_comes():
    for observation, size in itertools.product(("board", "planes48"), (2, 9)):
        env = make(3, board_size=size, observation=observation)
        first, _ = env.reset(seed=0)
        assert first in env.observation_space and first[0] in env.single_observation_space
        assert env.sample_actions() in env.action_space
        assert env.single_action_space.n == size * size + 1


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"threads": 0}, ValueError),
        ({"board_size": 20}, ValueError),
        ({"max_episode_steps": 0}, ValueError),
        ({"rules": "japanese"}, ValueError),
        ({"num_envs": 0}, ValueError),
        ({"num_envs": 65, "opponent": "gnugo --mode gtp"}, HayagoError),
        ({"opponent": "network", "board_size": 4}, HayagoError),
        ({"opponent": "no-such-engine"}, HayagoError),
    ],
)
def test_wrong_arguments(wrong, error):
    with pytest.raises(error):
        gymnasium.make_vec("hayago/Go-v0", **{"num_envs": 2, **wrong})


def test_actions_of_another_shape():
    env = make(2, board_size=5)
    env.reset(seed=0)
    with pytest.raises(ValueError, match="shape"):
        env.step([1, 2, 3])
