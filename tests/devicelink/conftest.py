"""A served device link, one resident with one board.

Imports wait for the fixtures: this file may be read before Django is set up.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.devicelink.household import Board, Resident
    from tests.devicelink.serving import LiveServer


@pytest.fixture
def server(transactional_db: None) -> Iterator[LiveServer]:
    """The socket doors on a free port; stopped before the database is cleaned."""
    from tests.devicelink.serving import LiveServer  # noqa: PLC0415

    with LiveServer() as live_server:
        yield live_server


@pytest.fixture
def resident(transactional_db: None) -> Resident:
    """A user with a tenant of their own."""
    from tests.devicelink.household import move_in  # noqa: PLC0415

    return move_in("resident")


@pytest.fixture
def board(resident: Resident) -> Board:
    """The resident's relay board."""
    from tests.devicelink.household import install  # noqa: PLC0415

    return install(resident)


@pytest.fixture
def no_hints(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bus loses every hint."""
    from kernel import realtime  # noqa: PLC0415

    monkeypatch.setattr(type(realtime.bus()), "publish", lambda *_: None)
