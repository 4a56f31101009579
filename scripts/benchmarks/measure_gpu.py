"""Training's speed on a GPU, without any data:

    python scripts/benchmarks/measure_gpu.py FILTERS/BATCH[/GROUP][/compile]...

Steps of hayago's own recipe on packed rows made at random, which are on the GPU from the start; a run is slower than
this by what it waits for positions, validates and writes. Beside it stand the share of a large bfloat16 matrix product
that this is, and the largest memory. The first steps, in which torch chooses, compiles and records, are timed apart.
"""

import argparse
import gc
import time
from pathlib import Path

import torch

from hayago.features.planes import row_bytes
from hayago.network.devices import pick_device
from hayago.training.config import TrainingConfig
from hayago.training.device_batches import DeviceBatch
from hayago.training.trainer import Trainer

WARM_UP, STEPS, SIDE, PRODUCTS, ROUNDS = 6, 30, 8192, 10, 3


def settings(text: str) -> TrainingConfig:
    """What one argument asks for."""
    numbers = text.removesuffix("/compile").split("/")
    filters, batch_size, batch_norm_group = map(int, numbers if len(numbers) == 3 else [*numbers, 64])
    return TrainingConfig(
        Path(),
        Path(),
        filters=filters,
        batch_size=batch_size,
        batch_norm_group=batch_norm_group,
        compile=text.endswith("/compile"),
    )


def made_by_lot(count: int, device: torch.device) -> DeviceBatch:
    """A batch of rows with a quarter of their bits set."""
    lot = torch.Generator().manual_seed(0)
    one, other = (torch.randint(0, 256, (count, row_bytes()), dtype=torch.uint8, generator=lot) for _ in range(2))
    labels = torch.randint(0, 361, (count,), generator=lot)
    symmetry = torch.randint(0, 8, (count,), dtype=torch.uint8, generator=lot)
    future_moves = torch.randint(0, 362, (count, 2), generator=lot)
    return DeviceBatch(*(tensor.to(device) for tensor in (one & other, labels, symmetry, future_moves)))


def clock(device: torch.device) -> float:
    """Seconds, when the device has nothing left to do."""
    if device.type != "cpu":
        torch.accelerator.synchronize()
    return time.perf_counter()


def product(device: torch.device, side: int) -> float:
    """Floating point operations a second of a square bfloat16 matrix product, the best of some rounds."""
    one, other = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    torch.mm(one, other)
    rates = []
    for _ in range(ROUNDS):
        started = clock(device)
        for _ in range(PRODUCTS):
            torch.mm(one, other)
        rates.append(PRODUCTS * 2 * side**3 / (clock(device) - started))
    return max(rates)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("settings", nargs="+", type=settings)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--side", type=int, default=SIDE, help="of the matrices")
    arguments = parser.parse_args()
    device = pick_device(arguments.device)
    best = product(device, arguments.side)
    print(f"matrix product: {best / 1e12:.1f} TFLOP/s")
    for config in arguments.settings:
        gc.collect()  # what the settings before held
        if device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(device)
        started = clock(device)
        trainer = Trainer(config, device)
        batch = made_by_lot(config.batch_size, device)
        for _ in range(WARM_UP):
            trainer.learn(batch, 0.1)
        begun = clock(device)
        for _ in range(STEPS):
            trainer.learn(batch, 0.1)
        seconds = (clock(device) - begun) / STEPS
        rate = config.batch_size / seconds
        share = rate * 2 * trainer.network.architecture.training_multiply_adds / best
        memory = torch.cuda.max_memory_allocated(device) / 1e9 if device.type == "cuda" else 0.0
        print(
            f"{config.filters} filters, batches of {config.batch_size}, groups of {config.batch_norm_group}"
            f"{', compiled' if config.compile else ''}: {rate:,.0f} positions/s, {seconds * 1e3:.2f} ms a step,"
            f" {share:.1%} of the product, {memory:.1f} GB; warm-up {begun - started:.1f} s",
            flush=True,
        )
        del trainer


if __name__ == "__main__":
    main()
