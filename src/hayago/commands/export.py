"""`hayago export`."""

from pathlib import Path

from hayago.files import write_atomically
from hayago.learn.checkpoint import load_model
from hayago.learn.evaluator import onnx_model


def export(out: Path, *, model: Path | None = None) -> None:
    """Write a network as an ONNX file: input planes (batch, planes, N, N), output logits (batch, N * N).

    Args:
        out: The file to write.
        model: The network; by default the one in the box.
    """
    data = onnx_model(load_model(model))
    write_atomically(out, lambda file: file.write(data))
