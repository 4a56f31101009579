"""Which lines of the kernels the tests of rules and planes run.

    python scripts/cover_kernels.py [TEST...]

Compiled code leaves no trace, so the tests run with NUMBA_DISABLE_JIT=1, every kernel as the Python function it is.
TESTs are what pytest is given; by default the tests of rules and planes on small boards. Prints, for each module that
holds kernels of the rules and the encoder, how many of its lines ran, and which did not; exits 1 if the tests fail.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import coverage

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "hayago"
TESTS = ("test_planes.py", "test_rules.py", "test_eyes.py", "test_properties.py")
# What only repeats on more positions, or on larger boards, takes plain Python many minutes.
LEFT_OUT = ("3-12675", "9-14-110", "13-4-200", "19x19", "real_games", "replayed_game", "laws", "symmetry", "order")
DEFAULT = [*(f"tests/{test}" for test in TESTS), "-k", f"not ({' or '.join(LEFT_OUT)})"]


def kernel_modules() -> list[Path]:
    """The modules of rules and features that hold kernels."""
    files = sorted(file for folder in ("rules", "features") for file in (PACKAGE / folder).glob("*.py"))
    return [file for file in files if "@kernel" in file.read_text(encoding="utf-8")]


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
            print(
                f"{module.relative_to(PACKAGE).as_posix():<24} {len(lines):>5} lines {share:>7.1%}   {where}".rstrip()
            )
    print(f"{'all':<24} {total:>5} lines {1 - missed / total:>7.1%}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
