"""Failpoints: inert unless asked for, and never in production."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest

from kernel import checks, failpoints
from kernel.failpoints import failpoint


@pytest.fixture
def kills(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The signals that would have ended this process."""
    sent: list[int] = []
    monkeypatch.setattr(failpoints.os, "kill", lambda pid, number: sent.append(number))
    assert os.getpid()
    return sent


@pytest.mark.parametrize("wanted", ["", "elsewhere:kill", "here", "here:nothing"])
def test_nothing_happens_unless_this_place_is_named(
    settings: Any, kills: list[int], wanted: str
) -> None:
    settings.FAILPOINT = wanted
    failpoint("here")
    assert kills == []


def test_the_named_place_kills(settings: Any, kills: list[int]) -> None:
    settings.FAILPOINT = "here:kill"
    failpoint("here")
    assert kills == [9]


def test_the_named_place_sleeps(settings: Any) -> None:
    settings.FAILPOINT = "here:sleep:0.05"
    began = time.monotonic()
    failpoint("here")
    assert time.monotonic() - began >= 0.05


def test_production_ignores_and_refuses_failpoints(settings: Any, kills: list[int]) -> None:
    settings.HOMEPOT_MODE, settings.FAILPOINT = "production", "here:kill"
    failpoint("here")
    assert kills == []
    found = {message.id for message in checks.production_has_its_parts(None)}
    assert "homepot.E011" in found
    settings.FAILPOINT = ""
    found = {message.id for message in checks.production_has_its_parts(None)}
    assert "homepot.E011" not in found
