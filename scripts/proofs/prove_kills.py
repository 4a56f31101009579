"""Kill commands at any moment: python scripts/proofs/prove_kills.py [COMMAND...] [--seconds N] [--seed N]

`prepare`, `match`, `download`, `evaluate`, `export` and `train` run once undisturbed. Then they are killed (SIGKILL)
after a random part of that time, up to three times, and run again to the end. After each kill, what has its final name
must be whole. After the last run, the result must be that of the undisturbed one.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fuzz_files import ENGINE, ROOT, small_network, some_games
from fuzzing import check_lines
from hayago.errors import HayagoError
from hayago.network.model_file import load_model
from hayago.records.archives import iter_files
from hayago.records.prepare import prepare
from hayago.records.store import read_store
from hayago.training.checkpoint import load_checkpoint

POSIX = hasattr(signal, "SIGKILL")


class Job(ABC):
    """A command, what it leaves, and what of that is whole.

    Attributes:
        words: the command line.
        out: the folder that it writes into.
    """

    words: list[object]

    def __init__(self, folder: Path) -> None:
        self.folder, self.out = folder, folder / "out"

    @abstractmethod
    def result(self) -> Any:
        """What there is, to be compared; raises an AssertionError or HayagoError if it is not whole."""

    def close(self) -> None:  # noqa: B027 - most jobs hold nothing
        """Release what is held."""

    def start(self) -> "subprocess.Popen[str]":
        """Start the command."""
        words = [sys.executable, "-m", "hayago", *map(str, self.words)]
        return subprocess.Popen(
            words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
        )

    def end(self) -> str:
        """Run the command to its end; gives "" for success, or the one line that says why it failed."""
        with self.start() as process:
            _, errors = process.communicate(timeout=600)
        lines = errors.splitlines()
        check_lines(process.returncode, lines)
        return lines[-1] if process.returncode else ""

    def succeed(self) -> None:
        """Run the command to its end; if it fails, the AssertionError says why."""
        reason = self.end()
        assert not reason, reason

    def check(self) -> Any:
        """See `result`; what is not whole is an AssertionError."""
        try:
            return self.result()
        except HayagoError as error:
            raise AssertionError(f"not whole: {error}") from error

    def undisturbed(self) -> tuple[Any, float]:
        """The result of a run that nothing disturbs, and its seconds."""
        for _ in range(2):  # the first compiles kernels
            self.clear()
            began = time.monotonic()
            self.succeed()
        return self.result(), time.monotonic() - began

    def clear(self) -> None:
        """Begin again with an empty folder."""
        shutil.rmtree(self.out, ignore_errors=True)
        self.out.mkdir()

    def kill(self, seconds: float) -> bool:
        """Run it and kill it, with all that it has started; gives whether it was still running."""
        with self.start() as process:
            try:
                process.wait(seconds)
                return False
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                return True


class Prepare(Job):
    """A store."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.words = ["prepare", ROOT / "data" / "demo-games.sgf", "--out", self.out / "games.parquet"]

    def result(self) -> Any:
        """See `Job`."""
        path = self.out / "games.parquet"
        return read_store(path).fingerprint if path.exists() else None


class Match(Job):
    """A match of engines that always play the same."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        players = [f"one={ENGINE}", f"other={ENGINE} --length 2", "--referee", f"{ENGINE} --score B+3.5"]
        self.words = ["match", *players, "--out", self.out / "match", "--games", 12, "--size", 9, "--parallel", 2]

    def result(self) -> Any:
        """See `Job`."""
        folder = self.out / "match"
        if (folder / "match.json").exists():
            json.loads((folder / "match.json").read_bytes())
            assert list(iter_files([folder / "openings.sgf"]))
        if not (folder / "results.jsonl").exists():
            return None
        games = [json.loads(line) for line in (folder / "results.jsonl").read_bytes().split(b"\n")[:-1]]
        for game in games:
            assert (folder / "games" / f"{game['number']:04d}.sgf").read_bytes().endswith(b")\n")
        fields = ("number", "black", "white", "winner", "result", "ending", "moves", "fingerprint")
        return sorted([game[field] for field in fields] for game in games)


class Download(Job):
    """Two archives from a slow server, which sends ranges."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        path = folder / "archive"
        path.mkdir()
        for number, game in enumerate(some_games(300)):
            (path / f"{number}.sgf").write_bytes(game)
        self.data = Path(shutil.make_archive(str(folder / "made"), "zip", path)).read_bytes()
        data = self.data

        class Handler(BaseHTTPRequestHandler):
            """Sends the archive, or the rest of it, slowly."""

            def do_GET(self) -> None:
                """See `BaseHTTPRequestHandler`."""
                start = int(self.headers.get("Range", "bytes=0-")[6:-1])
                self.send_response(206 if start else 200)
                self.send_header("ETag", '"7"')
                self.send_header("Content-Length", str(len(data) - start))
                if start:
                    self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
                self.end_headers()
                try:
                    for place in range(start, len(data), 20_000):
                        self.wfile.write(data[place : place + 20_000])
                        time.sleep(0.05)
                except OSError:
                    return

            def log_message(self, *arguments: object) -> None:
                """Nothing to say."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        urls = [f"http://127.0.0.1:{self.server.server_address[1]}/{name}.zip" for name in "ab"]
        self.words = ["download", *urls, "--out", self.out / "games", "--pause", 0]

    def close(self) -> None:
        """See `Job`."""
        self.server.shutdown()
        self.server.server_close()

    def result(self) -> Any:
        """See `Job`."""
        found = sorted((self.out / "games").glob("*.zip"))
        assert all(path.read_bytes() == self.data for path in found)
        return [path.name for path in found]


class Evaluate(Job):
    """A report, a table and charts."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        games = folder / "games.sgf"
        games.write_bytes(b"\n".join(some_games(20)))
        model = small_network(folder / "model.safetensors")
        outs = ["--report", self.out / "r.html", "--csv", self.out / "t.csv", "--plots", self.out / "plots"]
        self.words = ["evaluate", games, "--model", model, "--limit", 500, *outs]

    def result(self) -> Any:
        """See `Job`."""
        table, report = self.out / "t.csv", self.out / "r.html"
        assert not report.exists() or report.read_text(encoding="utf-8").rstrip().endswith("</html>")
        charts = sorted((self.out / "plots").glob("*.svg"))
        assert all(chart.read_text(encoding="utf-8").rstrip().endswith("</svg>") for chart in charts)
        return table.read_text(encoding="utf-8") if table.exists() else None, [chart.name for chart in charts]


