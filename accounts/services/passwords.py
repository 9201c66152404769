"""Passwords: what is acceptable, checking one without telling why it failed, changing one."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from django.conf import settings
from django.contrib.auth import hashers, password_validation
from django.core.exceptions import ValidationError

from accounts import selectors
from accounts.choices import EndReason
from accounts.models import User
from accounts.services import sessions, tenancy
from audit.services import recording
from kernel import errors, ratelimit, tokens
from kernel.actors import Actor
from kernel.unit_of_work import unit_of_work

MAX_LENGTH = 1024
_WINDOW_SECONDS = 60


def require_acceptable(password: str, *, user: User, field: str = "password") -> None:
    """Refuse a short, common, numeric or e-mail-like password; `details` says which it is."""
    if len(password) > MAX_LENGTH:
        raise errors.ValidationFailed(details={field: [f"At most {MAX_LENGTH} characters."]})
    try:
        password_validation.validate_password(password, user=user)
    except ValidationError as error:
        raise errors.ValidationFailed(details={field: list(error.messages)}) from None


def matches(password: str, user: User | None) -> bool:
    """Whether the password is the user's; takes as long when there is no such user."""
    if user is None:
        hashers.check_password(password, _nobodys_hash(settings.PASSWORD_HASHERS[0]))
        return False
    return user.check_password(password)


def change_password(*, current: str, new: str, actor: Actor, now: datetime) -> User:
    """Replace the actor's password and end all their other sessions.

    Raises ValidationFailed for a wrong current or an unacceptable new one, RateLimited after
    too many tries.
    """
    if actor.user_id is None:
        raise errors.NotAuthenticated
    ratelimit.hit(
        key=f"password:{actor.user_id}",
        limit=settings.LOGIN_ATTEMPTS_PER_MINUTE,
        window_s=_WINDOW_SECONDS,
        now=now,
    )
    user = selectors.user_by_id(actor.user_id)
    if not matches(current, user):
        raise errors.ValidationFailed(details={"current_password": ["This is not your password."]})
    require_acceptable(new, user=user, field="new_password")
    user.set_password(new)
    with unit_of_work():
        user.save(update_fields=["password"])
        recording.record(
            tenant_id=tenancy.home_of(user.pk),
            action="accounts.user.password_changed",
            actor=actor,
            target_type="user",
            target_id=user.uid,
            before=None,
            after=None,
            now=now,
        )
        sessions.end_others(
            user_id=user.pk,
            keep_session_id=actor.session_id,
            reason=EndReason.PASSWORD_CHANGED,
            actor=actor,
            now=now,
        )
    return user


@lru_cache(maxsize=4)
def _nobodys_hash(hasher: str) -> str:
    return hashers.make_password(tokens.new_token())
