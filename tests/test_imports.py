"""The order of the house: imports go one way, packages stay small, and names tell things apart."""

import ast
from collections import defaultdict
from pathlib import Path

import hayago

# Data flows from left to right, and each part imports only from its left; training and evaluation ignore each other.
ORDER = [
    "errors", "extras", "files", "cores", "jit", "deferred", "rules", "records", "features", "drawing", "network",
    "training", "evaluation", "player", "gtp", "match", "envs", "web", "benchmarks", "commands", "cli",
]  # fmt: skip
# The front door: what makes `Board` pleasant to use looks ahead, inside the functions that need it.
FRONT_DOOR = {("rules/board.py", "hayago.records.sgf"), ("rules/board.py", "hayago.drawing.svg")}
MOST_FILES = 14
ROOT = Path(hayago.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def imported(path):
    """The modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            # `from hayago.web import schema` names a module of the package, or something in its __init__
            modules = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (module if _is_module(module) else node.module for module in modules)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _is_module(name):
    path = ROOT.parent.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").exists()


def part_of(module):
    return module.split(".")[1] if module.startswith("hayago.") else None


def test_each_part_uses_only_what_stands_to_its_left():
    found = set()
    for path in FILES:
        here = path.relative_to(ROOT).parts[0].removesuffix(".py")
        if here in ("__init__", "__main__"):
            continue
        for module in imported(path):
            there = part_of(module)
            if there is None or there == "__version__":
                continue
            if ORDER.index(there) > ORDER.index(here) or {here, there} == {"training", "evaluation"}:
                found.add((name_of(path), module))
    assert found == FRONT_DOOR


def test_the_root_imports_nothing_when_it_is_imported():
    """Its names are fetched on first use; what it imports for type checkers are exactly those names."""
    tree = ast.parse((ROOT / "__init__.py").read_text(encoding="utf-8"))
    at_once = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert all(not (node.module or "").startswith("hayago") for node in at_once if isinstance(node, ast.ImportFrom))
    (block,) = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    homes = {alias.name: node.module for node in block.body for alias in node.names}
    assert homes == hayago._HOMES
    assert sorted([*homes, "__version__"]) == sorted(hayago.__all__)


# What the extra `web` brings: the rest must do without.
EXTRA = {"anyio", "fastapi", "h11", "pydantic", "starlette", "uvicorn"}


def test_only_the_web_package_needs_its_extra():
    users = [name_of(path) for path in FILES if EXTRA & {name.split(".")[0] for name in imported(path)}]
    assert users and all(user.startswith("web/") for user in users)


def test_only_the_command_uses_the_web_package_and_only_when_called():
    users = {name_of(path) for path in FILES if path.parent.name != "web" and "web" in map(part_of, imported(path))}
    assert users == {"commands/web.py"}
    top = ast.parse((ROOT / "commands" / "web.py").read_text(encoding="utf-8")).body
    assert not any(isinstance(node, ast.ImportFrom) and node.module.startswith("hayago.web") for node in top)


def test_packages_are_small_and_say_what_they_are():
    for package in (path.parent for path in FILES if path.name == "__init__.py"):
        assert len(list(package.glob("*.py"))) <= MOST_FILES, package
        assert ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8"))), package


def test_names_tell_files_and_classes_apart():
    files, classes = defaultdict(set), defaultdict(set)
    for path in FILES:
        if path.name != "__init__.py" and path.parent.name != "commands":  # a command's file has the command's name
            files[path.name].add(name_of(path))
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                classes[node.name].add(name_of(path))
    for names in (files, classes):
        assert {name: where for name, where in names.items() if len(where) > 1} == {}
