import copy
import subprocess
import sys
import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import hayago.envs  # noqa: F401 - registers the environment
from gtp_engines import random_model
from hayago.drawing.raster import CELL
from hayago.envs import opponents
from hayago.envs.go_env import GoEnv
from hayago.envs.vector_env import GoVectorEnv
from hayago.errors import HayagoError
from hayago.features.plain import encode
from hayago.gtp.client import BadReply, EngineDied, EngineTimeout
from hayago.rules.board import Board
from hayago.rules.game_rules import GameRules
from paths import ENGINES

ENGINE = f'"{sys.executable}" "{ENGINES / "lottery.py"}"'
MODEL = random_model(5)


def make(**arguments):
    return gymnasium.make("hayago/Go-v0", **{"board_size": 5, **arguments})


def play(env, *actions):
    env.reset(seed=1)
    return [env.step(action) for action in actions]


@pytest.fixture
def no_screen(monkeypatch):
    """Windows open on no screen and wait for no frame; without pygame the test is skipped."""
    monkeypatch.setitem(GoEnv.metadata, "render_fps", 10_000)
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.setenv("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    return pytest.importorskip("pygame")


@pytest.mark.parametrize("observation", ["board", "planes48"])
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"opponent": "random", "colour": "random"},
        {"opponent": "network", "model": MODEL, "level": 1, "colour": "white"},
        {"opponent": "network", "model": MODEL, "level": 10},
        {"opponent": f"{ENGINE} fair", "colour": "random", "rules": "chinese"},
        {"board_size": 1, "komi": 0.5, "opponent": "random"},
        {"board_size": 2, "rules": "chinese-kgs"},
        {"board_size": 9, "rules": GameRules(ko="simple")},
    ],
)
@pytest.mark.parametrize("render_mode", [None, "ansi", "rgb_array", "human"])
def test_gymnasium_accepts_it_without_a_warning(observation, arguments, render_mode, no_screen):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # The other render modes have turns of their own.
        env = make(observation=observation, render_mode=render_mode, **arguments).unwrapped
        check_env(env, skip_render_check=render_mode is None)
        env.close()


def test_gymnasium_accepts_every_render_mode_of_the_default(no_screen):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gymnasium.make("hayago/Go-v0").unwrapped)


def test_observations_are_seen_by_the_side_to_move():
    (board, _, _, _, info), (after, *_) = play(make(), 7, 8)
    assert info["to_play"] == 2
    assert board[1, 2] == 2 and board.sum() == 2
    assert after[1, 2] == 1 and after[1, 3] == 2


def test_planes_are_those_of_the_encoder():
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


def repetitions(rules, games):
    """How often a move has brought an earlier position back, in games on a 3x3 board; the search ends once it has."""
    env = make(board_size=3, rules=rules)
    env.reset(seed=0)
    rng, repeated = np.random.default_rng(5), 0
    for _ in range(games):
        seen, info = set(), env.reset()[1]
        over = False
        while not over and len(seen) < 40:
            action = rng.choice(np.flatnonzero(info["action_mask"][:-1]) if info["action_mask"][:-1].any() else [9])
            board, _, over, _, info = env.step(action)
            stones = (board if info["to_play"] == 1 else (3 - board) % 3).tobytes()
            repeated += action != 9 and stones in seen
            seen.add(stones)
        if repeated:
            break
    return repeated


def test_only_with_the_simple_ko_positions_may_come_again():
    assert repetitions("chinese", 40) > 0
    assert repetitions("chinese-ogs", 40) == 0


def test_without_a_game_there_is_no_step():
    env = make().unwrapped
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(0)
    play(env, 7, 7)
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(0)
    env.reset()
    assert not env.step(7)[2]


# Against an opponent


def games(seed, **arguments):
    """Two games of ten steps; what the agent saw and won."""
    env = make(**arguments)
    seen = [env.reset(seed=seed)[0]]
    rng = np.random.default_rng(0)
    info = env.reset(seed=seed)[1]
    for _ in range(20):
        observation, reward, over, _, info = env.step(rng.choice(np.flatnonzero(info["action_mask"])))
        seen += [observation, np.full((5, 5), reward)]
        if over:
            observation, info = env.reset()
            seen.append(observation)
    env.close()
    return np.array(seen)


@pytest.mark.parametrize(
    "arguments",
    [
        {"opponent": "random", "colour": "random"},
        {"opponent": "network", "model": MODEL, "level": 1},
        {"opponent": f"{ENGINE} fair"},
    ],
)
def test_a_seed_repeats_games_exactly(arguments):
    first = games(1, **arguments)
    np.testing.assert_array_equal(first, games(1, **arguments))
    assert not np.array_equal(first, games(2, **arguments))


@pytest.mark.parametrize(("colour", "stones"), [("black", 0), ("white", 1)])
def test_the_agent_has_its_colour(colour, stones):
    observation, info = make(opponent="random", colour=colour).reset(seed=0)
    assert np.count_nonzero(observation == 2) == stones and not (observation == 1).any()
    assert info["to_play"] == 1 + stones


