"""The front end keeps the content security policy and says the same words as the server."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from ops import meters, wording

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
MODULES = sorted((ROOT / "static" / "homepot" / "js").glob("*.js"))
_NAMES = {str(path.relative_to(ROOT)): path for path in [*TEMPLATES, *MODULES]}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_hold_no_inline_script_style_or_handler(path: Path) -> None:
    text = path.read_text()
    assert re.findall(r"<script(?![^>]*\bsrc=)", text) == []
    assert re.findall(r"<style\b|\sstyle=", text) == []
    assert re.findall(r"\son[a-z]+=", text) == []
    assert "javascript:" not in text


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_never_switch_escaping_off(path: Path) -> None:
    assert re.findall(r"\|\s*safe\b|autoescape off|mark_safe", path.read_text()) == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_scripts_write_text_never_markup(path: Path) -> None:
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\.style\b"
    )
    assert re.findall(forbidden, path.read_text()) == []


@pytest.mark.parametrize("name", sorted(_NAMES))
def test_files_stay_short(name: str) -> None:
    assert len(_NAMES[name].read_text().splitlines()) < 400


def test_browser_and_server_tell_outcomes_in_the_same_words() -> None:
    script = (ROOT / "static" / "homepot" / "js" / "words.js").read_text()
    body = re.search(r"export const OUTCOMES = (\{.*?\});", script, re.DOTALL)
    assert body is not None
    quoted = re.sub(r"^  (\w+):", r'  "\1":', body[1], flags=re.MULTILINE)
    assert ast.literal_eval(quoted) == wording.OUTCOMES


def test_every_icon_that_is_named_is_in_the_sprite() -> None:
    sprite = (ROOT / "static" / "homepot" / "icons.svg").read_text()
    drawn = set(re.findall(r'<symbol id="([a-z-]+)"', sprite))
    named = {kind.icon for kind in wording.DEVICE_CLASSES.values()}
    named |= {meter.icon for meter in meters.METERS}
    for path in TEMPLATES:
        named |= set(re.findall(r'\{% icon "([a-z-]+)"', path.read_text()))
    assert named - drawn == set()


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (23.4, "percent", "23 %"),
        (52.0, "celsius", "52 °C"),
        (0, "bytes_per_second", "0 B/s"),
        (9320, "bytes_per_second", "9.3 kB/s"),
        (184_320, "bytes_per_second", "184 kB/s"),
        (2.5e9, "bytes_per_second", "2.5 GB/s"),
    ],
)
def test_metrics_are_written_short_with_their_unit(
    value: float, unit: meters.Unit, text: str
) -> None:
    assert meters.written(value, unit=unit) == text


def test_a_full_disk_is_told_as_bad() -> None:
    shown = meters.reading(metrics={"disk_percent": 97.0, "unheard_of": 1.0}, at=None)
    assert shown is not None
    assert [(gauge.tone, gauge.fill) for gauge in shown.gauges] == [("bad", 97.0)]


def test_metrics_the_console_does_not_know_show_no_panel() -> None:
    assert meters.reading(metrics={"unheard_of": 1.0}, at=None) is None
