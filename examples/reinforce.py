"""The second stage of AlphaGo's paper on a small board: a cloned policy learns by playing earlier versions of itself.

    python examples/reinforce.py FOLDER [--minutes 20] [--seed 1] [--gnugo PROGRAM]

All files are in FOLDER. What exists is not made again, so the same command continues after an interruption:

    games/, games.parquet   9x9 games of GNU Go, level 1 against level 3, by `hayago match` and `hayago prepare`
    clone/                  the network that `hayago train` makes of them: the *start*
    learning.safetensors    all that learning needs to resume
    curve.csv, curve.png    a row for each iteration; now and then the learner plays the start from practice openings
    learned.safetensors     the network at the end
    match.json              its matches against the start, played once: the first result stands

An *iteration* (Silver et al., Nature 529, 2016, "Reinforcement learning of policy networks") is a set of simultaneous
games between the learner and one opponent. The opponent is drawn from a *pool*: the start and earlier versions of the
learner. Both sides draw their moves from their policies. The area at the end decides the result, +1 or -1. Then every
move of the learner becomes more or less likely, by the gradient of log p(move) times the *advantage*. The advantage is
the result less the expected result (REINFORCE with a baseline). The learning rate falls linearly to 0: what a few
thousand games say about a move is mostly noise, and smaller steps average it out.

The networks do not know the pass, so fixed rules decide. A player chooses among the legal points that do not fill a
true eye of its own, and passes when there is none. At the move limit both pass. All stones on the board count as alive.

The match has 400 games: 200 random openings of four moves, which learning has not used, each with both colours. As in
the paper, both sides draw their moves from their policies; that is the result. But a policy that is merely sharper than
another wins some games by that alone. So in a second match both sides play their likeliest point.

Minutes are processor time on two cores, so other work on the machine does not matter; wall-clock time is recorded too.
Making the start and playing the matches are not counted.
"""

import argparse
import csv
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_args, get_type_hints

import gymnasium
import numpy as np
import torch
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray
from torch import Tensor

import hayago.envs  # noqa: F401 - registers the environment
from hayago.cores import cores
from hayago.drawing.curves import MEASURED, NOISY, Curve, Diagram, points_of, save_diagrams
from hayago.errors import HayagoError
from hayago.features.planes import PLANES, SLICE
from hayago.files import write_atomically
from hayago.match.elo import Cluster, estimate
from hayago.match.openings import fingerprint, sample_openings
from hayago.network.model_file import Model, load_model, save_model
from hayago.network.policy import PolicyNetwork
from hayago.records.sgf import GameRecord
from hayago.rules.coordinates import BLACK, WHITE
from hayago.rules.symmetry import point_maps
from hayago.training.checkpoint import load_checkpoint, save_checkpoint

SIZE, KOMI = 9, 7.5
AREA = SIZE * SIZE
PASS = AREA
MOVE_LIMIT = 2 * AREA
OPENING_MOVES = 4
MATCH_OPENINGS, MATCH_SEED = 200, 20_000_003
PRACTICE_OPENINGS, PRACTICE_SEED = 100, 20_000_002
CHUNK = 256  # positions that a thread learns from at a time; the gradients are summed
STAGE = 10  # moves
CORES = 2
SPARE = 16  # additional openings, in case some of those drawn belong to the match
MATCHES = {"drawn": 1.0, "likeliest": 0.0}  # temperatures

# One thread for each worker: these batches are too small to split, and torch's own threads would only spin.
torch.set_num_threads(1)
WORKERS = ThreadPoolExecutor(CORES, "network", initializer=torch.set_num_threads, initargs=(1,))