def test_a_random_colour_is_drawn_for_each_game():
    env = make(opponent="random", colour="random")
    assert {env.reset(seed=seed)[1]["to_play"] for seed in range(20)} == {1, 2}


def test_chance_does_not_fill_what_it_encloses():
    env = make(opponent="random", board_size=3)
    env.reset(seed=0)
    steps = [env.step(9) for _ in range(8) if not env.unwrapped._board.is_over]
    # White has filled the board but for enclosed points, and then passed: the agent has no stone and loses.
    assert steps[-1][1] == -1.0 and steps[-1][4]["score"] == -9 - 7.5


@pytest.mark.parametrize(("komi", "reward"), [(7.5, -1.0), (-30.0, 1.0)])
def test_the_agent_is_judged_when_the_opponent_ends_the_game(komi, reward):
    # The network passes at once when that wins: White has 7.5 points on the empty board.
    _, got, over, _, info = play(make(opponent="network", model=MODEL, komi=komi), 25)[0]
    assert over == (komi > 0)
    if over:
        assert (got, info["score"]) == (reward, -7.5)


def test_the_network_plays_by_its_level():
    def replies(level):
        env = make(opponent="network", model=MODEL, level=level)
        return {env.reset(seed=seed) and env.step(12)[0].tobytes() for seed in range(12)}

    assert len(replies(10)) == 1 < len(replies(1))


def test_an_engine_is_told_all_it_needs(tmp_path):
    log = tmp_path / "commands"
    env = make(opponent=f'{ENGINE} fair "{log}"', komi=5.5, colour="white")
    env.reset(seed=0)
    env.step(24)
    env.close()
    said = [line for line in log.read_text().splitlines() if not line.startswith("known_command")]
    assert said[:3] == ["boardsize 5", "clear_board", "komi 5.5"]
    assert said[3].startswith("set_random_seed") and said[4:] == ["genmove B", "play W E1", "genmove B", "quit"]


@pytest.mark.parametrize("habit", ["resign", "illegal"])
def test_an_engine_that_gives_up_or_breaks_the_rules_has_lost(habit):
    env = make(opponent=f"{ENGINE} {habit}")
    _, info = env.reset(seed=0)
    rewards = []
    for _ in range(3):
        _, reward, over, _, info = env.step(np.flatnonzero(info["action_mask"])[0])
        rewards.append((reward, over))
    assert rewards == [(0.0, False), (0.0, False), (1.0, True)]
    env.close()


def test_an_engine_that_talks_nonsense_is_no_opponent():
    env = make(opponent=f"{ENGINE} nonsense")
    _, info = env.reset(seed=0)
    with pytest.raises(BadReply, match="north"):
        for _ in range(3):
            _, _, _, _, info = env.step(np.flatnonzero(info["action_mask"])[0])
    env.close()


@pytest.mark.parametrize(
    ("habit", "error"), [("die", EngineDied), pytest.param("hang", EngineTimeout, marks=pytest.mark.slow)]
)
def test_an_engine_that_ends_is_started_again_for_the_next_game(monkeypatch, habit, error):
    monkeypatch.setattr(opponents, "ENGINE_SECONDS", 6.0)
    env = make(opponent=f"{ENGINE} {habit}")
    for _ in range(2):
        _, info = env.reset(seed=0)
        with pytest.raises(error):
            for _ in range(3):
                _, _, _, _, info = env.step(np.flatnonzero(info["action_mask"])[0])
        with pytest.raises(gymnasium.error.ResetNeeded):
            env.step(25)
    env.close()


def test_an_engine_that_resigns_before_it_plays_is_no_opponent():
    env = make(opponent=f"{ENGINE} sulk", colour="white")
    with pytest.raises(HayagoError, match="lost by its first move"):
        env.reset(seed=0)
    env.close()


# Rendering


def test_ansi_draws_the_board():
    env = make(render_mode="ansi")
    play(env, 0)
    assert env.render().splitlines()[1].startswith(" 5(X)")


def test_a_picture_shows_the_stones():
    env = make(render_mode="rgb_array")
    play(env, 6, 18)
    picture = env.render()
    assert picture.shape == (5 * CELL, 5 * CELL, 3) and picture.dtype == np.uint8
    edge = CELL // 2 + CELL // 4  # beside the mark of the last move
    brightness = picture[edge::CELL, edge::CELL].mean(axis=2)
    assert brightness[1, 1] < 60 and brightness[3, 3] > 200
    assert np.count_nonzero((brightness > 60) & (brightness < 200)) == 23
    marked = picture[CELL // 2 :: CELL, CELL // 2 :: CELL]
    assert marked[3, 3, 0] > 2 * marked[3, 3, 1] and marked[1, 1].max() < 60


def test_a_window_shows_the_picture(no_screen):
    env = make(render_mode="human")
    picture = make(render_mode="rgb_array")
    play(env, 6)
    play(picture, 6)
    shown = no_screen.surfarray.array3d(no_screen.display.get_surface()).swapaxes(0, 1)
    np.testing.assert_array_equal(shown, picture.render())
    assert env.render() is None
    env.close()
    assert not no_screen.display.get_init()


def test_without_pygame_gymnasiums_own_error_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "pygame", None)
    env = make(render_mode="human")
    with pytest.raises(gymnasium.error.DependencyNotInstalled, match="pygame"):
        env.reset(seed=0)


