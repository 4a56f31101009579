"""Supervised training: `train(config)` turns a store of games into a plain policy network.

A *step* learns from one batch. `hayago.training.run` defines the other words.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from types import FrameType
from typing import Any

import torch

from hayago.cores import cores
from hayago.errors import HayagoError
from hayago.network.board_sizes import for_board
from hayago.network.devices import pick_device
from hayago.network.model_file import load_model
from hayago.records.store import read_store
from hayago.training.batches import Batches, Sampler, moments_batch
from hayago.training.checkpoint import CHECKPOINT
from hayago.training.config import TrainingConfig
from hayago.training.device_batches import feed
from hayago.training.distributed import ProcessGroup
from hayago.training.run import Run, TrainingResult
from hayago.training.trainer import Trainer

MOST_RUNS = 100  # whose history a header holds


def train(config: TrainingConfig) -> TrainingResult:
    """Train a network and write the files of the run to config.out.

    Raises:
        TrainingInterrupted: the user stopped it (Ctrl-C, SIGTERM); a checkpoint was written.
        HayagoError: the games, the folder or the checkpoint cannot be used, or the loss is NaN.
    """
    with ProcessGroup.from_environment() as group:
        if group.restarts and (config.out / CHECKPOINT).exists():
            config = replace(config, resume=True)
        return _train(config, group)


def _train(config: TrainingConfig, group: ProcessGroup) -> TrainingResult:
    store = read_store(config.games, "train")
    device = pick_device(config.device, group.local)
    group.refuse(device, config.batch_size, config.batch_norm_positions if config.normalised else 1)
    encode_threads = share_threads(config, device, group.neighbours)
    trainer = Trainer(config, device, store.games.size, group)
    movers = store.movers(config.movers)
    if not movers.any():
        raise HayagoError(f"{config.games}: no training game has a move by {config.player or 'players of that rank'}")
    sampler = Sampler(
        store.games,
        config.seed,
        config.games_per_block,
        config.positions_per_game,
        config.symmetries,
        movers,
        config.history_dropout,
    )
    start = load_model(config.start) if config.start and not config.resume else None
    if start is not None:
        if (runs := len(start.info.history)) >= MOST_RUNS:
            raise HayagoError(f"{config.start}: was trained in {runs:,} runs; at most {MOST_RUNS - 1} are kept")
        trainer.start_from(for_board(start, store.games.size), moments_batch(store.games, config.planes, movers))
    run = Run(config, store, trainer, group, () if start is None else start.info.history)
    turn = device.type == "cpu"  # a GPU applies the symmetries itself
    batches = Batches(
        sampler, config.batch_size, config.planes, encode_threads, group.rank, group.count, turn, config.future_moves
    ).start(trainer.step)
    with run, closing(batches), closing(feed(batches, device)) as fed, _stop_requests() as stop:
        while run.progress < 1:
            with run.waiting():
                batch = next(fed)
            trainer.learn(batch, config.learning_rate_factor(run.progress, trainer.step))
            due = run.tick(stop.requested)
            if due.row:
                run.log(due.validation)
            if due.checkpoint:
                run.save_checkpoint(batch)
            if due.stop:
                raise run.interrupted()
        run.refuse_bad_end()
    return run.finish()


def share_threads(config: TrainingConfig, device: torch.device, neighbours: int = 1) -> int:
    """Set torch's number of threads, and return how many threads shall encode.

    With a GPU, both together are at most `config.threads`, or this process's share of the cores. On a CPU, encoding
    costs about a hundredth of training, too little for a core of its own: torch gets all threads, and encoding threads
    come on top if they are asked for.
    """
    threads = config.threads or max(1, cores() // neighbours)
    encode_threads = config.encode_threads
    if device.type == "cpu":
        torch.set_num_threads(threads)
        return max(0, encode_threads)
    if encode_threads < 0:
        encode_threads = max(1, min(8, threads - 1))
    torch.set_num_threads(max(1, threads - encode_threads))
    return encode_threads


class _Stop:
    """Whether the user has asked to stop."""

    requested = False


@contextmanager
def _stop_requests() -> Iterator[_Stop]:
    """Turn the first Ctrl-C or SIGTERM into a request, which is granted between two steps. The second acts as usual.

    Outside the main thread, where Python handles no signals, requests never come.
    """
    stop = _Stop()
    before: dict[int, Any] = {}

    def request(number: int, frame: FrameType | None) -> None:
        stop.requested = True
        signal.signal(number, before[number])

    if threading.current_thread() is threading.main_thread():
        before = {number: signal.signal(number, request) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
