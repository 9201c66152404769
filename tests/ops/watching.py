"""A viewer of `/ws/client`: how they come in, what happens to them, what they hear."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.conf import settings as django_settings
from django.contrib.auth import SESSION_KEY
from django.utils import timezone

from accounts.selectors import LOGIN_SESSION_KEY
from accounts.services import tickets
from kernel import live
from kernel.unit_of_work import unit_of_work
from tests.devicelink.household import Resident
from tests.devicelink.serving import LiveServer, Peer


def ticket_of(resident: Resident) -> str:
    return tickets.issue_ticket(actor=resident.actor, now=timezone.now()).value


def cookie_of(resident: Resident) -> str:
    store = import_module(django_settings.SESSION_ENGINE).SessionStore()
    store[SESSION_KEY] = str(resident.actor.user_id)
    store[LOGIN_SESSION_KEY] = resident.session.uid
    store.create()
    return f"{django_settings.SESSION_COOKIE_NAME}={store.session_key}"


def watch(server: LiveServer, resident: Resident, **options: Any) -> Peer:
    return server.open(f"/ws/client?ticket={ticket_of(resident)}", **options)


def happen(resident: Resident, *numbers: int, size: int = 1) -> None:
    """Append one live event for each number, each in a transaction of its own."""
    for number in numbers:
        with unit_of_work():
            live.append(
                tenant_id=resident.tenant_id,
                kind="device_state",
                payload={"device_uid": f"d{number}", "padding": "x" * size},
                now=timezone.now(),
            )


def hear_seqs(peer: Peer, count: int) -> list[int]:
    return [peer.hear("device_state")["seq"] for _ in range(count)]
