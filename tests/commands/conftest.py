"""An owner with a connected board of four relays, at the start of a made-up time.

pytest loads this file before Django has its settings, so the fixtures import what needs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from kernel.actors import Actor
    from tests.factories.devices import Board


@pytest.fixture
def owner(db: None) -> Actor:
    """A user as services see them."""
    from tests.factories.users import make_actor  # noqa: PLC0415

    return make_actor()


@pytest.fixture
def board(owner: Actor) -> Board:
    """The owner's board, connected."""
    from tests.commands.ledger import START  # noqa: PLC0415
    from tests.factories.devices import connected_device  # noqa: PLC0415

    return connected_device(owner, now=START)
