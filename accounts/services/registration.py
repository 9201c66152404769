"""New users."""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from accounts import selectors
from accounts.choices import PlatformRole, SessionKind
from accounts.models import User
from accounts.services import authentication, passwords, tenancy
from accounts.types import LoggedIn
from audit.services import recording
from kernel import errors, ratelimit, row_security
from kernel.unit_of_work import unit_of_work

# A registration costs a password hash and a few rows; nobody needs many from one place.
REGISTRATIONS_PER_MINUTE = 30
MAX_NAME_LENGTH = 80


def sign_up(
    *,
    email: str,
    password: str,
    display_name: str,
    address: str,
    user_agent: str,
    request_id: str = "",
    now: datetime,
) -> LoggedIn:
    """Register a user and open their first API session.

    Raises ValidationFailed with what is wrong by field, RateLimited for too many from one
    address.
    """
    ratelimit.hit(
        key=f"register:address:{address}", limit=REGISTRATIONS_PER_MINUTE, window_s=60, now=now
    )
    user = _prepared(email=email, password=password, display_name=display_name, now=now)
    with row_security.platform_scope("accounts.registration"), unit_of_work():
        _add(user, address=address, request_id=request_id, now=now)
        return authentication.open_for(
            user=user,
            kind=SessionKind.API,
            address=address,
            user_agent=user_agent,
            request_id=request_id,
            now=now,
        )


def register_user(
    *,
    email: str,
    password: str,
    display_name: str = "",
    platform_role: PlatformRole = PlatformRole.USER,
    address: str = "",
    request_id: str = "",
    now: datetime,
) -> User:
    """Add a user with a tenant of their own; raises ValidationFailed by field."""
    user = _prepared(
        email=email,
        password=password,
        display_name=display_name,
        platform_role=platform_role,
        now=now,
    )
    with row_security.platform_scope("accounts.registration"), unit_of_work():
        _add(user, address=address, request_id=request_id, now=now)
    return user


def require_name(display_name: str) -> str:
    """The name without surrounding space; raises ValidationFailed for an unusable one."""
    name = display_name.strip()
    if len(name) > MAX_NAME_LENGTH or not name.isprintable():
        problem = f"At most {MAX_NAME_LENGTH} printable characters."
        raise errors.ValidationFailed(details={"display_name": [problem]})
    return name


def _prepared(
    *,
    email: str,
    password: str,
    display_name: str,
    platform_role: PlatformRole = PlatformRole.USER,
    now: datetime,
) -> User:
    address = _require_email(email)
    user = User(
        email=address,
        display_name=require_name(display_name),
        platform_role=platform_role,
        date_joined=now,
    )
    passwords.require_acceptable(password, user=user)
    if User.objects.filter(email=address).exists():
        raise _taken()
    # Hashing takes its time on purpose: done here, before any transaction holds a lock.
    user.set_password(password)
    return user


def _add(user: User, *, address: str, request_id: str, now: datetime) -> None:
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError:
        raise _taken() from None
    tenant = tenancy.create_personal_tenant(user=user, now=now)
    recording.record(
        tenant_id=tenant.pk,
        action="accounts.user.registered",
        actor=selectors.actor_for_user(
            user_id=user.pk, request_id=request_id, address=address or None
        ),
        target_type="user",
        target_id=user.uid,
        before=None,
        after={"platform_role": str(user.platform_role), "tenant": tenant.uid},
        now=now,
    )


def _require_email(email: str) -> str:
    address = email.strip().lower()
    try:
        validate_email(address)
    except ValidationError as error:
        raise errors.ValidationFailed(details={"email": list(error.messages)}) from None
    if len(address) > 254:
        raise errors.ValidationFailed(details={"email": ["At most 254 characters."]})
    return address


def _taken() -> errors.ValidationFailed:
    return errors.ValidationFailed(details={"email": ["There is an account with this address."]})
