"""Fuzz the files that come from elsewhere: python scripts/proofs/fuzz_files.py [KIND...] [--seconds N] [--seed N]

Good files of each kind are damaged: their bytes, the values in their headers, and what they hold, with seals and
checksums made right again. hayago's commands read them. Each must succeed or say why not in one line, and leave nothing
half-written. Kinds: archives, stores, models, checkpoints, logs, matches, openings.
"""

import bz2
import gzip
import io
import json
import lzma
import random
import shutil
import sys
import tarfile
import zipfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

import fuzz_sgf
from fuzzing import VALUES, Kind, check_whole, command, damaged, main, spoilt, succeed, summary
from hayago.network.architecture import Architecture
from hayago.network.model_file import HEADER_KEY, ModelInfo, load_model, save_model
from hayago.records.prepare import prepare
from hayago.records.store import _SCHEMA, read_store
from hayago.training.checkpoint import load_checkpoint
from hostile_stores import Draft, counted, draft_of, reseal, write

ROOT = Path(__file__).parents[2]
ENGINE = f'"{sys.executable}" -S "{ROOT / "tests" / "support" / "engines" / "honest.py"}"'


def some_games(count: int) -> list[bytes]:
    """Games of the demonstration file."""
    games = (ROOT / "data" / "demo-games.sgf").read_bytes().split(b"\n(;")[:count]
    return [games[0], *(b"(;" + game for game in games[1:])]


def small_store(folder: Path, games: int = 20) -> Path:
    """A store of a few games."""
    (folder / "games.sgf").write_bytes(b"\n".join(some_games(games)))
    prepare([folder / "games.sgf"], folder / "games.parquet")
    return folder / "games.parquet"


def small_network(path: Path, board_size: int = 19) -> Path:
    """A model file with a tiny network of random weights."""
    shape = Architecture(filters=2, planes=4, layers=2, board_size=board_size)
    generator = np.random.default_rng(0)
    weights = {name: generator.normal(size=size).astype(np.float32) for name, size in shape.tensor_shapes().items()}
    save_model(path, weights, ModelInfo(filters=2, planes=4, layers=2, board_size=board_size, history=(dict(HISTORY),)))
    return path


HISTORY: dict[str, Any] = {"games": 20, "steps": 7, "positions": 448, "config": {"seed": 1}, "validation_loss": None}


def refill(folder: Path, files: dict[str, bytes]) -> None:
    """Make a folder again, with just these files."""
    shutil.rmtree(folder)
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)


class Archives:
    """Archives of games, packed in all the ways, damaged before or after compression; `prepare` reads them."""

    names = ("a.sgf", "b/c.sgf", "d.txt", "囲碁.SGF", "e.zip")

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.games = some_games(5)
        small_store(folder)

    def _zip(self, lots: random.Random) -> bytes:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", lots.choice((0, 8, 12, 14))) as archive:
            for name, game in zip(self.names, self.games, strict=True):
                archive.writestr(name, game)
        marks = (b"PK\1\2", b"PK\3\4", b"PK\5\6")
        return damaged(file.getvalue(), lots, (*marks, b"PK\6\6", b"PK\6\7", b"\xff" * 8, b"\0" * 8), marks)

    def _tar(self, lots: random.Random) -> bytes:
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w", format=lots.choice((0, 1, 2))) as archive:
            for name, game in zip(self.names, self.games, strict=True):
                info = tarfile.TarInfo(name)
                info.size = len(game)
                archive.addfile(info, io.BytesIO(game))
        data = file.getvalue()
        if lots.random() < 0.8:
            pieces = (b"x", b"L", b"g", b"S", b"30 path=x\n", b"\x80" + b"\xff" * 11, b"77777777777\0", b"\0" * 512)
            data = _summed(damaged(data, lots, pieces, [b"0000644", b"ustar"]))
        return data

    def attempt(self, lots: random.Random) -> str:
        """See `Kind`."""
        suffix = lots.choice((".zip", ".tar", ".tar.gz", ".tar.bz2", ".tar.xz"))
        data = self._zip(lots) if suffix == ".zip" else self._tar(lots)
        pack = {".tar.gz": gzip.compress, ".tar.bz2": bz2.compress, ".tar.xz": lzma.compress}.get(suffix, bytes)
        data = pack(data)
        if lots.random() < 0.2:
            data = damaged(data, lots)
        path, out = self.folder / f"games{suffix}", self.folder / "out.parquet"
        path.write_bytes(data)
        reason = command("prepare", path, "--out", out, "--min-moves", 1)
        check_whole(self.folder)
        assert out.exists() == (not reason), reason
        if out.exists():
            assert len(read_store(out).table)
            out.unlink()
        return summary(reason, self.folder)


