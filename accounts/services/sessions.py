"""Login sessions: opened once, ended once, and then good for nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from accounts import events, selectors
from accounts.choices import EndReason, SessionKind
from accounts.models import LoginSession, RefreshToken, User
from accounts.querysets import LoginSessionQuerySet
from accounts.services import tenancy
from audit.services import recording
from kernel import errors, tokens
from kernel.actors import Actor
from kernel.events import publish
from kernel.locking import lock_rows
from kernel.unit_of_work import unit_of_work

_USER_AGENT_LENGTH = 200
# A browser's session is used with every page; writing that down each time would cost more than
# the page.
_TOUCHED_EVERY = timedelta(minutes=10)


@unit_of_work()
def open_session(
    *, user: User, kind: SessionKind, address: str, user_agent: str, actor: Actor, now: datetime
) -> LoginSession:
    """Start a session of the user; the caller has made sure that it is them."""
    session = LoginSession.objects.create(
        uid=tokens.new_public_id(15),
        user=user,
        kind=kind,
        created_at=now,
        last_used_at=now,
        user_agent=user_agent[:_USER_AGENT_LENGTH],
        address=address[:45],
    )
    recording.record(
        tenant_id=tenancy.home_of(user.pk),
        action="accounts.session.opened",
        actor=actor,
        target_type="session",
        target_id=session.uid,
        before=None,
        after={"kind": session.kind},
        now=now,
    )
    return session


@unit_of_work()
def end_session(*, session_uid: str, actor: Actor, now: datetime) -> None:
    """End one of the actor's own sessions; raises NotFound for any other."""
    # PostgreSQL takes no NUL in a text, and an address may carry one.
    is_possible = session_uid.isalnum()
    wanted = selectors.sessions_of(actor).filter(uid=session_uid)
    found = lock_rows(wanted) if is_possible else []
    if not found:
        raise errors.NotFound
    is_own = found[0].pk == actor.session_id
    reason = EndReason.LOGOUT if is_own else EndReason.ENDED_BY_USER
    end_locked(found, reason=reason, actor=actor, now=now)


@unit_of_work()
def log_out(*, actor: Actor, now: datetime) -> None:
    """End the session that the actor came with; doing so twice is fine."""
    found = lock_rows(selectors.current_session(actor))
    end_locked(found, reason=EndReason.LOGOUT, actor=actor, now=now)


@unit_of_work()
def end_others(
    *,
    user_id: int,
    keep_session_id: int | None,
    reason: EndReason = EndReason.ENDED_BY_USER,
    actor: Actor,
    now: datetime,
) -> int:
    """End every session of the user but one; returns how many."""
    live = _not_ended().of(user_id)
    if keep_session_id is not None:
        live = live.exclude(pk=keep_session_id)
    found = lock_rows(live)
    end_locked(found, reason=reason, actor=actor, now=now)
    return len(found)


@unit_of_work()
def end_my_others(*, actor: Actor, now: datetime) -> int:
    """End every session of the actor but the one they came with; returns how many."""
    if actor.user_id is None:
        raise errors.NotAuthenticated
    return end_others(user_id=actor.user_id, keep_session_id=actor.session_id, actor=actor, now=now)


@unit_of_work()
def end_idle(*, idle_since: datetime, limit: int, now: datetime) -> int:
    """End sessions that nobody has used since that moment, at most `limit`; returns how many."""
    wanted = LoginSession.objects.idle_since(idle_since).order_by("pk").values_list("pk", flat=True)
    found = lock_rows(_not_ended().filter(pk__in=list(wanted[:limit])))
    actor = Actor.system("accounts.housekeeping")
    end_locked(found, reason=EndReason.EXPIRED, actor=actor, now=now)
    return len(found)


def end_locked(
    found: Sequence[LoginSession], *, reason: EndReason, actor: Actor, now: datetime
) -> None:
    """End sessions whose rows the caller has locked in this unit of work."""
    for session in found:
        session.ended_at, session.end_reason = now, reason
        session.save(update_fields=["ended_at", "end_reason"])
        RefreshToken.objects.filter(session=session, revoked_at__isnull=True).update(revoked_at=now)
        recording.record(
            tenant_id=tenancy.home_of(session.user_id),
            action="accounts.session.ended",
            actor=actor,
            target_type="session",
            target_id=session.uid,
            before=None,
            after={"reason": reason.value},
            now=now,
        )
        publish(
            events.SessionEnded(
                occurred_at=now,
                user_id=session.user_id,
                session_id=session.pk,
                session_uid=session.uid,
                reason=reason.value,
            )
        )


def touch(*, session: LoginSession, address: str, user_agent: str, now: datetime) -> None:
    """Note that a browser's session is in use, at most once every few minutes."""
    if now - session.last_used_at < _TOUCHED_EVERY:
        return
    LoginSession.objects.filter(pk=session.pk, ended_at__isnull=True).update(
        last_used_at=now, address=address[:45], user_agent=user_agent[:_USER_AGENT_LENGTH]
    )


def _not_ended() -> LoginSessionQuerySet:
    return LoginSession.objects.filter(ended_at__isnull=True)
