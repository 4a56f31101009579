"""Imports go one way. The order of the packages is that of the data: from the rules to the command line."""

import ast
from pathlib import Path

import hayago

ORDER = [
    "errors",
    "files",
    "cores",
    "jit",
    "rules",
    "records",
    "features",
    "drawing",
    "network",
    "training",
    "evaluation",
    "player",
    "gtp",
    "match",
    "envs",
    "web",
    "benchmarks",
    "commands",
    "cli",
]
ROOT = Path(hayago.__file__).parent


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


# What the extra `web` brings: the rest must do without.
EXTRA = {"anyio", "fastapi", "pydantic", "starlette", "uvicorn"}


def test_only_the_web_package_needs_its_extra():
    needed = {
        path.relative_to(ROOT).parts[0]
        for path in ROOT.rglob("*.py")
        for module in imported(path)
        if module and module.split(".")[0] in EXTRA
    }
    assert needed == {"web"}


def test_only_the_command_uses_the_web_package_and_only_when_called():
    users = {path for path in ROOT.rglob("*.py") if path.parent.name != "web" and _uses_web(path)}
    assert users == {ROOT / "commands" / "web.py"}
    top = ast.parse((ROOT / "commands" / "web.py").read_text(encoding="utf-8")).body
    assert not any(isinstance(node, ast.ImportFrom) and node.module.startswith("hayago.web") for node in top)


def _uses_web(path):
    return any(module and module.startswith("hayago.web") for module in imported(path))


def test_each_package_uses_only_what_stands_to_its_left():
    paths = [path for path in ROOT.rglob("*.py") if path.name not in ("__main__.py",) and path.parent != ROOT]
    paths += [ROOT / f"{name}.py" for name in ORDER if (ROOT / f"{name}.py").exists()]
    assert len(paths) > 20
    for path in paths:
        here = path.relative_to(ROOT).parts[0].removesuffix(".py")
        for module in imported(path):
            if module and module.startswith("hayago."):
                there = module.split(".")[1]
                assert ORDER.index(there) <= ORDER.index(here), f"{path.name} imports {module}"