def _summed(data: bytes) -> bytes:
    """A tar with right checksums in all its headers."""
    changed = bytearray(data)
    for start in range(0, len(changed) - 511, 512):
        if changed[start + 257 : start + 262] == b"ustar":
            changed[start + 148 : start + 156] = b" " * 8
            changed[start + 148 : start + 156] = b"%06o\0 " % sum(changed[start : start + 512])
    return bytes(changed)


class Stores:
    """Stores with anything in their columns and notes, and with damaged bytes, all sealed rightly.

    `evaluate` and `export --planes` read them, so that every kernel sees what gets through.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.good = small_store(folder)
        self.draft = draft_of(self.good)
        self.model = small_network(folder / "model.safetensors")
        self.bad = folder / "bad.parquet"
        self.planes = folder / "planes"
        for reason in (self._export(self.good, 4), self._export(self.good, 48), self._evaluate(self.good, 8)):
            assert not reason, reason

    def _export(self, store: Path, planes: int) -> str:
        shutil.rmtree(self.planes, ignore_errors=True)
        reason = command("export", "--planes", self.planes, store, "--first", planes)
        assert self.planes.exists() == (not reason), reason
        return reason

    def _evaluate(self, store: Path, symmetries: int) -> str:
        words = ("--split", "all", "--limit", 200, "--symmetries", symmetries, "--json")
        return command("evaluate", store, "--model", self.model, *words)

    def _changed(self, lots: random.Random) -> None:
        draft = Draft({key: list(column) for key, column in self.draft.columns.items()}, dict(self.draft.notes), [])
        groups: Any = None
        for _ in range(lots.choice((1, 1, 2, 4))):
            row = lots.randrange(len(draft.columns["moves"]))
            name = lots.choice(("moves", "moves", "setup", "setup", lots.choice(_SCHEMA.names), "notes", "groups"))
            if name in ("moves", "setup"):
                draft.columns[name][row] = _codes(list(draft.columns[name][row] or ()), lots)
            elif name == "notes":
                key = lots.choice(sorted(draft.notes))
                draft.notes[key] = lots.choice(("", "7", "19", "1.0", "-1", "null", "9" * 5000, "\x1b[31m", "x" * 64))
            elif name == "groups":
                groups = spoilt(counted(draft), lots)
            else:
                draft.columns[name][row] = _entry(name, lots)
        write(draft, self.bad, _SCHEMA, counted(draft) if groups is None else groups)

    def attempt(self, lots: random.Random) -> str:
        """See `Kind`."""
        if lots.random() < 0.6:
            self._changed(lots)
        else:
            self.bad.write_bytes(damaged(self.good.read_bytes(), lots, marks=(b"PAR1", b"hayago", b"sha256")))
            reseal(self.bad)
        if lots.random() < 0.5:
            reason = self._evaluate(self.bad, lots.choice((1, 8)))
        else:
            reason = self._export(self.bad, lots.choice((4, 12, 20, 48)))
        check_whole(self.folder)
        return summary(reason, self.folder)


def _codes(codes: list[int], lots: random.Random) -> list[int]:
    """Moves or set-up stones, changed; most of them stay on the board."""
    match lots.randrange(6):
        case 0:
            return [lots.choice((361, 362, 400, 511, 512, 873, 1023, 1024, 0xFFFF))]
        case 1:
            return sorted({lots.randrange(361) for _ in range(lots.randrange(400))})
        case 2:
            return [lots.randrange(361) | 0x200 * lots.randrange(2) for _ in range(lots.randrange(3000))]
        case 3:
            return codes * lots.randrange(5)
        case 4 if codes:
            codes[lots.randrange(len(codes))] ^= 1 << lots.randrange(16)
            return codes
        case _:
            return lots.sample(codes, len(codes))


def _entry(name: str, lots: random.Random) -> Any:
    """A value that a column of the store can hold."""
    if name == "key":
        return lots.choice((None, lots.randbytes(16)))
    if name == "komi":
        return lots.choice((None, 0.0, -1e30, 3e38, float("nan"), float("inf"), 6.5))
    if name == "handicap":
        return lots.choice((None, 0, -1, 9, 361, 32767, -32768))
    texts = [value for value in VALUES if isinstance(value, str) and value != "\ud800"]
    return lots.choice((None, "train", "validation", "2001-13-45", "9d", "B+R", *texts))


class Tensors:
    """Files of tensors: their headers, the tensors themselves, and their bytes are damaged."""

    def __init__(self, good: Path) -> None:
        self.data = good.read_bytes()
        length = int.from_bytes(self.data[:8], "little")
        self.header = json.loads(json.loads(self.data[8 : 8 + length])["__metadata__"][HEADER_KEY])
        self.tensors = load_file(good)

    def damage(self, path: Path, lots: random.Random) -> None:
        """Write a damaged copy."""
        header, tensors = self.header, dict(self.tensors)
        match lots.randrange(4):
            case 0 | 1:
                for _ in range(lots.choice((1, 1, 3))):
                    header = spoilt(header, lots)
            case 2:
                name = lots.choice(sorted(tensors))
                tensors[name] = _tensor(tensors[name], lots)
            case _:
                path.write_bytes(damaged(self.data, lots, (b"{", b"[", b'"', b"}"), (b"dtype", b"shape", b"offsets")))
                return
        text = json.dumps(header)
        if lots.random() < 0.1:
            text = damaged(text.encode(), lots, (b"[", b"{", b"1e999", b"NaN", b"\\ud800")).decode("utf-8", "replace")
        save_file(tensors, path, {HEADER_KEY: text})


def _tensor(tensor: Any, lots: random.Random) -> Any:
    """Another tensor in its place."""
    match lots.randrange(6):
        case 0:
            return tensor.astype(lots.choice((np.float64, np.float16, np.int8, np.int64, np.bool_, np.complex64)))
        case 1:
            return np.resize(tensor, lots.choice(((), (0,), (1,), (3, 3), (*tensor.shape, 1), tensor.shape[::-1])))
        case 2:
            return np.full_like(tensor, lots.choice((0, 1)))
        case _:
            changed = np.array(tensor)
            if changed.size and changed.dtype.kind == "f":
                changed.flat[lots.randrange(changed.size)] = lots.choice((np.nan, np.inf, 3e38, -3e38, 1e-45))
            return changed


class Models:
    """Model files; `info`, `export` and `evaluate` read them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tensors = Tensors(small_network(folder / "good.safetensors"))
        self.games = folder / "games.sgf"
        self.games.write_bytes(some_games(1)[0])
        succeed("evaluate", self.games, "--model", folder / "good.safetensors", "--limit", 20)

    def attempt(self, lots: random.Random) -> str:
        """See `Kind`."""
        path, out = self.folder / "bad.safetensors", self.folder / "out.onnx"
        self.tensors.damage(path, lots)
        words: tuple[object, ...] = lots.choice((("info", path), ("info", path, "--json"), ("export", out)))
        if words[0] == "export":
            words = lots.choice(((*words, "--model", path), ("evaluate", self.games, "--model", path, "--limit", 20)))
        reason = command(*words)
        check_whole(self.folder)
        assert out.exists() == (not reason and words[0] == "export"), reason
        out.unlink(missing_ok=True)
        return summary(reason, self.folder)


