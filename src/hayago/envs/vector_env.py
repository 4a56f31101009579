"""The vector environment `hayago/Go-v0`: thousands of boards, stepped together in threads.

    envs = gymnasium.make_vec("hayago/Go-v0", num_envs=1024, board_size=9, observation="planes48", threads=2)
    observations, infos = envs.reset(seed=1)
    while training:
        actions = ...  # int (1024,): for each board one with infos["action_mask"][board, action]; 81 is the pass
        observations, rewards, terminations, truncations, infos = envs.step(actions)

Each board does what `hayago.envs.go_env.GoEnv` does, move for move; this file only steps many of them fast. In each
step, threads repeatedly take the next few boards until none are left, and do everything there: the agent's move, the
opponent's, the mask, the observation. Only the network and engines are asked in between, for all boards together.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

import numpy as np
from gymnasium.error import ClosedEnvironmentError, ResetNeeded
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from hayago.cores import MOST_THREADS, Owner, cores
from hayago.envs.go_env import spaces_of
from hayago.envs.opponents import SEEDS, EngineOpponent, EnvSettings, seed_stream
from hayago.errors import HayagoError, whole_number
from hayago.features.followers import Followers, catch_up, expect, new_followers
from hayago.features.incremental import Work, new_work, write_planes, write_row
from hayago.features.planes import PLANES, row_bytes
from hayago.jit import borrowed, fetch_add, kernel
from hayago.rules.coordinates import BLACK, EMPTY, MAX_SIZE, WHITE
from hayago.rules.game_rules import GameRules
from hayago.rules.kernels.light_boards import (
    LightBoard,
    LightBoards,
    area_score,
    begin,
    draw,
    draw_legal,
    draw_open,
    is_allowed,
    mark_legal,
    new_light_boards,
    play,
    with_room,
    write_stones,
)

if TYPE_CHECKING:
    from hayago.network.model_file import Model

Observation = NDArray[np.int8] | NDArray[np.uint8]
Answer = TypeVar("Answer")

MOST_ENGINES = 64  # processes
_OTHER = np.uint64(0x9E3779B97F4A7C15)  # derives another stream from a stream


class _Terms(NamedTuple):
    """The settings of all boards.

    Attributes:
        agent: the agent's colour, EMPTY if it plays both, _EITHER if it is random for each game.
        chance: whether the opponent is chance.
        komi: points for White.
        limit: a game is truncated after this many steps; 0 is never.
    """

    agent: int
    chance: bool
    komi: float
    limit: int


class _Shares(NamedTuple):
    """How threads share the boards: each repeatedly takes the next few until none are left.

    Attributes:
        taken: int64 (1,), the number of shares asked for so far.
        size: the number of boards in a share.
    """

    taken: NDArray[np.int64]
    size: int


class _Results(NamedTuple):
    """The results of a step and the state for the next one; the first index is the board.

    Attributes:
        agents: int64, the agent's colour, EMPTY if it plays both.
        steps: int64, since the game began.
        rewards, scores: float64.
        scored, terminated, truncated: bool.
        masks: int8 (B, N * N + 1).
    """

    agents: NDArray[np.int64]
    steps: NDArray[np.int64]
    rewards: NDArray[np.float64]
    scores: NDArray[np.float64]
    scored: NDArray[np.bool_]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    masks: NDArray[np.int8]


_STEP, _SHOW = 1, 2  # what to do at a board
_SHARE = 16  # boards per share, at most; with more, the last thread would be waited for
_SHARES_EACH = 16  # shares per thread, at least, if there are enough boards
_EITHER = 3
_AGENTS = {"black": BLACK, "white": WHITE, "random": _EITHER}


def _new_results(count: int, size: int) -> _Results:
    return _Results(
        agents=np.zeros(count, np.int64),
        steps=np.zeros(count, np.int64),
        rewards=np.zeros(count, np.float64),
        scores=np.zeros(count, np.float64),
        scored=np.zeros(count, np.bool_),
        terminated=np.zeros(count, np.bool_),
        truncated=np.zeros(count, np.bool_),
        masks=np.zeros((count, size * size + 1), np.int8),
    )


@kernel
def _conclude(board: LightBoard, results: _Results, t: int, komi: float) -> None:
    """Two passes have ended game t: say who has won."""
    agent = results.agents[t]
    judged = 3 - board.to_play if agent == EMPTY else agent  # if it plays both sides: the one that moved last
    score = area_score(board) - komi
    results.scores[t] = score
    results.scored[t] = True
    results.terminated[t] = True
    results.rewards[t] = np.sign(score) if judged == BLACK else -np.sign(score)


@kernel
def _step(
    light: LightBoards,
    streams: NDArray[np.uint64],
    results: _Results,
    t: int,
    actions: NDArray[np.int64],
    terms: _Terms,
) -> None:
    """The agent's action on board t, or a new game, and then the move of chance if that is due."""
    board, past = light.boards[t], light.pasts[t]
    board.fresh = 0
    results.rewards[t] = 0
    results.scored[t] = False
    ended = False
    if results.terminated[t] or results.truncated[t]:
        results.terminated[t] = False
        results.truncated[t] = False
        results.steps[t] = 0
        results.agents[t] = 1 + draw(streams, t, 2) if terms.agent == _EITHER else terms.agent
        begin(board, past)
    else:
        results.steps[t] += 1
        results.truncated[t] = results.steps[t] == terms.limit
        if is_allowed(board, past, actions[t]):
            ended = play(board, past, actions[t])
        else:
            results.terminated[t] = True
            results.rewards[t] = -1
    if terms.chance and not ended and not results.terminated[t] and board.to_play != results.agents[t]:
        ended = play(board, past, draw_open(board, past, streams, t))
    if ended:
        _conclude(board, results, t, terms.komi)


