"""The cores that a process may use, in and out of containers."""

import math
from pathlib import Path

import pytest

from hayago import cores as module
from hayago.cores import cores


def group(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


# The lines of /proc/self/cgroup, the files of the groups, and the share; as the kernel's documentation describes them.
CASES: dict[str, tuple[str, dict[str, str], float]] = {
    "version 2, in a container": ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
    "version 2, no limit": ("0::/\n", {"cpu.max": "max 100000\n"}, math.inf),
    "version 2, a service": ("0::/a.slice/b\n", {"a.slice/b/cpu.max": "50000 100000\n"}, 0.5),
    "version 2, its parent": (
        "0::/a.slice/b\n",
        {"a.slice/cpu.max": "200000 100000\n", "a.slice/b/cpu.max": "max 100000\n"},
        2.0,
    ),
    "version 1": (
        "4:cpu,cpuacct:/docker/1\n3:cpuset:/\n",
        {"cpu/docker/1/cpu.cfs_quota_us": "300000\n", "cpu/docker/1/cpu.cfs_period_us": "100000\n"},
        3.0,
    ),
    "version 1, in a container": (
        "4:cpuacct,cpu:/docker/1\n",  # the path outside, which is not there inside
        {"cpu/cpu.cfs_quota_us": "25000\n", "cpu/cpu.cfs_period_us": "100000\n"},
        0.25,
    ),
    "version 1, no limit": (
        "4:cpu:/\n",
        {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"},
        math.inf,
    ),
    "no groups": ("", {}, math.inf),
    "a path with colons": ("0::/a:b\n", {"a:b/cpu.max": "100000 100000\n"}, 1.0),
}


@pytest.mark.parametrize("case", CASES)
def test_the_share_of_a_container(tmp_path: Path, case: str) -> None:
    own, files, share = CASES[case]
    (tmp_path / "own").write_text(own)
    assert module._share(group(tmp_path / "groups", files), tmp_path / "own") == share


def test_a_share_is_rounded_up_and_never_more_than_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own").write_text("0::/\n")
    monkeypatch.setattr(module, "_GROUPS", tmp_path)
    monkeypatch.setattr(module, "_OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(64)), raising=False)
    for text, expected in (("150000 100000", 2), ("20000 100000", 1), ("99900000 100000", 64), ("max 100000", 64)):
        (tmp_path / "cpu.max").write_text(text)
        assert cores() == expected


def test_without_control_groups(tmp_path: Path) -> None:
    assert module._share(tmp_path, tmp_path / "none") == math.inf
    assert cores() >= 1
