"""People of one tenant with their browsers, for tests of the pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.test import Client
from django.utils import timezone

from accounts import selectors as accounts
from accounts.models import Membership, User
from devices.services import sites
from devices.types import NewSite
from kernel.actors import Actor
from tests.accounts import people
from tests.factories.users import make_user


@dataclass(frozen=True)
class Person:
    """A user with a signed-in browser."""

    user: User
    client: Client

    @property
    def actor(self) -> Actor:
        """What they may do at this moment."""
        return accounts.actor_for_user(user_id=self.user.pk)

    @property
    def home(self) -> str:
        """The uid of their personal tenant."""
        return accounts.memberships_of(self.user.pk)[0].tenant.uid

    def page(self, path: str, status: int = 200) -> str:
        """The body of a page, after checking its status and what every page must keep."""
        answer = self.client.get(path)
        assert answer.status_code == status, answer.content[:400]
        return kept(answer)

    def post(self, path: str, status: int = 302, **form: Any) -> Any:
        """The answer to a form, after checking its status."""
        answer = self.client.post(path, form)
        assert answer.status_code == status, answer.content[:4000]
        return answer


def kept(answer: Any) -> str:
    """A body without inline script, style or handler."""
    body: str = answer.content.decode()
    assert re.findall(r"<script(?![^>]*\bsrc=)", body) == []
    assert re.findall(r"<style\b|\sstyle=", body) == []
    return body


def person(email: str) -> Person:
    """A new user in their own browser."""
    user = people.make_user(email, display_name=email.partition("@")[0].capitalize())
    return Person(user=user, client=people.browser_of(user))


def member(owner: Person, role: str, *, site_ids: Any = None) -> Person:
    """A new user who is a member of the owner's personal tenant, and looks at that one only."""
    user = make_user()
    home = accounts.memberships_of(owner.user.pk)[0].tenant
    Membership.objects.create(
        user=user, tenant=home, role=role, site_ids=site_ids, created_at=timezone.now()
    )
    user.set_password(people.PASSWORD)
    user.save()
    found = Person(user=user, client=people.browser_of(user))
    found.post("/tenant", tenant=home.uid)
    return found


def site(owner: Person, name: str) -> Any:
    """A site of the owner's."""
    return sites.create_site(given=NewSite(name=name), actor=owner.actor, now=timezone.now())


def secret_in(body: str) -> str:
    """What a page shows once, to be copied."""
    found = re.search(r"data-copy-source>([^<]+)</code>", body)
    assert found is not None
    return found[1]
