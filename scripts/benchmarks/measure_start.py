"""How soon hayago plays: python scripts/benchmarks/measure_start.py [--runs N] [--hayago PROGRAM]

Starts `hayago gtp` and `hayago web` with an empty cache of kernels, and again with a full one. Prints, for each kind of
start, the seconds from the start to each answer: the median, and the fastest and slowest run. Let nothing else run.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

GTP = {
    "gtp: name": "name",
    "gtp: boardsize": "boardsize 19",
    "gtp: play": "play b D4",
    "gtp: first move": "genmove w",
    "gtp: first line of an analysis": "kata-analyze b 1",
}


def gtp_times(program: list[str], environment: dict[str, str]) -> Iterator[tuple[str, float]]:
    """When each of these commands is answered."""
    started = time.perf_counter()
    engine = subprocess.Popen(
        [*program, "gtp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    for name, command in GTP.items():
        engine.stdin.write(command + "\n")
        engine.stdin.flush()
        engine.stdout.readline()
        engine.stdout.readline()  # a blank line, or the first candidates
        yield name, time.perf_counter() - started
    engine.communicate("quit\n")


def page_times(program: list[str], environment: dict[str, str]) -> Iterator[tuple[str, float]]:
    """When the page gives its address, takes the user's first move, and answers it."""
    started = time.perf_counter()
    command = [*program, "web", "--no-browser", "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    address = server.stdout.readline().strip()
    yield "page: address", time.perf_counter() - started

    def post(path: str, content: dict[str, str]) -> dict[str, object]:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{address}api/games{path}", json.dumps(content).encode(), headers)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    game = post("", {"human": "B"})["id"]
    post(f"/{game}/moves", {"vertex": "D4"})
    yield "page: the user's move", time.perf_counter() - started
    post(f"/{game}/reply", {})
    yield "page: first move", time.perf_counter() - started
    server.terminate()
    server.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--hayago", type=Path, help="the program of another installation")
    arguments = parser.parse_args()
    program = [str(arguments.hayago)] if arguments.hayago else [sys.executable, "-m", "hayago"]
    times: defaultdict[str, list[float]] = defaultdict(list)
    for _ in range(arguments.runs):
        for measure in (gtp_times, page_times):
            with TemporaryDirectory() as folder:
                environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
                for name, seconds in measure(program, environment):
                    times[f"empty cache, {name}"].append(seconds)
                subprocess.run([*program, "gtp", "--check"], env=environment, check=True, capture_output=True)
                for name, seconds in measure(program, environment):
                    times[f"full cache, {name}"].append(seconds)
    for name, all_of_them in sorted(times.items()):
        print(f"{name:45}  {median(all_of_them):6.2f} s  ({min(all_of_them):.2f} to {max(all_of_them):.2f})")


if __name__ == "__main__":
    main()