@dataclass(frozen=True)
class Options:
    """The options of a run; the command line has the same names."""

    folder: Annotated[Path, "Where all files go."]
    minutes: Annotated[float, "Length of learning on two cores; it ends after twice this processor time."] = 20.0
    iterations: Annotated[int, "Length in iterations instead (0: use --minutes); exactly repeatable."] = 0
    seed: Annotated[int, "Seed of openings, opponents and moves."] = 1
    games: Annotated[int, "Games in an iteration."] = 128
    learning_rate: Annotated[float, "Adam's learning rate at the beginning."] = 3e-4
    pool_every: Annotated[int, "Iterations from one version in the pool to the next."] = 10
    looks: Annotated[int, "Number of times the learner plays the start along the way."] = 10
    gnugo: Annotated[str, "GNU Go's program."] = "gnugo"
    gnugo_games: Annotated[int, "Games of GNU Go to learn from at first."] = 600
    filters: Annotated[int, "Filters of the network."] = 16
    layers: Annotated[int, "Layers of the network."] = 5
    clone_positions: Annotated[int, "Positions that the start learns from."] = 100_000

    def __post_init__(self) -> None:
        if self.games < 2 or self.games % 2:
            raise HayagoError(f"each opening is played with both colours, so games must be even: {self.games}")
        for name in ("pool_every", "looks"):
            if getattr(self, name) < 1:
                raise HayagoError(f"{name} must be at least 1, not {getattr(self, name)}")


FIXED = (
    "minutes",
    "iterations",
    "seed",
    "games",
    "learning_rate",
    "pool_every",
)  # may not change between interruptions


# The start


def make_start(options: Options) -> Path:
    """The model file of the start; whatever is missing for it is made first."""
    games, store, clone = options.folder / "games", options.folder / "games.parquet", options.folder / "clone"
    model = clone / "model.safetensors"
    if not store.exists():
        program = shutil.which(options.gnugo, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/games"]))
        if program is None:
            raise HayagoError(f"{options.gnugo} is not installed")
        players = [f"level{level}={program} --mode gtp --chinese-rules --level {level}" for level in (1, 3)]
        run("match", *players, "--out", games, "--games", options.gnugo_games, "--size", SIZE, "--komi", KOMI,
            "--opening-moves", 6, "--parallel", cores(), "--seed", 1)  # fmt: skip
        run("prepare", games / "games", "--out", store, "--size", SIZE, "--min-moves", 10)
    if not model.exists():
        resume = ["--resume"] if (clone / "last.safetensors").exists() else []
        run("train", "--games", store, "--out", clone, "--filters", options.filters, "--layers", options.layers,
            "--positions", options.clone_positions, *resume)  # fmt: skip
    return model


def run(*words: object) -> None:
    """Run a command of hayago."""
    done = subprocess.run([sys.executable, "-m", "hayago", *map(str, words)], check=False)
    if done.returncode:
        raise HayagoError(f"hayago {words[0]} failed")


# Playing


class Moves(NamedTuple):
    """Moves of the learner: what it saw, where it could play, what it chose, and on which board."""

    planes: NDArray[np.uint8]  # (M, 48, N, N)
    sensible: NDArray[np.bool_]  # (M, N * N)
    points: NDArray[np.int64]  # (M,)
    boards: NDArray[np.int64]  # (M,)
    plies: NDArray[np.int64]  # (M,), number of moves before it


class Played(NamedTuple):
    """B finished games; the learner had Black in the first half of them."""

    results: NDArray[np.float64]  # (B,), 1 where the learner won, -1 where it lost
    lengths: NDArray[np.int64]  # (B,), moves
    moves: Moves


def make_boards(games: int) -> VectorEnv[Any, Any, Any]:
    """Boards for so many simultaneous games."""
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
    temperature: float,
    seed: int = 0,
) -> Played:
    """Play each opening with both colours, all games at once.

    Args:
        boards: two for each opening.
        openings: all with the same number of moves.
        temperature: moves are drawn at this temperature; at 0 the likeliest move is played.
        seed: for drawing moves.
    """
    generators = [torch.Generator().manual_seed(2 * seed + side) for side in range(2)]
    half = len(openings)
    opened = np.tile(np.array([[point for _, point in opening.plays()] for opening in openings]), (2, 1))
    results, lengths, kept = np.zeros(2 * half), np.zeros(2 * half, np.int64), []
    playing = np.ones(2 * half, np.bool_)
    planes, infos = boards.reset()
    ply = 0
    while playing.any():
        actions = np.full(2 * half, PASS)  # finished boards start new games, which are ignored
        learners = np.arange(2 * half) // half == ply % 2  # where the learner is to move
        if ply < opened.shape[1]:
            actions = opened[:, ply]
        elif ply < MOVE_LIMIT:
            legal = infos["action_mask"][:, :AREA].astype(np.bool_)
            sensible = legal & planes[:, SLICE["sensibleness"].start].reshape(-1, AREA).astype(np.bool_)
            movable = playing & sensible.any(axis=1)
            sides = []
            for movers in (movable & learners, movable & ~learners):
                chosen = np.flatnonzero(movers)
                plies = np.full(len(chosen), ply)
                sides.append(Moves(planes[chosen], sensible[chosen], actions[chosen], chosen, plies))
            answers = WORKERS.map(choose, (learner, opponent), sides, [temperature] * 2, generators)
            for side, points in zip(sides, answers, strict=True):
                actions[side.boards] = points
            kept.append(sides[0]._replace(points=actions[sides[0].boards]))
        planes, rewards, terminated, _, infos = boards.step(actions)
        ply += 1
        ended = playing & terminated
        results[ended] = np.where(learners, rewards, -rewards)[ended]  # a reward is for the side that has just moved
        lengths[ended] = ply
        playing &= ~terminated
    return Played(results, lengths, Moves(*map(np.concatenate, zip(*kept, strict=True))))


