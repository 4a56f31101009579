"""The second stage of AlphaGo's paper on a small board: a cloned policy learns by playing earlier versions of itself.

    python scripts/reinforce.py FOLDER [--minutes 20] [--seed 1] [--gnugo "gnugo --mode gtp --chinese-rules"]

Everything lies in FOLDER, and what is there is not made again, so the same command goes on where it was stopped:

    games/, games.parquet   9x9 games of GNU Go, level 1 against level 3, by `hayago match` and `hayago prepare`
    clone/                  the network that `hayago train` makes of them: the start
    learning.safetensors    all that learning needs to go on
    curve.csv, curve.png    a row for each iteration; now and then the learner meets its start on practice openings
    learned.safetensors     the network at the end
    match.json              400 games of it against its start, played once: the first result stands

An *iteration* (Silver et al., Nature 529, 2016, "Reinforcement learning of policy networks") is a set of games, all at
the same time, between the learner and one opponent, drawn from a *pool* of its earlier versions, the start among them.
Both draw their moves from their policies. The winner is known by the area at the end, +1 or -1, and every move of the
learner becomes more, or less, likely: the gradient of log p(move), times the *advantage*, the result less what the
learner's games with that colour gave on average (REINFORCE).

The networks know no pass, so the rules of the house decide: a player moves where that is legal and fills no own true
eye, and passes when there is no such point; at the move limit both pass. All stones on the board count as alive.

The match: 200 openings of four moves that are drawn by lot and that learning has not seen, each with both colours; both
sides play the likeliest point, so that nothing is left to luck, and nothing is won by merely being more decided.
"""

import argparse
import csv
import hashlib
import io
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium
import numpy as np
import torch
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray
from torch import Tensor

import hayago  # noqa: F401 - registers the environment
from hayago.errors import HayagoError
from hayago.features.planes import SLICE
from hayago.files import write_atomically
from hayago.learn.checkpoint import Model, ModelInfo, load_checkpoint, load_model, save_checkpoint, save_model
from hayago.learn.devices import cores
from hayago.learn.network import PolicyNetwork
from hayago.learn.plots import MEASURED, NOISY, Curve, Diagram, points_of, save_diagrams
from hayago.play.elo import Cluster, Estimate, estimate
from hayago.play.openings import fingerprint, moves_of, sample_openings
from hayago.records.sgf import GameRecord
from hayago.rules.symmetry import point_maps

SIZE, KOMI = 9, 7.5
AREA = SIZE * SIZE
PASS = AREA
MOVE_LIMIT = 2 * AREA
OPENING_MOVES = 4
MATCH_OPENINGS, MATCH_SEED = 200, 20_000_001
PRACTICE_OPENINGS, PRACTICE_SEED = 100, 20_000_002
CHUNK = 512  # positions that the network learns from at a time: the gradients of all are summed up


@dataclass(frozen=True)
class Options:
    """What decides a run; the command line has the same names."""

    folder: Path
    minutes: float = 20.0  # of learning, by the clock
    iterations: int = 0  # the length in iterations instead, exactly repeatable
    seed: int = 1
    games: int = 256  # of an iteration
    learning_rate: float = 1e-3  # Adam's
    pool_every: int = 10  # iterations from one version in the pool to the next
    looks: int = 10  # how often the learner meets its start on the way
    gnugo: str = "gnugo --mode gtp --chinese-rules"
    gnugo_games: int = 1000
    filters: int = 32
    layers: int = 5
    clone_positions: int = 400_000


# The start


def make_start(options: Options) -> Path:
    """The clone's file; what is missing on the way to it is made."""
    games, store, clone = options.folder / "games", options.folder / "games.parquet", options.folder / "clone"
    model = clone / "model.safetensors"
    if not store.exists():
        players = [f"level{level}={options.gnugo} --level {level}" for level in (1, 3)]
        run("match", *players, "--out", games, "--games", options.gnugo_games, "--size", SIZE, "--komi", KOMI,
            "--opening-moves", 6, "--parallel", cores(), "--seed", 1)  # fmt: skip
        run("prepare", games / "games", "--out", store, "--size", SIZE, "--min-moves", 10)
    if not model.exists():
        resume = ["--resume"] if (clone / "last.safetensors").exists() else []
        run("train", "--games", store, "--out", clone, "--filters", options.filters, "--layers", options.layers,
            "--positions", options.clone_positions, *resume)  # fmt: skip
    return model


def run(*words: object) -> None:
    """A command of hayago."""
    done = subprocess.run([sys.executable, "-m", "hayago", *map(str, words)], check=False)
    if done.returncode:
        raise HayagoError(f"hayago {words[0]} has failed")


# Playing


class Moves(NamedTuple):
    """Moves of the learner: what it saw, where it might play, what it chose, on which board."""

    planes: NDArray[np.uint8]  # (M, 48, N, N)
    sensible: NDArray[np.bool_]  # (M, N * N)
    points: NDArray[np.int64]  # (M,)
    boards: NDArray[np.int64]  # (M,)


