"""`hayago bench`."""

import json
import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter, validators

from hayago import benchmarks as benchmark
from hayago.cores import MOST_THREADS


def bench(
    *parts: Literal["encode", "read", "playouts", "env", "train", "infer"],
    games: Path | None = None,
    threads: Annotated[int | None, Parameter(validator=validators.Number(gte=1, lte=MOST_THREADS))] = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Measure how fast this machine reads, encodes, trains and answers. Let nothing else run meanwhile.

    Args:
        parts: What to measure; everything by default, but for training where PyTorch is not installed.
        games: An SGF file of several games to measure on; by default the bundled ones.
        threads: Threads for training and inference; by default one per core.
        as_json: Print all figures as one flat JSON object.
    """
    if not parts and "train" not in benchmark.usual_parts():
        sys.stderr.write('hayago: training is left out, since it needs PyTorch: pip install "hayago[train]"\n')
    results = benchmark.bench(list(parts), games, threads)
    if as_json:
        sys.stdout.write(json.dumps(results) + "\n")
        return
    for key, value in results.items():
        if not key.endswith(("_spread", "_best")):
            spread, best = results.get(f"{key}_spread"), results.get(f"{key}_best")
            beside = f"  +- {float(spread) / 2:.1%}" if spread is not None else ""
            beside += f", best {_text(best)}" if best is not None else ""
            sys.stdout.write(f"{key:28}  {_text(value)}{beside}\n")


def _text(value: float | str) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"
