"""Compare hayago's SGF reader with sgfmill on every file of some archives.

    python scripts/proofs/compare_readers.py ../shared/data/pro.tar.xz ../shared/data/quirks.tar.xz

For every path it prints how many files both read, how many only one of the two, and how many they read
differently. It names each difference, and each file that hayago does not read, with the reason. It ends with
1 if anything differs. 20,000 files take about a minute of one core.
"""

import sys
from collections import Counter
from multiprocessing import Pool

from hayago.records.archives import iter_files
from hayago.records.sgf import BadRecord, read_sgf
from readers import differences

# Which reader reads the first game of a file: (hayago, sgfmill).
NAMES = {(True, True): "both", (True, False): "hayago only", (False, True): "sgfmill only", (False, False): "neither"}


def compare(file: tuple[str, bytes]) -> tuple[str, bool, bool, list[str], str]:
    """(source, whether we read it, whether sgfmill does, the differences, why we do not read it)."""
    source, data = file
    ours, theirs, found = differences(data)
    reason = ""
    if not ours:
        try:
            read_sgf(data)
        except BadRecord as error:
            reason = str(error)
    return source, ours, theirs, found, reason


def main(paths: list[str]) -> int:
    """Compare on all files under the paths and print the counts; 1 if the readers differ anywhere."""
    total: Counter[str] = Counter()
    for path in paths:
        counts: Counter[str] = Counter()
        with Pool() as pool:
            for source, ours, theirs, found, reason in pool.imap(compare, iter_files([path]), chunksize=64):
                counts["files"] += 1
                counts[NAMES[ours, theirs]] += 1
                counts["differ"] += bool(found)
                for line in found:
                    print(f"{source}: {line}")
                if reason:
                    print(f"{source}: not read: {reason}")
        read = counts["both"] + counts["hayago only"]
        print(
            f"{path}: " + ", ".join(f"{name} {counts[name]}" for name in ("files", *NAMES.values(), "differ")), end=""
        )
        print(f"; hayago reads {read / counts['files']:.2%}")
        total += counts
    return 1 if total["differ"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