def choose(network: PolicyNetwork, moves: Moves, temperature: float, generator: torch.Generator) -> NDArray[np.int64]:
    """(M,): the point to play in each position."""
    if not len(moves.boards):
        return moves.points
    with torch.inference_mode():
        logits = policy_logits(network, moves)
        if not temperature:
            return logits.argmax(1).numpy()
        return torch.multinomial(torch.softmax(logits / temperature, 1), 1, generator=generator)[:, 0].numpy()


def policy_logits(network: PolicyNetwork, moves: Moves) -> Tensor:
    """(M, N * N): the logits of the sensible points; a very low number at all others."""
    planes = torch.from_numpy(moves.planes).float().contiguous(memory_format=torch.channels_last)
    return network(planes).masked_fill(~torch.from_numpy(moves.sensible), -1e9)


# Learning


class Baseline:
    """The expected result before a move, whatever is played.

    Without it, a move would get the credit for the lead that the learner already had, or for its colour. For each stage
    of the game and each colour it is a straight line over the learner's stones less the opponent's. The line is fitted
    to the games so far, and newer games weigh more; `sums` holds its normal equations.
    """

    FADE, RIDGE = 0.97, 20.0

    def __init__(self) -> None:
        self.sums = np.zeros((2, -(-MOVE_LIMIT // STAGE), 2, 3))

    def advantages(self, played: Played) -> NDArray[np.float32]:
        """(M,): for each move of the learner, the result of the game less the expected one. Then add these games."""
        moves, results = played.moves, played.results[played.moves.boards]
        own, theirs = moves.planes[:, :2].sum(axis=(2, 3), dtype=np.int64).T
        lead = (own - theirs) / SIZE  # of the order of 1
        where = (moves.boards * 2 // len(played.results), moves.plies // STAGE)
        a = np.stack([np.ones_like(lead), lead], axis=1)
        lines = np.linalg.solve(self.sums[..., :2] + self.RIDGE * np.eye(2), self.sums[..., 2:])[..., 0]
        expected = (lines[where] * a).sum(axis=1).clip(-1, 1)
        self.sums *= self.FADE
        np.add.at(self.sums, where, a[:, :, None] * np.column_stack([a, results])[:, None, :])
        return (results - expected).astype(np.float32)


def learn(
    network: PolicyNetwork, optimizer: torch.optim.Optimizer, moves: Moves, advantages: NDArray[np.float32]
) -> float:
    """Make each move more likely by its advantage (M,), in one step. Returns the policy's entropy before, in nats."""
    count = len(moves.points)
    parameters = list(network.parameters())

    def gradient(first: int) -> tuple[float, tuple[Tensor, ...]]:
        part = Moves(*(values[first : first + CHUNK] for values in moves))
        log_policy = torch.log_softmax(policy_logits(network, part), 1)
        log_played = log_policy.gather(1, torch.from_numpy(part.points)[:, None])[:, 0]
        loss = -(torch.from_numpy(advantages[first : first + CHUNK]) * log_played).sum() / count
        entropy = -(log_policy.detach().exp() * log_policy.detach()).sum() / count
        return float(entropy), torch.autograd.grad(loss, parameters)

    entropies, gradients = zip(*WORKERS.map(gradient, range(0, count, CHUNK)), strict=True)
    for parameter, parts in zip(parameters, zip(*gradients, strict=True), strict=True):
        parameter.grad = torch.stack(parts).sum(0)
    optimizer.step()
    return sum(entropies)


class Learner:
    """Everything that changes during learning, and the file that stores it."""

    def __init__(self, options: Options, start: Model) -> None:
        self.network, self.start = network_of(start), network_of(start)
        self.optimizer = torch.optim.Adam(self.network.parameters(), options.learning_rate)
        self.pool = [deepcopy(self.network.state_dict())]
        self.baseline = Baseline()
        self.rows: list[dict[str, Any]] = []  # of curve.csv, one for each iteration
        self.options = options
        self.path = options.folder / "learning.safetensors"
        # What the result depends on may not change after an interruption. The start is identified by its hash.
        self.fixed = {"start": weights_hash(start.weights), **{name: getattr(options, name) for name in FIXED}}

    def opponent(self) -> PolicyNetwork:
        """A random version from the pool."""
        network = deepcopy(self.start)
        chosen = np.random.default_rng((self.options.seed, len(self.rows))).integers(len(self.pool))
        network.load_state_dict(self.pool[chosen])
        return network

    def save(self) -> None:
        """Write the file that `load` reads, and the curve."""
        tensors = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        for index, values in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{key}": value for key, value in values.items()}
        for number, version in enumerate(self.pool):
            tensors |= {f"pool.{number}.{name}": value for name, value in version.items()}
        arrays = {name: value.numpy() for name, value in tensors.items()} | {"baseline": self.baseline.sums}
        save_checkpoint(self.path, arrays, {"fixed": self.fixed, "rows": self.rows})
        save_curve(self.options.folder, self.rows)

    def load(self) -> None:
        """Resume from the file.

        Raises:
            HayagoError: the file cannot be read, or belongs to a run with other options.
        """
        header, arrays = load_checkpoint(
            self.path, {"fixed": lambda value: isinstance(value, dict), "rows": lambda value: isinstance(value, list)}
        )
        if header["fixed"] != self.fixed:
            raise HayagoError(f"{self.path}: was begun with other options: {header['fixed']}")
        self.rows = header["rows"]
        self.baseline.sums = arrays.pop("baseline").copy()
        parts: dict[str, dict[str, Tensor]] = {}
        for name, value in arrays.items():
            part, _, rest = name.partition(".")
            if part != "network":
                number, _, rest = rest.partition(".")
                part = f"{part}.{number}"
            parts.setdefault(part, {})[rest] = torch.from_numpy(value.copy())
        self.network.load_state_dict(parts.pop("network"))
        self.pool = [parts[f"pool.{number}"] for number in range(sum(part.startswith("pool") for part in parts))]
        state = {int(part[10:]): values for part, values in parts.items() if part.startswith("optimizer.")}
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": state})


def reinforce(options: Options, start: Model) -> Model:
    """Learn for as long as the options say. Returns the network."""
    learner = Learner(options, start)
    if learner.path.exists():
        learner.load()
    forbidden = {position_of(opening) for seed in (MATCH_SEED, PRACTICE_SEED) for opening in openings_of(seed)}
    boards, practice = make_boards(options.games), make_boards(2 * PRACTICE_OPENINGS)
    boards.reset()  # compiles the kernels before the clock starts
    before = learner.rows[-1] if learner.rows else {"seconds": 0.0, "cpu_seconds": 0.0}
    clock, cpu = time.perf_counter() - before["seconds"], time.process_time() - before["cpu_seconds"]
    looked = sum(row["start_likeliest"] is not None for row in learner.rows)
    done = progress(options, learner.rows[-1]) if learner.rows else 0.0
    while True:
        number = len(learner.rows)
        seed = options.seed * 1_000_003 + number
        drawn = sample_openings(options.games // 2 + SPARE, SIZE, OPENING_MOVES, seed, by_network=False)
        openings = [opening for opening in drawn if position_of(opening) not in forbidden][: options.games // 2]
        played = play(boards, openings, learner.network, learner.opponent(), 1.0, seed)
        for group in learner.optimizer.param_groups:
            group["lr"] = options.learning_rate * max(0.0, 1 - done)
        entropy = learn(learner.network, learner.optimizer, played.moves, learner.baseline.advantages(played))
        if (number + 1) % options.pool_every == 0:
            learner.pool.append(deepcopy(learner.network.state_dict()))
        row = {
            "iteration": number + 1,
            "games": (number + 1) * options.games,
            "seconds": round(time.perf_counter() - clock, 1),
            "cpu_seconds": round(time.process_time() - cpu, 1),
            "score": score_of(played),
            "moves": float(played.lengths.mean()),
            "entropy": entropy,
            "start_likeliest": None,
            "start_drawn": None,
        }
        learner.rows.append(row)
        done = progress(options, row)
        if done * options.looks >= looked + 1:
            looked += 1
            for name, temperature in (("start_likeliest", 0.0), ("start_drawn", 1.0)):
                met = play(practice, openings_of(PRACTICE_SEED), learner.network, learner.start, temperature, seed)
                row[name] = score_of(met)
            learner.save()
        say(row, done)
        if done >= 1:
            break
    boards.close()
    practice.close()
    history = {
        "reinforced": learner.fixed,
        **{name: row[name] for name in ("iteration", "games", "seconds", "cpu_seconds")},
    }
    info = replace(start.info, history=(*start.info.history, history))
    return Model(info, {name: value.numpy() for name, value in learner.network.state_dict().items()})


def progress(options: Options, row: dict[str, Any]) -> float:
    """The share of the run that is done."""
    if options.iterations:
        return row["iteration"] / options.iterations
    return row["cpu_seconds"] / (options.minutes * 60 * CORES)


def say(row: dict[str, Any], done: float) -> None:
    """Print a line about an iteration."""
    met = row["start_likeliest"]
    look = f"  against the start {met:.1%}, drawn {row['start_drawn']:.1%}" if met is not None else ""
    spent = f"{row['games']:,} games  {row['cpu_seconds']:.0f} s of CPU, {row['seconds']:.0f} s"
    given = f"score {row['score']:.1%}  {row['moves']:.0f} moves  entropy {row['entropy']:.3f}"
    print(f"{done:4.0%}  iteration {row['iteration']}  {spent}  {given}{look}", file=sys.stderr, flush=True)


def save_curve(folder: Path, rows: list[dict[str, Any]]) -> None:
    """Write curve.csv and curve.png."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(
        {key: f"{value:.5g}" if isinstance(value, float) else value for key, value in row.items()} for row in rows
    )
    write_atomically(folder / "curve.csv", lambda file: file.write(text.getvalue().encode()))
    read = list(csv.DictReader(io.StringIO(text.getvalue())))

    def curve(label: str, column: str, style: dict[str, Any], scale: float = 100) -> Curve:
        return Curve(label, points_of(read, "games", column, scale), style)

    against_start = [
        curve("likeliest moves", "start_likeliest", MEASURED),
        curve("drawn moves", "start_drawn", {"color": "#3a6b35", "marker": "s"}),
    ]
    diagrams = [
        Diagram("practice games won against the start, %", "games", against_start),
        Diagram("games won against the pool, %", "games", [curve("an iteration", "score", NOISY)]),
        Diagram("entropy of the policy, nats", "games", [curve("an iteration", "entropy", NOISY, 1)]),
    ]
    save_diagrams(diagrams, folder / "curve.png")


# The match


def openings_of(seed: int) -> list[GameRecord]:
    """The openings of the match, or those for practice; always the same ones."""
    count = MATCH_OPENINGS if seed == MATCH_SEED else PRACTICE_OPENINGS
    return sample_openings(count, SIZE, OPENING_MOVES, seed, by_network=False)


def position_of(opening: GameRecord) -> tuple[tuple[int, ...], ...]:
    """The same for openings with the same stones, in any order of moves and under any symmetry of the board."""
    moves = list(opening.plays())
    return min(
        tuple(tuple(sorted(int(turned[point]) for colour, point in moves if colour == own)) for own in (BLACK, WHITE))
        for turned in point_maps(SIZE)
    )


def final_matches(learned: Model, start: Model) -> dict[str, Any]:
    """The two matches that the docstring of this file describes."""
    openings = openings_of(MATCH_SEED)
    boards = make_boards(2 * len(openings))
    networks = network_of(learned), network_of(start)
    results: dict[str, Any] = {
        "learned": weights_hash(learned.weights),
        "start": weights_hash(start.weights),
        "openings": fingerprint(openings),
    }
    for name, temperature in MATCHES.items():
        played = play(boards, openings, *networks, temperature, MATCH_SEED)
        won = played.results.reshape(2, -1) > 0
        score = estimate([Cluster(points, 2) for points in won.sum(axis=0).tolist()])
        assert score is not None
        results[name] = {
            "games": won.size,
            "won": int(won.sum()),
            "won_as_black": int(won[0].sum()),
            "won_as_white": int(won[1].sum()),
            **score._asdict(),
            "mean_moves": float(played.lengths.mean()),
            "results": "".join("-+"[win] for win in won.reshape(-1).tolist()),
        }
    boards.close()
    return results


# Small things


def network_of(model: Model) -> PolicyNetwork:
    """The network of a model, ready to play and to learn."""
    info = model.info
    if (info.board_size, info.planes) != (SIZE, PLANES):
        raise HayagoError(
            f"needs a network for {SIZE}x{SIZE} and {PLANES} planes, not {info.board_size}x{info.board_size} and"
            f" {info.planes}"
        )
    network = PolicyNetwork(info.filters, info.planes, info.layers, info.board_size)
    network.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in model.weights.items()})
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def weights_hash(weights: dict[str, NDArray[np.float32]]) -> str:
    """A short hash of a network's weights."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(np.ascontiguousarray(weights[name]).tobytes())
    return digest.hexdigest()[:16]


def score_of(played: Played) -> float:
    """The share of games that the learner won."""
    return float((played.results > 0).mean())


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description="Improve a policy network by games against earlier versions of itself."
    )
    parser.add_argument("folder", type=Path, help="where all files go")
    hints = get_type_hints(Options, include_extras=True)
    for field in fields(Options)[1:]:
        kind, text = get_args(hints[field.name])
        option = "--" + field.name.replace("_", "-")
        parser.add_argument(option, type=kind, default=field.default, help=f"{text} Default: %(default)s.")
    given = parser.parse_args(arguments)
    try:
        options = Options(**vars(given))
        options.folder.mkdir(parents=True, exist_ok=True)
        start = load_model(make_start(options))
        learned, result = options.folder / "learned.safetensors", options.folder / "match.json"
        if not learned.exists():
            model = reinforce(options, start)
            save_model(learned, model.weights, model.info)
        if not result.exists():
            text = json.dumps(final_matches(load_model(learned), start), indent=1) + "\n"
            write_atomically(result, lambda file: file.write(text.encode()))
        print(result.read_text(encoding="utf-8"), end="")
    except HayagoError as error:
        sys.exit(f"reinforce: {error}")
    except KeyboardInterrupt:
        sys.exit(f"{given.folder}: stopped; the same command continues from the last look")


if __name__ == "__main__":
    main()
