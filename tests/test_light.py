"""The light installation: playing, the page, and measuring on SGF files, in an environment that has nothing more.

The environment is a real one. Its packages are those that the wheel asks for, and what these ask for in turn, linked
from the environment of the tests.
"""

import json
import re
import subprocess
import tomllib
import urllib.request
import venv
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from hayago.extras import EXTRAS, advice
from paths import ROOT
from programs import GNUGO

DEMO = ROOT / "data" / "demo-games.sgf"
LIMIT = 600
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_extras_are_those_of_pyproject() -> None:
    optional = PROJECT["optional-dependencies"]
    named = {Requirement(text).name: extra for extra in ("train", "all") for text in optional[extra]}
    assert {**named} == {**EXTRAS, "hayago": "all"}
    assert not set(EXTRAS) & {Requirement(text).name for text in PROJECT["dependencies"]}


def test_only_a_missing_extra_has_advice() -> None:
    assert advice(ModuleNotFoundError("No module named 'torch'", name="torch")).endswith('pip install "hayago[train]"')
    assert advice(ModuleNotFoundError("", name="pyarrow.parquet")).startswith("this needs pyarrow")
    assert advice(ModuleNotFoundError("", name="numpy")) == ""
    assert advice(ImportError("a symbol is missing", name="torch")) == ""
    wrapped = ImportError("cannot import")
    wrapped.__cause__ = ModuleNotFoundError("", name="tensorboard")
    assert "hayago[all]" in advice(wrapped)
    assert advice(ValueError()) == advice(None) == ""


def closure(requirements: list[str]) -> dict[str, metadata.Distribution]:
    """The distributions that these requirements bring, by name."""
    found: dict[str, metadata.Distribution] = {}
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        wanted = waiting.pop()
        name = re.sub(r"[-_.]+", "-", wanted.name).lower()
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        if name in found:
            continue
        found[name] = metadata.distribution(wanted.name)
        waiting += [Requirement(text) for text in found[name].requires or []]
    return found


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs of an environment with the light installation."""
    folder = tmp_path_factory.mktemp("light")
    venv.create(folder / "env", with_pip=False, symlinks=True)
    site = next((folder / "env").glob("lib/python*/site-packages"))
    for distribution in closure(PROJECT["dependencies"]).values():
        for file in distribution.files or []:
            top = file.parts[0]
            if top not in ("..", "__pycache__") and not (site / top).exists():
                (site / top).symlink_to(distribution.locate_file(top))
    (site / "hayago.pth").write_text(f"{ROOT / 'src'}\n")  # the same files, so that nothing is compiled twice
    program = folder / "env" / "bin" / "hayago"
    python = folder / "env" / "bin" / "python"
    program.write_text(f"#!{python}\nimport sys\nfrom hayago.cli import main\nsys.exit(main())\n")
    program.chmod(0o755)
    return program.parent


def run(program: Path, *arguments: str, code: int = 0, **options: object) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=LIMIT, **options)  # type: ignore[call-overload]
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done  # type: ignore[no-any-return]


@pytest.mark.slow
def test_the_environment_has_none_of_the_others(light: Path) -> None:
    for package in [*EXTRAS, "onnx", "PIL"]:
        program = f"import importlib.util; print(importlib.util.find_spec({package!r}))"
        assert run(light / "python", "-c", program).stdout == "None\n"


@pytest.mark.slow
def test_it_plays(light: Path) -> None:
    lines = "boardsize 19\nkomi 7.5\nplay b D4\ngenmove w\nkata-genmove_analyze b 10\nfinal_score\nquit\n"
    said = run(light / "hayago", "gtp", input=lines).stdout
    assert said.count("= ") == 7 and "?" not in said
    assert run(light / "hayago", "gtp", "--check").stdout.startswith("all is well")


@pytest.mark.slow
def test_it_predicts_with_pictures(light: Path, tmp_path: Path) -> None:
    pictures = ["--image", str(tmp_path / "a.png"), "--planes", str(tmp_path / "b.png")]
    said = json.loads(run(light / "hayago", "predict", str(DEMO), "--move", "30", "--json", *pictures).stdout)
    assert said["likeliest"]
    assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in ("a.png", "b.png"))


@pytest.mark.slow
def test_it_evaluates_sgf_files(light: Path, tmp_path: Path) -> None:
    csv = tmp_path / "a.csv"
    said = run(light / "hayago", "evaluate", str(DEMO), "--limit", "200", "--json", "--csv", str(csv)).stdout
    assert json.loads(said)["models"] and csv.exists()


@pytest.mark.slow
def test_it_describes_exports_and_measures(light: Path, tmp_path: Path) -> None:
    assert run(light / "hayago", "info").stdout
    run(light / "hayago", "export", str(tmp_path / "a.onnx"))
    assert (tmp_path / "a.onnx").stat().st_size > 100_000
    assert "read_files_per_s" in run(light / "hayago", "bench", "read", "--json", "--games", str(DEMO)).stdout


@pytest.mark.slow
def test_its_page_answers(light: Path) -> None:
    server = subprocess.Popen(
        [light / "hayago", "web", "--no-browser", "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    try:
        address = server.stdout.readline().strip()  # type: ignore[union-attr]

        def post(path: str, content: dict[str, object]) -> dict[str, object]:
            request = urllib.request.Request(
                address + path, json.dumps(content).encode(), {"Content-Type": "application/json"}
            )
            answer: dict[str, object] = json.load(urllib.request.urlopen(request, timeout=LIMIT))
            return answer

        game = post("api/games", {"human": "B"})
        post(f"api/games/{game['id']}/moves", {"vertex": "D4"})
        assert len(post(f"api/games/{game['id']}/reply", {})["moves"]) == 2  # type: ignore[arg-type]
    finally:
        server.terminate()
        assert server.wait(LIMIT) == 0


@pytest.mark.slow
def test_the_environment_passes_its_check(light: Path) -> None:
    program = """
