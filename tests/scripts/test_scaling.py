"""The scaling script finds the law that made the numbers, and says how much the numbers leave open."""

import sys
from pathlib import Path

import numpy as np
import pytest

import scaling
from hayago.errors import HayagoError
from learning import store_path


def runs(noise: float) -> list[scaling.Run]:
    """Runs that follow 1.6 + 4 / F^0.5 + 300 / D^0.5, more or less."""
    random = np.random.default_rng(0)
    return [
        scaling.Run(f, d, 1.6 + 4 / f**0.5 + 300 / d**0.5 + noise * random.standard_normal(), 0.3)
        for f in (16, 24, 32, 48, 64)
        for d in (50_000, 100_000, 200_000)
    ]


def test_the_law_is_found() -> None:
    best, *_ = scaling.nearly_as_good(scaling.fits(runs(0.0)), 15)
    assert (best.a, best.b) == (pytest.approx(0.5), pytest.approx(0.5))
    assert best.loss(192, 29_000_000) == pytest.approx(1.6 + 4 / 192**0.5 + 300 / 29e6**0.5, abs=1e-6)


def test_runs_that_more_filters_made_worse_are_fitted_too() -> None:
    odd = [scaling.Run(f, d, 5.8 + f / 100, 0.0) for f in (2, 3, 4) for d in (256, 512)]
    best, *_ = scaling.nearly_as_good(scaling.fits(odd), len(odd))
    assert (best.by_filters, best.by_positions) == (0, pytest.approx(0, abs=1e-6))
    assert best.floor == pytest.approx(5.83)


def test_noise_widens_the_range() -> None:
    truth = 1.6 + 4 / 192**0.5 + 300 / 29e6**0.5
    widths = []
    for noise in (0.003, 0.03):
        good = scaling.nearly_as_good(scaling.fits(runs(noise)), 15)
        losses = [fit.loss(192, 29_000_000) for fit in good]
        assert min(losses) <= truth <= max(losses)
        assert good[0].squares == min(fit.squares for fit in good)
        widths.append(max(losses) - min(losses))
    assert widths[0] < widths[1]


@pytest.mark.slow
def test_runs_are_made_and_fitted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["scaling", str(store_path()), "--out", str(tmp_path), "--filters", "2", "3", "4", "--layers", "2"]
    words += ["--threads", "1"]
    monkeypatch.setattr(sys, "argv", [*words, "--positions", "64", "128", "--measure", "100", "--budget", "2000"])
    with pytest.raises(HayagoError, match="5 runs are too few"):
        scaling.main()
    one = ["--positions", "64", "--filters", "2", "3", "4", "5", "6", "7"]
    monkeypatch.setattr(sys, "argv", [*words, *one])
    with pytest.raises(HayagoError, match="must differ both in filters and in positions"):
        scaling.main()
    monkeypatch.setattr(sys, "argv", [*words, "--positions", "64", "128", "--measure", "100"])
    scaling.main()
    out = capsys.readouterr().out
    assert out.count("\n| 2 |") == out.count("\n| 3 |") == 2
    assert "| 192 | 29,000,000 |" in out
