"""A webhook of the owner's tenant; imports wait until Django is set up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from kernel.actors import Actor
    from notifications.models import Channel


@pytest.fixture
def webhook(owner: Actor) -> Channel:
    """A webhook of the owner's tenant that takes everything."""
    from tests.notifications.telling import make_webhook  # noqa: PLC0415

    return make_webhook(owner)
