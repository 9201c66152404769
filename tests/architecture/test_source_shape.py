"""Size and names of source files."""

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.sources import APPS, PACKAGES, files, named

MAX_LINES = 400
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "misc", "common", "tools", "stuff", "shared"}


def test_no_file_is_longer_than_400_lines() -> None:
    lengths = {
        named(path): len(path.read_text(encoding="utf-8").splitlines())
        for path in files(".py", ".js", ".css", ".html", ".sh")
    }
    assert len(lengths) > 50, "the files were not found"
    assert {name: count for name, count in lengths.items() if count > MAX_LINES} == {}


def test_modules_are_named_after_what_they_are() -> None:
    vague = [
        named(path)
        for path in files(".py", folders=PACKAGES)
        if VAGUE_NAMES.intersection({path.stem, path.parent.name})
    ]
    assert vague == []


@pytest.mark.parametrize("forbidden", ["post_save", "pre_save", "post_delete", "m2m_changed"])
def test_no_model_signal_is_used(forbidden: str) -> None:
    # Not the method of a field that has the same name.
    use = re.compile(rf"signals\b.*\b{forbidden}\b|\b{forbidden}\.connect|receiver\(\s*{forbidden}")
    users = [
        named(path)
        for path in files(".py", folders=PACKAGES)
        if use.search(path.read_text(encoding="utf-8"))
    ]
    assert users == [], "publish a domain event from the service instead"


def test_no_model_hides_work_in_save_or_delete() -> None:
    hidden = [
        f"{named(path)}:{node.lineno} {node.name}"
        for path in files(".py", folders=APPS)
        if path.stem == "models" or path.parent.name == "models"
        for node in _methods(path)
        if node.name in {"save", "delete"}
    ]
    assert hidden == []


def _methods(path: Path) -> list[ast.FunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    return [item for node in classes for item in node.body if isinstance(item, ast.FunctionDef)]
