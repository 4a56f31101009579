"""Imports go one way. The order of the packages is that of the data: from the rules to the command line."""

import ast
from pathlib import Path

import hayago

ORDER = [
    "errors",
    "files",
    "rules",
    "records",
    "features",
    "learn",
    "play",
    "web",
    "bench",
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
