"""The job that erases accounts: in small steps, each safe to take twice and in two processes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from django.db import models

from accounts import registry
from accounts.choices import ErasureState, PlatformRole
from accounts.models import (
    AccountErasure,
    Invitation,
    LoginSession,
    Membership,
    Preferences,
    RefreshToken,
    SocketTicket,
    Tenant,
    User,
)
from accounts.services import tenancy
from accounts.services.erasure import PRIVATE
from audit.services import recording
from kernel.actors import Actor
from kernel.locking import lock_rows
from kernel.unit_of_work import unit_of_work

logger = logging.getLogger(__name__)

BATCH = 1_000
_AT_A_TIME = 10
_STEPS_AT_A_TIME = 50
_ERASED_NAME: Final = "Erased"
_ACTOR = Actor.system("accounts.erasing")
_KEPT: Final = {
    "user": "An empty entry under its public id: the log of changes refers to it.",
    "sessions": "When sessions began and ended, without address and client; for 90 days.",
    "audit": (
        "The log of changes is chained by hashes and cannot be altered; it names people as they "
        "were called when they acted, and is read by members of the tenant concerned only."
    ),
    "notes": (
        "Who took in or let go of a device, asked it for something, or made a version, a code or a "
        "group, in tenants that live on: part of their records."
    ),
    "tenants": "Tenants that ended with the account: an empty entry that their log refers to.",
    "stored_answers": "Answers kept for retries, sealed under a key we do not have; for 24 hours.",
}


def run_erasures(*, now: datetime) -> int:
    """Take the open erasures further; returns how many are done now.

    One that fails is logged, holds up no other, and is tried again with the next run.
    """
    is_open = ~models.Q(state=ErasureState.DONE)
    waiting = AccountErasure.objects.filter(is_open).order_by("pk").values_list("pk", flat=True)
    done = 0
    for erasure_id in list(waiting[:_AT_A_TIME]):
        try:
            done += _carry_on(erasure_id, now)
        except Exception:
            logger.exception("An account could not be erased", extra={"erasure": erasure_id})
    return done


def _carry_on(erasure_id: int, now: datetime) -> bool:
    with unit_of_work():
        erasure = _open(erasure_id)
        if erasure is None:
            return False
        erasure.state = ErasureState.RUNNING
        erasure.save(update_fields=["state"])
        tenant_ids = _ending(erasure.user_id)
    # Each in units of work of its own: a device's lock comes before all others.
    parts = {
        name: erase(erasure.user_id, tenant_ids, now)
        for name, erase in registry.account_erasers().items()
    }
    is_empty = _forget_traces(erasure_id)
    if not is_empty or not all(part.is_done for part in parts.values()):
        return False
    with unit_of_work():
        erasure = _open(erasure_id)
        if erasure is None:
            return False
        _finish(erasure, tenant_ids, parts, now)
    return True


def _open(erasure_id: int) -> AccountErasure | None:
    """The erasure under its lock, which is the mutex of its steps; None when it is done."""
    found = lock_rows(AccountErasure.objects.filter(pk=erasure_id))
    return found[0] if found and found[0].state != ErasureState.DONE else None


def _ending(user_id: int) -> list[int]:
    # Those where others live on were left when the erasure was asked for; an invitation that was
    # being accepted in that moment may still have led to one.
    members = Membership.objects.unscoped("the tenants that end with an account")
    others = members.exclude(user_id=user_id).values("tenant_id")
    alone = members.filter(user_id=user_id).exclude(tenant_id__in=others)
    return list(alone.values_list("tenant_id", flat=True).order_by("pk"))


def _forget_traces(erasure_id: int) -> bool:
    """Take a few steps, each one batch of one kind of rows; returns whether nothing is left."""
    for _ in range(_STEPS_AT_A_TIME):
        with unit_of_work():
            erasure = _open(erasure_id)
            if erasure is None or not _step(erasure):
                return True
    return False


def _step(erasure: AccountErasure) -> bool:
    user = User.objects.get(pk=erasure.user_id)
    for name, forget in _TRACES.items():
        count = forget(user)
        if count:
            stored = erasure.report or {}
            counts = stored.setdefault(PRIVATE, {}).setdefault("counts", {})
            counts[name] = counts.get(name, 0) + count
            erasure.report = stored
            erasure.save(update_fields=["report"])
            return True
    return False


def _empty_sessions(user: User) -> int:
    told = LoginSession.objects.filter(user=user).exclude(user_agent="", address="")
    return _batch(told).update(user_agent="", address="")


def _delete_refresh_tokens(user: User) -> int:
    return _batch(RefreshToken.objects.filter(session__user=user)).delete()[0]


def _delete_tickets(user: User) -> int:
    return _batch(SocketTicket.objects.filter(session__user=user)).delete()[0]


def _delete_invitations(user: User) -> int:
    sent = Invitation.objects.unscoped("whoever invited the address").filter(email=user.email)
    return _batch(sent).delete()[0]


def _unsign_invitations(user: User) -> int:
    # They begin with the uid of who sent them; the name follows.
    nameless = f"{user.uid} "
    sent = Invitation.objects.unscoped("wherever the user invited").filter(
        created_by__startswith=nameless
    )
    return _batch(sent.exclude(created_by=nameless)).update(created_by=nameless)


def _delete_preferences(user: User) -> int:
    return Preferences.objects.filter(user=user).delete()[0]


_TRACES: Final[dict[str, Callable[[User], int]]] = {
    "sessions_emptied": _empty_sessions,
    "refresh_tokens_deleted": _delete_refresh_tokens,
    "socket_tickets_deleted": _delete_tickets,
    "invitations_deleted": _delete_invitations,
    "invitations_unsigned": _unsign_invitations,
    "preferences_deleted": _delete_preferences,
}


def _batch(rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
    keys = list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH])
    return rows.filter(pk__in=keys)


def _finish(
    erasure: AccountErasure,
    tenant_ids: list[int],
    parts: dict[str, registry.ErasedPart],
    now: datetime,
) -> None:
    user = lock_rows(User.objects.filter(pk=erasure.user_id))[0]
    home = tenancy.home_of(user.pk)
    private = (erasure.report or {}).get(PRIVATE, {})
    account = {"names_and_addresses": 2, **private.pop("counts", {})}
    _anonymise(user, now)
    ended = Tenant.objects.filter(pk__in=tenant_ids)
    account["tenants_renamed"] = ended.update(name=_ERASED_NAME)
    mine = Membership.objects.unscoped("an account that is erased").filter(user=user)
    account["memberships_removed"] = mine.delete()[0]
    erased = {"account": account} | {name: dict(part.counts) for name, part in parts.items()}
    kept = {"account": _KEPT} | {name: dict(part.kept) for name, part in parts.items()}
    erasure.state, erasure.finished_at = ErasureState.DONE, now
    erasure.report = {PRIVATE: private, "erased": erased, "kept": kept}
    erasure.save(update_fields=["state", "finished_at", "report"])
    recording.record(
        tenant_id=home,
        action="accounts.user.erased",
        actor=_ACTOR,
        target_type="user",
        target_id=user.uid,
        before=None,
        after={"erasure": erasure.uid, "erased": erased},
        now=now,
    )


def _anonymise(user: User, now: datetime) -> None:
    user.email, user.display_name = f"erased-{user.uid}@invalid".lower(), ""
    user.set_unusable_password()
    user.platform_role, user.is_active = PlatformRole.USER, False
    user.token_version += 1
    user.erased_at = now
    user.save()
