"""The vector environment `hayago/Go-v0`: thousands of boards, stepped together in threads.

    envs = gymnasium.make_vec("hayago/Go-v0", num_envs=1024, board_size=9, observation="planes48", threads=2)
    observations, infos = envs.reset(seed=1)
    while training:
        actions = ...                        # int (1024,): for each board a point with infos["action_mask"][board, point]
        observations, rewards, terminations, truncations, infos = envs.step(actions)

What a board does is what `hayago.play.env.GoEnv` does, move for move; this file only steps many of them fast. The boards
lie in `hayago.rules.tables`. Each step, every thread takes some boards and does all that is to be done there: the
agent's move, the opponent's, the mask, the observation. Only the network and engines are asked between, for all boards.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from hayago.errors import HayagoError
from hayago.features.encoder import Work, new_work
from hayago.features.planes import row_bytes
from hayago.features.table_encoder import Followers, new_followers, write_planes, write_rows
from hayago.play.env import spaces_of
from hayago.play.opponents import SEEDS, EngineOpponent, Setting, seed_stream
from hayago.rules.coords import BLACK, EMPTY, MAX_SIZE, WHITE
from hayago.rules.game_rules import GameRules
from hayago.rules.jit import kernel
from hayago.rules.playouts import COLOUR
from hayago.rules.tables import (
    Tables,
    area_score,
    begin,
    draw,
    draw_legal,
    draw_sensible,
    is_allowed,
    mark_legal,
    new_tables,
    play,
    roomy,
)

if TYPE_CHECKING:
    from hayago.learn.checkpoint import Model

Observation = NDArray[np.int8] | NDArray[np.uint8]

MOST_ENGINES = 64  # processes
_OTHER = np.uint64(0x9E3779B97F4A7C15)  # makes another stream of a stream


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Terms(NamedTuple):
    """What holds for all boards: whose part the agent takes (`_AGENTS`), whether chance is the opponent, komi, and after
    how many steps a game is cut off (0: never)."""

    agent: int
    chance: bool
    komi: float
    limit: int


class _Results(NamedTuple):
    """What a step gives, and what is kept for the next: all have the boards as their first index.

    Attributes:
        agents: int64, the agent's colour, EMPTY where it plays both.
        steps: int64, since the game began.
        rewards, scores: float64.
        scored, terminated, truncated: bool.
        masks: int8 (B, N * N + 1).
        viewers: int64, the colour that observation and mask are for.
    """

    agents: NDArray[np.int64]
    steps: NDArray[np.int64]
    rewards: NDArray[np.float64]
    scores: NDArray[np.float64]
    scored: NDArray[np.bool_]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    masks: NDArray[np.int8]
    viewers: NDArray[np.int64]


_EITHER = 3  # the agent's colour is drawn for each game
_AGENTS = {"black": BLACK, "white": WHITE, "random": _EITHER}


def _new_results(count: int, size: int) -> _Results:
    return _Results(
        agents=np.zeros(count, np.int64),
        steps=np.zeros(count, np.int64),
        rewards=np.zeros(count, np.float64),
        scores=np.zeros(count, np.float64),
        scored=np.zeros(count, np.bool_),
        terminated=np.ones(count, np.bool_),
        truncated=np.zeros(count, np.bool_),
        masks=np.zeros((count, size * size + 1), np.int8),
        viewers=np.zeros(count, np.int64),
    )


@kernel
def _move(tables: Tables, results: _Results, table: int, point: int, komi: float) -> None:
    """Play a legal move; where it ends the game, say who has won."""
    mover, agent = tables.to_play[table], results.agents[table]
    if play(tables, table, point):
        score = area_score(tables, table) - komi
        results.terminated[table] = True
        results.scored[table] = True
        results.scores[table] = score
        reward = np.sign(score)
        results.rewards[table] = reward if (mover if agent == EMPTY else agent) == BLACK else -reward


@kernel
def _step(tables: Tables, results: _Results, first: int, end: int, actions: NDArray[np.int64], terms: _Terms) -> None:
    """The agent's action at each of these tables, or a new game, and then the move of chance where that is due."""
    for table in range(first, end):
        tables.fresh[table] = 0
        results.rewards[table] = 0
        results.scored[table] = False
        if results.terminated[table] or results.truncated[table]:
            results.terminated[table] = False
            results.truncated[table] = False
            results.steps[table] = 0
            results.agents[table] = 1 + draw(tables.random, table, 2) if terms.agent == _EITHER else terms.agent
            begin(tables, table)
        else:
            results.steps[table] += 1
            results.truncated[table] = results.steps[table] == terms.limit
            if is_allowed(tables, table, actions[table]):
                _move(tables, results, table, actions[table], terms.komi)
            else:
                results.terminated[table] = True
                results.rewards[table] = -1
        if terms.chance and not results.terminated[table] and tables.to_play[table] != results.agents[table]:
            mark_legal(tables, table, tables.to_play[table], results.masks[table])
            _move(tables, results, table, draw_sensible(tables, table, results.masks[table]), terms.komi)


