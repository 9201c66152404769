"""The people that traffic is made by, in an organisation of their own."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.conf import settings

from accounts import selectors as accounts
from accounts.services import invitations, registration, tenants
from kernel import errors
from kernel.actors import Actor

# No such address can exist (RFC 2606): nobody signs up with it, and no mail goes there.
DOMAIN: Final = "simulated.homepot.invalid"
TENANT: Final = "Demo (simulated)"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signs in; only this installation can work the password out."""

    user_id: int
    email: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody, and the organisation they act in."""

    people: tuple[Person, ...]
    tenant_id: int
    tenant_uid: str


def assemble(*, size: int, now: datetime) -> Cast:
    """Make the people and their organisation, or find those of an earlier run.

    Only the first of them owns it, the others operate: none of them reaches anything else.
    """
    people = tuple(_person(number, now) for number in range(1, size + 1))
    owner = people[0]
    tenant = _own_tenant(owner)
    if tenant is None:
        tenants.create_tenant(name=TENANT, actor=_actor(owner), now=now)
        tenant = _own_tenant(owner)
    if tenant is None:
        raise errors.NotFound
    tenant_id, tenant_uid = tenant
    for person in people[1:]:
        if _own_tenant(person) is None:
            invited = invitations.create_invitation(
                tenant_uid=tenant_uid,
                role="operator",
                email=person.email,
                actor=_actor(owner),
                now=now,
            )
            invitations.accept_invitation(token=invited.token, actor=_actor(person), now=now)
    return Cast(people, tenant_id, tenant_uid)


def _person(number: int, now: datetime) -> Person:
    email = f"demo-{number}@{DOMAIN}"
    secret = hmac.new(settings.SECRET_KEY.encode(), f"traffic:{email}".encode(), hashlib.sha256)
    password = f"Aa1-{secret.hexdigest()}"
    try:
        user = accounts.user_by_email(email)
    except errors.NotFound:
        user = registration.register_user(
            email=email, password=password, display_name=f"Demo {number} (simulated)", now=now
        )
    return Person(user.pk, email, password)


def _own_tenant(person: Person) -> tuple[int, str] | None:
    for membership in accounts.memberships_of(person.user_id):
        if membership.tenant.name == TENANT:
            return membership.tenant_id, membership.tenant.uid
    return None


def _actor(person: Person) -> Actor:
    return accounts.actor_for_user(user_id=person.user_id, via="system")
