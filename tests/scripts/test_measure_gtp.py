"""The benchmark of GTP notices a player that leaves looks out."""

import pytest

import measure_gtp
from hayago.network.model_file import Model, ModelInfo, save_model


class Instant:
    """A session that answers before any network can."""

    def __init__(self, *options):
        self.moves = iter(f"{column}{row}" for row in range(1, 20) for column in "ABCDEFGH")

    def __call__(self, command):
        return next(self.moves)

    def end(self):
        pass


def test_a_move_quicker_than_its_looks_is_a_fault(monkeypatch, tmp_path):
    info = ModelInfo(filters=2, layers=2)
    weights = {name: measure_gtp.np.zeros(shape, "f4") for name, shape in info.tensor_shapes().items()}
    model, path = Model(info, weights), tmp_path / "m.safetensors"
    save_model(path, weights, info)
    monkeypatch.setattr(measure_gtp, "Session", Instant)
    with pytest.raises(RuntimeError, match="some are left out"):
        measure_gtp.move_times(model, path, 3, 8)
