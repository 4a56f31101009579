"""The measures of an evaluation for each class of each trait, as rows of a table."""

import csv
import io
from typing import NamedTuple

from hayago.evaluation.measures import Bootstrap, Measure, Outcomes
from hayago.evaluation.traits import Trait


class Row(NamedTuple):
    """One class of one trait, measured for one network."""

    trait: str
    label: str
    positions: int
    games: int
    top1: Measure
    top5: Measure
    cross_entropy: Measure


def break_down(outcomes: Outcomes, traits: list[Trait], bootstrap: Bootstrap) -> list[Row]:
    """A row for each class with at least one example, in the order of traits and classes."""
    columns = outcomes.rank < 1, outcomes.rank < 5, -outcomes.log_prior[:, 0]
    rows = []
    for trait in traits:
        if not trait.labels:  # for example, no game has a date
            continue
        sums = bootstrap.sums(columns, trait.codes, len(trait.labels))
        for label, real, games, means in zip(trait.labels, sums.real, sums.games.tolist(), sums.means(), strict=True):
            if games:
                rows.append(Row(trait.name, label, int(real[0]), games, *means))
    return rows


def as_csv(tables: dict[str, list[Row]]) -> str:
    """The rows of each network, by name, as one CSV text; a missing interval is left empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    measured = ("top1", "top5", "cross_entropy")
    columns = [name + end for name in measured for end in ("", "_low", "_high")]
    writer.writerow(["model", "trait", "class", "positions", "games", *columns])
    for name, rows in tables.items():
        for row in rows:
            numbers = [
                "" if value != value else f"{value:.6f}"  # NaN is not equal to itself
                for measure in (row.top1, row.top5, row.cross_entropy)
                for value in measure
            ]
            writer.writerow([name, row.trait, row.label, row.positions, row.games, *numbers])
    return text.getvalue()
