"""Users and devices made by the real services."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils import timezone

from accounts import selectors
from accounts.choices import SessionKind
from accounts.models import LoginSession
from accounts.services import registration, sessions, tenancy
from commands.models import Command
from commands.services import requesting
from commands.types import CommandView
from devices.models import DeviceSession
from devices.services import claiming, config, provisioning
from devices.services import sessions as device_sessions
from devices.types import DeviceRegistration, HeldSession
from kernel.actors import Actor
from kernel.unit_of_work import unit_of_work
from relays.services import switching
from twins import selectors as twin_selectors
from twins.services import desiring

PASSWORD = "correct-horse-battery-9"


@dataclass(frozen=True)
class Resident:
    """A user with a session and a tenant of their own."""

    actor: Actor
    session: LoginSession
    tenant_id: int
    tenant_uid: str


@dataclass(frozen=True)
class Board:
    """A relay board that was provisioned."""

    device_id: int
    uid: str
    token: str
    claim_code: str

    def held(self, epoch: int, tenant_id: int | None = None) -> HeldSession:
        """A session of it as the process that holds the connection knows it."""
        return HeldSession(self.device_id, epoch, tenant_id, self.uid)

    def session(self) -> DeviceSession:
        """Its session row as it is now."""
        return DeviceSession.objects.get(device_id=self.device_id)


def move_in(name: str) -> Resident:
    """A new user, signed in."""
    now = timezone.now()
    user = registration.register_user(email=f"{name}@example.com", password=PASSWORD, now=now)
    actor = selectors.actor_for_user(user_id=user.pk)
    session = sessions.open_session(
        user=user,
        kind=SessionKind.BROWSER,
        address="127.0.0.1",
        user_agent="test",
        actor=actor,
        now=now,
    )
    actor = selectors.actor_for_user(user_id=user.pk, session_id=session.pk)
    tenant_id = tenancy.personal_tenant_id(user.pk)
    uid = next(m.tenant.uid for m in selectors.memberships_of(user.pk) if m.tenant_id == tenant_id)
    return Resident(actor, session, tenant_id, uid)


def provision(hardware_id: str = "", *, relay_count: int = 4) -> Board:
    """A board that nobody has claimed."""
    made = provisioning.register_device(
        registration=DeviceRegistration(
            hardware_id=hardware_id or secrets.token_hex(8),
            device_class="relay_controller",
            relay_count=relay_count,
        ),
        provision_key=settings.DEVICE_PROVISION_KEY,
        address="127.0.0.1",
        now=timezone.now(),
    )
    return Board(made.device_id, made.device_uid, made.device_token, made.claim_code)


def install(resident: Resident, hardware_id: str = "") -> Board:
    """A board of the resident's."""
    board = provision(hardware_id)
    claiming.claim_device(code=board.claim_code, actor=resident.actor, now=timezone.now())
    return board


def switch(resident: Resident, board: Board, relay_index: int, is_on: bool) -> CommandView:
    """Ask for a relay to be switched."""
    return switching.switch_relay(
        device_uid=board.uid,
        relay_index=relay_index,
        is_on=is_on,
        actor=resident.actor,
        now=timezone.now(),
    )


def ask(
    resident: Resident, board: Board, kind: str = "run_diagnostics", **wishes: Any
) -> CommandView:
    """Ask the board for something that may wait for it."""
    return requesting.request_command(
        device_uid=board.uid,
        kind=kind,
        payload=wishes.pop("payload", {}),
        actor=resident.actor,
        now=timezone.now(),
        **wishes,
    )


def desire(resident: Resident, board: Board, **wishes: Any) -> int:
    """Desire something of the board; returns the version of the desired document."""
    etag = twin_selectors.twin_of(actor=resident.actor, device_uid=board.uid).etag
    twin = desiring.patch_desired(
        device_uid=board.uid, patch=wishes, if_match=etag, actor=resident.actor, now=timezone.now()
    )
    return twin.desired_version


def configure(resident: Resident, board: Board, **free: Any) -> int:
    """Change the free part of the board's configuration; returns its version."""
    with unit_of_work():
        facts = device_sessions.lock_session(device_id=board.device_id)
        version, _ = config.merge_config(
            facts=facts, patch=free, actor=resident.actor, now=timezone.now()
        )
    return version


def state_of(command: CommandView) -> str:
    """Where the command is now."""
    return str(Command.objects.unscoped("test").get(uid=command.id).state)
