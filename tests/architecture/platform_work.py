"""Finds in the product's code every piece of work that may touch rows of all tenants."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.architecture.sources import PACKAGES, ROOT, files, named

_ENTERING = {"platform_scope", "enter_platform"}
# The module of the scopes enters some of its own under its own name for it.
_MACHINERY = "kernel/row_security.py"


@dataclass(frozen=True, order=True, slots=True)
class PlatformWork:
    """A name of platform-wide work, where it is entered, and the sentence that says what for."""

    name: str
    file: str
    reason: str


def collect() -> list[PlatformWork]:
    """All of them by name; work that is entered at several places of a file is told once each."""
    found = set()
    for path in files(".py", folders=PACKAGES):
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        found.update(_scopes(path, tree, text.splitlines()))
        found.update(_jobs(path, tree))
    return sorted(found)


def _scopes(path: Path, tree: ast.Module, lines: list[str]) -> Iterator[PlatformWork]:
    is_machinery = named(path) == _MACHINERY
    for node, function in _with_functions(tree):
        name = _name_of_scope(node, _ENTERING | ({"_named"} if is_machinery else set()))
        if name is None:
            continue
        reason = _comment_above(lines, node.lineno) or _sentence(function) or _sentence(tree)
        yield PlatformWork(name, named(path), reason)


def _with_functions(tree: ast.Module) -> Iterator[tuple[ast.Call, ast.AST | None]]:
    """Every call with the innermost function around it (a decorator's is the decorated one)."""

    def walk(node: ast.AST, function: ast.AST | None) -> Iterator[tuple[ast.Call, ast.AST | None]]:
        for child in ast.iter_child_nodes(node):
            is_function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef))
            if isinstance(child, ast.Call):
                yield child, function
            yield from walk(child, child if is_function else function)

    return walk(tree, None)


def _called(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _name_of_scope(call: ast.Call, entering: set[str]) -> str | None:
    called = _called(call)
    if called == "covering":
        given: list[ast.expr] = [word.value for word in call.keywords if word.arg == "name"]
    elif called in entering:
        given = call.args[:1]
    else:
        return None
    # What is not a plain text is the machinery itself: jobs, which are collected by their names.
    names = [one.value for one in given if isinstance(one, ast.Constant)]
    return str(names[0]) if names else None


def _jobs(path: Path, tree: ast.Module) -> Iterator[PlatformWork]:
    for call, _ in _with_functions(tree):
        runs = [word.value for word in call.keywords if word.arg == "run"]
        if _called(call) == "register" and runs and isinstance(call.args[0], ast.Constant):
            reason = _sentence(_function_named(path, tree, ast.unparse(runs[0])))
            yield PlatformWork(f"job.{call.args[0].value}", named(path), reason)


def _function_named(path: Path, tree: ast.Module, dotted: str) -> ast.AST | None:
    """The function that a job runs: one of this module, or of a module it imports."""
    module_name, _, function_name = dotted.rpartition(".")
    if module_name:
        path = _module_file(tree, module_name)
        tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == function_name:
            return node
    raise LookupError(f"{named(path)} has no function {function_name}")


def _module_file(tree: ast.Module, name: str) -> Path:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return ROOT / node.module.replace(".", "/") / f"{alias.name}.py"
    raise LookupError(f"nothing imports {name}")


def _comment_above(lines: list[str], number: int) -> str:
    """The comment right above a line."""
    found: list[str] = []
    for line in reversed(lines[: number - 1]):
        if not line.strip().startswith("#"):
            break
        found.insert(0, line.strip().lstrip("# "))
    return " ".join(found)


def _sentence(node: ast.AST | None) -> str:
    """The first sentence of a docstring; empty without one."""
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Module)):
        return ""
    text = " ".join((ast.get_docstring(node) or "").split("\n\n")[0].split())
    end = text.find(". ")
    return text if end < 0 else text[: end + 1]
