"""The first administrator of an installation."""

from __future__ import annotations

from datetime import datetime

from accounts.choices import PlatformRole
from accounts.models import User
from accounts.services import registration
from kernel import errors, tokens


def ensure_first_admin(*, email: str, password: str | None, now: datetime) -> str | None:
    """Add an administrator where there is none; an existing one is never touched.

    Returns the generated password, which is told this once; None when nothing was done or the
    password was given. Raises ValidationFailed for an unusable address or password.
    """
    if _has_admin():
        return None
    generated = None if password else tokens.new_token(15)
    try:
        registration.register_user(
            email=email,
            password=password or generated or "",
            display_name="Administrator",
            platform_role=PlatformRole.ADMIN,
            now=now,
        )
    except errors.ValidationFailed:
        # Another process that started at the same moment was first.
        if _has_admin():
            return None
        raise
    return generated


def _has_admin() -> bool:
    return User.objects.filter(platform_role=PlatformRole.ADMIN).exists()