@kernel
def _answer(
    tables: Tables, results: _Results, chosen: NDArray[np.int64], points: NDArray[np.int64], komi: float
) -> None:
    """The opponents' moves at the chosen tables; one that resigns or breaks the rules has lost."""
    for n in range(len(chosen)):
        if is_allowed(tables, chosen[n], points[n]):
            _move(tables, results, chosen[n], points[n], komi)
        else:
            results.terminated[chosen[n]] = True
            results.rewards[chosen[n]] = 1


@kernel
def _look_up(
    tables: Tables, chosen: NDArray[np.int64], komi: float, legal: NDArray[np.int8], may_end: NDArray[np.bool_]
) -> None:
    """Where whoever's turn it is at the chosen tables may play, and whether to pass would end the game and win it."""
    for n in range(len(chosen)):
        table = chosen[n]
        mark_legal(tables, table, tables.to_play[table], legal[n])
        score = area_score(tables, table) - komi if tables.passes[table] == 1 else 0.0
        may_end[n] = score > 0 if tables.to_play[table] == BLACK else score < 0


@kernel
def _show_masks(tables: Tables, results: _Results, first: int, end: int) -> None:
    """Whose view it is at each of these tables, and where that one may play."""
    for table in range(first, end):
        agent = results.agents[table]
        results.viewers[table] = tables.to_play[table] if agent == EMPTY else agent
        mark_legal(tables, table, results.viewers[table], results.masks[table])


@kernel
def _show_boards(tables: Tables, results: _Results, first: int, end: int, boards: NDArray[np.int8]) -> None:
    """Set boards[table, point] to 0 for an empty point, 1 for a stone of the viewer, 2 for one of the other side."""
    for table in range(first, end):
        own = results.viewers[table]
        for point in range(len(tables.cells)):
            there = tables.pitch[table, COLOUR + tables.cells[point]]
            boards[table, point] = 0 if there == EMPTY else 1 + (there != own)