@kernel
def _show_mask(light: LightBoards, results: _Results, t: int) -> int:
    """Write the mask of the viewer of board t; returns the viewer's colour."""
    agent = results.agents[t]
    viewer = light.boards[t].to_play if agent == EMPTY else agent
    mark_legal(light.boards[t], light.pasts[t], viewer, results.masks[t])
    return int(viewer)


@kernel
def _next_share(shares: _Shares, count: int) -> tuple[int, int]:
    """Where the next few boards of `count` begin and end; equal when none are left."""
    first = min(fetch_add(shares.taken) * shares.size, count)
    return first, min(first + shares.size, count)


@kernel
def _advance_boards(
    light: LightBoards,
    streams: NDArray[np.uint64],
    results: _Results,
    actions: NDArray[np.int64],
    terms: _Terms,
    job: int,
    shares: _Shares,
    boards: NDArray[np.int8],
) -> None:
    """_STEP, _SHOW or both on the boards of some shares. What is shown is boards[t] (N * N,): 0 for empty points, 1 for
    the viewer's stones, 2 for those of the other side."""
    light, streams, results, boards = borrowed((light, streams, results, boards))
    first, end = _next_share(shares, len(light.boards))
    while first < end:
        for t in range(first, end):
            if job & _STEP:
                _step(light, streams, results, t, actions, terms)
            if job & _SHOW:
                write_stones(light.boards[t], _show_mask(light, results, t), boards[t])
        first, end = _next_share(shares, len(light.boards))


@kernel
def _advance_planes(
    light: LightBoards,
    streams: NDArray[np.uint64],
    results: _Results,
    actions: NDArray[np.int64],
    terms: _Terms,
    job: int,
    shares: _Shares,
    followers: Followers,
    work: Work,
    planes: NDArray[np.uint8],
) -> None:
    """_STEP, _SHOW or both on the boards of some shares. What is shown is planes[t] (PLANES * N * N,)."""
    light, streams, results, planes = borrowed((light, streams, results, planes))
    followers, work = borrowed((followers, work))
    first, end = _next_share(shares, len(light.boards))
    while first < end:
        for t in range(first, end):
            if job & _STEP:
                _step(light, streams, results, t, actions, terms)
            if job & _SHOW:
                after = min(t + 1, len(light.boards) - 1)
                expect(followers.positions[after], followers.memories[after])
                viewer, position, memory = _show_mask(light, results, t), followers.positions[t], followers.memories[t]
                catch_up(light.boards[t], position, memory, work)
                write_planes(position, memory, viewer, followers.layout, work, planes[t])
        first, end = _next_share(shares, len(light.boards))


@kernel
def _catch_up_all(light: LightBoards, followers: Followers, shares: _Shares, work: Work) -> None:
    """Let the followers of some shares catch up, where no planes are shown."""
    first, end = _next_share(shares, len(light.boards))
    while first < end:
        for t in range(first, end):
            catch_up(light.boards[t], followers.positions[t], followers.memories[t], work)
        first, end = _next_share(shares, len(light.boards))


