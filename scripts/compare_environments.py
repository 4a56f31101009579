"""Steps a second of Go environments, side by side: hayago's, PettingZoo's go_v5 and pgx's go_19x19.

    python scripts/compare_environments.py [--boards 1024] [--seconds 5] [--rounds 5] [--threads 2]

The same work for each: boards of 19x19 played by legal moves (passes among them) drawn by lot from the mask that the
environment gives, games begun anew where they end, the observation and the mask of every step made. What draws the
moves is part of the time: hayago's `sample_actions`, Gymnasium's `Discrete.sample(mask)`, JAX's `categorical`. Before
the measuring, every environment plays MOVES moves on each board, so that games of all ages are measured.

The environments take turns, since a shared machine is fast for some seconds and slow for some others. Rates are by the
clock (best and median of the rounds), and by the CPU time of all threads, which neighbours disturb less. Prints a table
in Markdown. PettingZoo (pip install pettingzoo pygame) and pgx (pip install pgx) are left out where they are missing.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import gymnasium

import hayago  # noqa: F401 - registers the environment

SIZE = 19
MOVES = 300
Steps = Iterator[int]  # each item: that many steps were made


def hayago_vector(boards: int, observation: str, threads: int, **arguments: Any) -> Steps:
    env: Any = gymnasium.make_vec(
        "hayago/Go-v0", num_envs=boards, board_size=SIZE, observation=observation, threads=threads, **arguments
    )
    env.reset(seed=0)
    while True:
        env.step(env.sample_actions())
        yield boards


def hayago_single(observation: str) -> Steps:
    env: Any = gymnasium.make("hayago/Go-v0", board_size=SIZE, observation=observation)
    while True:
        _, info = env.reset()
        over = False
        while not over:
            _, _, over, _, info = env.step(env.action_space.sample(info["action_mask"]))
            yield 1


def pettingzoo() -> Steps:
    from pettingzoo.classic import go_v5

    env = go_v5.env(board_size=SIZE)
    while True:
        env.reset()
        for agent in env.agent_iter():
            seen, _, over, cut, _ = env.last()
            if over or cut:
                break
            env.step(env.action_space(agent).sample(seen["action_mask"]))
            yield 1


def pgx(boards: int) -> Steps:
    import jax
    import jax.numpy as jnp
    import pgx as games
    from pgx.experimental import auto_reset

    env = games.make("go_19x19")
    step = jax.vmap(auto_reset(env.step, env.init))

    @jax.jit
    def turn(state: Any, key: Any) -> tuple[Any, Any]:
        key, drawn = jax.random.split(key)
        logits = jnp.where(state.legal_action_mask, 0.0, -jnp.inf)
        actions = jax.random.categorical(drawn, logits, axis=1)
        return step(state, actions, jax.random.split(drawn, boards)), key

    key = jax.random.PRNGKey(0)
    state = jax.jit(jax.vmap(env.init))(jax.random.split(key, boards))
    while True:
        state, key = turn(state, key)
        jax.block_until_ready(state.observation)
        yield boards


def rate(steps: Steps, seconds: float) -> tuple[float, float]:
    """Steps a second by the clock, and by CPU time, over at least so many seconds."""
    made, began, cpu = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - began < seconds:
        made += next(steps)
    return made / (time.perf_counter() - began), made / (time.process_time() - cpu)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--boards", type=int, default=1024)
    parser.add_argument("--pgx-boards", type=int, default=64, help="fewer: a step of pgx's takes long on a CPU")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    boards, threads = arguments.boards, arguments.threads

    candidates: dict[str, tuple[int, Callable[[], Steps]]] = {}
    for observation in ("board", "planes48"):
        for copy in (False, True):
            name = f"hayago, {observation}, {boards} boards, {threads} threads{'' if copy else ', copy=False'}"
            candidates[name] = boards, lambda o=observation, c=copy: hayago_vector(boards, o, threads, copy=c)
        candidates[f"hayago, {observation}, one board"] = 1, lambda o=observation: hayago_single(o)
    candidates["PettingZoo go_v5, one board"] = 1, pettingzoo
    candidates[f"pgx go_19x19, {arguments.pgx_boards} boards"] = arguments.pgx_boards, lambda: pgx(arguments.pgx_boards)

    running: dict[str, Steps] = {}
    for name, (at_once, make) in candidates.items():
        steps = make()
        try:
            made = next(steps)
        except ImportError as error:
            print(f"left out: {name} ({error})")
            continue
        while made < MOVES * at_once:
            made += next(steps)
        running[name] = steps
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in running}
    for _ in range(arguments.rounds):
        for name, steps in running.items():
            rates[name].append(rate(steps, arguments.seconds))
    print("| Environment | steps/s, best | steps/s, median | steps/s of CPU time, best |")
    print("|---|---|---|---|")
    for name, measured in rates.items():
        clock, cpu = zip(*measured, strict=True)
        print(f"| {name} | {max(clock):,.0f} | {median(clock):,.0f} | {max(cpu):,.0f} |")


if __name__ == "__main__":
    main()
