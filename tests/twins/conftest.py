"""A board; imports wait for the fixture until Django is set up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from kernel.actors import Actor
    from tests.factories.devices import Board


@pytest.fixture
def board(owner: Actor) -> Board:
    """A board of the owner's, connected."""
    from tests.factories.devices import connected_device  # noqa: PLC0415

    return connected_device(owner)
