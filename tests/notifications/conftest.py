"""An owner, their API client, and their tenant's webhook; imports wait until Django is set up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from rest_framework.test import APIClient

    from accounts.models import User
    from kernel.actors import Actor
    from notifications.models import Channel


@pytest.fixture
def user(db: None) -> User:
    """A registered user."""
    from tests.factories.users import make_user  # noqa: PLC0415

    return make_user()


@pytest.fixture
def owner(user: User) -> Actor:
    """The user as services see them, from an address of their own."""
    from tests.factories.users import actor_of  # noqa: PLC0415

    return actor_of(user, address="192.0.2.1")


@pytest.fixture
def api(user: User) -> APIClient:
    """The user's API client."""
    from tests.factories.users import client_of, sign_in  # noqa: PLC0415

    return client_of(sign_in(user))


@pytest.fixture
def webhook(owner: Actor) -> Channel:
    """A webhook of the owner's tenant that takes everything."""
    from tests.notifications.telling import make_webhook  # noqa: PLC0415

    return make_webhook(owner)
