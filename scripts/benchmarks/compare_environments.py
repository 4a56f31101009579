"""Steps a second of Go environments, side by side: hayago's, PettingZoo's go_v5 and pgx's go_19x19.

    python scripts/benchmarks/compare_environments.py [--boards 1024] [--seconds 5] [--rounds 5] [--threads 2] [--quick]

The same work for each: boards of 19x19 played by legal moves (passes among them) drawn at random from the mask that the
environment gives, games restarted when they end, the observation and the mask of every step made. What draws the
moves is part of the time: hayago's `sample_actions`, Gymnasium's `Discrete.sample(mask)`, JAX's `categorical`. Before
the measuring, every environment plays some moves on each board (--age), so that games are measured in their middle.

The environments take turns, since a shared machine is fast for some seconds and slow for some others. Rates are by the
clock (best and median of the rounds), and by the CPU time of all threads, which neighbours disturb less. Prints a table
in Markdown. An environment that fails, or is not there (pip install pettingzoo pygame pgx), has a row that says so and
stops no other. --quick shows in some seconds that all of them run; its rates mean little.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from typing import Any

import gymnasium

import hayago.envs  # noqa: F401 - registers the environment

SIZE = 19
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


class Candidate:
    """One row of the table: an environment, and how fast it has been so far, or why it has failed."""

    def __init__(self, name: str, boards: int, make: Callable[[], Steps]) -> None:
        self.name = name
        self._boards, self._steps = boards, make()
        self._rates: list[tuple[float, float]] = []
        self._failure = ""

    def warm_up(self, age: int) -> None:
        """Play so many moves on each board."""
        self._try(lambda: self._play(age * self._boards))

    def measure(self, seconds: float) -> None:
        """One round, unless it has failed before."""
        if not self._failure:
            self._try(lambda: self._rates.append(rate(self._steps, seconds)))

    def row(self) -> str:
        """The line of the table."""
        if self._failure:
            return f"| {self.name} | {self._failure} | | |"
        clock, cpu = zip(*self._rates, strict=True)
        return f"| {self.name} | {max(clock):,.0f} | {median(clock):,.0f} | {max(cpu):,.0f} |"

    def _play(self, moves: int) -> None:
        made = 0
        while made < moves:
            made += next(self._steps)

    def _try(self, work: Callable[[], object]) -> None:
        try:
            work()
        except Exception as error:  # whatever other people's libraries raise
            said = " ".join(str(error).split()).replace("|", "/")
            self._failure = f"failed: {type(error).__name__}: {said[:100]}"


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--boards", type=int, default=1024)
    parser.add_argument("--pgx-boards", type=int, default=64, help="fewer: a step of pgx's takes long on a CPU")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--age", type=int, default=300, help="moves on each board before the measuring")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="16 boards, 2 of pgx's, 2 rounds of 0.2 s, 5 moves of age")
    if parser.parse_known_args(words)[0].quick:  # what else is said still holds
        parser.set_defaults(boards=16, pgx_boards=2, rounds=2, seconds=0.2, age=5)
    arguments = parser.parse_args(words)
    boards, pgx_boards, threads = arguments.boards, arguments.pgx_boards, arguments.threads

    candidates = []
    for observation in ("board", "planes48"):
        for copy in (False, True):
            name = f"hayago, {observation}, {boards} boards, {threads} threads{'' if copy else ', copy=False'}"
            make = partial(hayago_vector, boards, observation, threads, copy=copy)
            candidates.append(Candidate(name, boards, make))
        candidates.append(Candidate(f"hayago, {observation}, one board", 1, partial(hayago_single, observation)))
    candidates.append(Candidate("PettingZoo go_v5, one board", 1, pettingzoo))
    candidates.append(Candidate(f"pgx go_19x19, {pgx_boards} boards", pgx_boards, partial(pgx, pgx_boards)))

    for candidate in candidates:
        print(f"warming up: {candidate.name}", file=sys.stderr)
        candidate.warm_up(arguments.age)
    for _ in range(arguments.rounds):
        for candidate in candidates:
            candidate.measure(arguments.seconds)
    print("| Environment | steps/s, best | steps/s, median | steps/s of CPU time, best |")
    print("|---|---|---|---|")
    for candidate in candidates:
        print(candidate.row())


if __name__ == "__main__":
    main()
