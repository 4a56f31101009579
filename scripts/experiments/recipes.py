"""Compare training recipes at equal numbers of positions: the table of docs/experiments.md, row by row.

    python scripts/experiments/recipes.py games.parquet --out runs/recipes [--rows NAME ...]

Every row is a run of `hayago train` with the options below, measured on the same positions of validation games, never
of test games. A finished run is not repeated, and an interrupted one continues. With --seeds N each row has N runs, and
the table shows their mean and range.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ablation import network_of
from hayago.errors import HayagoError
from hayago.evaluation import outcomes
from hayago.evaluation.examples import choose_examples, facts_of
from hayago.network.evaluator import make_evaluator
from hayago.network.model_file import load_model
from hayago.records.selection import Selection
from hayago.records.store import read_store
from hayago.training.config import RECIPES, TrainingConfig

# The plain network, He's initialisation, no auxiliary targets.
PLAIN: dict[str, Any] = {
    "normalised": False, "identity_init": 0.0, "pointwise_kernels": False, "future_moves": 0, "batch_size": 128,
    "batch_norm_group": 128,
}  # fmt: skip
# Batch normalisation and Muon as they are usually given.
USUAL: dict[str, Any] = {
    "identity_init": 0.0, "pointwise_kernels": False, "future_moves": 0, "batch_size": 128,
    "batch_norm_group": 128, "learning_rate": 0.04,
    "adamw_learning_rate": 0.002,
}  # fmt: skip

ROWS: dict[str, dict[str, Any]] = {
    "paper": RECIPES["paper"],
    **{
        f"sgd {rate}": {**PLAIN, "optimizer": "sgd", "momentum": 0.9, "weight_decay": 0.0001, "learning_rate": rate}
        for rate in (0.003, 0.01, 0.03, 0.1)
    },
    **{
        f"adamw {rate}": {**PLAIN, "optimizer": "adamw", "weight_decay": 0.05, "learning_rate": rate}
        for rate in (0.0003, 0.001, 0.003, 0.01)
    },
    "usual": USUAL,
    "default, batches of 128": {"batch_size": 128, "learning_rate": 0.03},
    "default, batches of 32": {"batch_size": 32, "learning_rate": 0.015},
    "default, Muon 0.01": {"learning_rate": 0.01},
    "default, Muon 0.04": {"learning_rate": 0.04},
    "default, no pointwise kernels": {"pointwise_kernels": False, "learning_rate": 0.03},
    "default, pointwise rate 1": {"pointwise_rate": 1.0},
    "default, 4 positions of a game": {"positions_per_game": 4},
    "default, no symmetries": {"symmetries": False},
    "default": {},
}


def main() -> None:
    """Train, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("games", type=Path, help="store that `hayago prepare` wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--rows", nargs="+", default=list(ROWS), choices=list(ROWS), metavar="NAME")
    parser.add_argument("--filters", type=int, default=32)
    parser.add_argument("--positions", type=int, default=200_000)
    parser.add_argument("--layers", type=int, default=13)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--measure", type=int, default=16_384, help="positions to measure on")
    words = parser.parse_args()

    common = TrainingConfig(
        words.games, words.out, filters=words.filters, layers=words.layers, positions=words.positions, validations=4,
        threads=words.threads, device="cpu",
    )  # fmt: skip
    validation = read_store(words.games, "validation")
    examples = choose_examples(validation.games, facts_of(validation.table), Selection(), words.measure)
    print(
        f"{words.filters} filters, {words.positions:,} positions, {words.seeds} seeds,"
        f" measured on {len(examples):,} validation positions\n"
    )
    print("| Recipe | top-1 % | top-5 % | Cross-entropy | Training s |\n|---|---|---|---|---|")
    for name in words.rows:
        measures = []
        for seed in range(words.seeds):
            out = words.out / f"{name.replace(' ', '-').replace(',', '')}-{seed}"
            config = replace(common, **{**ROWS[name], "out": out, "seed": seed})
            try:
                model = load_model(network_of(config))
            except HayagoError as error:
                if not out.exists():
                    raise
                print(f"recipes: {name}: {error}", file=sys.stderr)  # an exploded loss is a result, too
                measures.append([np.nan] * 4)
                continue
            outcome = outcomes.measure({name: make_evaluator(model)}, examples).outcomes[name]
            top1, top5 = (100 * (outcome.rank < count).mean() for count in (1, 5))
            measures.append([top1, top5, -outcome.log_prior[:, 0].mean(), model.info.history[-1]["seconds"]])
        cells = [_cell([measure[k] for measure in measures], digits) for k, digits in enumerate((1, 1, 3, 0))]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def _cell(values: list[float], digits: int) -> str:
    """The mean, and the range if there are several values."""
    mean = f"{np.mean(values):.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.{digits}f} to {max(values):.{digits}f})"


if __name__ == "__main__":
    try:
        main()
    except HayagoError as error:
        raise SystemExit(f"recipes: {error}") from None
