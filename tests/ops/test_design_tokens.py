"""Every text colour reads on every surface it may stand on, in both themes (WCAG 2.2 AA)."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

STATIC = Path(__file__).resolve().parents[2] / "static" / "homepot"
_TOKEN = re.compile(
    r"--color-([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", re.IGNORECASE
)
TOKENS = {
    name: {"light": light, "dark": dark}
    for name, light, dark in _TOKEN.findall((STATIC / "css" / "tokens.css").read_text())
}
THEMES = ("light", "dark")
SURFACES = ("canvas", "surface", "sunken", "raised", "hover", "selected")
TEXT_PAIRS = [
    *itertools.product(("text", "text-soft", "text-quiet"), SURFACES),
    *itertools.product(("accent",), ("canvas", "surface", "raised", "accent-soft")),
    *itertools.product(("text", "text-soft"), ("accent-soft", "track")),
    ("text-soft", "bad-soft"),
    *((tone, f"{tone}-soft") for tone in ("good", "warn", "bad", "note", "idle")),
    *itertools.product(("good", "warn", "bad"), ("canvas", "surface")),
    ("on-accent", "accent-solid"),
    ("on-accent", "accent-solid-hover"),
]
MARK_PAIRS = [
    *itertools.product(
        ("border-control", "good-mark", "warn-mark", "bad-mark", "idle-mark", "switch-off"),
        ("canvas", "surface"),
    ),
    *itertools.product(("focus", "accent-solid"), ("canvas", "surface")),
    *itertools.product((f"series-{name}" for name in "abcdef"), ("canvas", "surface")),
    ("thumb", "switch-off"),
    ("thumb", "accent-solid"),
]


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """The WCAG contrast ratio of two colours."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("text", "surface"), TEXT_PAIRS)
def test_text_reads_on_its_surface(text: str, surface: str, theme: str) -> None:
    assert contrast(TOKENS[text][theme], TOKENS[surface][theme]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("mark", "surface"), MARK_PAIRS)
def test_marks_and_controls_stand_out(mark: str, surface: str, theme: str) -> None:
    assert contrast(TOKENS[mark][theme], TOKENS[surface][theme]) >= 3


def test_the_contrast_formula_gives_the_known_extremes() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#777777") == pytest.approx(1)


def test_styles_use_only_tokens_that_exist() -> None:
    defined: set[str] = set()
    used: set[str] = set()
    for sheet in (STATIC / "css").glob("*.css"):
        text = sheet.read_text()
        defined.update(re.findall(r"(--[a-z0-9-]+):", text))
        used.update(re.findall(r"var\((--[a-z0-9-]+)", text))
    assert used - defined == set()


def test_colours_are_written_in_the_token_file_only() -> None:
    allowed = {"tokens.css"}
    strays = {
        sheet.name: found
        for sheet in (STATIC / "css").glob("*.css")
        if sheet.name not in allowed
        and (found := re.findall(r"#[0-9a-f]{3,8}\b|\b(?:rgb|hsl)\(", sheet.read_text()))
    }
    assert strays == {}


def test_every_token_in_the_style_guide_exists() -> None:
    guide = (STATIC.parents[1] / "docs" / "design.md").read_text()
    named = set(re.findall(r"`--color-([a-z-]+)`", guide))
    assert named - TOKENS.keys() == set()
    assert TOKENS.keys() - named == set()
