"""Stores with a right seal and any content, for tests."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from hayago.records.seal import UNSEALED, seal


class Draft(NamedTuple):
    """A store taken apart: its columns as lists, and its metadata; groups as [split, games, moves, stones]."""

    columns: dict[str, list[Any]]
    notes: dict[str, str]
    groups: list[list[Any]]


def draft_of(path: Path) -> Draft:
    """The content of a good store."""
    notes = {key.decode(): value.decode() for key, value in pq.read_metadata(path).metadata.items()}
    groups = json.loads(notes.pop("hayago.groups"))
    del notes["ARROW:schema"]
    return Draft(pq.read_table(path).to_pydict(), {**notes, "hayago.seal": UNSEALED}, groups)


def counted(draft: Draft) -> list[list[Any]]:
    """The groups as they should be: one row group for each split that is named in a row, in that order."""
    rows = zip(draft.columns["split"], draft.columns["moves"], draft.columns["setup"], strict=True)
    groups: list[list[Any]] = []
    for split, moves, stones in rows:
        if not groups or groups[-1][0] != split:
            groups.append([split, 0, 0, 0])
        for place, number in enumerate((1, len(moves or ()), len(stones or ())), start=1):
            groups[-1][place] += number
    return groups


def write(draft: Draft, path: Path, schema: pa.Schema, groups: Any = None) -> None:
    """Write and seal it, in the row groups that it has; `groups` is what it says about them."""
    table = pa.table(draft.columns, schema=schema)
    said = json.dumps(draft.groups if groups is None else groups)
    notes = {"hayago.groups": said, **draft.notes}  # a draft may have its own text
    with pq.ParquetWriter(path, schema.with_metadata(notes), compression="zstd", write_statistics=False) as writer:
        first = 0
        for _, games, *_ in counted(draft):
            writer.write_table(table.slice(first, games).replace_schema_metadata(notes), row_group_size=games)
            first += games
    reseal(path)


def reseal(path: Path) -> None:
    """Give a file whose seal says UNSEALED, or anything of its length, the right one; without a seal, leave it."""
    data = bytearray(path.read_bytes())
    at = data.rfind(b"sha256:")
    if at >= 0 and data[-4:] == b"PAR1":
        data[at : at + len(UNSEALED)] = UNSEALED.encode()
        path.write_bytes(data)
        with path.open("r+b") as file:
            try:
                seal(file)
            except (ValueError, AssertionError):
                return  # so damaged that it has no place for a seal
