"""`manage.py mqtt_ingest` begins while its database is away, and waits for it."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import OperationalError

from devicelink.management.commands import mqtt_ingest


class Began(Exception):
    """The command has come as far as reading."""


def test_a_database_that_is_away_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.MQTT_URL = "mqtt://127.0.0.1:1"
    asked: list[str] = []

    def check_migrations(command: Any) -> None:
        asked.append("migrations")
        if len(asked) < 3:
            raise OperationalError("the connection was refused")

    def read() -> None:
        raise Began

    monkeypatch.setattr(mqtt_ingest, "_DATABASE_AWAY_S", 0)
    monkeypatch.setattr(mqtt_ingest, "_database_answers", lambda: False)
    monkeypatch.setattr(mqtt_ingest.Command, "check", lambda command, **options: None)
    monkeypatch.setattr(mqtt_ingest.Command, "check_migrations", check_migrations)
    monkeypatch.setattr(mqtt_ingest.garbage, "search_seldom", lambda: None)
    monkeypatch.setattr(mqtt_ingest, "_read", read)
    with pytest.raises(Began):
        call_command("mqtt_ingest")
    assert len(asked) == 3


def test_what_else_is_wrong_ends_it(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.MQTT_URL = "mqtt://127.0.0.1:1"

    asked: list[str] = []

    def check(command: Any, **options: Any) -> None:
        asked.append("installation")
        raise SystemCheckError("unsafe")

    monkeypatch.setattr(mqtt_ingest, "_DATABASE_AWAY_S", 0)
    monkeypatch.setattr(mqtt_ingest.Command, "check", check)
    monkeypatch.setattr(mqtt_ingest, "_database_answers", lambda: True)
    with pytest.raises(SystemCheckError):
        call_command("mqtt_ingest")
    assert len(asked) == 3
