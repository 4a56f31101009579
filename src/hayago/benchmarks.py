"""How fast this machine does hayago's work: encoding, reading, playouts, the environment, training, one answer.

Every figure is the median of several rounds after a warm-up. The key with `_spread` holds (largest - smallest) / median
of the rounds, the key with `_best` the largest, which neighbours on a shared machine disturb least. Encoding, reading,
playouts and the environment are timed by CPU time of one thread, so other processes matter little. Two encoding
threads, training and inference are timed by the wall clock: let nothing else run meanwhile.

The games are fixed: the first GAMES of the bundled demo-games.sgf, or of the file named. The result has their SHA-256.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from hayago.cores import cores
from hayago.errors import HayagoError
from hayago.features.incremental import all_positions, encode_positions
from hayago.features.planes import row_bytes, unpack
from hayago.files import read_file
from hayago.records.games import Games, records_to_games
from hayago.records.sgf import MAX_BYTES, GameRecord, scan_sgf
from hayago.rules.kernels.frame import CELLS, framed
from hayago.rules.kernels.playouts import play_many

if TYPE_CHECKING:
    from hayago.training.batches import Batch
    from hayago.training.trainer import Trainer

Result = TypeVar("Result")

PARTS = ("encode", "read", "playouts", "env", "train", "infer")
GAMES = 400
# In a wheel, and in a checkout.
DEMO_GAMES = [Path(__file__).with_name("demo-games.sgf"), Path(__file__).parents[2] / "data" / "demo-games.sgf"]
PLAYOUTS = 1000
ENV_BOARDS = 1024
ENV_AGE = 200  # steps before measuring, so that games are in the middle
ENV_STEPS = 10  # per round
ROUNDS = 5
SHORT_ROUNDS = 9  # for parts that take less than a second
UNPACKED_BATCH = 256
PARTS_OF_TWO = 32  # portions of work that two threads share
FILTERS = (32, 64, 128, 192)
BATCH_SIZES = {32: 128, 64: 128, 128: 64, 192: 64}
WAITING_FILTERS = 64  # waiting is worst where training is fast; 64 is the smallest size worth training
TRAIN_BLOCK = 25  # games; few, so that every round encodes at least one block
MATRIX_SIZES = (1024, 1536, 2048)

Results = dict[str, float | int | str]


def usual_parts() -> list[str]:
    """All parts, less training where PyTorch is not installed."""
    return [part for part in PARTS if part != "train" or find_spec("torch") is not None]


def bench(parts: list[str] | None = None, games: Path | None = None, threads: int | None = None) -> Results:
    """Measure the named parts (by default `usual_parts`).

    Args:
        games: an SGF file of several games; by default the bundled one.
        threads: threads for training and inference (None: one for each core).

    Returns:
        One flat dictionary of figures, whose keys name their unit, and of what they were measured on.

    Raises:
        HayagoError: there is no such part, or no file of games.
    """
    parts = list(parts or usual_parts())
    for part in parts:
        if part not in PARTS:
            raise HayagoError(f"nothing to measure is called {part!r}: choose from {', '.join(PARTS)}")
    threads = threads or cores()
    files = _files(games)
    records = [record for data in files for record in scan_sgf(data) if isinstance(record, GameRecord)]
    results: Results = {
        "games": len(files),
        "games_sha256": hashlib.sha256(b"".join(files)).hexdigest(),
        "threads": threads,
    }
    if "encode" in parts:
        results |= _encode(records_to_games(records))
    if "read" in parts:
        results |= _read(files)
    if "playouts" in parts:
        results |= _playouts()
    if "env" in parts:
        results |= _env()
    if "train" in parts:
        results |= _train(records_to_games(records), threads)
    if "infer" in parts:
        results |= _infer(records_to_games(records), threads)
    return results


def _files(path: Path | None) -> list[bytes]:
    """The games as single SGF files."""
    path = path or next(filter(Path.exists, DEMO_GAMES), DEMO_GAMES[-1])
    try:
        data = read_file(path, MAX_BYTES)
    except HayagoError as error:
        raise HayagoError(f"{error} (name a file of games with --games)") from error
    files = [b"(;GM" + game for game in data.split(b"(;GM")[1:]][:GAMES]
    if not files:
        raise HayagoError(f"{path}: no games that begin with (;GM")
    return files


def _rounds(works: dict[str, tuple[float, Callable[[], object]]], clock: Callable[[], float]) -> Results:
    """For each key the `work` done by its action per second of the clock: median, spread and best.

    The actions take turns, since a shared machine is fast for some seconds and slow for some others.
    """
    rates: dict[str, list[float]] = {key: [] for key in works}
    for n in range(1 + SHORT_ROUNDS):  # the first one warms up
        for key, (work, action) in works.items():
            started = clock()
            action()
            if n > 0:
                rates[key].append(work / (clock() - started))
    return {name: value for key, values in rates.items() for name, value in _summary(key, values).items()}


def _summary(key: str, values: list[float]) -> Results:
    middle = median(values)
    return {key: middle, f"{key}_spread": (max(values) - min(values)) / middle, f"{key}_best": max(values)}


def _encode(games: Games) -> Results:
    game, ply = all_positions(games)
    symmetry = np.zeros(len(game), np.uint8)
    rows = np.empty((len(game), row_bytes()), np.uint8)  # written again in each round, as a trainer does
    results: Results = {"positions": len(game), "encode_threads": 1}

    def encode(part: slice, ladders: bool = True) -> NDArray[np.uint8]:
        return encode_positions(games, game[part], ply[part], symmetry[part], ladders=ladders, out=rows[part])[0]

    whole = slice(len(game))
    batches = [slice(first, first + UNPACKED_BATCH) for first in range(0, len(game), UNPACKED_BATCH)]
    # Replay alone: one row of the four cheapest planes at the end of each game.
    last = np.flatnonzero(np.diff(game, append=-1))
    ends = game[last], ply[last], symmetry[last]
    results |= _rounds(
        {
            "encode_48_positions_per_s": (len(game), lambda: encode(whole)),
            "encode_46_positions_per_s": (len(game), lambda: encode(whole, ladders=False)),
            "encode_unpacked_positions_per_s": (len(game), lambda: [unpack(encode(part)).shape for part in batches]),
            "replay_moves_per_s": (float(ply[last].sum()), lambda: encode_positions(games, *ends, 4)),
        },
        time.thread_time,
    )
    # The same parts, whole games each, dealt to one thread and to two.
    starts = game.searchsorted(np.linspace(0, len(last), PARTS_OF_TWO + 1).astype(np.int64)).tolist()
    parts = [slice(first, end) for first, end in pairwise(starts)]
    ratios = []
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(2) as two:
        for _ in range(SHORT_ROUNDS):
            _, alone = _timed(lambda: list(one.map(encode, parts)))
            _, together = _timed(lambda: list(two.map(encode, parts)))
            ratios.append(alone / together)
    return results | _summary("encode_two_threads_ratio", ratios)


def _read(files: list[bytes]) -> Results:
    return {
        "read_file_bytes": round(sum(map(len, files)) / len(files)),
        **_rounds(
            {"read_files_per_s": (len(files), lambda: [list(scan_sgf(data)) for data in files])}, time.thread_time
        ),
    }


def _playouts() -> Results:
    """Playouts from the empty board of 19x19, as the judge of endings makes them."""
    cells, nothing = framed(np.zeros((19, 19), np.int8)), np.zeros(CELLS, np.uint8)
    tally, scores = np.zeros((4, CELLS), np.int32), np.empty(PLAYOUTS, np.float32)
    action = lambda: play_many(cells, nothing, 19, 0, True, 0, tally, scores)  # noqa: E731
    return _rounds({"playouts_per_s": (PLAYOUTS, action)}, time.thread_time)


def _env() -> Results:
    """The vector environment of 19x19 in one thread, with random moves from the masks."""
    from hayago.envs.vector_env import GoVectorEnv

    def steps(env: GoVectorEnv, number: int) -> None:
        for _ in range(number):
            env.step(env.sample_actions())

    works: dict[str, tuple[float, Callable[[], object]]] = {}
    for observation in ("board", "planes48"):
        env = GoVectorEnv(ENV_BOARDS, observation=observation, threads=1, copy=False)
        env.reset(seed=0)
        steps(env, ENV_AGE)
        works[f"env_{observation}_steps_per_s"] = (ENV_BOARDS * ENV_STEPS, partial(steps, env, ENV_STEPS))
    return {"env_boards": ENV_BOARDS, "env_threads": 1, **_rounds(works, time.thread_time)}


def _train(games: Games, threads: int) -> Results:
    """Training speed against the best square matrix product, the two side by side in every round."""
    import torch

    from hayago.training.batches import Batches, Sampler
    from hayago.training.config import TrainingConfig
    from hayago.training.trainer import Trainer

    torch.set_num_threads(threads)
    results: Results = {}
    shares = []
    for filters in FILTERS:
        batch_size = BATCH_SIZES[filters]
        config = TrainingConfig(Path(), Path(), filters=filters, batch_size=batch_size)
        trainer = Trainer(config, torch.device("cpu"))
        sampler = Sampler(games, 0, TRAIN_BLOCK, config.positions_per_game)
        batches = Batches(sampler, batch_size, future_moves=config.future_moves).start()
        beside = Batches(sampler, batch_size, threads=2, future_moves=config.future_moves).start()
        flops = 2 * trainer.network.architecture.training_multiply_adds
        steps = 1 if filters == max(FILTERS) else 4
        for stream in (batches, beside):
            trainer.learn(next(stream), 0.1)
        rates, products, waits, ratios = [], [], [], []
        for _ in range(ROUNDS):
            products.append(_best_product())
            seconds, waited = _learn(trainer, batches, steps)
            rates.append(batch_size * steps / seconds)
            waits.append(waited / seconds)
            if filters == WAITING_FILTERS:
                ratios.append(seconds / _learn(trainer, beside, steps)[0])
        beside.close()
        share = median(rates) * flops / max(products)
        shares.append(share)
        results |= _summary(f"train_positions_per_s_{filters}", rates)
        results |= {f"matmul_gflops_{filters}": max(products) / 1e9, f"train_share_of_matmul_{filters}": share}
        if filters == WAITING_FILTERS:
            results |= {"train_positions_per_s": median(rates), "train_waiting_share": median(waits)}
            results |= _summary("train_encode_two_threads_ratio", ratios)
    return {**results, "train_share_of_matmul": min(shares)}


def _learn(trainer: "Trainer", batches: "Iterator[Batch]", steps: int) -> tuple[float, float]:
    """The seconds that so many steps take, and those of them spent waiting for batches."""
    started, waited = time.perf_counter(), 0.0
    for _ in range(steps):
        batch, seconds = _timed(lambda: next(batches))
        waited += seconds
        trainer.learn(batch, 0.1)
    return time.perf_counter() - started, waited


def _timed(action: Callable[[], Result]) -> tuple[Result, float]:
    started = time.perf_counter()
    result = action()
    return result, time.perf_counter() - started


def _best_product() -> float:
    """Floating point operations a second of the fastest square float32 matrix product of MATRIX_SIZES."""
    import torch

    best = 0.0
    for size in MATRIX_SIZES:
        a, b = torch.rand(size, size), torch.rand(size, size)
        torch.mm(a, b)
        for _ in range(3):
            started = time.perf_counter()
            torch.mm(a, b)
            best = max(best, 2 * size**3 / (time.perf_counter() - started))
    return best


def _infer(games: Games, threads: int) -> Results:
    """One position at a time through the default evaluator: the network in the box, and one as wide as the paper's."""
    from hayago.network.evaluator import make_evaluator
    from hayago.network.model_file import Model, ModelInfo, default_model_path, load_model

    game, ply = all_positions(games)
    rows, _ = encode_positions(games, game[:64], ply[:64], np.zeros(64, np.uint8))
    generator, wide = np.random.default_rng(0), ModelInfo()
    weights = {
        name: (generator.standard_normal(shape) * 0.01).astype(np.float32)
        for name, shape in wide.tensor_shapes().items()
    }
    models: dict[str, Any] = {"infer_latency_ms_192": Model(wide, weights)}
    if default_model_path().is_file():
        models["infer_latency_ms"] = load_model()
    results: Results = {}
    for key, model in models.items():
        evaluator = make_evaluator(model, threads=threads)
        times = []
        for row in range(len(rows)):
            started = time.perf_counter()
            evaluator.logits(rows[row : row + 1])
            times.append((time.perf_counter() - started) * 1000)
        # The first answers warm up; of the rest the middle half shows how they spread.
        times = sorted(times[8:])
        results |= {key: median(times), f"{key}_spread": (times[-14] - times[14]) / median(times)}
    return results
