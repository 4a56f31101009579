"""What the device does with packed rows is what the encoder does."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

import numpy as np
import pytest
import torch

from hayago.features.incremental import encode_positions
from hayago.features.planes import unpack as unpack_rows
from hayago.training import device_batches
from hayago.training.batches import Batch, Batches, Sampler, fixed_positions
from hayago.training.device_batches import Unpacker, feed, to_device
from learning import demo_games

CPU = torch.device("cpu")


@pytest.mark.parametrize("planes", [4, 48])
def test_the_device_turns_boards_as_the_encoder_does(planes: int) -> None:
    game, ply, *_ = fixed_positions(demo_games(), 64)
    symmetry = np.arange(64).astype(np.uint8) % 8
    rows, labels = encode_positions(demo_games(), game, ply, symmetry, planes)
    straight, straight_labels = encode_positions(demo_games(), game, ply, np.zeros_like(symmetry), planes)
    batch = Batch(straight, straight_labels.astype(np.int64), symmetry)
    got, got_labels, _ = Unpacker(planes, 19, CPU)(to_device(batch, CPU))
    assert torch.equal(got, torch.from_numpy(unpack_rows(rows, planes)).float())
    assert got_labels.tolist() == labels.tolist() != straight_labels.tolist()


def batches(turn: bool, batch_size: int = 24, rank: int = 0, group: int = 1, start: int = 0) -> list[Batch]:
    """The first batches of a small stream: a block has about four of them, and an epoch some blocks."""
    sampler = Sampler(demo_games(), seed=2, games_per_block=20, positions_per_game=5)
    stream = Batches(sampler, batch_size, rank=rank, group=group, turn=turn, future_moves=2).start(start)
    return list(islice(stream, 12 - start))


def test_the_stream_is_the_same_whoever_turns_the_boards() -> None:
    unpacker = Unpacker(48, 19, CPU)
    for left, right in zip(batches(turn=True), batches(turn=False), strict=True):
        assert left.symmetry is None and right.symmetry is not None and right.symmetry.any()
        one, other = unpacker(to_device(left, CPU)), unpacker(to_device(right, CPU))
        assert torch.equal(one[0], other[0])
        assert torch.equal(one[1], other[1])
        assert one[2] is not None and other[2] is not None and torch.equal(one[2], other[2])


@pytest.mark.parametrize("start", [0, 5])
def test_the_ranks_share_every_batch(start: int) -> None:
    shares = [batches(True, rank=rank, group=3, start=start) for rank in range(3)]
    for whole, *parts in zip(batches(True)[start:], *shares, strict=True):
        assert all(len(part.labels) == 8 for part in parts)
        joined = Batch.join(parts)
        assert np.array_equal(joined.rows, whole.rows)
        assert np.array_equal(joined.labels, whole.labels)
        assert np.array_equal(joined.future_moves, whole.future_moves)


def test_blocks_smaller_than_a_share() -> None:
    sampler = Sampler(demo_games(), seed=2, games_per_block=1, positions_per_game=3)
    whole = list(islice(Batches(sampler, 16).start(3), 4))
    parts = [list(islice(Batches(sampler, 16, rank=rank, group=2).start(3), 4)) for rank in range(2)]
    for one, *shares in zip(whole, *parts, strict=True):
        assert np.array_equal(Batch.join(shares).rows, one.rows)


class FakeStream:
    """Stands for a stream of a GPU, of which there may be none here."""

    def __init__(self, said: list[str], name: str) -> None:
        self.said, self.name = said, name

    def wait_stream(self, other: "FakeStream") -> None:
        self.said.append(f"{self.name} waits for {other.name}")


class FakeTensor:
    def __init__(self, said: list[str], name: str) -> None:
        self.said, self.name = said, name

    def record_stream(self, stream: FakeStream) -> None:
        self.said.append(f"{self.name} kept for {stream.name}")


def test_a_gpu_waits_for_its_own_batch_and_not_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    side, main = FakeStream(said, "side"), FakeStream(said, "main")
    streams = [main]

    @contextmanager
    def stream(chosen: FakeStream) -> Iterator[None]:
        streams.append(chosen)
        yield
        streams.pop()

    def copy(array: str, device: torch.device) -> FakeTensor:
        said.append(f"{array} copied by {streams[-1].name}")
        return FakeTensor(said, array)

    monkeypatch.setattr(torch.cuda, "Stream", lambda device: side)
    monkeypatch.setattr(torch.cuda, "stream", stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: streams[-1])
    monkeypatch.setattr(device_batches, "_copy", copy)
    given = [Batch(f"rows {k}", f"labels {k}") for k in range(3)]  # type: ignore[arg-type]
    fed = feed(iter(given), torch.device("cuda"))
    for k in range(2):
        assert next(fed).rows.name == f"rows {k}"  # type: ignore[attr-defined]
        assert said[-5:] == [
            "main waits for side",
            f"rows {k} kept for main",
            f"labels {k} kept for main",
            f"rows {k + 1} copied by side",
            f"labels {k + 1} copied by side",
        ]
        assert streams == [main]


def test_feeding_changes_nothing_and_goes_in_order() -> None:
    given = batches(turn=False)
    fed = list(islice(feed(iter(given), CPU), 11))
    for batch, got in zip(given, fed, strict=False):
        assert got.symmetry is not None and batch.symmetry is not None
        assert np.array_equal(got.rows.numpy(), batch.rows)
        assert np.array_equal(got.labels.numpy(), batch.labels)
        assert np.array_equal(got.symmetry.numpy(), batch.symmetry)
    parts = fed[0].split(10)
    assert [len(part.labels) for part in parts] == [10, 10, 4]
    assert torch.equal(torch.cat([part.rows for part in parts]), fed[0].rows)
