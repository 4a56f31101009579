"""What README and docs say is so: commands exist, options exist, Python runs, facts are those of the code."""

import re
import shlex
import shutil
import subprocess
import sys

import pytest

from hayago import __version__
from hayago.cli import COMMANDS, build_app
from hayago.player.endgame import PLAYOUTS
from hayago.player.styles import LEVELS
from paths import ROOT

README = ROOT / "README.md"
PAGES = [
    README,
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "examples" / "README.md",
    *ROOT.glob("scripts/*/README.md"),
]
# What needs files that only a user has, ends never, or opens a window; these must only be understood.
LASTING = re.compile(
    r"hayago (web|train|download|match|evaluate (games|pro|kgs|--recipe)|gtp --model|export)|quickstart|scripts/test"
)


def fenced(path, language):
    """The blocks of a page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def commands(path):
    """The lines that begin with `hayago`, in blocks and in the text."""
    text = path.read_text(encoding="utf-8")
    lines = [line for block in fenced(path, "sh") for line in block.replace("\\\n", " ").splitlines()]
    lines += re.findall(r"`(hayago [^`]+)`", text)
    return [line for line in lines if line.startswith("hayago ") and "CLIENT" not in line]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_commands_and_options_exist(path):
    app = build_app()
    for line in commands(path):
        words = shlex.split(line.split("  #")[0])[1:]
        if words[0].startswith("-"):
            assert words in (["--help"], ["--version"])
            continue
        assert words[0] in COMMANDS, line
        help_text = app[words[0]]
        options = {name for argument in help_text.assemble_argument_collection() for name in argument.names}
        for word in words[1:]:
            if word.startswith("--") and " " not in word:
                assert word.partition("=")[0] in options | {"--help"}, line


def test_readme_is_short():
    text = README.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 130 and len(re.sub(r"```.*?```", "", text, flags=re.DOTALL).split()) <= 900


@pytest.mark.slow
def test_the_readme_s_commands_run_as_typed(tmp_path):
    """In a folder that looks like a checkout, with hayago's own environment activated."""
    (tmp_path / "data").mkdir()
    shutil.copy(ROOT / "data" / "demo-games.sgf", tmp_path / "data")
    ran = 0
    for line in commands(README):
        if LASTING.search(line) or line.startswith("hayago gtp --model") or "\n" in line:
            continue
        done = subprocess.run(
            [sys.executable, "-m", *shlex.split(line)], cwd=tmp_path, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        ran += 1
    assert ran >= 3 and (tmp_path / "board.png").exists() and (tmp_path / "games.parquet").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["README.md", "docs/getting-started.md", "docs/your-own-network.md", "docs/environment.md"]
)
def test_python_runs_as_typed(name, tmp_path):
    blocks = [block for block in fenced(ROOT / name, "python") if "OUT/" not in block]
    assert blocks
    (tmp_path / "data").symlink_to(ROOT / "data")
    for block in blocks:
        done = subprocess.run([sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr


def test_the_levels_are_those_of_the_code():
    text = (ROOT / "docs" / "go-programs.md").read_text(encoding="utf-8")
    row = next(line for line in text.splitlines() if line.startswith("| Temperature |"))
    assert [float(cell) for cell in row.split("|")[2:-1]] == [level.temperature for level in LEVELS]
    assert [level.symmetries for level in LEVELS] == [1] * 9 + [8]


@pytest.mark.parametrize("name", ["gtp.md", "go-programs.md"])
def test_the_playouts_are_those_of_the_code(name):
    numbers = re.findall(r"(\d+) (?:fast playouts|of them)", (ROOT / "docs" / name).read_text(encoding="utf-8"))
    assert numbers and set(numbers) == {str(PLAYOUTS)}


def test_the_file_tree_is_the_real_one():
    """docs/architecture.md names every module of the package, once, with a few words on each."""
    (block,) = fenced(ROOT / "docs" / "architecture.md", "text")
    told, folder = [], ""
    for line in block.splitlines()[1:]:
        name, _, words = line.strip().partition(" ")
        depth = (len(line) - len(line.lstrip())) // 2
        if name.endswith("/"):
            folder = "/".join([*folder.split("/")[: depth - 1], name[:-1]]).strip("/")
            continue
        parent = "/".join(folder.split("/")[: depth - 1])
        told.append(f"{parent}/{name}".strip("/"))
        assert words.strip(), f"nothing is said of {name}"
    package = ROOT / "src" / "hayago"
    there = [path.relative_to(package).as_posix() for path in package.rglob("*.py") if path.name != "__init__.py"]
    assert sorted(told) == sorted(there)


def test_the_version_stands_once():
    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_site_builds_strictly(tmp_path):
    zensical = shutil.which("zensical", path=str(ROOT / ".venv" / "bin")) or shutil.which("zensical")
    if zensical is None:
        pytest.skip("zensical is not installed")
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    done = subprocess.run([zensical, "build", "--strict"], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = [page.read_text(encoding="utf-8") for page in (tmp_path / "dist" / "site").rglob("*.html")]
    assert len(pages) > 15 and not any(re.search(r'(src|href)="https?://[^"]*\.(js|css|woff)', page) for page in pages)
