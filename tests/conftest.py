"""Fixtures that more than one test file uses, and how far hypothesis searches."""

import re
import signal
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

from hayago.extras import EXTRAS
from paths import DEMO_GAMES, ROOT
from programs import MARKERS

# A background job of a shell ignores Ctrl-C, and so would the processes that tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The suite draws the same examples in every run. To search further: pytest --hypothesis-profile=long.
settings.register_profile("suite", derandomize=True, deadline=None, max_examples=50)
settings.register_profile("few", derandomize=True, deadline=None, max_examples=5)
settings.register_profile("long", deadline=None, max_examples=2000)
settings.load_profile("suite")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests that need what this machine does not have."""
    for item in items:
        for name, (is_here, reason) in MARKERS.items():
            if not is_here and item.get_closest_marker(name):
                item.add_marker(pytest.mark.skip(reason=reason))


# On a Python for which there is no PyTorch, say, the rest of the suite still tests the rest of hayago.
_LACKING = [package for package in EXTRAS if find_spec(package) is None and package != "tensorboard"]
_SAYS_SO = re.compile(rf"No module named '({'|'.join(_LACKING)})|this needs ({'|'.join(_LACKING)}),")


def _skipped_if_lacking(report: pytest.CollectReport | pytest.TestReport, name: str) -> None:
    if not _LACKING or not report.failed or "test_light" in name:
        return
    said = [str(report.longrepr), *(text for _, text in getattr(report, "sections", ()))]
    if any(map(_SAYS_SO.search, said)):
        report.outcome = "skipped"
        report.longrepr = (name, 0, f"Skipped: {' and '.join(_LACKING)} not installed")


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    """A module that imports what is not installed is skipped."""
    report = yield
    _skipped_if_lacking(report, collector.nodeid)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A test that needs what is not installed is skipped."""
    report = yield
    _skipped_if_lacking(report, item.nodeid)
    return report


@pytest.fixture(scope="session")
def shared() -> Path:
    """The development archives, which are no part of the project; without them a test is skipped."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the archives of ../shared/data are not here")
    return folder


@pytest.fixture(scope="session")
def demo_games() -> Path:
    """The 600 games that come with the project."""
    return DEMO_GAMES


@pytest.fixture(scope="session")
def kept_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Makes a folder that the next run finds again; with `-p no:cacheprovider`, one for this run."""
    cache = getattr(request.config, "cache", None)
    return cache.mkdir if cache is not None else tmp_path_factory.mktemp
