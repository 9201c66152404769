"""Devices' accounts at the broker, kept as their rows say: made, removed, compared."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import connection
from django.utils import timezone

from devicelink.mqtt import broker, dynsec, repairs
from devicelink.mqtt.errors import MqttNotConfigured
from devices import errors
from devices.selectors import broker_accounts as selectors
from devices.services import broker_accounts
from devices.services.broker_accounts import IssuedAccount
from devices.types import DeviceFacts
from edge.mqtt.client import parse_address
from kernel import row_security
from kernel.actors import Actor
from kernel.errors import Unavailable
from kernel.failpoints import failpoint
from kernel.metrics import MQTT_ACCOUNTS

logger = logging.getLogger(__name__)

# Shorter than `broker_accounts.LEASE`: whoever is late must not find the account issued again.
_APPLY_SECONDS: Final = 6.0
_REMOVE_SECONDS: Final = 30.0
_COMPARE_SECONDS: Final = 120.0
_REMOVED_TOGETHER: Final = 20
# The broker takes one at a time, and each waits on a thread that serves requests.
_room = threading.BoundedSemaphore(2)
_ROOM_SECONDS: Final = 1.0


def is_configured() -> bool:
    """Whether this installation has a broker whose accounts it manages."""
    return bool(settings.MQTT_URL and settings.MQTT_CONTROL_URL)


def public_url() -> str:
    """The broker's address as devices are told it, without credentials."""
    if settings.MQTT_PUBLIC_URL:
        return str(settings.MQTT_PUBLIC_URL)
    own = parse_address(settings.MQTT_URL)
    host = f"[{own.host}]" if ":" in own.host else own.host
    return f"{'mqtts' if own.is_tls else 'mqtt'}://{host}:{own.port}"


def open_account(*, device: DeviceFacts, actor: Actor, now: datetime) -> IssuedAccount:
    """A new password for the device that the broker has confirmed; the one before is void.

    Raises MqttNotConfigured, Unavailable when the broker does not confirm in time, and what
    `issue_account` raises.
    """
    control = _control()
    if not _room.acquire(timeout=_ROOM_SECONDS):
        raise Unavailable(retry_after=_soon())
    try:
        issued = broker_accounts.issue_account(device=device, actor=actor, now=now)
        failpoint("mqtt.account.issued")
        _apply(control, issued)
    finally:
        _room.release()
    failpoint("mqtt.account.applied")
    if not broker_accounts.confirm_applied(issued=issued, now=timezone.now()):
        raise errors.BrokerAccountBusy(retry_after=_soon())
    MQTT_ACCOUNTS.labels(outcome="issued").inc()
    return issued


def remove_due(now: datetime) -> int:
    """Remove at the broker what the rows say must go; returns how many it has confirmed.

    Raises BrokerUnreachable: the rows stay due.
    """
    removed = 0
    while due := broker_accounts.due_removals(limit=_REMOVED_TOGETHER, now=now):
        # Their roles open nothing without them, and wait for `reconcile`: each command has the
        # broker write its whole file.
        commands = [repairs.delete_client(account.username) for account in due]
        failpoint("mqtt.account.removal")
        answers = _control().tell(commands, within_s=_REMOVE_SECONDS)
        gone = [
            account
            for account, answer in zip(due, answers, strict=True)
            if not answer.error or answer.is_missing
        ]
        settled = broker_accounts.confirm_removed(accounts=gone, now=now)
        MQTT_ACCOUNTS.labels(outcome="removed").inc(settled)
        removed += settled
        if settled < len(due):
            break
    return removed


def compare() -> repairs.Repairs:
    """How the broker differs from the rows now; changes nothing. Raises BrokerUnreachable."""
    confirmed = selectors.broker_usernames_confirmed_before(timezone.now())
    found = _control().run(_listed, within_s=_COMPARE_SECONDS)
    # Read after the lists: what was made meanwhile is known by now and no stranger.
    return repairs.repairs(
        found=found, confirmed=confirmed, living=selectors.living_broker_usernames()
    )


def reconcile(now: datetime) -> repairs.Repairs:
    """Bring the broker to what the rows say; what only devices can bring back is noted as lost.

    Any number of processes may do it at once. Raises BrokerUnreachable.
    """
    _ensure_ingest_account()
    different = compare()
    # Roles last: Mosquitto 2.0.11 reads freed memory when one goes that an account still has.
    _control().tell([*different.commands, *different.sweeping], within_s=_COMPARE_SECONDS)
    lost = broker_accounts.note_found(
        missing=different.missing, present=different.present, seen_at=now, now=timezone.now()
    )
    MQTT_ACCOUNTS.labels(outcome="lost").inc(lost)
    MQTT_ACCOUNTS.labels(outcome="stranger").inc(len(different.strangers))
    if different.commands or lost:
        logger.warning(
            "The broker's accounts differed from the rows",
            extra={
                "commands": len(different.commands),
                "strangers": len(different.strangers),
                "lost": lost,
            },
        )
    return different


