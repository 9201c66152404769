"""THREAT_MODEL.md names files and tests that exist, and every threat has a test."""

from __future__ import annotations

import re

from tests.architecture.sources import ROOT

TEXT = (ROOT / "THREAT_MODEL.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`([\w./-]+\.py)(?:::(\w+))?`", TEXT)


def rows() -> list[list[str]]:
    """The threats: kind, what they try, what stops it, shown by, what is left."""
    lines = re.findall(r"^\| [STRIDE] \|(.*)\|$", TEXT, re.MULTILINE)
    return [line.split(" | ") for line in lines]


def test_every_file_it_names_exists() -> None:
    missing = {path for path, _ in NAMED if not (ROOT / path).is_file()}
    assert missing == set()


def test_every_test_it_names_exists() -> None:
    missing = [
        f"{path}::{name}"
        for path, name in NAMED
        if name and f"def {name}(" not in (ROOT / path).read_text(encoding="utf-8")
    ]
    assert missing == []


def test_every_threat_says_what_stops_it_and_names_the_test_that_shows_it() -> None:
    threats = rows()
    assert len(threats) > 40
    for tries, stops, shown, *_ in threats:
        assert re.search(r"`[\w/]+\.py`", stops), tries
        assert re.search(r"`tests/[\w/]+\.py::test_\w+`", shown), tries
