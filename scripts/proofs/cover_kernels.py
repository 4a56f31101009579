"""Which lines of the kernels the tests of rules and planes run.

    python scripts/proofs/cover_kernels.py [TEST...]

Compiled code leaves no trace, so the tests run with NUMBA_DISABLE_JIT=1, every kernel as the Python function it is.
TESTs are passed to pytest; by default they are the tests of rules and planes on small boards. Prints, for each module
with kernels of the rules and the encoders, how many of its lines ran, and which did not; exits 1 if the tests fail. The
playouts are left out: without compilation they take hours.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import coverage

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "hayago"
# Uncompiled, the tests over thousands of positions take many minutes, and run no other lines than these.
DEFAULT = [
    "tests/features/test_planes.py::test_diagram",
    "tests/features/test_planes.py::test_random_games_equal_the_twin[2-20-12]",
    "tests/rules/test_rules.py",
    "tests/rules/test_light_boards.py",
    "--deselect=tests/rules/test_light_boards.py::test_everything_is_as_on_a_board[True-19-1-150]",
    "tests/rules/test_life.py",
    "tests/rules/test_scoring.py",
    "tests/features/test_planes.py::test_all_positions_are_those_of_moves_that_are_not_passes",
    "tests/rules/test_eyes.py",
    "tests/features/test_properties.py",
    "tests/records/test_store.py::test_first_illegal",
    "--deselect=tests/rules/test_rules.py::test_legal_positions_reachable[3-12675]",
    "--deselect=tests/features/test_properties.py::test_planes_equal_the_twin_and_keep_the_laws",
    "--hypothesis-profile=few",
]


def kernel_modules() -> list[Path]:
    """The modules of rules and features that hold kernels."""
    files = sorted(file for folder in ("rules", "features") for file in (PACKAGE / folder).rglob("*.py"))
    return [file for file in files if "@kernel" in file.read_text(encoding="utf-8") and file.name != "playouts.py"]


def main(tests: list[str]) -> int:
    modules = kernel_modules()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "coverage"
        include = ",".join(str(module) for module in modules)
        command = [sys.executable, "-m", "coverage", "run", f"--data-file={data}", f"--include={include}"]
        command += ["-m", "pytest", "-q", "-p", "no:cacheprovider", *(tests or DEFAULT)]
        environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(PACKAGE.parent)}
        status = subprocess.run(command, cwd=ROOT, env=environment, stdout=sys.stderr).returncode
        if status != 0:
            return 1
        covered = coverage.Coverage(data_file=data)
        covered.load()
        total = missed = 0
        for module in modules:
            _, lines, _, not_run, where = covered.analysis2(str(module))
            total, missed = total + len(lines), missed + len(not_run)
            share = 1 - len(not_run) / len(lines)
            name = module.relative_to(PACKAGE).as_posix()
            print(f"{name:<24} {len(lines):>5} lines {share:>7.1%}   {where}".rstrip())
    print(f"{'all':<24} {total:>5} lines {1 - missed / total:>7.1%}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