class Runs(ABC):
    """Folders of runs that are resumed; what was there before is there afterwards, or what comes after it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.run = folder, folder / "run"
        store = small_store(folder)
        options = {"filters": 2, "layers": 2, "planes": 4, "batch-size": 16, "validations": 1, "device": "cpu"}
        options |= {"batch-norm-group": 16, "games-per-block": 20, "validation-positions": 16, "threads": 1}
        given = [word for name, value in options.items() for word in (f"--{name}", value)]
        self.words = ("train", "--games", store, "--out", self.run, "--schedule", "stable", *given)
        succeed(*self.words, "--positions", 64)
        self.good = {path.name: path.read_bytes() for path in self.run.iterdir() if path.is_file()}
        self.tensors = Tensors(self.run / "last.safetensors")

    @abstractmethod
    def damage(self, lots: random.Random) -> None:
        """Damage a file of the run, which is as it was."""

    def attempt(self, lots: random.Random) -> str:
        """See `Kind`."""
        refill(self.run, self.good)
        self.damage(lots)
        checkpoint = (self.run / "last.safetensors").read_bytes()
        reason = command(*self.words, "--positions", 96, "--resume")
        check_whole(self.run)
        if not reason or (self.run / "last.safetensors").read_bytes() != checkpoint:
            load_checkpoint(self.run / "last.safetensors")
        load_model(self.run / "model.safetensors")
        return summary(reason, self.folder)


class Checkpoints(Runs):
    """Runs with a damaged checkpoint."""

    def damage(self, lots: random.Random) -> None:
        """See `Runs`."""
        self.tensors.damage(self.run / "last.safetensors", lots)


class Logs(Runs):
    """Runs with a damaged log, and with files and folders in the places of others."""

    def damage(self, lots: random.Random) -> None:
        """See `Runs`."""
        if lots.random() < 0.8:
            pieces = (b",", b"\n", b'"', b"\r", b"nan", b"1e999", b"-1", b"9" * 5000, b"\xff", b"\0", b"x" * 200_000)
            (self.run / "log.csv").write_bytes(damaged(self.good["log.csv"], lots, pieces))
            return
        path = self.run / lots.choice(("log.csv", "best.safetensors", "curve.png", "tensorboard"))
        path.unlink(missing_ok=True)
        match lots.randrange(3):
            case 0:
                path.mkdir()
                (path / "x").write_bytes(b"")
            case 1:
                path.symlink_to(self.run / "nothing" / "there")
            case _:
                path.symlink_to(path)


class Matches:
    """Folders of matches that are continued, with damaged results, description or openings."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.match = folder, folder / "match"
        players = [f"one={ENGINE}", f"other={ENGINE} --length 2"]
        referee = ("--referee", f"{ENGINE} --score B+3.5")
        self.words = ("match", *players, "--out", self.match, "--games", 4, "--size", 9, "--seed", 1, *referee)
        succeed(*self.words)
        self.good = {path.name: path.read_bytes() for path in self.match.iterdir() if path.is_file()}

    def _damage(self, lots: random.Random) -> None:
        name = lots.choice(("results.jsonl", "results.jsonl", "match.json", "openings.sgf"))
        data = self.good[name]
        if name == "openings.sgf":
            data = fuzz_sgf.mutated(data, lots)
        elif lots.random() < 0.3:
            data = damaged(data, lots, (b"{", b"\n", b"null", b'"', b"[" * 5000, b"\xff", b"{}\n", b"9" * 5000))
        elif name == "match.json":
            data = json.dumps(spoilt(json.loads(data), lots)).encode()
        else:
            lines = [json.loads(line) for line in data.splitlines()]
            lines = spoilt(lines, lots) if lots.random() < 0.3 else [spoilt(line, lots) for line in lines]
            data = b"".join(json.dumps(line).encode() + b"\n" for line in lines) if isinstance(lines, list) else b"7\n"
        (self.match / name).write_bytes(data)

    def attempt(self, lots: random.Random) -> str:
        """See `Kind`."""
        refill(self.match, self.good)
        self._damage(lots)
        before = {path.name: path.read_bytes() for path in self.match.iterdir()}
        reason = command(*self.words, *["--json"] * lots.randrange(2))
        check_whole(self.match)
        if not reason:
            results = [json.loads(line) for line in (self.match / "results.jsonl").read_bytes().splitlines()]
            assert sorted(result["number"] for result in results) == [1, 2, 3, 4]
        elif "line" not in reason:
            assert (
                before.items()
                <= {path.name: path.read_bytes() for path in self.match.iterdir() if path.is_file()}.items()
            )
        return summary(reason, self.folder)