class GoVectorEnv(VectorEnv[Any, Any, Any]):
    """Many games of Go, each of which plays as `hayago.play.env.GoEnv` does; see there for what is observed and won.

    ## Action and Observation Space
    Those of a single environment, batched: actions int (num_envs,); observations (num_envs, ...).

    ## Autoreset
    `AutoresetMode.NEXT_STEP`, Gymnasium's default: the step after the one that ended a game ignores the action, begins
    a new game and gives its first observation, reward 0.

    ## Seeding
    `reset(seed=s)` seeds board i as `reset(seed=s + i)` does a single environment; a sequence gives a seed for each. The
    games hang neither on the number of threads nor on each other.

    ## Information
    Arrays of num_envs: `action_mask` int8 (num_envs, N * N + 1), `to_play`, and `score` where `_score` is True: at
    games that two passes have just ended.

    ## Arguments
    Those of `GoEnv`, and
    `num_envs`: how many boards.
    `threads`: threads that step them (None: one for each core).
    `copy`: whether each step gives arrays of its own, as Gymnasium's own vector environments do. False gives the same
    observation and mask arrays again and again, written over by the next call: quicker, for whoever copies what is kept.
    `max_episode_steps`: a game is truncated after so many steps (None: never).

    GTP engines are processes, one for each board, so they are allowed for at most MOST_ENGINES boards.

    Raises:
        ValueError: an argument makes no sense.
        HayagoError: the network or an engine cannot be used, or there are too many engines.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012
        "render_modes": ["ansi", "rgb_array"],
        "render_fps": 4,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        num_envs: int = 1,
        board_size: int = MAX_SIZE,
        komi: float = 7.5,
        rules: str | GameRules = "chinese-ogs",
        opponent: str | None = None,
        level: int = 10,
        model: "str | Path | Model | None" = None,
        colour: Literal["black", "white", "random"] = "black",
        observation: Literal["board", "planes48"] = "board",
        render_mode: str | None = None,
        *,
        threads: int | None = None,
        copy: bool = True,
        max_episode_steps: int | None = None,
    ) -> None:
        setting = Setting(board_size, komi, rules, opponent, level, model, colour, observation)
        if num_envs < 1:
            raise ValueError(f"num_envs is not at least 1: {num_envs}")
        if threads is not None and threads < 1:
            raise ValueError(f"threads are not at least 1: {threads}")
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise ValueError(f"render_mode is not one of {self.metadata['render_modes']}: {render_mode!r}")
        if setting.is_engine and num_envs > MOST_ENGINES:
            raise HayagoError(
                f"a GTP engine as opponent is a process for each board: at most {MOST_ENGINES} boards, not {num_envs}"
            )
        self.num_envs = num_envs
        self.render_mode = render_mode
        self.threads = min(threads or _cores(), num_envs)
        self._setting = setting
        self._copy = copy
        self._terms = _Terms(
            agent=_AGENTS[colour] if opponent is not None else EMPTY,
            chance=opponent == "random",
            komi=float(komi),
            limit=max_episode_steps or 0,
        )
        self.single_action_space, self.single_observation_space = spaces_of(setting)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self._tables = new_tables(num_envs, board_size, setting.superko)
        self._results = _new_results(num_envs, board_size)
        self._seeded = False
        self._lots = np.ones(num_envs, np.uint64)  # the streams of `sample_actions`
        self._always = np.ones(num_envs, np.bool_)
        space = self.observation_space
        self._observations: Any = np.zeros(space.shape, space.dtype)
        self._followers: Followers | None = None
        if observation == "planes48" or setting.is_network:
            self._followers = new_followers(num_envs, board_size)
        self._rooms: list[tuple[Work, NDArray[np.uint8]]] = [
            (new_work(), np.empty(row_bytes(size=board_size), np.uint8)) for _ in range(self.threads)
        ]
        self._pool = ThreadPoolExecutor(self.threads, "hayago-env")
        self._engines: list[EngineOpponent] = []
        if setting.is_engine:
            self._engines = list(self._pool.map(lambda _: setting.engine(), range(num_envs)))
        self._network = setting.network(self.threads) if setting.is_network else None

    def reset(
        self, *, seed: int | Sequence[int] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """A new game on every board. A seed begins the boards' streams anew; without one they go on."""
        super().reset(seed=seed if isinstance(seed, int) else None, options=options)
        if seed is not None:
            seeds = [seed + table for table in range(self.num_envs)] if isinstance(seed, int) else list(seed)
            if len(seeds) != self.num_envs:
                raise ValueError(f"{len(seeds)} seeds for {self.num_envs} boards")
            self._tables.random[:] = [seed_stream(seeding.np_random(each)[0]) for each in seeds]
        elif not self._seeded:
            self._tables.random[:] = [seed_stream(self.np_random) for _ in range(self.num_envs)]
        self._seeded = True
        self._lots[:] = self._tables.random ^ _OTHER | np.uint64(1)
        self._results.terminated[:] = True
        observations, _, _, _, infos = self.step(np.zeros(self.num_envs, np.int64))
        return observations, infos

    def step(
        self, actions: Any
    ) -> tuple[Observation, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """An action on every board; see the class for what comes back."""
        moves = np.ascontiguousarray(actions, np.int64)
        if moves.shape != (self.num_envs,):
            raise ValueError(f"actions have the shape {moves.shape}, not {(self.num_envs,)}")
        self._tables = roomy(self._tables)
        results = self._results
        if self._network is None and not self._engines:
            self._share(lambda part, room: self._step_and_show(part, room, moves))
        else:
            begun = results.terminated | results.truncated
            self._share(lambda part, room: _step(self._tables, results, *part, moves, self._terms))
            waiting = np.flatnonzero(~results.terminated & (self._tables.to_play != results.agents))
            points = self._ask_engines(waiting, begun, moves) if self._engines else self._ask_network(waiting)
            _answer(self._tables, results, waiting, points, self._terms.komi)
            self._share(self._show)
        give = np.copy if self._copy else np.asarray
        infos = {
            "action_mask": give(results.masks),
            "_action_mask": self._always.copy(),
            "to_play": self._tables.to_play.copy(),
            "_to_play": self._always.copy(),
            "score": np.where(results.scored, results.scores, 0.0),
            "_score": results.scored.copy(),
        }
        return (
            give(self._observations),
            results.rewards.copy(),
            results.terminated.copy(),
            results.truncated.copy(),
            infos,
        )

    def sample_actions(self) -> NDArray[np.int64]:
        """int64 (num_envs,): for each board an action by lot among those of its mask; a seeded `reset` repeats them.

        `action_space.sample(mask)` does the same with Gymnasium's generator, one board after the other in Python.
        """
        actions = np.empty(self.num_envs, np.int64)
        draw_legal(self._lots, self._results.masks, actions)
        return actions

    def close_extras(self, **kwargs: Any) -> None:
        """End threads and engines."""
        list(self._pool.map(lambda engine: engine.close(), self._engines))
        self._engines = []
        self._pool.shutdown()

    # The work of a step

    def _share(self, work: Callable[[tuple[int, int], tuple[Work, NDArray[np.uint8]]], object]) -> None:
        """Do the work on all boards: each thread does it on some, in a room of its own."""
        edges = np.linspace(0, self.num_envs, self.threads + 1).astype(np.int64).tolist()
        parts = list(pairwise(edges))
        if len(parts) == 1:
            work(parts[0], self._rooms[0])
        else:
            list(self._pool.map(work, parts, self._rooms))

    def _step_and_show(
        self, part: tuple[int, int], room: tuple[Work, NDArray[np.uint8]], moves: NDArray[np.int64]
    ) -> None:
        _step(self._tables, self._results, *part, moves, self._terms)
        self._show(part, room)

    def _show(self, part: tuple[int, int], room: tuple[Work, NDArray[np.uint8]]) -> None:
        _show_masks(self._tables, self._results, *part)
        flat = self._observations.reshape(self.num_envs, -1)
        if self._setting.observation == "board":
            _show_boards(self._tables, self._results, *part, flat)
        else:
            assert self._followers is not None
            write_planes(self._tables, self._followers, *part, self._results.viewers, *room, flat.view(np.uint64))

    def _ask_network(self, waiting: NDArray[np.int64]) -> NDArray[np.int64]:
        """The network's moves at these tables."""
        assert self._network is not None and self._followers is not None
        tables, followers = self._tables, self._followers
        symmetries = self._network.style.symmetries
        rows = np.empty((symmetries, len(waiting), row_bytes(size=tables.size)), np.uint8)
        legal = np.empty((len(waiting), tables.size**2 + 1), np.int8)
        may_end = np.empty(len(waiting), np.bool_)

        def look(part: tuple[int, int], room: tuple[Work, NDArray[np.uint8]]) -> None:
            places = slice(*np.searchsorted(waiting, part).tolist())
            _look_up(tables, waiting[places], self._terms.komi, legal[places], may_end[places])
            for symmetry in range(symmetries):
                write_rows(tables, followers, waiting[places], symmetry, room[0], rows[symmetry, places])

        self._share(look)
        streams = tables.random[waiting]
        points = self._network.choose(rows, legal, tables.plies[waiting], may_end, streams)
        tables.random[waiting] = streams
        return points

    def _ask_engines(
        self, waiting: NDArray[np.int64], begun: NDArray[np.bool_], moves: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """The engines' moves at these tables; at those where a game has begun they are told so first."""
        tables, agents = self._tables, self._results.agents

        def ask(table: int) -> int:
            engine = self._engines[table]
            return engine.answer(None if begun[table] else int(moves[table]))

        for table in np.flatnonzero(begun).tolist():
            seed = draw(tables.random, table, SEEDS)
            self._engines[table].begin(3 - int(agents[table]), seed)
        return np.array(list(self._pool.map(ask, waiting.tolist())), np.int64)