import gymnasium, hayago.envs
from gymnasium.utils.env_checker import check_env
check_env(gymnasium.make("hayago/Go-v0", board_size=9).unwrapped, skip_render_check=True)
print("fine")
"""
    assert run(light / "python", "-c", program).stdout == "fine\n"


@pytest.mark.slow
@pytest.mark.gnugo
@pytest.mark.skipif(GNUGO is None, reason="needs GNU Go")
def test_it_plays_a_match(light: Path, tmp_path: Path) -> None:
    engine = f"{GNUGO} --mode gtp --level 1"
    options = ["--games", "4", "--move-limit", "40", "--out", str(tmp_path / "match"), "--json"]
    said = run(light / "hayago", "match", "box", engine, *options).stdout
    assert json.loads(said)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "package"),
    [
        ("train --games GAMES --out OUT", "torch"),
        ("prepare GAMES --out OUT.parquet", "pyarrow"),
        ("evaluate OUT.parquet", "pyarrow"),
        ("evaluate GAMES --report OUT.html", "matplotlib"),
        ("evaluate GAMES --plots OUT", "matplotlib"),
        ("export --planes OUT GAMES", "pyarrow"),
        ("gtp --device cuda", "torch"),
        ("bench train", "torch"),
    ],
)
def test_what_is_missing_is_one_line(light: Path, tmp_path: Path, words: str, package: str) -> None:
    out = tmp_path / "out"
    given = words.replace("GAMES", str(DEMO)).replace("OUT", str(out)).split()
    done = run(light / "hayago", *given, code=1, input="name\nboardsize 19\n")
    assert not done.stdout or given[0] == "gtp"
    lines = [line for line in done.stderr.splitlines() if "compiling kernels" not in line]
    assert lines == [f'hayago: this needs {package}, which is not installed: pip install "hayago[{EXTRAS[package]}]"']
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_public_name_that_is_missing_says_so(light: Path) -> None:
    done = subprocess.run(
        [light / "python", "-c", "import hayago; hayago.PolicyNetwork"], capture_output=True, text=True, check=False
    )
    assert done.stderr.splitlines()[-1] == (
        "ModuleNotFoundError: hayago.PolicyNetwork: this needs torch, which is not installed:"
        ' pip install "hayago[train]"'
    )


def test_this_environment_has_some_of_them() -> None:
    # Otherwise the tests above would prove nothing.
    assert metadata.version("pyarrow") and metadata.version("matplotlib")
