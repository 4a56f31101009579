"""`onnx_model`: a network as an ONNX file.

The file is a protocol buffer: fields, each a number, a kind and a value, one after the other. Only a few kinds of
messages are needed, so they are written here, and the package that describes all of them is left to the tests. Numbers
of fields are those of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hayago.features.planes import row_bytes
from hayago.network.model_file import Model

OPSET, IR_VERSION = 17, 8  # old enough for every onnxruntime that the project allows

_TYPES = {"float32": 1, "uint8": 2, "int64": 7}  # TensorProto.DataType
_INT32 = 6


def onnx_model(model: Model, packed: bool = False) -> bytes:
    """The model as a serialised ONNX graph.

    Its output is "logits", float32 (batch, N*N). Its input is "planes", float32 (batch, planes, N, N), or, packed,
    "rows", uint8 (batch, row_bytes), which the graph unpacks itself.
    """
    info, size = model.info, model.info.board_size
    points = size * size
    constants: dict[str, NDArray[Any]] = dict(model.weights)
    constants["logits_shape"] = np.array([0, points], np.int64)
    nodes = []
    if packed:
        source = _value("rows", "uint8", ["batch", row_bytes(info.planes, size)])
        constants |= {
            "bits_of_byte": ((np.arange(256)[:, None] >> np.arange(8)) & 1).astype(np.float32),
            "flat_shape": np.array([0, -1], np.int64),
            "first": np.array([0], np.int64),
            "end": np.array([info.planes * points], np.int64),
            "axis": np.array([1], np.int64),
            "planes_shape": np.array([0, info.planes, size, size], np.int64),
        }
        nodes += [
            _node("Cast", ["rows"], "bytes", _integer("to", _INT32)),
            _node("Gather", ["bits_of_byte", "bytes"], "bits"),
            _node("Reshape", ["bits", "flat_shape"], "flat"),
            _node("Slice", ["flat", "first", "end", "axis"], "used"),
            _node("Reshape", ["used", "planes_shape"], "planes"),
        ]
    else:
        source = _value("planes", "float32", ["batch", info.planes, size, size])
    x = "planes"
    *hidden, last = info.table()
    for layer in hidden:
        name, pad = layer.name, layer.kernel // 2
        nodes.append(_node("Conv", [x, f"{name}.weight", f"{name}.bias"], name, _integers("pads", [pad] * 4)))
        nodes.append(_node("Relu", [name], f"{name}.relu"))
        x = f"{name}.relu"
    nodes += [
        _node("Conv", [x, f"{last.name}.weight"], "plane"),
        _node("Reshape", ["plane", "logits_shape"], "unbiased"),
        _node("Add", ["unbiased", f"{last.name}.bias"], "logits"),
    ]
    graph = [_field(1, node) for node in nodes]
    graph += [_field(2, "hayago"), *(_field(5, _tensor(name, value)) for name, value in constants.items())]
    graph += [_field(11, source), _field(12, _value("logits", "float32", ["batch", points]))]
    opset = _field(1, "") + _field(2, OPSET)
    return _field(1, IR_VERSION) + _field(7, b"".join(graph)) + _field(8, opset)


def _field(number: int, value: int | str | bytes) -> bytes:
    """A field: an integer, or a text or message with its length."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the highest bit says that more follow."""
    data = bytearray()
    while value > 127:
        data.append(value & 127 | 128)
        value >>= 7
    data.append(value)
    return bytes(data)


def _node(kind: str, inputs: Sequence[str], output: str, attribute: bytes = b"") -> bytes:
    """NodeProto."""
    fields = [*(_field(1, name) for name in inputs), _field(2, output), _field(4, kind)]
    return b"".join([*fields, _field(5, attribute)] if attribute else fields)


def _integer(name: str, value: int) -> bytes:
    """AttributeProto of the type INT."""
    return _field(1, name) + _field(3, value) + _field(20, 2)


def _integers(name: str, values: Sequence[int]) -> bytes:
    """AttributeProto of the type INTS."""
    return b"".join([_field(1, name), *(_field(8, value) for value in values), _field(20, 7)])


def _tensor(name: str, value: NDArray[Any]) -> bytes:
    """TensorProto."""
    kind = _TYPES[value.dtype.name]
    data = np.ascontiguousarray(value, value.dtype.newbyteorder("<")).tobytes()
    return b"".join([*(_field(1, size) for size in value.shape), _field(2, kind), _field(8, name), _field(9, data)])


def _value(name: str, kind: str, shape: Sequence[int | str]) -> bytes:
    """ValueInfoProto of a tensor."""
    sizes = b"".join(_field(1, _field(1 if isinstance(size, int) else 2, size)) for size in shape)
    return _field(1, name) + _field(2, _field(1, _field(1, _TYPES[kind]) + _field(2, sizes)))