@kernel
def _look(
    light: LightBoards,
    chosen: NDArray[np.int64],
    komi: float,
    shares: _Shares,
    followers: Followers,
    work: Work,
    rows: NDArray[np.uint8],
    legal: NDArray[np.int8],
    may_end: NDArray[np.bool_],
) -> None:
    """What the network needs to know about the side to play on the chosen boards: rows[symmetry, n] is the position
    under each symmetry, legal[n] where to play, may_end[n] whether to pass would end the game and win it. Here a share
    is one position."""
    n = fetch_add(shares.taken)
    while n < len(chosen):
        t = chosen[n]
        board, position, memory = light.boards[t], followers.positions[t], followers.memories[t]
        colour = int(board.to_play)
        mark_legal(board, light.pasts[t], colour, legal[n])
        score = area_score(board) - komi if board.passes == 1 else 0.0
        may_end[n] = score > 0 if colour == BLACK else score < 0
        catch_up(board, position, memory, work)
        for symmetry in range(len(rows)):
            write_row(position, memory, colour, followers.layout, symmetry, PLANES, True, work, rows[symmetry, n])
        n = fetch_add(shares.taken)


@kernel
def _answer(
    light: LightBoards, results: _Results, chosen: NDArray[np.int64], points: NDArray[np.int64], komi: float
) -> None:
    """The opponents' moves on the chosen boards; one that resigns or breaks the rules has lost."""
    for n in range(len(chosen)):
        t = chosen[n]
        board, past = light.boards[t], light.pasts[t]
        if not is_allowed(board, past, points[n]):
            results.terminated[t] = True
            results.rewards[t] = 1
        elif play(board, past, points[n]):
            _conclude(board, results, t, komi)