# Making one


@pytest.mark.parametrize(
    "wrong",
    [
        {"observation": "stones"},
        {"board_size": 20},
        {"board_size": 0},
        {"colour": "red"},
        {"komi": float("nan")},
        {"komi": float("inf")},
        {"level": 11},
        {"rules": "chess"},
        {"rules": "japanese"},
        {"rules": "tromp-taylor"},
        {"rules": "aga"},
        {"render_mode": "hologram"},
    ],
)
def test_wrong_arguments(wrong):
    with pytest.raises((ValueError, gymnasium.error.Error)):
        make(**wrong).unwrapped.__class__(**wrong)


@pytest.mark.parametrize(
    "wrong", [{"opponent": "network", "board_size": 4}, {"opponent": "no-such-engine"}, {"opponent": "'"}]
)
def test_opponents_that_there_are_not(wrong):
    with pytest.raises(HayagoError):
        make(**wrong)


@pytest.mark.slow
@pytest.mark.parametrize(
    "code",
    [
        "import gymnasium, hayago.envs; gymnasium.make('hayago/Go-v0')",
        "import gymnasium; gymnasium.make('hayago.envs:hayago/Go-v0')",
        "import gymnasium, sys; gymnasium.make_vec('hayago.envs:hayago/Go-v0'); assert 'torch' not in sys.modules",
        "import hayago, sys; assert not {'numpy', 'numba', 'torch', 'gymnasium'} & set(sys.modules)",
    ],
)
def test_registration(code):
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)


def test_actions_are_whole_numbers() -> None:
    env = GoEnv(board_size=5)
    env.reset(seed=0)
    wrong: tuple[Any, ...] = (np.float32(2.7), 1.5, 2.0, "A1", None, True, [1])
    for action in wrong:
        with pytest.raises(TypeError, match="an action is not a whole number"):
            env.step(action)
    right: tuple[Any, ...] = (3, np.int64(4), np.uint8(5))
    assert not any(env.step(action)[2] for action in right), "the game has gone on"
    several = gymnasium.make_vec("hayago/Go-v0", 3, board_size=5)
    several.reset(seed=0)
    for actions in ([0.5, 1.9, 2], np.ones(3, np.float32), [True, False, True], ["a", "b", "c"]):
        with pytest.raises(TypeError, match="actions are not whole numbers"):
            several.step(actions)
    assert not several.step(np.array([1, 2, 3], np.uint8))[2].any()
    several.close()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"opponent": "random", "level": 3}, "level and model are for opponent='network', not for 'random'"),
        ({"opponent": "random", "model": "/nope"}, "level and model are for"),
        ({"level": 9}, "level and model are for opponent='network', not for None"),
        ({"opponent": "gnugo --mode gtp", "model": "box"}, "level and model are for"),
        ({"colour": "white"}, "without an opponent"),
        ({"colour": "random"}, "without an opponent"),
    ],
)
def test_arguments_without_effect_are_refused(options: dict, said: str) -> None:
    for make in (gymnasium.make, gymnasium.make_vec):
        with pytest.raises(ValueError, match=said):
            make("hayago/Go-v0", board_size=5, **options)


@pytest.mark.parametrize("options", [{"board_size": 5.0}, {"board_size": True}, {"level": 3.7, "opponent": "network"}])
def test_sizes_and_levels_are_whole_numbers(options: dict) -> None:
    for make in (gymnasium.make, gymnasium.make_vec):
        with pytest.raises(TypeError, match="not a whole number"):
            make("hayago/Go-v0", **options)
    for name in ("num_envs", "threads", "max_episode_steps"):
        with pytest.raises(TypeError, match=f"{name} is not a whole number"):
            GoVectorEnv(**{"num_envs": 2, name: 1.5})


def test_an_environment_against_the_network_can_be_copied() -> None:
    env = GoEnv(opponent="network", level=3)
    env.reset(seed=5)
    other = copy.deepcopy(env)
    for action in map(np.int64, (3 * 19 + 3, 15 * 19 + 3)):
        ours, theirs = env.step(action), other.step(action)
        assert np.array_equal(ours[0], theirs[0]) and ours[1:4] == theirs[1:4]
    env.step(np.int64(4 * 19 + 3))
    assert len(env._board.moves) == len(other._board.moves) + 2