class Keeper:
    """Removes and reconciles on a thread of its own, which lives only while there is work.

    A broker that does not answer holds up nobody: not the request that revoked an account, not
    the ticker.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted: set[Callable[[datetime], object]] = set()
        self._thread: threading.Thread | None = None

    def want(self, work: Callable[[datetime], object]) -> None:
        """Have `remove_due` or `reconcile` done soon; wanting twice is wanting once."""
        if not is_configured():
            return
        with self._lock:
            self._wanted.add(work)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="mqtt-accounts", daemon=True)
                self._thread.start()

    def wait(self, timeout_s: float) -> bool:
        """Whether all that was wanted is done within that time."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout_s)
        return self._thread is None

    def _run(self) -> None:
        try:
            while (work := self._next()) is not None:
                _attempt(work)
        finally:
            connection.close()

    def _next(self) -> Callable[[datetime], object] | None:
        with self._lock:
            for work in (remove_due, reconcile):
                if work in self._wanted:
                    self._wanted.remove(work)
                    return work
            self._thread = None
            return None


keeper = Keeper()


def _attempt(work: Callable[[datetime], object]) -> None:
    try:
        # Accounts are of devices of all tenants, and of those that have none yet.
        with row_security.platform_scope("devicelink.broker_accounts"):
            work(timezone.now())
    except broker.BrokerUnreachable as error:
        logger.warning("The broker's accounts could not be managed", extra={"reason": str(error)})
    except Exception:
        logger.exception("The broker's accounts could not be managed")


def _control() -> broker.Control:
    if not is_configured():
        raise MqttNotConfigured
    return broker.control_at(settings.MQTT_CONTROL_URL, ca_file=settings.MQTT_CA_FILE)


def _apply(control: broker.Control, issued: IssuedAccount) -> None:
    try:
        control.run(lambda talk: _put(talk, issued), within_s=_APPLY_SECONDS)
    except broker.BrokerUnreachable as error:
        logger.warning("An account did not reach the broker", extra={"reason": str(error)})
        MQTT_ACCOUNTS.labels(outcome="unconfirmed").inc()
        broker_accounts.give_up(issued=issued, now=timezone.now())
        raise Unavailable(retry_after=_soon()) from error


async def _put(talk: broker.Conversation, issued: IssuedAccount) -> None:
    account = {
        "uid": issued.client_id,
        "username": issued.username,
        "password": issued.password,
    }
    role, made = await talk.ask(
        [
            repairs.create_role(issued.username, dynsec.own_rules(issued.client_id)),
            repairs.put_account("createClient", **account),
        ]
    )
    if made.is_there_already:
        # A new password throws out whoever is connected with the old one.
        (made,) = await talk.ask([repairs.put_account("modifyClient", **account)])
    if (role.error and not role.is_there_already) or made.error:
        raise broker.BrokerUnreachable(made.error or role.error)


async def _listed(talk: broker.Conversation) -> repairs.Found:
    clients = await talk.ask_for_all("listClients", "clients")
    roles = await talk.ask_for_all("listRoles", "roles")
    (access,) = await talk.ask([{"command": "getDefaultACLAccess"}])
    return repairs.Found.read(clients=clients, roles=roles, access=access.data.get("acls", []))


def _ensure_ingest_account() -> None:
    """Have the broker let in the account of MQTT_URL, as it is written there."""
    if broker.lets_in(settings.MQTT_URL, ca_file=settings.MQTT_CA_FILE, within_s=_REMOVE_SECONDS):
        return
    own = parse_address(settings.MQTT_URL)
    account = {
        "username": own.username,
        "password": own.password,
        "roles": dynsec.role_entries((dynsec.INGEST_ROLE,)),
    }
    role = repairs.create_role(dynsec.INGEST_ROLE, dynsec.ingest_rules())
    answers = _control().tell(
        [role, account | {"command": "createClient"}], within_s=_REMOVE_SECONDS
    )
    if answers[1].is_there_already:
        answers = _control().tell([account | {"command": "modifyClient"}], within_s=_REMOVE_SECONDS)
    if answers[-1].error:
        raise broker.BrokerUnreachable(answers[-1].error)


def _soon() -> int:
    # Spread: devices that were refused together must not come back together.
    return random.randint(5, 15)  # noqa: S311  no secret
