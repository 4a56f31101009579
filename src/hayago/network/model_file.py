"""Model files: safetensors files whose header tells everything that is needed to use them.

A model is the plain network, ready to play. The header holds one JSON text under the key "hayago". Reading it needs no
torch and never unpickles anything. (Training checkpoints are files of the same form: `hayago.training.checkpoint`.)
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from hayago.errors import HayagoError
from hayago.features.planes import FEATURES_VERSION
from hayago.files import open_file, write_atomically
from hayago.network import BOX
from hayago.network.architecture import Architecture
from hayago.network.file_header import check_fields, parse_header, text, whole

HEADER_KEY = "hayago"


class ModelError(HayagoError):
    """A file is not a model or checkpoint that this version of hayago can use."""


@dataclass(frozen=True)
class ModelInfo(Architecture):
    """What a model file says about itself: its architecture and where it comes from.

    Attributes:
        features_version: version of the feature planes that the network learned from.
        data_fingerprint: fingerprint of the store of games it was trained on last ("" if on none).
        history: one entry for each training run, the oldest first; JSON values only.
        hayago_version: version of hayago that wrote the file.
    """

    features_version: int = FEATURES_VERSION
    data_fingerprint: str = ""
    history: tuple[dict[str, Any], ...] = ()
    hayago_version: str = field(default_factory=lambda: version("hayago"))

    def __post_init__(self) -> None:
        super().__post_init__()
        texts = {"data_fingerprint": text, "hayago_version": text}
        check_fields(vars(self), {"features_version": whole, "history": _is_history, **texts})
        for run in self.history:
            check_fields(run, {"games": whole, "steps": whole, "positions": whole, "config": _is_object}, missing=True)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_history(value: Any) -> bool:
    return isinstance(value, tuple) and all(map(_is_object, value))


class Model(NamedTuple):
    """A loaded model: what it is, and its float32 tensors by name."""

    info: ModelInfo
    weights: dict[str, NDArray[np.float32]]


BOX_SIZE = 19  # the board of the network in the box; it holds others for other boards


def default_model_path(size: int = BOX_SIZE) -> Path:
    """The file of the network in the box for a board size. The box is used wherever no model is named."""
    return Path(__file__).parent / ("box.safetensors" if size == BOX_SIZE else f"box-{size}x{size}.safetensors")


def model_path(model: Path | str | None = None) -> Path:
    """The file of a model: None and "box" stand for the network in the box."""
    return default_model_path() if model is None or str(model) == BOX else Path(model)


def model_paths(model: Path | str | None = None) -> list[Path]:
    """The files of a model; None and "box" stand for all networks in the box, that for 19x19 first."""
    path = model_path(model)
    return [path, *sorted(path.parent.glob("box-*.safetensors"))] if path == default_model_path() else [path]


def save_model(path: Path | str, weights: Mapping[str, NDArray[Any]], info: ModelInfo, half: bool = False) -> None:
    """Write a model file, atomically; `half` stores float16, half the size.

    Raises:
        HayagoError: the file cannot be written.
        ModelError: the weights are not those of the info's architecture, or some are not finite.
    """
    _check_shapes(path, weights, info)
    dtype = np.float16 if half else np.float32
    with np.errstate(over="ignore"):  # float16 ends at 65,504; `_check_finite` says so
        tensors = {name: np.ascontiguousarray(value, dtype) for name, value in weights.items()}
    _check_finite(path, tensors)
    write_tensors(path, tensors, {"kind": "model", **asdict(info)})


def load_model(path: Path | str | None = None) -> Model:
    """Read a model file; None and "box" stand for the network in the box.

    Raises:
        ModelError: there is no such file, it is damaged, or it does not fit this version of hayago.
    """
    path = model_path(path)
    header, tensors = read_tensors(path, "model")
    known = {key: header[key] for key in ModelInfo.__dataclass_fields__ if key in header}
    if isinstance(known.get("history"), list):
        known["history"] = tuple(known["history"])
    try:
        info = ModelInfo(**known)
    except ValueError as error:
        raise ModelError(f"{path}: its header makes no sense: {error}") from error
    if info.features_version != FEATURES_VERSION:
        raise ModelError(
            f"{path}: learned from version {info.features_version} of the feature planes;"
            f" this hayago computes version {FEATURES_VERSION}"
        )
    _check_shapes(path, tensors, info)
    for name, value in tensors.items():
        if value.dtype not in (np.float16, np.float32):
            raise ModelError(f"{path}: tensor {name} is {value.dtype}, not float32 or float16")
    _check_finite(path, tensors)
    return Model(info, {name: value.astype(np.float32) for name, value in tensors.items()})


def _check_finite(path: Path | str, tensors: Mapping[str, NDArray[Any]]) -> None:
    """Check that all numbers are finite.

    Raises:
        ModelError: some are not.
    """
    for name, value in tensors.items():
        if not np.isfinite(value).all():
            raise ModelError(f"{path}: tensor {name} holds NaN or infinite values")


def write_tensors(path: Path | str, tensors: dict[str, NDArray[Any]], header: dict[str, Any]) -> None:
    """Write a safetensors file with a JSON header, atomically.

    Raises:
        HayagoError: the file cannot be written.
        ModelError: the header holds what `read_tensors` refuses, a loss beyond all numbers say.
    """
    text = json.dumps(header)
    try:
        parse_header(text)
    except ValueError as error:
        raise ModelError(f"cannot write {path}: its header makes no sense: {error}") from error
    data = save(tensors, metadata={HEADER_KEY: text})
    write_atomically(path, lambda file: file.write(data))


def read_tensors(path: Path, kind: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Header and tensors of a file of the given kind ("model" or "checkpoint").

    Raises:
        ModelError: there is no such file, it is damaged, or it is of another kind.
    """
    try:
        open_file(path).close()  # safetensors would say of a file that it may not read that there is none
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ModelError(f"{path}: no such {kind} file") from error
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror or error}") from error
    try:
        with safe_open(path, framework="numpy") as file:
            written = (file.metadata() or {}).get(HEADER_KEY)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path}: damaged or no safetensors file: {error}") from error
    except (TypeError, AttributeError) as error:  # a type of tensors that numpy lacks
        raise ModelError(f"{path}: holds tensors of a type that hayago never writes") from error
    if written is None:
        raise ModelError(f"{path}: a safetensors file, but not one that hayago wrote")
    try:
        header = parse_header(written)
    except ValueError as error:
        raise ModelError(f"{path}: its header makes no sense: {error}") from error
    if header.get("kind") not in ("model", "checkpoint"):
        raise ModelError(f"{path}: its header does not say that it is a {kind}")
    if header["kind"] != kind:
        raise ModelError(f"{path}: a {header['kind']} file where a {kind} file is needed")
    return header, tensors


def _check_shapes(path: Path | str, tensors: Mapping[str, NDArray[Any]], info: ModelInfo) -> None:
    expected = info.tensor_shapes()
    if missing := sorted(expected.keys() - tensors.keys()):
        raise ModelError(f"{path}: tensor {missing[0]} is missing")
    if extra := sorted(tensors.keys() - expected.keys()):
        raise ModelError(f"{path}: tensor {extra[0]} belongs to no layer")
    for name, shape in expected.items():
        if tensors[name].shape != shape:
            raise ModelError(f"{path}: tensor {name} has the shape {tensors[name].shape}, not {shape}")
