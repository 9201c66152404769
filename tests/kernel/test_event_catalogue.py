"""docs/events.md lists every domain event with its fields, and no other."""

from __future__ import annotations

import dataclasses
import importlib
import re

import pytest

from kernel.events import DomainEvent
from tests.architecture.sources import APPS, ROOT

NAME = re.compile(r"[a-z]+\.[a-z_]+\.[a-z_]+\.v[1-9][0-9]*")


def events() -> list[type[DomainEvent]]:
    for app in APPS:
        if (ROOT / app / "events.py").exists():
            importlib.import_module(f"{app}.events")
    found = [
        event for event in DomainEvent.__subclasses__() if not event.__module__.startswith("tests")
    ]
    assert len(found) > 5, "the events were not found"
    return found


def documented() -> dict[str, set[str]]:
    text = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z_.]+\.v\d+)` \|.*\|(.*)\|$", text, re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)`", fields)) for name, fields in rows}


def test_every_event_is_documented_with_its_fields() -> None:
    wanted = {
        event.name: {field.name for field in dataclasses.fields(event)} - {"occurred_at"}
        for event in events()
    }
    assert documented() == wanted


def test_names_are_dotted_versioned_and_unique() -> None:
    names = [event.name for event in events()]
    assert len(set(names)) == len(names)
    assert [name for name in names if not NAME.fullmatch(name)] == []


def test_events_are_frozen_and_carry_plain_values() -> None:
    for event in events():
        with pytest.raises(dataclasses.FrozenInstanceError):
            object.__new__(event).occurred_at = None  # type: ignore[misc, assignment]
        for field in dataclasses.fields(event):
            assert not str(field.type).endswith(("Model", "Device", "Command", "User")), event
