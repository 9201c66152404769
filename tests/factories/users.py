"""Users made by the real services."""

from __future__ import annotations

import itertools

from django.utils import timezone

from accounts import selectors
from accounts.models import User
from accounts.services import registration, tenancy
from kernel.actors import Actor
from tests.accounts.people import PASSWORD, client_of, sign_in

__all__ = ["PASSWORD", "actor_of", "client_of", "make_actor", "make_user", "sign_in", "tenant_of"]

_numbers = itertools.count(1)


def make_user(email: str = "") -> User:
    """A registered user with a personal tenant, whose password is PASSWORD."""
    return registration.register_user(
        email=email or f"user{next(_numbers)}@example.com", password=PASSWORD, now=timezone.now()
    )


def actor_of(user: User, *, address: str | None = None) -> Actor:
    """The user as services see them."""
    return selectors.actor_for_user(user_id=user.pk, address=address)


def make_actor(email: str = "", *, address: str | None = None) -> Actor:
    """A new user as services see them."""
    return actor_of(make_user(email), address=address)


def tenant_of(actor: Actor) -> int:
    """Primary key of the user's personal tenant."""
    assert actor.user_id is not None
    return tenancy.personal_tenant_id(actor.user_id)