class Openings:
    """Files of openings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def attempt(self, lots: random.Random) -> str:
        """See `Kind`."""
        game = "(;GM[1]FF[4]SZ[9]KM[7.5];B[cc];W[gg];B[gc];W[cg])" if lots.random() < 0.8 else fuzz_sgf.game_text(lots)
        handicap = "(;SZ[9]HA[2]AB[cc][gg];W[gc])"
        data = fuzz_sgf.mutated(f"{game}\n{handicap}\n(;SZ[9];B[ee])".encode(), lots)
        path, out = self.folder / "openings.sgf", self.folder / "match"
        path.write_bytes(data)
        limit = ("--opening-moves", lots.randrange(5)) if lots.random() < 0.5 else ()
        rules = ("--ko", lots.choice(("simple", "positional")), "--size", 9, "--games", 2)
        reason = command(
            "match",
            ENGINE,
            ENGINE,
            "--openings",
            path,
            "--out",
            out,
            *rules,
            *limit,
            "--referee",
            f"{ENGINE} --score 0",
        )
        check_whole(self.folder)
        assert not reason or not (out / "match.json").exists(), reason
        shutil.rmtree(out, ignore_errors=True)
        return summary(reason, self.folder)


KINDS: dict[str, type[Kind]] = {
    "archives": Archives,
    "stores": Stores,
    "models": Models,
    "checkpoints": Checkpoints,
    "logs": Logs,
    "matches": Matches,
    "openings": Openings,
}

if __name__ == "__main__":
    main(__doc__, KINDS)
