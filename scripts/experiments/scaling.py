"""How the loss falls with the size of the network and the number of positions, and what to expect of larger ones.

    python scripts/experiments/scaling.py games.parquet --out runs/scaling [--filters 16 24 32 ...] [--positions 50000
    100000 ...]

Each run follows the default recipe, its learning rate falls to 0, and all are measured on the same validation
positions. Runs of more than --budget filters^2 x positions are left out. The fit is that of Hoffmann et al. 2022
("Training compute-optimal large language models"), with F filters and D positions:

    loss = E + A / F^a + B / D^b

found by least squares over (E, A, B) within a grid of (a, b). The range of a prediction covers the fits that explain
the runs nearly as well. Their sum of squares is at most (1 + 4 / (runs - 5)) times the least: a rule of thumb for two
standard deviations, from the F-statistic. The range shows what this form leaves open, not that the form is right.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ablation import network_of
from hayago.errors import HayagoError
from hayago.evaluation.examples import choose_examples, facts_of
from hayago.evaluation.outcomes import measure
from hayago.network.evaluator import make_evaluator
from hayago.network.model_file import load_model
from hayago.records.selection import Selection
from hayago.records.store import read_store
from hayago.training.config import TrainingConfig

EXPONENTS = np.arange(0.02, 1.5, 0.01)
PARAMETERS = 5
PAPER = (192, 29_000_000)


class Run(NamedTuple):
    """The size of a run and its result on the validation positions."""

    filters: int
    positions: int
    loss: float
    top1: float


class Fit(NamedTuple):
    """loss = floor + by_filters / filters^a + by_positions / positions^b."""

    floor: float
    by_filters: float
    a: float
    by_positions: float
    b: float
    squares: float

    def loss(self, filters: float, positions: float) -> float:
        return self.floor + self.by_filters / filters**self.a + self.by_positions / positions**self.b


def fits(runs: list[Run]) -> list[Fit]:
    """The best fit for each pair of exponents, with no term below 0."""
    filters = np.array([run.filters for run in runs], float)
    positions = np.array([run.positions for run in runs], float)
    losses = np.array([run.loss for run in runs])
    a, b = (grid.reshape(-1, 1) for grid in np.meshgrid(EXPONENTS, EXPONENTS))
    # In units of the middle run, so that the columns have similar sizes.
    units = np.median(filters) ** a, np.median(positions) ** b
    columns = np.stack([np.ones((len(a), len(runs))), units[0] / filters**a, units[1] / positions**b], 2)
    found: list[Fit] = []
    # Where the runs do not show that filters or positions help, the best fit has a 0 there.
    for used in ([0, 1, 2], [0, 1], [0, 2], [0]):
        q, r = np.linalg.qr(columns[:, :, used])
        solved = np.zeros((len(a), columns.shape[2], 1))
        solved[:, used] = np.linalg.solve(r, (q.mT @ losses)[..., None])
        squares = (((columns @ solved)[..., 0] - losses) ** 2).sum(1)[:, None]
        numbers = np.hstack([solved[:, 0], solved[:, 1] * units[0], a, solved[:, 2] * units[1], b, squares])
        found += [Fit(*row) for row in numbers[solved.min((1, 2)) >= 0].tolist()]
    return found


def nearly_as_good(candidates: list[Fit], runs: int) -> list[Fit]:
    """The best fit, then all that explain the runs nearly as well."""
    best = min(candidates, key=lambda fit: fit.squares)
    limit = best.squares * (1 + 4 / max(1, runs - PARAMETERS))
    return [best, *(fit for fit in candidates if fit.squares <= limit and fit is not best)]


def main() -> None:
    """Train, fit, predict."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("games", type=Path, help="store that `hayago prepare` wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--filters", type=int, nargs="+", default=[16, 24, 32, 48, 64])
    parser.add_argument("--positions", type=int, nargs="+", default=[50_000, 100_000, 200_000])
    parser.add_argument("--budget", type=float, default=2.5e8, help="largest filters^2 x positions of a run")
    parser.add_argument("--layers", type=int, default=13)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--measure", type=int, default=16_384, help="positions to measure on")
    words = parser.parse_args()

    common = TrainingConfig(
        words.games, words.out, layers=words.layers, validations=4, threads=words.threads, device="cpu", positions=1
    )
    sizes = [(f, p) for f in words.filters for p in words.positions if f * f * p <= words.budget]
    if len(sizes) <= PARAMETERS:
        raise HayagoError(f"{len(sizes)} runs are too few to fit {PARAMETERS} numbers")
    if any(len(set(values)) == 1 for values in zip(*sizes, strict=True)):
        raise HayagoError("the runs must differ both in filters and in positions")
    evaluators = {}
    for filters, positions in sizes:
        config = replace(common, out=words.out / f"{filters}-{positions}", filters=filters, positions=positions)
        evaluators[f"{filters}-{positions}"] = make_evaluator(load_model(network_of(config)))
    validation = read_store(words.games, "validation")
    examples = choose_examples(validation.games, facts_of(validation.table), Selection(), words.measure)
    outcomes = measure(evaluators, examples).outcomes
    runs = [
        Run(filters, positions, float(-outcome.log_prior[:, 0].mean()), float((outcome.rank < 1).mean()))
        for (filters, positions), outcome in zip(sizes, outcomes.values(), strict=True)
    ]

    print("| Filters | Positions | Cross-entropy | Top-1 | Fitted |\n|---|---|---|---|---|")
    good = nearly_as_good(fits(runs), len(runs))
    best = good[0]
    for run in runs:
        fitted = best.loss(run.filters, run.positions)
        print(f"| {run.filters} | {run.positions:,} | {run.loss:.3f} | {run.top1:.1%} | {fitted:.3f} |")
    print(
        f"\nloss = {best.floor:.3f} + {best.by_filters:.3g} / filters^{best.a:.2f}"
        f" + {best.by_positions:.3g} / positions^{best.b:.2f}"
        f" (typical error {(best.squares / len(runs)) ** 0.5:.3f}; {len(good)} fits are nearly as good)"
    )
    # From loss to top-1 along a straight line through the better half of the runs.
    half = sorted(runs, key=lambda run: run.loss)[: max(2, len(runs) // 2)]
    slope, start = np.polyfit([run.loss for run in half], [run.top1 for run in half], 1)
    print("\n| Filters | Positions | Loss | from - to | Top-1 by the loss |\n|---|---|---|---|---|")
    for filters, positions in [(max(words.filters), 10_000_000), (192, 1_000_000), PAPER]:
        losses = [fit.loss(filters, positions) for fit in good]
        print(
            f"| {filters} | {positions:,} | {losses[0]:.3f} | {min(losses):.3f} - {max(losses):.3f}"
            f" | {start + slope * losses[0]:.1%} |"
        )


if __name__ == "__main__":
    try:
        main()
    except HayagoError as error:
        raise SystemExit(f"scaling: {error}") from None
