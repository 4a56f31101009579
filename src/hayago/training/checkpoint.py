"""Training checkpoints: everything a run needs to continue, as a safetensors file with a JSON header."""

import json
from collections.abc import Callable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hayago.features.planes import FEATURES_VERSION
from hayago.network.file_header import check_fields, number, text, whole
from hayago.network.model_file import ModelError, read_tensors, write_tensors


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(number, value))


CHECKPOINT = "last.safetensors"  # in a run's folder

# The fields of the header that a run writes, and what each may hold.
_MOST = 10**10  # steps or seconds of a run; what is counted from them stays a number that a header may hold


RUN_FIELDS: Mapping[str, Callable[[Any], bool]] = {
    "step": lambda value: whole(value) and value <= _MOST,
    "seconds": lambda value: number(value) and value <= _MOST,
    "best": lambda value: value is None or number(value),
    "validation": lambda value: value is None or _is_pair(value),
    "loss_level": number,
    "data_fingerprint": text,
    "config": lambda value: isinstance(value, dict),
}


CHECKSUM = "checksum"


class Checkpoint(NamedTuple):
    """A loaded training checkpoint: a JSON header and the tensors by name."""

    header: dict[str, Any]
    tensors: dict[str, NDArray[Any]]


def save_checkpoint(path: Path | str, tensors: Mapping[str, NDArray[Any]], header: Mapping[str, Any]) -> None:
    """Write a training checkpoint atomically: if this fails, the previous checkpoint is still there.

    Raises:
        HayagoError: the file cannot be written.
    """
    contiguous = {name: np.ascontiguousarray(value).reshape(value.shape) for name, value in tensors.items()}
    full = {**header, "kind": "checkpoint", "features_version": FEATURES_VERSION}
    write_tensors(path, contiguous, {**full, CHECKSUM: _checksum(full, contiguous)})


def load_checkpoint(path: Path | str, fields: Mapping[str, Callable[[Any], bool]] = RUN_FIELDS) -> Checkpoint:
    """Read a training checkpoint, whose header must hold these fields. (The oldest have no checksum.)

    Raises:
        ModelError: there is no such file, it is damaged, a field of its header is wrong, or it belongs
            to other feature planes.
    """
    header, tensors = read_tensors(Path(path), "checkpoint")
    if header.get("features_version") != FEATURES_VERSION:
        raise ModelError(
            f"{path}: belongs to version {header.get('features_version')} of the feature planes;"
            f" this hayago computes version {FEATURES_VERSION}"
        )
    try:
        check_fields(header, fields)
    except ValueError as error:
        raise ModelError(f"{path}: its header makes no sense: {error}") from error
    if CHECKSUM in header and header[CHECKSUM] != _checksum(header, tensors):
        raise ModelError(f"{path}: damaged: its checksum is wrong")
    return Checkpoint(header, tensors)


def _checksum(header: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> str:
    """The checksum of all that a checkpoint holds but the checksum."""
    said = {name: value for name, value in header.items() if name != CHECKSUM}
    digest = blake2b(json.dumps(said, sort_keys=True).encode(), digest_size=16)
    for name, value in sorted(tensors.items()):
        digest.update(f"{name} {value.dtype} {value.shape} ".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()
