"""A sample of scripts/proofs/fuzz_sgf.py: no exception, valid records, damage that stays in its game."""

import pytest

from fuzz_sgf import check_file, fuzz


@pytest.mark.parametrize("seed", range(4))
def test_mutated_files(seed: int) -> None:
    counts = fuzz(seed, 40)
    assert counts["read"] > 40 and sum(counts.values()) >= 160


def test_the_check_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fuzz_sgf.CUTS", ("end of file",))
    with pytest.raises(AssertionError):
        check_file(b"(;B[aa])")
