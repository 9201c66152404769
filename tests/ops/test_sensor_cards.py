"""Sensors in words: what a value means depends on what kind of sensor says so."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from ops import sensors

pytestmark = pytest.mark.core


@dataclass
class Said:
    kind: str
    value: Any
    sensor: str = "hall.motion-1"
    unit: str = ""
    at: datetime = field(default=datetime(2026, 3, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("kind", "value", "unit", "text", "tone"),
    [
        ("motion", True, "", "Motion", "on"),
        ("motion", False, "", "Quiet", "idle"),
        ("contact", True, "", "Closed", "idle"),
        ("contact", False, "", "Open", "on"),
        ("leak", True, "", "Leak", "bad"),
        ("smoke", False, "", "Clear", "idle"),
        ("temperature", 21.5, "°C", "21.5 °C", "idle"),
        ("temperature", 100, "", "100", "idle"),
        ("light", 1.2e12, "lx", "1.2e+12 lx", "idle"),
        ("anything_else", True, "", "On", "on"),
        ("button", "hold", "", "hold", "idle"),
        ("other", "x" * 200, "", "x" * 59 + "…", "idle"),
        ("mmwave", {"targets": [1, 2], "near": 0.5}, "", "Targets 2 · Near 0.5", "idle"),
        ("other", None, "", "Erased", "idle"),
    ],
)
def test_a_value_is_shown_in_the_words_of_its_kind(
    kind: str, value: Any, unit: str, text: str, tone: str
) -> None:
    (card,) = sensors.cards([Said(kind, value, unit=unit)])
    assert (card.text, card.tone, card.name) == (text, tone, "Hall motion 1")


def test_what_calls_for_somebody_comes_first_and_the_page_stays_short() -> None:
    said = [Said("motion", True, sensor=f"s{number}") for number in range(60)]
    cards = sensors.cards([*said, Said("leak", True, sensor="z")])
    assert (len(cards), cards[0].key, cards[1].key) == (sensors.MAX_SHOWN, "z", "s0")