class Played(NamedTuple):
    """B finished games; in the first half of them the learner had Black."""

    results: NDArray[np.float64]  # (B,), 1 where the learner has won, -1 where it has lost
    lengths: NDArray[np.int64]  # (B,), moves
    moves: Moves


def make_boards(games: int) -> VectorEnv[Any, Any, Any]:
    """Boards that are stepped together."""
    return gymnasium.make_vec(
        "hayago/Go-v0",
        num_envs=games,
        vectorization_mode="vector_entry_point",
        board_size=SIZE,
        komi=KOMI,
        observation="planes48",
    )


def play(
    boards: VectorEnv[Any, Any, Any],
    openings: list[GameRecord],
    learner: PolicyNetwork,
    opponent: PolicyNetwork,
    temperature: float = 1.0,
    generator: torch.Generator | None = None,
) -> Played:
    """Each opening with both colours, all games at once.

    Args:
        boards: two for each opening.
        openings: of the same number of moves.
        learner, opponent: the networks.
        temperature: moves are drawn at this temperature, at 0 they are the likeliest.
        generator: of the draws.
    """
    half = len(openings)
    opened = np.tile(np.array([[point for _, point in moves_of(opening)] for opening in openings]), (2, 1))
    results, lengths, kept = np.zeros(2 * half), np.zeros(2 * half, np.int64), []
    playing = np.ones(2 * half, np.bool_)
    planes, infos = boards.reset()
    ply = 0
    while playing.any():
        actions = np.full(2 * half, PASS)  # where the game is over, the boards play on unseen
        learners = np.arange(2 * half) // half == ply % 2  # where the learner is to move
        if ply < opened.shape[1]:
            actions = opened[:, ply]
        elif ply < MOVE_LIMIT:
            legal = infos["action_mask"][:, :AREA].astype(np.bool_)
            sensible = legal & planes[:, SLICE["sensibleness"].start].reshape(-1, AREA).astype(np.bool_)
            movable = playing & sensible.any(axis=1)
            for network, movers in ((learner, movable & learners), (opponent, movable & ~learners)):
                chosen = np.flatnonzero(movers)
                if len(chosen):
                    moves = Moves(planes[chosen], sensible[chosen], actions[chosen], chosen)
                    actions[chosen] = choose(network, moves, temperature, generator)
                    if network is learner:
                        kept.append(moves._replace(points=actions[chosen]))
        planes, rewards, terminated, _, infos = boards.step(actions)
        ply += 1
        ended = playing & terminated
        results[ended] = np.where(learners, rewards, -rewards)[ended]  # rewards are for who has just moved
        lengths[ended] = ply
        playing &= ~terminated
    return Played(results, lengths, Moves(*map(np.concatenate, zip(*kept, strict=True))))


def choose(
    network: PolicyNetwork, moves: Moves, temperature: float, generator: torch.Generator | None
) -> NDArray[np.int64]:
    """(M,): the points that the policy plays."""
    with torch.inference_mode():
        logits = policy_logits(network, moves)
        if not temperature:
            return logits.argmax(1).numpy()
        return torch.multinomial(torch.softmax(logits / temperature, 1), 1, generator=generator)[:, 0].numpy()


def policy_logits(network: PolicyNetwork, moves: Moves) -> Tensor:
    """(M, N * N): the logits of the sensible points, next to nothing elsewhere."""
    planes = torch.from_numpy(moves.planes).float().contiguous(memory_format=torch.channels_last)
    return network(planes).masked_fill(~torch.from_numpy(moves.sensible), -1e9)


# Learning


def learn(network: PolicyNetwork, optimizer: torch.optim.Optimizer, moves: Moves, advantages: Tensor) -> float:
    """Make each move more likely by its advantage (M,): one step; give the policy's mean entropy before, in nats."""
    optimizer.zero_grad()
    count, entropy = len(moves.points), 0.0
    for first in range(0, count, CHUNK):
        part = Moves(*(values[first : first + CHUNK] for values in moves))
        log_policy = torch.log_softmax(policy_logits(network, part), 1)
        log_played = log_policy.gather(1, torch.from_numpy(part.points)[:, None])[:, 0]
        loss = -(advantages[first : first + CHUNK] * log_played).sum() / count
        loss.backward()
        entropy -= float((log_policy.exp() * log_policy).sum())
    optimizer.step()
    return entropy / count


def advantages_of(played: Played) -> Tensor:
    """(M,): of each of the learner's moves, the game's result less the mean of the learner's games with that colour."""
    results = played.results.reshape(2, -1)
    advantages = (results - results.mean(axis=1, keepdims=True)).reshape(-1)
    return torch.from_numpy(advantages[played.moves.boards]).float()
