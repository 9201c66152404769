"""docs/errors.md lists every error code the product can answer with, and no other."""

import importlib
import re
from collections import defaultdict
from collections.abc import Iterator

from kernel.errors import HomepotError
from tests.architecture.sources import APPS, ROOT, files, named


def error_classes() -> set[type[HomepotError]]:
    for path in files(".py", folders=(*APPS, "kernel")):
        if path.stem == "errors" or path.parent.name == "errors":
            importlib.import_module(named(path).removesuffix(".py").replace("/", "."))
    return set(_subclasses(HomepotError))


def _subclasses(base: type[HomepotError]) -> Iterator[type[HomepotError]]:
    for child in base.__subclasses__():
        if not child.__module__.startswith("tests"):
            yield child
            yield from _subclasses(child)


def documented() -> dict[str, str]:
    text = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^\|\s*`([a-z_]+)`\s*\|\s*`?(\d{3})`?\s*\|", text, re.MULTILINE))


def test_every_error_code_is_documented_with_its_status() -> None:
    known = {error.code: str(error.status) for error in error_classes()}
    assert len(known) > 10, "the error classes were not found"
    assert {
        code: status for code, status in known.items() if documented().get(code) != status
    } == {}


def test_no_documented_code_is_unknown() -> None:
    known = {error.code for error in error_classes()} | {HomepotError.code}
    assert documented().keys() - known == set()


def test_one_code_has_one_status() -> None:
    statuses = defaultdict(set)
    for error in error_classes():
        statuses[error.code].add(error.status)
    assert {code: found for code, found in statuses.items() if len(found) > 1} == {}