class GoVectorEnv(VectorEnv[Any, Any, Any]):
    """Many games of Go, each of which plays as `hayago.envs.go_env.GoEnv` does; see there for what is observed and won.

    ## Action and Observation Space
    Those of a single environment, batched: actions int (num_envs,); observations (num_envs, ...).

    ## Autoreset
    `AutoresetMode.NEXT_STEP`, Gymnasium's default: the step after the end of a game ignores the action, begins a new
    game and returns its first observation with reward 0.

    ## Seeding
    `reset(seed=s)` seeds board i as `reset(seed=s + i)` does a single environment; a sequence gives a seed for each.
    (None in it lets that board's stream continue.) The games depend neither on the number of threads nor on each other.

    ## Information
    Arrays of num_envs: `action_mask` int8 (num_envs, N * N + 1), `to_play`, and `score` where `_score` is True, for
    games that two passes have just ended.

    ## Arguments
    Those of `GoEnv` but for `render_mode`, and
    `num_envs`: how many boards.
    `threads`: threads that step them (None: one per core).
    `copy`: whether each step returns new arrays, as Gymnasium's own vector environments do. False reuses the
    observation and mask arrays, which the next call overwrites: faster, if you copy what you keep. `max_episode_steps`:
    a game is truncated after this many steps (None: never).

    Each board with a GTP engine needs a process, so engines are allowed for at most MOST_ENGINES boards.

    Raises:
        ValueError: an argument makes no sense, or has no effect with this opponent.
        TypeError: a number or an action is not a whole number.
        HayagoError: the network or an engine cannot be used, or there are too many engines.
        ResetNeeded: a step before `reset`, or after an error.
    """

    metadata: dict[str, Any] = {"autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012

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
        *,
        threads: int | None = None,
        copy: bool = True,
        max_episode_steps: int | None = None,
    ) -> None:
        setting = EnvSettings(board_size, komi, rules, opponent, level, model, colour, observation)
        board_size = setting.board_size
        if whole_number(num_envs, "num_envs") < 1:
            raise ValueError(f"num_envs is not at least 1: {num_envs}")
        if threads is not None and not 1 <= whole_number(threads, "threads") <= MOST_THREADS:
            raise ValueError(f"threads are not from 1 to {MOST_THREADS:,}: {threads}")
        if max_episode_steps is not None and whole_number(max_episode_steps, "max_episode_steps") < 1:
            raise ValueError(f"max_episode_steps is not at least 1: {max_episode_steps}")
        if setting.is_engine and num_envs > MOST_ENGINES:
            raise HayagoError(
                f"a GTP engine as opponent is a process for each board: at most {MOST_ENGINES} boards, not {num_envs}"
            )
        self.num_envs = num_envs
        self.threads = min(threads or cores(), num_envs)
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
        self._streams = np.ones(num_envs, np.uint64)
        self._light = new_light_boards(num_envs, board_size, setting.superko)
        self._results = _new_results(num_envs, board_size)
        self._seeded = False
        self._playing = False  # whether games are in progress
        self._lots = np.ones(num_envs, np.uint64)  # the streams of `sample_actions`
        self._always = np.ones(num_envs, np.bool_)
        space = self.observation_space
        self._observations: Any = np.zeros(space.shape, space.dtype)
        self._followers: Followers | None = None
        if observation == "planes48" or setting.is_network:
            self._followers = new_followers(num_envs, board_size)
        self._works = [new_work() for _ in range(self.threads)]
        self._share_size = max(1, min(_SHARE, num_envs // (self.threads * _SHARES_EACH)))
        self._running: list[Future[object]] = []
        self._owner = Owner("this vector environment")
        self._pool = ThreadPoolExecutor(self.threads, "hayago-env")
        self._engines: list[EngineOpponent] = []
        if setting.is_engine:
            try:
                for _ in range(num_envs):
                    self._engines.append(setting.engine())
            except HayagoError:
                self.close()  # those that were started
                raise
        self._network = setting.network(self.threads) if setting.is_network else None

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start a game on every board. A seed restarts the boards' streams; without one they continue."""
        self._owner.check()
        if options and "reset_mask" in options:
            raise ValueError("reset_mask: each board begins a new game by itself on the step after an end")
        super().reset(seed=seed if isinstance(seed, int) else None, options=options)
        seeds: list[int | None] = [None] * self.num_envs
        if isinstance(seed, int):
            seeds = [seed + board for board in range(self.num_envs)]
        elif seed is not None:
            seeds = list(seed)
        if len(seeds) != self.num_envs:
            raise ValueError(f"{len(seeds)} seeds for {self.num_envs} boards")
        for board, own in enumerate(seeds):
            if own is not None:
                self._streams[board] = seed_stream(seeding.np_random(own)[0])
            elif not self._seeded:
                self._streams[board] = seed_stream(self.np_random)
        self._seeded = True
        self._lots[:] = self._streams ^ _OTHER | np.uint64(1)
        self._results.terminated[:] = True
        observations, _, _, _, infos = self._advance(np.zeros(self.num_envs, np.int64))
        return observations, infos

    def step(
        self, actions: Any
    ) -> tuple[Observation, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Play an action on every board; see the class for the result."""
        self._owner.check()
        self._expect_games()
        given = np.asarray(actions)
        if given.shape != (self.num_envs,):
            raise ValueError(f"actions have the shape {given.shape}, not {(self.num_envs,)}")
        if given.dtype.kind not in "iu":
            raise TypeError(f"actions are not whole numbers: they have the type {given.dtype}")
        return self._advance(given.astype(np.int64))  # a copy: kernels would be compiled again for read-only arrays

    def _expect_games(self) -> None:
        if not self._playing:
            raise ResetNeeded("no games are in progress: call reset")

    def _advance(
        self, moves: NDArray[np.int64]
    ) -> tuple[Observation, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Play a move at each board with a game in progress, and start a game at the others."""
        if self.closed:
            raise ClosedEnvironmentError("the environment is closed")
        # Until everything has succeeded: followers and engines may have missed a move.
        self._playing = False
        self._light = with_room(self._light)
        if self._copy:
            self._observations = np.empty_like(self._observations)  # those of the last step belong to the caller
        results = self._results
        if self._network is None and not self._engines:
            self._share(lambda shares, work: self._take_part(_STEP | _SHOW, moves, shares, work))
        else:
            begun = results.terminated | results.truncated
            self._share(lambda shares, work: self._take_part(_STEP, moves, shares, work))
            waiting = np.flatnonzero(~results.terminated & (self._light.boards["to_play"] != results.agents))
            points = self._ask_engines(waiting, begun, moves) if self._engines else self._ask_network(waiting)
            _answer(self._light, results, waiting, points, self._terms.komi)
            if (begun & results.terminated).any():
                raise HayagoError(f"{self._setting.opponent}: lost by its first move")
            self._share(lambda shares, work: self._take_part(_SHOW, moves, shares, work))
            if self._setting.observation == "board" and self._followers is not None:
                self._share(partial(_catch_up_all, self._light, self._followers))
        self._playing = True
        infos = {
            "action_mask": results.masks.copy() if self._copy else results.masks,
            "_action_mask": self._always.copy(),
            "to_play": self._light.boards["to_play"].copy(),
            "_to_play": self._always.copy(),
            "score": np.where(results.scored, results.scores, 0.0),
            "_score": results.scored.copy(),
        }
        return (self._observations, results.rewards.copy(), results.terminated.copy(), results.truncated.copy(), infos)

    def sample_actions(self) -> NDArray[np.int64]:
        """int64 (num_envs,): a random legal action for each board; a seeded `reset` repeats them.

        `action_space.sample(mask)` does the same with Gymnasium's generator, one board after another in Python.
        """
        self._expect_games()
        actions = np.empty(self.num_envs, np.int64)
        draw_legal(self._lots, self._results.masks, actions)
        return actions

    def close_extras(self, **kwargs: Any) -> None:
        """End threads and engines."""
        self._playing = False
        if not self._owner.is_here:
            return  # they are another process's
        if self._engines:
            with ThreadPoolExecutor(len(self._engines)) as pool:  # all at once, since one that hangs takes some seconds
                list(pool.map(lambda engine: engine.close(), self._engines))
        self._engines = []
        self._pool.shutdown()

    # The work of a step

    def _share(self, task: Callable[[_Shares, Work], object]) -> None:
        """Let all threads, the caller among them, work until no share is left, each with its own scratch."""
        wait(self._running)  # an interrupt may have left some behind
        self._running = []
        shares = _Shares(np.zeros(1, np.int64), self._share_size)
        try:
            for work in self._works[1:]:
                self._running.append(self._pool.submit(task, shares, work))
            task(shares, self._works[0])
        finally:
            wait(self._running)
        for thread in self._running:
            thread.result()

    def _all(self, work: Callable[..., Answer], *each: Iterable[Any]) -> list[Answer]:
        """Do the work for each item in the threads; if one fails, the others are finished first."""
        futures = [self._pool.submit(work, *arguments) for arguments in zip(*each, strict=True)]
        wait(futures)
        return [future.result() for future in futures]

    def _take_part(self, job: int, moves: NDArray[np.int64], shares: _Shares, work: Work) -> None:
        """_STEP, _SHOW or both, as one of the threads."""
        common = (self._light, self._streams, self._results, moves, self._terms, job, shares)
        shown = self._observations.reshape(self.num_envs, -1)
        if self._setting.observation == "board":
            _advance_boards(*common, shown)
        else:
            assert self._followers is not None
            _advance_planes(*common, self._followers, work, shown)

    def _ask_network(self, waiting: NDArray[np.int64]) -> NDArray[np.int64]:
        """The network's moves on these boards."""
        assert self._network is not None and self._followers is not None
        light, followers = self._light, self._followers
        symmetries = self._network.style.symmetries
        rows = np.empty((symmetries, len(waiting), row_bytes(size=self._setting.board_size)), np.uint8)
        legal = np.empty((len(waiting), self._setting.board_size**2 + 1), np.int8)
        may_end = np.empty(len(waiting), np.bool_)

        self._share(
            lambda shares, work: _look(light, waiting, self._terms.komi, shares, followers, work, rows, legal, may_end)
        )
        streams = self._streams[waiting]
        points = self._network.choose(rows, legal, light.boards["plies"][waiting], may_end, streams)
        self._streams[waiting] = streams
        return points

    def _ask_engines(
        self, waiting: NDArray[np.int64], begun: NDArray[np.bool_], moves: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """The engines' moves on these boards; where a game has begun they are told first."""
        agents = self._results.agents

        def ask(board: int) -> int:
            engine = self._engines[board]
            return engine.answer(None if begun[board] else int(moves[board]))

        for board in np.flatnonzero(begun).tolist():
            seed = draw(self._streams, board, SEEDS)
            self._engines[board].begin(3 - int(agents[board]), seed)
        return np.array(self._all(ask, waiting.tolist()), np.int64)
