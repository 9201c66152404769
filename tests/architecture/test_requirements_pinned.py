"""Requirements are pinned, hashed, and the same for running and for testing."""

import re

import pytest

from tests.architecture.sources import ROOT

PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;\\]+)([^\\]*)", re.MULTILINE)


def pins(name: str) -> set[tuple[str, str, str]]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return {
        (package.lower(), version, marker.strip()) for package, version, marker in PIN.findall(text)
    }


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned_with_a_hash(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert lines
    assert [line for line in lines if "==" not in line or "--hash=sha256:" not in line] == []


def test_tests_run_on_the_versions_that_production_runs_on() -> None:
    runtime, development = pins("requirements.txt"), pins("requirements-dev.txt")
    names = {package for package, _, _ in runtime}
    same = {pin[:2] for pin in development if pin[0] in names}
    assert {pin[:2] for pin in runtime} == same


@pytest.mark.parametrize(
    ("source", "lock"),
    [("requirements.in", "requirements.txt"), ("requirements-dev.in", "requirements-dev.txt")],
)
def test_every_wanted_package_is_locked(source: str, lock: str) -> None:
    wanted = re.findall(r"^([A-Za-z0-9._-]+)", (ROOT / source).read_text("utf-8"), re.MULTILINE)
    locked = {package.replace("_", "-") for package, _, _ in pins(lock)}
    assert {name.lower().replace("_", "-") for name in wanted if not name.startswith("-")} <= locked
