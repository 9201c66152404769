"""Recorded statements, run again later: the product that runs beside must not find them overdue."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from benchmarks.statements import Replay, Statement

UID = "019aa1c2-6a39-7c3e-9d2f-0c6b1b1f2a77"
ASKED = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Kept:
    """Takes statements down."""

    def __init__(self) -> None:
        self.parameters: list[Any] = []

    def execute(self, statement: Statement, parameters: Sequence[Any]) -> tuple[int, list[Any]]:
        self.parameters += parameters
        return -1, []

    def close(self) -> None:
        """Nothing to hang up."""


@pytest.mark.parametrize("write", [lambda at: at, lambda at: str(at.replace(tzinfo=None))])
def test_times_of_a_replay_move_with_the_clock(write: Any) -> None:
    driver = Kept()
    insert = Statement(
        'INSERT INTO "commands_command" …',
        (UID, write(ASKED), write(ASKED + timedelta(seconds=30))),
    )
    Replay(driver, [insert]).run()
    asked, expires = (datetime.fromisoformat(str(at)) for at in driver.parameters[1:])
    assert expires - asked == timedelta(seconds=30)
    now = datetime.now(UTC)
    assert abs(now - asked.replace(tzinfo=UTC)) < timedelta(minutes=1)
