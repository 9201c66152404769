"""People in front of the console, each with a browser in which they have logged in."""

from __future__ import annotations

import re
from typing import Any

from django.test import Client
from django.utils import timezone

from devices.models import Device
from devices.services import unpairing
from kernel.actors import Actor
from tests.accounts.people import browser_of
from tests.factories.devices import Board
from tests.factories.sites import join
from tests.factories.users import actor_of


class Person:
    """Somebody with a browser in which they have logged in."""

    def __init__(self, user: Any) -> None:
        self.actor: Actor = actor_of(user)
        self.client: Client = browser_of(user)

    def page(self, path: str, status: int = 200) -> str:
        """The body of a page, which keeps the content security policy."""
        return _checked(self.client.get(path), status)

    def post(self, path: str, status: int = 200, **form: str) -> str:
        """What a posted form answers."""
        return _checked(self.client.post(path, form), status)

    def sent_on(self, path: str, **form: str) -> str:
        """Where a posted form leads."""
        answer = self.client.post(path, form)
        assert answer.status_code == 302, answer.content
        return str(answer["Location"])


def _checked(answer: Any, status: int) -> str:
    assert answer.status_code == status, answer.content
    body: str = answer.content.decode()
    assert re.findall(r"<script(?![^>]*\bsrc=)", body) == []
    assert re.findall(r"<style\b|\sstyle=", body) == []
    return body


def member(owner: Person, role: str) -> Person:
    """Somebody else, who is a member of the owner's tenant."""
    return Person(join(owner.actor, role))


def unpair(owner: Person, board: Board) -> None:
    """End the life of a device."""
    unpairing.unpair_device(device_uid=board.uid, actor=owner.actor, now=timezone.now())


def row(uid: str) -> Device:
    """A device as it is now, archived or not."""
    return Device.all_objects.unscoped("tests look at everything").get(uid=uid)


def secret(body: str) -> str:
    """What a page shows once, to be copied."""
    found = re.search(r"<code[^>]*data-copy-source>([^<]+)</code>", body)
    assert found, body
    return found[1]