class Export(Job):
    """Planes of a few games."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        games = folder / "games.sgf"
        games.write_bytes(b"\n".join(some_games(20)))
        self.words = ["export", "--planes", self.out / "planes", games]

    def end(self) -> str:
        """See `Job`. Planes that were complete when the command was killed are not written again."""
        return "" if (self.out / "planes").exists() else super().end()

    def result(self) -> Any:
        """See `Job`."""
        folder = self.out / "planes"
        return {path.name: path.stat().st_size for path in folder.iterdir()} if folder.exists() else None


class Train(Job):
    """A small network, which ends in the same weights to the last bit, however often it was resumed."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        games = folder / "games.parquet"
        prepare([ROOT / "data" / "demo-games.sgf"], games)
        small = ["--filters", 4, "--layers", 3, "--positions", 2560, "--validation-positions", 64, "--threads", 1]
        self.run = self.out / "run"
        self.words = ["train", "--games", games, "--out", self.run, *small, "--checkpoint-minutes", 0]

    def start(self) -> "subprocess.Popen[str]":
        """Start, or resume where there is a checkpoint."""
        self.words = [word for word in self.words if word != "--resume"]
        if (self.run / "last.safetensors").exists():
            self.words.append("--resume")
        return super().start()

    def result(self) -> Any:
        """See `Job`."""
        for name, load in (("last", load_checkpoint), ("best", load_model)):
            if (self.run / f"{name}.safetensors").exists():
                load(self.run / f"{name}.safetensors")
        if not (self.run / "model.safetensors").exists():
            return None
        weights = load_model(self.run / "model.safetensors").weights
        return hashlib.sha256(b"".join(weights[name].tobytes() for name in sorted(weights))).hexdigest()


JOBS: dict[str, type[Job]] = {
    "prepare": Prepare,
    "match": Match,
    "download": Download,
    "evaluate": Evaluate,
    "export": Export,
    "train": Train,
}


def prove(name: str, seed: int) -> Iterator[int]:
    """Kill a command again and again; gives for each run to the end how often it was killed before."""
    lots = random.Random(seed)
    with TemporaryDirectory(prefix="hayago-kills-") as folder:
        job = JOBS[name](Path(folder))
        try:
            expected, seconds = job.undisturbed()
            while True:
                job.clear()
                kills = 0
                for _ in range(lots.choice((1, 1, 2, 3))):
                    kills += job.kill(lots.random() * seconds)
                    job.check()
                job.succeed()
                assert job.check() == expected, (job.result(), expected)
                yield kills
        finally:
            job.close()


def main() -> None:
    """Kill, and print what was done."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("commands", nargs="*", choices=[*JOBS, []], help="by default all")
    parser.add_argument("--seconds", type=float, default=60, help="for each command")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for name in options.commands or JOBS:
        ends = time.monotonic() + options.seconds
        counts: Counter[str] = Counter()
        for kills in prove(name, options.seed):
            counts.update(kills=kills, runs=1)
            if time.monotonic() > ends:
                break
        print(f"{name}: {counts['kills']} kills, {counts['runs']} runs to the end: all as undisturbed", flush=True)


if __name__ == "__main__":
    main()
